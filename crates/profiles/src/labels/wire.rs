//! Labels as they are written in TOML: in the heads of feature files and in `labels.toml`.

use super::{Label, LabelError, LabelState, LabelType, Names, Registry, Sensitivity};
use crate::AsOf;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Names of the data that keep a code of their own, unless the label says otherwise.
const VALUES_MAX: u32 = 254;
const TYPES: &str = "bool, unsigned, linear, log, category, labels, top_k, vector, text, time";

/// The head of a feature file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HeadWire {
    pub(super) requires: Option<Vec<String>>,
    /// Whether its labels are in the table even when no customer has a value.
    pub(super) always: bool,
    pub(super) labels: Labels,
}

/// Labels by name.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Labels(BTreeMap<String, LabelWire>);

impl Labels {
    /// The labels in the order of the file.
    pub(super) fn in_order(self, text: &str) -> Vec<(String, LabelWire)> {
        let mut labels: Vec<(String, LabelWire)> = self.0.into_iter().collect();
        labels.sort_by_key(|(name, _)| line_of(text, "labels", name, None));
        labels
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LabelWire {
    means: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    bits: Option<u8>,
    zero: Option<f64>,
    step: Option<f64>,
    max: Option<f64>,
    dictionary: Option<String>,
    from: Option<String>,
    values: Option<Vec<String>>,
    values_max: Option<u32>,
    k: Option<u8>,
    weight_bits: Option<u8>,
    dims: Option<u16>,
    scale: Option<f32>,
    nullable: Option<bool>,
    default: Option<Literal>,
    unit: Option<String>,
    owner: Option<String>,
    source: Option<String>,
    refresh: Option<String>,
    sensitivity: Option<Sensitivity>,
    purpose: Option<String>,
    expires: Option<String>,
    in_table: Option<bool>,
    always: Option<bool>,
    /// Only in `labels.toml`: an expression over the columns of features.parquet.
    sql: Option<String>,
}

/// A value that stands in SQL as a literal.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Literal {
    Flag(bool),
    Whole(i64),
    Real(f64),
    Text(String),
    /// SQL as it stands.
    #[serde(skip)]
    Raw(String),
}

impl Literal {
    fn sql(&self) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Whole(number) => number.to_string(),
            Self::Real(number) => format!("{number:?}"),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Raw(sql) => sql.clone(),
        }
    }
}

/// `labels.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileWire {
    labels: Labels,
    segments: BTreeMap<String, SegmentWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SegmentWire {
    when: Option<String>,
    means: Option<String>,
    owner: Option<String>,
    purpose: Option<String>,
    sensitivity: Option<Sensitivity>,
    expires: Option<String>,
    in_table: Option<bool>,
}

/// What a shop changes and adds: the content of `labels.toml`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    path: PathBuf,
    text: String,
    overrides: BTreeMap<String, LabelWire>,
    /// Labels and segments that the file makes, in its order.
    pub(crate) own: Vec<Label>,
}

impl Changes {
    /// Reads `labels.toml`.
    pub(crate) fn from_file(path: &Path) -> Result<Self, LabelError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| LabelError::Read { file: path.to_owned(), reason: error.to_string() })?;
        Self::parse(path, &text)
    }

    /// Reads the text of `labels.toml`.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, LabelError> {
        let FileWire { labels, segments } = parse(path, text)?;
        let mut changes =
            Self { path: path.to_owned(), text: text.to_owned(), overrides: BTreeMap::new(), own: Vec::new() };
        for (name, wire) in labels.in_order(text) {
            if wire.sql.is_some() {
                let made = wire.into_label(&name, &format!("labels.toml: labels.{name}"));
                let made = made.map_err(|(key, what)| changes.refuse("labels", &name, Some(key), &what))?;
                if matches!(made.kind, LabelType::TopK { .. }) {
                    let what = "a list with weights needs two columns; make it in a feature file of its own";
                    return Err(changes.refuse("labels", &name, Some("type"), what));
                }
                changes.own.push(made);
            } else {
                changes.overrides.insert(name, wire);
            }
        }
        let mut segments: Vec<(String, SegmentWire)> = segments.into_iter().collect();
        segments.sort_by_key(|(name, _)| line_of(text, "segments", name, None));
        for (name, wire) in segments {
            let Some(when) = wire.when else {
                let what = "is missing; write a condition over features, such as when = \"frequency >= 3\"";
                return Err(changes.refuse("segments", &name, Some("when"), what));
            };
            let label = LabelWire {
                means: wire.means.or_else(|| Some(format!("customers with {when}"))),
                kind: Some("bool".into()),
                default: Some(Literal::Flag(false)),
                owner: wire.owner,
                purpose: wire.purpose,
                sensitivity: wire.sensitivity,
                expires: wire.expires,
                in_table: wire.in_table,
                sql: Some(when),
                ..LabelWire::default()
            };
            let made = label.into_label(&name, &format!("labels.toml: segments.{name}"));
            let made = made.map_err(|(key, what)| changes.refuse("segments", &name, Some(key), &what))?;
            changes.own.push(made);
        }
        Ok(changes)
    }

    /// Changes a label as the file says.
    pub(crate) fn apply(&self, label: &mut Label) -> Result<(), LabelError> {
        let Some(wire) = self.overrides.get(&label.name) else { return Ok(()) };
        let refuse = |(key, what): (&str, String)| self.refuse("labels", &label.name, Some(key), &what);
        let changed = wire.clone().over(label).into_label(&label.name, &label.step).map_err(refuse)?;
        *label = changed;
        Ok(())
    }

    /// Adds the labels that nothing else declares, but the file does so in full: columns that come from elsewhere.
    pub(crate) fn declare(&self, registry: &mut Registry) -> Result<(), LabelError> {
        for (name, wire) in self.overrides.clone() {
            if registry.get(&name).is_none() && wire.means.is_some() && wire.kind.is_some() {
                let made = wire.into_label(&name, &format!("labels.toml: labels.{name}"));
                registry.labels.push(made.map_err(|(key, what)| self.refuse("labels", &name, Some(key), &what))?);
            }
        }
        Ok(())
    }

    /// Whether every name that the file changes exists, and every one that it makes does not.
    pub(super) fn check_names(&self, registry: &Registry) -> Result<(), LabelError> {
        for name in self.overrides.keys() {
            if registry.get(name).is_none() {
                let what = "there is no such label; give sql = \"...\" and a type to make it, or check the name";
                return Err(self.refuse("labels", name, None, what));
            }
        }
        for (idx, label) in self.own.iter().enumerate() {
            let table = if label.step.contains("segments.") { "segments" } else { "labels" };
            let taken = registry.get(&label.name).or_else(|| self.own[..idx].iter().find(|own| own.name == label.name));
            if let Some(other) = taken {
                let what = format!("{} makes a label of this name already; choose another", other.step);
                return Err(self.refuse(table, &label.name, None, &what));
            }
        }
        Ok(())
    }

    /// An error at the place of a label's expression.
    pub(crate) fn expression_error(&self, label: &Label, reason: &str) -> LabelError {
        let (table, key) = if label.step.contains("segments.") { ("segments", "when") } else { ("labels", "sql") };
        self.refuse(table, &label.name, Some(key), reason)
    }

    fn refuse(&self, table: &str, name: &str, key: Option<&str>, what: &str) -> LabelError {
        let line = line_of(&self.text, table, name, key).max(line_of(&self.text, table, name, None));
        let key = key.map_or_else(String::new, |key| format!(".{key}"));
        LabelError::Line { file: self.path.clone(), line, what: format!("{table}.{name}{key}: {what}") }
    }
}

/// Why a key is refused: its name, and what is wrong.
type KeyError = (&'static str, String);

impl LabelWire {
    /// The label that this declares.
    pub(super) fn into_label(self, name: &str, step: &str) -> Result<Label, KeyError> {
        if !is_name(name) {
            return Err((
                "",
                format!(
                    "{name:?} is no column name; use a lower-case letter, then up to 63 lower-case letters, digits and _"
                ),
            ));
        }
        let means = self.means.clone().ok_or_else(|| missing("means", "\"what it says of a customer\""))?;
        if means.trim().is_empty() {
            return Err(("means", "is empty; say in words what the label means".into()));
        }
        let kind = self.label_type(name)?;
        let is_list = matches!(kind, LabelType::Labels { .. } | LabelType::TopK { .. });
        let is_plain = matches!(kind, LabelType::Text | LabelType::Time);
        if is_plain && self.in_table == Some(true) {
            return Err(("in_table", "text and times have no place in the table; leave the key out".into()));
        }
        if let Some(expires) = &self.expires
            && let Err(error) = expires.parse::<AsOf>()
        {
            return Err(("expires", error.to_string()));
        }
        Ok(Label {
            name: name.to_owned(),
            means,
            kind,
            nullable: self.nullable.unwrap_or(false) && !is_list,
            default: self.default.as_ref().map(Literal::sql),
            unit: self.unit,
            owner: self.owner,
            source: self.source,
            refresh: self.refresh,
            sensitivity: self.sensitivity.unwrap_or_default(),
            purpose: self.purpose,
            expires: self.expires,
            in_table: self.in_table.unwrap_or(!is_plain),
            always: self.always.unwrap_or(false),
            step: step.to_owned(),
            sql: self.sql,
            steps: Vec::new(),
            tables: Vec::new(),
            state: LabelState::FeaturesOnly,
        })
    }

    fn label_type(&self, name: &str) -> Result<LabelType, KeyError> {
        let bits = || match self.bits {
            None => Err(missing("bits", "8")),
            Some(bits) if (1..=32).contains(&bits) => Ok(bits),
            Some(bits) => Err(("bits", format!("is {bits}, but must be 1 to 32"))),
        };
        let above_0 = |key: &'static str, value: f64| match value.is_finite() && value > 0.0 {
            true => Ok(value),
            false => Err((key, format!("is {value}, but must be above 0"))),
        };
        // Codes above 0; a nullable column needs one of them to say that the value is missing.
        let steps = |bits: u8| ((1_u64 << bits) - 1 - u64::from(self.nullable == Some(true))).max(1) as f64;
        match self.kind.as_deref().ok_or_else(|| missing("type", "\"unsigned\""))? {
            "bool" => Ok(LabelType::Bool),
            "unsigned" => Ok(LabelType::Unsigned { bits: bits()? }),
            "linear" => {
                let (bits, zero) = (bits()?, self.zero.unwrap_or(0.0));
                let step = match (self.step, self.max) {
                    (Some(step), None) => above_0("step", step)?,
                    (None, Some(max)) if max > zero && zero.is_finite() => above_0("max", (max - zero) / steps(bits))?,
                    (None, Some(max)) => return Err(("max", format!("is {max}, but must be above zero ({zero})"))),
                    _ => return Err(("step", "needs either step or max, and not both".into())),
                };
                Ok(LabelType::Linear { bits, zero, step })
            }
            "log" => {
                let (bits, zero) = (bits()?, above_0("zero", self.zero.ok_or_else(|| missing("zero", "1.0"))?)?);
                let step = match (self.step, self.max) {
                    (Some(step), None) => above_0("step", step)?,
                    (None, Some(max)) if max > zero => above_0("max", (max / zero).ln() / steps(bits))?,
                    (None, Some(max)) => return Err(("max", format!("is {max}, but must be above zero ({zero})"))),
                    _ => return Err(("step", "needs either step or max, and not both".into())),
                };
                Ok(LabelType::Log { bits, zero, step })
            }
            "category" => Ok(LabelType::Category(self.names(name)?)),
            "labels" => match &self.values {
                None => Err(missing("values", "[\"one\", \"two\"]")),
                Some(values) if (1..=64).contains(&values.len()) => Ok(LabelType::Labels { values: values.clone() }),
                Some(values) => Err(("values", format!("has {} names, but must have 1 to 64", values.len()))),
            },
            "top_k" => {
                let k = self.k.ok_or_else(|| missing("k", "5"))?;
                let weight_bits = self.weight_bits.unwrap_or(4);
                if !(1..=64).contains(&k) {
                    return Err(("k", format!("is {k}, but must be 1 to 64")));
                }
                if !(1..=16).contains(&weight_bits) {
                    return Err(("weight_bits", format!("is {weight_bits}, but must be 1 to 16")));
                }
                Ok(LabelType::TopK { k, weight_bits, names: self.names(name)? })
            }
            "vector" => {
                let dims = self.dims.ok_or_else(|| missing("dims", "32"))?;
                let scale = self.scale.unwrap_or(1.0 / 127.0);
                if !(1..=1024).contains(&dims) {
                    return Err(("dims", format!("is {dims}, but must be 1 to 1024")));
                }
                above_0("scale", f64::from(scale))?;
                Ok(LabelType::Vector { dims, scale })
            }
            "text" => Ok(LabelType::Text),
            "time" => Ok(LabelType::Time),
            other => Err(("type", format!("{other:?} is unknown; types are {TYPES}"))),
        }
    }

    fn names(&self, label: &str) -> Result<Names, KeyError> {
        let values = self.values.clone().unwrap_or_default();
        let values_max = self.values_max.unwrap_or(VALUES_MAX);
        if !(1..=65_000).contains(&values_max) {
            return Err(("values_max", format!("is {values_max}, but must be 1 to 65000")));
        }
        if let Some(from) = &self.from
            && !from.split_once('.').is_some_and(|(table, column)| is_name(table) && is_name(column))
        {
            return Err(("from", format!("{from:?} is no table.column")));
        }
        let dictionary = self.dictionary.clone().unwrap_or_else(|| label.to_owned());
        Ok(Names { dictionary, values, values_max, from: self.from.clone() })
    }

    /// What stands here, and what the label says where nothing stands here.
    fn over(self, label: &Label) -> Self {
        let mut below = Self {
            means: Some(label.means.clone()),
            kind: Some(label.type_name().to_owned()),
            nullable: Some(label.nullable),
            unit: label.unit.clone(),
            owner: label.owner.clone(),
            source: label.source.clone(),
            refresh: label.refresh.clone(),
            sensitivity: Some(label.sensitivity),
            purpose: label.purpose.clone(),
            expires: label.expires.clone(),
            in_table: Some(label.in_table).filter(|_| !matches!(label.kind, LabelType::Text | LabelType::Time)),
            always: Some(label.always),
            sql: label.sql.clone(),
            ..Self::default()
        };
        match &label.kind {
            LabelType::Unsigned { bits } => below.bits = Some(*bits),
            LabelType::Linear { bits, zero, step } | LabelType::Log { bits, zero, step } => {
                (below.bits, below.zero) = (Some(*bits), Some(*zero));
                below.step = Some(*step).filter(|_| self.max.is_none());
            }
            LabelType::Category(names) | LabelType::TopK { names, .. } => {
                below.dictionary = Some(names.dictionary.clone());
                below.values = Some(names.values.clone()).filter(|_| self.values_max.is_none());
                below.values_max = Some(names.values_max);
                below.from = names.from.clone();
                if let LabelType::TopK { k, weight_bits, .. } = label.kind {
                    (below.k, below.weight_bits) = (Some(k), Some(weight_bits));
                }
            }
            LabelType::Labels { values } => below.values = Some(values.clone()),
            LabelType::Vector { dims, scale } => (below.dims, below.scale) = (Some(*dims), Some(*scale)),
            LabelType::Bool | LabelType::Text | LabelType::Time => {}
        }
        Self {
            means: self.means.or(below.means),
            kind: self.kind.or(below.kind),
            bits: self.bits.or(below.bits),
            zero: self.zero.or(below.zero),
            step: self.step.or(below.step),
            max: self.max,
            dictionary: self.dictionary.or(below.dictionary),
            from: self.from.or(below.from),
            values: self.values.or(below.values),
            values_max: self.values_max.or(below.values_max),
            k: self.k.or(below.k),
            weight_bits: self.weight_bits.or(below.weight_bits),
            dims: self.dims.or(below.dims),
            scale: self.scale.or(below.scale),
            nullable: self.nullable.or(below.nullable),
            default: self.default.or_else(|| label.default.clone().map(Literal::Raw)),
            unit: self.unit.or(below.unit),
            owner: self.owner.or(below.owner),
            source: self.source.or(below.source),
            refresh: self.refresh.or(below.refresh),
            sensitivity: self.sensitivity.or(below.sensitivity),
            purpose: self.purpose.or(below.purpose),
            expires: self.expires.or(below.expires),
            in_table: self.in_table.or(below.in_table),
            always: self.always.or(below.always),
            sql: self.sql.or(below.sql),
        }
    }
}

fn missing(key: &'static str, example: &str) -> KeyError {
    (key, format!("is missing; write {key} = {example}"))
}

/// Whether a text can name a table or a column.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Reads TOML; messages have the file and the line.
pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, LabelError> {
    toml::from_str(text).map_err(|error| {
        let line =
            error.span().map_or(1, |span| 1 + text.as_bytes().iter().take(span.start).filter(|b| **b == b'\n').count());
        LabelError::Line { file: path.to_owned(), line, what: error.message().to_owned() }
    })
}

/// The line of `[table.name]`, or of a key in it; 1 if it cannot be found.
pub(super) fn line_of(text: &str, table: &str, name: &str, key: Option<&str>) -> usize {
    let header = format!("[{table}.{name}]");
    let mut lines = text.lines().enumerate().skip_while(|(_, line)| line.trim() != header);
    let Some((at, _)) = lines.next() else { return 1 };
    let Some(key) = key.filter(|key| !key.is_empty()) else { return at + 1 };
    let has_key = |line: &str| line.trim().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let within = lines.take_while(|(_, line)| !line.trim().starts_with('['));
    within.filter(|(_, line)| has_key(line)).map(|(at, _)| at + 1).next().unwrap_or(at + 1)
}
