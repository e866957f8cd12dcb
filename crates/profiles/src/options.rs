//! What a build is asked to do.

use crate::{ClusterUrl, IdentityRule, Mapping, ModelOptions};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use vitrine_intake::Shop;
use vitrine_learn::recommend::EASE_DEFAULT_ITEMS_MAX;
use vitrine_tables::TableKey;

/// Everything that a build depends on. Equal options and equal input give equal bytes.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Order files, CSV or Parquet by their extension (`.csv`, `.tsv`, `.parquet`). Range: at least one, or a shop.
    pub orders: Vec<PathBuf>,
    /// How the columns of the files become order lines.
    pub mapping: Mapping,
    /// A shop with all its feeds, read beside the order files. Default: none.
    pub shop: Option<Shop>,
    /// File of erased visitors: one a line, an id or the 16 hexadecimal digits of a row key. They come into no output,
    /// under none of their ids. Default: none.
    pub tombstones: Option<PathBuf>,
    /// Which member an alias belongs to that was linked to several.
    pub identity_rule: IdentityRule,
    /// The day on which feeds must not have expired. Default: `as_of`; needed if neither is given and a feed expires.
    pub today: Option<AsOf>,
    /// The `report.json` of an earlier build, from which distributions may have drifted. Default: the one in `out`.
    pub previous: Option<PathBuf>,
    /// The directory to write. Appears whole or not at all.
    pub out: PathBuf,
    /// Secret under which customer ids are hashed.
    pub key: TableKey,
    /// The time that features look back from. Default: midnight after the last order line.
    pub as_of: Option<AsOf>,
    /// Picks the customers whose purchases tune the neighbour lists, when there are more than are needed. Default 0.
    pub seed: u64,
    /// Whether a directory that is there already is replaced. Default: no, it is an error.
    pub replace: bool,
    /// The table has `2^shard_bits` shards. Default: by the number and width of the rows.
    pub shard_bits: Option<u8>,
    /// Memory for sorting and grouping; beyond it, data goes to disk. Unit: bytes. Default 2 GiB. The neighbour fit
    /// comes on top: about `4 * items_max^2 * 8` bytes at most.
    pub memory_bytes: usize,
    /// How item neighbour lists are made.
    pub neighbours: NeighbourOptions,
    /// Folder with the shop's own feature files (`.sql`). Default: none.
    pub features_dir: Option<PathBuf>,
    /// The shop's changes to labels, and its own segments (`labels.toml`). Default: none.
    pub labels_file: Option<PathBuf>,
    /// Directory of the steps' results. One that stays lets a killed build go on where it stopped, and the next one run
    /// only what changed. It holds customer ids. Default: one beside `out` that vanishes with the build.
    pub work_dir: Option<PathBuf>,
    /// The cluster that runs the steps; its machines see `work_dir` (or the directory of `out`) under the same path. Needs the
    /// feature `cluster`. Default: none, they run in this process.
    pub cluster: Option<ClusterUrl>,
    /// A step on a cluster fails once nothing of it has moved for so long: no stage was finished and no row came. Default 1 h.
    pub cluster_patience: Duration,
    /// Which models are learned. Default: customer value, groups, and who stays away.
    pub models: ModelOptions,
}

impl BuildOptions {
    /// The defaults of every option that has one.
    pub fn new(orders: Vec<PathBuf>, mapping: Mapping, out: PathBuf, key: TableKey) -> Self {
        Self {
            orders,
            mapping,
            shop: None,
            tombstones: None,
            identity_rule: IdentityRule::default(),
            today: None,
            previous: None,
            out,
            key,
            as_of: None,
            seed: 0,
            replace: false,
            shard_bits: None,
            memory_bytes: 2 << 30,
            neighbours: NeighbourOptions::default(),
            features_dir: None,
            labels_file: None,
            work_dir: None,
            cluster: None,
            cluster_patience: Duration::from_secs(3600),
            models: ModelOptions::default(),
        }
    }
}

impl BuildOptions {
    /// The mapping that reports name: that of the shop's first order feed, or of its first feed at all.
    pub(crate) fn layout_of_orders(&self) -> &Mapping {
        let feeds = self.shop.as_ref().filter(|_| self.orders.is_empty()).map_or(&[][..], |shop| &shop.feeds);
        let orders = feeds.iter().find(|feed| feed.kind == vitrine_intake::Kind::Orders);
        orders.or(feeds.first()).map_or(&self.mapping, |feed| &feed.mapping)
    }
}

/// How item neighbour lists are made.
///
/// Source: H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019 (EASE).
#[derive(Clone, Debug, PartialEq)]
pub struct NeighbourOptions {
    /// Neighbours kept for each item, the strongest by absolute weight. Range: 1..=255. Default 30.
    pub per_item: usize,
    /// Items with fewer buyers get no list. Unit: customers. Range: at least 1. Default 5.
    pub buyers_min: u64,
    /// Items in the item table; of more, the most bought are kept. Range: 1..=20000. Default 6000.
    pub items_max: usize,
    /// Strengths of regularisation to try on the time split. Unit: customers. Range: each above 0, at least one.
    /// Default 100, 300, 1000.
    pub lambdas: Vec<f64>,
    /// Items with buyers enough, up to which lists are EASE; above it they are item cosine, which needs no matrix of all
    /// pairs. Default 10,000.
    pub ease_items_max: usize,
    /// Whether `items/vectors.bin` is written: a direction for each item, for look-alikes and similar offers. Default: yes.
    pub vectors: bool,
}

impl Default for NeighbourOptions {
    fn default() -> Self {
        Self {
            per_item: 30,
            buyers_min: 5,
            items_max: 6000,
            lambdas: vec![100.0, 300.0, 1000.0],
            ease_items_max: EASE_DEFAULT_ITEMS_MAX,
            vectors: true,
        }
    }
}

/// The time that features look back from. The time of the shop's data, to the second; no zone is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AsOf(NaiveDateTime);

/// Why a text is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no date or time; write 2026-01-31 (midnight at its start) or 2026-01-31T12:00:00Z")]
pub struct AsOfError {
    /// The text.
    pub text: String,
}

impl AsOf {
    /// Seconds since 1970-01-01T00:00:00.
    pub fn unix_seconds(self) -> i64 {
        self.0.and_utc().timestamp()
    }

    /// The time at that many seconds since 1970-01-01T00:00:00; `None` outside of the calendar.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        DateTime::from_timestamp(seconds, 0).map(|time| Self(time.naive_utc()))
    }
}

impl FromStr for AsOf {
    type Err = AsOfError;

    /// Reads `2026-01-31`, `2026-01-31T12:00:00`, or an RFC 3339 date-time, whose offset is taken into account.
    fn from_str(text: &str) -> Result<Self, AsOfError> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
        date.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.naive_utc()))
            .or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").ok())
            .or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok())
            .and_then(|time| Self::from_unix_seconds(time.and_utc().timestamp()))
            .ok_or_else(|| AsOfError { text: text.to_owned() })
    }
}

impl fmt::Display for AsOf {
    /// As an RFC 3339 date-time, such as `2011-12-10T00:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%dT%H:%M:%SZ"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_printed() {
        for (text, shown) in [
            ("2011-12-10", "2011-12-10T00:00:00Z"),
            ("2011-12-09T12:50:00", "2011-12-09T12:50:00Z"),
            ("2011-12-09 12:50:00", "2011-12-09T12:50:00Z"),
            ("2011-12-09T12:50:00.9+01:00", "2011-12-09T11:50:00Z"),
        ] {
            assert_eq!(text.parse::<AsOf>().map(|time| time.to_string()).as_deref(), Ok(shown));
        }
        for text in ["", "yesterday", "2011-13-01", "2011-12-10T25:00:00Z", "10/12/2011"] {
            assert!(text.parse::<AsOf>().unwrap_err().to_string().contains("2026-01-31"), "{text}");
        }
    }
}
