//! Batches of servers: the answer of a batch that was completed is given again to the same `Idempotency-Key`.

use vitrine_api::{Problem, ProblemCode, sha256_hex};
use vitrine_ledger::{Answer, Call, Remember, key, shard_of};
use vitrine_rim::settings::Settings;
use worker::{Env, Headers, console_error};

use crate::shards;

/// Longest key. Unit: bytes.
const KEY_BYTES_MAX: usize = 128;

/// A batch with a key.
pub struct Batch {
    key: String,
    body: String,
    shard: u32,
}

/// What is known of a batch.
pub enum Recalled {
    /// Nothing: it is new, or was not completed.
    New,
    /// Its answer.
    Answered(String),
    /// It cannot be known now.
    Late,
}

/// The `Idempotency-Key` of a call, if it has one.
///
/// Errors: 400 for one that is empty or too long.
pub fn key_of(headers: &Headers) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key").ok().flatten() else { return Ok(None) };
    let key = key.trim().trim_matches('"');
    if (1..=KEY_BYTES_MAX).contains(&key.len()) {
        return Ok(Some(key.to_owned()));
    }
    let detail = format!("Idempotency-Key has 1 to {KEY_BYTES_MAX} bytes");
    Err(Problem::field("/idempotency-key", "invalid_field", detail))
}

impl Batch {
    /// The batch of this key and body.
    pub fn of(environment: &str, batch_key: &str, body: &[u8], env: &Env) -> Self {
        let key = key(&[environment, "batch", batch_key]);
        let shard = shard_of(&key, Settings::measure(env).shards);
        Self { key, body: sha256_hex(body), shard }
    }

    /// What is known of it.
    ///
    /// Errors: 409 when the key came with another body.
    pub async fn recall(&self, env: &Env) -> Result<Recalled, Problem> {
        match shards::ask(env, self.shard, &Call::Recall { key: self.key.clone() }).await {
            Ok(Answer::Recalled(None)) => Ok(Recalled::New),
            Ok(Answer::Recalled(Some(it))) if it.body == self.body => Ok(Recalled::Answered(it.answer)),
            Ok(Answer::Recalled(Some(_))) => {
                Err(Problem::new(ProblemCode::Conflict, "this Idempotency-Key came before with another body"))
            }
            other => {
                console_error!("ledger: {other:?}");
                Ok(Recalled::Late)
            }
        }
    }

    /// Keeps the answer. A failure is logged: the rows know by themselves that they were counted.
    pub async fn keep(self, answer: &str, env: &Env) {
        let remember = Remember { key: self.key, body: self.body, answer: answer.to_owned() };
        if let Err(why) = shards::ask(env, self.shard, &Call::Remember(remember)).await {
            console_error!("{why}");
        }
    }
}
