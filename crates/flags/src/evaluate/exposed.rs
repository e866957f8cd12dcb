//! Assignments of one request, each once.

use super::assign::Assigned;
use crate::result::Exposure;
use std::slice;

/// The first needs no memory of its own: most requests have one.
#[derive(Debug, Default)]
pub(super) enum Exposed<'a> {
    #[default]
    None,
    One(Exposure<'a>),
    Many(Vec<Exposure<'a>>),
}

impl<'a> Exposed<'a> {
    pub(super) fn as_slice(&self) -> &[Exposure<'a>] {
        match self {
            Self::None => &[],
            Self::One(exposure) => slice::from_ref(exposure),
            Self::Many(exposures) => exposures,
        }
    }

    /// Adds an assignment, unless the same visitor was assigned the same variation of the same experiment before.
    #[inline]
    pub(super) fn add(&mut self, assigned: &Assigned<'a>) {
        let is_same = |exposure: &Exposure<'a>| {
            exposure.experiment.experiment.has_key_of(assigned.experiment)
                && exposure.result.variation_id == assigned.outcome.variation
                && exposure.result.hash_attribute == assigned.attribute
                && exposure.result.hash_value == assigned.value
        };
        if self.as_slice().iter().any(is_same) {
            return;
        }
        let exposure = || Exposure { experiment: assigned.run(), result: assigned.result() };
        match self {
            Self::None => *self = Self::One(exposure()),
            Self::One(_) => {
                if let Self::One(first) = std::mem::take(self) {
                    *self = Self::Many(vec![first, exposure()]);
                }
            }
            Self::Many(exposures) => exposures.push(exposure()),
        }
    }
}
