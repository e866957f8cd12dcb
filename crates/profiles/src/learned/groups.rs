//! Groups of alike customers, and cards that describe them and the segments.

use super::{Job, Made, ModelSection, ModelState, Note, is_ordinary, json};
use crate::BuildError;
use crate::engine::{Computed, Engine, ReadRows, Values};
use crate::labels::{FeatureFile, Registry};
use crate::learned::Clusters;
use crate::table::{SEGMENTS, SEGMENTS_ZH};
use serde::Serialize;
use vitrine_learn::resample::Stream;
use vitrine_learn::segment::{
    Choice, ChoiceSettings, Description, FeatureWords, KMeans, LabelColumn, PersonaCard, Rows, Scale, Scaling,
    SegmentError, Silhouette, Stability, StabilitySettings, choose_k, describe, persona_cards, silhouette, stability,
};

const ROWS: &str = "learned_groups";
/// Fewer buyers are no crowd to find groups in.
const BUYERS_MIN: usize = 100;
/// Groups are found in this many customers, drawn at random; the others join the nearest.
const FITTED_MAX: usize = 10_000;
/// Numbers of groups that are tried.
const K_RANGE: std::ops::RangeInclusive<usize> = 2..=8;
/// Groups smaller than this have no card: it would describe persons.
const CARD_MIN: u64 = 5;
/// Values of labels on a card.
const CARD_LABELS: usize = 5;
const STARTS: usize = 8;
const SILHOUETTE_ROWS_MAX: usize = 3_000;
/// A number of groups that was given and whose groups come back less than this is warned of.
const ARI_MIN: f64 = 0.75;

/// A feature: its label and the file that makes it, how it is scaled, and what to call it: title, much, little, in English and Chinese.
struct Feature {
    label: &'static str,
    table: &'static str,
    scaling: Scaling,
    is_money: bool,
    words: [&'static str; 6],
}

/// The columns that groups are found by: recency, frequency and money, and habits.
const FEATURES: [Feature; 6] = [
    feature(
        "monetary_minor",
        "customers",
        Scaling::LogZScore,
        ["money spent", "high-spending", "low-spending", "消费金额", "高消费", "低消费"],
    ),
    feature("frequency", "customers", Scaling::LogZScore, ["orders", "frequent", "rare", "订单数", "高频", "低频"]),
    feature(
        "recency_days",
        "customers",
        Scaling::LogZScore,
        ["days since the last order", "dormant", "recent", "距上次下单天数", "沉睡", "近期活跃"],
    ),
    feature(
        "basket_items",
        "customers",
        Scaling::LogZScore,
        ["goods an order", "large-basket", "small-basket", "每单商品数", "大篮", "小篮"],
    ),
    feature(
        "price_level",
        "price_band",
        Scaling::ZScore,
        ["price level of goods", "premium", "bargain", "商品价位", "高端", "低价"],
    ),
    feature(
        "discount_share",
        "discounts",
        Scaling::ZScore,
        ["share of discounts", "discount-led", "full-price", "折扣占比", "爱折扣", "原价"],
    ),
];

const fn feature(label: &'static str, table: &'static str, scaling: Scaling, words: [&'static str; 6]) -> Feature {
    // Money is told in the currency, not in its minor units.
    let is_money = matches!(label.as_bytes(), b"monetary_minor");
    Feature { label, table, scaling, is_money, words }
}

/// Labels that cards may tell of: the label, its file, and the expression of its value.
const TOLD: [(&str, &str, &str); 7] = [
    ("segment", "rfm", "rfm.segment"),
    ("lifecycle", "lifecycle", "lifecycle.lifecycle"),
    ("top_categories", "top_categories", "top_categories.top_categories[1]"),
    ("price_band", "price_band", "price_band.price_band"),
    ("main_channel", "channels", "channels.main_channel"),
    ("main_device", "channels", "channels.main_device"),
    ("country", "customers", "customers.country"),
];

#[derive(Serialize)]
struct Group<'a> {
    #[serde(flatten)]
    description: &'a Description,
    /// Customers in it, of all.
    customers: u64,
    /// How well it comes back: mean Jaccard index, and the word for it in English and Chinese.
    jaccard: Option<f64>,
    firmness: Option<&'static str>,
    firmness_zh: Option<&'static str>,
    centre: &'a [f64],
}

#[derive(Serialize)]
struct Found<'a> {
    k: usize,
    /// How k was chosen; none if it was given.
    choice: Option<&'a Choice>,
    customers: usize,
    /// Customers that the groups were found in.
    customers_fitted: usize,
    features: Vec<&'static str>,
    /// How each feature is scaled before distances are taken.
    scale: &'a Scale,
    silhouette: Option<&'a Silhouette>,
    stability: &'a Stability,
    groups: Vec<Group<'a>>,
}

#[derive(Default, Serialize)]
struct Personas {
    clusters: Vec<PersonaCard>,
    segments: Vec<PersonaCard>,
}

pub(super) fn made(engine: &Engine, job: &Job<'_>, registry: &Registry, file: FeatureFile) -> Result<Made, BuildError> {
    let features: Vec<&Feature> = FEATURES.iter().filter(|feature| is_ordinary(registry, feature.label)).collect();
    let told: Vec<&(&str, &str, &str)> = TOLD.iter().filter(|(label, _, _)| is_ordinary(registry, label)).collect();
    let tables = features.iter().map(|feature| feature.table).chain(told.iter().map(|(_, table, _)| *table));
    let mut reads: Vec<String> = tables.chain(["customers", "people", "rfm"]).map(str::to_owned).collect();
    reads.sort();
    reads.dedup();
    let note = if job.options.clusters == Clusters::Off {
        Note::without(ModelState::Off, "not asked for")
    } else {
        let columns: Vec<&str> = features.iter().map(|one| one.label).chain(told.iter().map(|one| one.0)).collect();
        let settings = format!(
            "{} groups {:?} seed={} minor={} {}",
            super::WAY,
            job.options.clusters,
            job.seed,
            job.minor_digits,
            columns.join(" ")
        );
        let note = engine.keep_rows(ROWS, &reads, &settings, || {
            let people = People::read(engine, job, &features, &told, &reads)?;
            let (note, groups) = people.learned(job)?;
            let is_made = groups.iter().any(Option::is_some);
            let ids = people.ids.into_iter().filter(|_| is_made).map(Some).collect();
            let columns =
                vec![("customer_id".to_owned(), Values::Texts(ids)), ("cluster".to_owned(), Values::Texts(groups))];
            Ok(Computed { columns, note: note.to_json()? })
        })?;
        super::read_note(&note)?
    };
    Ok(Made { file, rows_table: ROWS, reads, note })
}

/// The note, and the group of each buyer by name; no group at all if there are none to show.
type Grouped = (Note, Vec<Option<String>>);

/// Buyers with their features and what may be told of them.
struct People<'a> {
    ids: Vec<String>,
    features: Vec<&'a Feature>,
    raw: Rows,
    segments: Vec<Option<String>>,
    told: Vec<LabelColumn>,
}

impl<'a> People<'a> {
    fn read(
        engine: &Engine,
        job: &Job<'_>,
        features: &[&'a Feature],
        told: &[&(&str, &str, &str)],
        tables: &[String],
    ) -> Result<Self, BuildError> {
        let joins: String = tables
            .iter()
            .filter(|table| !["customers", "people"].contains(&table.as_str()))
            .map(|table| format!(" LEFT JOIN {table} ON {table}.customer_id = customers.customer_id"))
            .collect();
        let expressions = told.iter().map(|(_, _, expression)| (*expression).to_owned());
        let numbers = features.iter().map(|feature| format!("{}.{}", feature.table, feature.label));
        let columns: Vec<String> = expressions.chain(numbers).map(|column| format!(", {column}")).collect();
        let sql = format!(
            "SELECT customers.customer_id, rfm.segment AS own_segment{} FROM customers JOIN people ON people.customer_id = customers.customer_id{joins} \
             ORDER BY customers.customer_id",
            columns.concat()
        );
        let ReadRows { texts, numbers } = engine.read_rows(ROWS, &sql, 2 + told.len())?;
        let mut texts = texts.into_iter();
        let ids: Vec<String> = texts.next().unwrap_or_default().into_iter().flatten().collect();
        let segments = texts.next().unwrap_or_default();
        let told =
            told.iter().zip(texts).map(|(told, values)| LabelColumn { label: told.0.to_owned(), values }).collect();
        let major = 10_f64.powi(i32::from(job.minor_digits));
        // A column that nobody has, or in which all are equal, tells nothing.
        let kept: Vec<(&Feature, Vec<f64>)> = features
            .iter()
            .copied()
            .zip(numbers)
            .filter(|(_, values)| {
                let mut known = values.iter().filter(|value| value.is_finite());
                let first = known.next();
                known.any(|value| Some(value) != first)
            })
            .map(|(feature, values)| {
                let unit = if feature.is_money { major } else { 1.0 };
                (feature, values.into_iter().map(|value| value / unit).collect())
            })
            .collect();
        let values = (0..ids.len())
            .flat_map(|row| kept.iter().map(move |(_, values)| values.get(row).copied().unwrap_or(f64::NAN)))
            .collect();
        let raw = Rows { n_cols: kept.len().max(1), values };
        Ok(Self { ids, features: kept.into_iter().map(|(feature, _)| feature).collect(), raw, segments, told })
    }

    fn learned(&self, job: &Job<'_>) -> Result<Grouped, BuildError> {
        let n = self.ids.len();
        if n < BUYERS_MIN || self.features.len() < 2 {
            let why = if n < BUYERS_MIN {
                format!("{n} customers bought; at least {BUYERS_MIN} are needed to find groups")
            } else {
                "fewer than two features tell customers apart".to_owned()
            };
            let mut note = Note::without(ModelState::Skipped, why);
            note.personas = json(&Personas::default())?;
            return Ok((note, Vec::new()));
        }
        match self.grouped(job) {
            Ok(found) => found,
            Err(error) => Ok((Note::without(ModelState::Skipped, error.to_string()), Vec::new())),
        }
    }

    fn grouped(&self, job: &Job<'_>) -> Result<Result<Grouped, BuildError>, SegmentError> {
        let words: Vec<FeatureWords> = self.features.iter().map(|feature| feature.words()).collect();
        let scalings: Vec<Scaling> = self.features.iter().map(|feature| feature.scaling).collect();
        let scale = Scale::fit(&self.raw, &scalings)?;
        let scaled = scale.apply(&self.raw)?;
        let fitted_on = Stream::new(job.seed, "groups.sample").sample_indices(scaled.n_rows(), FITTED_MAX);
        let sample = scaled.pick(&fitted_on);
        let (choice, mut groups) = match job.options.clusters {
            Clusters::Exactly(k) => (None, KMeans::fit(&sample, usize::from(k), STARTS, job.seed)?),
            Clusters::Auto | Clusters::Off => {
                let settings = ChoiceSettings { seed: job.seed, n_starts: STARTS, ..ChoiceSettings::default() };
                let (choice, groups) = choose_k(&sample, K_RANGE, &settings)?;
                (Some(choice), groups)
            }
        };
        // Those who spend most come first, so that the order stays from build to build.
        groups.renumber_by_column(0);
        let settings = StabilitySettings { seed: job.seed, rows_max: 4_000, ..StabilitySettings::default() };
        let firm = stability(&sample, &groups, &settings)?;
        let apart = silhouette(&sample, &groups.assignment, SILHOUETTE_ROWS_MAX, job.seed).ok();
        let assignment = groups.assign(&scaled)?;
        let described = describe(&self.raw, &assignment, groups.k(), &words)?;
        let of_groups = persona_cards(&described, &assignment, &self.told, CARD_LABELS)?;
        let of_segments = self.segment_cards(&words)?;

        let is_trusted = choice.as_ref().is_none_or(|choice| choice.is_trusted);
        let found = Found {
            k: groups.k(),
            choice: choice.as_ref(),
            customers: assignment.len(),
            customers_fitted: sample.n_rows(),
            features: self.features.iter().map(|feature| feature.label).collect(),
            scale: &scale,
            silhouette: apart.as_ref(),
            stability: &firm,
            groups: described
                .iter()
                .enumerate()
                .map(|(group, description)| {
                    let firmness = firm.firmness_by_group.get(group).map(|firmness| firmness.words());
                    Group {
                        description,
                        customers: description.size,
                        jaccard: firm.jaccard_by_group.get(group).copied(),
                        firmness: firmness.map(|words| words.0),
                        firmness_zh: firmness.map(|words| words.1),
                        centre: groups.centre(group),
                    }
                })
                .collect(),
        };
        let mut note = Note::default();
        let mut why = match &choice {
            Some(choice) => choice.reason.clone(),
            None => format!("k = {} was given; index of groups that come back {:.2}", groups.k(), firm.ari_mean),
        };
        if choice.is_none() && firm.ari_mean < ARI_MIN {
            why += "; below 0.75: do not build on these groups";
            note.warnings.push(format!("groups of customers: {why}"));
        }
        let mut names = Vec::new();
        let personas =
            Personas { clusters: shown(if is_trusted { of_groups } else { Vec::new() }), segments: shown(of_segments) };
        let state = if is_trusted {
            names = assignment
                .iter()
                .map(|group| described.get(*group as usize).map(|description| description.name.clone()))
                .collect();
            let values: Vec<String> = described.iter().map(|description| description.name.clone()).collect();
            let both: Vec<String> =
                described.iter().map(|description| format!("{} ({})", description.name, description.name_zh)).collect();
            note.means.insert("cluster".into(), format!("group of customers who buy alike: {}", both.join("; ")));
            note.values.insert("cluster".into(), values);
            ModelState::Published
        } else {
            note.warnings.push(format!("groups of customers are not shown: {why}"));
            ModelState::Refused
        };
        let labels = if is_trusted { vec!["cluster".to_owned()] } else { Vec::new() };
        let finish = || {
            note.section = ModelSection { state, why, labels, found: json(&found)? };
            note.personas = json(&personas)?;
            Ok((note, names))
        };
        Ok(finish())
    }

    /// Cards of the segments by recency and frequency.
    fn segment_cards(&self, words: &[FeatureWords]) -> Result<Vec<PersonaCard>, SegmentError> {
        let of = |name: &Option<String>| SEGMENTS.iter().position(|segment| Some(*segment) == name.as_deref());
        let last = SEGMENTS.len();
        let assignment: Vec<u32> = self.segments.iter().map(|name| of(name).unwrap_or(last) as u32).collect();
        let described = describe(&self.raw, &assignment, last + 1, words)?;
        let told: Vec<LabelColumn> = self.told.iter().filter(|told| told.label != "segment").cloned().collect();
        let cards = persona_cards(&described, &assignment, &told, CARD_LABELS)?;
        let named = cards
            .into_iter()
            .zip(SEGMENTS.into_iter().zip(SEGMENTS_ZH))
            .map(|(card, (name, name_zh))| PersonaCard { name: name.to_owned(), name_zh: name_zh.to_owned(), ..card });
        Ok(named.collect())
    }
}

impl Feature {
    fn words(&self) -> FeatureWords {
        let [title, high, low, title_zh, high_zh, low_zh] = self.words.map(str::to_owned);
        FeatureWords { feature: self.label.to_owned(), title, title_zh, high, low, high_zh, low_zh }
    }
}

fn shown(cards: Vec<PersonaCard>) -> Vec<PersonaCard> {
    cards.into_iter().filter(|card| card.size >= CARD_MIN).collect()
}
