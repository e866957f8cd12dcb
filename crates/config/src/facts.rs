//! What the sections say beyond what the bundle holds, kept for the checks that compare sections.

use vitrine_engine::OfferIdx;

use crate::section::campaign::Campaign;
use crate::section::metric::Metric;
use crate::section::placement::content::ContentRules;
use crate::section::placement::experiment::Wanted;
use crate::section::terms::Terms;
use crate::source::At;

/// All of it, in the order of the document.
#[derive(Default)]
pub(crate) struct Facts<'t> {
    pub settings: SettingsFacts<'t>,
    pub metrics: Vec<Metric>,
    /// In the order of the bundle's offers.
    pub offers: Vec<OfferFacts<'t>>,
    pub campaigns: Vec<Campaign<'t>>,
    pub placements: Vec<PlacementFacts<'t>>,
    /// References of campaigns to experiments, which are read later.
    pub experiment_references: Vec<At<'t>>,
    /// What placements say of their experiments.
    pub placement_experiments: Vec<Wanted<'t>>,
}

/// Settings that only checks read.
#[derive(Default)]
pub(crate) struct SettingsFacts<'t> {
    /// Hosts that links may lead to; `None` allows all.
    pub link_hosts: Option<Vec<&'t str>>,
    pub advertising_law: AdvertisingLaw,
    /// Attributes that the shop itself calls sensitive.
    pub sensitive_attributes: Vec<&'t str>,
    /// Attributes that rules may ask about although they are sensitive: the shop has a separate consent.
    pub lawful_attributes: Vec<&'t str>,
}

/// Whose advertising law offers are checked against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AdvertisingLaw {
    #[default]
    Off,
    /// The People's Republic of China.
    Cn,
}

/// What an offer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfferClass {
    Promotion,
    Content,
    Care,
    Coupon,
    Survey,
}

/// An offer.
pub(crate) struct OfferFacts<'t> {
    pub at: At<'t>,
    /// Empty when the document gives none.
    pub id: &'t str,
    pub class: OfferClass,
    /// Its own, or those of its campaign.
    pub terms: Option<Terms<'t>>,
    /// Index of its campaign.
    pub campaign: Option<u16>,
    /// In the order of the bundle's creatives.
    pub contents: Vec<ContentFacts<'t>>,
}

/// The content of a creative.
pub(crate) struct ContentFacts<'t> {
    pub at: At<'t>,
    pub channel: Option<&'t str>,
}

/// A placement, also one that the bundle lacks because something about it is wrong.
pub(crate) struct PlacementFacts<'t> {
    pub at: At<'t>,
    pub id: &'t str,
    pub offers: Vec<OfferIdx>,
    pub fallback: Option<OfferIdx>,
    pub count_max: u8,
    /// Channels that it is part of; empty for all.
    pub channels: Vec<&'t str>,
    pub content: Option<ContentRules<'t>>,
}
