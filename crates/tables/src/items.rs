//! The item table: ids, categories and popularity of the items of a shop, and for each item its strongest
//! neighbours. One for a build, read whole.
//!
//! Source: item-table v1 (`docs/formats/item-table.md`).

mod decode;
mod encode;

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
pub use encode::{ItemRecord, encode_items};

/// The longest item table. Unit: bytes. A value in KV may be a little longer (25 MiB).
pub const ITEMS_BYTES_MAX: usize = 24 << 20;

const MAGIC: [u8; 8] = *b"VTRITEMS";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 40;
/// The checksum covers everything from here on; the bytes before are fixed, but for the checksum itself.
const CHECKED_FROM: usize = 16;
const ITEMS_MAX: usize = 1 << 20;
const ID_BYTES_MAX: usize = 128;
const CATEGORIES_MAX: usize = 65_535;
const CATEGORY_BYTES_MAX: usize = 256;
const NEIGHBOURS_MAX: usize = 256;
/// The category of an item that has none.
const NO_CATEGORY: u16 = 0xffff;

/// An item table whose bytes have been checked whole.
///
/// An item is known by its index: items stand in rising bytewise order of their ids. Owns its bytes.
#[derive(Clone, Debug)]
pub struct ItemTable {
    bytes: Vec<u8>,
    n_items: u32,
    sections: Sections,
    /// The items of each category, category by category, and where each category ends: worked out when decoding.
    members: Vec<u32>,
    member_ends: Vec<u32>,
}

/// Where each section lies. Unit: bytes. The order is that of the file.
#[derive(Clone, Debug)]
struct Sections {
    id_ends: Range<usize>,
    category_ends: Range<usize>,
    category_of: Range<usize>,
    popularity: Range<usize>,
    neighbour_ends: Range<usize>,
    neighbour_scale: Range<usize>,
    neighbour_item: Range<usize>,
    neighbour_code: Range<usize>,
    ids: Range<usize>,
    categories: Range<usize>,
}

/// Why bytes are not an item table, or records do not make one.
///
/// The variants up to [`ItemsError::Number`] stand in the order of the checks of decoding.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ItemsError {
    /// The bytes end inside the header.
    #[error("an item table has at least {HEADER_BYTES} bytes, but there are {found}")]
    TooShort {
        /// Number of bytes.
        found: usize,
    },
    /// The bytes are something else.
    #[error("this is not an item table: it begins with {found:02x?} instead of \"VTRITEMS\"")]
    Magic {
        /// The first eight bytes.
        found: [u8; 8],
    },
    /// A version that this reader does not know.
    #[error("the item table has format version {found}, but this reader knows only version {VERSION}")]
    Version {
        /// The version.
        found: u16,
    },
    /// A flag is set.
    #[error("the flags must be 0, but are {found}")]
    Flags {
        /// The flags.
        found: u16,
    },
    /// The header states another length: the table is cut off, or something follows it.
    #[error("the header says {expected} bytes, but there are {found}")]
    Length {
        /// The length that the header states.
        expected: u32,
        /// Number of bytes.
        found: usize,
    },
    /// The bytes were damaged.
    #[error("the checksum is {found:08x}, but the header says {expected:08x}: the item table is damaged")]
    Checksum {
        /// The checksum that the header states.
        expected: u32,
        /// The checksum of the bytes.
        found: u32,
    },
    /// A count or length is above its limit.
    #[error("`{field}` is {found}, but the limit is {max}")]
    Limit {
        /// What is counted.
        field: &'static str,
        /// The count.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// The counts of the header do not make the length.
    #[error("the sections end at byte {expected}, but there are {found} bytes")]
    Sections {
        /// Where the sections end; `usize::MAX` if too far to say.
        expected: usize,
        /// Number of bytes.
        found: usize,
    },
    /// The end of a text or list is before its begin, or not where its section ends.
    #[error("`{section}`: the end at position {position} is out of order")]
    Ends {
        /// Name of the section.
        section: &'static str,
        /// Position in the section, from 0.
        position: usize,
    },
    /// A text is not UTF-8, empty, too long, or not above the one before.
    #[error("`{section}`: text {position} is {rule}")]
    Text {
        /// Name of the section.
        section: &'static str,
        /// Position in the section, from 0.
        position: usize,
        /// What is wrong.
        rule: &'static str,
    },
    /// An item has a category that does not exist, or a category has no item.
    #[error("`category_of`: {rule} (position {position})")]
    Category {
        /// Position of the item or of the category, from 0.
        position: usize,
        /// What is wrong.
        rule: &'static str,
    },
    /// A list of neighbours breaks a rule.
    #[error("the neighbours of item {position}: {rule}")]
    Neighbour {
        /// Index of the item.
        position: usize,
        /// What is wrong.
        rule: &'static str,
    },
    /// A number is not finite or out of range.
    #[error("`{section}`: number {position} is out of range")]
    Number {
        /// Name of the section.
        section: &'static str,
        /// Position in the section, from 0.
        position: usize,
    },
    /// Two records have one id. Only when writing.
    #[error("two items have the id {id:?}")]
    DuplicateItem {
        /// The id.
        id: String,
    },
    /// A record breaks a rule. Only when writing.
    #[error("item {id:?}: {rule}")]
    Record {
        /// The id of the item.
        id: String,
        /// What is wrong.
        rule: &'static str,
    },
    /// A record names a neighbour that is no item. Only when writing.
    #[error("item {id:?}: the neighbour {neighbour:?} is not an item")]
    UnknownNeighbour {
        /// The id of the item.
        id: String,
        /// The id of the neighbour.
        neighbour: String,
    },
}

impl ItemTable {
    /// Checks an item table whole, in the order of [`ItemsError`], and takes it.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, ItemsError> {
        decode::decode(bytes)
    }

    /// Number of items. Range: 0..=2^20.
    pub fn n_items(&self) -> u32 {
        self.n_items
    }

    /// The bytes of the table.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The index of an item, by its id.
    pub fn find(&self, id: &str) -> Option<u32> {
        search(self.n_items, id, |item_idx| self.id(item_idx))
    }

    /// The id of an item.
    pub fn id(&self, item_idx: u32) -> Option<&str> {
        self.text(&self.sections.id_ends, &self.sections.ids, item_idx)
    }

    /// The category of an item; `None` also for an item without one.
    pub fn category(&self, item_idx: u32) -> Option<&str> {
        let code = u16::from_le_bytes(self.entry(&self.sections.category_of, item_idx)?);
        self.category_name(u32::from(code))
    }

    /// The names of the categories, in rising order.
    pub fn categories(&self) -> impl Iterator<Item = &str> {
        (0..self.n_categories()).filter_map(|category| self.category_name(category))
    }

    /// The items of a category, by rising index. None for an unknown category.
    pub fn items_in<'t>(&'t self, category: &str) -> impl Iterator<Item = u32> + use<'t> {
        let category = search(self.n_categories(), category, |code| self.category_name(code));
        let range = category.and_then(|code| {
            let end = |code: u32| self.member_ends.get(code as usize).map(|end| *end as usize);
            let begin = code.checked_sub(1).map_or(Some(0), end)?;
            Some(begin..end(code)?)
        });
        self.members.get(range.unwrap_or(0..0)).unwrap_or(&[]).iter().copied()
    }

    /// The neighbours of an item with their weights, strongest first; weights may be negative. None for an unknown item.
    pub fn neighbours(&self, item_idx: u32) -> impl Iterator<Item = (u32, f32)> {
        let lists = &self.sections;
        let range = self.range(&lists.neighbour_ends, item_idx).unwrap_or(0..0);
        let scale = self.f32_at(&lists.neighbour_scale, item_idx).unwrap_or(0.0);
        range.filter_map(move |place| {
            let place = place as u32;
            let item = u32::from_le_bytes(self.entry(&lists.neighbour_item, place)?);
            let code = i8::from_le_bytes(self.entry(&lists.neighbour_code, place)?);
            Some((item, f32::from(code) * scale))
        })
    }

    /// The share of all buyers who bought the item. Range: 0..=1; 0 for an unknown item.
    pub fn popularity(&self, item_idx: u32) -> f32 {
        self.f32_at(&self.sections.popularity, item_idx).unwrap_or(0.0)
    }

    fn n_categories(&self) -> u32 {
        self.member_ends.len() as u32
    }

    fn category_name(&self, category: u32) -> Option<&str> {
        self.text(&self.sections.category_ends, &self.sections.categories, category)
    }

    /// A text of a heap, found through the section of its ends.
    fn text(&self, ends: &Range<usize>, heap: &Range<usize>, position: u32) -> Option<&str> {
        let bytes = self.bytes.get(heap.clone())?.get(self.range(ends, position)?)?;
        core::str::from_utf8(bytes).ok()
    }

    /// From the end before to the end at a position.
    fn range(&self, ends: &Range<usize>, position: u32) -> Option<Range<usize>> {
        let end = u32::from_le_bytes(self.entry(ends, position)?);
        let begin = match position.checked_sub(1) {
            Some(before) => u32::from_le_bytes(self.entry(ends, before)?),
            None => 0,
        };
        Some(begin as usize..end as usize)
    }

    fn f32_at(&self, section: &Range<usize>, position: u32) -> Option<f32> {
        self.entry(section, position).map(f32::from_le_bytes)
    }

    /// The `N`-byte entry of a section at a position.
    fn entry<const N: usize>(&self, section: &Range<usize>, position: u32) -> Option<[u8; N]> {
        let (entries, _) = self.bytes.get(section.clone())?.as_chunks::<N>();
        entries.get(position as usize).copied()
    }
}

impl PartialEq for ItemTable {
    /// Equal when the bytes are.
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

/// Binary search among `n` texts in rising order.
fn search<'t>(n: u32, wanted: &str, text_at: impl Fn(u32) -> Option<&'t str>) -> Option<u32> {
    let (mut begin, mut end) = (0, n);
    while begin < end {
        let middle = u32::midpoint(begin, end);
        match text_at(middle)?.cmp(wanted) {
            core::cmp::Ordering::Equal => return Some(middle),
            core::cmp::Ordering::Less => begin = middle.saturating_add(1),
            core::cmp::Ordering::Greater => end = middle,
        }
    }
    None
}
