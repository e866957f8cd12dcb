//! One experiment, compiled.

use crate::bandit::Bandit;
use crate::bucket::{Filter, Namespace, Range, usable_weights};
use crate::condition::{Case, Compiler, Condition, KeyHasher, Scope, compile_pattern};
use crate::hash::{HashVersion, Seed};
use crate::json::{Json, Object};
use crate::prerequisite::Prerequisite;
use crate::result::ExperimentRun;
use crate::schedule::{MEMBER, Schedule};
use crate::url::Targets;
use regex_lite::Regex;
use std::hash::{BuildHasher as _, BuildHasherDefault};

/// Members of a rule that its experiment repeats, in the specification's order, besides `variations` and `key`.
const REPEATED: [&str; 16] = [
    "coverage",
    "weights",
    "hashAttribute",
    "fallbackAttribute",
    "disableStickyBucketing",
    "bucketVersion",
    "minBucketVersion",
    "namespace",
    "meta",
    "ranges",
    "name",
    "phase",
    "seed",
    "hashVersion",
    "filters",
    "condition",
];
/// Those of them that are repeated even if JavaScript holds them for false.
const REPEATED_IF_FALSE: [&str; 3] = ["coverage", "bucketVersion", "minBucketVersion"];

/// An experiment: variations, and who gets which.
#[derive(Clone, Debug, Default)]
pub struct Experiment {
    key: String,
    /// Tells most keys apart without comparing them.
    key_hash: u64,
    variations: Vec<Json>,
    variation_keys: Vec<String>,
    /// As results repeat it, with its coverage and weights before any ramp or bandit.
    source: Object,
    pub(crate) names: Vec<Option<String>>,
    pub(crate) passthrough: Vec<Option<bool>>,
    /// `meta[i].key`: what sticky assignments name.
    pub(crate) meta_keys: Vec<Option<String>>,
    pub(crate) hashing: Hashing,
    /// Ranges that replace coverage and weights.
    pub(crate) ranges: Option<Vec<Range>>,
    pub(crate) weights: Vec<f64>,
    pub(crate) coverage: f64,
    pub(crate) filters: Option<Vec<Filter>>,
    pub(crate) namespace: Option<Namespace>,
    pub(crate) condition: Option<Condition>,
    pub(crate) prerequisites: Vec<Prerequisite>,
    pub(crate) bandit: Option<Bandit>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) sticky: Sticky,
    pub(crate) force: Option<i64>,
    pub(crate) status: Status,
    pub(crate) page: Page,
}

/// What is hashed, and how.
#[derive(Clone, Debug)]
pub(crate) struct Hashing {
    pub(crate) attribute: Box<str>,
    /// Used only with sticky bucketing.
    pub(crate) fallback: Option<Box<str>>,
    pub(crate) seed: Seed,
    pub(crate) version: HashVersion,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { attribute: "id".into(), fallback: None, seed: Seed::default(), version: HashVersion::One }
    }
}

impl Hashing {
    /// Reads the members of a rule or an experiment. `seed` is used where none is written.
    pub(crate) fn from_json(json: &Json, seed: &str) -> Self {
        Self {
            attribute: text(json, "hashAttribute").unwrap_or("id").into(),
            fallback: text(json, "fallbackAttribute").map(Box::from),
            seed: Seed::new(text(json, "seed").unwrap_or(seed)),
            version: HashVersion::from_json(json.get("hashVersion"), HashVersion::One),
        }
    }
}

/// How earlier assignments count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sticky {
    pub(crate) is_disabled: bool,
    pub(crate) version: i64,
    pub(crate) version_min: i64,
}

/// Whether an experiment assigns anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    #[default]
    Running,
    /// A draft, or not active: only what is forced from outside counts.
    Draft,
    /// Over: nobody is assigned by hash.
    Stopped,
}

/// What only experiments on whole pages have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) targets: Option<Targets>,
    /// Whether any variation sends the visitor elsewhere.
    pub(crate) redirects: bool,
    pub(crate) keeps_query: bool,
    /// Runs only when code asks for it.
    pub(crate) is_manual: bool,
    /// The pattern of former days: `url`. `Some(None)` cannot be run and fits every address.
    pub(crate) url: Option<Option<Regex>>,
    /// Groups of former days, which nobody is in.
    pub(crate) has_groups: bool,
}

impl Experiment {
    /// Compiles an experiment of the specification's shape. What is malformed is treated as the specification says, never
    /// refused.
    pub fn from_json(json: &Json) -> Self {
        Self::compile(json, &mut Compiler::default())
    }

    /// The tracking key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The values of the variations, in order.
    pub fn variations(&self) -> &[Json] {
        &self.variations
    }

    /// Keys of the variations, in order: `meta[i].key`, else the index.
    pub fn variation_keys(&self) -> &[String] {
        &self.variation_keys
    }

    /// Under which name an assignment is kept for later ([`crate::StickyDoc::assignments`]): `<key>__<bucket version>`. `None` if
    /// earlier assignments do not count here.
    pub fn sticky_id(&self) -> Option<String> {
        (!self.sticky.is_disabled).then(|| format!("{}__{}", self.key, self.sticky.version))
    }

    #[inline]
    pub(crate) fn key_hash(&self) -> u64 {
        self.key_hash
    }

    /// An experiment that stands for itself: on a page, or run by code.
    pub(crate) fn compile(json: &Json, compiler: &mut Compiler) -> Self {
        let mut source = json.as_object().cloned().unwrap_or_default();
        source.remove(MEMBER);
        let variations = json.get("variations").and_then(Json::as_list).unwrap_or_default();
        let key = text(json, "key").unwrap_or_default();
        let mut experiment = Self::shared(json, key, variations, source, compiler);
        experiment.prerequisites = Prerequisite::compile(json, compiler);
        experiment.schedule = Schedule::compile(json, compiler);
        // An index that is no whole number is no variation.
        experiment.force = json.get("force").map(|force| force.as_number().map_or(-1, index_of));
        experiment.status = match text(json, "status") {
            Some("draft") => Status::Draft,
            _ if json.get("active") == Some(&Json::Bool(false)) => Status::Draft,
            Some("stopped") => Status::Stopped,
            _ => Status::Running,
        };
        let is = |name: &str| json.get(name).is_some_and(Json::is_truthy);
        experiment.page = Page {
            targets: json.get("urlPatterns").map(|json| compiler.at("urlPatterns", |it| Targets::compile(json, it))),
            redirects: variations.iter().any(|variation| variation.get("urlRedirect").is_some()),
            keeps_query: is("persistQueryString"),
            is_manual: is("manual"),
            url: text(json, "url").map(|url| compile_pattern(url, Case::Sensitive).ok()),
            has_groups: is("groups"),
        };
        experiment
    }

    /// The experiment of a rule. `None` if the rule has no variations.
    pub(crate) fn of_rule(rule: &Json, feature: &str, bandits: &Object, compiler: &mut Compiler) -> Option<Self> {
        let given = |name: &str| rule.get(name).filter(|json| **json != Json::Null);
        let variations = given("contextualVariations").or(given("variations"))?;
        let mut source = Object::new();
        let key = text(rule, "key").unwrap_or(feature);
        source.insert("variations", variations.clone());
        source.insert("key", key);
        for name in REPEATED {
            if let Some(value) = rule.get(name).filter(|it| it.is_truthy() || REPEATED_IF_FALSE.contains(&name)) {
                source.insert(name, value.clone());
            }
        }
        let variations = variations.as_list().unwrap_or_default();
        let mut experiment = Self::shared(rule, key, variations, source, compiler);
        experiment.bandit = Bandit::compile(rule, bandits, &experiment, compiler);
        Some(experiment)
    }

    fn shared(json: &Json, key: &str, variations: &[Json], source: Object, compiler: &mut Compiler) -> Self {
        let n = variations.len();
        let meta = json.get("meta").and_then(Json::as_list).unwrap_or_default();
        let meta_text = |at: usize, name: &str| meta.get(at).and_then(|it| text(it, name)).map(str::to_owned);
        let meta_keys: Vec<Option<String>> = (0..n).map(|at| meta_text(at, "key")).collect();
        let coverage = json.get("coverage").filter(|json| **json != Json::Null);
        let integer = |name: &str| json.get(name).and_then(Json::as_number).map_or(0, index_of);
        let list = |name: &str| json.get(name).and_then(Json::as_list);
        Self {
            key: key.to_owned(),
            key_hash: BuildHasherDefault::<KeyHasher>::default().hash_one(key),
            variations: variations.to_vec(),
            variation_keys: (0..)
                .zip(&meta_keys)
                .map(|(at, key): (usize, _)| key.clone().unwrap_or(at.to_string()))
                .collect(),
            source,
            names: (0..n).map(|at| meta_text(at, "name")).collect(),
            passthrough: (0..n)
                .map(|at| meta.get(at)?.get("passthrough").filter(|it| it.is_truthy())?.as_bool())
                .collect(),
            meta_keys,
            hashing: Hashing::from_json(json, key),
            ranges: json.get("ranges").filter(|json| json.is_truthy()).map(Range::list_from_json),
            weights: usable_weights(n, json.get("weights")),
            // What is no number covers nobody.
            coverage: coverage.map_or(1.0, |json| json.as_number().unwrap_or(f64::NAN)),
            filters: list("filters").map(|filters| filters.iter().map(Filter::from_json).collect()),
            namespace: json.get("namespace").filter(|json| json.is_truthy()).map(Namespace::from_json),
            condition: compiler.optional_condition(json.get("condition"), Scope::Visitor),
            sticky: Sticky {
                is_disabled: json.get("disableStickyBucketing").is_some_and(Json::is_truthy),
                version: integer("bucketVersion"),
                version_min: integer("minBucketVersion"),
            },
            ..Self::default()
        }
    }

    /// The experiment as results repeat it.
    pub(crate) fn echo(&self, run: &ExperimentRun<'_>) -> Json {
        let mut echo = self.source.clone();
        if let Some(coverage) = run.ramp_coverage {
            echo.insert("coverage", coverage);
        }
        if let Some(leaf) = run.leaf {
            if leaf.leaf_id != crate::bandit::NO_LEAF {
                echo.insert("weights", leaf.weights.clone());
            }
            if run.is_leaf_used {
                let mut bandit = Object::new();
                leaf.write(&mut bandit);
                echo.insert("contextualBandit", bandit);
            }
        }
        Json::Object(echo)
    }
}

/// A text that is not empty: JavaScript's `||` skips the empty one.
pub(crate) fn text<'j>(json: &'j Json, name: &str) -> Option<&'j str> {
    json.get(name).and_then(Json::as_text).filter(|text| !text.is_empty())
}

/// A whole number; -1 for everything else.
pub(crate) fn index_of(number: f64) -> i64 {
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 { number as i64 } else { -1 }
}
