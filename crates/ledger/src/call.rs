//! What the ledger's objects are told and asked, and what they answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vitrine_api::{Pseudonyms, hexadecimal};

use crate::attribution::Touch;
use crate::budget::Cost;
use crate::counts::{CountQuery, CountRow};
use crate::record::Recorded;
use crate::shard::{key, shard_of};

/// A call of one shard.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Counts events that have not been counted. All of it happens, or nothing.
    Record(Record),
    /// Notes what visitors met, and tells what they met before.
    Visit {
        /// Where.
        environment: String,
        /// What.
        visits: Visits,
    },
    /// Tells counts.
    Count(CountQuery),
    /// Gives the answer of a batch that was completed before, if there is one.
    Recall {
        /// The batch.
        key: String,
    },
    /// Keeps the answer of a batch.
    Remember(Remember),
    /// Tells how much is known of visitors.
    Held(Whom),
    /// Takes away what is known of visitors.
    Forget(Whom),
}

/// Events to be counted.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Record {
    /// Number of the shard, for the names of its files.
    pub shard: u32,
    /// Where.
    pub environment: String,
    /// When they arrived. Unit: ms since 1970.
    pub now_ms: i64,
    /// The events.
    pub events: Vec<Recorded>,
    /// What was not counted: by the word of the reason, how many rows.
    pub apart: BTreeMap<String, u64>,
}

/// What visitors met, and what is to be told of them. Visitors are hashes, as tokens name them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Visits {
    /// By visitor: what they met.
    pub touches: Vec<(String, Touch)>,
    /// By visitor: the moments (ms since 1970) before which it is asked what they met.
    pub looks: Vec<(String, i64)>,
}

impl Visits {
    /// Whether there is nothing to tell or ask.
    pub fn is_empty(&self) -> bool {
        self.touches.is_empty() && self.looks.is_empty()
    }

    /// Those of each shard.
    pub fn by_shard(self, environment: &str, n_shards: u32) -> BTreeMap<u32, Self> {
        let shard = |visitor: &str| visitor_shard(environment, visitor, n_shards);
        let mut shards: BTreeMap<u32, Self> = BTreeMap::new();
        for touch in self.touches {
            shards.entry(shard(&touch.0)).or_default().touches.push(touch);
        }
        for look in self.looks {
            shards.entry(shard(&look.0)).or_default().looks.push(look);
        }
        shards
    }
}

/// What visitors had met, by visitor and moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Looked(pub Vec<(String, i64, Vec<Touch>)>);

impl Looked {
    /// What a visitor had met before a moment, if it was asked.
    pub fn found(&self, visitor: &str, at_ms: i64) -> Option<&Vec<Touch>> {
        self.0.iter().find(|(who, at, _)| who == visitor && *at == at_ms).map(|(_, _, touches)| touches)
    }
}

/// The answer of a batch.
#[derive(Debug, Serialize, Deserialize)]
pub struct Remember {
    /// The batch.
    pub key: String,
    /// What its body was, as a key.
    pub body: String,
    /// The answer.
    pub answer: String,
}

/// Visitors, for a call of every shard: one knows what they met, any may have events of theirs that are in no file yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whom {
    /// Where.
    pub environments: Vec<String>,
    /// Who.
    pub visitors: Vec<Named>,
}

/// A visitor as the database names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// In what visitors met, and in lines.
    pub unit: String,
    /// In lines, if that is known.
    pub row_key: Option<String>,
}

impl Named {
    /// The visitor with this key.
    pub fn of_key(pseudonyms: &Pseudonyms<'_>, visitor_key: &str) -> Self {
        let row_key = pseudonyms.row_key(visitor_key).map(|it| hexadecimal(it.0));
        Self { unit: hexadecimal(pseudonyms.unit(visitor_key)), row_key }
    }

    /// The visitor with this unit and row key.
    pub fn of_row(unit: u64, row_key: u64) -> Self {
        Self { unit: hexadecimal(unit), row_key: Some(hexadecimal(row_key)) }
    }
}

fn visitor_shard(environment: &str, visitor: &str, n_shards: u32) -> u32 {
    shard_of(&key(&[environment, "visitor", visitor]), n_shards)
}

/// What a shard answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To [`Call::Record`].
    Recorded {
        /// Of each event, in their order, whether it is new.
        are_new: Vec<bool>,
        /// Of each campaign that one of them costs something, everything that it has cost in this shard.
        costs: Vec<Cost>,
    },
    /// To [`Call::Visit`].
    Looked(Looked),
    /// To [`Call::Count`].
    Counted(Vec<CountRow>),
    /// To [`Call::Count`]: there are more groups than can be told.
    TooMany,
    /// To [`Call::Recall`].
    Recalled(Option<Remember>),
    /// To [`Call::Held`] and [`Call::Forget`]: how much there is, or was.
    Held(u64),
    /// To what has nothing to tell.
    Done,
}
