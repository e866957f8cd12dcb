//! The tables of cleaning: which SQL makes them, and the small ones that SQL only looks up.

use super::fields;
use super::identity::{IdentityRule, Link, Resolved, resolve as resolve_links};
use super::layout::Layout;
use super::numbering::ROWS_PER_FILE;
use crate::BuildError;
use crate::engine::{Engine, text_literal};
use std::collections::BTreeSet;
use vitrine_intake::Kind;

pub(super) const IDENTITIES: &str = include_str!("../../sql/clean/identities.sql");
pub(super) const QUARANTINE: &str = include_str!("../../sql/clean/quarantine.sql");

/// The steps that judge rows, in order, with the kind of their files.
pub(super) const CHECKS: [(Kind, &str, &str); 10] = [
    (Kind::Orders, "checked", include_str!("../../sql/clean/checked.sql")),
    (Kind::Orders, "cancelled", include_str!("../../sql/clean/cancelled.sql")),
    (Kind::Orders, "netted", include_str!("../../sql/clean/netted.sql")),
    (Kind::Orders, "purchases", include_str!("../../sql/clean/purchases.sql")),
    (Kind::Catalogue, "checked_catalogue", include_str!("../../sql/clean/catalogue.sql")),
    (Kind::Customers, "checked_customers", include_str!("../../sql/clean/customers.sql")),
    (Kind::Customers, "checked_attributes", include_str!("../../sql/clean/attributes.sql")),
    (Kind::Surveys, "checked_surveys", include_str!("../../sql/clean/surveys.sql")),
    (Kind::Contacts, "checked_contacts", include_str!("../../sql/clean/contacts.sql")),
    (Kind::Costs, "checked_costs", include_str!("../../sql/clean/costs.sql")),
];

/// The canonical tables that are parts of judged ones.
pub(super) const CANONICAL: [(&str, &str); 5] = [
    (
        "catalogue",
        "SELECT item_id, item_name, category, brand, price_minor, cost_minor, stock, attributes FROM checked_catalogue \
         WHERE reason IS NULL",
    ),
    (
        "attributes",
        "SELECT customer_id, name, value, is_inferred, declared_s, feed FROM checked_attributes \
         WHERE reason IS NULL AND place = 1",
    ),
    (
        "surveys",
        "SELECT customer_id, question, answer, score, score_max, at_s FROM checked_surveys WHERE reason IS NULL",
    ),
    (
        "contacts",
        "SELECT customer_id, at_s, said_reason AS reason, outcome, is_open FROM checked_contacts WHERE reason IS NULL",
    ),
    ("costs", "SELECT channel, campaign, day, cost_minor FROM checked_costs WHERE reason IS NULL"),
];

/// Tables of which a column is a customer.
pub(super) const WITH_CUSTOMERS: [&str; 5] =
    ["read_orders", "read_events", "read_customers", "read_surveys", "read_contacts"];

/// Makes the tables of known codes.
pub(super) fn lookups(engine: &Engine) -> Result<(), BuildError> {
    let channels = ["web", "app", "email", "sms", "social", "store", "call", "partner", "device"];
    let kinds = [
        "visit",
        "view",
        "click",
        "search",
        "add_cart",
        "purchase",
        "refund",
        "review",
        "dismiss",
        "service_contact",
        "share",
        "interaction",
        "feedback",
        "impression",
    ];
    let devices = ["desktop", "mobile", "tablet", "other"];
    for (table, column, codes) in
        [("channels", "channel", &channels[..]), ("event_kinds", "kind", &kinds), ("devices", "device", &devices)]
    {
        let rows: Vec<String> = codes.iter().map(|code| format!("({})", text_literal(code))).collect();
        engine.define(table, &format!("SELECT column1 AS {column} FROM (VALUES {})", rows.join(", ")))?;
    }
    Ok(())
}

/// The columns of the table `read_…` of a kind, with their types.
pub(super) fn columns(kind: Kind) -> Vec<(String, String)> {
    let owned = |(name, kind): (&str, &str)| (name.to_owned(), kind.to_owned());
    let mut columns: Vec<(String, String)> =
        [("row_no", "BIGINT"), ("file_idx", "BIGINT"), ("source_row", "BIGINT"), ("earliest_s", "BIGINT")]
            .map(owned)
            .to_vec();
    columns.extend(fields::of(kind).iter().flat_map(fields::Field::columns));
    let more = [("line_key", "VARCHAR"), ("fault", "VARCHAR"), ("fault_field", "VARCHAR"), ("fault_text", "VARCHAR")];
    columns.extend(more.map(owned));
    match kind {
        Kind::Orders => columns.push(owned(("is_cancellation", "BOOLEAN"))),
        Kind::Catalogue => columns.push(owned(("attributes", "VARCHAR"))),
        _ => {}
    }
    columns
}

/// The rows of a feed with the columns of its kind.
pub(super) fn select(kind: Kind, layout: &Layout, table: &str) -> String {
    let columns: Vec<String> = columns(kind)
        .into_iter()
        .map(|(name, _)| if kind == Kind::Catalogue && name == "attributes" { item_attributes(layout) } else { name })
        .collect();
    format!("SELECT {} FROM {table}", columns.join(", "))
}

/// SQL for the attributes of an item: `key=value;key=value`.
fn item_attributes(layout: &Layout) -> String {
    let attributes = layout.section.attributes.iter().enumerate();
    let pairs: Vec<String> = attributes
        .map(|(idx, attribute)| {
            format!(
                "CASE WHEN a{idx} IS NOT NULL THEN concat({}, replace(a{idx}, ';', ',')) END",
                text_literal(&format!("{}=", attribute.name))
            )
        })
        .collect();
    match pairs.as_slice() {
        [] => "CAST(NULL AS VARCHAR) AS attributes".into(),
        pairs => format!("nullif(concat_ws(';', {}), '') AS attributes", pairs.join(", ")),
    }
}

/// The cells of the attributes of a feed, one query an attribute.
pub(super) fn cells(layout: &Layout, table: &str) -> Vec<String> {
    let attributes = layout.section.attributes.iter().enumerate();
    attributes
        .map(|(idx, attribute)| {
            format!(
                "SELECT row_no, file_idx, source_row, {} AS name, a{idx} AS value, \
                 CASE WHEN a{idx}_fault IS NOT NULL THEN a{idx}_text END AS text, {} AS is_inferred, a{idx}_fault AS fault FROM {table}",
                text_literal(&attribute.name),
                attribute.is_inferred
            )
        })
        .collect()
}

/// No cells at all.
pub(super) fn no_cells() -> String {
    "SELECT CAST(NULL AS BIGINT) AS row_no, CAST(NULL AS BIGINT) AS file_idx, CAST(NULL AS BIGINT) AS source_row, \
     CAST(NULL AS VARCHAR) AS name, CAST(NULL AS VARCHAR) AS value, CAST(NULL AS VARCHAR) AS text, \
     CAST(NULL AS BOOLEAN) AS is_inferred, CAST(NULL AS VARCHAR) AS fault WHERE false"
        .into()
}

/// The rows of a file that could not be read at all. Their text may name a person, so it stays where it is.
pub(super) fn unreadable(kind: Kind, file_no: u64) -> String {
    format!(
        "SELECT {file_no} * {ROWS_PER_FILE} + source_row AS row_no, CAST({file_no} AS BIGINT) AS file_idx, source_row, \
         {} AS kind, reason, field, CAST(NULL AS VARCHAR) AS text FROM rejected_file_{file_no}",
        text_literal(kind.name())
    )
}

/// Not a row that could not be read.
pub(super) fn no_unreadable() -> String {
    "SELECT CAST(NULL AS BIGINT) AS row_no, CAST(NULL AS BIGINT) AS file_idx, CAST(NULL AS BIGINT) AS source_row, \
     CAST(NULL AS VARCHAR) AS kind, CAST(NULL AS VARCHAR) AS reason, CAST(NULL AS VARCHAR) AS field, \
     CAST(NULL AS VARCHAR) AS text WHERE false"
        .into()
}

/// The columns of the tables `copies_…`.
pub(super) fn copies_columns() -> Vec<(String, String)> {
    vec![("row_no".into(), "BIGINT".into()), ("by_key".into(), "BOOLEAN".into())]
}

/// No copies at all.
pub(super) fn no_copies() -> String {
    "SELECT CAST(NULL AS BIGINT) AS row_no, CAST(NULL AS BOOLEAN) AS by_key WHERE false".into()
}

/// The rows of a feed that say the same as an earlier one, and by what; `None` if they may.
pub(super) fn copies(kind: Kind, layout: &Layout, table: &str) -> Option<(String, String)> {
    let duplicates = &layout.section.duplicates;
    // The catalogue's last row of an item holds, and links may be said twice: `sql/clean` sees to both.
    if !duplicates.drop || matches!(kind, Kind::Catalogue | Kind::Identities) {
        return None;
    }
    let fields = fields::of(kind);
    let key = duplicate_key(kind, layout);
    let is_key = !key.is_empty();
    let by: Vec<String> = if is_key {
        let of = |name: &&str| fields.iter().find(|field| field.name == *name);
        key.iter().filter_map(of).map(fields::Field::text_column).collect()
    } else {
        let attributes = (0..layout.section.attributes.len()).map(|idx| format!("a{idx}_text"));
        fields.iter().map(fields::Field::text_column).chain(attributes).collect()
    };
    let how = if is_key { key.join(", ") } else { "all fields".to_owned() };
    let mut group = by.clone();
    group.push("line_key".into());
    if is_key {
        // Rows without any of the key are no copies of each other. Few keys come twice: only these are looked up again.
        let has_key: Vec<String> = by.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        let same: Vec<String> = by.iter().map(|column| format!("t.{column} = f.{column}")).collect();
        let sql = format!(
            "SELECT t.row_no, true AS by_key FROM \
             (SELECT {group}, min(row_no) AS first_no FROM {table} WHERE {has_key} GROUP BY {group} HAVING count(*) > 1) AS f \
             JOIN {table} AS t ON {same} AND (t.line_key IS NOT DISTINCT FROM f.line_key) WHERE t.row_no <> f.first_no",
            group = group.join(", "),
            has_key = has_key.join(" AND "),
            same = same.join(" AND "),
        );
        return Some((sql, how));
    }
    // All fields of all rows would be much to group: of orders only those whose order and item come twice can be equal.
    let table = match kind {
        Kind::Orders => format!(
            "(SELECT o.* FROM \
             (SELECT order_id, item_id FROM {table} GROUP BY order_id, item_id HAVING count(*) > 1) AS twice \
             JOIN {table} AS o ON (o.order_id IS NOT DISTINCT FROM twice.order_id) AND (o.item_id IS NOT DISTINCT FROM twice.item_id))"
        ),
        _ => table.to_owned(),
    };
    let sql = format!(
        "SELECT t.row_no, false AS by_key FROM {table} AS t LEFT JOIN \
         (SELECT min(row_no) AS row_no FROM {table} GROUP BY {}) AS f ON f.row_no = t.row_no WHERE f.row_no IS NULL",
        group.join(", ")
    );
    Some((sql, how))
}

/// The fields by which rows are equal; empty: all. Events that have an id are known by it.
pub(super) fn duplicate_key(kind: Kind, layout: &Layout) -> Vec<&'static str> {
    let key = &layout.section.duplicates.key;
    if key.is_empty() && kind == Kind::Events && layout.section.field("event_id").is_some() {
        return vec!["event_id"];
    }
    key.clone()
}

/// Reads the links that are sound, and resolves them.
pub(super) fn resolve(engine: &Engine, rule: IdentityRule) -> Result<Resolved, BuildError> {
    let mut links = Vec::new();
    let sql = "SELECT alias, customer_id, at_s, row_no, is_unlink FROM checked_identities WHERE reason IS NULL";
    engine.each_row("identities", sql, |row| {
        if let [Some(alias), Some(member), at_s, Some(row_no), Some(is_unlink)] = row {
            links.push(Link {
                at_s: at_s.and_then(|at_s| at_s.parse().ok()),
                row_no: row_no.parse().unwrap_or(0),
                alias: (*alias).to_owned(),
                member: (*member).to_owned(),
                is_unlink: *is_unlink == "true",
            });
        }
        Ok(())
    })?;
    Ok(resolve_links(links, rule))
}

/// Makes the tables `identities` (without whoever was erased) and `tombstones`.
pub(super) fn identities(engine: &Engine, resolved: &Resolved, erased: &BTreeSet<String>) -> Result<(), BuildError> {
    let rows: Vec<Vec<Option<String>>> = resolved
        .canonical
        .iter()
        .filter(|(id, _)| !erased.contains(*id))
        .map(|(id, canonical)| vec![Some(id.clone()), Some(canonical.clone())])
        .collect();
    engine.put("identities", &["alias", "customer_id"], &rows)?;
    let rows: Vec<Vec<Option<String>>> = erased.iter().map(|id| vec![Some(id.clone())]).collect();
    engine.put("tombstones", &["visitor"], &rows)
}
