//! Measures and compares.
//!
//! A time is the quickest of many batches: what else the machine does can only make a batch slower.

use std::time::{Duration, Instant};

/// This project's row.
pub const OURS: &str = "vitrine-flags";
/// How long one batch should take.
const BATCH: Duration = Duration::from_millis(5);
/// Batches of one measurement.
const N_BATCHES: usize = 60;

/// What was measured so far.
pub struct Clock {
    rounds: Vec<(String, Vec<(&'static str, f64)>)>,
}

impl Clock {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { rounds: Vec::new() }
    }

    /// The next question.
    pub fn round(&mut self, question: &str) {
        self.rounds.push((question.to_owned(), Vec::new()));
    }

    /// How long `work` takes. Unit: nanoseconds.
    pub fn measure(&mut self, name: &'static str, mut work: impl FnMut()) {
        let started = Instant::now();
        let mut n_warm = 0_u32;
        while started.elapsed() < BATCH {
            work();
            n_warm += 1;
        }
        let n = n_warm.max(1);
        let best = (0..N_BATCHES)
            .map(|_| {
                let started = Instant::now();
                (0..n).for_each(|_| work());
                started.elapsed().as_nanos() as f64 / f64::from(n)
            })
            .fold(f64::INFINITY, f64::min);
        if let Some((_, rows)) = self.rounds.last_mut() {
            rows.push((name, best));
        }
    }

    /// The table: times, and how many times longer than this project's.
    pub fn print(&self) {
        for (question, rows) in &self.rounds {
            println!("{question}");
            let ours = rows.iter().find(|(name, _)| *name == OURS).map_or(f64::NAN, |(_, time)| *time);
            for (name, time) in rows {
                println!("  {name:<44} {:>12}   {:>7.1} x", shown(*time), time / ours);
            }
        }
    }
}

fn shown(nanoseconds: f64) -> String {
    match nanoseconds {
        0.0..1e3 => format!("{nanoseconds:.0} ns"),
        1e3..1e6 => format!("{:.1} us", nanoseconds / 1e3),
        _ => format!("{:.2} ms", nanoseconds / 1e6),
    }
}
