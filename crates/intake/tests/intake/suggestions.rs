//! Proposed mappings: they are mappings, and they name the right columns.

use tempfile::TempDir;
use vitrine_intake::{Kind, Mapping, ReadOptions, find_files, stage, suggest_file};

struct Case {
    file: &'static str,
    text: &'static str,
    kind: Kind,
    fields: &'static [(&'static str, &'static str)],
    parts: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        file: "orders.csv",
        text: "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n536365,85123A,HOLDER,6,12/1/2010 8:26,2.55,17850,UK\n536366,71053,LANTERN,6,12/31/2010 8:28,3.39,17850,UK\n",
        kind: Kind::Orders,
        fields: &[
            ("order_id", "InvoiceNo"),
            ("item_id", "StockCode"),
            ("quantity", "Quantity"),
            ("ordered_at", "InvoiceDate"),
            ("unit_price", "UnitPrice"),
            ("customer_id", "CustomerID"),
        ],
        parts: &["formats = [\"%m/%d/%Y %H:%M\"]", "confidence 0.9"],
    },
    Case {
        file: "bestellungen.csv",
        text: "Bestellnummer;Artikelnummer;Menge;Bestelldatum;Einzelpreis;Kundennummer;Lager\n1;A1;2;03.01.2025;19,99;K1;x\n2;A2;1;28.01.2025;5,00;K2;y\n",
        kind: Kind::Orders,
        fields: &[
            ("order_id", "Bestellnummer"),
            ("item_id", "Artikelnummer"),
            ("quantity", "Menge"),
            ("ordered_at", "Bestelldatum"),
            ("unit_price", "Einzelpreis"),
            ("customer_id", "Kundennummer"),
        ],
        parts: &["delimiter = \";\"", "decimal_comma = true", "formats = [\"%d.%m.%Y\"]", "#   \"Lager\""],
    },
    Case {
        file: "订单.csv",
        text: "订单号,商品编码,商品名称,数量,单价,下单时间,会员ID,手机号\n1,A1,茶,2,19.9,2025年3月8日 下午3:05,m1,13800000000\n",
        kind: Kind::Orders,
        fields: &[
            ("order_id", "订单号"),
            ("item_id", "商品编码"),
            ("item_name", "商品名称"),
            ("quantity", "数量"),
            ("unit_price", "单价"),
            ("ordered_at", "下单时间"),
            ("customer_id", "会员ID"),
        ],
        parts: &["formats = [\"chinese\"]", "currency = \"CNY\"", "#   \"手机号\""],
    },
    Case {
        file: "events.jsonl",
        text: "{\"user_id\":\"u\",\"event_name\":\"view\",\"timestamp\":1735689600000,\"item\":{\"sku\":\"A\"}}\n",
        kind: Kind::Events,
        fields: &[("customer_id", "user_id"), ("kind", "event_name"), ("at", "timestamp"), ("item_id", "item.sku")],
        parts: &["formats = [\"epoch_ms\"]"],
    },
    Case {
        file: "products.tsv",
        text: "sku\ttitle\tcategory\tprice\tcost\tstock\nA\tTea\tFood\t2.50\t1\t7\n",
        kind: Kind::Catalogue,
        fields: &[("item_id", "sku"), ("item_name", "title"), ("price", "price"), ("cost", "cost"), ("stock", "stock")],
        parts: &[],
    },
    Case {
        file: "customers.csv",
        text: "customer_id,sex,Date of birth,城市\nc1,f,1990-01-01,北京\n",
        kind: Kind::Customers,
        fields: &[("customer_id", "customer_id")],
        parts: &[
            "[customers.attributes.sex]",
            "[customers.attributes.date_of_birth]",
            "[customers.attributes.attribute_3]\nfrom = \"城市\"",
        ],
    },
    Case {
        file: "spend.csv",
        text: "channel,campaign,date,spend\nsocial,spring,2025-03-01,120.50\n",
        kind: Kind::Costs,
        fields: &[("channel", "channel"), ("campaign", "campaign"), ("day", "date"), ("cost", "spend")],
        parts: &["formats = [\"iso\"]"],
    },
];

#[test]
fn proposals_are_mappings_that_fit_their_files() {
    for case in CASES {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join(case.file);
        std::fs::write(&path, case.text).unwrap();
        let found = suggest_file(&path).unwrap();
        assert_eq!(found.kind, case.kind, "{}", found.text);
        let fields: Vec<(&str, &str)> =
            found.matches.iter().map(|found| (found.field, found.column.as_str())).collect();
        for field in case.fields {
            assert!(fields.contains(field), "{field:?} is not in\n{}", found.text);
        }
        for part in case.parts {
            assert!(found.text.contains(part), "{part} is not in\n{}", found.text);
        }
        let mapping = Mapping::parse("proposal", &found.text).unwrap_or_else(|error| panic!("{error}\n{}", found.text));
        let files = find_files(path.to_str().unwrap()).unwrap().files;
        let options = ReadOptions::of(&mapping, case.kind).unwrap();
        let table =
            stage(&files[0], &dir.path().join("work"), &options, &|_| {}).unwrap_or_else(|error| panic!("{error}"));
        assert!(table.rows > 0);
    }
}

#[test]
fn what_is_not_found_is_said() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a.csv");
    std::fs::write(&path, "order_id,sku,quantity,unit_price\n1,2,1,2.50\n").unwrap();
    let found = suggest_file(&path).unwrap();
    assert!(found.text.contains("confidence 0: no column looks like this"), "{}", found.text);
    assert!(Mapping::parse("proposal", &found.text).is_ok(), "{}", found.text);
    std::fs::write(&path, "").unwrap();
    assert!(suggest_file(&path).unwrap_err().to_string().contains("has no header"));
}

#[test]
fn a_file_in_gb18030_is_understood() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a.csv");
    let (bytes, _, _) = encoding_rs::GB18030
        .encode("订单编号,商品编号,购买数量,付款时间,实付金额,买家会员名\n1,A,1,2025/3/8 15:05,9.90,张三\n");
    std::fs::write(&path, bytes).unwrap();
    let found = suggest_file(&path).unwrap();
    assert_eq!((found.kind, found.unmatched.len()), (Kind::Orders, 0), "{}", found.text);
    assert!(found.text.contains("encoding = \"gb18030\"") && found.text.contains("%Y/%m/%d %H:%M"), "{}", found.text);
}
