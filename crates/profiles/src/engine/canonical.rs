//! The tables that features may read: what columns they have, whatever the shop gave.

use super::{Engine, cells, text};
use crate::BuildError;
use datafusion::arrow::datatypes::DataType;
use std::collections::{BTreeMap, BTreeSet};

/// A source table with its columns and their SQL types.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Canonical {
    pub(crate) table: &'static str,
    pub(crate) columns: &'static [(&'static str, &'static str)],
}

const TEXT: &str = "VARCHAR";
const WHOLE: &str = "BIGINT";

/// Every source table. One that a shop did not give has no rows.
pub(crate) const CANONICAL: [Canonical; 10] = [
    Canonical {
        table: "purchases",
        columns: &[
            ("customer_id", TEXT),
            ("order_id", TEXT),
            ("item_id", TEXT),
            ("item_name", TEXT),
            ("category", TEXT),
            ("brand", TEXT),
            ("country", TEXT),
            ("channel", TEXT),
            ("is_goods", "BOOLEAN"),
            ("ordered_s", WHOLE),
            ("quantity", "DECIMAL(12, 3)"),
            ("amount_minor", WHOLE),
            ("list_minor", WHOLE),
            ("campaign", TEXT),
        ],
    },
    Canonical {
        table: "events",
        columns: &[
            ("customer_id", TEXT),
            ("kind", TEXT),
            ("at_s", WHOLE),
            ("session_id", TEXT),
            ("item_id", TEXT),
            ("category", TEXT),
            ("channel", TEXT),
            ("device", TEXT),
            ("source", TEXT),
            ("placement", TEXT),
            ("offer_id", TEXT),
            ("campaign", TEXT),
            ("value_minor", WHOLE),
            ("rating", "DOUBLE"),
            ("sentiment_milli", WHOLE),
            ("reason", TEXT),
            ("outcome", TEXT),
        ],
    },
    Canonical {
        table: "catalogue",
        columns: &[
            ("item_id", TEXT),
            ("item_name", TEXT),
            ("category", TEXT),
            ("brand", TEXT),
            ("price_minor", WHOLE),
            ("cost_minor", WHOLE),
            ("stock", WHOLE),
            ("attributes", TEXT),
        ],
    },
    Canonical {
        table: "attributes",
        columns: &[
            ("customer_id", TEXT),
            ("name", TEXT),
            ("value", TEXT),
            ("is_inferred", "BOOLEAN"),
            ("declared_s", WHOLE),
            ("feed", TEXT),
        ],
    },
    Canonical {
        table: "surveys",
        columns: &[
            ("customer_id", TEXT),
            ("question", TEXT),
            ("answer", TEXT),
            ("score", "DOUBLE"),
            ("score_max", "DOUBLE"),
            ("at_s", WHOLE),
        ],
    },
    Canonical {
        table: "contacts",
        columns: &[("customer_id", TEXT), ("at_s", WHOLE), ("reason", TEXT), ("outcome", TEXT), ("is_open", "BOOLEAN")],
    },
    Canonical { table: "identities", columns: &[("alias", TEXT), ("customer_id", TEXT)] },
    Canonical {
        table: "costs",
        columns: &[("channel", TEXT), ("campaign", TEXT), ("day", WHOLE), ("cost_minor", WHOLE)],
    },
    Canonical {
        table: "feeds",
        columns: &[
            ("feed", TEXT),
            ("kind", TEXT),
            ("provider", TEXT),
            ("purpose", TEXT),
            ("legal_basis", TEXT),
            ("expires_s", WHOLE),
            ("is_active", "BOOLEAN"),
        ],
    },
    Canonical { table: "tombstones", columns: &[("visitor", TEXT)] },
];

impl Engine {
    /// Makes the source tables complete: those that are missing have no rows, and missing columns are null.
    pub(crate) fn complete(&self) -> Result<(), BuildError> {
        for source in CANONICAL {
            self.complete_as(source.table, source.table)?;
        }
        Ok(())
    }

    /// Gives a table all the columns of a source table.
    pub(super) fn complete_as(&self, table: &str, source: &str) -> Result<(), BuildError> {
        let Some(canonical) = CANONICAL.iter().find(|canonical| canonical.table == source) else { return Ok(()) };
        let null = |(name, kind): &(&str, &str)| format!("CAST(NULL AS {kind}) AS {name}");
        if !self.has_table(table)? {
            let columns: Vec<String> = canonical.columns.iter().map(null).collect();
            return self.define(table, &format!("SELECT {} WHERE false", columns.join(", ")));
        }
        let given: BTreeSet<String> =
            self.columns_of(table, &format!("SELECT * FROM {table}"))?.into_iter().map(|(name, _)| name).collect();
        if canonical.columns.iter().all(|(name, _)| given.contains(*name)) {
            return Ok(());
        }
        let failed = |error| BuildError::Step { step: table.to_owned(), reason: text(error) };
        let as_given = format!("{table}_as_given");
        let Some(provider) = self.context.deregister_table(table).map_err(failed)? else { return Ok(()) };
        self.context.deregister_table(as_given.as_str()).map_err(failed)?;
        self.context.register_table(as_given.as_str(), provider).map_err(failed)?;
        if let Some(key) = self.stages.key_of(table) {
            self.stages.know(&as_given, &key, self.stages.rows_of(&[table.to_owned()]));
        }
        let added: Vec<String> =
            canonical.columns.iter().filter(|(name, _)| !given.contains(*name)).map(null).collect();
        self.define(table, &format!("SELECT *, {} FROM {as_given}", added.join(", ")))
    }

    /// The source tables that have rows.
    pub(crate) fn filled_sources(&self) -> Result<BTreeSet<String>, BuildError> {
        let mut filled = BTreeSet::new();
        for source in CANONICAL {
            if self.has_table(source.table)? && self.has_rows(source.table)? {
                filled.insert(source.table.to_owned());
            }
        }
        Ok(filled)
    }
}

impl Engine {
    /// Source tables all of whose feeds have expired, with the names of these feeds. A table without feeds is not among
    /// them.
    pub(crate) fn expired_kinds(&self, as_of_s: i64) -> Result<BTreeMap<String, String>, BuildError> {
        let mut kinds: BTreeMap<String, (bool, Vec<String>)> = BTreeMap::new();
        let sql = format!(
            "SELECT feed, kind, coalesce(is_active, true) AND coalesce(expires_s > {as_of_s}, true) AS is_active \
             FROM feeds WHERE feed IS NOT NULL AND kind IS NOT NULL ORDER BY feed"
        );
        self.each_batch("feeds", &sql, |batch| {
            let (feed, kind) = (cells::texts(batch, 0)?, cells::texts(batch, 1)?);
            let is_active = cells::flags(batch, 2)?;
            for row in 0..batch.num_rows() {
                let table = match kind.value(row) {
                    "orders" => "purchases",
                    "customers" => "attributes",
                    other => other,
                };
                let (any_active, feeds) = kinds.entry(table.to_owned()).or_default();
                *any_active |= is_active.value(row);
                feeds.push(feed.value(row).to_owned());
            }
            Ok(())
        })?;
        let expired = kinds.into_iter().filter(|(_, (any_active, _))| !any_active);
        Ok(expired.map(|(table, (_, feeds))| (table, feeds.join(", "))).collect())
    }
}

/// Whether values of an SQL type can be values of a kind of label; the kind in words otherwise.
pub(crate) fn fits(kind: &crate::LabelType, column: usize, found: &DataType) -> Result<(), &'static str> {
    use crate::LabelType;
    let is_text =
        |found: &DataType| found.is_string() || matches!(found, DataType::Dictionary(_, value) if value.is_string());
    let is_list_of = |is: &dyn Fn(&DataType) -> bool| match found {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => is(field.data_type()),
        _ => false,
    };
    let is_null = matches!(found, DataType::Null);
    let (fits, needed) = match (kind, column) {
        (LabelType::Bool, _) => (matches!(found, DataType::Boolean), "true or false"),
        (LabelType::Unsigned { .. }, _) => (found.is_integer() || found.is_decimal(), "whole numbers"),
        (LabelType::Linear { .. } | LabelType::Log { .. }, _) => (found.is_numeric(), "numbers"),
        (LabelType::Category(_) | LabelType::Text, _) => (is_text(found), "text"),
        (LabelType::Time, _) => (found.is_temporal(), "times"),
        (LabelType::Labels { .. }, _) | (LabelType::TopK { .. }, 0) => (is_list_of(&is_text), "lists of text"),
        (LabelType::TopK { .. } | LabelType::Vector { .. }, _) => {
            (is_list_of(&DataType::is_numeric), "lists of numbers")
        }
    };
    if fits || is_null { Ok(()) } else { Err(needed) }
}
