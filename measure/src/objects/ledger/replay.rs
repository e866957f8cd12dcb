//! Answers of batches that were completed.

use vitrine_ledger::Remember;
use worker::Result;

use super::Ledger;

impl Ledger {
    pub(super) fn recall(&self, key: &str) -> Result<Option<Remember>> {
        let found: Vec<Remember> = self.rows("SELECT key, body, answer FROM replay WHERE key = ?", vec![key.into()])?;
        Ok(found.into_iter().next())
    }

    /// The first answer stays.
    pub(super) fn remember(&self, Remember { key, body, answer }: &Remember, now_ms: i64) -> Result<()> {
        self.execute(
            "INSERT OR IGNORE INTO replay VALUES (?, ?, ?, ?)",
            vec![key.as_str().into(), body.as_str().into(), answer.as_str().into(), now_ms.into()],
        )
    }
}
