//! Each cleaning policy with a case: what it does to the rows, and that it says how many it touched.

use crate::kit;
use crate::sources::{mapping, rows_of, shop_of, table};
use vitrine_profiles::PolicyCount;

const FIELDS: [&str; 4] = ["channel", "campaign", "day", "cost"];

/// Costs of one channel, a day each, with a policy on `cost`; gives the shop and what the policy did.
#[track_caller]
fn costs(cells: &[&str], policy: &str) -> (kit::Shop, PolicyCount) {
    let mut csv = String::from("channel,campaign,day,cost\n");
    for (day, cell) in cells.iter().enumerate() {
        csv += &format!("web,c,2024-01-{:02},{cell}\n", day + 1);
    }
    let shop = shop_of("costs", &csv, &mapping("costs", &FIELDS, &format!("[costs.columns.cost]\n{policy}\n")));
    let counts = &shop.built.report.quality.policies;
    let count = counts.iter().find(|count| count.column == "cost").unwrap_or_else(|| panic!("{counts:?}")).clone();
    (shop, count)
}

/// The costs that are kept, by day.
fn kept(shop: &kit::Shop) -> Vec<String> {
    let mut rows: Vec<String> = table(shop, "checked_costs", &["source_row", "cost_minor", "reason"])
        .into_iter()
        .filter_map(|row| {
            let row = row.strip_suffix(" -")?.to_owned();
            let (place, cost) = row.split_once(' ')?;
            Some(format!("{place:0>2} {cost}"))
        })
        .collect();
    rows.sort();
    rows.into_iter().filter_map(|row| Some(row.split_once(' ')?.1.to_owned())).collect()
}

#[test]
fn missing_values_are_filled_or_dropped_and_counted() {
    type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str], Option<&'a str>);
    let cases: [Case<'_>; 5] = [
        ("missing = { constant = \"2.50\" }", &["1", "", "3"], &["100", "250", "300"], Some("2.50")),
        ("missing = \"median\"", &["1", "", "3", "9"], &["100", "300", "300", "900"], Some("3")),
        ("missing = \"mode\"", &["7", "", "3", "7"], &["700", "700", "300", "700"], Some("7")),
        ("missing = \"linear\"", &["1", "", "", "4", ""], &["100", "200", "300", "400", "400"], None),
        ("missing = \"drop\"", &["1", "", "3"], &["100", "300"], None),
    ];
    for (policy, cells, expected, filled_with) in cases {
        let (shop, count) = costs(cells, policy);
        assert_eq!(kept(&shop), expected, "{policy}");
        let n_missing = cells.iter().filter(|cell| cell.is_empty()).count() as u64;
        assert_eq!((count.rows, count.filled_with.as_deref()), (n_missing, filled_with), "{policy}");
    }
}

#[test]
fn text_that_cannot_be_read_is_never_filled_in() {
    let (shop, count) = costs(&["1", "much", "3"], "missing = \"median\"");
    assert_eq!(kept(&shop), ["100", "300"]);
    assert_eq!(count.rows, 0);
    assert_eq!(shop.set_aside(), ["costs 2 cost bad_cost"]);
}

#[test]
fn outliers_are_dropped_capped_or_flagged_and_counted() {
    let cells = ["10", "11", "12", "13", "14", "1000"];
    type Case<'a> = (&'a str, &'a [&'a str], u64);
    let all = ["1000", "1100", "1200", "1300", "1400", "100000"];
    let cases: [Case<'_>; 6] = [
        (
            "outliers = { by = \"range\", min = 11, max = 13, action = \"cap\" }",
            &["1100", "1100", "1200", "1300", "1300", "1300"],
            3,
        ),
        ("outliers = { by = \"range\", max = 13, action = \"drop\" }", &all[..4], 2),
        ("outliers = { by = \"iqr\", k = 1.5, action = \"drop\" }", &all[..5], 1),
        ("outliers = { by = \"mad\", k = 3.5, action = \"drop\" }", &all[..5], 1),
        ("outliers = { by = \"mad\", k = 3.5, action = \"flag\" }", &all, 1),
        // Quartiles 11.25 and 13.75: the upper bound is 17.5.
        (
            "outliers = { by = \"iqr\", k = 1.5, action = \"cap\" }",
            &["1000", "1100", "1200", "1300", "1400", "1750"],
            1,
        ),
    ];
    for (policy, expected, touched) in cases {
        let (shop, count) = costs(&cells, policy);
        assert_eq!(kept(&shop), expected, "{policy}");
        assert_eq!(count.rows, touched, "{policy}: {count:?}");
    }
}

#[test]
fn validators_set_rows_aside() {
    let check = |valid: &str, cells: &[(&str, bool)]| {
        let mut csv = String::from("item_id,item_name\n");
        for (cell, _) in cells {
            csv += &format!("I{},\"{cell}\"\n", csv.len());
        }
        let more = format!("[catalogue.columns.item_name]\nvalid = {valid}\n");
        let shop = shop_of("catalogue", &csv, &mapping("catalogue", &["item_id", "item_name"], &more));
        let bad: Vec<String> = cells
            .iter()
            .zip(1..)
            .filter(|((_, is_sound), _)| !is_sound)
            .map(|(_, row)| format!("catalogue {row} item_name invalid_value"))
            .collect();
        assert_eq!(shop.set_aside(), bad, "{valid}");
        let counts = &shop.built.report.quality.policies;
        let count = counts.iter().find(|count| count.policy == "valid").expect("the policy is counted");
        assert_eq!(count.rows, bad.len() as u64, "{counts:?}");
    };
    check(
        "\"phone\"",
        &[("+49 (30) 123-4567", true), ("13800138000", true), ("12345", false), ("call me", false), ("", true)],
    );
    check("\"email\"", &[("a.b@example.org", true), ("a@b", false), ("a b@example.org", false)]);
    check("\"date\"", &[("2024-02-29", true), ("2023-02-29", false)]);
    check("\"region\"", &[("DE", true), ("CN-31", true), ("310000", true), ("Germany", false), ("031000", false)]);
    check("{ pattern = \"[A-Z]{2}[0-9]+\" }", &[("AB12", true), ("AB12x", false), ("xAB12", false)]);
    check("{ values = [\"red\", \"it's\"] }", &[("red", true), ("it's", true), ("blue", false)]);
}

#[test]
fn types_are_declared_and_text_of_another_type_is_set_aside() {
    let csv = "item_id,item_name,stock\n7,1,5\n8,x,5\n9,2,1.5\n";
    let more = "[catalogue.columns.item_name]\ntype = \"int\"\n[catalogue.columns.stock]\ntype = \"int\"\n";
    let shop = shop_of("catalogue", csv, &mapping("catalogue", &["item_id", "item_name", "stock"], more));
    assert_eq!(shop.set_aside(), ["catalogue 2 item_name bad_type", "catalogue 3 stock bad_type"]);
}

#[test]
fn duplicates_are_counted_exactly_and_by_key() {
    let csv = "channel,campaign,day,cost\nweb,c,2024-01-01,1\nweb,c,2024-01-01,1\nweb,c,2024-01-01,2\n";
    let exact = shop_of("costs", csv, &mapping("costs", &FIELDS, ""));
    assert_eq!(exact.set_aside(), ["costs 2 - duplicate"]);
    let more = "[costs.duplicates]\nkey = [\"channel\", \"day\"]\n";
    let by_key = shop_of("costs", csv, &mapping("costs", &FIELDS, more));
    assert_eq!(by_key.set_aside(), ["costs 2 - duplicate_key", "costs 3 - duplicate_key"]);
    let none = shop_of("costs", csv, &mapping("costs", &FIELDS, "[costs.duplicates]\ndrop = false\n"));
    assert_eq!(rows_of(&none, "costs"), (3, 3, 0));
    let counts: Vec<u64> = [&exact, &by_key]
        .map(|shop| {
            shop.built
                .report
                .quality
                .policies
                .iter()
                .filter(|count| count.policy == "duplicates" && count.kind == "costs")
                .map(|count| count.rows)
                .sum()
        })
        .to_vec();
    assert_eq!(counts, [1, 2]);
}

#[test]
fn columns_are_merged_and_split_and_words_recoded() {
    let csv = "id,first,last,path\n7,Ann,Lee,fruit/red\n";
    let own = "version = 2\nname = \"own\"\ncurrency = \"EUR\"\nminor_digits = 2\n[catalogue.fields]\nitem_id = \"id\"\n\
        item_name = { sql = '''concat(\"first\", ' ', \"last\")''' }\n\
        category = { sql = '''split_part(\"path\", '/', 1)''' }\n\
        [catalogue.codes.category]\nfruit = \"Obst\"\n";
    let shop = shop_of("catalogue", csv, own);
    assert_eq!(table(&shop, "checked_catalogue", &["item_name", "category"]), ["Ann Lee Obst"]);
}

#[test]
fn parameters_of_scales_are_kept() {
    let scale = |name: &str| {
        let (shop, _) = costs(&["1", "2", "3", "6"], &format!("scale = \"{name}\"\nmissing = \"median\""));
        let scales = &shop.built.report.quality.scales;
        assert_eq!(scales.len(), 1, "{scales:?}");
        (scales[0].method.clone(), scales[0].zero, scales[0].width)
    };
    assert_eq!(scale("min_max"), ("min_max".to_owned(), 100.0, 500.0));
    let (method, mean, deviation) = scale("z_score");
    assert_eq!((method.as_str(), mean), ("z_score", 300.0));
    assert!((deviation - 35_000.0_f64.sqrt()).abs() < 1e-9, "{deviation}");
    assert_eq!(scale("log"), ("log".to_owned(), -1.0, 1.0));
}
