//! Whose rows are whose: aliases and members, un-merging, and visitors who were erased.

use crate::kit::{self, KEY, text};
use crate::sources::{ORDERS, ORDERS_FEED, mapping, table};
use vitrine_profiles::{BuildOptions, IdentityRule, TableKey};

const EVENTS: &str = "customer_id,kind,at\n\
    b-1,add_cart,2024-01-02\n\
    b-2,click,2024-01-02\n\
    b-3,view,2024-01-02\n";
const LINKS: &str = "alias,customer_id,at,is_unlinked\n\
    b-1,anna,2024-01-01,\n\
    b-2,bert,2024-01-01,\n\
    b-2,anna,2024-01-05,\n\
    b-3,bert,2024-01-01,\n\
    b-3,bert,2024-01-09,true\n";

fn shop(links: &str, change: impl FnOnce(&mut BuildOptions)) -> kit::Shop {
    let events = mapping("events", &["customer_id", "kind", "at"], "");
    let identities = mapping("identities", &["alias", "customer_id", "at", "is_unlinked"], "");
    let feed = |kind: &str| {
        format!("[[feed]]\nid = \"{kind}\"\nkind = \"{kind}\"\nfiles = [\"{kind}.csv\"]\nmapping = \"{kind}.toml\"\n")
    };
    let files = [
        ("orders.csv", ORDERS),
        ("events.csv", EVENTS),
        ("identities.csv", links),
        ("events.toml", &events),
        ("identities.toml", &identities),
    ];
    kit::try_shop(&files, &format!("{ORDERS_FEED}{}{}", feed("events"), feed("identities")), change)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn owners(shop: &kit::Shop) -> Vec<String> {
    table(shop, "event_days", &["kind", "customer_id"])
}

#[test]
fn events_of_an_alias_are_its_members() {
    let latest = shop(LINKS, |_| {});
    // The third browser was taken back from Bert, so it is somebody unknown again.
    assert_eq!(owners(&latest), ["add_cart anna", "click anna", "view b-3"]);
    let identity = latest.built.report.quality.identity;
    assert_eq!((identity.links, identity.unlinked, identity.conflicts), (2, 1, 1));
    assert!(latest.built.report.warnings.iter().any(|warning| warning.contains("several members")));
    let first = shop(LINKS, |options| options.identity_rule = IdentityRule::FirstMember);
    assert_eq!(owners(&first), ["add_cart anna", "click bert", "view b-3"]);
}

#[test]
fn members_can_be_merged_and_their_orders_count_together() {
    let merged = shop("alias,customer_id,at,is_unlinked\nbert,anna,2024-01-01,\n", |_| {});
    assert_eq!(kit::number(&merged.features("anna")["frequency"]), 3.0);
    assert!(merged.rows("features.parquet").iter().all(|row| text(&row["customer_id"]) != "bert"));
    let unmerged = shop("alias,customer_id,at,is_unlinked\nbert,anna,2024-01-01,\nbert,anna,2024-01-02,yes\n", |_| {});
    assert_eq!(kit::number(&unmerged.features("anna")["frequency"]), 2.0);
    assert_eq!(kit::number(&unmerged.features("bert")["frequency"]), 1.0);
}

#[test]
fn bad_links_are_set_aside() {
    let links = "alias,customer_id,at,is_unlinked\n,anna,2024-01-01,\nb-1,,2024-01-01,\nb-1,anna,when,\nb-1,anna,2024-01-01,maybe\n";
    let shop = shop(links, |_| {});
    assert_eq!(
        shop.set_aside(),
        [
            "identities 1 alias missing_alias",
            "identities 2 customer_id missing_customer",
            "identities 3 at bad_date",
            "identities 4 is_unlinked bad_value",
        ]
    );
    assert_eq!(owners(&shop), ["add_cart b-1", "click b-2", "view b-3"]);
}

/// Every file of the finished build, as bytes.
fn outputs(shop: &kit::Shop) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut dirs = vec![shop.out()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    files
}

#[test]
fn an_erased_visitor_is_in_no_output_under_none_of_the_ids() {
    let key = TableKey::from_hex(KEY).unwrap().hash("anna").0;
    for entry in ["anna".to_owned(), "b-1".to_owned(), format!("{key:016x}")] {
        let list = format!("# asked on Monday\n\n{entry}\n");
        let shop = shop(LINKS, |options| {
            let path = options.out.with_file_name("erased.txt");
            std::fs::write(&path, &list).unwrap();
            options.tombstones = Some(path);
        });
        let files = outputs(&shop);
        assert!(files.len() > 8, "{files:?}");
        for (name, bytes) in &files {
            for id in ["anna", "b-1", "b-2"] {
                let found = bytes.windows(id.len()).any(|window| window == id.as_bytes());
                assert!(!found, "{id} is in {name} though {entry} was erased");
            }
        }
        assert!(shop.rows("features.parquet").iter().any(|row| text(&row["customer_id"]) == "bert"));
        let erased = shop.rows("quarantine.parquet");
        let erased: Vec<_> = erased.iter().filter(|row| text(&row["reason"]) == "erased").collect();
        assert_eq!(erased.len(), 4, "{erased:?}");
        assert!(erased.iter().all(|row| row["text"] == datafusion::parquet::record::Field::Null));
    }
}

#[test]
fn a_list_of_erased_visitors_that_cannot_be_read_stops_the_build() {
    let error = kit::try_shop(&[("orders.csv", ORDERS)], ORDERS_FEED, |options| {
        options.tombstones = Some(options.out.with_file_name("no-list.txt"));
    });
    let error = error.err().expect("an error").to_string();
    assert!(error.contains("no-list.txt"), "{error}");
}
