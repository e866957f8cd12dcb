//! Made-up visitors whose attributes are those that conditions ask about.

use std::collections::{BTreeMap, BTreeSet};

use vitrine_flags::{Context, Json, Object};

/// Most values of one attribute.
const VALUES_MAX: usize = 24;

/// What visitors are made of.
#[derive(Default)]
pub(super) struct Crowd {
    /// Attributes that tell visitors apart.
    units: BTreeSet<String>,
    /// By the path of the attribute, the values that it may have.
    values: BTreeMap<String, Vec<Json>>,
    groups: BTreeSet<String>,
}

impl Crowd {
    /// All that the conditions of payloads ask about.
    pub fn of(payloads: [&Json; 2]) -> Self {
        let mut crowd = Self::default();
        crowd.units.insert("id".to_owned());
        for payload in payloads {
            crowd.gather(payload);
            let groups = payload.get("savedGroups").and_then(Json::as_object);
            crowd.groups.extend(groups.into_iter().flat_map(Object::keys).map(str::to_owned));
        }
        crowd
    }

    /// The visitor of a number: the same one every time.
    pub fn visitor(&self, idx: usize) -> Context {
        let mut context = Context::default();
        for (path, values) in &self.values {
            let drawn = hash(&format!("{idx}/{path}"));
            // One more than there are values: none.
            let n = u64::try_from(values.len()).unwrap_or(u64::MAX).saturating_add(1);
            let value = usize::try_from(drawn.checked_rem(n).unwrap_or_default()).ok().and_then(|it| values.get(it));
            if let Some(value) = value {
                set(&mut context.attributes, path, value);
            }
        }
        for unit in &self.units {
            context.attributes.insert(unit.as_str(), format!("{unit}-{idx}"));
        }
        let is_in = |group: &&String| hash(&format!("{idx}/group/{group}")).is_multiple_of(2);
        context.remote_group_ids = Some(self.groups.iter().filter(is_in).cloned().collect());
        context
    }

    /// Looks for rules, filters and conditions anywhere in a payload.
    fn gather(&mut self, json: &Json) {
        match json {
            Json::List(entries) => entries.iter().for_each(|it| self.gather(it)),
            Json::Object(members) => {
                for (name, member) in members.iter() {
                    match (name, member) {
                        ("condition", condition) => self.condition(condition),
                        // Values of flags hold no conditions; parents ask about flags, not visitors.
                        ("force" | "variations" | "defaultValue" | "parentConditions" | "savedGroups", _) => {}
                        ("hashAttribute" | "fallbackAttribute", Json::Text(unit)) => {
                            self.units.insert(unit.clone());
                        }
                        _ => self.gather(member),
                    }
                }
            }
            _ => {}
        }
    }

    fn condition(&mut self, condition: &Json) {
        let Some(members) = condition.as_object() else { return };
        for (key, value) in members.iter() {
            match (key, value) {
                ("$and" | "$or" | "$nor", Json::List(parts)) => parts.iter().for_each(|it| self.condition(it)),
                ("$not", part) => self.condition(part),
                (key, _) if key.starts_with('$') => {}
                (path, test) => {
                    let mut found = Vec::new();
                    values(test, &mut found);
                    let known = self.values.entry(path.to_owned()).or_default();
                    for value in found {
                        if known.len() < VALUES_MAX && !known.contains(&value) {
                            known.push(value);
                        }
                    }
                }
            }
        }
    }
}

/// Values that a test may tell apart.
fn values(test: &Json, found: &mut Vec<Json>) {
    let operators = test.as_object().filter(|it| !it.is_empty() && it.keys().all(|key| key.starts_with('$')));
    let Some(operators) = operators else { return found.push(test.clone()) };
    for (operator, operand) in operators.iter() {
        match (operator, operand) {
            ("$in" | "$nin" | "$ini" | "$nini", Json::List(list)) => found.extend(list.iter().cloned()),
            ("$all" | "$alli", Json::List(_)) => found.push(operand.clone()),
            ("$gt" | "$gte" | "$lt" | "$lte", Json::Number(bound)) => {
                found.extend([bound - 1.0, *bound, bound + 1.0].map(Json::Number));
            }
            ("$veq" | "$vne" | "$vgt" | "$vgte" | "$vlt" | "$vlte", _) => {
                found.extend(["0.0.1".into(), operand.clone(), "9999.0.0".into()]);
            }
            ("$regex" | "$regexi" | "$notRegex" | "$notRegexi", Json::Text(pattern)) => {
                found.push(sample(pattern).into());
            }
            ("$exists", _) => found.push("x".into()),
            ("$size", Json::Number(size)) => {
                // As many elements as wanted, if that is not absurd.
                let n = (0..100_u32).take_while(|it| f64::from(*it) < *size).count();
                found.push(Json::List(vec!["x".into(); n]));
            }
            ("$elemMatch", Json::Object(inner)) => {
                let mut elements = Vec::new();
                if inner.keys().all(|key| key.starts_with('$')) {
                    values(operand, &mut elements);
                } else {
                    elements.push(element(inner));
                }
                found.extend(elements.into_iter().map(|it| Json::List(vec![it])));
            }
            ("$not", inner) => values(inner, found),
            ("$eq" | "$ne" | "$gt" | "$gte" | "$lt" | "$lte", value) => found.push(value.clone()),
            _ => {}
        }
    }
}

/// An element whose fields are the first values that their tests name.
fn element(fields: &Object) -> Json {
    let mut element = Object::new();
    for (path, test) in fields.iter().filter(|(path, _)| !path.starts_with('$')) {
        let mut found = Vec::new();
        values(test, &mut found);
        if let Some(value) = found.into_iter().next() {
            set(&mut element, path, &value);
        }
    }
    Json::Object(element)
}

/// A text that a simple pattern matches: its letters.
fn sample(pattern: &str) -> String {
    let mut text = String::new();
    let mut is_escaped = false;
    for char in pattern.chars() {
        let is_plain = is_escaped || !r"\^$.|?*+()[]{}".contains(char);
        if is_plain && (!is_escaped || !char.is_alphanumeric()) {
            text.push(char);
        }
        is_escaped = !is_escaped && char == '\\';
    }
    text
}

/// Puts a value at a path.
fn set(object: &mut Object, path: &str, value: &Json) {
    match path.split_once('.') {
        None => {
            object.insert(path, value.clone());
        }
        Some((first, rest)) => {
            let mut inner = object.get(first).and_then(Json::as_object).cloned().unwrap_or_default();
            set(&mut inner, rest, value);
            object.insert(first, inner);
        }
    }
}

/// FNV-1a of 64 bits, mixed once more, because its low bits are weak.
fn hash(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
}
