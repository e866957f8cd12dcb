//! The canonical text of a schema, and its hash. The text exists only to be hashed: shards carry the hash, so that a
//! shard is never read with the columns or dictionaries of another build.
//!
//! Source: profile-table v1, "Schema hash".

use super::{Column, ColumnType, Dictionary, Scale};
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt::{self, Write};
use sha2::{Digest, Sha256};

/// The first 8 bytes of the SHA-256 of the canonical text, as a little-endian number.
pub(super) fn hash(columns: &[Column], dictionaries: &BTreeMap<String, Dictionary>, row_bytes: usize) -> u64 {
    let mut hasher = Hasher(Sha256::new());
    // The hasher takes any text: writing cannot fail.
    let _ = write_text(&mut hasher, columns, dictionaries, row_bytes);
    let digest: [u8; 32] = hasher.0.finalize().into();
    digest.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

struct Hasher(Sha256);

impl Write for Hasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

fn write_text(
    out: &mut impl Write,
    columns: &[Column],
    dictionaries: &BTreeMap<String, Dictionary>,
    row_bytes: usize,
) -> fmt::Result {
    writeln!(out, "vitrine-schema 1 {row_bytes}")?;
    for column in columns {
        let Column { name, kind, nullable, bit_offset } = column;
        write!(out, "column {name} {bit_offset} {} {}", u8::from(*nullable), kind.name())?;
        match kind {
            ColumnType::Bool => writeln!(out)?,
            ColumnType::Unsigned { bits } => writeln!(out, " {bits}")?,
            ColumnType::Scaled { bits, scale, zero, step } => {
                let scale = match scale {
                    Scale::Linear => "linear",
                    Scale::Log => "log",
                };
                writeln!(out, " {bits} {scale} {:016x} {:016x}", zero.to_bits(), step.to_bits())?;
            }
            ColumnType::Category { bits, dictionary } => writeln!(out, " {bits} {dictionary}")?,
            ColumnType::Labels { names } => {
                writeln!(out, " {}", names.len())?;
                write_entries(out, names)?;
            }
            ColumnType::TopK { k, id_bits, weight_bits, weight_max, dictionary } => {
                let weight_max = weight_max.to_bits();
                writeln!(out, " {k} {id_bits} {weight_bits} {weight_max:08x} {dictionary}")?;
            }
            ColumnType::Vector { dims, scale } => writeln!(out, " {dims} {:08x}", scale.to_bits())?,
        }
    }
    for (name, dictionary) in dictionaries {
        writeln!(out, "dictionary {name} {}", dictionary.entries.len())?;
        write_entries(out, &dictionary.entries)?;
    }
    Ok(())
}

/// The length in bytes keeps an entry with a line break in it apart from two entries.
fn write_entries(out: &mut impl Write, entries: &[String]) -> fmt::Result {
    for entry in entries {
        writeln!(out, "{}:{entry}", entry.len())?;
    }
    Ok(())
}
