//! `settings`: what holds for the whole document.

use vitrine_engine::{ConsentRule, GpcRule};

use crate::compile::Compiler;
use crate::facts::AdvertisingLaw;
use crate::limits::SETTINGS_LIST_MAX;
use crate::source::{At, shortened};
use crate::time_zone::Zone;

pub(crate) const KEYS: [&str; 8] = [
    "consent",
    "gpc",
    "time_zone",
    "link_hosts",
    "advertising_law",
    "sensitive_attributes",
    "lawful_attributes",
    "holdout",
];

impl<'t> Compiler<'t, '_> {
    pub fn settings(&mut self, at: At<'t>) {
        let Some(at) = self.report.object(at, &KEYS) else { return };
        if let Some(at) = at.get("consent") {
            let choice = [("required", ConsentRule::Required), ("assumed", ConsentRule::Assumed)];
            self.parts.settings.consent = self.report.word(at, &choice).unwrap_or_default();
        }
        if let Some(at) = at.get("holdout") {
            self.parts.settings.holdout_bps = self.report.basis_points(at).unwrap_or_default();
        }
        if let Some(at) = at.get("gpc") {
            let choice = [
                ("ignore", GpcRule::Ignore),
                ("limit_sharing", GpcRule::LimitSharing),
                ("non_personalised", GpcRule::NonPersonalised),
            ];
            self.parts.settings.gpc = self.report.word(at, &choice).unwrap_or_default();
        }
        self.draft.zone = at.get("time_zone").map(|at| self.report.zone(at).unwrap_or_else(Zone::utc));
        self.parts.clock = self.draft.zone.as_ref().map(Zone::clock).unwrap_or_default();
        if let Some(at) = at.get("advertising_law") {
            self.facts.settings.advertising_law = self.advertising_law(at);
        }
        if let Some(at) = at.get("link_hosts") {
            let entries = self.report.list(at, "hosts", "too_many_settings", SETTINGS_LIST_MAX);
            self.facts.settings.link_hosts = Some(entries.filter_map(|at| self.host(at)).collect());
        }
        if let Some(at) = at.get("sensitive_attributes") {
            self.facts.settings.sensitive_attributes = self.attribute_names(at);
        }
        if let Some(at) = at.get("lawful_attributes") {
            self.facts.settings.lawful_attributes = self.attribute_names(at);
        }
    }

    fn advertising_law(&mut self, at: At<'_>) -> AdvertisingLaw {
        let choice = [("cn", AdvertisingLaw::Cn), ("off", AdvertisingLaw::Off)];
        self.report.word(at, &choice).unwrap_or_default()
    }

    /// The name of a host, `shop.example`, or of all hosts below one, `*.shop.example`; without scheme, port and path.
    fn host(&mut self, at: At<'t>) -> Option<&'t str> {
        let text = self.report.text(at)?;
        let name = text.strip_prefix("*.").unwrap_or(text);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        };
        if name.len() <= 253 && name.split('.').all(is_label) {
            return Some(text);
        }
        let message = format!("{:?} is no host", shortened(text));
        let help = "write it like \"shop.example\" or \"*.shop.example\", in lower case, without https:// and path";
        self.report.error(at, "invalid_host", message, help);
        None
    }

    /// Attributes as conditions name them: `profile.…` or `context.…`.
    fn attribute_names(&mut self, at: At<'t>) -> Vec<&'t str> {
        let entries = self.report.list(at, "attributes", "too_many_settings", SETTINGS_LIST_MAX);
        entries.filter_map(|at| self.report.name(at, "attribute")).collect()
    }
}
