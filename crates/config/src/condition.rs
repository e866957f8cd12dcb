//! Conditions: GrowthBook's syntax over `profile.*` and `context.*`, compiled to the engine's.

use std::collections::BTreeMap;

use vitrine_engine::{AttributeIdx, AttributeName, Condition, Literal, Scope, Test};

use crate::limits::{ATTRIBUTES_MAX, CONDITION_DEPTH_MAX, CONDITION_LIST_MAX, NAME_BYTES_MAX};
use crate::payload::condition::is_operator;
use crate::report::Report;
use crate::source::{At, Kind, shortened};

/// Operators that join conditions.
const JOINS: [&str; 4] = ["$and", "$or", "$nor", "$not"];
/// Operators that test one attribute.
const TESTS: [&str; 11] = ["$eq", "$ne", "$in", "$nin", "$gt", "$gte", "$lt", "$lte", "$exists", "$all", "$not"];

const EXAMPLE: &str =
    "write it like { \"profile.segment\": { \"$in\": [\"champions\", \"loyal\"] }, \"context.country\": \"FR\" }";

/// The attributes that the conditions of a document ask about.
pub(crate) struct Attributes<'c> {
    names: Vec<AttributeName>,
    by_name: BTreeMap<AttributeName, AttributeIdx>,
    /// Columns of the profile table, if it is known.
    columns: Option<&'c [&'c str]>,
}

impl<'c> Attributes<'c> {
    pub fn new(columns: Option<&'c [&'c str]>) -> Self {
        Self { names: Vec::new(), by_name: BTreeMap::new(), columns }
    }

    /// Columns of the profile table, if it is known.
    pub fn columns(&self) -> Option<&'c [&'c str]> {
        self.columns
    }

    /// All attributes, in the order of their first use.
    pub fn into_names(self) -> Vec<AttributeName> {
        self.names
    }

    /// The position of the attribute that `at`'s key names.
    fn find(&mut self, at: At<'_>, report: &mut Report) -> AttributeIdx {
        match self.named(at, at.key(), report) {
            Ok(idx) => idx,
            Err((message, help)) => {
                let code = if is_attribute(at.key()) { "too_many_attributes" } else { "unknown_attribute" };
                report.key_error(at, code, message, help);
                AttributeIdx(0)
            }
        }
    }

    /// The position of the attribute with the name `text`, which `at` writes.
    ///
    /// Errors: message and help; it is no name of an attribute, or there are too many.
    pub fn named(&mut self, at: At<'_>, text: &str, report: &mut Report) -> Result<AttributeIdx, (String, String)> {
        let name = parse_name(text)?;
        if let Some(idx) = self.by_name.get(&name) {
            return Ok(*idx);
        }
        check_column(at, &name, self.columns, report);
        let idx = match u16::try_from(self.names.len()) {
            Ok(idx) if self.names.len() < ATTRIBUTES_MAX => AttributeIdx(idx),
            _ => {
                let message = format!("the conditions ask about more than {ATTRIBUTES_MAX} attributes");
                return Err((message, "use fewer different attributes".to_owned()));
            }
        };
        self.names.push(name.clone());
        self.by_name.insert(name, idx);
        Ok(idx)
    }

    /// Reads a condition. What is wrong is reported; the condition is then only good for reading on.
    pub fn condition(&mut self, at: At<'_>, report: &mut Report) -> Condition {
        let mut reader = Reader { attributes: self, report, is_too_deep: false };
        let condition = reader.condition(at, 1);
        if matches!(at.kind(), Kind::Object(entries) if entries.is_empty()) {
            let help = "name an attribute, or remove the condition";
            report.warning(at, "empty_condition", "the condition is empty and admits everybody", help);
        }
        condition
    }
}

/// The path that the attribute of `at`'s key has in a payload: `country` for `context.country`, `profile.segment` for itself.
pub(crate) fn attribute_path(at: At<'_>, columns: Option<&[&str]>, report: &mut Report) -> Option<String> {
    let name = attribute_name(at, report)?;
    check_column(at, &name, columns, report);
    match name.scope {
        Scope::Profile => Some(format!("profile.{}", name.name)),
        Scope::Context if name.name == "profile" || name.name.starts_with("profile.") => {
            let message = "a request cannot bring its own profile";
            report.key_error(at, "unknown_attribute", message, "write \"profile.\" and the name of a column");
            None
        }
        Scope::Context => Some(name.name),
    }
}

fn check_column(at: At<'_>, name: &AttributeName, columns: Option<&[&str]>, report: &mut Report) {
    if let (Scope::Profile, Some(columns)) = (name.scope, columns)
        && !columns.contains(&name.name.as_str())
    {
        let suggestion = report.did_you_mean(&name.name, columns.iter().copied());
        let message = format!("the profile table has no column {:?}{suggestion}", shortened(&name.name));
        report.warning(at, "unknown_column", message, "without the column the attribute is always missing");
    }
}

fn attribute_name(at: At<'_>, report: &mut Report) -> Option<AttributeName> {
    let found = parse_name(at.key());
    found.map_err(|(message, help)| report.key_error(at, "unknown_attribute", message, help)).ok()
}

fn is_attribute(text: &str) -> bool {
    parse_name(text).is_ok()
}

/// Reads `profile.…` or `context.…`. Errors: message and help.
fn parse_name(key: &str) -> Result<AttributeName, (String, String)> {
    let scoped = match key.split_once('.') {
        Some(("profile", name)) => Some((Scope::Profile, name)),
        Some(("context", name)) => Some((Scope::Context, name)),
        _ => None,
    };
    let Some((scope, name)) = scoped else {
        let key = shortened(key);
        let message = format!("{key:?} is neither an attribute nor an operator");
        let help = format!(
            "write \"profile.{key}\" for a column of the profile or \"context.{key}\" for what the request tells"
        );
        return Err((message, help));
    };
    let is_word = |it: char| it.is_alphanumeric() || matches!(it, '_' | '-' | '.');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_word) {
        let message = format!("{:?} is no attribute", shortened(key));
        return Err((message, "use letters, digits, '_', '-' and '.' behind the first dot".to_owned()));
    }
    Ok(AttributeName { scope, name: name.to_owned() })
}

/// Reads one condition. Levels count as the engine counts them: a single test is one level.
struct Reader<'a, 'c> {
    attributes: &'a mut Attributes<'c>,
    report: &'a mut Report,
    is_too_deep: bool,
}

impl Reader<'_, '_> {
    /// An object: all of its entries hold.
    fn condition(&mut self, at: At<'_>, level: usize) -> Condition {
        if !matches!(at.kind(), Kind::Object(_)) {
            self.report.wrong_type(at, "a condition", EXAMPLE);
            return Condition::All(Vec::new());
        }
        let level = inner(level, at.children().len());
        all(at.children().map(|entry| self.entry(entry, level)).collect())
    }

    fn entry(&mut self, at: At<'_>, level: usize) -> Condition {
        let below = level.saturating_add(1);
        match at.key() {
            "$and" => all(self.conditions(at, level)),
            "$or" => any(self.conditions(at, level)),
            "$nor" => Condition::Not(Box::new(any(self.conditions(at, below)))),
            "$not" => Condition::Not(Box::new(self.condition(at, below))),
            key if key.starts_with('$') => {
                self.unknown_operator(at, &JOINS, "behind an attribute stand others, for example $in");
                Condition::All(Vec::new())
            }
            _ => {
                let attribute = self.attributes.find(at, self.report);
                self.tests(at, attribute, level)
            }
        }
    }

    /// The list of `$and`, `$or`, `$nor`.
    fn conditions(&mut self, at: At<'_>, level: usize) -> Vec<Condition> {
        let entries = self.filled_list(at, "conditions");
        let level = inner(level, entries.clone().count());
        entries.map(|entry| self.condition(entry, level)).collect()
    }

    /// What stands behind an attribute: a value that it equals, or an object of operators that all hold.
    fn tests(&mut self, at: At<'_>, attribute: AttributeIdx, level: usize) -> Condition {
        match at.kind() {
            Kind::Object(entries) if !entries.is_empty() => {
                let level = inner(level, entries.len());
                self.check_range(at);
                all(at.children().map(|entry| self.operator(entry, attribute, level)).collect())
            }
            _ => {
                let literal = self.literal(at);
                self.test(at, attribute, Test::Equals(literal), level)
            }
        }
    }

    fn operator(&mut self, at: At<'_>, attribute: AttributeIdx, level: usize) -> Condition {
        let below = level.saturating_add(1);
        let (test, negated) = match at.key() {
            "$eq" => (Test::Equals(self.literal(at)), false),
            "$ne" => (Test::Equals(self.literal(at)), true),
            "$in" => (Test::In(self.literals(at)), false),
            "$nin" => (Test::In(self.literals(at)), true),
            "$all" => (Test::HasAll(self.labels(at)), false),
            "$gt" => (Test::Greater(self.bound(at)), false),
            "$gte" => (Test::AtLeast(self.bound(at)), false),
            "$lt" => (Test::Less(self.bound(at)), false),
            "$lte" => (Test::AtMost(self.bound(at)), false),
            "$exists" => (Test::Exists, self.report.bool(at) == Some(false)),
            "$not" => return Condition::Not(Box::new(self.tests(at, attribute, below))),
            _ => {
                self.unknown_operator(at, &TESTS, "conditions over several attributes are joined with $and, $or");
                return Condition::All(Vec::new());
            }
        };
        if negated {
            Condition::Not(Box::new(self.test(at, attribute, test, below)))
        } else {
            self.test(at, attribute, test, level)
        }
    }

    /// One test. The deepest levels of a condition are tests, so this is where depth is checked.
    fn test(&mut self, at: At<'_>, attribute: AttributeIdx, test: Test, level: usize) -> Condition {
        if level > CONDITION_DEPTH_MAX && !self.is_too_deep {
            self.is_too_deep = true;
            let message = format!("the condition is nested deeper than {CONDITION_DEPTH_MAX} levels");
            self.report.key_error(
                at,
                "condition_too_deep",
                message,
                "write several audiences, or flatten it with $and and $or",
            );
        }
        Condition::Attribute(attribute, test)
    }

    fn literal(&mut self, at: At<'_>) -> Literal {
        match at.kind() {
            Kind::Null => Literal::Null,
            Kind::Bool(it) => Literal::Bool(*it),
            Kind::Number(it) => Literal::Number(it.as_f64().unwrap_or_default()),
            Kind::Text(it) => Literal::Text(it.to_string()),
            Kind::List(_) => {
                let help = "write { \"$in\": [...] } for any of these values, { \"$all\": [...] } for a set that has all of them";
                self.report.wrong_type(at, "a single value", help);
                Literal::Null
            }
            Kind::Object(_) | Kind::Broken => {
                self.report.wrong_type(at, "a single value", EXAMPLE);
                Literal::Null
            }
        }
    }

    fn literals(&mut self, at: At<'_>) -> Vec<Literal> {
        self.filled_list(at, "values").map(|entry| self.literal(entry)).collect()
    }

    fn labels(&mut self, at: At<'_>) -> Vec<String> {
        self.filled_list(at, "labels").filter_map(|entry| self.report.text(entry)).map(str::to_owned).collect()
    }

    fn bound(&mut self, at: At<'_>) -> f64 {
        self.report.number(at).unwrap_or_default()
    }

    /// A list with entries. An empty one is refused: whether "any of nothing" holds is a question for logicians.
    fn filled_list<'t>(&mut self, at: At<'t>, what: &str) -> impl Iterator<Item = At<'t>> + Clone + use<'t> {
        if matches!(at.kind(), Kind::List(entries) if entries.is_empty()) {
            let message = format!("the list of {} is empty", at.key());
            self.report.error(at, "empty_list", message, format!("write at least one of the {what}, or remove it"));
        }
        self.report.list(at, what, "condition_list_too_long", CONDITION_LIST_MAX)
    }

    /// Warns of bounds that no number meets.
    fn check_range(&mut self, at: At<'_>) {
        let bound = |key: &str| match at.get(key)?.kind() {
            Kind::Number(it) => it.as_f64(),
            _ => None,
        };
        let pairs = [("$gt", "$lt"), ("$gt", "$lte"), ("$gte", "$lt"), ("$gte", "$lte")];
        for (lower_key, upper_key) in pairs {
            let (Some(lower), Some(upper)) = (bound(lower_key), bound(upper_key)) else { continue };
            let meets = if (lower_key, upper_key) == ("$gte", "$lte") { lower <= upper } else { lower < upper };
            if !meets {
                let message = format!("no number is both {lower_key} {lower} and {upper_key} {upper}");
                self.report.warning(at, "never_holds", message, "swap the bounds, or remove one");
            }
        }
    }

    fn unknown_operator(&mut self, at: At<'_>, known: &[&str], more: &str) {
        let key = at.key();
        if is_operator(key) && !JOINS.contains(&key) && !TESTS.contains(&key) {
            let message = format!("offers cannot test {key}; only flags and experiments can");
            let help =
                format!("write it with {}, or give flags and experiments an audience of their own", known.join(", "));
            self.report.key_error(at, "operator_not_for_offers", message, help);
            return;
        }
        let suggestion = self.report.did_you_mean(key, known.iter().copied());
        let message = format!("there is no operator {:?} here{suggestion}", shortened(key));
        self.report.key_error(
            at,
            "unknown_operator",
            message,
            format!("the operators are {}; {more}", known.join(", ")),
        );
    }
}

/// Level of the parts of something with `n_parts` parts: a single part takes its place.
fn inner(level: usize, n_parts: usize) -> usize {
    if n_parts == 1 { level } else { level.saturating_add(1) }
}

fn all(parts: Vec<Condition>) -> Condition {
    single(parts).unwrap_or_else(Condition::All)
}

fn any(parts: Vec<Condition>) -> Condition {
    single(parts).unwrap_or_else(Condition::Any)
}

/// The only part, or all parts back.
fn single(mut parts: Vec<Condition>) -> Result<Condition, Vec<Condition>> {
    match (parts.pop(), parts.is_empty()) {
        (Some(part), true) => Ok(part),
        (Some(part), false) => {
            parts.push(part);
            Err(parts)
        }
        (None, _) => Err(parts),
    }
}
