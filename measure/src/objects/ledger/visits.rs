//! What visitors met, for conversions that carry no token.

use serde::Deserialize;
use vitrine_ledger::{Looked, Named, Touch, TouchKind, Visits, Whom};
use vitrine_rim::settings::Settings;
use worker::{Error, Result};

use super::Ledger;

/// Most of what one visitor met that one conversion asks for, the newest first.
const TOUCHES_MAX: i64 = 200;

#[derive(Deserialize)]
struct TouchRow {
    kind: i64,
    slot: String,
    at_ms: i64,
    shown: String,
}

#[derive(Deserialize)]
struct Number {
    n: u64,
}

impl Ledger {
    /// Notes what visitors met, then tells what was asked.
    pub(super) fn visit(&self, environment: &str, visits: &Visits) -> Result<Looked> {
        self.transaction(|| {
            for (visitor, touch) in &visits.touches {
                self.note_touch(environment, visitor, touch)?;
            }
            let mut looked = Looked::default();
            for (visitor, at_ms) in &visits.looks {
                looked.0.push((visitor.clone(), *at_ms, self.touches(environment, visitor, *at_ms)?));
            }
            Ok(looked)
        })
    }

    /// The earliest of a slot stays, so that it does not matter in which order reports come.
    fn note_touch(&self, environment: &str, visitor: &str, touch: &Touch) -> Result<()> {
        let shown = serde_json::to_string(&touch.shown)?;
        self.execute(
            "INSERT INTO touch VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms, shown = excluded.shown
                WHERE excluded.at_ms < touch.at_ms",
            vec![
                environment.into(),
                visitor.into(),
                touch.kind.as_number().into(),
                touch.slot.as_str().into(),
                touch.at_ms.into(),
                shown.into(),
            ],
        )
    }

    fn touches(&self, environment: &str, visitor: &str, at_ms: i64) -> Result<Vec<Touch>> {
        let window_ms = i64::from(Settings::measure(&self.env).window_s).saturating_mul(1000);
        let rows: Vec<TouchRow> = self.rows(
            "SELECT kind, slot, at_ms, shown FROM touch WHERE environment = ? AND visitor = ? AND at_ms BETWEEN ? AND ?
                ORDER BY at_ms DESC LIMIT ?",
            vec![
                environment.into(),
                visitor.into(),
                at_ms.saturating_sub(window_ms).into(),
                at_ms.into(),
                TOUCHES_MAX.into(),
            ],
        )?;
        rows.into_iter().map(touch).collect()
    }

    /// How much is known of visitors: what they met, and events of theirs that are in no file yet.
    pub(super) fn held(&self, whom: &Whom) -> Result<u64> {
        let mut sum = 0_u64;
        let mut add = |found: Vec<Number>| sum = sum.saturating_add(found.first().map_or(0, |it| it.n));
        for named in &whom.visitors {
            for environment in &whom.environments {
                let of = vec![environment.as_str().into(), named.unit.as_str().into()];
                add(self.rows("SELECT count(*) AS n FROM touch WHERE environment = ? AND visitor = ?", of)?);
            }
            let [unit, row] = members(named).map(|it| it.held.into());
            add(self.rows("SELECT count(*) AS n FROM outbox WHERE instr(line, ?) OR instr(line, ?)", vec![unit, row])?);
        }
        Ok(sum)
    }

    /// Takes away what is known of visitors, and tells how much that was. What was counted holds nobody; an event that waits for its
    /// file stays, as one of nobody.
    pub(super) fn forget(&self, whom: &Whom) -> Result<u64> {
        self.transaction(|| {
            let n = self.held(whom)?;
            for named in &whom.visitors {
                for environment in &whom.environments {
                    let of = vec![environment.as_str().into(), named.unit.as_str().into()];
                    self.execute("DELETE FROM touch WHERE environment = ? AND visitor = ?", of)?;
                }
                for Member { held, left } in members(named) {
                    let held = held.as_str();
                    let change = "UPDATE outbox SET line = replace(line, ?, ?) WHERE instr(line, ?)";
                    self.execute(change, vec![held.into(), left.into(), held.into()])?;
                }
            }
            Ok(n)
        })
    }
}

/// A member of a line that tells who somebody is, and what is left of it.
struct Member {
    held: String,
    left: &'static str,
}

/// What tells of a visitor in lines. Quotes within texts of a line are escaped, so nothing else looks like it.
fn members(Named { unit, row_key }: &Named) -> [Member; 2] {
    // Whose row key is not known is in no line by it.
    let row_key = row_key.as_deref().unwrap_or("-");
    [
        Member { held: format!(r#""unit":"{unit}""#), left: r#""unit":null"# },
        Member { held: format!(r#""visitor":"{row_key}""#), left: r#""visitor":null"# },
    ]
}

fn touch(row: TouchRow) -> Result<Touch> {
    let kind = TouchKind::of_number(row.kind).ok_or_else(|| Error::RustError("an unknown kind of touch".to_owned()))?;
    Ok(Touch { kind, slot: row.slot, at_ms: row.at_ms, shown: serde_json::from_str(&row.shown)? })
}
