//! Why a visitor gets a value of a flag: rule by rule, what held and what did not.
//!
//! There is no second copy of the rules. Each question ("does this audience fit?") is a payload in which the flag has one rule
//! with that part alone, evaluated for the same visitor by the evaluator that decides.

use serde::Serialize;
use vitrine_engine::TimestampMs;
use vitrine_flags::{Context, Evaluation, Json, Object, Payload, Source};

/// A flag's value for one visitor, explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlagExplanation {
    /// The flag.
    pub flag: String,
    /// Its value as JSON text.
    pub value: String,
    /// Where the value comes from, as the evaluator says.
    pub source: &'static str,
    /// The variation of an experiment, if one decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variation: Option<String>,
    /// The rules in their order, up to the one that decided.
    pub rules: Vec<RuleExplanation>,
    /// The whole in one sentence.
    pub because: String,
}

/// What one rule said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleExplanation {
    /// Its place, from 1.
    pub number: usize,
    /// Its id, or the experiment's; may be empty.
    pub id: String,
    /// Whether it gave the value.
    pub decided: bool,
    /// Why, or why not.
    pub why: String,
}

/// Explains the value of a flag. An unknown flag has no rules, and source `unknownFeature`.
pub fn explain_flag(payload: &Payload, context: &Context, flag: &str) -> FlagExplanation {
    let mut evaluation = Evaluation::new(payload, context);
    let result = evaluation.feature(flag);
    let experiment = result.experiment_result.as_ref().filter(|it| it.in_experiment);
    let variation = experiment.map(|it| it.key.to_owned());
    let asker = Asker { payload, context, flag };
    let rules = if result.disabled || matches!(result.source, Source::Override | Source::UnknownFeature) {
        Vec::new()
    } else {
        asker.rules()
    };
    let because = match (result.source, rules.iter().find(|it| it.decided)) {
        _ if result.disabled => "the flag is switched off: applications use their own default".to_owned(),
        (Source::UnknownFeature, _) => "there is no such flag".to_owned(),
        (Source::Override, _) => "the value was chosen by hand".to_owned(),
        (Source::CyclicPrerequisite, _) => "flags require each other in a circle".to_owned(),
        (_, Some(rule)) => format!("rule {}{}: {}", rule.number, named(&rule.id), rule.why),
        (_, None) => "no rule decides, so it is the flag's default".to_owned(),
    };
    FlagExplanation {
        flag: flag.to_owned(),
        value: result.value.to_string(),
        source: result.source.as_str(),
        variation,
        rules,
        because,
    }
}

fn named(id: &str) -> String {
    if id.is_empty() { String::new() } else { format!(" ({id})") }
}

/// Asks the evaluator about parts of a rule.
struct Asker<'a> {
    payload: &'a Payload,
    context: &'a Context,
    flag: &'a str,
}

impl Asker<'_> {
    fn rules(&self) -> Vec<RuleExplanation> {
        let feature = self.payload.source().get("features").and_then(|it| it.get(self.flag));
        let rules = feature.and_then(|it| it.get("rules")).and_then(Json::as_list).unwrap_or_default();
        let mut explained = Vec::new();
        for (idx, rule) in rules.iter().enumerate() {
            let rule = self.rule(idx.saturating_add(1), rule);
            let decided = rule.decided;
            explained.push(rule);
            if decided {
                break;
            }
        }
        explained
    }

    fn rule(&self, number: usize, rule: &Json) -> RuleExplanation {
        let text = |name: &str| rule.get(name).and_then(Json::as_text).filter(|it| !it.is_empty());
        let id = text("id").or_else(|| text("key")).unwrap_or_default().to_owned();
        let none = Object::new();
        let members = rule.as_object().unwrap_or(&none);
        let (source, words) = self.alone(members.clone());
        let decided = source != Source::DefaultValue;
        let why = match source {
            Source::Prerequisite => {
                format!("a flag that it requires is closed: {}", shown(members, "parentConditions"))
            }
            Source::DefaultValue => self.why_not(members),
            _ => words,
        };
        RuleExplanation { number, id, decided, why }
    }

    /// What the flag says if this is its only rule.
    fn alone(&self, rule: Object) -> (Source, String) {
        let payload = self.with_rule(rule);
        let mut evaluation = Evaluation::new(&payload, self.context);
        let result = evaluation.feature(self.flag);
        let words = match &result.experiment_result {
            Some(run) if run.in_experiment => {
                let name = run.name.filter(|it| *it != run.key).map(|it| format!(", {it}")).unwrap_or_default();
                let how = match run.bucket {
                    Some(bucket) => format!("the hash of {} lies at {:.4}", run.hash_attribute, bucket),
                    None if run.sticky_bucket_used => "an earlier assignment holds".to_owned(),
                    None => "it was chosen by hand".to_owned(),
                };
                format!("the visitor is in variation {}{name}, because {how}", run.key)
            }
            _ => format!("it fits, and gives {}", result.value),
        };
        (result.source, words)
    }

    /// The payload in which the flag has this rule and no other. Other flags stay, because rules may ask for them.
    fn with_rule(&self, rule: Object) -> Payload {
        let mut source = self.payload.source().clone();
        let mut features = source.get("features").and_then(Json::as_object).cloned().unwrap_or_default();
        let mut feature = Object::new();
        feature.insert("defaultValue", Json::Null);
        feature.insert("rules", Json::List(vec![Json::Object(rule)]));
        features.insert(self.flag, Json::Object(feature));
        source.insert("features", Json::Object(features));
        Payload::from_json(Json::Object(source))
    }

    /// Whether everybody like this visitor would pass a rule with these members alone.
    fn passes(&self, rule: &Object, members: &[&str]) -> bool {
        let mut probe = Object::new();
        probe.insert("force", true);
        for name in members {
            if let Some(value) = rule.get(name) {
                probe.insert(*name, value.clone());
            }
        }
        self.alone(probe).0 == Source::Force
    }

    /// The first part of a rule that the visitor does not pass.
    fn why_not(&self, rule: &Object) -> String {
        let schedule = rule.get("vitrine");
        if !self.runs(schedule) {
            return self.time_words(schedule);
        }
        if !self.passes(rule, &["parentConditions"]) {
            return format!("another flag is not as it requires: {}", shown(rule, "parentConditions"));
        }
        if !self.passes(rule, &["filters"]) {
            return format!("the visitor is in another part of the layer: {}", shown(rule, "filters"));
        }
        if !self.passes(rule, &["condition"]) {
            let condition = rule.get("condition").unwrap_or(&Json::Null);
            return format!("the audience does not fit: {condition}; {}", self.known(condition));
        }
        let attribute = rule.get("hashAttribute").and_then(Json::as_text).unwrap_or("id");
        let is_known = |name: &str| self.context.attributes.get(name).is_some_and(|it| *it != Json::Null);
        let fallback = rule.get("fallbackAttribute").and_then(Json::as_text);
        if !is_known(attribute) && !fallback.is_some_and(is_known) {
            return format!("the visitor has no {attribute}, by which it is divided");
        }
        if rule.get("namespace").is_some() && !self.in_namespace(rule) {
            return format!("the visitor is in another part of the layer: {}", shown(rule, "namespace"));
        }
        if rule.get("force").is_some() || rule.get("variations").is_some() {
            return format!("the visitor is not in the part of all visitors that it covers ({})", self.coverage(rule));
        }
        "it asks for other flags only, and gives no value".to_owned()
    }

    /// An experiment of everybody, but for its namespace.
    fn in_namespace(&self, rule: &Object) -> bool {
        let mut probe = Object::new();
        for name in ["namespace", "hashAttribute", "fallbackAttribute", "hashVersion"] {
            if let Some(value) = rule.get(name) {
                probe.insert(name, value.clone());
            }
        }
        probe.insert("variations", Json::List(vec![Json::Bool(true), Json::Bool(true)]));
        self.alone(probe).0 == Source::Experiment
    }

    fn runs(&self, schedule: Option<&Json>) -> bool {
        let mut window = Object::new();
        for name in ["starts", "ends"] {
            if let Some(time) = schedule.and_then(|it| it.get(name)) {
                window.insert(name, time.clone());
            }
        }
        let mut probe = Object::new();
        probe.insert("vitrine", Json::Object(window));
        self.passes(&probe, &["vitrine"])
    }

    fn time_words(&self, schedule: Option<&Json>) -> String {
        let time = |name: &str| {
            let ms = schedule.and_then(|it| it.get(name)).and_then(Json::as_number)?;
            #[expect(clippy::cast_possible_truncation, reason = "beyond the range it is the nearest that is in it")]
            Some(TimestampMs(ms as i64))
        };
        let now = TimestampMs(self.context.now_ms);
        match (time("starts"), time("ends")) {
            (Some(starts), _) if now < starts => format!("it starts at {starts}; now it is {now}"),
            (_, Some(ends)) => format!("it ended at {ends}; now it is {now}"),
            _ => "it does not run now".to_owned(),
        }
    }

    fn coverage(&self, rule: &Object) -> String {
        if rule.get("vitrine").and_then(|it| it.get("ramp")).is_some() {
            return format!("ramp {}", rule.get("vitrine").and_then(|it| it.get("ramp")).unwrap_or(&Json::Null));
        }
        let number = |name: &str| rule.get(name).and_then(Json::as_number);
        match (number("coverage"), rule.get("range").or_else(|| rule.get("ranges"))) {
            (_, Some(range)) => format!("range {range}"),
            (Some(coverage), None) => format!("{} %", (coverage * 10_000.0).round() / 100.0),
            (None, None) => "all of them, unless the experiment is not running".to_owned(),
        }
    }

    /// What is known of the attributes that a condition asks about.
    fn known(&self, condition: &Json) -> String {
        let mut names = Vec::new();
        attributes(condition, &mut names);
        let value = |path: &str| {
            let mut parts = path.split('.');
            let first = parts.next().and_then(|it| self.context.attributes.get(it));
            parts.fold(first, |at, part| at.and_then(|it| it.get(part)))
        };
        let words = names.iter().map(|name| match value(name) {
            Some(value) => format!("{name} is {value}"),
            None => format!("{name} is not known"),
        });
        let words: Vec<String> = words.collect();
        if words.is_empty() { "it asks for groups only".to_owned() } else { words.join(", ") }
    }
}

fn shown(rule: &Object, name: &str) -> String {
    rule.get(name).map(ToString::to_string).unwrap_or_default()
}

/// The attributes that a condition asks about, each once.
fn attributes<'c>(condition: &'c Json, names: &mut Vec<&'c str>) {
    match condition {
        Json::Object(members) => {
            for (name, value) in members.iter() {
                if !name.starts_with('$') {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                } else {
                    attributes(value, names);
                }
            }
        }
        Json::List(list) => list.iter().for_each(|it| attributes(it, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload() -> Payload {
        let json = r#"{"features": {
          "button": {"defaultValue": "grey", "rules": [
            {"id": "later", "force": "blue", "vitrine": {"starts": 2000}},
            {"id": "over", "force": "blue", "vitrine": {"ends": 500}},
            {"id": "gated", "force": "blue", "parentConditions": [{"id": "base", "condition": {"value": true}}]},
            {"id": "china", "force": "gold", "condition": {"country": "CN", "$or": [{"plan": "pro"}, {"age": {"$gt": 17}}]}},
            {"id": "nobody", "force": "blue", "coverage": 0, "hashAttribute": "id"},
            {"id": "company", "force": "blue", "coverage": 1, "hashAttribute": "company"},
            {"id": "part", "force": "blue", "filters": [{"seed": "l", "ranges": [[0, 0]], "hashVersion": 2, "attribute": "id"}]},
            {"key": "colours", "variations": ["grey", "red"], "coverage": 0, "hashVersion": 2},
            {"key": "hues", "variations": ["grey", "red"], "namespace": ["n", 0, 0], "hashVersion": 2},
            {"key": "test", "variations": ["grey", "red"], "weights": [0, 1], "hashVersion": 2, "meta": [{"key": "calm"}, {"key": "bold", "name": "Bold red"}]},
            {"id": "never", "force": "white"}]},
          "base": {"defaultValue": false},
          "off": {"defaultValue": 1, "vitrine": {"enabled": false}},
          "gate": {"defaultValue": 1, "rules": [{"force": 2, "parentConditions": [{"id": "base", "condition": {"value": true}, "gate": true}]}]}
        }}"#;
        Payload::parse(json.as_bytes()).unwrap()
    }

    fn visitor() -> Context {
        let mut context = Context { now_ms: 1000, ..Context::default() };
        context.attributes.insert("id", "visitor-1");
        context.attributes.insert("country", "DE");
        context
    }

    #[test]
    fn every_rule_says_why_it_did_not_decide() {
        let explained = explain_flag(&payload(), &visitor(), "button");
        let told: Vec<(&str, bool, &str)> =
            explained.rules.iter().map(|it| (it.id.as_str(), it.decided, it.why.as_str())).collect();
        let expected = [
            ("later", false, "it starts at 1970-01-01T00:00:02Z; now it is 1970-01-01T00:00:01Z"),
            ("over", false, "it ended at 1970-01-01T00:00:00.500Z; now it is 1970-01-01T00:00:01Z"),
            ("gated", false, "another flag is not as it requires: [{\"id\":\"base\",\"condition\":{\"value\":true}}]"),
            (
                "china",
                false,
                "the audience does not fit: {\"country\":\"CN\",\"$or\":[{\"plan\":\"pro\"},{\"age\":{\"$gt\":17}}]}; \
                 country is \"DE\", plan is not known, age is not known",
            ),
            ("nobody", false, "the visitor is not in the part of all visitors that it covers (0 %)"),
            ("company", false, "the visitor has no company, by which it is divided"),
            (
                "part",
                false,
                "the visitor is in another part of the layer: [{\"seed\":\"l\",\"ranges\":[[0,0]],\"hashVersion\":2,\"attribute\":\"id\"}]",
            ),
            ("colours", false, "the visitor is not in the part of all visitors that it covers (0 %)"),
            ("hues", false, "the visitor is in another part of the layer: [\"n\",0,0]"),
        ];
        assert_eq!(told[..expected.len()], expected);
        let last = explained.rules.last().unwrap();
        assert_eq!((last.number, last.id.as_str(), last.decided), (10, "test", true));
        assert!(
            last.why.starts_with("the visitor is in variation bold, Bold red, because the hash of id lies at 0."),
            "{}",
            last.why
        );
        assert_eq!((explained.value.as_str(), explained.source), ("\"red\"", "experiment"));
        assert_eq!(explained.variation.as_deref(), Some("bold"));
        assert_eq!(explained.because, format!("rule 10 (test): {}", last.why));
    }

    #[test]
    fn the_first_that_fits_decides() {
        let mut context = visitor();
        context.attributes.insert("country", "CN");
        context.attributes.insert("age", 18.0);
        let explained = explain_flag(&payload(), &context, "button");
        assert_eq!(explained.because, "rule 4 (china): it fits, and gives \"gold\"");
        assert_eq!(explained.rules.len(), 4);
    }

    #[test]
    fn without_rules_there_is_a_reason_too() {
        let check = |flag: &str, context: &Context, value: &str, because: &str| {
            let explained = explain_flag(&payload(), context, flag);
            assert_eq!((explained.value.as_str(), explained.because.as_str()), (value, because), "{flag}");
        };
        check("base", &visitor(), "false", "no rule decides, so it is the flag's default");
        check("off", &visitor(), "null", "the flag is switched off: applications use their own default");
        check("no-such", &visitor(), "null", "there is no such flag");
        let closed = "rule 1: a flag that it requires is closed: [{\"id\":\"base\",\"condition\":{\"value\":true},\"gate\":true}]";
        check("gate", &visitor(), "null", closed);
        let mut context = visitor();
        context.forced_features.insert("button", "pink");
        check("button", &context, "\"pink\"", "the value was chosen by hand");
        context = visitor();
        context.forced_variations.insert("test".into(), 0);
        let why = "rule 10 (test): the visitor is in variation calm, because it was chosen by hand";
        check("button", &context, "\"grey\"", why);
    }
}
