//! Tokens for assignments: one place where every kind of answer gets the exposures that its caller may report.

use vitrine_engine::TimestampMs;
use vitrine_flags::{ExperimentResult, ExperimentRun, Json};
use vitrine_tables::TableKey;

use crate::environment::BundlePointer;
use crate::pseudonyms::Pseudonyms;
use crate::token::{ExposureToken, TokenKeys};

/// What exposure tokens tell besides the assignment.
#[derive(Clone, Copy, Debug)]
pub struct ExposureStamp<'s> {
    /// The environment that answers.
    pub environment: &'s str,
    /// Its pointer.
    pub pointer: &'s BundlePointer,
    /// Signs tokens; `None`: there are none.
    pub token_keys: Option<&'s TokenKeys>,
    /// Hides visitors in tables, and so here: see [`Pseudonyms`].
    pub table_key: Option<&'s TableKey>,
    /// The present.
    pub now: TimestampMs,
}

impl ExposureStamp<'_> {
    /// The token by which the caller reports that the visitor met the variation. Only an assignment by hash is an exposure.
    ///
    /// `None` also where nothing can be signed: no secret, no version, or a name that does not fit into a token.
    pub fn token(&self, run: &ExperimentRun<'_>, assigned: &ExperimentResult<'_>) -> Option<String> {
        if !assigned.in_experiment || !assigned.hash_used {
            return None;
        }
        let keys = self.token_keys?;
        let pseudonyms = Pseudonyms { tokens: keys, table: self.table_key };
        let unit = match assigned.hash_value {
            Json::Text(value) => pseudonyms.unit_of_attribute(assigned.hash_attribute, value),
            other => pseudonyms.unit_of_attribute(assigned.hash_attribute, &other.to_string()),
        };
        let token = ExposureToken {
            issued_at_s: u32::try_from(self.now.0.div_euclid(1000)).ok()?,
            bundle_version: u32::try_from(self.pointer.version?).ok()?,
            unit,
            variation: u8::try_from(assigned.variation_id).ok()?,
            environment: self.environment,
            experiment: run.experiment.key(),
        };
        token.sign(keys)
    }
}
