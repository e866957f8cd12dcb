//! Mappings and shop files, good and bad.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use vitrine_intake::{
    Cancellations, ColumnType, Delimiter, FieldSource, Kind, Mapping, Missing, OutlierAction, OutlierRule, Sensitivity,
    Shop, Validator,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    text: Option<String>,
    v1: Option<String>,
    v2: Option<String>,
    customers: Option<String>,
    feeds: Option<String>,
    errors: Vec<String>,
}

const HEAD: &str = "name = \"s\"\ncurrency = \"EUR\"\nminor_digits = 2\n";

fn cases(name: &str) -> Vec<Case> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let cases: Cases = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.case.len() >= 10);
    cases.case
}

fn text_of(case: &Case) -> String {
    let behind = |version: u32, rest: &str| format!("version = {version}\n{HEAD}{rest}\n");
    match case {
        Case { text: Some(text), .. } => text.clone(),
        Case { v1: Some(rest), .. } => behind(1, rest),
        Case { v2: Some(rest), .. } => behind(2, rest),
        Case { feeds: Some(rest), .. } => behind(1, rest),
        Case { customers: Some(rest), .. } => behind(2, &format!("[customers.fields]\ncustomer_id = \"c\"\n{rest}")),
        _ => panic!("a case without text"),
    }
}

#[track_caller]
fn check(text: &str, error: &str, wanted: &[String]) {
    for part in wanted {
        assert!(error.contains(part), "of\n{text}\n is     {error}\n wanted {part}");
    }
}

#[test]
fn bad_mappings_are_told_all_at_once() {
    for case in cases("mappings_bad.toml") {
        let text = text_of(&case);
        check(&text, &Mapping::parse("test.toml", &text).expect_err(&text).to_string(), &case.errors);
    }
}

#[test]
fn bad_shop_files_are_told_all_at_once() {
    let dir = TempDir::new().unwrap();
    let mapping = |text: &str| {
        text.replace("EUR", "JPY").replace("minor_digits = 2", "minor_digits = 0").replace("\"s\"", "\"yen\"")
    };
    let fields =
        "[orders.fields]\norder_id = \"a\"\nitem_id = \"b\"\nordered_at = \"c\"\ncustomer_id = \"d\"\namount = \"e\"\n";
    std::fs::write(dir.path().join("yen.toml"), mapping(&format!("version = 2\n{HEAD}{fields}"))).unwrap();
    std::fs::write(dir.path().join("bad.toml"), "version = 9\n").unwrap();
    for case in cases("shops_bad.toml") {
        let text = text_of(&case);
        check(&text, &Shop::parse("test.toml", &text, dir.path()).expect_err(&text).to_string(), &case.errors);
    }
}

#[test]
fn documents_that_are_not_there_are_named() {
    let error = Mapping::from_file(Path::new("/none/m.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read mapping /none/m.toml: "), "{error}");
    let error = Shop::from_file(Path::new("/none/s.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read shop file /none/s.toml: "), "{error}");
}

#[test]
fn a_full_mapping_is_read() {
    let text = format!(
        r#"version = 2
{HEAD}
[orders]
rows = '''"state" = 'paid' '''
[orders.fields]
order_id = "no"
item_id = {{ sql = '''"sku" || "size"''' }}
ordered_at = "at"
amount = "sum"
customer_id = "who"
country = "land"
[orders.columns.amount]
missing = {{ constant = 0 }}
outliers = {{ by = "mad", k = 5, action = "cap" }}
scale = "log"
[orders.columns.country]
missing = "unknown"
valid = {{ values = ["DE", "AT"] }}
[orders.codes.country]
Deutschland = "DE"
[orders.duplicates]
key = ["order_id", "item_id"]
[customers.fields]
customer_id = "who"
[customers.attributes.age]
from = "alter"
type = "int"
missing = "median"
outliers = {{ by = "range", min = 14, action = "drop" }}
[customers.attributes.faith]
from = "religion"
sensitivity = "sensitive"
purpose = "statistics"
inferred = true
[dates]
formats = ["chinese", "epoch_ms"]
[cancellations]
order_id_prefix = "R"
[csv]
delimiter = "\t"
"#
    );
    let mapping = Mapping::parse("m", &text).unwrap();
    let orders = mapping.kind(Kind::Orders).unwrap();
    assert_eq!(mapping.kind_names(), "orders, customers");
    assert_eq!(orders.field("order_id"), Some(&FieldSource::Column("no".into())));
    assert_eq!(orders.quoted_columns(), ["size", "sku", "state"]);
    let amount = orders.policy("amount");
    assert_eq!(amount.missing, Some(Missing::Constant("0".into())));
    let outliers = amount.outliers.unwrap();
    assert_eq!((outliers.rule, outliers.action), (OutlierRule::Mad { k: 5.0 }, OutlierAction::Cap));
    assert_eq!(orders.policy("country").valid, Some(Validator::Values(vec!["DE".into(), "AT".into()])));
    assert_eq!(orders.codes["country"]["Deutschland"], "DE");
    assert_eq!(orders.duplicates.key, ["order_id", "item_id"]);
    let attributes = &mapping.kind(Kind::Customers).unwrap().attributes;
    assert_eq!((attributes[0].name.as_str(), attributes[0].kind), ("age", ColumnType::Int));
    assert_eq!((attributes[1].sensitivity, attributes[1].is_inferred), (Sensitivity::Sensitive, true));
    assert_eq!(mapping.cancellations, Cancellations::OrderIdPrefix("R".into()));
    assert_eq!(mapping.csv.delimiter, Some(Delimiter::Byte(b'\t')));
}

#[test]
fn a_full_shop_file_is_read() {
    let text = format!(
        r#"version = 1
{HEAD}
features = "features/"
tombstones = "erased.txt"
[[feed]]
id = "till"
kind = "orders"
files = ["tills/*.csv.gz", "s3://bucket/tills/"]
mapping = "shopify"
provider = "Till GmbH"
purpose = "recommendations"
legal_basis = "contract"
licence = "own data"
expires = "2027-01-01"
[[feed]]
id = "web"
kind = "events"
files = ["/var/events"]
mapping = "vitrine-events"
authorised = false
"#
    );
    let shop = Shop::parse("shop.toml", &text, Path::new("/shop")).unwrap();
    assert_eq!(shop.features, Some(PathBuf::from("/shop/features/")));
    let [till, web] = &shop.feeds[..] else { panic!() };
    assert_eq!(till.files, ["/shop/tills/*.csv.gz", "s3://bucket/tills/"]);
    assert_eq!(till.mapping.currency, "EUR", "a layout that is built in counts in the shop's money");
    assert_eq!(web.files, ["/var/events"]);
    let new_year = 1_798_761_600;
    assert!(till.is_active(new_year - 1) && !till.is_active(new_year) && !web.is_active(0));
}
