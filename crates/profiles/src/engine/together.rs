//! Steps side by side. A step leaves processors idle while its last rows are sorted and while its file is written; another one uses
//! them.

use super::{Engine, Part, Prepared, Query};
use crate::{BuildError, StageRun};
use std::collections::{BTreeMap, BTreeSet};
use tokio::task::JoinSet;

/// Steps at a time, while memory has room for them.
const AT_ONCE: usize = 2;

/// A step by its table and the text of its query.
pub(crate) type NamedQuery<'a> = (&'a str, &'a str);

impl Engine {
    /// Makes tables by queries, each once those of `steps` are there that it reads. `before` is told which step is planned
    /// next; `done` is called for each that is there.
    ///
    /// Errors: a query fails, or steps read each other in a circle.
    pub(crate) fn run_all(
        &self,
        steps: &[NamedQuery<'_>],
        mut before: impl FnMut(&str) -> Result<(), BuildError>,
        mut done: impl FnMut(),
    ) -> Result<(), BuildError> {
        let failed = |step: &str, reason| BuildError::Step { step: step.to_owned(), reason };
        let mut waiting = Vec::new();
        for (idx, (table, sql)) in steps.iter().enumerate() {
            waiting.push((idx, self.tables_of(table, sql)?));
        }
        let mut missing: BTreeSet<&str> = steps.iter().map(|(table, _)| *table).collect();
        let mut running = Running::new(self);
        let mut runs: BTreeMap<usize, StageRun> = BTreeMap::new();
        loop {
            while running.has_room() {
                let is_ready =
                    |(_, reads): &(usize, Vec<String>)| !reads.iter().any(|read| missing.contains(read.as_str()));
                let Some(place) = waiting.iter().position(is_ready) else { break };
                let (idx, reads) = waiting.remove(place);
                let Some((table, sql)) = steps.get(idx).copied() else { break };
                before(table)?;
                let (key, rows_read) = (self.stages.key(table, sql, &reads), self.stages.rows_of(&reads));
                let prepared = self.prepare(&self.place, &self.context, table, sql, &key, rows_read);
                match prepared.map_err(|reason| failed(table, reason))? {
                    Prepared::ToDo(query) => running.start(idx, query),
                    Prepared::Done(part) => {
                        self.adopt(table, vec![part])?;
                        missing.remove(table);
                        done();
                    }
                }
            }
            let Some((idx, ended)) = running.next() else { break };
            let Some((table, _)) = steps.get(idx).copied() else { break };
            let (part, run) = ended.map_err(|reason| failed(table, reason))?;
            runs.insert(idx, run);
            self.adopt(table, vec![part])?;
            missing.remove(table);
            done();
        }
        // In the order of the steps, whichever was done first.
        runs.into_values().for_each(|run| self.stages.note(run));
        match missing.is_empty() {
            true => Ok(()),
            false => {
                let names: Vec<&str> = missing.into_iter().collect();
                Err(BuildError::Inconsistent {
                    what: format!("steps read each other in a circle: {}", names.join(", ")),
                })
            }
        }
    }

    /// The files of queries that do not read each other, in their order. `done` is told how many are there.
    pub(crate) fn run_prepared(&self, asked: Vec<Prepared>, mut done: impl FnMut(u64)) -> Vec<Result<Part, String>> {
        let mut parts: Vec<Option<Result<Part, String>>> = asked.iter().map(|_| None).collect();
        let mut runs: BTreeMap<usize, StageRun> = BTreeMap::new();
        let mut running = Running::new(self);
        let mut waiting = asked.into_iter().enumerate();
        loop {
            while running.has_room() {
                match waiting.next() {
                    Some((idx, Prepared::ToDo(query))) => running.start(idx, query),
                    Some((idx, Prepared::Done(part))) => parts[idx] = Some(Ok(part)),
                    None => break,
                }
            }
            let Some((idx, ended)) = running.next() else { break };
            parts[idx] = Some(ended.map(|(part, run)| {
                runs.insert(idx, run);
                part
            }));
            done(runs.len() as u64);
        }
        runs.into_values().for_each(|run| self.stages.note(run));
        parts.into_iter().flatten().collect()
    }
}

/// What became of a query.
type Ended = Result<(Part, StageRun), String>;

/// Queries that run. One that memory has no room for beside another is run again alone.
struct Running<'a> {
    engine: &'a Engine,
    tasks: JoinSet<(usize, Box<Query>, Ended)>,
    at_once: usize,
    again: Vec<(usize, Box<Query>)>,
}

impl<'a> Running<'a> {
    fn new(engine: &'a Engine) -> Self {
        Self { engine, tasks: JoinSet::new(), at_once: AT_ONCE, again: Vec::new() }
    }

    fn has_room(&self) -> bool {
        self.again.is_empty() && self.tasks.len() < self.at_once
    }

    fn start(&mut self, idx: usize, query: Box<Query>) {
        let task = async move {
            let ended = query.clone().run().await;
            (idx, query, ended)
        };
        self.tasks.spawn_on(task, self.engine.runtime.handle());
    }

    /// Waits for the next that is done; `None` if nothing runs.
    fn next(&mut self) -> Option<(usize, Ended)> {
        while let Some(ended) = self.engine.runtime.block_on(self.tasks.join_next()) {
            match ended {
                Ok((idx, query, Err(reason))) if self.at_once > 1 && super::lacks_memory(&reason) => {
                    self.at_once = 1;
                    self.again.push((idx, query));
                }
                Ok((idx, _, ended)) => return Some((idx, ended)),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => {}
            }
        }
        let (idx, query) = self.again.pop()?;
        Some((idx, self.engine.runtime.block_on(query.run())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::Stages;

    #[test]
    fn steps_run_after_those_that_they_read_and_never_in_a_circle() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::start(Stages::open(dir.path()).unwrap(), 64 << 20).unwrap();
        let (mut planned, mut n_done) = (Vec::new(), 0);
        let steps = [
            ("sum", "SELECT sum(n) AS n FROM doubled"),
            ("doubled", "SELECT 2 * n AS n FROM numbers"),
            ("numbers", "SELECT 1 AS n UNION ALL SELECT 4"),
            ("others", "SELECT 7 AS n"),
        ];
        let before = |step: &str| {
            planned.push(step.to_owned());
            Ok(())
        };
        engine.run_all(&steps, before, || n_done += 1).unwrap();
        assert_eq!(engine.texts("sum", "SELECT n FROM sum").unwrap(), [[Some("10".to_owned())]]);
        let place = |step: &str| planned.iter().position(|it| it == step).unwrap();
        assert!(place("numbers") < place("doubled") && place("doubled") < place("sum"));
        assert_eq!((planned.len(), n_done), (4, 4));
        let noted: Vec<String> = engine.stages().runs().into_iter().map(|run| run.step).collect();
        assert_eq!(noted, ["sum", "doubled", "numbers", "others"]);

        let circle = [("a", "SELECT n FROM b"), ("b", "SELECT n FROM a"), ("c", "SELECT n FROM others")];
        let error = engine.run_all(&circle, |_| Ok(()), || ()).unwrap_err().to_string();
        assert!(error.contains("circle: a, b"), "{error}");
        let error = engine.run_all(&[("d", "SELECT m FROM others")], |_| Ok(()), || ()).unwrap_err().to_string();
        assert!(error.contains("step d"), "{error}");
    }
}
