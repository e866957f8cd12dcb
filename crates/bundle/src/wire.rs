//! The whole stored form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use vitrine_engine::{
    AttributeName, Audience, Bundle, BundleParts, Clock, ConsentRule, GpcRule, Scope, Settings, TimestampMs,
};

use crate::campaigns::CampaignWire;
use crate::condition::ConditionWire;
use crate::error::BundleFormatError;
use crate::groups::{Group, Groups};
use crate::offers::OfferWire;
use crate::placements::{ExperimentWire, PlacementWire, experiment, experiment_wire, is_zero};
use crate::{FORMAT, Stored};

#[derive(Serialize, Deserialize)]
pub struct Wire<'a> {
    format: u32,
    consent: ConsentWire,
    /// Share of visitors that see fallback offers everywhere, in basis points.
    #[serde(default, skip_serializing_if = "is_zero")]
    holdout: u16,
    /// Left out where it is the default, as it is in bundles from before it existed.
    #[serde(default, skip_serializing_if = "GpcWire::is_default")]
    gpc: GpcWire,
    /// `profile.<column>` or `context.<name>`.
    attributes: Vec<String>,
    /// The shop's clock: from when on, in milliseconds, and the offset from UTC in minutes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clock: Vec<(i64, i16)>,
    audiences: Vec<AudienceWire>,
    #[serde(borrow)]
    offers: Vec<OfferWire<'a>>,
    placements: Vec<PlacementWire>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    campaigns: Vec<CampaignWire>,
    /// Those that placements take part in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    experiments: Vec<ExperimentWire>,
    #[serde(borrow)]
    flags: &'a RawValue,
    groups: BTreeMap<String, GroupWire>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ConsentWire {
    Required,
    Assumed,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GpcWire {
    Ignore,
    LimitSharing,
    #[default]
    NonPersonalised,
}

impl GpcWire {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Serialize, Deserialize)]
struct AudienceWire {
    id: String,
    when: ConditionWire,
}

#[derive(Serialize, Deserialize)]
struct GroupWire {
    attribute: String,
    /// 16 hex digits for each member, ascending.
    hashes: String,
}

/// What must be known before the rest may be read.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl<'a> Wire<'a> {
    /// Errors: text that should be JSON is not.
    pub fn new(stored: &'a Stored) -> Result<Self, BundleFormatError> {
        let bundle = &stored.bundle;
        let audience = |it: &Audience| AudienceWire { id: it.id.clone(), when: (&it.condition).into() };
        let group = |(id, it): (&String, &Group)| {
            (id.clone(), GroupWire { attribute: it.attribute.clone(), hashes: it.to_hex() })
        };
        Ok(Self {
            format: FORMAT,
            consent: match bundle.settings().consent {
                ConsentRule::Required => ConsentWire::Required,
                ConsentRule::Assumed => ConsentWire::Assumed,
            },
            holdout: bundle.settings().holdout_bps,
            gpc: match bundle.settings().gpc {
                GpcRule::Ignore => GpcWire::Ignore,
                GpcRule::LimitSharing => GpcWire::LimitSharing,
                GpcRule::NonPersonalised => GpcWire::NonPersonalised,
            },
            attributes: bundle.attributes().iter().map(ToString::to_string).collect(),
            clock: bundle.clock().offsets().iter().map(|(from, minutes)| (from.0, *minutes)).collect(),
            audiences: bundle.audiences().iter().map(audience).collect(),
            offers: bundle.offers().iter().map(OfferWire::new).collect::<Result<_, _>>()?,
            placements: bundle.placements().iter().map(PlacementWire::from).collect(),
            campaigns: bundle.campaigns().iter().map(CampaignWire::from).collect(),
            experiments: bundle.experiments().iter().map(experiment_wire).collect(),
            flags: serde_json::from_str(&stored.flags)?,
            groups: stored.groups.iter().map(group).collect(),
        })
    }
}

/// Errors: see [`crate::decode`].
pub fn read(json: &str) -> Result<Stored, BundleFormatError> {
    // From bytes, as whatever else reads JSON at the edge: reading from texts would be compiled beside it, all of it.
    let json = json.as_bytes();
    let Head { format } = serde_json::from_slice(json)?;
    if format != FORMAT {
        return Err(BundleFormatError::Format { found: format });
    }
    let wire: Wire<'_> = serde_json::from_slice(json)?;
    let mut groups = Groups::new();
    for (id, GroupWire { attribute, hashes }) in wire.groups {
        let Some(group) = Group::from_hex(attribute, &hashes) else { return Err(BundleFormatError::Group { id }) };
        groups.insert(id, group);
    }
    let audience = |it: AudienceWire| Audience { id: it.id, condition: it.when.into() };
    let offsets = wire.clock.into_iter().map(|(from, minutes)| (TimestampMs(from), minutes)).collect();
    let bundle = Bundle::new(BundleParts {
        clock: Clock::new(offsets).ok_or(BundleFormatError::Clock)?,
        attributes: wire.attributes.iter().map(|it| attribute(it)).collect(),
        audiences: wire.audiences.into_iter().map(audience).collect(),
        offers: wire.offers.into_iter().map(OfferWire::read).collect::<Result<_, _>>()?,
        placements: wire.placements.into_iter().map(PlacementWire::read).collect::<Result<_, _>>()?,
        campaigns: wire.campaigns.into_iter().map(CampaignWire::read).collect::<Result<_, _>>()?,
        experiments: wire.experiments.into_iter().map(experiment).collect(),
        settings: Settings {
            holdout_bps: wire.holdout,
            consent: match wire.consent {
                ConsentWire::Required => ConsentRule::Required,
                ConsentWire::Assumed => ConsentRule::Assumed,
            },
            gpc: match wire.gpc {
                GpcWire::Ignore => GpcRule::Ignore,
                GpcWire::LimitSharing => GpcRule::LimitSharing,
                GpcWire::NonPersonalised => GpcRule::NonPersonalised,
            },
        },
    })?;
    Ok(Stored { bundle, flags: wire.flags.get().to_owned(), groups })
}

/// What is not a column of the profile is told by the request.
fn attribute(name: &str) -> AttributeName {
    match name.split_once('.') {
        Some(("profile", name)) => AttributeName { scope: Scope::Profile, name: name.to_owned() },
        Some(("context", name)) => AttributeName { scope: Scope::Context, name: name.to_owned() },
        _ => AttributeName { scope: Scope::Context, name: name.to_owned() },
    }
}
