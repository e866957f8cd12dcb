//! The one that owns what all visitors of an environment together may be shown and may cost.
//!
//! Isolates lease portions (`lease`); what they were given counts as spent until they give it back. What is paid for by click
//! or conversion comes from the shards of the ledger as sums that only grow, so that it does not matter how often they are
//! told. The arithmetic is `vitrine-ledger`'s; here are the database and the calls. A call is one transaction.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;
use vitrine_api::{Granted, LEAVE, LeaseCall, Leased, Meter};
use vitrine_engine::TimestampMs;
use vitrine_ledger::{Account, Basis, BudgetCall, BudgetReport, Cost, Spent, Terms, campaign_key};
use vitrine_rim::respond;
use vitrine_rim::settings::Settings;
use worker::{
    Date, DurableObject, Env, Error, Request, Response, Result, SqlStorageValue, State, console_error, durable_object,
};

use super::sqlite::{self, integer};
use crate::bundles::{self, Bundle, Found};

/// `spent` is what each account has spent, portions included (day 0: ever; else days since 1970); `portion` what was leased and not
/// given back; `cost` what the shards of the ledger have counted of campaigns. Money is in thousandths of the smallest coin.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS spent (key TEXT NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (key, day))
        WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS portion (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, day INTEGER NOT NULL,
        n INTEGER NOT NULL, price INTEGER NOT NULL, at_ms INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS portion_by_time ON portion (at_ms);
    CREATE TABLE IF NOT EXISTS cost (campaign TEXT NOT NULL, shard INTEGER NOT NULL, milli INTEGER NOT NULL,
        PRIMARY KEY (campaign, shard)) WITHOUT ROWID;";

/// How long a portion may be given back. What nobody gave back until then was shown, or is lost. Unit: ms.
const GIVE_BACK_MS: i64 = 3_600_000;
/// How many days the counts of a day are kept, so that portions of it can be given back.
const DAYS_KEPT: i64 = 2;
/// Length of a day. Unit: ms.
const DAY_MS: i64 = 86_400_000;

/// See the module's text.
#[durable_object]
pub struct Budget {
    state: State,
    env: Env,
    is_prepared: Cell<bool>,
}

#[derive(Deserialize)]
struct SpentRow {
    key: String,
    day: i64,
    n: u64,
}

#[derive(Deserialize)]
struct CostRow {
    campaign: String,
    milli: u64,
}

#[derive(Deserialize)]
struct PortionRow {
    key: String,
    day: i64,
    n: u64,
    price: u64,
}

#[derive(Deserialize)]
struct IdRow {
    id: u64,
}

/// What is spent, by key and day.
type Sums = BTreeMap<(String, i64), u64>;

impl DurableObject for Budget {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, is_prepared: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let is_lease = request.path() == "/lease";
        let text = request.text().await?;
        let answered = if is_lease { self.lease(&text).await } else { self.run(&text).await };
        match answered {
            Ok(text) => respond::json(200, text),
            Err(error) => {
                console_error!("budget: {error}");
                respond::json(500, "the budget failed".to_owned())
            }
        }
    }
}

impl Budget {
    async fn run(&self, text: &str) -> Result<String> {
        let call: BudgetCall = serde_json::from_str(text)?;
        self.prepare()?;
        match call {
            BudgetCall::Charge { shard, costs } => {
                self.charge(shard, &costs)?;
                Ok("{}".to_owned())
            }
            BudgetCall::Show { environment, version } => {
                let now = now();
                let report = if version == 0 {
                    BudgetReport { environment, at: now.to_string(), ..BudgetReport::default() }
                } else {
                    let bundle = self.bundle(version).await?;
                    self.report(&environment, version, &bundle.terms, now)?
                };
                Ok(serde_json::to_string(&report)?)
            }
        }
    }

    /// Takes back what an isolate gives back, and gives it what it wants, as far as that is there.
    async fn lease(&self, text: &str) -> Result<String> {
        let call = LeaseCall::parse(text).map_err(|error| Error::RustError(error.to_string()))?;
        self.prepare()?;
        let bundle = self.bundle(call.version).await?;
        let now = now();
        let leased = sqlite::transaction(&self.state, || {
            self.forget_old(now)?;
            for (id, left) in &call.back {
                self.take_back(*id, *left)?;
            }
            let mut sums = self.sums()?;
            let mut granted = Vec::new();
            for wanted in &call.wanted {
                // What this version does not limit is not asked for by those who hold it.
                let Some(account) = bundle.terms.account(wanted.meter, now) else { continue };
                let spent = sums.entry((account.key.clone(), account.day)).or_default();
                let (id, n) = match account.basis {
                    Basis::Events => (LEAVE, if account.is_open(*spent) { u32::MAX } else { 0 }),
                    Basis::Showings => match account.portion(*spent, wanted.n) {
                        0 => (LEAVE, 0),
                        n => {
                            *spent = spent.saturating_add(account.each.saturating_mul(n.into()));
                            (self.give(&account, n, now)?, n)
                        }
                    },
                };
                if n > 0 {
                    granted.push(Granted { meter: wanted.meter, id, n });
                }
            }
            let mut leased = Leased { life_ms: self.life_ms(), look_again_ms: u64::MAX, closed: Vec::new(), granted };
            leased.look_again_ms = leased.life_ms;
            for meter in bundle.terms.meters() {
                self.note_closed(meter, &bundle.terms, &sums, now, &mut leased);
            }
            leased.closed.sort_unstable();
            Ok(leased)
        })?;
        Ok(leased.to_text())
    }

    fn note_closed(&self, meter: Meter, terms: &Terms, sums: &Sums, now: TimestampMs, leased: &mut Leased) {
        let Some(account) = terms.account(meter, now) else { return };
        let spent = sums.get(&(account.key.clone(), account.day)).copied().unwrap_or_default();
        if !account.is_open(spent) {
            leased.closed.push(meter);
            leased.look_again_ms = leased.look_again_ms.min(account.look_again_ms(spent, now));
        }
    }

    /// Counts a portion as spent, and gives its name.
    fn give(&self, account: &Account, n: u32, now: TimestampMs) -> Result<u64> {
        let sum = account.each.saturating_mul(n.into());
        self.add(&account.key, account.day, sum)?;
        let ids: Vec<IdRow> = sqlite::rows(
            &self.state,
            "INSERT INTO portion (key, day, n, price, at_ms) VALUES (?, ?, ?, ?, ?) RETURNING id",
            vec![
                account.key.as_str().into(),
                account.day.into(),
                integer(n.into()),
                integer(account.each),
                now.0.into(),
            ],
        )?;
        ids.first().map(|it| it.id).ok_or_else(|| Error::RustError("a portion has no name".to_owned()))
    }

    /// Each portion is taken back once, and no more of it than was given.
    fn take_back(&self, id: u64, left: u32) -> Result<()> {
        let taken: Vec<PortionRow> = sqlite::rows(
            &self.state,
            "DELETE FROM portion WHERE id = ? RETURNING key, day, n, price",
            vec![integer(id)],
        )?;
        for PortionRow { key, day, n, price } in taken {
            let sum = u64::from(left).min(n).saturating_mul(price);
            sqlite::execute(
                &self.state,
                "UPDATE spent SET n = max(0, n - ?) WHERE key = ? AND day = ?",
                vec![integer(sum), key.as_str().into(), day.into()],
            )?;
        }
        Ok(())
    }

    fn add(&self, key: &str, day: i64, sum: u64) -> Result<()> {
        sqlite::execute(
            &self.state,
            "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
            vec![key.into(), day.into(), integer(sum)],
        )
    }

    /// Sums of shards only grow, so an old one that comes late changes nothing.
    fn charge(&self, shard: u32, costs: &[Cost]) -> Result<()> {
        sqlite::transaction(&self.state, || {
            for Cost { campaign, milli } in costs {
                sqlite::execute(
                    &self.state,
                    "INSERT INTO cost VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET milli = max(milli, excluded.milli)",
                    vec![campaign.as_str().into(), SqlStorageValue::Integer(shard.into()), integer(*milli)],
                )?;
            }
            Ok(())
        })
    }

    /// What is spent of everything: portions, and what the ledger has counted.
    fn sums(&self) -> Result<Sums> {
        let rows: Vec<SpentRow> = sqlite::rows(&self.state, "SELECT key, day, n FROM spent", Vec::new())?;
        let mut sums: Sums = rows.into_iter().map(|SpentRow { key, day, n }| ((key, day), n)).collect();
        let costs: Vec<CostRow> =
            sqlite::rows(&self.state, "SELECT campaign, SUM(milli) AS milli FROM cost GROUP BY campaign", Vec::new())?;
        for CostRow { campaign, milli } in costs {
            let sum = sums.entry((campaign_key(&campaign), 0)).or_default();
            *sum = sum.saturating_add(milli);
        }
        Ok(sums)
    }

    fn report(&self, environment: &str, version: u64, terms: &Terms, now: TimestampMs) -> Result<BudgetReport> {
        let sums = self.sums()?;
        let since = now.0.saturating_sub_unsigned(self.life_ms());
        let leased: Vec<SpentRow> = sqlite::rows(
            &self.state,
            "SELECT key, day, SUM(n * price) AS n FROM portion WHERE at_ms > ? GROUP BY key, day",
            vec![since.into()],
        )?;
        let leased: Sums = leased.into_iter().map(|SpentRow { key, day, n }| ((key, day), n)).collect();
        BudgetReport::of(environment, version, terms, now, |account| {
            let of = (account.key.clone(), account.day);
            let sum = |sums: &Sums| sums.get(&of).copied().unwrap_or_default();
            Ok(Spent { spent: sum(&sums), leased: sum(&leased) })
        })
    }

    fn forget_old(&self, now: TimestampMs) -> Result<()> {
        let before = now.0.saturating_sub(GIVE_BACK_MS);
        sqlite::execute(&self.state, "DELETE FROM portion WHERE at_ms < ?", vec![before.into()])?;
        let day = now.0.div_euclid(DAY_MS).saturating_sub(DAYS_KEPT);
        sqlite::execute(&self.state, "DELETE FROM spent WHERE day > 0 AND day < ?", vec![day.into()])
    }

    /// Errors: there is no such version, or it cannot be read now.
    async fn bundle(&self, version: u64) -> Result<Rc<Bundle>> {
        let found = match u32::try_from(version) {
            Ok(version) => bundles::bundle(version, &self.env).await,
            Err(_) => Found::Absent,
        };
        match found {
            Found::Bundle(bundle) => Ok(bundle),
            Found::Absent => Err(Error::RustError(format!("there is no version {version}"))),
            Found::Late => Err(Error::RustError(format!("version {version} cannot be read now"))),
        }
    }

    fn life_ms(&self) -> u64 {
        Settings::measure(&self.env).portion_life_ms
    }

    fn prepare(&self) -> Result<()> {
        if !self.is_prepared.get() {
            sqlite::execute(&self.state, TABLES, Vec::new())?;
            self.is_prepared.set(true);
        }
        Ok(())
    }
}

fn now() -> TimestampMs {
    TimestampMs(i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX))
}
