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
    Many(Many<'a>),
}

/// Several, and the hashes of their experiments' keys, which are quick to look through.
#[derive(Debug)]
pub(super) struct Many<'a> {
    exposures: Vec<Exposure<'a>>,
    key_hashes: Vec<u64>,
}

impl<'a> Exposed<'a> {
    pub(super) fn as_slice(&self) -> &[Exposure<'a>] {
        match self {
            Self::None => &[],
            Self::One(exposure) => slice::from_ref(exposure),
            Self::Many(many) => &many.exposures,
        }
    }

    /// Adds an assignment, unless the same visitor was assigned the same variation of the same experiment before.
    #[inline]
    pub(super) fn add(&mut self, assigned: &Assigned<'a>) {
        if self.contains(assigned) {
            return;
        }
        let key_hash = assigned.experiment.key_hash();
        let exposure = || Exposure { experiment: assigned.run(), result: assigned.result() };
        match self {
            Self::None => *self = Self::One(exposure()),
            Self::One(_) => {
                if let Self::One(first) = std::mem::take(self) {
                    let key_hashes = vec![first.experiment.experiment.key_hash(), key_hash];
                    *self = Self::Many(Many { exposures: vec![first, exposure()], key_hashes });
                }
            }
            Self::Many(many) => {
                many.exposures.push(exposure());
                many.key_hashes.push(key_hash);
            }
        }
    }

    fn contains(&self, assigned: &Assigned<'a>) -> bool {
        let key_hash = assigned.experiment.key_hash();
        let is_same = |exposure: &Exposure<'a>| {
            exposure.experiment.experiment.key() == assigned.experiment.key()
                && exposure.result.variation_id == assigned.outcome.variation
                && exposure.result.hash_attribute == assigned.attribute
                && exposure.result.hash_value == assigned.value
        };
        match self {
            Self::None => false,
            Self::One(first) => first.experiment.experiment.key_hash() == key_hash && is_same(first),
            Self::Many(many) => {
                let mut pairs = many.key_hashes.iter().zip(&many.exposures);
                many.key_hashes.contains(&key_hash) && pairs.any(|(hash, it)| *hash == key_hash && is_same(it))
            }
        }
    }
}
