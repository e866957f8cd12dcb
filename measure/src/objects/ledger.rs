//! A shard of the ledger: counts events exactly once, and keeps them until they are in a file.
//!
//! A call is one transaction: all of it happens, or nothing, so a caller that got no answer sends it again. Each file below has
//! one concern: `schema` is the database, `record` counts, `visits` is what visitors met, `counts` tells, `replay` keeps answers
//! of batches, `segments` writes the files of raw events and forgets what is old.

mod counts;
mod record;
mod replay;
mod schema;
mod segments;
mod visits;

use std::cell::Cell;

use vitrine_ledger::{Answer, Call};
use vitrine_rim::respond;
use vitrine_rim::settings::Settings;
use worker::{
    Date, DurableObject, Env, Request, Response, Result, ScheduledTime, State, console_error, durable_object,
};

use crate::bucket::Bucket;

/// See the module's text.
#[durable_object]
pub struct Ledger {
    state: State,
    env: Env,
    is_prepared: Cell<bool>,
    /// An alarm is set within the time after which events are written, as far as this instance knows.
    is_awake: Cell<bool>,
}

impl DurableObject for Ledger {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, is_prepared: Cell::new(false), is_awake: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        // Not by way of JavaScript, whose numbers would change those of a call.
        let call: Call = serde_json::from_str(&request.text().await?)?;
        match self.run(call).await {
            Ok(answer) => respond::json(200, serde_json::to_string(&answer)?),
            Err(error) => {
                console_error!("ledger: {error}");
                respond::json(500, "the shard failed".to_owned())
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.is_awake.set(false);
        let next_ms = match self.tidy().await {
            Ok(next_ms) => next_ms,
            Err(error) => {
                console_error!("ledger: {error}");
                // Not left to the runtime, which gives up after six tries.
                Some(self.retry_ms())
            }
        };
        if let Some(next_ms) = next_ms {
            // What has come meanwhile has set an alarm, which is replaced here.
            self.is_awake.set(next_ms <= Settings::measure(&self.env).segment_ms);
            self.wake_in(next_ms).await?;
        }
        respond::empty(204)
    }
}

impl Ledger {
    async fn run(&self, call: Call) -> Result<Answer> {
        self.prepare()?;
        match call {
            Call::Record(record) => {
                self.stay_awake().await?;
                let (are_new, costs) = self.record(&record)?;
                Ok(Answer::Recorded { are_new, costs })
            }
            Call::Visit { environment, visits } => {
                self.stay_awake().await?;
                self.visit(&environment, &visits).map(Answer::Looked)
            }
            Call::Count(query) => self.count(&query),
            Call::Recall { key } => self.recall(&key).map(Answer::Recalled),
            Call::Remember(remember) => self.remember(&remember, now_ms()).map(|()| Answer::Done),
            Call::Held(whom) => self.held(&whom).map(Answer::Held),
            Call::Forget(whom) => self.forget(&whom).map(Answer::Held),
        }
    }

    /// Makes sure that files will be written, before there is anything to write.
    async fn stay_awake(&self) -> Result<()> {
        if self.is_awake.get() {
            return Ok(());
        }
        let segment_ms = Settings::measure(&self.env).segment_ms;
        let latest_ms = now_ms().saturating_add_unsigned(segment_ms);
        // There may be one that only forgets what is old, hours from now.
        if self.state.storage().get_alarm().await?.is_none_or(|at_ms| at_ms > latest_ms) {
            self.wake_in(segment_ms).await?;
        }
        self.is_awake.set(true);
        Ok(())
    }

    /// Wait before what failed is tried again.
    fn retry_ms(&self) -> u64 {
        Settings::measure(&self.env).segment_ms.clamp(segments::RETRY_MS_MIN, segments::RETRY_MS)
    }

    async fn wake_in(&self, wait_ms: u64) -> Result<()> {
        let at_ms = Date::now().as_millis().saturating_add(wait_ms);
        let date = js_sys::Date::new(&(at_ms as f64).into());
        self.state.storage().set_alarm(ScheduledTime::new(date)).await
    }

    fn bucket(&self) -> Option<Bucket> {
        Bucket::of(&self.env)
    }
}

/// The present. Unit: ms since 1970.
fn now_ms() -> i64 {
    i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX)
}
