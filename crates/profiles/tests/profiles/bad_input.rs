//! Wrong input: what is said, and that nothing is left behind.

use crate::kit;
use vitrine_profiles::{BuildOptions, Mapping};

const HEADER: &str = "order_id,item_id,item_name,category,quantity,ordered_at,unit_price,customer_id,country\n";
const ROW: &str = "1,A,,,1,2024-01-01,1.00,anna,\n";

#[track_caller]
fn refused(csv: &[u8], mapping: &str, change: impl FnOnce(&mut BuildOptions), parts: &[&str]) {
    let error = kit::try_csv(csv, mapping, change).err().expect("an error").to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

#[test]
fn wrong_files_are_named_with_what_to_do() {
    let demo = "vitrine-demo";
    let whole = format!("{HEADER}{ROW}");
    refused(b"", demo, |_| {}, &["orders.csv", "is empty"]);
    refused(
        whole.replace("item_id", "sku").as_bytes(),
        demo,
        |_| {},
        &[
            "no column \"item_id\" (fields.item_id)",
            "the file has \"order_id\", \"sku\"",
            "[fields] of mapping vitrine-demo",
        ],
    );
    refused(whole.replace("country", "item_id").as_bytes(), demo, |_| {}, &["names \"item_id\" twice"]);
    refused(whole.replace("country", " ").as_bytes(), demo, |_| {}, &["column 9 of the header has no name"]);
    refused(
        format!("{whole}2,B\n").as_bytes(),
        demo,
        |_| {},
        &["orders.csv", "1 of 2 rows cannot be read", "line 3", "too_few_fields", "csv.delimiter"],
    );
    refused(b"caf\xe9,b\n1,2\n", demo, |_| {}, &["orders.csv"]);
    refused(&[HEADER.as_bytes(), b"1,A,caf\xe9,,1,2024-01-01,1.00,anna,\n"].concat(), demo, |_| {}, &["orders.csv"]);
    refused(whole.as_bytes(), demo, |o| o.orders = vec!["missing.csv".into()], &["missing.csv", "no such file"]);
    let empty_folder = |o: &mut BuildOptions| {
        let folder = o.out.with_file_name("none");
        std::fs::create_dir(&folder).unwrap();
        o.orders = vec![folder];
    };
    refused(whole.as_bytes(), demo, empty_folder, &["none", "means no file"]);
    let rename = |o: &mut BuildOptions, name: &str| {
        let to = o.orders[0].with_file_name(name);
        std::fs::rename(&o.orders[0], &to).unwrap();
        o.orders = vec![to];
    };
    refused(whole.as_bytes(), demo, |o| rename(o, "orders.xlsx"), &["orders.xlsx", "ending that is unknown", ".csv"]);
    refused(whole.as_bytes(), demo, |o| rename(o, "orders.parquet"), &["orders.parquet", "is no whole Parquet file"]);
}

#[test]
fn nothing_left_says_why() {
    let csv =
        format!("{HEADER}1,A,,,1,01/02/2024,1.00,anna,\n2,A,,,1,01/02/2024,1.00,anna,\n3,A,,,x,2024-01-01,1,b,\n");
    refused(
        csv.as_bytes(),
        "vitrine-demo",
        |_| {},
        &["none of the 3 rows is left", "2 bad_date, 1 bad_quantity", "check the mapping"],
    );
    refused(HEADER.as_bytes(), "vitrine-demo", |_| {}, &["none of the 0 rows", "the files have no rows"]);
}

#[test]
fn wrong_options_are_named() {
    let csv = format!("{HEADER}{ROW}");
    type Change = fn(&mut BuildOptions);
    let cases: [(Change, &[&str]); 9] = [
        (|o| o.out = o.out.join("[1]"), &["option out", "choose another path"]),
        (|o| o.orders.clear(), &["option orders", "at least one"]),
        (|o| o.neighbours.per_item = 0, &["option neighbours.per_item", "1 to 255"]),
        (|o| o.neighbours.buyers_min = 0, &["option neighbours.buyers_min"]),
        (|o| o.neighbours.items_max = 20_001, &["option neighbours.items_max", "20000"]),
        (|o| o.neighbours.lambdas = vec![0.0], &["option neighbours.lambdas", "above 0"]),
        (|o| o.memory_bytes = 1, &["option memory_bytes", "64 MiB"]),
        (|o| o.as_of = "1970-01-01".parse().ok(), &["option as_of", "dates.earliest"]),
        (|o| o.shard_bits = Some(99), &["shard_bits", "99"]),
    ];
    for (change, parts) in cases {
        refused(csv.as_bytes(), "vitrine-demo", change, parts);
    }
}

#[test]
fn an_existing_directory_stays_unless_asked() {
    let csv = format!("{HEADER}{ROW}");
    let occupy = |o: &mut BuildOptions| {
        std::fs::create_dir(&o.out).unwrap();
        std::fs::write(o.out.join("manifest.json"), "{}").unwrap();
    };
    refused(csv.as_bytes(), "vitrine-demo", occupy, &["already exists", "replace"]);
    let shop = kit::try_csv(csv.as_bytes(), "vitrine-demo", |o| {
        occupy(o);
        o.replace = true;
    })
    .unwrap();
    assert_eq!(shop.built.report.customers, 1);
    let left: Vec<_> = std::fs::read_dir(shop.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "orders.csv and table, but there are {left:?}");
}

const MAPPING: &str = r#"version = 1
name = "shop"
currency = "EUR"
minor_digits = 2
[fields]
order_id = "order_id"
item_id = "item_id"
quantity = "quantity"
ordered_at = "ordered_at"
unit_price = "unit_price"
customer_id = "customer_id"
"#;

#[test]
fn wrong_mappings_are_refused_with_line_and_key() {
    // Every key has its cases beside the mappings, in `vitrine-intake`.
    let cases: [(&str, &str, &[&str]); 6] = [
        ("version = 1", "version = 3", &["shop.toml", "version: is 3", "versions 1 and 2"]),
        ("version = 1", "version = 1\nversoin = 1", &["line 2", "versoin", "did you mean \"version\""]),
        ("EUR", "euro", &["line 3", "currency", "\"EUR\""]),
        ("customer_id = \"customer_id\"\n", "", &["customer_id", "is missing"]),
        ("item_id = \"item_id\"", "item_id = \"\"", &["line 7", "item_id", "is empty"]),
        ("[fields]", "[fields", &["shop.toml", "line 5"]),
    ];
    for (from, to, parts) in cases {
        let text = MAPPING.replacen(from, to, 1);
        let error = Mapping::parse("shop.toml", &text).expect_err(to).to_string();
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
    }
    assert_eq!(Mapping::parse("shop.toml", MAPPING).unwrap().name, "shop");
    let error = Mapping::from_file("no/such.toml".as_ref()).unwrap_err().to_string();
    assert!(error.contains("cannot read mapping no/such.toml"), "{error}");
    let error = Mapping::builtin("shopfy").unwrap_err().to_string();
    assert!(error.contains("online-retail, vitrine-demo"), "{error}");
}

#[test]
fn wrong_expressions_are_refused_with_the_columns() {
    let csv = format!("{HEADER}{ROW}");
    let with = |category: &str| format!("{MAPPING}category = {{ sql = '{category}' }}\n");
    let columns = "may use the columns \"order_id\", \"item_id\"";
    refused(csv.as_bytes(), &with("upper(colour)"), |_| {}, &["fields.category", "colour", columns]);
    refused(csv.as_bytes(), &with("upper("), |_| {}, &["fields.category", columns]);
    refused(csv.as_bytes(), &with("make_array(1)"), |_| {}, &["fields.category: is of type", "text, numbers"]);
    let number = MAPPING.replace("ordered_at = \"ordered_at\"", "ordered_at = { sql = '1 + 1' }");
    refused(csv.as_bytes(), &number, |_| {}, &["fields.ordered_at", "to_timestamp_seconds"]);
}
