//! Conditions of flags and experiments: the whole of GrowthBook's syntax, checked operator by operator and written for the payload.
//!
//! Offers use a part of it, see `condition`. In a payload `context.country` is the attribute `country`, `profile.segment` keeps its path,
//! and a test of a saved group becomes a reference to it, because its ids are not in the payload.

use serde_json::{Map, Value, json};

use crate::compile::{Compiler, Names};
use crate::condition::attribute_path;
use crate::limits::CONDITION_LIST_MAX;
use crate::payload::contradiction::contradiction;
use crate::report::Report;
use crate::section::saved_group::Group;
use crate::source::{At, Kind, shortened};

/// Operators that join conditions.
const JOINS: [&str; 5] = ["$and", "$or", "$nor", "$not", "$savedGroup"];

/// Operators that test one attribute.
pub(crate) const TESTS: [&str; 27] = [
    "$eq",
    "$ne",
    "$in",
    "$nin",
    "$ini",
    "$nini",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$exists",
    "$all",
    "$alli",
    "$elemMatch",
    "$size",
    "$type",
    "$regex",
    "$regexi",
    "$notRegex",
    "$notRegexi",
    "$veq",
    "$vne",
    "$vgt",
    "$vgte",
    "$vlt",
    "$vlte",
    "$not",
];

/// Tests of saved groups, which are references in the payload.
const GROUP_TESTS: [&str; 2] = ["$inGroup", "$notInGroup"];

const VALUE_TYPES: [(&str, ()); 7] =
    [("string", ()), ("number", ()), ("boolean", ()), ("array", ()), ("object", ()), ("null", ()), ("unknown", ())];

const EXAMPLE: &str =
    "write it like { \"profile.segment\": { \"$in\": [\"champions\", \"loyal\"] }, \"context.country\": \"FR\" }";

/// Whether GrowthBook knows the operator, though perhaps not here.
pub(crate) fn is_operator(key: &str) -> bool {
    JOINS.contains(&key) || TESTS.contains(&key) || GROUP_TESTS.contains(&key)
}

/// A condition of the payload and where it was written.
pub(crate) struct Target<'t> {
    pub at: At<'t>,
    pub condition: Value,
    /// Places of patterns: JSON pointer inside of `condition`, and the value in the document.
    pub patterns: Vec<(String, At<'t>)>,
}

/// What the keys of a condition name.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    /// Attributes of a visitor: `context.…`, `profile.…`.
    Visitor,
    /// Fields of an element of a list.
    Element,
    /// `value`, the value of another flag.
    Value,
}

impl<'t> Compiler<'t, '_> {
    /// Reads a condition on visitors. What is wrong is reported; the condition is then only good for reading on.
    pub fn target(&mut self, at: At<'t>) -> Target<'t> {
        self.read_target(at, Scope::Visitor)
    }

    /// Reads a condition on the value of a flag.
    pub fn value_target(&mut self, at: At<'t>) -> Target<'t> {
        self.read_target(at, Scope::Value)
    }

    fn read_target(&mut self, at: At<'t>, scope: Scope) -> Target<'t> {
        let Self { report, draft, attributes, .. } = self;
        let mut reader = Reader {
            report,
            group_names: &mut draft.group_names,
            groups: &draft.groups,
            columns: attributes.columns(),
            patterns: Vec::new(),
        };
        let condition = reader.condition(at, scope, "");
        let patterns = reader.patterns;
        if matches!(at.kind(), Kind::Object(entries) if entries.is_empty()) {
            let help = "name an attribute, or remove the condition";
            self.report.warning(at, "empty_condition", "the condition is empty and admits everybody", help);
        } else if let Some(message) = contradiction(&condition) {
            self.report.warning(at, "never_holds", message, "nobody is admitted; join alternatives with $or");
        }
        Target { at, condition, patterns }
    }
}

struct Reader<'r, 'n, 't> {
    report: &'r mut Report,
    group_names: &'n mut Names<'t>,
    groups: &'n [Group],
    columns: Option<&'n [&'n str]>,
    patterns: Vec<(String, At<'t>)>,
}

impl<'t> Reader<'_, '_, 't> {
    /// An object: all of its entries hold. `pointer` is where the result will stand.
    fn condition(&mut self, at: At<'t>, scope: Scope, pointer: &str) -> Value {
        if !matches!(at.kind(), Kind::Object(_)) {
            self.report.wrong_type(at, "a condition", EXAMPLE);
            return json!({});
        }
        // A test of a group leaves its attribute, and stands beside the other tests.
        let has_group_tests =
            at.children().any(|it| GROUP_TESTS.iter().any(|key| is_operators(it) && it.get(key).is_some()));
        let inner = if has_group_tests { format!("{pointer}/$and/0") } else { pointer.to_owned() };
        let mut tests = Map::new();
        let mut references = Vec::new();
        for child in at.children() {
            self.entry(child, scope, &inner, &mut tests, &mut references);
        }
        if !has_group_tests {
            return Value::Object(tests);
        }
        if !tests.is_empty() {
            references.insert(0, Value::Object(tests));
        }
        match &references[..] {
            [single] => single.clone(),
            _ => json!({ "$and": references }),
        }
    }

    fn entry(
        &mut self,
        at: At<'t>,
        scope: Scope,
        pointer: &str,
        tests: &mut Map<String, Value>,
        references: &mut Vec<Value>,
    ) {
        let key = at.key();
        let value = match key {
            "$and" | "$or" | "$nor" => {
                let entries: Vec<At<'t>> = self.filled_list(at, "conditions");
                let conditions = entries.into_iter().enumerate();
                let read = conditions.map(|(idx, it)| self.condition(it, scope, &format!("{pointer}/{key}/{idx}")));
                read.collect::<Vec<_>>().into()
            }
            "$not" => self.condition(at, scope, &format!("{pointer}/$not")),
            "$savedGroup" => {
                let Some(reference) = self.saved_group(at, scope) else { return };
                reference
            }
            _ if key.starts_with('$') => {
                let more = "behind an attribute stand others, for example $in";
                return self.unknown_operator(at, &JOINS, more);
            }
            _ => {
                let Some(path) = self.path(at, scope) else { return };
                let below = format!("{pointer}/{}", path.replace('~', "~0").replace('/', "~1"));
                let is_only_groups = is_operators(at) && at.children().all(|it| GROUP_TESTS.contains(&it.key()));
                if is_operators(at) {
                    let group_tests = at.children().filter(|it| GROUP_TESTS.contains(&it.key()));
                    for test in group_tests {
                        references.extend(self.group_test(test, &path, scope));
                    }
                }
                if is_only_groups {
                    return;
                }
                let value =
                    if is_operators(at) { self.operators(at, scope, &below) } else { self.test(at, scope, &below) };
                tests.insert(path, value);
                return;
            }
        };
        tests.insert(key.to_owned(), value);
    }

    /// The attribute's path in the payload.
    fn path(&mut self, at: At<'t>, scope: Scope) -> Option<String> {
        let key = at.key();
        match scope {
            Scope::Visitor => attribute_path(at, self.columns, self.report),
            Scope::Element if !key.is_empty() => Some(key.to_owned()),
            Scope::Value if key == "value" || key.starts_with("value.") => Some(key.to_owned()),
            Scope::Element | Scope::Value => {
                let message = format!("{:?} is no field", shortened(key));
                let help = match scope {
                    Scope::Value => "write value: for the value of the flag, or value.name for a part of it",
                    _ => "name a field of the list's elements",
                };
                self.report.key_error(at, "unknown_attribute", message, help);
                None
            }
        }
    }

    /// What stands behind an attribute: a value that it equals, or an object of operators that all hold.
    fn test(&mut self, at: At<'t>, scope: Scope, pointer: &str) -> Value {
        match at.kind() {
            Kind::Object(entries) if entries.is_empty() => {
                self.report.wrong_type(at, "a value or operators", EXAMPLE);
                Value::Null
            }
            Kind::Object(_) if at.children().any(|it| it.key().starts_with('$')) => {
                // Right behind an attribute they are references; here they are in the way.
                for child in at.children().filter(|it| GROUP_TESTS.contains(&it.key())) {
                    let message = format!("{} cannot stand inside of another operator", child.key());
                    let help = "write it right behind the attribute; $notInGroup is the opposite of $inGroup";
                    self.report.key_error(child, "unknown_operator", message, help);
                }
                self.operators(at, scope, pointer)
            }
            // An object or a list that the attribute equals.
            _ => literal(at),
        }
    }

    /// The operators of an object, but for tests of groups.
    fn operators(&mut self, at: At<'t>, scope: Scope, pointer: &str) -> Value {
        let mut tests = Map::new();
        for child in at.children().filter(|it| !GROUP_TESTS.contains(&it.key())) {
            let below = format!("{pointer}/{}", child.key());
            if let Some(value) = self.operator(child, scope, &below) {
                tests.insert(child.key().to_owned(), value);
            }
        }
        Value::Object(tests)
    }

    fn operator(&mut self, at: At<'t>, scope: Scope, pointer: &str) -> Option<Value> {
        match at.key() {
            "$eq" | "$ne" => {
                self.scalar(at);
                Some(literal(at))
            }
            "$in" | "$nin" | "$ini" | "$nini" => {
                for it in self.filled_list(at, "values") {
                    self.scalar(it);
                }
                Some(literal(at))
            }
            "$gt" | "$gte" | "$lt" | "$lte" => {
                if !matches!(at.kind(), Kind::Number(_) | Kind::Text(_)) {
                    self.report.wrong_type(
                        at,
                        "a number",
                        "write a number without quotes; texts are compared by letters",
                    );
                }
                Some(literal(at))
            }
            "$veq" | "$vne" | "$vgt" | "$vgte" | "$vlt" | "$vlte" => {
                if !matches!(at.kind(), Kind::Text(_)) {
                    self.report.wrong_type(at, "a version", "write it in quotes: \"2.4.0\"");
                }
                Some(literal(at))
            }
            "$exists" => {
                self.report.bool(at);
                Some(literal(at))
            }
            "$type" => {
                self.report.word(at, &VALUE_TYPES);
                Some(literal(at))
            }
            "$regex" | "$regexi" | "$notRegex" | "$notRegexi" => {
                self.report.text(at)?;
                self.patterns.push((pointer.to_owned(), at));
                Some(literal(at))
            }
            "$all" | "$alli" => {
                let entries = self.filled_list(at, "values");
                let tests = entries.into_iter().enumerate();
                let tests: Vec<Value> =
                    tests.map(|(idx, it)| self.test(it, Scope::Element, &format!("{pointer}/{idx}"))).collect();
                Some(tests.into())
            }
            "$size" => {
                match at.kind() {
                    Kind::Number(_) => {
                        self.report.integer(at, 0..=i64::from(i32::MAX));
                    }
                    Kind::Object(_) => return Some(self.test(at, Scope::Element, pointer)),
                    _ => self.report.wrong_type(at, "a whole number", "write { \"$size\": 2 }"),
                }
                Some(literal(at))
            }
            "$elemMatch" => match at.kind() {
                Kind::Object(entries) if !entries.is_empty() => {
                    let is_test =
                        is_operators(at) && !at.children().any(|it| JOINS.contains(&it.key()) && it.key() != "$not");
                    if is_test {
                        return Some(self.test(at, Scope::Element, pointer));
                    }
                    Some(self.condition(at, Scope::Element, pointer))
                }
                _ => {
                    self.report.wrong_type(
                        at,
                        "a condition on the elements",
                        "write { \"$elemMatch\": { \"$gt\": 5 } }",
                    );
                    None
                }
            },
            "$not" => Some(self.test(at, scope, pointer)),
            _ => {
                self.unknown_operator(at, &TESTS, "conditions over several attributes are joined with $and, $or");
                None
            }
        }
    }

    /// `{ "$savedGroup": { "id": … } }`, or the id alone.
    fn saved_group(&mut self, at: At<'t>, scope: Scope) -> Option<Value> {
        let id = match at.kind() {
            Kind::Object(_) => {
                let at = self.report.object(at, &["id"])?;
                self.report.required(at, "id", "name the saved group")?
            }
            _ => at,
        };
        self.group(id, scope).map(|group| json!({ "id": group.id }))
    }

    /// `$inGroup`, `$notInGroup` behind the attribute `path`.
    fn group_test(&mut self, at: At<'t>, path: &str, scope: Scope) -> Option<Value> {
        let group = self.group(at, scope)?;
        if group.attribute != path {
            let (id, attribute) = (&group.id, &group.attribute);
            let message =
                format!("the saved group {id:?} holds values of the attribute {attribute:?}, not of {path:?}");
            let help = format!("write \"context.{attribute}\", or change the attribute of the group");
            self.report.error(at, "group_attribute", message, help);
            return None;
        }
        let reference = json!({ "$savedGroup": { "id": group.id } });
        Some(if at.key() == "$inGroup" { reference } else { json!({ "$not": reference }) })
    }

    fn group(&mut self, at: At<'t>, scope: Scope) -> Option<Group> {
        if scope != Scope::Visitor {
            let message = "saved groups hold visitors, which are not what is tested here";
            self.report.error(at, "group_attribute", message, "test the group beside this condition");
            return None;
        }
        let named = self.group_names.resolve(at, "unknown_saved_group", self.report)?;
        let group = self.groups.get(usize::from(named.idx))?;
        Some(Group { id: group.id.clone(), attribute: group.attribute.clone(), hashes: Vec::new() })
    }

    /// Anything but a list or an object, which never equal.
    fn scalar(&mut self, at: At<'t>) {
        if matches!(at.kind(), Kind::List(_) | Kind::Object(_)) {
            let help =
                "write { \"$in\": [...] } for any of these values, { \"$all\": [...] } for a set that has all of them";
            self.report.wrong_type(at, "a single value", help);
        }
    }

    /// A list with entries. An empty one is refused: whether "any of nothing" holds is a question for logicians.
    fn filled_list(&mut self, at: At<'t>, what: &str) -> Vec<At<'t>> {
        if matches!(at.kind(), Kind::List(entries) if entries.is_empty()) {
            let message = format!("the list of {} is empty", at.key());
            self.report.error(at, "empty_list", message, format!("write at least one of the {what}, or remove it"));
        }
        self.report.list(at, what, "condition_list_too_long", CONDITION_LIST_MAX).collect()
    }

    fn unknown_operator(&mut self, at: At<'t>, known: &[&str], more: &str) {
        let key = at.key();
        let candidates = known.iter().chain(if known.len() > JOINS.len() { &GROUP_TESTS[..] } else { &[] });
        let suggestion = self.report.did_you_mean(key, candidates.copied());
        let message = format!("there is no operator {:?} here{suggestion}", shortened(key));
        let help = format!("the operators are {}; {more}", known.join(", "));
        self.report.key_error(at, "unknown_operator", message, help);
    }
}

/// An object whose keys are all operators.
fn is_operators(at: At<'_>) -> bool {
    matches!(at.kind(), Kind::Object(entries) if !entries.is_empty())
        && at.children().all(|it| it.key().starts_with('$'))
}

fn literal(at: At<'_>) -> Value {
    // A tree holds only what JSON can hold, so this cannot fail.
    serde_json::to_value(at).unwrap_or(Value::Null)
}
