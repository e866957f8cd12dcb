//! Item vectors: a direction for each item of an item table, so that what is bought by the same people points the same
//! way. For look-alikes, similar offers and the ranker `relevance`; read whole.
//!
//! Source: item-vectors v1 (`docs/formats/item-vectors.md`).

use crate::bytes::{Cursor, crc32c};
use crate::items::ItemTable;
use alloc::vec::Vec;

/// The longest file of item vectors. Unit: bytes. The same as that of an item table.
pub const ITEM_VECTORS_BYTES_MAX: usize = 24 << 20;
/// The longest vector. Unit: numbers.
pub const ITEM_VECTORS_DIMS_MAX: u32 = 256;

const MAGIC: [u8; 8] = *b"VTRVECTS";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 36;
/// The checksum covers everything from here on; the bytes before are fixed, but for the checksum itself.
const CHECKED_FROM: usize = 16;
const ITEMS_MAX: u32 = 1 << 20;

/// Vectors of items, whose bytes have been checked whole. Owns its bytes.
///
/// A vector is known by the index of its item in the item table. An item that nobody bought has only zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemVectors {
    bytes: Vec<u8>,
    n_items: u32,
    n_dims: u32,
    scale: f32,
    items_crc32c: u32,
}

/// Why bytes are not item vectors, or vectors do not make a file. In the order of the checks of decoding.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ItemVectorsError {
    /// The bytes end inside the header.
    #[error("item vectors have at least {HEADER_BYTES} bytes, but there are {found}")]
    TooShort {
        /// Number of bytes.
        found: usize,
    },
    /// The bytes are something else.
    #[error("these are not item vectors: they begin with {found:02x?} instead of \"VTRVECTS\"")]
    Magic {
        /// The first eight bytes.
        found: [u8; 8],
    },
    /// A version that this reader does not know.
    #[error("the item vectors have format version {found}, but this reader knows only version {VERSION}")]
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
    /// The header states another length: the file is cut off, or something follows it.
    #[error("the header says {expected} bytes, but there are {found}")]
    Length {
        /// The length that the header states.
        expected: u32,
        /// Number of bytes.
        found: usize,
    },
    /// The bytes were damaged.
    #[error("the checksum is {found:08x}, but the header says {expected:08x}: the item vectors are damaged")]
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
    /// Vectors without a number.
    #[error("`n_dims` is 0, but a vector has at least one number")]
    NoDims,
    /// The scale says nothing.
    #[error("`scale` is {found}, but it is finite and above 0")]
    Scale {
        /// The scale.
        found: f32,
    },
    /// The counts of the header do not make the length.
    #[error("the vectors end at byte {expected}, but there are {found} bytes")]
    Section {
        /// Where the vectors end; `usize::MAX` if too far to say.
        expected: usize,
        /// Number of bytes.
        found: usize,
    },
    /// A code that no number has.
    #[error("the vector of item {item}: number {position} is -128, but codes are -127 to 127")]
    Code {
        /// Index of the item.
        item: usize,
        /// Position in the vector, from 0.
        position: usize,
    },
    /// The vectors belong to another item table. Only of [`ItemVectors::check_items`].
    #[error(
        "the vectors belong to {expected} items with checksum {expected_crc32c:08x}, but the item table has {found} with {found_crc32c:08x}"
    )]
    OtherItems {
        /// Number of items of the vectors.
        expected: u32,
        /// The checksum of the item table that the vectors were made for.
        expected_crc32c: u32,
        /// Number of items of the table.
        found: u32,
        /// The checksum of the table.
        found_crc32c: u32,
    },
    /// Not as many codes as items times the length of a vector. Only when writing.
    #[error("{n_items} items with {n_dims} numbers each need {expected} codes, but there are {found}")]
    Codes {
        /// Number of items.
        n_items: u32,
        /// Length of a vector.
        n_dims: u32,
        /// Number of codes that are needed; `usize::MAX` if too many to say.
        expected: usize,
        /// Number of codes.
        found: usize,
    },
}

impl ItemVectors {
    /// Checks item vectors whole, in the order of [`ItemVectorsError`], and takes them.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, ItemVectorsError> {
        let too_short = ItemVectorsError::TooShort { found: bytes.len() };
        let front = Cursor(&bytes).take(HEADER_BYTES).ok_or_else(|| too_short.clone())?;
        let Header { magic, version, flags, checksum, total_bytes, items_crc32c, n_items, n_dims, scale } =
            Header::read(front).ok_or(too_short)?;
        if magic != MAGIC {
            return Err(ItemVectorsError::Magic { found: magic });
        }
        if version != VERSION {
            return Err(ItemVectorsError::Version { found: version });
        }
        if flags != 0 {
            return Err(ItemVectorsError::Flags { found: flags });
        }
        if total_bytes as usize != bytes.len() {
            return Err(ItemVectorsError::Length { expected: total_bytes, found: bytes.len() });
        }
        let found = crc32c(bytes.get(CHECKED_FROM..).unwrap_or(&[]));
        if found != checksum {
            return Err(ItemVectorsError::Checksum { expected: checksum, found });
        }
        limits(bytes.len(), n_items, n_dims)?;
        check_scale(scale)?;
        let expected = HEADER_BYTES.saturating_add(n_codes(n_items, n_dims));
        if expected != bytes.len() {
            return Err(ItemVectorsError::Section { expected, found: bytes.len() });
        }
        let vectors = Self { bytes, n_items, n_dims, scale, items_crc32c };
        if let Some(place) = vectors.codes().iter().position(|code| *code == i8::MIN as u8) {
            let (item, position) = place_of(place, n_dims);
            return Err(ItemVectorsError::Code { item, position });
        }
        Ok(vectors)
    }

    /// Checks that the vectors were made for an item table.
    ///
    /// Errors: [`ItemVectorsError::OtherItems`].
    pub fn check_items(&self, items: &ItemTable) -> Result<(), ItemVectorsError> {
        let (found, found_crc32c) = (items.n_items(), items_checksum(items));
        if (found, found_crc32c) == (self.n_items, self.items_crc32c) {
            return Ok(());
        }
        let (expected, expected_crc32c) = (self.n_items, self.items_crc32c);
        Err(ItemVectorsError::OtherItems { expected, expected_crc32c, found, found_crc32c })
    }

    /// Number of vectors. Range: 0..=2^20.
    pub fn n_items(&self) -> u32 {
        self.n_items
    }

    /// Length of a vector. Range: 1..=256.
    pub fn n_dims(&self) -> u32 {
        self.n_dims
    }

    /// What code 1 stands for. Range: finite and above 0.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// The bytes of the file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The codes of an item's vector; a number is its code times the scale. None for an unknown item.
    pub fn get(&self, item_idx: u32) -> Option<impl Iterator<Item = i8> + '_> {
        Some(self.vector(item_idx)?.iter().map(|code| i8::from_le_bytes([*code])))
    }

    /// The codes of an item's vector as bytes (two's complement). None for an unknown item.
    pub fn codes_of(&self, item_idx: u32) -> Option<&[u8]> {
        self.vector(item_idx)
    }

    /// How alike the vectors of two items point. Range: -1..=1; 0 if one is unknown or has only zeros.
    pub fn cosine(&self, one: u32, other: u32) -> f64 {
        let (Some(a), Some(b)) = (self.vector(one), self.vector(other)) else { return 0.0 };
        // At most 256 * 127^2: far below 2^53, so these sums are exact, whatever their order.
        let dot = |a: &[u8], b: &[u8]| -> f64 {
            let code = |code: &u8| f64::from(i8::from_le_bytes([*code]));
            a.iter().zip(b).map(|(a, b)| code(a) * code(b)).sum()
        };
        let lengths = dot(a, a) * dot(b, b);
        if lengths > 0.0 { dot(a, b) / libm::sqrt(lengths) } else { 0.0 }
    }

    fn codes(&self) -> &[u8] {
        self.bytes.get(HEADER_BYTES..).unwrap_or(&[])
    }

    fn vector(&self, item_idx: u32) -> Option<&[u8]> {
        let n_dims = self.n_dims as usize;
        self.codes().get((item_idx as usize).checked_mul(n_dims)?..)?.get(..n_dims)
    }
}

/// Writes item vectors for an item table: `codes` vector by vector, in the order of the items' indices.
///
/// Errors: whatever [`ItemVectors::decode`] would refuse, or another number of codes than the items need.
pub fn encode_item_vectors(
    items: &ItemTable,
    n_dims: u32,
    scale: f32,
    codes: &[i8],
) -> Result<Vec<u8>, ItemVectorsError> {
    let n_items = items.n_items();
    let expected = n_codes(n_items, n_dims);
    let total_bytes = HEADER_BYTES.saturating_add(codes.len());
    limits(total_bytes, n_items, n_dims)?;
    if codes.len() != expected {
        return Err(ItemVectorsError::Codes { n_items, n_dims, expected, found: codes.len() });
    }
    let mut checked = Vec::with_capacity(total_bytes);
    for number in [total_bytes as u32, items_checksum(items), n_items, n_dims] {
        checked.extend_from_slice(&number.to_le_bytes());
    }
    checked.extend_from_slice(&scale.to_le_bytes());
    checked.extend(codes.iter().flat_map(|code| code.to_le_bytes()));
    let mut bytes = Vec::with_capacity(total_bytes);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&0_u16.to_le_bytes());
    bytes.extend_from_slice(&crc32c(&checked).to_le_bytes());
    bytes.extend_from_slice(&checked);
    // Also finds a scale or a code that breaks a rule of the format.
    Ok(ItemVectors::decode(bytes)?.bytes)
}

struct Header {
    magic: [u8; 8],
    version: u16,
    flags: u16,
    checksum: u32,
    total_bytes: u32,
    items_crc32c: u32,
    n_items: u32,
    n_dims: u32,
    scale: f32,
}

impl Header {
    fn read(front: &[u8]) -> Option<Self> {
        let mut front = Cursor(front);
        Some(Self {
            magic: front.array()?,
            version: front.u16()?,
            flags: front.u16()?,
            checksum: front.u32()?,
            total_bytes: front.u32()?,
            items_crc32c: front.u32()?,
            n_items: front.u32()?,
            n_dims: front.u32()?,
            scale: front.array().map(f32::from_le_bytes)?,
        })
    }
}

/// The checksum that an item table carries: the bytes before it are fixed, so it tells tables apart.
fn items_checksum(items: &ItemTable) -> u32 {
    crc32c(items.as_bytes().get(CHECKED_FROM..).unwrap_or(&[]))
}

fn n_codes(n_items: u32, n_dims: u32) -> usize {
    (n_items as usize).saturating_mul(n_dims as usize)
}

/// The item and the position in its vector of a code.
fn place_of(place: usize, n_dims: u32) -> (usize, usize) {
    let n_dims = n_dims as usize;
    (place.checked_div(n_dims).unwrap_or(0), place.checked_rem(n_dims).unwrap_or(0))
}

fn limits(n_bytes: usize, n_items: u32, n_dims: u32) -> Result<(), ItemVectorsError> {
    let limit = |field, found, max| {
        if found <= max { Ok(()) } else { Err(ItemVectorsError::Limit { field, found, max }) }
    };
    limit("total_bytes", n_bytes, ITEM_VECTORS_BYTES_MAX)?;
    limit("n_items", n_items as usize, ITEMS_MAX as usize)?;
    limit("n_dims", n_dims as usize, ITEM_VECTORS_DIMS_MAX as usize)?;
    if n_dims == 0 { Err(ItemVectorsError::NoDims) } else { Ok(()) }
}

fn check_scale(scale: f32) -> Result<(), ItemVectorsError> {
    if scale.is_finite() && scale > 0.0 { Ok(()) } else { Err(ItemVectorsError::Scale { found: scale }) }
}
