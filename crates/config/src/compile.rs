//! From the located tree to the bundle: reads the sections in the order in which they refer to each other.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use vitrine_engine::{Bundle, BundleParts};

use crate::census::Counts;
use crate::column::Column;
use crate::condition::Attributes;
use crate::facts::Facts;
use crate::lint;
use crate::payload::{Draft, Flags};
use crate::report::Report;
use crate::section;
use crate::section::saved_group::GroupFiles;
use crate::source::{At, Kind, shortened};
use crate::timetable::{CampaignRun, timetable};

const KEYS: [&str; 13] = [
    "version",
    "settings",
    "saved_groups",
    "audiences",
    "metrics",
    "offers",
    "campaigns",
    "placements",
    "flags",
    "experiments",
    "layers",
    "holdouts",
    "alerts",
];

/// The version of the document model that this crate reads.
const VERSION: i64 = 1;

/// What is known besides the document.
#[derive(Clone, Copy, Default)]
pub(crate) struct Surroundings<'a> {
    /// Columns of the profile table.
    pub columns: Option<&'a [&'a str]>,
    /// What they can hold.
    pub table: Option<&'a [Column<'a>]>,
    /// Hashed ids of saved groups whose ids are in files.
    pub files: Option<&'a GroupFiles>,
    /// How many visitors of the table each rule admits.
    pub counts: Option<&'a Counts>,
}

/// Compiles a document; `None` when the report has errors.
pub(crate) fn compile(
    root: At<'_>,
    around: Surroundings<'_>,
    report: &mut Report,
) -> Option<(Bundle, Flags, Vec<CampaignRun>)> {
    if !matches!(root.kind(), Kind::Object(_)) {
        report.wrong_type(root, "an object", "begin with version: 1, then offers and placements");
        return None;
    }
    check_version(root, report)?;
    report.object(root, &KEYS);
    let mut compiler = Compiler {
        report,
        parts: BundleParts::default(),
        attributes: Attributes::new(around.columns),
        audiences: Names::new("audience"),
        metrics: Names::new("metric"),
        offers: Names::new("offer"),
        campaigns: Names::new("campaign"),
        placements: Names::new("placement"),
        facts: Facts::default(),
        table: around.table,
        draft: Draft::new(),
        files: around.files,
        counts: around.counts,
    };
    if let Some(at) = root.get("settings") {
        compiler.settings(at);
    }
    if let Some(at) = root.get("saved_groups") {
        compiler.saved_groups(at);
    }
    if let Some(at) = root.get("audiences") {
        compiler.audiences(at, root);
    }
    if let Some(at) = root.get("metrics") {
        compiler.metrics(at);
    }
    if let Some(at) = root.get("offers") {
        compiler.offers(at);
    }
    compiler.campaigns(root.get("campaigns"));
    section::placement::read(root.get("placements"), root, &mut compiler);
    compiler.experiments_and_flags(root);
    if let Some(at) = root.get("alerts") {
        compiler.alerts(at);
    }
    lint::check(root, &mut compiler);
    let flags = compiler.flags_payload(root);
    let campaigns = timetable(&compiler);
    Some((compiler.bundle(root)?, flags?, campaigns))
}

/// Another version may mean something else by the same keys, so nothing more is read then.
fn check_version(root: At<'_>, report: &mut Report) -> Option<()> {
    let Some(at) = report.required(root, "version", "write version: 1 at the top") else { return Some(()) };
    if matches!(at.kind(), Kind::Number(number) if number.as_i64() == Some(VERSION)) {
        return Some(());
    }
    let help = format!("write the number {VERSION}; other versions need another release of Vitrine");
    report.error(at, "unsupported_version", format!("this release reads version {VERSION}, found {at}"), help);
    None
}

/// A bundle in the making.
pub(crate) struct Compiler<'t, 'a> {
    pub report: &'a mut Report,
    pub parts: BundleParts,
    pub attributes: Attributes<'a>,
    /// Named audiences, by their index in the parts.
    pub audiences: Names<'t>,
    /// Metrics, by their index in the facts.
    pub metrics: Names<'t>,
    /// Offers, by their index in the parts.
    pub offers: Names<'t>,
    /// Campaigns, by their index in the facts.
    pub campaigns: Names<'t>,
    /// Placements, by their index in the facts.
    pub placements: Names<'t>,
    /// What the sections say beyond the parts.
    pub facts: Facts<'t>,
    /// What the columns of the profile table can hold.
    pub table: Option<&'a [Column<'a>]>,
    /// Flags and experiments.
    pub draft: Draft<'t>,
    /// Hashed ids of saved groups whose ids are in files.
    pub files: Option<&'a GroupFiles>,
    /// How many visitors of the table each rule admits.
    pub counts: Option<&'a Counts>,
}

impl<'t> Compiler<'t, '_> {
    /// Reads the sections that become the payload of flags.
    fn experiments_and_flags(&mut self, root: At<'t>) {
        if let Some(at) = root.get("layers") {
            self.layers(at);
        }
        if let Some(at) = root.get("holdouts") {
            self.holdouts(at);
        }
        if let Some(at) = root.get("flags") {
            self.flags(at);
        }
        if let Some(at) = root.get("experiments") {
            self.experiments(at);
        }
        for at in std::mem::take(&mut self.facts.experiment_references) {
            self.draft.experiment_names.resolve(at, "unknown_experiment", self.report);
        }
        self.join_experiments();
    }
}

impl Compiler<'_, '_> {
    fn bundle(self, root: At<'_>) -> Option<Bundle> {
        let Self { report, mut parts, attributes, audiences, metrics, offers, draft, .. } = self;
        // Of a document with errors it is not known what its author refers to.
        if report.has_errors() {
            return None;
        }
        audiences.warn_unused(report, "unused_audience", "no offer, flag or experiment names the audience");
        draft.warn_unused(report);
        metrics.warn_unused(report, "unused_metric", "no goal and no experiment names the metric");
        if !parts.placements.is_empty() {
            offers.warn_unused(report, "unused_offer", "no placement shows the offer");
        }
        parts.attributes = attributes.into_names();
        match Bundle::new(parts) {
            Ok(bundle) => Some(bundle),
            // Everything that the engine refuses has a diagnostic of its own; this is the net below.
            Err(error) => {
                report.error(root, "refused_by_engine", error.to_string(), "please report this document as a bug");
                None
            }
        }
    }
}

/// The entries of one section, by id.
pub(crate) struct Names<'t> {
    what: &'static str,
    by_id: BTreeMap<&'t str, Named<'t>>,
}

/// An entry that others can refer to.
#[derive(Clone, Copy)]
pub(crate) struct Named<'t> {
    /// Its place in its section.
    pub idx: u16,
    /// Its value in the document.
    pub at: At<'t>,
    is_used: bool,
}

impl<'t> Names<'t> {
    pub fn new(what: &'static str) -> Self {
        Self { what, by_id: BTreeMap::new() }
    }

    /// Reads the id of the entry `at`, which stands at `idx` of its section.
    pub fn declare(&mut self, at: At<'t>, idx: usize, report: &mut Report) -> Option<&'t str> {
        self.declare_as(at, idx, report, |report, at| {
            report.id(at);
        })
    }

    /// As [`Self::declare`], for ids that clients write into their programs: see [`Report::key_id`].
    pub fn declare_key(&mut self, at: At<'t>, idx: usize, n_chars_max: usize, report: &mut Report) -> Option<&'t str> {
        self.declare_as(at, idx, report, |report, at| {
            report.key_id(at, n_chars_max);
        })
    }

    fn declare_as(
        &mut self,
        at: At<'t>,
        idx: usize,
        report: &mut Report,
        check: impl Fn(&mut Report, At<'t>),
    ) -> Option<&'t str> {
        let help = format!("give the {} an id, for example \"summer-sale\"", self.what);
        let id_at = report.required(at, "id", &help)?;
        // An id of the wrong form is reported once, not again at each reference.
        let id = report.text(id_at)?;
        check(report, id_at);
        let idx = u16::try_from(idx).ok()?;
        match self.by_id.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(Named { idx, at, is_used: false });
            }
            Entry::Occupied(entry) => {
                let message = format!("the {} {id:?} exists already, at {}", self.what, entry.get().at.pointer());
                report.error(id_at, "duplicate_id", message, "give one of the two another id");
            }
        }
        Some(id)
    }

    /// The entry that `at` refers to; from now on it counts as used. If there is none, an error with `code`.
    pub fn resolve(&mut self, at: At<'_>, code: &'static str, report: &mut Report) -> Option<Named<'t>> {
        let named = self.find(at, code, report);
        self.mark_used(at.as_text());
        named
    }

    /// The entry that `at` refers to, without making use of it. If there is none, an error with `code`.
    pub fn find(&self, at: At<'_>, code: &'static str, report: &mut Report) -> Option<Named<'t>> {
        let id = report.text(at)?;
        if let Some(named) = self.by_id.get(id) {
            return Some(*named);
        }
        let suggestion = report.did_you_mean(id, self.by_id.keys().copied());
        let message = format!("there is no {} {:?}{suggestion}", self.what, shortened(id));
        let help = format!("write the id of one of the {}s of this document", self.what);
        report.error(at, code, message, help);
        None
    }

    /// The entry with this id.
    pub fn get(&self, id: &str) -> Option<Named<'t>> {
        self.by_id.get(id).copied()
    }

    /// The entry with this id counts as used from now on.
    pub fn mark_used(&mut self, id: &str) {
        if let Some(named) = self.by_id.get_mut(id) {
            named.is_used = true;
        }
    }

    /// Whether there is an entry with this id.
    pub fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    pub fn warn_unused(&self, report: &mut Report, code: &'static str, message: &str) {
        for (id, named) in self.by_id.iter().filter(|(_, named)| !named.is_used) {
            report.warning(named.at, code, format!("{message} {id:?}"), "refer to it, or remove it");
        }
    }
}
