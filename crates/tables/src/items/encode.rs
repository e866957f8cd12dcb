//! Records of items, in any order, to the bytes of an item table. Equal records give equal bytes.

use super::decode::limit;
use super::*;
use crate::bytes::crc32c;
use crate::quantise::component_code;
use alloc::collections::BTreeSet;

/// One item, as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemRecord {
    /// Unique id. Range: 1 to 128 bytes.
    pub id: String,
    /// Category, if known. Range: 1 to 256 bytes.
    pub category: Option<String>,
    /// Share of all buyers who bought the item. Range: 0..=1.
    pub popularity: f32,
    /// Ids and weights of similar items, in any order. Range: at most 256, other items, none twice, finite weights.
    /// Weights are kept to 1/127 of the largest of the item; one that rounds to 0 is left out.
    pub neighbours: Vec<(String, f32)>,
}

/// Writes an item table.
///
/// Errors: whatever [`ItemTable::decode`] would refuse, so that no table is written that cannot be read.
pub fn encode_items(records: &[ItemRecord]) -> Result<Vec<u8>, ItemsError> {
    limit("n_items", records.len(), ITEMS_MAX)?;
    let mut items: Vec<&ItemRecord> = records.iter().collect();
    items.sort_by(|a, b| a.id.cmp(&b.id));
    if let Some([item, _]) = items.array_windows().find(|[a, b]| a.id == b.id) {
        return Err(ItemsError::DuplicateItem { id: item.id.clone() });
    }
    let categories: BTreeSet<&str> = items.iter().filter_map(|item| item.category.as_deref()).collect();
    let categories: Vec<&str> = categories.into_iter().collect();
    limit("n_categories", categories.len(), CATEGORIES_MAX)?;

    let mut out = Columns::default();
    for item in &items {
        push_text(&mut out.ids, &mut out.id_ends, &item.id)?;
        let category = item.category.as_deref().and_then(|name| categories.binary_search(&name).ok());
        let category = category.map_or(NO_CATEGORY, |category| category as u16);
        out.category_of.extend_from_slice(&category.to_le_bytes());
        out.popularity.extend_from_slice(&item.popularity.to_le_bytes());
        push_neighbours(&mut out, &items, item)?;
    }
    for category in &categories {
        push_text(&mut out.categories, &mut out.category_ends, category)?;
    }
    let bytes = out.into_bytes(items.len(), categories.len())?;
    // Also finds every record that breaks a rule of the format.
    Ok(ItemTable::decode(bytes)?.bytes)
}

/// The sections, in the order of the file.
#[derive(Default)]
struct Columns {
    id_ends: Vec<u8>,
    category_ends: Vec<u8>,
    category_of: Vec<u8>,
    popularity: Vec<u8>,
    neighbour_ends: Vec<u8>,
    neighbour_scale: Vec<u8>,
    neighbour_item: Vec<u8>,
    neighbour_code: Vec<u8>,
    ids: Vec<u8>,
    categories: Vec<u8>,
}

impl Columns {
    fn into_bytes(self, n_items: usize, n_categories: usize) -> Result<Vec<u8>, ItemsError> {
        let counts = [n_items, n_categories, self.neighbour_code.len(), self.ids.len(), self.categories.len()];
        let sections = [
            self.id_ends,
            self.category_ends,
            self.category_of,
            self.popularity,
            self.neighbour_ends,
            self.neighbour_scale,
            self.neighbour_item,
            self.neighbour_code,
            self.ids,
            self.categories,
        ];
        let total_bytes = sections.iter().map(Vec::len).fold(HEADER_BYTES, |total, len| total.saturating_add(len));
        limit("bytes", total_bytes, ITEMS_BYTES_MAX)?;
        let mut checked = Vec::with_capacity(total_bytes);
        checked.extend_from_slice(&(total_bytes as u32).to_le_bytes());
        for count in counts {
            checked.extend_from_slice(&(count as u32).to_le_bytes());
        }
        for section in sections {
            checked.extend_from_slice(&section);
        }
        let mut bytes = Vec::with_capacity(total_bytes);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&0_u16.to_le_bytes());
        bytes.extend_from_slice(&crc32c(&checked).to_le_bytes());
        bytes.extend_from_slice(&checked);
        Ok(bytes)
    }
}

fn push_text(heap: &mut Vec<u8>, ends: &mut Vec<u8>, text: &str) -> Result<(), ItemsError> {
    heap.extend_from_slice(text.as_bytes());
    limit("bytes", heap.len(), ITEMS_BYTES_MAX)?;
    ends.extend_from_slice(&(heap.len() as u32).to_le_bytes());
    Ok(())
}

fn push_neighbours(out: &mut Columns, items: &[&ItemRecord], item: &ItemRecord) -> Result<(), ItemsError> {
    let error = |rule| ItemsError::Record { id: item.id.clone(), rule };
    let mut weight_max = 0.0_f32;
    for (_, weight) in &item.neighbours {
        if !weight.is_finite() {
            return Err(error("the weight of a neighbour is not finite"));
        }
        weight_max = weight_max.max(weight.abs());
    }
    let scale = weight_max / 127.0;
    let mut list: Vec<(i8, u32)> = Vec::with_capacity(item.neighbours.len());
    for (neighbour, weight) in &item.neighbours {
        let position = items
            .binary_search_by(|other| other.id.as_str().cmp(neighbour))
            .map_err(|_| ItemsError::UnknownNeighbour { id: item.id.clone(), neighbour: neighbour.clone() })?;
        let code = if scale > 0.0 { component_code(*weight, scale) } else { 0 };
        if code != 0 {
            list.push((code, position as u32));
        }
    }
    list.sort_unstable_by(|(code_a, a), (code_b, b)| code_b.cmp(code_a).then(a.cmp(b)));
    for (code, position) in &list {
        out.neighbour_item.extend_from_slice(&position.to_le_bytes());
        out.neighbour_code.extend_from_slice(&code.to_le_bytes());
    }
    let scale = if list.is_empty() { 0.0 } else { scale };
    out.neighbour_ends.extend_from_slice(&(out.neighbour_code.len() as u32).to_le_bytes());
    out.neighbour_scale.extend_from_slice(&scale.to_le_bytes());
    Ok(())
}
