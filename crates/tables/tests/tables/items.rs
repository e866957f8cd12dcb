//! Item tables: what is read back, what cannot be written, and random ones.

use super::{document, naive, sample};
use proptest::prelude::*;
use std::collections::BTreeMap;
use vitrine_tables::*;

fn item(id: &str, category: Option<&str>, popularity: f32, neighbours: &[(&str, f32)]) -> ItemRecord {
    ItemRecord {
        id: id.into(),
        category: category.map(String::from),
        popularity,
        neighbours: neighbours.iter().map(|(id, weight)| (id.to_string(), *weight)).collect(),
    }
}

#[track_caller]
fn bad(records: &[ItemRecord], message: &str) {
    assert_eq!(encode_items(records).unwrap_err().to_string(), message);
}

#[test]
fn items_are_found_and_described() {
    let table = ItemTable::decode(encode_items(&sample::sample_items()).unwrap()).unwrap();
    assert_eq!(table.n_items(), 3);
    assert_eq!(
        ["22423", "85123A", "POST", "2", "Q", ""].map(|id| table.find(id)),
        [Some(0), Some(1), Some(2), None, None, None]
    );
    assert_eq!([0, 1, 2, 3].map(|item| table.id(item)), [Some("22423"), Some("85123A"), Some("POST"), None]);
    assert_eq!([0, 1, 2, 3].map(|item| table.category(item)), [Some("kitchen"), Some("lights"), None, None]);
    assert_eq!([0, 1, 2, 3].map(|item| table.popularity(item)), [0.25, 0.5, 1.0, 0.0]);
    assert_eq!(table.categories().collect::<Vec<_>>(), ["kitchen", "lights"]);
    assert_eq!(table.items_in("lights").collect::<Vec<_>>(), [1]);
    assert_eq!(table.items_in("garden").count() + table.items_in("").count(), 0);
    let neighbours: Vec<_> = table.neighbours(0).map(|(item, _)| item).collect();
    assert_eq!(neighbours, [1, 2]);
    assert_eq!(table.neighbours(2).count() + table.neighbours(3).count() + table.neighbours(u32::MAX).count(), 0);
}

#[test]
fn tables_at_the_ends_of_their_ranges() {
    let empty = ItemTable::decode(encode_items(&[]).unwrap()).unwrap();
    assert_eq!((empty.n_items(), empty.as_bytes().len(), empty.find("x")), (0, 40, None));

    let longest = "é".repeat(64);
    let records = [item(&longest, Some(&"c".repeat(256)), 0.0, &[]), item("a", None, 1.0, &[(&longest, 1e-30)])];
    let table = ItemTable::decode(encode_items(&records).unwrap()).unwrap();
    assert_eq!(table.find(&longest), Some(1));

    // 257 items, each of which knows the 256 others; weights that round to 0 are left out.
    let ids: Vec<String> = (0..257).map(|i| format!("{i:03}")).collect();
    let others = |id: &String, weight: f32| -> Vec<(String, f32)> {
        ids.iter().filter(|other| *other != id).map(|other| (other.clone(), weight)).collect()
    };
    let full: Vec<ItemRecord> =
        ids.iter().map(|id| ItemRecord { neighbours: others(id, 1.0), ..item(id, None, 0.0, &[]) }).collect();
    let table = ItemTable::decode(encode_items(&full).unwrap()).unwrap();
    assert!((0..257).all(|item| table.neighbours(item).count() == 256));
    let zero = [ItemRecord { neighbours: others(&ids[0], 0.0), ..item("000", None, 0.0, &[]) }];
    let zero: Vec<ItemRecord> = zero.into_iter().chain(full.into_iter().skip(1)).collect();
    let table = ItemTable::decode(encode_items(&zero).unwrap()).unwrap();
    assert_eq!(table.neighbours(0).count(), 0);
}

#[test]
fn records_that_do_not_make_a_table() {
    bad(&[item("a", None, 0.0, &[]), item("a", Some("c"), 0.5, &[])], "two items have the id \"a\"");
    bad(&[item("a", None, 0.0, &[("b", 1.0)])], "item \"a\": the neighbour \"b\" is not an item");
    for weight in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        bad(
            &[item("a", None, 0.0, &[("b", weight)]), item("b", None, 0.0, &[])],
            "item \"a\": the weight of a neighbour is not finite",
        );
    }
    for popularity in [-0.1, 1.1, f32::NAN, f32::INFINITY] {
        bad(&[item("a", None, popularity, &[])], "`popularity`: number 0 is out of range");
    }
    bad(&[item("", None, 0.0, &[])], "`ids`: text 0 is empty or too long");
    bad(&[item(&"x".repeat(129), None, 0.0, &[])], "`ids`: text 0 is empty or too long");
    bad(&[item("a", Some(""), 0.0, &[])], "`categories`: text 0 is empty or too long");
    bad(&[item("a", Some(&"x".repeat(257)), 0.0, &[])], "`categories`: text 0 is empty or too long");
    bad(&[item("a", None, 0.0, &[("a", 1.0)])], "the neighbours of item 0: an item is not its own neighbour");
    bad(
        &[item("a", None, 0.0, &[("b", 1.0), ("b", 0.5)]), item("b", None, 0.0, &[])],
        "the neighbours of item 0: one is there twice",
    );
    let many: Vec<ItemRecord> = (0..258).map(|i| item(&format!("{i:03}"), None, 0.0, &[])).collect();
    let all: Vec<(String, f32)> = many.iter().skip(1).map(|other| (other.id.clone(), 1.0)).collect();
    let first = ItemRecord { neighbours: all, ..many[0].clone() };
    let too_many: Vec<ItemRecord> = std::iter::once(first).chain(many.into_iter().skip(1)).collect();
    bad(&too_many, "the neighbours of item 0: more than 256");
    let categories: Vec<ItemRecord> =
        (0..65_536).map(|i| item(&format!("{i}"), Some(&format!("c{i}")), 0.0, &[])).collect();
    bad(&categories, "`n_categories` is 65536, but the limit is 65535");
}

/// Random records: ids with categories, popularity and neighbours among each other.
fn records() -> impl Strategy<Value = Vec<ItemRecord>> {
    let category = proptest::option::of("[a-cä]{1,2}");
    let neighbours = proptest::collection::btree_map(0..40_usize, -2.0..9.0_f32, 0..12);
    let item = (category, 0.0..=1.0_f32, neighbours);
    proptest::collection::btree_map("[a-zé]{1,5}", item, 0..40).prop_map(|items| {
        let ids: Vec<String> = items.keys().cloned().collect();
        let mut records = Vec::new();
        for (id, (category, popularity, neighbours)) in items {
            let named = neighbours.into_iter().filter_map(|(other, weight)| Some((ids.get(other)?.clone(), weight)));
            let neighbours = named.filter(|(other, _)| *other != id).collect();
            records.push(ItemRecord { id, category, popularity, neighbours });
        }
        records
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_come_back(records in records()) {
        let table = ItemTable::decode(encode_items(&records).unwrap()).unwrap();
        prop_assert_eq!(table.n_items() as usize, records.len());
        for record in &records {
            let item = table.find(&record.id).unwrap();
            prop_assert_eq!(table.id(item), Some(record.id.as_str()));
            prop_assert_eq!(table.category(item), record.category.as_deref());
            prop_assert_eq!(table.popularity(item), record.popularity);
            if let Some(category) = &record.category {
                prop_assert!(table.items_in(category).any(|member| member == item));
            }
            let largest = record.neighbours.iter().map(|(_, weight)| weight.abs()).fold(0.0, f32::max);
            let kept: BTreeMap<&str, f32> = table.neighbours(item).map(|(other, weight)| (table.id(other).unwrap(), weight)).collect();
            for (other, weight) in &record.neighbours {
                let found = kept.get(other.as_str()).copied().unwrap_or(0.0);
                prop_assert!((found - weight).abs() <= largest / 127.0 * 0.501);
            }
        }
        prop_assert_eq!(sample::items_text(&table), naive::items_text(table.as_bytes()));
    }

    #[test]
    fn any_order_of_records_gives_the_same_bytes((records, shuffled) in records().prop_flat_map(|records| (Just(records.clone()), Just(records).prop_shuffle()))) {
        prop_assert_eq!(encode_items(&records).unwrap(), encode_items(&shuffled).unwrap());
    }

    #[test]
    fn any_flipped_bit_or_truncation_is_noticed(records in records(), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let bytes = encode_items(&records).unwrap();
        let place = place.index(bytes.len());
        let mut flipped = bytes.clone();
        flipped[place] ^= 1_u8 << bit;
        prop_assert!(ItemTable::decode(flipped).is_err());
        prop_assert!(ItemTable::decode(bytes[..place].to_vec()).is_err());
    }

    /// Damage with a checksum that fits: whatever is let through can be used.
    #[test]
    fn mended_damage_is_refused_or_harmless(records in records(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode_items(&records).unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        document::mend(&mut bytes);
        if let Ok(table) = ItemTable::decode(bytes) {
            prop_assert!(!sample::items_text(&table).is_empty() || table.n_items() == 0);
        }
    }
}
