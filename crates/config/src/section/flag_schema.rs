//! JSON Schema of a flag's values: the part of draft 2020-12 that describes values, read strictly.
//!
//! Keywords: `type`, `enum`, `const`; `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`; `minLength`, `maxLength`,
//! `pattern`; `items`, `minItems`, `maxItems`, `uniqueItems`; `properties`, `required`, `additionalProperties`, `minProperties`,
//! `maxProperties`; `allOf`, `anyOf`, `oneOf`, `not`. Annotations (`title`, `description`, `default`, `examples`, `deprecated`, `$schema`,
//! `$id`, `$comment`) are read over. Every other keyword is refused, because a rule that is silently not checked is worse than none.
//! The crates that know all of JSON Schema bring URLs, their retrieval and several regex engines, which a Worker cannot carry.

use regex_lite::Regex;

use crate::limits::{CONDITION_LIST_MAX, DEPTH_MAX};
use crate::report::Report;
use crate::source::{At, Kind, shortened};

const ANNOTATION_KEYS: [&str; 8] =
    ["title", "description", "default", "examples", "deprecated", "$schema", "$id", "$comment"];

const SCHEMA_KEYS: [&str; 24] = [
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "items",
    "minItems",
    "maxItems",
    "uniqueItems",
    "properties",
    "required",
    "additionalProperties",
    "minProperties",
    "maxProperties",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
];

const TYPES: [(&str, Type); 7] = [
    ("null", Type::Null),
    ("boolean", Type::Boolean),
    ("integer", Type::Integer),
    ("number", Type::Number),
    ("string", Type::String),
    ("array", Type::Array),
    ("object", Type::Object),
];

#[derive(Clone, Copy, PartialEq)]
enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// A schema that is understood wholly.
pub(crate) struct Schema {
    rules: Vec<Rule>,
}

enum Rule {
    /// `false`.
    Never,
    Types(Vec<Type>),
    /// The value, as canonical JSON, is one of these.
    OneOfValues(Vec<String>),
    /// A number is within: keyword, bound.
    Bound(Bound, f64),
    /// The number of characters, entries or keys.
    Count(Counted, Limit, u64),
    Pattern(String, Regex),
    Items(Schema),
    UniqueItems,
    Required(Vec<String>),
    Properties {
        known: Vec<(String, Schema)>,
        others: Option<Schema>,
    },
    AllOf(Vec<Schema>),
    AnyOf(Vec<Schema>),
    ExactlyOneOf(Vec<Schema>),
    Not(Schema),
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast,
    AtMost,
    Above,
    Below,
    MultipleOf,
}

#[derive(Clone, Copy)]
enum Counted {
    Characters,
    Entries,
    Keys,
}

#[derive(Clone, Copy)]
enum Limit {
    Min,
    Max,
}

/// Where and how a value breaks a schema.
pub(crate) struct Breach {
    /// JSON pointer inside of the value.
    pub path: String,
    pub message: String,
}

impl Schema {
    /// Reads a schema; `None` when something in it is wrong, which is reported.
    pub fn read(at: At<'_>, report: &mut Report) -> Option<Self> {
        if let Kind::Bool(it) = at.kind() {
            return Some(Self { rules: if *it { Vec::new() } else { vec![Rule::Never] } });
        }
        if !matches!(at.kind(), Kind::Object(_)) {
            report.wrong_type(at, "a JSON Schema", "write an object, for example { type: object, required: [title] }");
            return None;
        }
        let mut rules = Some(Vec::new());
        for child in at.children() {
            match (keyword(child, report), &mut rules) {
                (Some(found), Some(rules)) => rules.extend(found),
                (None, _) => rules = None,
                (Some(_), None) => {}
            }
        }
        let mut rules = rules?;
        if at.get("properties").is_some() || at.get("additionalProperties").is_some() {
            rules.push(properties(at, report)?);
        }
        Some(Self { rules })
    }

    /// Whether the value keeps to the schema.
    pub fn check(&self, value: At<'_>) -> Result<(), Breach> {
        self.rules.iter().try_for_each(|rule| rule.check(value))
    }
}

/// The rule of one keyword, if it is one; `None` after an error.
fn keyword(at: At<'_>, report: &mut Report) -> Option<Option<Rule>> {
    let bound = |report: &mut Report, bound| report.number(at).map(|it| Some(Rule::Bound(bound, it)));
    let count = |report: &mut Report, counted, limit| {
        let found = report.integer(at, 0..=i64::from(u32::MAX))?;
        Some(Some(Rule::Count(counted, limit, u64::try_from(found).ok()?)))
    };
    match at.key() {
        key if ANNOTATION_KEYS.contains(&key) => Some(None),
        // Read together, by `properties`.
        "properties" | "additionalProperties" => Some(None),
        "type" => {
            let types: Option<Vec<Type>> = match at.kind() {
                Kind::List(_) => report
                    .list(at, "types", "condition_list_too_long", TYPES.len())
                    .map(|it| report.word(it, &TYPES))
                    .collect(),
                _ => report.word(at, &TYPES).map(|it| vec![it]),
            };
            types.map(|it| Some(Rule::Types(it)))
        }
        "enum" => {
            let values = report.list(at, "values", "condition_list_too_long", CONDITION_LIST_MAX).map(canonical);
            Some(Some(Rule::OneOfValues(values.collect())))
        }
        "const" => Some(Some(Rule::OneOfValues(vec![canonical(at)]))),
        "minimum" => bound(report, Bound::AtLeast),
        "maximum" => bound(report, Bound::AtMost),
        "exclusiveMinimum" => bound(report, Bound::Above),
        "exclusiveMaximum" => bound(report, Bound::Below),
        "multipleOf" => {
            let found = report.number_in(at, f64::MIN_POSITIVE..=f64::MAX)?;
            Some(Some(Rule::Bound(Bound::MultipleOf, found)))
        }
        "minLength" => count(report, Counted::Characters, Limit::Min),
        "maxLength" => count(report, Counted::Characters, Limit::Max),
        "minItems" => count(report, Counted::Entries, Limit::Min),
        "maxItems" => count(report, Counted::Entries, Limit::Max),
        "minProperties" => count(report, Counted::Keys, Limit::Min),
        "maxProperties" => count(report, Counted::Keys, Limit::Max),
        "pattern" => {
            let text = report.text(at)?;
            match Regex::new(text) {
                Ok(regex) => Some(Some(Rule::Pattern(text.to_owned(), regex))),
                Err(error) => {
                    let message = format!("the pattern {:?} cannot be run: {error}", shortened(text));
                    let help = "write it without look-around and back references";
                    report.error(at, "pattern_not_supported", message, help);
                    None
                }
            }
        }
        "items" => Schema::read(at, report).map(|it| Some(Rule::Items(it))),
        "uniqueItems" => report.bool(at).map(|it| it.then_some(Rule::UniqueItems)),
        "required" => {
            let names: Vec<At<'_>> = report.list(at, "keys", "condition_list_too_long", CONDITION_LIST_MAX).collect();
            let names: Option<Vec<String>> = names.into_iter().map(|it| report.text(it).map(str::to_owned)).collect();
            names.map(|it| Some(Rule::Required(it)))
        }
        "allOf" => schemas(at, report).map(|it| Some(Rule::AllOf(it))),
        "anyOf" => schemas(at, report).map(|it| Some(Rule::AnyOf(it))),
        "oneOf" => schemas(at, report).map(|it| Some(Rule::ExactlyOneOf(it))),
        "not" => Schema::read(at, report).map(|it| Some(Rule::Not(it))),
        key => {
            let suggestion = report.did_you_mean(key, SCHEMA_KEYS);
            let message = format!("the keyword {:?} is not checked here{suggestion}", shortened(key));
            let help = format!("the keywords are {}", SCHEMA_KEYS.join(", "));
            report.key_error(at, "schema_keyword", message, help);
            None
        }
    }
}

fn schemas(at: At<'_>, report: &mut Report) -> Option<Vec<Schema>> {
    if matches!(at.kind(), Kind::List(entries) if entries.is_empty()) {
        let message = format!("the list of {} is empty", at.key());
        report.error(at, "empty_list", message, "write at least one schema, or remove it");
        return None;
    }
    let entries: Vec<At<'_>> = report.list(at, "schemas", "condition_list_too_long", CONDITION_LIST_MAX).collect();
    let found: Vec<Option<Schema>> = entries.into_iter().map(|it| Schema::read(it, report)).collect();
    found.into_iter().collect()
}

fn properties(schema: At<'_>, report: &mut Report) -> Option<Rule> {
    let mut known = Some(Vec::new());
    if let Some(at) = schema.get("properties") {
        if !matches!(at.kind(), Kind::Object(_)) {
            report.wrong_type(at, "an object of schemas", "write properties: { title: { type: string } }");
            return None;
        }
        for child in at.children() {
            match (Schema::read(child, report), &mut known) {
                (Some(schema), Some(known)) => known.push((child.key().to_owned(), schema)),
                (None, _) => known = None,
                (Some(_), None) => {}
            }
        }
    }
    let others = match schema.get("additionalProperties") {
        Some(at) => Some(Schema::read(at, report)?),
        None => None,
    };
    Some(Rule::Properties { known: known?, others })
}

impl Rule {
    fn check(&self, value: At<'_>) -> Result<(), Breach> {
        let breach = |message: String| Err(Breach { path: String::new(), message });
        match self {
            Self::Never => breach(format!("{value} is not wanted here")),
            Self::Types(types) => {
                if types.iter().any(|it| it.admits(value.kind())) {
                    return Ok(());
                }
                let words = TYPES.iter().filter(|(_, it)| types.contains(it)).map(|(word, _)| *word);
                breach(format!("expected {}, found {value}", words.collect::<Vec<_>>().join(" or ")))
            }
            Self::OneOfValues(values) => {
                if values.contains(&canonical(value)) {
                    return Ok(());
                }
                breach(format!("{value} is not one of {}", shortened(&values.join(", "))))
            }
            Self::Bound(bound, limit) => match value.kind() {
                Kind::Number(it) => bound.check(it.as_f64().unwrap_or_default(), *limit),
                _ => Ok(()),
            },
            Self::Count(counted, limit, n) => counted.check(value, *limit, *n),
            Self::Pattern(text, regex) => match value.kind() {
                Kind::Text(it) if !regex.is_match(it) => {
                    breach(format!("{value} does not match {:?}", shortened(text)))
                }
                _ => Ok(()),
            },
            Self::Items(schema) => match value.kind() {
                Kind::List(_) => each(value, |it| schema.check(it)),
                _ => Ok(()),
            },
            Self::UniqueItems => match value.kind() {
                Kind::List(_) => {
                    let mut seen = std::collections::BTreeSet::new();
                    match value.children().find(|it| !seen.insert(canonical(*it))) {
                        Some(twice) => breach(format!("{twice} stands in the list twice")),
                        None => Ok(()),
                    }
                }
                _ => Ok(()),
            },
            Self::Required(names) => match value.kind() {
                Kind::Object(_) => match names.iter().find(|it| value.get(it).is_none()) {
                    Some(name) => breach(format!("the key {:?} is missing", shortened(name))),
                    None => Ok(()),
                },
                _ => Ok(()),
            },
            Self::Properties { known, others } => match value.kind() {
                Kind::Object(_) => each(value, |it| match known.iter().find(|(name, _)| name == it.key()) {
                    Some((_, schema)) => schema.check(it),
                    None => match others {
                        Some(schema) if matches!(schema.rules[..], [Self::Never]) => {
                            Err(Breach { path: String::new(), message: "the key is not wanted here".into() })
                        }
                        Some(schema) => schema.check(it),
                        None => Ok(()),
                    },
                }),
                _ => Ok(()),
            },
            Self::AllOf(schemas) => schemas.iter().try_for_each(|it| it.check(value)),
            Self::AnyOf(schemas) => {
                if schemas.iter().any(|it| it.check(value).is_ok()) {
                    return Ok(());
                }
                breach(format!("{value} fits none of the schemas of anyOf"))
            }
            Self::ExactlyOneOf(schemas) => match schemas.iter().filter(|it| it.check(value).is_ok()).count() {
                1 => Ok(()),
                n => breach(format!("{value} fits {n} of the schemas of oneOf")),
            },
            Self::Not(schema) => match schema.check(value) {
                Ok(()) => breach(format!("{value} fits the schema of not")),
                Err(_) => Ok(()),
            },
        }
    }
}

impl Bound {
    fn check(self, found: f64, limit: f64) -> Result<(), Breach> {
        let (holds, words) = match self {
            Self::AtLeast => (found >= limit, "at least"),
            Self::AtMost => (found <= limit, "at most"),
            Self::Above => (found > limit, "more than"),
            Self::Below => (found < limit, "less than"),
            Self::MultipleOf => {
                let quotient = found / limit;
                ((quotient - quotient.round()).abs() < 1e-9, "a multiple of")
            }
        };
        if holds {
            return Ok(());
        }
        Err(Breach { path: String::new(), message: format!("{found} is not {words} {limit}") })
    }
}

impl Counted {
    fn check(self, value: At<'_>, limit: Limit, n: u64) -> Result<(), Breach> {
        let (found, what) = match (self, value.kind()) {
            (Self::Characters, Kind::Text(it)) => (it.chars().count(), "characters"),
            (Self::Entries, Kind::List(it)) => (it.len(), "entries"),
            (Self::Keys, Kind::Object(it)) => (it.len(), "keys"),
            _ => return Ok(()),
        };
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        let (holds, words) = match limit {
            Limit::Min => (found >= n, "at least"),
            Limit::Max => (found <= n, "at most"),
        };
        if holds {
            return Ok(());
        }
        Err(Breach { path: String::new(), message: format!("it has {found} {what}, {words} {n} are wanted") })
    }
}

impl Type {
    fn admits(self, kind: &Kind) -> bool {
        match (self, kind) {
            (Self::Null, Kind::Null)
            | (Self::Boolean, Kind::Bool(_))
            | (Self::Number, Kind::Number(_))
            | (Self::String, Kind::Text(_))
            | (Self::Array, Kind::List(_))
            | (Self::Object, Kind::Object(_)) => true,
            (Self::Integer, Kind::Number(it)) => it.as_f64().is_some_and(|it| it.fract() == 0.0),
            _ => false,
        }
    }
}

/// Checks every child, and says which one breaks the rule.
fn each<'t>(value: At<'t>, check: impl Fn(At<'t>) -> Result<(), Breach>) -> Result<(), Breach> {
    for (idx, child) in value.children().enumerate() {
        if let Err(Breach { path, message }) = check(child) {
            let step = if child.key().is_empty() {
                idx.to_string()
            } else {
                child.key().replace('~', "~0").replace('/', "~1")
            };
            return Err(Breach { path: format!("/{step}{path}"), message });
        }
    }
    Ok(())
}

/// Equal values have equal texts: keys are sorted, and 1.0 is 1.
fn canonical(at: At<'_>) -> String {
    fn write(at: At<'_>, level: usize, out: &mut String) {
        match at.kind() {
            Kind::Number(it) => out.push_str(&it.as_f64().unwrap_or_default().to_string()),
            Kind::List(_) | Kind::Object(_) if level < DEPTH_MAX => {
                let is_list = matches!(at.kind(), Kind::List(_));
                out.push(if is_list { '[' } else { '{' });
                for child in at.children() {
                    if !is_list {
                        out.push_str(&format!("{:?}:", child.key()));
                    }
                    write(child, level.saturating_add(1), out);
                    out.push(',');
                }
                out.push(if is_list { ']' } else { '}' });
            }
            // A tree holds only what JSON can hold, so this cannot fail.
            _ => out.push_str(&serde_json::to_string(&at).unwrap_or_default()),
        }
    }
    let mut text = String::new();
    write(at, 0, &mut text);
    text
}
