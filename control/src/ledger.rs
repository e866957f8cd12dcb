//! Calls of the ledger's objects from here.

use futures_util::future::join_all;
use vitrine_api::Pseudonyms;
use vitrine_ledger::{Answer, Call};
use vitrine_rim::objects;
use vitrine_rim::settings::Settings;
use worker::{Env, Result};

/// Asks every shard the same.
///
/// Errors: one of them gave no answer, in words for the log.
pub async fn ask_all(env: &Env, call: &Call) -> std::result::Result<Vec<Answer>, String> {
    let call = serde_json::to_string(call).map_err(|it| it.to_string())?;
    let asked = (0..Settings::measure(env).shards).map(|shard| {
        let call = &call;
        async move { objects::ask(env, "LEDGER", &format!("shard-{shard}"), call).await }
    });
    let answers = join_all(asked).await.into_iter().enumerate();
    let read = |(shard, answer): (usize, Result<String>)| {
        let text = answer.map_err(|error| format!("ledger shard {shard}: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("ledger shard {shard}: {error}"))
    };
    answers.map(read).collect()
}

/// The sum of what the shards answer to [`Call::Held`] or [`Call::Forget`].
///
/// Errors: as [`ask_all`].
pub async fn ask_how_much(env: &Env, call: &Call) -> std::result::Result<u64, String> {
    ask_all(env, call).await?.into_iter().try_fold(0_u64, |sum, answer| match answer {
        Answer::Held(n) => Ok(sum.saturating_add(n)),
        _ => Err("ledger: an answer to another question".to_owned()),
    })
}

/// What hides visitors in the ledger; `None` without the secret that everything measured needs.
pub fn pseudonyms(settings: &Settings) -> Option<Pseudonyms<'_>> {
    settings.token_keys.as_ref().map(|tokens| Pseudonyms { tokens, table: settings.table_key.as_ref() })
}
