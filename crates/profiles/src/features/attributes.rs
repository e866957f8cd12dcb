//! What customers declared, one label an attribute: a feature file that is written from the data.

use crate::BuildError;
use crate::engine::Engine;
use crate::labels::{Changes, FeatureFile, Label, LabelError, LabelType, Names, Registry, Sensitivity};
use std::path::PathBuf;

/// Attributes that a shop may have.
const ATTRIBUTES_MAX: usize = 500;
/// Values of an attribute that keep their names.
const VALUES_MAX: u32 = 62;
const TABLE: &str = "declared";

/// The feature file for the attributes in the data; `None` if there are none.
///
/// Of several values of one customer, a declared one is taken before one that was inferred, and then the latest. What
/// comes from a feed that is not active is left out.
pub(super) fn feature_file(
    engine: &Engine,
    registry: &Registry,
    changes: &Changes,
) -> Result<Option<FeatureFile>, BuildError> {
    let names = engine.values("attributes", "name")?;
    let path = PathBuf::from("attributes");
    if names.is_empty() {
        return Ok(None);
    }
    if names.len() > ATTRIBUTES_MAX {
        let what =
            format!("there are {} attributes, but at most {ATTRIBUTES_MAX} can be labels; map fewer", names.len());
        return Err(LabelError::Line { file: path, line: 1, what }.into());
    }
    let mut labels: Vec<Label> = Vec::new();
    let mut columns = String::new();
    for (name, _) in &names {
        let column =
            column_name(name, |taken| registry.get(taken).is_some() || labels.iter().any(|label| label.name == taken));
        let mut label = label(&column, name);
        changes.apply(&mut label)?;
        let value = format!("max(CASE WHEN name = '{}' THEN value END)", name.replace('\'', "''"));
        let value = match &label.kind {
            LabelType::Bool => format!("TRY_CAST({value} AS BOOLEAN)"),
            LabelType::Unsigned { .. } => format!("TRY_CAST({value} AS BIGINT)"),
            LabelType::Linear { .. } | LabelType::Log { .. } => format!("TRY_CAST({value} AS DOUBLE)"),
            LabelType::Time => format!("TRY_CAST({value} AS TIMESTAMP)"),
            LabelType::Labels { .. } => format!("string_to_array({value}, ';')"),
            LabelType::Category(_) | LabelType::Text => value,
            LabelType::TopK { .. } | LabelType::Vector { .. } => {
                let what =
                    format!("label {column}: an attribute of a customer cannot be of type {}", label.type_name());
                return Err(LabelError::Line { file: path, line: 1, what }.into());
            }
        };
        columns += &format!(",\n    {value} AS {column}");
        labels.push(label);
    }
    let sql = format!(
        "-- declared: what customers declared, or what is known of them from other files, one column an attribute.\n\
         WITH ranked AS (\n\
             SELECT a.customer_id, a.name, a.value,\n\
                 row_number() OVER (PARTITION BY a.customer_id, a.name ORDER BY coalesce(a.is_inferred, false),\n\
                                    a.declared_s DESC NULLS LAST, a.value) AS place\n\
             FROM attributes AS a\n\
             LEFT JOIN feeds AS f ON f.feed = a.feed\n\
             WHERE coalesce(f.is_active, true) AND a.customer_id IS NOT NULL\n\
         )\n\
         SELECT customer_id{columns}\nFROM ranked\nWHERE place = 1\nGROUP BY customer_id"
    );
    let requires = Some(vec!["attributes".to_owned()]);
    Ok(Some(FeatureFile { name: TABLE.to_owned(), path, is_own: false, sql, labels, requires }))
}

fn label(column: &str, name: &str) -> Label {
    Label {
        name: column.to_owned(),
        means: format!("the attribute {name:?} of the customer, as declared"),
        kind: LabelType::Category(Names { dictionary: column.to_owned(), values_max: VALUES_MAX, ..Names::default() }),
        nullable: true,
        sensitivity: Sensitivity::Personal,
        source: Some("customer files".into()),
        ..Label::plain(column, TABLE)
    }
}

/// The column for an attribute: its name in small letters, with `declared_` before a name that is taken.
fn column_name(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut column: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).take(50).collect();
    if !column.starts_with(|first: char| first.is_ascii_lowercase()) {
        column = format!("a_{column}");
    }
    if is_taken(&column) {
        column = format!("declared_{column}");
    }
    let mut numbered = column.clone();
    let mut n = 2;
    while is_taken(&numbered) {
        numbered = format!("{column}_{n}");
        n += 1;
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::column_name;

    #[test]
    fn attributes_get_column_names() {
        let taken = |name: &str| ["country", "age"].contains(&name);
        for (name, column) in [
            ("Region", "region"),
            ("age", "declared_age"),
            ("性别", "a___"),
            ("2nd home", "a_2nd_home"),
            ("country", "declared_country"),
        ] {
            assert_eq!(column_name(name, taken), column);
        }
        assert_eq!(column_name("x", |name| name == "x" || name == "declared_x"), "declared_x_2");
    }
}
