//! The canonical fields of each kind of file, and what each holds. `sql/clean/*.sql` reads them by these names.

use vitrine_intake::{FieldSpec, FieldType, Kind};

/// What a field holds, and so which columns it has in a `read_…` table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Text: one column, trimmed, null where there is none.
    Text,
    /// A number: `<field>_text` as written and `<field>`, DECIMAL of this precision and scale.
    Number(u8, u8),
    /// An amount in the currency: `<field>_text` and `<field>_minor`, DECIMAL(19, 6) minor units.
    Money,
    /// A time: `<field>_text` and `<field>`, a timestamp.
    Time,
    /// True or false: `<field>_text` and `<field>`.
    Flag,
}

/// A canonical field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// The name, as in mappings.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) holds: Holds,
    /// Whether its text may name a person, so that it never stands in the quarantine.
    pub(crate) is_id: bool,
}

/// The fields of a kind, in the order of its columns.
pub(crate) fn of(kind: Kind) -> Vec<Field> {
    let holds = |field: &FieldSpec| match field.kind {
        FieldType::Text | FieldType::Code => Holds::Text,
        FieldType::Quantity => Holds::Number(12, 3),
        FieldType::Int => Holds::Number(18, 3),
        FieldType::Real => Holds::Number(15, 6),
        FieldType::Money => Holds::Money,
        FieldType::Time | FieldType::Day => Holds::Time,
        FieldType::Bool => Holds::Flag,
    };
    let is_id = |name: &str| matches!(name, "customer_id" | "alias" | "session_id");
    let field = |field: &FieldSpec| Field { name: field.name, holds: holds(field), is_id: is_id(field.name) };
    kind.fields().iter().map(field).collect()
}

/// What orders the rows of a kind in time, and what parts them into series, for filling gaps.
pub(crate) fn series(kind: Kind) -> Option<(&'static str, &'static [&'static str])> {
    match kind {
        Kind::Orders => Some(("ordered_at", &["item_id"])),
        Kind::Events => Some(("at", &["customer_id"])),
        Kind::Customers => Some(("declared_at", &["customer_id"])),
        Kind::Surveys => Some(("at", &["customer_id", "question"])),
        Kind::Contacts => Some(("at", &["customer_id"])),
        Kind::Costs => Some(("day", &["channel", "campaign"])),
        Kind::Catalogue | Kind::Identities => None,
    }
}

impl Field {
    /// The column with its value.
    pub(crate) fn column(&self) -> String {
        match self.holds {
            Holds::Money => format!("{}_minor", self.name),
            _ => self.name.to_owned(),
        }
    }

    /// The column with its text as written.
    pub(crate) fn text_column(&self) -> String {
        match self.holds {
            Holds::Text => self.name.to_owned(),
            _ => format!("{}_text", self.name),
        }
    }

    /// The SQL type of its value.
    pub(crate) fn sql_type(&self) -> String {
        match self.holds {
            Holds::Text => "VARCHAR".into(),
            Holds::Number(precision, scale) => format!("DECIMAL({precision}, {scale})"),
            Holds::Money => "DECIMAL(19, 6)".into(),
            Holds::Time => "TIMESTAMP".into(),
            Holds::Flag => "BOOLEAN".into(),
        }
    }

    /// Whether statistics of numbers can be made of it.
    pub(crate) fn is_numeric(&self) -> bool {
        matches!(self.holds, Holds::Number(..) | Holds::Money)
    }

    /// Its columns with their types, the text first.
    pub(crate) fn columns(&self) -> Vec<(String, String)> {
        match self.holds {
            Holds::Text => vec![(self.column(), self.sql_type())],
            _ => vec![(self.text_column(), "VARCHAR".into()), (self.column(), self.sql_type())],
        }
    }
}
