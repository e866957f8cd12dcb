//! What a mapping says of one kind of file.

use vitrine_intake::{Kind, KindMapping, Mapping};

/// A mapping with the section of the kind that a feed has.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) mapping: Mapping,
    pub(crate) section: KindMapping,
}

impl Layout {
    /// The layout of a kind; `None` if the mapping does not have it.
    pub(crate) fn new(mapping: &Mapping, kind: Kind) -> Option<Self> {
        Some(Self { mapping: mapping.clone(), section: mapping.kind(kind)?.clone() })
    }

    /// SQL for the time that a text holds in one of the formats of the mapping; null where it holds none.
    pub(super) fn time(&self, text: &str) -> String {
        let formats: Vec<String> = self.mapping.dates.formats.iter().map(|format| format.sql(text)).collect();
        format!("coalesce({})", formats.join(", "))
    }
}
