//! Calls of the ledger's objects.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use vitrine_ledger::{Answer, Call, Looked, Record, Recorded, Visits, shard_of};
use vitrine_rim::objects;
use vitrine_rim::settings::Settings;
use worker::{Env, console_error};

use crate::{apart, budgets};

/// Asks one shard.
///
/// Errors: it gave no answer, in words for the log.
pub async fn ask(env: &Env, shard: u32, call: &Call) -> Result<Answer, String> {
    let asked = async {
        let call = serde_json::to_string(call)?;
        objects::ask(env, "LEDGER", &format!("shard-{shard}"), &call).await
    };
    let text = asked.await.map_err(|error| format!("ledger shard {shard}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("ledger shard {shard}: {error}"))
}

/// Tells the shards of visitors what they met, and asks them.
///
/// Errors: one of them gave no answer; nothing was counted yet, so all of it can be done again.
pub async fn visit(env: &Env, environment: &str, visits: Visits) -> Result<Looked, ()> {
    if visits.is_empty() {
        return Ok(Looked::default());
    }
    let shards = visits.by_shard(environment, Settings::measure(env).shards);
    let asked = shards.into_iter().map(|(shard, visits)| async move {
        ask(env, shard, &Call::Visit { environment: environment.to_owned(), visits }).await
    });
    let mut looked = Looked::default();
    for answer in join_all(asked).await {
        match answer {
            Ok(Answer::Looked(more)) => looked.0.extend(more.0),
            Ok(_) => return Err(()),
            Err(why) => {
                console_error!("{why}");
                return Err(());
            }
        }
    }
    Ok(looked)
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was counted.
    New,
    /// It had been counted before.
    Known,
    /// It was not counted, because its shard gave no answer.
    Retry,
}

/// Counts events, each at its shard. `apart`: what was not counted, which goes along. Gives the outcomes in the order of the events.
pub async fn record(
    env: &Env,
    environment: &str,
    now_ms: i64,
    events: Vec<Recorded>,
    apart: BTreeMap<String, u64>,
) -> Vec<Outcome> {
    let n_shards = Settings::measure(env).shards;
    let mut outcomes = vec![Outcome::Retry; events.len()];
    let mut shards: BTreeMap<u32, (Vec<usize>, Vec<Recorded>)> = BTreeMap::new();
    for (index, event) in events.into_iter().enumerate() {
        let shard = shard_of(event.keys.first().map_or("", String::as_str), n_shards);
        let (indices, events) = shards.entry(shard).or_default();
        indices.push(index);
        events.push(event);
    }
    if shards.is_empty() && !apart.is_empty() {
        shards.entry(0).or_default();
    }
    let mut apart = Some(apart);
    let asked = shards.into_iter().map(|(shard, (indices, events))| {
        let apart = apart.take().unwrap_or_default();
        let record = Record { shard, environment: environment.to_owned(), now_ms, events, apart: apart.clone() };
        async move { (shard, indices, apart, ask(env, shard, &Call::Record(record)).await) }
    });
    let mut charges = Vec::new();
    for (shard, indices, apart, answer) in join_all(asked).await {
        match answer {
            Ok(Answer::Recorded { are_new, costs }) => {
                if !costs.is_empty() {
                    charges.push((shard, costs));
                }
                for (index, is_new) in indices.into_iter().zip(are_new) {
                    if let Some(outcome) = outcomes.get_mut(index) {
                        *outcome = if is_new { Outcome::New } else { Outcome::Known };
                    }
                }
            }
            Ok(_) => console_error!("ledger: an answer to another question"),
            Err(why) => {
                console_error!("{why}");
                // It goes with the next call.
                for (why, n) in apart {
                    apart::add(environment, &why, usize::try_from(n).unwrap_or(usize::MAX));
                }
            }
        }
    }
    join_all(charges.into_iter().map(|(shard, costs)| budgets::charge(env, environment, shard, costs))).await;
    outcomes
}
