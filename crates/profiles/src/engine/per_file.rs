//! Steps over one file of a table at a time, so that a new file costs no more than itself. A file whose result is there
//! already is not even opened.

use super::{Engine, Part, Step};
use crate::{BuildError, stages};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

impl Engine {
    /// The result of a query over one file, which it reads as the table `alias`, unless it was made by the same query of the
    /// same file, and of the same other tables, before.
    pub(crate) fn run_on(&self, step: &str, alias: &str, file: &Part, sql: &str) -> Result<Part, BuildError> {
        let inputs = self.tables_of(step, sql)?;
        self.stages.know(alias, &stages::hash([file.key.as_bytes()]), file.rows);
        let (key, rows_read) = (self.stages.key(step, sql, &inputs), self.stages.rows_of(&inputs));
        if let Some(found) = self.found(step, &key) {
            return Ok(found);
        }
        self.adopt(alias, vec![file.clone()])?;
        let failed = |reason| BuildError::Step { step: step.to_owned(), reason };
        self.stage(&self.context, step, sql, &key, rows_read).map_err(failed)
    }

    /// The result of a query as a part of a table, unless it was made by the same query from the same tables before.
    pub(crate) fn run_part(&self, step: &str, sql: &str) -> Result<Part, BuildError> {
        let inputs = self.tables_of(step, sql)?;
        let (key, rows_read) = (self.stages.key(step, sql, &inputs), self.stages.rows_of(&inputs));
        let failed = |reason| BuildError::Step { step: step.to_owned(), reason };
        self.stage(&self.context, step, sql, &key, rows_read).map_err(failed)
    }

    /// The result of a query, known by what it says and not by what it was made from: what rests on it is made again only if
    /// it says something else. `sql` must put its rows in order.
    pub(crate) fn run_by_content(&self, step: &str, sql: &str) -> Result<Part, BuildError> {
        let (mut hasher, mut row_text) = (Sha256::new(), String::new());
        self.each_row(step, sql, |row| {
            row_text.clear();
            for cell in row {
                // Lengths, so that no two rows run together.
                let _ = write!(row_text, "{}:{}", cell.map_or(-1, |cell| cell.len() as i64), cell.unwrap_or_default());
            }
            hasher.update(row_text.as_bytes());
            hasher.update(b"\n");
            Ok(())
        })?;
        let content = hasher.finalize();
        let key = stages::hash([step.as_bytes(), &content[..]]);
        if let Some(found) = self.found(step, &key) {
            return Ok(found);
        }
        let failed = |reason| BuildError::Step { step: step.to_owned(), reason };
        self.stage(&self.context, step, sql, &key, self.stages.rows_of(&self.tables_of(step, sql)?)).map_err(failed)
    }

    /// Makes a table of sums over `source`, a table with the columns of events: `part` runs on the rows `of` each file as the
    /// table `part`, and `whole` on the results together as the table `parts`.
    pub(crate) fn run_parts(&self, source: &str, of: &str, part: Step, whole: Step) -> Result<(), BuildError> {
        let files = self.parts.borrow().get(source).cloned().unwrap_or_default();
        if files.is_empty() {
            self.define("part", &format!("SELECT * FROM {source} {of}"))?;
            self.define("parts", part.sql)?;
            return self.run(whole);
        }
        let failed = |reason| BuildError::Step { step: part.table.into(), reason };
        let mut made = Vec::new();
        for file in files {
            let key = stages::hash([part.table, part.sql, of, &file.key].map(str::as_bytes));
            made.push(match self.found(part.table, &key) {
                Some(found) => found,
                None => {
                    self.adopt("part_file", vec![file.clone()])?;
                    self.define("part", &format!("SELECT * FROM part_file {of}"))?;
                    self.complete_as("part", "events")?;
                    self.stage(&self.context, part.table, part.sql, &key, file.rows).map_err(failed)?
                }
            });
        }
        // Files in their order: the sums are whole numbers, so it does not matter to what rests on them.
        self.adopt("parts", made)?;
        self.run(whole)
    }
}
