//! One immutable view of what is published: a bundle, a table, and their join. A request uses one snapshot from start to end.

use std::rc::Rc;

use vitrine_bundle::{Groups, Stored};
use vitrine_engine::{AttributeIdx, Bundle, OfferIndex, Scope};
use vitrine_flags::Payload;
use vitrine_tables::{ColumnIdx, ItemTable, ItemVectors, Manifest};

use crate::envelope::Envelope;
use crate::made_up::MadeUpProfile;
use crate::profile::{Dictionary, ItemTableGraph, history_columns, vector_column};

/// A bundle that is ready to decide.
#[derive(Debug)]
pub struct BundleState {
    version: u64,
    published_at: String,
    bundle: Bundle,
    flags: Payload,
    groups: Groups,
}

impl BundleState {
    /// A compiled bundle with the version that it was published under (0 for a draft).
    ///
    /// Errors: its flags are no payload, in words for the operator's log.
    pub fn new(version: u64, published_at: String, stored: Stored) -> Result<Self, String> {
        let Stored { bundle, flags, groups } = stored;
        let flags = Payload::parse(flags.as_bytes()).map_err(|error| format!("the flags: {error}"))?;
        Ok(Self { version, published_at, bundle, flags, groups })
    }

    /// Reads a stored envelope.
    ///
    /// Errors: the first reason, in words for the operator's log, why the bytes are not a bundle.
    pub fn load(bytes: &[u8]) -> Result<Self, String> {
        let envelope = Envelope::parse(bytes).map_err(|error| error.to_string())?;
        let stored = vitrine_bundle::decode(envelope.bundle.get()).map_err(|error| error.to_string())?;
        Self::new(envelope.version, envelope.published_at, stored)
    }

    /// The published version, 0 for a draft.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// RFC 3339 time of publication; empty for a draft.
    pub fn published_at(&self) -> &str {
        &self.published_at
    }

    /// The configuration.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Flags and experiments.
    pub fn flags(&self) -> &Payload {
        &self.flags
    }

    /// Saved groups of hashed ids.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }
}

/// A table without its shards: the manifest and the item table.
#[derive(Debug)]
pub struct TableState {
    /// What the table holds.
    pub manifest: Manifest,
    /// The items of the build, if it has any.
    pub items: Option<ItemTable>,
    /// Vectors of these items, if it has any.
    pub vectors: Option<ItemVectors>,
}

/// The table of a snapshot.
#[derive(Clone, Debug, Default)]
pub enum TableSlot {
    /// None has been published.
    #[default]
    Absent,
    /// One is announced, and its manifest or items could not be read.
    Unreadable,
    /// The running table.
    Ready(Rc<TableState>),
}

/// What the caller found for a visitor key that [`crate::personalisation`] allowed it to look up.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'a> {
    /// The bytes of the visitor's row.
    Row(&'a [u8]),
    /// The shard is there and holds no such visitor.
    NotFound,
    /// The shard is missing, late or corrupt.
    Unavailable,
    /// Nobody was looked up: the visitor is made up.
    MadeUp(&'a MadeUpProfile),
}

/// What is published, joined.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    bundle: Option<Rc<BundleState>>,
    table: TableSlot,
    killed: bool,
    /// By attribute of the bundle: the column of the table with its name.
    columns: Rc<[Option<ColumnIdx>]>,
    history: Rc<[ColumnIdx]>,
    vector: Option<ColumnIdx>,
    index: Rc<OfferIndex>,
}

impl Snapshot {
    /// Joins a bundle and a table; either may be absent. `killed` is the operator's switch: only fallback offers.
    pub fn new(bundle: Option<Rc<BundleState>>, table: TableSlot, killed: bool) -> Self {
        let mut snapshot = Self { table, killed, ..Self::default() };
        if let TableSlot::Ready(table) = &snapshot.table {
            snapshot.history = history_columns(&table.manifest.schema).into();
            snapshot.vector = vector_column(&table.manifest.schema);
        }
        if let Some(bundle) = &bundle {
            snapshot.index = Rc::new(OfferIndex::new(bundle.bundle(), &snapshot.graph()));
            let column = |name: &str| snapshot.table().and_then(|it| it.manifest.schema.column(name));
            let attributes = bundle.bundle().attributes().iter();
            snapshot.columns = attributes
                .map(|attribute| match attribute.scope {
                    Scope::Profile => column(&attribute.name),
                    Scope::Context => None,
                })
                .collect();
        }
        Self { bundle, ..snapshot }
    }

    /// The running bundle.
    pub fn bundle(&self) -> Option<&Rc<BundleState>> {
        self.bundle.as_ref()
    }

    /// The running table, if it can be read.
    pub fn table(&self) -> Option<&Rc<TableState>> {
        match &self.table {
            TableSlot::Ready(table) => Some(table),
            TableSlot::Absent | TableSlot::Unreadable => None,
        }
    }

    /// The table, or why there is none.
    pub fn table_slot(&self) -> &TableSlot {
        &self.table
    }

    /// Whether the operator has switched decisions off.
    pub fn killed(&self) -> bool {
        self.killed
    }

    pub(crate) fn index(&self) -> &OfferIndex {
        &self.index
    }

    pub(crate) fn graph(&self) -> ItemTableGraph<'_> {
        ItemTableGraph { items: self.items(), vectors: self.table().and_then(|it| it.vectors.as_ref()) }
    }

    pub(crate) fn column(&self, attribute: AttributeIdx) -> Option<ColumnIdx> {
        self.columns.get(usize::from(attribute.0)).copied().flatten()
    }

    pub(crate) fn history_columns(&self) -> &[ColumnIdx] {
        &self.history
    }

    pub(crate) fn vector_column(&self) -> Option<ColumnIdx> {
        self.vector
    }

    pub(crate) fn dictionary(&self, name: &str) -> Option<Dictionary<'_>> {
        if name == "items" {
            return self.items().map(Dictionary::Items);
        }
        self.table()?.manifest.schema.dictionary(name).map(Dictionary::Texts)
    }

    fn items(&self) -> Option<&ItemTable> {
        self.table()?.items.as_ref()
    }
}
