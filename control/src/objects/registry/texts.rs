//! Documents in the database. A row holds at most 2 MB, so a document is stored in parts.

use serde::Deserialize;

use super::Registry;
use super::failure::Outcome;
use super::schema::integer;

/// Greatest part. Unit: bytes.
const PART_BYTES_MAX: usize = 1_000_000;

#[derive(Deserialize)]
struct Part {
    body: String,
}

impl Registry {
    /// Stores a text under a name, in place of what was there.
    pub(super) fn put_text(&self, name: &str, text: &str) -> Outcome<()> {
        self.drop_text(name)?;
        let (mut rest, mut part) = (text, 0_u64);
        loop {
            let (head, tail) = rest.split_at(rest.floor_char_boundary(PART_BYTES_MAX));
            self.execute(
                "INSERT INTO text (name, part, body) VALUES (?, ?, ?)",
                vec![name.into(), integer(part)?, head.into()],
            )?;
            if tail.is_empty() {
                return Ok(());
            }
            (rest, part) = (tail, part.saturating_add(1));
        }
    }

    /// The text of a name.
    pub(super) fn text(&self, name: &str) -> Outcome<Option<String>> {
        let parts: Vec<Part> = self.rows("SELECT body FROM text WHERE name = ? ORDER BY part", vec![name.into()])?;
        Ok((!parts.is_empty()).then(|| parts.into_iter().map(|it| it.body).collect()))
    }

    /// Forgets the text of a name.
    pub(super) fn drop_text(&self, name: &str) -> Outcome<()> {
        self.execute("DELETE FROM text WHERE name = ?", vec![name.into()])
    }
}
