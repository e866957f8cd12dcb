//! A shop's own features and labels, from its files to the table.

use crate::kit::{self, KEY, number};
use datafusion::parquet::record::Field;
use std::fs;
use std::path::Path;
use vitrine_profiles::{
    BuildError, BuildOptions, LabelState, Registry, Said, TableKey, declared_labels, diff, explain, schema,
};

const SHOP: &str = include_str!("../data/shop.csv");

const VOWELS: &str = "-- vowels: how many letters of a customer's name are an a or an e.
--# [labels.vowels]
--# means = \"letters a and e in the name\"
--# type = \"unsigned\"
--# bits = 3
--# owner = \"names\"
--# [labels.initial]
--# means = \"first letter\"
--# type = \"category\"
--# values_max = 2
SELECT
    customer_id,
    octet_length(customer_id) - octet_length(replace(replace(customer_id, 'a', ''), 'e', '')) AS vowels,
    substr(customer_id, 1, 1) AS initial
FROM customers
";

/// Builds the small shop with files of its own.
fn shop(
    sql: &[(&str, &str)],
    labels: Option<&str>,
    change: impl FnOnce(&mut BuildOptions),
) -> Result<kit::Shop, BuildError> {
    let own = tempfile::tempdir().unwrap();
    let result = kit::try_csv(SHOP.as_bytes(), "vitrine-demo", |options| {
        for (name, text) in sql {
            fs::write(own.path().join(name), text).unwrap();
            options.features_dir = Some(own.path().to_owned());
        }
        if let Some(text) = labels {
            fs::write(own.path().join("labels.toml"), text).unwrap();
            options.labels_file = Some(own.path().join("labels.toml"));
        }
        change(options);
    });
    drop(own);
    result
}

fn said(shop: &kit::Shop, visitor: &str) -> Vec<Said> {
    explain(&shop.out(), &TableKey::from_hex(KEY).unwrap(), visitor).unwrap().unwrap()
}

fn value(said: &[Said], name: &str) -> Option<String> {
    said.iter().find(|said| said.name == name).unwrap_or_else(|| panic!("no label {name}")).value.clone()
}

#[test]
fn a_file_dropped_in_is_a_label_in_the_table() {
    let segments = "[labels.vowels]\nmeans = \"vowels, more or less\"\n\
        [segments.regular]\nwhen = \"frequency >= 2 and country = 'DE'\"\nowner = \"crm\"\n\
        [labels.spend_per_day]\nmeans = \"money a day\"\ntype = \"linear\"\nbits = 10\nmax = 1023.0\n\
        sql = \"CAST(monetary_minor AS DOUBLE) / greatest(1, tenure_days)\"\n";
    let shop = shop(&[("vowels.sql", VOWELS)], Some(segments), |_| ()).unwrap();
    let anna = said(&shop, "anna");
    assert_eq!(value(&anna, "vowels").as_deref(), Some("2"));
    assert_eq!(value(&anna, "initial").as_deref(), Some("a"));
    assert_eq!(value(&anna, "regular").as_deref(), Some("yes"));
    assert_eq!(value(&anna, "spend_per_day").as_deref(), Some("24"));
    assert_eq!(value(&said(&shop, "cleo"), "regular").as_deref(), Some("no"));
    assert_eq!(value(&said(&shop, "cleo"), "initial").as_deref(), Some("OTHER"));
    assert_eq!(value(&said(&shop, "cleo"), "gap_days"), None);
    assert_eq!(number(&shop.features("bert")["vowels"]), 1.0);

    let labels = Registry::from_file(&shop.out().join("labels.json")).unwrap();
    assert_eq!(labels, shop.built.labels);
    let vowels = labels.get("vowels").unwrap();
    assert_eq!((vowels.means.as_str(), vowels.owner.as_deref()), ("vowels, more or less", Some("names")));
    assert_eq!(vowels.state, LabelState::InTable);
    assert_eq!(vowels.tables, ["purchases"]);
    assert_eq!(
        vowels.steps,
        ["repeated_lines", "goods", "item_words", "items", "orders", "tastes", "customers", "vowels"]
    );
    let absent = labels.get("views_7d").unwrap();
    assert_eq!(absent.state, LabelState::Absent { why: "table events has no rows".into() });
    let brands = labels.get("top_brands").unwrap();
    assert_eq!(brands.state, LabelState::Absent { why: "no customer has a value".into() });

    let columns = schema(&shop.out()).unwrap();
    let column = |name: &str| columns.iter().find(|column| column.attribute == format!("profile.{name}")).unwrap();
    assert_eq!(column("initial").values, ["OTHER", "a", "b"]);
    assert_eq!(column("vowels").range, Some(("0".into(), "7".into())));
    assert!(column("gap_days").nullable && !columns.iter().any(|column| column.attribute == "profile.views_7d"));
    assert!(explain(&shop.out(), &TableKey::from_hex(KEY).unwrap(), "nobody").unwrap().is_none());
    let other = TableKey::from_hex(&KEY.replace('0', "1")).unwrap();
    assert!(explain(&shop.out(), &other, "anna").unwrap_err().to_string().contains("not that of the table"));
}

#[test]
fn two_builds_are_compared() {
    let plain = shop(&[], None, |_| ()).unwrap();
    let own = shop(
        &[("vowels.sql", VOWELS)],
        Some("[labels.hour]\nin_table = false\n[labels.weekday]\nbits = 4\nmeans = \"day\"\n"),
        |options| {
            options.as_of = Some("2024-01-20T18:30:00Z".parse().unwrap());
        },
    )
    .unwrap();
    let found = diff(&plain.out(), &own.out()).unwrap();
    assert_eq!(
        (found.added.as_slice(), found.removed.as_slice()),
        (&["initial".to_owned(), "vowels".to_owned()][..], &["hour".to_owned()][..])
    );
    assert_eq!(
        (found.retyped.contains(&"weekday".to_owned()), found.redefined.as_slice()),
        (true, &["weekday".to_owned()][..])
    );
    assert_eq!((found.rows.before, found.rows.after), (3, 1));
    // Two of three customers have no gap; of the one that is left nobody has none.
    let gap = found.moved.iter().find(|moved| moved.name == "gap_days").unwrap();
    assert_eq!(gap.missing, (0.6667, 0.0));
    assert!(found.moved.iter().all(|moved| (0.0..=1.0).contains(&moved.moved)));
    let same = diff(&plain.out(), &plain.out()).unwrap();
    assert!(same.moved.iter().all(|moved| moved.moved == 0.0) && same.added.is_empty() && same.retyped.is_empty());
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let refused = |sql: &[(&str, &str)], labels: Option<&str>, parts: &[&str]| {
        let error = shop(sql, labels, |_| ()).err().expect("an error").to_string();
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
    };
    let own = |text: &'static str| [("own.sql", text)];
    let head = "--# [labels.own]\n--# means = \"x\"\n--# type = \"unsigned\"\n--# bits = 3\n";
    let with = |query: &str| format!("{head}{query}");
    for (query, part) in [
        ("SELECT 1 AS own", "own.sql:1: gives no text column customer_id; it gives own"),
        ("SELECT customer_id FROM customers", "own.sql:1: label own needs a column own"),
        ("SELECT customer_id, 'a' AS own FROM customers", "needs whole numbers, but column own is Utf8"),
        ("SELECT customer_id, 1 AS own FROM purchases", "gives 5 rows for 3 customers"),
        ("SELECT customer_id, 1 AS own FROM shoppers", "own.sql:1: "),
        ("SELECT customer_id, FROM", "own.sql:1: "),
    ] {
        let text = with(query);
        refused(&[("own.sql", &text)], None, &[part]);
    }
    refused(
        &[("orders.sql", &with("SELECT customer_id, 1 AS own FROM customers"))],
        None,
        &["there is a table orders already"],
    );
    refused(
        &[("own.sql", &with("SELECT customer_id, 1 AS own FROM customers").replace("labels.own", "labels.segment"))],
        None,
        &["own.sql:1: label segment is declared in rfm already"],
    );
    refused(
        &[
            ("own.sql", &with("SELECT customer_id, 1 AS own FROM other")),
            ("other.sql", &with("SELECT customer_id, 1 AS own FROM own")),
        ],
        None,
        &["in a circle: other, own"],
    );
    refused(&own("SELECT 1"), None, &["declares no label"]);
    refused(
        &[],
        Some("[labels.segmnt]\nin_table = false\n"),
        &["labels.toml:1: labels.segmnt: there is no such label"],
    );
    refused(
        &[],
        Some("\n[segments.big]\nmeans = \"x\"\nwhen = \"moneta > 5\"\n"),
        &["labels.toml:4: segments.big.when: ", "moneta"],
    );
    refused(
        &[],
        Some("[segments.big]\nwhen = \"frequency\"\n"),
        &["labels.toml:2: segments.big.when: is", "needs true or false"],
    );
    refused(&[], Some("[segments.big]\nmeans = \"x\"\n"), &["segments.big.when: is missing"]);
    refused(
        &[],
        Some("[segments.segment]\nwhen = \"true\"\n"),
        &["labels.toml:1: segments.segment: rfm makes a label of this name already"],
    );
    refused(&[], Some("[labels.hour]\nbits = 99\n"), &["labels.toml:2: labels.hour.bits: is 99"]);
    refused(&[], Some("[labels.hour]\nbit = 9\n"), &["labels.toml:2: unknown field `bit`"]);
    refused(&[], Some("[labels.country]\nvalues = [\"DE\"]\n"), &["label country: \"FR\" is not among its values"]);
    refused(
        &[],
        Some("[labels.tops]\nmeans = \"x\"\ntype = \"top_k\"\nk = 2\nsql = \"top_categories\"\n"),
        &["labels.toml:3: labels.tops.type: a list with weights needs two columns"],
    );
    let head = "--# [labels.customer_id]\n--# means = \"x\"\n--# type = \"text\"\n";
    refused(&[("own.sql", &format!("{head}SELECT customer_id FROM customers"))], None, &["can be no label"]);
    let missing = kit::try_csv(SHOP.as_bytes(), "vitrine-demo", |o| o.labels_file = Some("no/labels.toml".into()));
    assert!(missing.err().unwrap().to_string().contains("no/labels.toml: No such file"));
    assert!(declared_labels(Some(Path::new("no/features")), None).unwrap_err().to_string().contains("no/features"));
}

#[test]
fn three_hundred_labels_fit_one_row() {
    let mut head = String::new();
    let mut query = "SELECT customer_id".to_owned();
    for n in 0..300 {
        head += &format!("--# [labels.l{n}]\n--# means = \"number {n}\"\n--# type = \"unsigned\"\n--# bits = 9\n");
        query += &format!(", ({n} + octet_length(customer_id)) % 512 AS l{n}");
    }
    let shop = shop(&[("many.sql", &format!("{head}{query} FROM customers\n"))], None, |_| ()).unwrap();
    assert!(shop.built.manifest.schema.columns().len() > 319);
    let anna = said(&shop, "anna");
    for n in [0, 1, 150, 299] {
        assert_eq!(value(&anna, &format!("l{n}")), Some((n + 4).to_string()));
    }
    assert_eq!(shop.features("anna")["l299"], Field::Long(303));
    assert!(shop.built.clamped.is_empty(), "{:?}", shop.built.clamped);
}
