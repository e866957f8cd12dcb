//! What test runners say at their end, added up.

use std::ops::Add;

/// Numbers of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Succeeded.
    pub passed: u64,
    /// Did not.
    pub failed: u64,
    /// Not run, as the tests themselves decided.
    pub skipped: u64,
}

impl Counts {
    /// Sum over the closing lines in a runner's output: `test result: …` of cargo test, or the `pass`, `fail` and
    /// `skipped` lines of Node's runner.
    pub fn read(output: &str) -> Self {
        output.lines().map(|line| Self::of_cargo(line).or_else(|| Self::of_node(line)).unwrap_or_default()).sum()
    }

    fn of_cargo(line: &str) -> Option<Self> {
        let (_, numbers) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
        let mut counts = Self::default();
        for part in numbers.split(';') {
            match part.trim().split_once(' ')? {
                (n, "passed") => counts.passed = n.parse().ok()?,
                (n, "failed") => counts.failed = n.parse().ok()?,
                (n, "ignored") => counts.skipped = n.parse().ok()?,
                _ => break,
            }
        }
        Some(counts)
    }

    fn of_node(line: &str) -> Option<Self> {
        let (what, n) = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "))?.split_once(' ')?;
        let n = n.parse().ok()?;
        let none = Self::default();
        match what {
            "pass" => Some(Self { passed: n, ..none }),
            "fail" | "cancelled" => Some(Self { failed: n, ..none }),
            "skipped" | "todo" => Some(Self { skipped: n, ..none }),
            _ => None,
        }
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod runner_tests {
    use super::*;

    #[test]
    fn cargo_test_is_read() {
        let output = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s\n";
        assert_eq!(Counts::read(output), Counts { passed: 8, failed: 2, skipped: 1 });
    }

    #[test]
    fn node_is_read_in_both_of_its_formats() {
        for mark in ['ℹ', '#'] {
            let output = format!(
                "{mark} tests 9\n{mark} suites 1\n{mark} pass 5\n{mark} fail 1\n{mark} cancelled 1\n{mark} skipped 2\n{mark} todo 0\n{mark} duration_ms 12.5\n"
            );
            assert_eq!(Counts::read(&output), Counts { passed: 5, failed: 2, skipped: 2 });
        }
    }

    #[test]
    fn other_output_counts_nothing() {
        assert_eq!(Counts::read("ok\npass 3\ntest result\n# Subtest: pass 3\n"), Counts::default());
        assert_eq!(Counts::default().to_string(), "0 passed, 0 failed, 0 skipped");
    }
}
