//! Makes the tables that the end-to-end tests publish, from rules that a reader can follow without running anything.
//!
//! `cargo run -p vitrine-tables --example e2e_table -- WHICH DIR` with WHICH one of
//! - `today`: 2,000 visitors in 8 shards (committed as `tests/data/today`);
//! - `tomorrow`: the next build of the same shop, with 300 visitors, in which every taste has moved on (committed as `tests/data/tomorrow`);
//! - `many`: 600 visitors in 512 shards, more than one call of the Worker verifies (made by the test that needs it).
//!
//! Visitor `i` of n, `v0001` to `v<n>`, likes the category `CATEGORIES[(i + shift) % 3]`, `shift` being 0 today and 1
//! tomorrow. Every other column follows from `i` in [`Row::of`]. The table key is `000102030405060708090a0b0c0d0e0f`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use vitrine_tables::{
    CellValue, ColumnSpec, ColumnType, ItemRecord, ItemTable, RowValues, Scale, Schema, TableKey, TableWriter,
    WriteOptions, encode_items,
};

const TABLE_KEY: &str = "000102030405060708090a0b0c0d0e0f";
const CATEGORIES: [&str; 3] = ["tea", "garden", "toys"];
const ITEMS_PER_CATEGORY: usize = 8;
const SEGMENTS: [&str; 4] = ["champions", "loyal", "at_risk", "lost"];
const COUNTRIES: [Option<&str>; 4] = [Some("GB"), Some("DE"), Some("FR"), None];
const INTERESTS: [&str; 3] = ["gifts", "newsletter", "sale"];

/// One build of the shop.
struct Shop {
    n_visitors: usize,
    shard_bits: u8,
    shift: usize,
    as_of: &'static str,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [which, dir] = arguments.as_slice() else { return Err("usage: e2e_table today|tomorrow|many DIR".into()) };
    let shop = match which.as_str() {
        "today" => Shop { n_visitors: 2_000, shard_bits: 3, shift: 0, as_of: "2026-06-01T00:00:00Z" },
        "tomorrow" => Shop { n_visitors: 300, shard_bits: 3, shift: 1, as_of: "2026-06-02T00:00:00Z" },
        "many" => Shop { n_visitors: 600, shard_bits: 9, shift: 0, as_of: "2026-06-03T00:00:00Z" },
        other => return Err(format!("there is no shop {other:?}").into()),
    };
    let build = write(&shop, Path::new(dir))?;
    println!("{which}: build {build} in {dir}");
    Ok(())
}

fn write(shop: &Shop, dir: &Path) -> Result<String, Box<dyn Error>> {
    let schema = schema()?;
    let items = encode_items(&item_records())?;
    let table = ItemTable::decode(items.clone())?;
    let options = WriteOptions { as_of: shop.as_of.into(), replace: true, shard_bits: Some(shop.shard_bits) };
    let mut writer = TableWriter::create(dir, schema.clone(), TableKey::from_hex(TABLE_KEY)?, options)?;
    writer.set_items(items)?;
    for i in 1..=shop.n_visitors {
        let row = Row::of(i, shop.shift, &table);
        writer.push(&format!("v{i:04}"), &row.values(&schema))?;
    }
    Ok(writer.finish(|_, _| {})?.build)
}

fn schema() -> Result<Schema, Box<dyn Error>> {
    let column = |name: &str, kind| ColumnSpec { name: name.into(), kind, nullable: false };
    let nullable = |name: &str, kind| ColumnSpec { nullable: true, ..column(name, kind) };
    let category = |bits, dictionary: &str| ColumnType::Category { bits, dictionary: dictionary.into() };
    let list = |k, id_bits, dictionary: &str| ColumnType::TopK {
        k,
        id_bits,
        weight_bits: 8,
        weight_max: 1.0,
        dictionary: dictionary.into(),
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let countries: Vec<&str> = COUNTRIES.iter().copied().flatten().collect();
    Ok(Schema::new(
        vec![
            column("recency_days", ColumnType::Unsigned { bits: 12 }),
            column("frequency", ColumnType::Unsigned { bits: 10 }),
            column("monetary_minor", ColumnType::Scaled { bits: 16, scale: Scale::Log, zero: 100.0, step: 0.0003 }),
            nullable("gap_days", ColumnType::Scaled { bits: 12, scale: Scale::Linear, zero: 0.0, step: 0.25 }),
            nullable("country", category(4, "countries")),
            column("segment", category(3, "segments")),
            column("interests", ColumnType::Labels { names: names(&INTERESTS) }),
            column("top_categories", list(2, 4, "categories")),
            column("last_items", list(4, 6, "items")),
            column("weekday", ColumnType::Unsigned { bits: 3 }),
            column("is_repeat", ColumnType::Bool),
            column("taste", ColumnType::Vector { dims: 3, scale: 1.0 / 127.0 }),
        ],
        BTreeMap::from([
            ("countries".to_owned(), names(&countries)),
            ("segments".to_owned(), names(&SEGMENTS)),
            ("categories".to_owned(), names(&CATEGORIES)),
        ]),
    )?)
}

/// `tea-1` to `tea-8` and so on. The neighbours of an item are the others of its category, nearer numbers first, and its
/// namesakes of the other categories, which one rather does not buy together.
fn item_records() -> Vec<ItemRecord> {
    let mut records = Vec::new();
    for category in CATEGORIES {
        for n in 1..=ITEMS_PER_CATEGORY {
            let siblings = (1..=ITEMS_PER_CATEGORY).filter(|other| *other != n);
            let mut neighbours: Vec<(String, f32)> =
                siblings.map(|other| (format!("{category}-{other}"), 0.8 / n.abs_diff(other) as f32)).collect();
            neighbours.extend(CATEGORIES.iter().filter(|it| **it != category).map(|it| (format!("{it}-{n}"), -0.1)));
            records.push(ItemRecord {
                id: format!("{category}-{n}"),
                category: Some(category.to_owned()),
                popularity: 0.5 / n as f32 + if category == "garden" { 0.05 } else { 0.0 },
                neighbours,
            });
        }
    }
    records
}

/// What is true of one visitor.
struct Row {
    i: usize,
    taste_idx: usize,
    interests: Vec<&'static str>,
    top_categories: Vec<(u32, f32)>,
    last_items: Vec<(u32, f32)>,
    taste: [f32; 3],
}

impl Row {
    fn of(i: usize, shift: usize, items: &ItemTable) -> Self {
        let taste_idx = (i + shift) % CATEGORIES.len();
        let category_at = |idx: usize| CATEGORIES.get(idx % CATEGORIES.len()).copied().unwrap_or_default();
        let bought = [
            (format!("{}-{}", category_at(taste_idx), 1 + i % ITEMS_PER_CATEGORY), 1.0),
            (format!("{}-{}", category_at(taste_idx), 1 + (i + 3) % ITEMS_PER_CATEGORY), 0.5),
            (format!("{}-{}", category_at(taste_idx + 1), 1 + i % ITEMS_PER_CATEGORY), 0.125),
        ];
        let mut taste = [0.0; 3];
        if let Some(own) = taste.get_mut(taste_idx) {
            *own = 1.0;
        }
        Self {
            i,
            taste_idx,
            interests: INTERESTS.iter().enumerate().filter(|(bit, _)| i >> bit & 1 == 1).map(|(_, it)| *it).collect(),
            top_categories: vec![(taste_idx as u32, 1.0), ((taste_idx as u32 + 1) % 3, 0.25)],
            last_items: bought.iter().filter_map(|(id, weight)| Some((items.find(id)?, *weight))).collect(),
            taste,
        }
    }

    fn values(&self, schema: &Schema) -> RowValues<'_> {
        let Self { i, taste_idx, .. } = *self;
        let segment = SEGMENTS.get(i / 3 % SEGMENTS.len()).copied().unwrap_or_default();
        let country = COUNTRIES.get(i / 5 % COUNTRIES.len()).copied().flatten();
        let is_repeat = i % 4 != 0;
        let cells = [
            ("recency_days", CellValue::Unsigned((i % 365) as u64)),
            ("frequency", CellValue::Unsigned(if is_repeat { 2 + i as u64 % 40 } else { 1 })),
            ("monetary_minor", CellValue::Number(500.0 * (1 + i % 977) as f64)),
            ("gap_days", if is_repeat { CellValue::Number((i % 90) as f64) } else { CellValue::Missing }),
            ("country", country.map_or(CellValue::Missing, CellValue::Category)),
            ("segment", CellValue::Category(segment)),
            ("interests", CellValue::Labels(&self.interests)),
            ("top_categories", CellValue::TopK(&self.top_categories)),
            ("last_items", CellValue::TopK(&self.last_items)),
            ("weekday", CellValue::Unsigned((i + taste_idx) as u64 % 7)),
            ("is_repeat", CellValue::Bool(is_repeat)),
            ("taste", CellValue::Vector(&self.taste)),
        ];
        let mut values = RowValues::new(schema);
        for (name, value) in cells {
            if let Some(column) = schema.column(name) {
                values.set(column, value);
            }
        }
        values
    }
}
