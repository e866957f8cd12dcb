//! Prints random cases, one line each, as [`vitrine_flags::eval_line`] reads them: `random_cases [count] [seed]`.
//!
//! The same count and seed give the same bytes on every machine, so builds for other targets and other implementations can
//! be compared with this one: on every line they must say the same.
#![allow(missing_docs)]

use std::io::{BufWriter, Write as _};
use vitrine_flags::{Json, Object};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|it| it.parse::<u64>().expect("a number"));
    let (count, seed) = (arguments.next().unwrap_or(10_000), arguments.next().unwrap_or(1));
    let mut out = BufWriter::new(std::io::stdout().lock());
    for id in 0..count {
        writeln!(out, "{}", case(id, &mut Draw::new(seed, id)))?;
    }
    out.flush()
}

/// SplitMix64.
pub struct Draw {
    state: u64,
}

impl Draw {
    /// The draws of case `id`.
    pub fn new(seed: u64, id: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(id) }
    }

    fn below(&mut self, n: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn share(&mut self) -> f64 {
        self.below(10_001) as f64 / 10_000.0
    }
}

const ATTRIBUTES: [&str; 10] =
    ["id", "deviceId", "country", "plan", "age", "version", "tags", "company", "beta", "price"];
const PATHS: [&str; 16] = [
    "id",
    "deviceId",
    "country",
    "plan",
    "age",
    "version",
    "tags",
    "tags.0",
    "tags.length",
    "company",
    "company.name",
    "company.size",
    "beta",
    "price",
    "missing",
    "toString",
];
const GROUPS: [&str; 6] = ["listed", "bare", "named", "chained", "remote", "nowhere"];
const TEXTS: [&str; 16] = [
    "CN",
    "US",
    "us",
    "pro",
    "Free",
    "",
    "1",
    "1.2.3",
    "v1.10.0-beta.2",
    "josé",
    "用户123",
    "😀",
    "true",
    "null",
    "\u{ffff}",
    "10",
];
const NUMBERS: [f64; 12] =
    [0.0, 1.0, -1.0, 2.0, 10.0, 1.5, 0.1, 1e21, 1e-7, 123_456_789.0, 0.300_000_000_000_000_04, 21.0];

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// One line.
pub fn case(id: u64, draw: &mut Draw) -> Json {
    let n_features = 1 + draw.below(4);
    let features = (0..n_features).map(|at| (format!("f{at}"), feature(n_features, draw)));
    let mut payload = Object::new();
    payload.insert("features", Json::Object(features.collect()));
    payload.insert("savedGroups", saved_groups(draw));
    payload.insert("contextualBandits", object([("bandit", bandit(draw))]));
    let mut line = Object::new();
    line.insert("id", id as f64);
    line.insert("payload", payload);
    line.insert("attributes", attributes(draw));
    let context = context(draw);
    if !context.is_empty() {
        line.insert("context", context);
    }
    Json::Object(line)
}

fn attributes(draw: &mut Draw) -> Object {
    let mut attributes = Object::new();
    for name in ATTRIBUTES {
        if draw.one_in(4) {
            continue;
        }
        let value = match name {
            "id" | "deviceId" => match draw.below(12) {
                0 => scalar(draw),
                1 => Json::from(draw.pick(&TEXTS)),
                2 => Json::from(draw.below(1_000_000) as f64),
                _ => Json::from(format!("visitor-{}", draw.below(1_000_000))),
            },
            "tags" => Json::List((0..draw.below(4)).map(|_| scalar(draw)).collect()),
            "company" => object([("name", scalar(draw)), ("size", Json::from(draw.pick(&NUMBERS)))]),
            "version" => Json::from(draw.pick(&["1.2.3", "v1.10.0", "2.0.0-rc.1", "1.2", "", "0.9.9+build", "10"])),
            "age" | "price" => Json::from(draw.pick(&NUMBERS)),
            "beta" => Json::from(draw.one_in(2)),
            _ => scalar(draw),
        };
        attributes.insert(name, value);
    }
    attributes
}

fn context(draw: &mut Draw) -> Object {
    let mut context = Object::new();
    if draw.one_in(8) {
        let key = draw.pick(&["f0", "exp", "other"]);
        context.insert("forcedVariations", object([(key, Json::from(draw.below(5) as f64 - 1.0))]));
    }
    if draw.one_in(8) {
        context.insert("url", format!("https://example.com/?exp={}&f0={}#top", draw.below(4), draw.below(4)));
    }
    if draw.one_in(16) {
        context.insert("forcedFeatureValues", object([(draw.pick(&["f0", "f1"]), scalar(draw))]));
    }
    if draw.one_in(16) {
        context.insert("enabled", false);
    }
    if draw.one_in(16) {
        context.insert("qaMode", true);
    }
    context
}

fn scalar(draw: &mut Draw) -> Json {
    match draw.below(8) {
        0 => Json::Null,
        1 => Json::from(draw.one_in(2)),
        2 | 3 => Json::from(draw.pick(&NUMBERS)),
        _ => Json::from(draw.pick(&TEXTS)),
    }
}

fn value(draw: &mut Draw) -> Json {
    match draw.below(8) {
        0 => Json::List(vec![scalar(draw), scalar(draw)]),
        1 => object([("colour", scalar(draw)), ("10", scalar(draw)), ("9", Json::Null)]),
        _ => scalar(draw),
    }
}

fn feature(n_features: usize, draw: &mut Draw) -> Json {
    let mut feature = Object::new();
    if !draw.one_in(8) {
        feature.insert("defaultValue", value(draw));
    }
    let rules: Vec<Json> = (0..draw.below(4)).map(|_| rule(n_features, draw)).collect();
    feature.insert("rules", Json::List(rules));
    Json::Object(feature)
}

fn rule(n_features: usize, draw: &mut Draw) -> Json {
    let mut rule = Object::new();
    if draw.one_in(2) {
        rule.insert("id", format!("r{}", draw.below(100)));
    }
    if draw.one_in(2) {
        rule.insert("condition", condition(3, draw));
    }
    if draw.one_in(6) {
        let mut parent = Object::new();
        parent.insert("id", format!("f{}", draw.below(n_features + 1)));
        parent.insert("condition", object([("value", test(2, draw))]));
        if draw.one_in(2) {
            parent.insert("gate", true);
        }
        rule.insert("parentConditions", vec![Json::Object(parent)]);
    }
    if draw.one_in(8) {
        let mut filter = Object::new();
        filter.insert("seed", draw.pick(&["layer", "層", "s"]));
        filter.insert("ranges", Json::List(vec![range(draw), range(draw)]));
        if draw.one_in(2) {
            filter.insert("attribute", draw.pick(&["id", "deviceId"]));
        }
        rule.insert("filters", vec![Json::Object(filter)]);
    }
    hashing(&mut rule, draw);
    match draw.below(8) {
        0..3 => {
            rule.insert("force", value(draw));
            if draw.one_in(2) {
                rule.insert("coverage", draw.share());
            }
            if draw.one_in(6) {
                rule.insert("range", range(draw));
            }
        }
        7 => {}
        kind => experiment(&mut rule, kind == 6, draw),
    }
    Json::Object(rule)
}

fn hashing(rule: &mut Object, draw: &mut Draw) {
    if draw.one_in(2) {
        rule.insert("hashVersion", draw.pick(&[1.0, 2.0, 2.0, 2.0, 2.0, 3.0]));
    }
    if draw.one_in(3) {
        rule.insert("hashAttribute", draw.pick(&["id", "deviceId", "age", "company"]));
    }
    if draw.one_in(3) {
        rule.insert("seed", draw.pick(&["seed", "", "expérience", "exp:2"]));
    }
}

fn experiment(rule: &mut Object, is_bandit: bool, draw: &mut Draw) {
    let n = if is_bandit { 3 } else { 1 + draw.below(4) };
    let variations: Vec<Json> = (0..n).map(|_| value(draw)).collect();
    rule.insert(if is_bandit { "contextualVariations" } else { "variations" }, Json::List(variations));
    if is_bandit {
        rule.insert("contextualBanditRef", draw.pick(&["bandit", "bandit", "nowhere"]));
    }
    if draw.one_in(2) {
        rule.insert("key", draw.pick(&["exp", "other", "実験"]));
    }
    if draw.one_in(2) {
        rule.insert("coverage", draw.share());
    }
    if draw.one_in(2) {
        rule.insert("weights", weights(n, draw));
    }
    if draw.one_in(8) {
        rule.insert("ranges", Json::List((0..n).map(|_| range(draw)).collect()));
    }
    if draw.one_in(6) {
        let (start, end) = ordered(draw);
        rule.insert("namespace", Json::List(vec!["layer".into(), start.into(), end.into()]));
    }
    if draw.one_in(3) {
        let meta = (0..n).map(|at| {
            let mut meta = Object::new();
            meta.insert("key", format!("v{at}"));
            if draw.one_in(2) {
                meta.insert("name", format!("Variation {at}"));
            }
            if draw.one_in(6) {
                meta.insert("passthrough", true);
            }
            Json::Object(meta)
        });
        rule.insert("meta", Json::List(meta.collect()));
    }
}

fn weights(n: usize, draw: &mut Draw) -> Vec<f64> {
    let drawn: Vec<f64> = (0..n).map(|_| draw.below(100) as f64 + 1.0).collect();
    let sum: f64 = drawn.iter().sum();
    // Sometimes the sum is not one.
    let scale = if draw.one_in(10) { 0.5 } else { 1.0 };
    drawn.iter().map(|weight| scale * weight / sum).collect()
}

fn ordered(draw: &mut Draw) -> (f64, f64) {
    let (one, two) = (draw.share(), draw.share());
    (one.min(two), one.max(two))
}

fn range(draw: &mut Draw) -> Json {
    let (start, end) = ordered(draw);
    Json::from(vec![start, end])
}

fn bandit(draw: &mut Draw) -> Json {
    let leaves = (0..draw.below(3)).map(|at| {
        object([
            ("leafId", Json::from(at as f64)),
            ("condition", condition(1, draw)),
            ("weights", Json::from(weights(3, draw))),
        ])
    });
    object([("banditVersion", Json::from(3)), ("contexts", Json::List(leaves.collect()))])
}

fn saved_groups(draw: &mut Draw) -> Json {
    let values = |draw: &mut Draw| Json::List((0..draw.below(12)).map(|_| scalar(draw)).collect());
    object([
        (
            "listed",
            object([("type", "list".into()), ("attributeKey", draw.pick(&PATHS).into()), ("values", values(draw))]),
        ),
        ("bare", values(draw)),
        ("named", object([("type", "condition".into()), ("condition", condition(2, draw))])),
        (
            "chained",
            object([
                ("type", "condition".into()),
                ("condition", object([("$savedGroup", object([("id", draw.pick(&GROUPS).into())]))])),
            ]),
        ),
        ("remote", object([("type", "later".into()), ("attributeKey", "id".into())])),
    ])
}

fn condition(depth: usize, draw: &mut Draw) -> Json {
    let mut condition = Object::new();
    for _ in 0..1 + draw.below(2) {
        match draw.below(if depth == 0 { 6 } else { 12 }) {
            kind @ 6..9 => {
                let conditions: Vec<Json> = (0..draw.below(4)).map(|_| self::condition(depth - 1, draw)).collect();
                condition.insert(["$or", "$and", "$nor"][kind - 6], Json::List(conditions));
            }
            9 => condition.insert("$not", self::condition(depth - 1, draw)),
            10 => {
                let mut reference = Object::new();
                reference.insert("id", draw.pick(&GROUPS));
                if draw.one_in(3) {
                    reference.insert("attributeKey", draw.pick(&PATHS));
                }
                condition.insert("$savedGroup", reference);
            }
            _ => condition.insert(draw.pick(&PATHS), test(depth, draw)),
        }
    }
    Json::Object(condition)
}

fn test(depth: usize, draw: &mut Draw) -> Json {
    if draw.one_in(3) {
        return value(draw);
    }
    let mut operators = Object::new();
    for _ in 0..1 + draw.below(2) {
        let list = |draw: &mut Draw| Json::List((0..draw.below(5)).map(|_| scalar(draw)).collect());
        let (name, operand) = match draw.below(if depth == 0 { 22 } else { 27 }) {
            kind @ 0..6 => (["$eq", "$ne", "$lt", "$lte", "$gt", "$gte"][kind], scalar(draw)),
            kind @ 6..12 => (["$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte"][kind - 6], scalar(draw)),
            kind @ 12..16 => (["$in", "$nin", "$ini", "$nini"][kind - 12], list(draw)),
            kind @ 16..18 => (["$inGroup", "$notInGroup"][kind - 16], draw.pick(&GROUPS).into()),
            18 => ("$exists", draw.one_in(2).into()),
            19 => ("$type", draw.pick(&["string", "number", "boolean", "null", "array", "object", "other"]).into()),
            20 => (
                draw.pick(&["$regex", "$regexi"]),
                draw.pick(&["^visitor-[0-9]*[02468]$", "^c", "[", r"\d+", "(pro|free)", "^.{2}$"]).into(),
            ),
            21 => (draw.pick(&["$all", "$alli"]), list(draw)),
            22 => ("$not", test(depth - 1, draw)),
            23 => ("$size", if draw.one_in(2) { Json::from(draw.below(4) as f64) } else { test(depth - 1, draw) }),
            24 => ("$elemMatch", if draw.one_in(2) { test(depth - 1, draw) } else { condition(depth - 1, draw) }),
            25 => ("$later", scalar(draw)),
            _ => ("$or", Json::List(Vec::new())),
        };
        operators.insert(name, operand);
    }
    Json::Object(operators)
}
