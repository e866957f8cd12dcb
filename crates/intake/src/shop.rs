//! The shop file: which feeds a shop has, where their files lie, and on what terms they may be used.

use crate::dates::unix_seconds;
use crate::document::{self, DocumentError, Problems, Table, unknown};
use crate::kind::Kind;
use crate::mapping::{BUILTIN_MAPPINGS, Mapping};
use std::path::{Path, PathBuf};

/// The word for shop files in messages.
const WHAT: &str = "shop file";

/// A shop with its feeds. Paths in it are relative to the folder of the shop file, and resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Shop {
    /// Its name, for reports. 1 to 64 bytes.
    pub name: String,
    /// ISO 4217 code of the currency that all feeds are in.
    pub currency: String,
    /// Decimal digits of the minor unit. Range: 0..=4.
    pub minor_digits: u8,
    /// Folder of the shop's own feature files.
    pub features: Option<PathBuf>,
    /// File of the shop's own labels.
    pub labels: Option<PathBuf>,
    /// File of visitors that must not come back, one id a line.
    pub tombstones: Option<PathBuf>,
    /// Never empty; ids are unique.
    pub feeds: Vec<Feed>,
}

/// Files of one kind from one source, and the terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// Unique in the shop: lower-case letters, digits, `-` and `_`, at most 64 bytes.
    pub id: String,
    /// What its rows are.
    pub kind: Kind,
    /// Paths, folders, patterns or `s3://bucket/prefix`; never empty.
    pub files: Vec<String>,
    /// How its columns are read; it has a section for `kind`.
    pub mapping: Mapping,
    /// Who gave the data.
    pub provider: Option<String>,
    /// What it may be used for.
    pub purpose: Option<String>,
    /// On what legal basis.
    pub legal_basis: Option<String>,
    /// Under which licence.
    pub licence: Option<String>,
    /// From when on it may not be used. Unit: seconds since 1970. `None`: no end.
    pub expires_s: Option<i64>,
    /// Whether somebody has said that it may be used; true if the file does not say.
    pub is_authorised: bool,
}

impl Feed {
    /// Whether it may be used at that time. Unit: seconds since 1970.
    pub fn is_active(&self, at_s: i64) -> bool {
        self.is_authorised && self.expires_s.is_none_or(|expires_s| at_s < expires_s)
    }
}

impl Shop {
    /// Reads a shop file (TOML) and the mappings that it names.
    ///
    /// Errors: what cannot be read, is no TOML, has unknown or missing keys, or values that make no sense; all at once.
    pub fn from_file(path: &Path) -> Result<Self, DocumentError> {
        let text = document::read(WHAT, path)?;
        Self::parse(&path.display().to_string(), &text, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads the text of a shop file; paths in it are relative to `folder`.
    ///
    /// Errors: as [`Shop::from_file`].
    pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, DocumentError> {
        let problems = Problems::new(text);
        let shop =
            document::parse(&problems, text).and_then(|table| read(Table::root(&problems, table.get_ref()), folder));
        problems.into_result(shop, WHAT, name)
    }
}

fn read(root: Table<'_, '_>, folder: &Path) -> Option<Shop> {
    let version = root.required("version", "write version = 1", |root, key| root.whole(key))?;
    if version != 1 {
        root.refuse("version", format!("is {version}, but this command reads version 1"));
        return None;
    }
    let name = root.required("name", "name the shop; the name stands in the report", |root, key| root.text(key));
    if name.as_ref().is_some_and(|name| name.is_empty() || name.len() > 64) {
        root.refuse("name", "needs 1 to 64 bytes; it stands in the report");
    }
    let (currency, minor_digits) = crate::mapping::currency(&root);
    let path = |key: &str| {
        let text = root.text(key)?;
        if text.trim().is_empty() {
            root.refuse(key, "is empty; write a path, or leave the key out");
        }
        Some(folder.join(text))
    };
    let (features, labels, tombstones) = (path("features"), path("labels"), path("tombstones"));
    let tables = root.required("feed", "write at least one [[feed]]", |root, key| root.get(key)?.tables());
    let mut feeds: Vec<Feed> = Vec::new();
    for table in tables.unwrap_or_default() {
        let money = currency.as_deref().zip(minor_digits);
        let Some(found) = feed(table, folder, money, &feeds) else { continue };
        feeds.push(found);
    }
    root.finish();
    Some(Shop { name: name?, currency: currency?, minor_digits: minor_digits?, features, labels, tombstones, feeds })
}

fn feed(table: Table<'_, '_>, folder: &Path, money: Option<(&str, u8)>, others: &[Feed]) -> Option<Feed> {
    let id = table.required("id", "name the feed; reports and labels use the name", |table, key| table.text(key));
    if let Some(id) = &id {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        if id.is_empty() || id.len() > 64 || !id.bytes().all(fits) {
            table.refuse("id", format!("{id:?} is no id; use lower-case letters, digits, - and _, at most 64 bytes"));
        }
        if others.iter().any(|other| other.id == *id) {
            table.refuse("id", format!("{id:?} is the id of another feed; give each its own"));
        }
    }
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let kind = table.required("kind", &format!("write one of {}", kinds.join(", ")), |table, key| {
        let value = table.get(key)?;
        let text = value.text()?;
        let kind = Kind::from_name(&text);
        if kind.is_none() {
            value.refuse(unknown("kind", &text, &kinds));
        }
        kind
    });
    let files =
        table.required("files", "list paths, folders, patterns or s3://bucket/prefix", |table, key| table.texts(key));
    if files.as_ref().is_some_and(|files| files.is_empty() || files.iter().any(|file| file.trim().is_empty())) {
        table.refuse("files", "is empty; list paths, folders, patterns or s3://bucket/prefix");
    }
    let mapping = table.required("mapping", "name a mapping that is built in, or a file", |table, key| {
        let value = table.get(key)?;
        let text = value.text()?;
        let is_file = text.ends_with(".toml") || text.contains(['/', '\\']);
        let found = if is_file { Mapping::from_file(&folder.join(&text)) } else { Mapping::builtin(&text) };
        found.map_err(|error| value.refuse(advice(&error, &text))).ok()
    });
    if let Some((mapping, kind)) = mapping.as_ref().zip(kind) {
        if mapping.kind(kind).is_none() {
            let what = format!(
                "{} maps {}, but not {kind}; add [{kind}.fields], or choose another mapping",
                mapping.name,
                mapping.kind_names()
            );
            table.refuse("mapping", what);
        }
        if let Some((currency, digits)) = money
            && (mapping.currency != currency || mapping.minor_digits != digits)
        {
            let what = format!(
                "{} counts in {} with {} digits, but the shop in {currency} with {digits}; all feeds need one currency",
                mapping.name, mapping.currency, mapping.minor_digits
            );
            // What is built in stands for a layout; money is the shop's affair.
            if !BUILTIN_MAPPINGS.contains(&mapping.name.as_str()) {
                table.refuse("mapping", what);
            }
        }
    }
    let said = |key: &str| {
        let text = table.text(key)?;
        if text.trim().is_empty() {
            table.refuse(key, "is empty; say it, or leave the key out");
        }
        Some(text)
    };
    let (provider, purpose) = (said("provider"), said("purpose"));
    let (legal_basis, licence) = (said("legal_basis"), said("licence"));
    let expires_s = table.text("expires").and_then(|text| {
        let seconds = unix_seconds(&text);
        if seconds.is_none() {
            table.refuse("expires", format!("{text:?} is no date; write 2027-01-01"));
        }
        seconds
    });
    let is_authorised = table.bool("authorised").unwrap_or(true);
    table.finish();
    let files = files?
        .into_iter()
        .map(|file| if file.contains("://") { file } else { folder.join(file).display().to_string() });
    let files = files.collect();
    let mut mapping = mapping?;
    if let Some((currency, digits)) = money {
        mapping.currency = currency.to_owned();
        mapping.minor_digits = digits;
    }
    let (id, kind) = (id?, kind?);
    Some(Feed { id, kind, files, mapping, provider, purpose, legal_basis, licence, expires_s, is_authorised })
}

/// A mapping's own message; a name that is none may be a file.
fn advice(error: &DocumentError, text: &str) -> String {
    match error {
        DocumentError::Unknown { .. } => format!("{error}; a file needs its ending: {text:?} + \".toml\""),
        _ => error.to_string(),
    }
}
