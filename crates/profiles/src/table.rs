//! The columns of the profile table, made from the labels, and of the item table.
//!
//! Ranges are part of the labels and not of the data, so that two builds of one shop have the same schema as long as
//! their dictionaries are equal.

use crate::engine::{Cell, ItemRow, Tally};
use crate::labels::{Label, LabelType, Names, Registry};
use crate::neighbours::{ItemsShape, Neighbour};
use crate::{BuildError, LabelState};
use std::collections::{BTreeMap, HashMap};
use vitrine_learn::recommend::CodedVectors;
use vitrine_tables::{
    CellValue, ColumnIdx, ColumnSpec, ColumnType, ItemRecord, ItemTable, RowValues, Scale, Schema, encode_item_vectors,
};

/// Categories that keep their names; the others are `OTHER`. With it they fit 8 bits.
pub(crate) const CATEGORIES_MAX: u64 = 255;
/// Places of `top_categories`.
pub(crate) const TOP_CATEGORIES: u8 = 5;
/// Places of `last_items`.
pub(crate) const LAST_ITEMS: u8 = 12;
/// The name of whatever has no room in a dictionary.
const OTHER: &str = "OTHER";
/// The dictionary that is the item table.
const ITEMS: &str = "items";
/// Longest name that a dictionary holds. Unit: bytes.
const NAME_BYTES_MAX: usize = 256;

/// Segments from the best to the worst; `sql/features/rfm.sql` says who belongs to which.
pub(crate) const SEGMENTS: [&str; 11] = [
    "champions",
    "loyal",
    "potential_loyalist",
    "new",
    "promising",
    "needs_attention",
    "about_to_sleep",
    "cant_lose",
    "at_risk",
    "hibernating",
    "lost",
];

/// The segments in Chinese, in the order of [`SEGMENTS`].
pub(crate) const SEGMENTS_ZH: [&str; 11] = [
    "冠军用户",
    "忠诚用户",
    "潜在忠诚用户",
    "新用户",
    "有望用户",
    "需要关注用户",
    "即将沉睡用户",
    "不可流失用户",
    "流失风险用户",
    "休眠用户",
    "流失用户",
];

/// What a profile can say of a customer's items, unless its labels say otherwise.
const SHAPE: ItemsShape = ItemsShape { items_max: LAST_ITEMS as usize, weight_steps: 15 };

/// The schema, and how each label becomes a value of its column.
pub(crate) struct Layout {
    pub(crate) schema: Schema,
    plans: Vec<Plan>,
    items: HashMap<String, u32>,
    shape: ItemsShape,
}

/// How one label becomes a value.
struct Plan {
    idx: ColumnIdx,
    label: String,
    kind: PlanKind,
}

enum PlanKind {
    Bool,
    Unsigned {
        max: u64,
    },
    Scaled {
        least: f64,
        most: f64,
    },
    /// The names that there are.
    Category(HashMap<String, u32>),
    Labels(HashMap<String, u32>),
    /// The ids of the names.
    TopK(HashMap<String, u32>),
    Items,
    Vector,
}

/// Values that were outside of the range of their column, by label.
pub(crate) type Clamped = BTreeMap<String, u64>;

impl Layout {
    /// The layout for a shop. `tally` has what the data says of the labels; `items` are those of the item table, by
    /// rising id.
    pub(crate) fn new(registry: &Registry, tally: &Tally, items: &[ItemRow]) -> Result<Self, BuildError> {
        let ids: Vec<String> = items.iter().map(|item| item.item_id.clone()).collect();
        let mut dictionaries = BTreeMap::new();
        for (name, labels) in registry.dictionaries() {
            if name != ITEMS {
                dictionaries.insert(name.to_owned(), dictionary_of(&labels, tally)?);
            }
        }
        let n_names = |dictionary: &str| match dictionary {
            ITEMS => ids.len(),
            other => dictionaries.get(other).map_or(0, Vec::len),
        };
        let labels: Vec<&Label> = registry.labels.iter().filter(|label| label.has_column()).collect();
        let specs = labels.iter().filter_map(|label| spec(label, tally.has_missing(&label.name), n_names)).collect();
        let schema = Schema::new(specs, dictionaries)?;
        let missing = |name: &str| BuildError::Inconsistent { what: format!("no column {name} in the schema") };
        let mut plans = Vec::new();
        for label in labels {
            let idx = schema.column(&label.name).ok_or_else(|| missing(&label.name))?;
            let nullable = schema.column_at(idx).is_some_and(|column| column.nullable);
            let Some(kind) = plan(label, nullable, &schema) else { continue };
            plans.push(Plan { idx, label: label.name.clone(), kind });
        }
        let shape = registry.get("last_items").map_or(SHAPE, |label| match &label.kind {
            LabelType::TopK { k, weight_bits, .. } => {
                ItemsShape { items_max: usize::from(*k), weight_steps: (1 << u32::from((*weight_bits).min(16))) - 1 }
            }
            _ => SHAPE,
        });
        Ok(Self { schema, plans, items: positions(&ids), shape })
    }

    /// The places of the items in the item table.
    pub(crate) fn items(&self) -> &HashMap<String, u32> {
        &self.items
    }

    /// What a profile can say of a customer's items.
    pub(crate) fn shape(&self) -> ItemsShape {
        self.shape
    }

    /// The labels in the order in which [`Layout::with_row`] takes their cells.
    pub(crate) fn labels<'a>(&self, registry: &'a Registry) -> Vec<&'a Label> {
        self.plans.iter().filter_map(|plan| registry.get(&plan.label)).collect()
    }

    /// Hands on the values of one row. Counts what lies outside of its column's range, which takes the end of it.
    pub(crate) fn with_row<T>(
        &self,
        cells: &[Cell<'_>],
        clamped: &mut Clamped,
        encode: impl FnOnce(&RowValues<'_>) -> T,
    ) -> Result<T, BuildError> {
        let kept: Vec<Kept<'_>> = self
            .plans
            .iter()
            .zip(cells)
            .map(|(plan, cell)| {
                let (kept, is_out) = self.kept(plan, cell)?;
                if is_out {
                    *clamped.entry(plan.label.clone()).or_insert(0) += 1;
                }
                Ok(kept)
            })
            .collect::<Result<_, BuildError>>()?;
        let mut values = RowValues::new(&self.schema);
        for (plan, kept) in self.plans.iter().zip(&kept) {
            values.set(
                plan.idx,
                match kept {
                    Kept::Plain(value) => *value,
                    Kept::Labels(names) => CellValue::Labels(names),
                    Kept::TopK(list) => CellValue::TopK(list),
                    Kept::Vector(numbers) => CellValue::Vector(numbers),
                },
            );
        }
        Ok(encode(&values))
    }

    /// The value for a column, and whether it lies outside of the range.
    fn kept<'a>(&self, plan: &Plan, cell: &Cell<'a>) -> Result<(Kept<'a>, bool), BuildError> {
        let unknown = |name: &str| BuildError::Label {
            label: plan.label.clone(),
            what: format!("{name:?} is not among its values; add it to values, or leave values out"),
        };
        let plain = |value| Ok((Kept::Plain(value), false));
        match (&plan.kind, cell) {
            (PlanKind::Labels(known), Cell::Texts(names)) => {
                match names.iter().find(|name| !known.contains_key(**name)) {
                    Some(name) => Err(unknown(name)),
                    None => Ok((Kept::Labels(names.clone()), false)),
                }
            }
            (PlanKind::Labels(_), _) => Ok((Kept::Labels(Vec::new()), false)),
            (PlanKind::TopK(ids), Cell::Weighted(list)) => Ok((Kept::TopK(listed(list, ids)), false)),
            (PlanKind::Items, Cell::Weighted(list)) => Ok((Kept::TopK(listed(list, &self.items)), false)),
            (PlanKind::TopK(_) | PlanKind::Items, _) => Ok((Kept::TopK(Vec::new()), false)),
            (PlanKind::Vector, Cell::Numbers(numbers)) => Ok((Kept::Vector(numbers.clone()), false)),
            (PlanKind::Bool, Cell::Bool(flag)) => plain(CellValue::Bool(*flag)),
            (PlanKind::Unsigned { max }, Cell::Whole(number)) => {
                let positive = u64::try_from(*number).unwrap_or(0);
                Ok((Kept::Plain(CellValue::Unsigned(positive)), *number < 0 || positive > *max))
            }
            (PlanKind::Scaled { least, most }, Cell::Number(number)) => {
                // 0 on a logarithmic scale is meant to be its least number.
                let is_out = (*number < *least && *number != 0.0) || *number > *most;
                Ok((Kept::Plain(CellValue::Number(*number)), is_out))
            }
            (PlanKind::Category(known), Cell::Text(name)) => {
                match (known.contains_key(*name), known.contains_key(OTHER)) {
                    (true, _) => plain(CellValue::Category(name)),
                    (false, true) => plain(CellValue::Category(OTHER)),
                    (false, false) => Err(unknown(name)),
                }
            }
            _ => plain(CellValue::Missing),
        }
    }
}

/// A value with what it borrows from.
enum Kept<'a> {
    Plain(CellValue<'a>),
    Labels(Vec<&'a str>),
    TopK(Vec<(u32, f32)>),
    Vector(Vec<f32>),
}

/// The records of the item table. `n_customers`: all customers, of whom popularity is a share.
pub(crate) fn item_records(items: &[ItemRow], lists: &[Vec<Neighbour>], n_customers: u64) -> Vec<ItemRecord> {
    let id = |idx: u32| items.get(idx as usize).map(|item| item.item_id.clone());
    items
        .iter()
        .zip(lists)
        .map(|(item, list)| ItemRecord {
            id: item.item_id.clone(),
            category: item.category.clone(),
            popularity: (item.n_buyers as f64 / n_customers.max(1) as f64) as f32,
            neighbours: list.iter().filter_map(|(idx, weight)| Some((id(*idx)?, *weight))).collect(),
        })
        .collect()
}

/// The bytes of the item vectors, bound to the bytes of the item table.
pub(crate) fn item_vectors(items_bytes: &[u8], vectors: &CodedVectors) -> Result<Vec<u8>, BuildError> {
    let items = ItemTable::decode(items_bytes.to_vec())?;
    let n_dims = u32::try_from(vectors.n_dims).unwrap_or(u32::MAX);
    encode_item_vectors(&items, n_dims, vectors.scale, &vectors.codes)
        .map_err(|error| BuildError::Inconsistent { what: format!("the item vectors: {error}") })
}

/// The column of a label; `None` for what has no place in a table.
fn spec(label: &Label, has_missing: bool, n_names: impl Fn(&str) -> usize) -> Option<ColumnSpec> {
    let is_list = matches!(label.kind, LabelType::Labels { .. } | LabelType::TopK { .. });
    let is_off = matches!(label.state, LabelState::Off { .. });
    let nullable = !is_list && (label.nullable || has_missing || is_off);
    // A nullable column needs a code that says so.
    let wide = |bits: u8| bits.max(1 + u8::from(nullable));
    let kind = match &label.kind {
        LabelType::Bool => ColumnType::Bool,
        LabelType::Unsigned { bits } => ColumnType::Unsigned { bits: wide(*bits) },
        LabelType::Linear { bits, zero, step } => {
            ColumnType::Scaled { bits: wide(*bits), scale: Scale::Linear, zero: *zero, step: *step }
        }
        LabelType::Log { bits, zero, step } => {
            ColumnType::Scaled { bits: wide(*bits), scale: Scale::Log, zero: *zero, step: *step }
        }
        LabelType::Category(Names { dictionary, .. }) => ColumnType::Category {
            bits: wide(bits_for(n_names(dictionary) + usize::from(nullable))),
            dictionary: dictionary.clone(),
        },
        LabelType::Labels { values } => ColumnType::Labels { names: values.clone() },
        LabelType::TopK { k, weight_bits, names } => ColumnType::TopK {
            k: *k,
            id_bits: bits_for(n_names(&names.dictionary)),
            weight_bits: *weight_bits,
            weight_max: 1.0,
            dictionary: names.dictionary.clone(),
        },
        LabelType::Vector { dims, scale } => ColumnType::Vector { dims: *dims, scale: *scale },
        LabelType::Text | LabelType::Time => return None,
    };
    Some(ColumnSpec { name: label.name.clone(), kind, nullable })
}

fn plan(label: &Label, nullable: bool, schema: &Schema) -> Option<PlanKind> {
    let known = |dictionary: &str| positions(schema.dictionary(dictionary).unwrap_or_default());
    let code_max = |bits: u8| (1_u64 << bits.min(63)) - 1 - u64::from(nullable);
    Some(match &label.kind {
        LabelType::Bool => PlanKind::Bool,
        LabelType::Unsigned { bits } => PlanKind::Unsigned { max: code_max(*bits) },
        LabelType::Linear { bits, zero, step } => {
            let half = step / 2.0;
            PlanKind::Scaled { least: zero - half, most: zero + code_max(*bits) as f64 * step + half }
        }
        LabelType::Log { bits, zero, step } => {
            let half = (step / 2.0).exp();
            PlanKind::Scaled { least: zero / half, most: zero * (code_max(*bits) as f64 * step).exp() * half }
        }
        LabelType::Category(names) => PlanKind::Category(known(&names.dictionary)),
        LabelType::Labels { values } => PlanKind::Labels(positions(values)),
        LabelType::TopK { names, .. } if names.dictionary == ITEMS => PlanKind::Items,
        LabelType::TopK { names, .. } => PlanKind::TopK(known(&names.dictionary)),
        LabelType::Vector { .. } => PlanKind::Vector,
        LabelType::Text | LabelType::Time => return None,
    })
}

/// The entries of a dictionary: those that its labels fix, or else the most frequent names of the data.
fn dictionary_of(labels: &[&Label], tally: &Tally) -> Result<Vec<String>, BuildError> {
    let mut fixed: Option<&Vec<String>> = None;
    let mut names_max = 0;
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for label in labels {
        let (LabelType::Category(names) | LabelType::TopK { names, .. }) = &label.kind else { continue };
        if !names.values.is_empty() {
            if fixed.is_some_and(|values| *values != names.values) {
                return Err(BuildError::Label {
                    label: label.name.clone(),
                    what: format!(
                        "dictionary {} has other values for another label; give it a name of its own",
                        names.dictionary
                    ),
                });
            }
            fixed = Some(&names.values);
        }
        names_max = names_max.max(names.values_max as usize);
        for (name, n) in tally.names(&label.name) {
            *counted.entry(name).or_insert(0) += n;
        }
    }
    Ok(match fixed {
        Some(values) => values.clone(),
        None => dictionary(&counted, names_max),
    })
}

/// Bits that tell `n` values apart; at least 1.
fn bits_for(n: usize) -> u8 {
    let bits = usize::BITS - n.saturating_sub(1).leading_zeros();
    u8::try_from(bits.max(1)).unwrap_or(u8::MAX)
}

/// The most frequent entries and `OTHER`, by name.
fn dictionary(counted: &BTreeMap<&str, u64>, names_max: usize) -> Vec<String> {
    let has_room = |name: &str| name != OTHER && (1..=NAME_BYTES_MAX).contains(&name.len());
    let mut counted: Vec<(&str, u64)> =
        counted.iter().map(|(name, n)| (*name, *n)).filter(|(name, _)| has_room(name)).collect();
    counted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let mut names: Vec<String> = counted.into_iter().take(names_max).map(|(name, _)| name.to_owned()).collect();
    names.push(OTHER.to_owned());
    names.sort();
    names
}

fn positions(names: &[String]) -> HashMap<String, u32> {
    names.iter().cloned().zip(0..).collect()
}

/// The ids of names; what has none, and a name that was there before, is left out.
fn listed(named: &[(&str, f64)], positions: &HashMap<String, u32>) -> Vec<(u32, f32)> {
    let mut list: Vec<(u32, f32)> = Vec::with_capacity(named.len());
    for (name, weight) in named {
        if let Some(&id) = positions.get(*name)
            && !list.iter().any(|(other, _)| *other == id)
        {
            list.push((id, *weight as f32));
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features;
    use crate::labels::Changes;
    use std::path::Path;

    #[test]
    fn bits_are_the_least_that_do() {
        assert_eq!([0, 1, 2, 3, 4, 5, 255, 256, 257, 3665].map(bits_for), [1, 1, 1, 2, 2, 3, 8, 8, 9, 12]);
    }

    #[test]
    fn rare_entries_are_other() {
        let counted = BTreeMap::from([("B", 2), ("A", 1), ("OTHER", 9), ("C", 2), ("", 7)]);
        assert_eq!(dictionary(&counted, 2), ["B", "C", "OTHER"]);
        assert_eq!(dictionary(&BTreeMap::new(), 2), ["OTHER"]);
    }

    /// The registry of a shop that has orders and nothing else.
    fn of_orders() -> Registry {
        let mut registry = Registry { version: 1, labels: Vec::new() };
        // What a shop without channels, list prices, brands, surveys and events has no value for.
        let without = ["channels", "discounts", "top_brands", "opinions"];
        for file in features::builtin().unwrap() {
            let reads_orders =
                file.requires.as_ref().is_none_or(|tables| tables.iter().all(|table| table == "purchases"));
            if reads_orders && !without.contains(&file.name.as_str()) {
                registry.add(&file, &Changes::default()).unwrap();
            }
        }
        for label in registry.labels.iter_mut().filter(|label| label.in_table) {
            label.state = LabelState::InTable;
        }
        registry
    }

    #[test]
    fn a_row_of_a_large_shop_that_has_orders_only_has_room_for_its_key_in_64_bytes() {
        let names = |n: usize| (0..n).map(|i| (format!("{i:04}"), 1)).collect::<Vec<_>>();
        let items: Vec<ItemRow> =
            (0..6000).map(|i| ItemRow { item_id: format!("{i:04}"), category: None, n_buyers: 1 }).collect();
        let mut tally = Tally::default();
        for label in ["top_categories", "country"] {
            tally.set_names(label, names(300));
        }
        let layout = Layout::new(&of_orders(), &tally, &items).unwrap();
        assert!(layout.schema.visitor_bytes() <= 64, "{}", layout.schema.visitor_bytes());

        // Two more with the labels of the models that a build has unless it is told otherwise.
        let mut registry = of_orders();
        let on_request = ["customer_propensity", "customer_vectors"];
        for file in crate::learned::files().unwrap().into_iter().filter(|it| !on_request.contains(&it.name.as_str())) {
            registry.add(&file, &Changes::default()).unwrap();
        }
        for label in registry.labels.iter_mut().filter(|label| label.in_table) {
            label.state = LabelState::InTable;
        }
        tally.set_names("cluster", names(8));
        let layout = Layout::new(&registry, &tally, &items).unwrap();
        assert!(layout.schema.visitor_bytes() <= 66, "{}", layout.schema.visitor_bytes());
    }

    #[test]
    fn values_outside_of_a_range_are_counted_and_take_its_end() {
        let head = "--# [labels.n]\n--# means = \"n\"\n--# type = \"unsigned\"\n--# bits = 3\n--# [labels.x]\n--# means = \"x\"\n\
             --# type = \"linear\"\n--# bits = 3\n--# max = 7.0\n--# [labels.c]\n--# means = \"c\"\n--# type = \"category\"\n--# values = [\"a\"]\n";
        let file = crate::FeatureFile::parse(Path::new("own.sql"), head, true).unwrap();
        let mut registry = Registry { version: 1, labels: file.labels };
        for label in &mut registry.labels {
            label.state = LabelState::InTable;
        }
        let layout = Layout::new(&registry, &Tally::default(), &[]).unwrap();
        let mut clamped = Clamped::new();
        for (n, x) in [(7, 7.0), (8, 7.4), (-1, 7.6), (0, -1.0)] {
            let cells = [Cell::Whole(n), Cell::Number(x), Cell::Text("a")];
            layout.with_row(&cells, &mut clamped, |values| values.encode(&layout.schema).unwrap()).unwrap();
        }
        assert_eq!(clamped, BTreeMap::from([("n".to_owned(), 2), ("x".to_owned(), 2)]));
        let cells = [Cell::Whole(1), Cell::Number(0.0), Cell::Text("b")];
        let error = layout.with_row(&cells, &mut clamped, |_| ()).unwrap_err().to_string();
        assert!(error.contains("label c: \"b\" is not among its values"), "{error}");
    }
}
