//! What a visitor agreed to, as the sources of a request tell it: the caller's own word, a TCF string, Google's consent mode.
//! How consent and objections together decide is in `personalisation.rs`.

mod tcf;

/// What one source, or all of them together, say. `None`: nothing is said about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Using the visitor's profile.
    pub personalise: Option<bool>,
    /// Joining events with the visitor.
    pub measure: Option<bool>,
    /// Keeping something on the visitor's device.
    pub store: Option<bool>,
}

impl Consent {
    /// No to everything.
    pub const REFUSED: Self = Self { personalise: Some(false), measure: Some(false), store: Some(false) };

    /// Both sources together: a refusal goes before an agreement, an agreement before silence.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let both = |one: Option<bool>, other: Option<bool>| match (one, other) {
            (Some(one), Some(other)) => Some(one && other),
            (one, other) => one.or(other),
        };
        Self {
            personalise: both(self.personalise, other.personalise),
            measure: both(self.measure, other.measure),
            store: both(self.store, other.store),
        }
    }

    /// What a string of IAB's Transparency and Consent Framework says. Purposes 3 to 6 together are personalisation, purpose 8
    /// (consent or legitimate interest) is measurement, purpose 1 is the device. A text that is no such string proves no
    /// agreement: it counts as [`Self::REFUSED`].
    pub fn of_tcf(text: &str) -> Self {
        tcf::read(text).unwrap_or(Self::REFUSED)
    }

    /// What Google's consent mode says: `personalization_storage` and `analytics_storage`, true for `granted`.
    pub fn of_consent_mode(personalization_storage: Option<bool>, analytics_storage: Option<bool>) -> Self {
        Self { personalise: personalization_storage, measure: analytics_storage, store: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_goes_before_an_agreement() {
        for one in [None, Some(false), Some(true)] {
            for other in [None, Some(false), Some(true)] {
                let says = [one, other];
                let expected = if says.contains(&Some(false)) {
                    Some(false)
                } else if says.contains(&Some(true)) {
                    Some(true)
                } else {
                    None
                };
                let all = |it| Consent { personalise: it, measure: it, store: it };
                assert_eq!(all(one).and(all(other)), all(expected), "{one:?} {other:?}");
            }
        }
        let mode = Consent::of_consent_mode(Some(true), Some(false));
        assert_eq!(mode, Consent { personalise: Some(true), measure: Some(false), store: None });
    }
}
