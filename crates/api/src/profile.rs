//! The engine's view of a table: a row as a profile, an item table as the graph of items.

use vitrine_engine::{AttributeIdx, ItemGraph, ItemIdx, Profile, Value};
use vitrine_tables::{ColumnIdx, ColumnType, ItemTable, ItemVectors, Row, Schema, Value as Cell};

use crate::made_up::MadeUpProfile;
use crate::snapshot::Snapshot;

/// One row of the running table, seen as a profile of the running bundle.
#[derive(Clone, Copy)]
pub struct RowProfile<'a> {
    row: Row<'a>,
    snapshot: &'a Snapshot,
}

impl<'a> RowProfile<'a> {
    /// Joins a row of the snapshot's table with the snapshot's bundle.
    pub fn new(snapshot: &'a Snapshot, row: Row<'a>) -> Self {
        Self { row, snapshot }
    }

    fn cell(&self, attribute: AttributeIdx) -> Cell<'a> {
        match self.snapshot.column(attribute) {
            Some(column) => self.row.get(column),
            None => Cell::Missing,
        }
    }
}

impl Profile for RowProfile<'_> {
    fn value(&self, attribute: AttributeIdx) -> Value<'_> {
        match self.cell(attribute) {
            Cell::Missing | Cell::Vector(_) => Value::Missing,
            Cell::Bool(it) => Value::Bool(it),
            // Counts beyond 2^53 would lose their last digits; columns of that width are ids, which no rule compares.
            Cell::Unsigned(it) => Value::Number(it as f64),
            Cell::Number(it) => Value::Number(it),
            Cell::Category(it) => Value::Text(it),
            Cell::Labels(_) | Cell::TopK(_) => Value::Labels,
        }
    }

    fn has_label(&self, attribute: AttributeIdx, label: &str) -> bool {
        match self.cell(attribute) {
            Cell::Labels(labels) => labels.contains(label),
            Cell::TopK(list) => {
                let Some(dictionary) = self.snapshot.dictionary(list.dictionary()) else { return false };
                list.iter().any(|(id, _)| dictionary.text(id) == Some(label))
            }
            _ => false,
        }
    }

    fn history(&self, visit: &mut dyn FnMut(ItemIdx, f32)) {
        for column in self.snapshot.history_columns() {
            if let Cell::TopK(list) = self.row.get(*column) {
                list.iter().for_each(|(id, weight)| visit(ItemIdx(id), weight));
            }
        }
    }

    fn vector(&self, visit: &mut dyn FnMut(&[u8])) {
        if let Some(Cell::Vector(vector)) = self.snapshot.vector_column().map(|column| self.row.get(column)) {
            visit(vector.as_bytes());
        }
    }
}

/// The profile of a visitor who is known, or made up.
pub(crate) enum AnyProfile<'a> {
    Row(RowProfile<'a>),
    MadeUp(&'a MadeUpProfile),
}

impl Profile for AnyProfile<'_> {
    fn value(&self, attribute: AttributeIdx) -> Value<'_> {
        match self {
            Self::Row(row) => row.value(attribute),
            Self::MadeUp(profile) => profile.value(attribute),
        }
    }

    fn has_label(&self, attribute: AttributeIdx, label: &str) -> bool {
        match self {
            Self::Row(row) => row.has_label(attribute, label),
            Self::MadeUp(profile) => profile.has_label(attribute, label),
        }
    }

    fn history(&self, visit: &mut dyn FnMut(ItemIdx, f32)) {
        match self {
            Self::Row(row) => row.history(visit),
            Self::MadeUp(profile) => profile.history(visit),
        }
    }

    fn vector(&self, visit: &mut dyn FnMut(&[u8])) {
        match self {
            Self::Row(row) => row.vector(visit),
            Self::MadeUp(_) => {}
        }
    }
}

/// What the ids of a top-k list stand for.
pub(crate) enum Dictionary<'a> {
    Items(&'a ItemTable),
    Texts(&'a [String]),
}

impl Dictionary<'_> {
    pub(crate) fn text(&self, id: u32) -> Option<&str> {
        match self {
            Self::Items(items) => items.id(id),
            Self::Texts(texts) => texts.get(usize::try_from(id).ok()?).map(String::as_str),
        }
    }
}

/// The item table of a build and the vectors of its items, as far as there are any, as the engine's graph.
#[derive(Clone, Copy)]
pub struct ItemTableGraph<'a> {
    /// The items.
    pub items: Option<&'a ItemTable>,
    /// Their vectors.
    pub vectors: Option<&'a ItemVectors>,
}

impl ItemGraph for ItemTableGraph<'_> {
    fn n_items(&self) -> u32 {
        self.items.map_or(0, ItemTable::n_items)
    }

    fn find(&self, id: &str) -> Option<ItemIdx> {
        self.items?.find(id).map(ItemIdx)
    }

    fn in_category(&self, category: &str, visit: &mut dyn FnMut(ItemIdx)) {
        if let Some(items) = self.items {
            items.items_in(category).for_each(|item| visit(ItemIdx(item)));
        }
    }

    fn neighbours(&self, item: ItemIdx, visit: &mut dyn FnMut(ItemIdx, f32)) {
        if let Some(items) = self.items {
            items.neighbours(item.0).for_each(|(neighbour, weight)| visit(ItemIdx(neighbour), weight));
        }
    }

    fn popularity(&self, item: ItemIdx) -> f32 {
        self.items.map_or(0.0, |items| items.popularity(item.0))
    }

    fn n_dims(&self) -> usize {
        self.vectors.and_then(|it| usize::try_from(it.n_dims()).ok()).unwrap_or(0)
    }

    fn vector(&self, item: ItemIdx, visit: &mut dyn FnMut(&[u8])) {
        if let Some(codes) = self.vectors.and_then(|it| it.codes_of(item.0)) {
            visit(codes);
        }
    }
}

/// The first column of `schema` that holds a vector: the visitor's direction among the items.
pub(crate) fn vector_column(schema: &Schema) -> Option<ColumnIdx> {
    let column = schema.columns().iter().find(|column| matches!(column.kind, ColumnType::Vector { .. }))?;
    schema.column(&column.name)
}

/// The columns of `schema` that hold the visitor's items.
pub(crate) fn history_columns(schema: &vitrine_tables::Schema) -> Vec<ColumnIdx> {
    let is_history = |kind: &vitrine_tables::ColumnType| matches!(kind, vitrine_tables::ColumnType::TopK { dictionary, .. } if dictionary == "items");
    let columns = schema.columns().iter().filter(|column| is_history(&column.kind));
    columns.filter_map(|column| schema.column(&column.name)).collect()
}
