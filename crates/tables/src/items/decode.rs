//! The checks of an item table, in the order of the specification.

use super::*;
use crate::bytes::{Cursor, crc32c};
use alloc::vec;

pub(super) fn decode(bytes: Vec<u8>) -> Result<ItemTable, ItemsError> {
    let counts = header(&bytes)?;
    let sections = sections(&counts, bytes.len())?;
    let n_items = counts.n_items as u32;
    let mut table = ItemTable { bytes, n_items, sections, members: Vec::new(), member_ends: Vec::new() };
    table.check_ends("id_ends", &table.sections.id_ends, counts.id_bytes)?;
    table.check_ends("category_ends", &table.sections.category_ends, counts.category_bytes)?;
    table.check_ends("neighbour_ends", &table.sections.neighbour_ends, counts.n_neighbours)?;
    let Sections { id_ends, ids, category_ends, categories, .. } = &table.sections;
    table.check_texts("ids", id_ends, ids, ID_BYTES_MAX)?;
    table.check_texts("categories", category_ends, categories, CATEGORY_BYTES_MAX)?;
    (table.members, table.member_ends) = table.members_by_category(counts.n_categories)?;
    table.check_neighbours()?;
    table.check_popularity()?;
    Ok(table)
}

struct Counts {
    n_items: usize,
    n_categories: usize,
    n_neighbours: usize,
    id_bytes: usize,
    category_bytes: usize,
}

fn header(bytes: &[u8]) -> Result<Counts, ItemsError> {
    let mut cursor = Cursor(bytes);
    let too_short = ItemsError::TooShort { found: bytes.len() };
    let front = cursor.take(HEADER_BYTES).ok_or_else(|| too_short.clone())?;
    let mut front = Cursor(front);
    let mut read = || -> Option<([u8; 8], u16, u16, u32, u32)> {
        Some((front.array()?, front.u16()?, front.u16()?, front.u32()?, front.u32()?))
    };
    let (magic, version, flags, checksum, total_bytes) = read().ok_or_else(|| too_short.clone())?;
    if magic != MAGIC {
        return Err(ItemsError::Magic { found: magic });
    }
    if version != VERSION {
        return Err(ItemsError::Version { found: version });
    }
    if flags != 0 {
        return Err(ItemsError::Flags { found: flags });
    }
    if total_bytes as usize != bytes.len() {
        return Err(ItemsError::Length { expected: total_bytes, found: bytes.len() });
    }
    let found = crc32c(bytes.get(CHECKED_FROM..).unwrap_or(&[]));
    if found != checksum {
        return Err(ItemsError::Checksum { expected: checksum, found });
    }
    let mut count = || front.u32().map(|count| count as usize).ok_or_else(|| too_short.clone());
    let counts = Counts {
        n_items: count()?,
        n_categories: count()?,
        n_neighbours: count()?,
        id_bytes: count()?,
        category_bytes: count()?,
    };
    limit("bytes", bytes.len(), ITEMS_BYTES_MAX)?;
    limit("n_items", counts.n_items, ITEMS_MAX)?;
    limit("n_categories", counts.n_categories, CATEGORIES_MAX)?;
    Ok(counts)
}

/// Lays the sections out one after the other; the last must end where the bytes do.
fn sections(counts: &Counts, n_bytes: usize) -> Result<Sections, ItemsError> {
    let mut end = HEADER_BYTES;
    let mut section = |n_entries: usize, entry_bytes: usize| {
        let begin = end;
        end = end.saturating_add(n_entries.saturating_mul(entry_bytes));
        begin..end
    };
    let sections = Sections {
        id_ends: section(counts.n_items, 4),
        category_ends: section(counts.n_categories, 4),
        category_of: section(counts.n_items, 2),
        popularity: section(counts.n_items, 4),
        neighbour_ends: section(counts.n_items, 4),
        neighbour_scale: section(counts.n_items, 4),
        neighbour_item: section(counts.n_neighbours, 4),
        neighbour_code: section(counts.n_neighbours, 1),
        ids: section(counts.id_bytes, 1),
        categories: section(counts.category_bytes, 1),
    };
    if end == n_bytes { Ok(sections) } else { Err(ItemsError::Sections { expected: end, found: n_bytes }) }
}

impl ItemTable {
    /// Ends never fall, and the last one is the end of what they divide.
    fn check_ends(&self, section: &'static str, ends: &Range<usize>, expected_end: usize) -> Result<(), ItemsError> {
        let mut before = 0;
        for (end, position) in self.u32s(ends).zip(0..) {
            if end < before {
                return Err(ItemsError::Ends { section, position });
            }
            before = end;
        }
        if before as usize != expected_end {
            return Err(ItemsError::Ends { section, position: self.u32s(ends).count() });
        }
        Ok(())
    }

    /// Texts are UTF-8, neither empty nor too long, and strictly rising.
    fn check_texts(
        &self,
        section: &'static str,
        ends: &Range<usize>,
        heap: &Range<usize>,
        bytes_max: usize,
    ) -> Result<(), ItemsError> {
        let mut before = "";
        for position in 0..self.u32s(ends).count() {
            let error = |rule| ItemsError::Text { section, position, rule };
            let text = self.text(ends, heap, position as u32).ok_or(error("not UTF-8"))?;
            if !(1..=bytes_max).contains(&text.len()) {
                return Err(error("empty or too long"));
            }
            if text <= before {
                return Err(error("not above the one before"));
            }
            before = text;
        }
        Ok(())
    }

    /// Sorts the items by their category; each category has at least one.
    fn members_by_category(&self, n_categories: usize) -> Result<(Vec<u32>, Vec<u32>), ItemsError> {
        let category_of = || {
            let (codes, _) = self.bytes.get(self.sections.category_of.clone()).unwrap_or(&[]).as_chunks();
            codes.iter().map(|code| u16::from_le_bytes(*code)).zip(0_u32..)
        };
        let mut ends = vec![0_u32; n_categories];
        for (category, item_idx) in category_of().filter(|(category, _)| *category != NO_CATEGORY) {
            let position = item_idx as usize;
            let rule = "an item has a category that does not exist";
            let n_members = ends.get_mut(usize::from(category)).ok_or(ItemsError::Category { position, rule })?;
            *n_members = n_members.saturating_add(1);
        }
        if let Some(position) = ends.iter().position(|n_members| *n_members == 0) {
            return Err(ItemsError::Category { position, rule: "a category has no item" });
        }
        // Counts become begins; placing the members turns begins into ends.
        let mut n_members = 0_u32;
        for end in &mut ends {
            let begin = n_members;
            n_members = n_members.saturating_add(*end);
            *end = begin;
        }
        let mut members = vec![0; n_members as usize];
        for (category, item_idx) in category_of() {
            if let Some(end) = ends.get_mut(usize::from(category)) {
                if let Some(member) = members.get_mut(*end as usize) {
                    *member = item_idx;
                }
                *end = end.saturating_add(1);
            }
        }
        Ok((members, ends))
    }

    /// Each list: not too long, of other items, none twice, strongest first, with a sound scale.
    fn check_neighbours(&self) -> Result<(), ItemsError> {
        // For each item, the list that named it last.
        let mut seen_by = vec![u32::MAX; self.n_items as usize];
        for item_idx in 0..self.n_items {
            let error = |rule| ItemsError::Neighbour { position: item_idx as usize, rule };
            let range = self.range(&self.sections.neighbour_ends, item_idx).unwrap_or(0..0);
            let scale = self.f32_at(&self.sections.neighbour_scale, item_idx).unwrap_or(0.0);
            if range.len() > NEIGHBOURS_MAX {
                return Err(error("more than 256"));
            }
            let sound = if range.is_empty() { scale.to_bits() == 0 } else { scale.is_finite() && scale > 0.0 };
            if !sound {
                return Err(error("the scale is finite and above 0, or 0 for an empty list"));
            }
            let mut code_before = i8::MAX;
            for place in range {
                let neighbour = self.entry(&self.sections.neighbour_item, place as u32);
                let neighbour = neighbour.map_or(u32::MAX, u32::from_le_bytes);
                let code = self.entry(&self.sections.neighbour_code, place as u32);
                let code = code.map_or(0, i8::from_le_bytes);
                let seen = seen_by.get_mut(neighbour as usize).ok_or(error("one is no item"))?;
                if neighbour == item_idx {
                    return Err(error("an item is not its own neighbour"));
                }
                if *seen == item_idx {
                    return Err(error("one is there twice"));
                }
                *seen = item_idx;
                if code == 0 || code == i8::MIN {
                    return Err(error("a weight code is -127 to 127 and not 0"));
                }
                if code > code_before {
                    return Err(error("they are not ordered by falling weight"));
                }
                code_before = code;
            }
        }
        Ok(())
    }

    fn check_popularity(&self) -> Result<(), ItemsError> {
        let section = "popularity";
        let in_range = |item_idx: &u32| (0.0..=1.0).contains(&self.popularity(*item_idx));
        match (0..self.n_items).find(|item_idx| !in_range(item_idx)) {
            Some(item_idx) => Err(ItemsError::Number { section, position: item_idx as usize }),
            None => Ok(()),
        }
    }

    fn u32s(&self, section: &Range<usize>) -> impl Iterator<Item = u32> {
        let (entries, _) = self.bytes.get(section.clone()).unwrap_or(&[]).as_chunks();
        entries.iter().map(|entry| u32::from_le_bytes(*entry))
    }
}

pub(super) fn limit(field: &'static str, found: usize, max: usize) -> Result<(), ItemsError> {
    if found <= max { Ok(()) } else { Err(ItemsError::Limit { field, found, max }) }
}
