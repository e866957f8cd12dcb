//! What the positions in tokens are called: one bundle's names.

use serde::{Deserialize, Serialize};
use vitrine_api::{BundleState, TokenMode};
use vitrine_engine::Creative;

use crate::event::Decided;

/// The names of one version of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    placements: Vec<String>,
    /// Ids, and what each creative is called.
    offers: Vec<(String, Vec<String>)>,
    experiments: Vec<String>,
}

/// What a visitor was shown, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Id of the placement.
    pub placement: String,
    /// Id of the offer.
    pub offer: String,
    /// The creative: locale and channel that it is for, `*` for any, and its variant if it has one: `zh-CN/email`, `*/*/bold`.
    pub creative: String,
    /// Place in the answer, from 0.
    pub rank: u8,
    /// The experiment; empty for none.
    pub experiment: String,
    /// Index of the variation; empty for none.
    pub variation: String,
    /// How much of the visitor the decision rested on; empty if nothing was decided.
    pub mode: String,
    /// Chance with which the offer was chosen, 0..=1.
    pub propensity: f64,
    /// The version of the bundle that decided.
    pub bundle: u32,
}

impl Names {
    /// The names of a bundle.
    pub fn of(state: &BundleState) -> Self {
        let bundle = state.bundle();
        Self {
            placements: bundle.placements().iter().map(|it| it.id.clone()).collect(),
            offers: bundle
                .offers()
                .iter()
                .map(|it| (it.id.clone(), it.creatives.iter().map(creative).collect()))
                .collect(),
            experiments: bundle.experiments().iter().map(|it| it.id.clone()).collect(),
        }
    }

    /// What was shown, by name; `None` when the bundle has no such placement, offer, creative or experiment.
    pub fn shown(&self, decided: &Decided) -> Option<Shown> {
        let placement = self.placements.get(usize::from(decided.placement))?;
        let (offer, creatives) = self.offers.get(usize::from(decided.offer))?;
        let creative = creatives.get(usize::from(decided.creative))?;
        let (experiment, variation) = match decided.experiment {
            Some((idx, variation)) => (self.experiments.get(usize::from(idx))?.clone(), variation.to_string()),
            None => Default::default(),
        };
        Some(Shown {
            placement: placement.clone(),
            offer: offer.clone(),
            creative: creative.clone(),
            rank: decided.rank,
            experiment,
            variation,
            mode: mode(decided.mode).to_owned(),
            propensity: decided.propensity,
            bundle: decided.bundle_version,
        })
    }
}

fn creative(it: &Creative) -> String {
    let mut name = format!("{}/{}", it.locale.as_deref().unwrap_or("*"), it.channel.as_deref().unwrap_or("*"));
    if let Some(variant) = &it.variant {
        name.push('/');
        name.push_str(variant);
    }
    name
}

fn mode(mode: TokenMode) -> &'static str {
    match mode {
        TokenMode::Personalised => "personalised",
        TokenMode::Contextual => "contextual",
        TokenMode::FallbackOnly => "fallback_only",
    }
}
