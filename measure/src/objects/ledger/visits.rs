//! What visitors met, for conversions that carry no token.

use serde::Deserialize;
use vitrine_ledger::{Forget, Looked, Touch, TouchKind, Visits};
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
struct Gone {}

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

    /// Takes away what is known of a visitor, and tells how much that was. What was counted holds nobody.
    pub(super) fn forget(&self, Forget { environment, visitor }: &Forget) -> Result<u64> {
        let gone: Vec<Gone> = self.rows(
            "DELETE FROM touch WHERE environment = ? AND visitor = ? RETURNING kind",
            vec![environment.as_str().into(), visitor.as_str().into()],
        )?;
        Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
    }
}

fn touch(row: TouchRow) -> Result<Touch> {
    let kind = TouchKind::of_number(row.kind).ok_or_else(|| Error::RustError("an unknown kind of touch".to_owned()))?;
    Ok(Touch { kind, slot: row.slot, at_ms: row.at_ms, shown: serde_json::from_str(&row.shown)? })
}
