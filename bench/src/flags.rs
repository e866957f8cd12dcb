//! The flags that are measured, as both formats write them, and the visitors.

use serde_json::{Value, json};
use vitrine_flags::Context;

/// `n` flags as shops have them: every fourth an experiment for everybody, one for an audience, a rollout, and a value behind
/// a condition.
pub fn growthbook(n: usize) -> String {
    let rule = |at: usize| match at % 4 {
        0 => {
            json!({"variations": ["a", "b"], "weights": [0.5, 0.5], "hashVersion": 2, "meta": [{"key": "a"}, {"key": "b"}]})
        }
        1 => json!({
            "variations": ["a", "b", "c"], "weights": [0.4, 0.3, 0.3], "coverage": 0.8, "hashVersion": 2,
            "condition": {"country": {"$in": ["CN", "JP", "KR"]}, "age": {"$gte": 18}}
        }),
        2 => json!({"force": true, "coverage": 0.25, "hashVersion": 2}),
        _ => json!({"force": "x", "condition": {"plan": "pro", "$not": {"version": {"$vlt": "2.1.0"}}}}),
    };
    let features: serde_json::Map<String, Value> =
        (0..n).map(|at| (format!("flag-{at}"), json!({"defaultValue": "off", "rules": [rule(at)]}))).collect();
    json!({"features": features}).to_string()
}

/// The same as nearly as Unleash can say it.
pub fn unleash(n: usize) -> String {
    let rollout = |share: u32| json!({"rollout": share.to_string(), "stickiness": "userId", "groupId": "g"});
    let variants = |weights: &[u32]| -> Vec<Value> {
        let names = ["a", "b", "c"].iter().zip(weights);
        names.map(|(name, weight)| json!({"name": name, "weight": weight, "stickiness": "userId"})).collect()
    };
    let toggle = |at: usize| {
        let (strategy, variants) = match at % 4 {
            0 => (json!({"name": "flexibleRollout", "parameters": rollout(100)}), variants(&[500, 500])),
            1 => {
                let constraints = json!([
                    {"contextName": "country", "operator": "IN", "values": ["CN", "JP", "KR"]},
                    {"contextName": "age", "operator": "NUM_GTE", "value": "18"}
                ]);
                let strategy =
                    json!({"name": "flexibleRollout", "parameters": rollout(80), "constraints": constraints});
                (strategy, variants(&[400, 300, 300]))
            }
            2 => (json!({"name": "flexibleRollout", "parameters": rollout(25)}), Vec::new()),
            _ => {
                let constraints = json!([
                    {"contextName": "plan", "operator": "IN", "values": ["pro"]},
                    {"contextName": "version", "operator": "SEMVER_LT", "value": "2.1.0", "inverted": true}
                ]);
                (json!({"name": "default", "parameters": {}, "constraints": constraints}), Vec::new())
            }
        };
        json!({"name": format!("flag-{at}"), "enabled": true, "strategies": [strategy], "variants": variants})
    };
    json!({"version": 2, "features": (0..n).map(toggle).collect::<Vec<_>>()}).to_string()
}

/// Whether flag `at` has variants.
pub fn has_variants(at: usize) -> bool {
    at % 4 < 2
}

/// A visitor.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Id, country, plan and version, by name.
    pub texts: [(&'static str, String); 4],
    /// Age in years.
    pub age: u32,
}

impl Visitor {
    /// One of many, always the same.
    pub fn new(at: u32) -> Self {
        let pick = |from: &[&str]| from[at as usize % from.len()].to_owned();
        Self {
            texts: [
                ("id", format!("b9a5fa1c-8d1c-{at:04x}")),
                ("country", pick(&["US", "CN", "JP", "DE", "KR"])),
                ("plan", pick(&["pro", "free", "pro"])),
                ("version", pick(&["2.4.1", "2.0.9", "2.1.0", "10.0.0"])),
            ],
            age: 15 + at % 40,
        }
    }

    /// The visitor as this project asks for it.
    pub fn context(&self) -> Context {
        let mut context = Context::default();
        self.texts.iter().for_each(|(name, value)| context.attributes.insert(*name, value.as_str()));
        context.attributes.insert("age", self.age);
        context
    }
}
