//! Models against a made-up shop of which everything is known, and shops that are too small for them.

use crate::kit::{self, number, numbers, text, texts};
use datafusion::parquet::record::Field;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use vitrine_demo::DemoShop;
use vitrine_learn::classify::{Models, auc, score};
use vitrine_profiles::{
    Built, Clusters, LabelState, Mapping, ModelOptions, ModelState, Registry, Silent, StageRun, build,
};

/// A customer as he truly is.
struct Truth {
    has_left: bool,
    orders_per_year: f64,
    next_orders: f64,
    next_minor: f64,
}

/// A build of a shop, and the truth of its customers.
struct Known {
    shop: kit::Shop,
    truth: BTreeMap<String, Truth>,
}

fn written(dir: &Path, n_customers: u32) -> BTreeMap<String, Truth> {
    DemoShop::new(11, n_customers).unwrap().with_events_scale(0.01).unwrap().write_dir(dir, |_, _| ()).unwrap();
    let csv = fs::read_to_string(dir.join("truth_customers.csv")).unwrap();
    let mut lines = csv.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |name: &str| head.iter().position(|column| *column == name).unwrap();
    let places = ["customer_id", "has_left", "orders_per_year", "next_90d_orders", "next_90d_minor"].map(place);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let [id, has_left, rate, orders, minor] = places.map(|place| cells[place]);
            let truth = Truth {
                has_left: has_left == "true" || has_left == "1",
                orders_per_year: rate.parse().unwrap(),
                next_orders: orders.parse().unwrap(),
                next_minor: minor.parse().unwrap(),
            };
            (id.to_owned(), truth)
        })
        .collect()
}

fn built(n_customers: u32, models: ModelOptions) -> Known {
    let dir = tempfile::tempdir().unwrap();
    let truth = written(dir.path(), n_customers);
    let mapping = Mapping::builtin("vitrine-demo").unwrap();
    let mut options = kit::options(&[&dir.path().join("orders.csv")], mapping, &dir.path().join("table"));
    options.models = models;
    let built = build(&options, &mut Silent).unwrap();
    Known { shop: kit::Shop { dir, built }, truth }
}

/// The shop that most of the tests look at.
fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| built(3000, ModelOptions::default()))
}

/// Customers with a value of a label: the value, another label, and the truth.
fn pairs<'a>(known: &'a Known, label: &str, other: &str) -> Vec<(f64, f64, &'a Truth)> {
    let value = |row: &BTreeMap<String, Field>, name: &str| match &row[name] {
        Field::Null => None,
        field => Some(number(field)),
    };
    let rows = known.shop.rows("features.parquet");
    let pairs = rows
        .iter()
        .filter_map(|row| Some((value(row, label)?, value(row, other)?, known.truth.get(text(&row["customer_id"]))?)));
    pairs.collect()
}

fn area(scores: impl Iterator<Item = f64>, outcomes: &[bool]) -> f64 {
    auc(&scores.collect::<Vec<_>>(), outcomes, &vec![1.0; outcomes.len()]).unwrap()
}

/// Spearman's rank correlation, ties by their order.
fn rank_correlation(pairs: &[(f64, f64)]) -> f64 {
    let ranks = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by(|a, b| of(&pairs[*a]).total_cmp(&of(&pairs[*b])));
        let mut ranks = vec![0.0; pairs.len()];
        for (rank, at) in order.into_iter().enumerate() {
            ranks[at] = rank as f64;
        }
        ranks
    };
    let (one, other) = (ranks(&|pair| pair.0), ranks(&|pair| pair.1));
    let mean = (pairs.len() - 1) as f64 / 2.0;
    let product: f64 = one.iter().zip(&other).map(|(a, b)| (a - mean) * (b - mean)).sum();
    product / one.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>()
}

fn state<'a>(built: &'a Built, label: &str) -> &'a LabelState {
    &built.labels.get(label).unwrap_or_else(|| panic!("no label {label}")).state
}

#[test]
fn the_chance_of_being_there_ranks_those_who_left() {
    let known = known();
    let report = &known.shop.built.report.models;
    assert_eq!(report.value.state, ModelState::Published, "{}", report.value.why);
    let pairs = pairs(known, "p_alive", "recency_days");
    assert!(pairs.len() > 1500, "{}", pairs.len());
    let left: Vec<bool> = pairs.iter().map(|pair| pair.2.has_left).collect();
    let (model, recency) =
        (area(pairs.iter().map(|pair| -pair.0), &left), area(pairs.iter().map(|pair| pair.1), &left));
    println!("p_alive: area {model:.4}, recency {recency:.4}");
    assert!(model > 0.75 && model > recency, "p_alive {model}, recency {recency}");
}

#[test]
fn the_risk_of_churn_ranks_those_who_do_not_come_back_better_than_recency() {
    let known = known();
    let report = &known.shop.built.report.models;
    assert_eq!(report.churn.state, ModelState::Published, "{}", report.churn.why);
    let pairs = pairs(known, "churn_risk", "recency_days");
    let stayed_away: Vec<bool> = pairs.iter().map(|pair| pair.2.next_orders == 0.0).collect();
    let model = area(pairs.iter().map(|pair| pair.0), &stayed_away);
    let recency = area(pairs.iter().map(|pair| pair.1), &stayed_away);
    let mean = pairs.iter().map(|pair| pair.0).sum::<f64>() / pairs.len() as f64;
    let share = stayed_away.iter().filter(|away| **away).count() as f64 / pairs.len() as f64;
    println!("churn_risk: area {model:.4}, recency {recency:.4}; mean {mean:.4}, true share {share:.4}");
    println!("{}", report.churn.why);
    assert!(model > 0.75 && model > recency + 0.01, "churn_risk {model}, recency {recency}");
    assert!((mean - share).abs() < 0.05, "mean risk {mean}, of whom {share} stayed away");
}

#[test]
fn customer_value_follows_what_customers_truly_bring() {
    let known = known();
    let pairs = pairs(known, "clv_minor", "expected_orders_90d");
    let staying: Vec<(f64, f64)> =
        pairs.iter().filter(|pair| !pair.2.has_left).map(|pair| (pair.0, pair.2.orders_per_year)).collect();
    let rate = rank_correlation(&staying);
    let brought = rank_correlation(&pairs.iter().map(|pair| (pair.0, pair.2.next_minor)).collect::<Vec<_>>());
    let expected: f64 = pairs.iter().map(|pair| pair.1).sum();
    let actual: f64 = pairs.iter().map(|pair| pair.2.next_orders).sum();
    println!(
        "clv: rank correlation {rate:.3} with the true rate, {brought:.3} with what came; {expected:.0} orders expected, {actual} came"
    );
    assert!(rate > 0.5 && brought > 0.4, "{rate} {brought}");
    assert!((0.75..1.34).contains(&(expected / actual)), "{expected} orders expected, {actual} came");

    let found = &known.shop.built.report.models.value.found;
    let total = &found["total"];
    let minor = |of: &serde_json::Value, key: &str| of[key].as_i64().unwrap();
    assert!(
        minor(total, "low_minor") < minor(total, "clv_minor") && minor(total, "clv_minor") < minor(total, "high_minor")
    );
    let sum: i64 = found["segments"].as_array().unwrap().iter().map(|segment| minor(segment, "clv_minor")).sum();
    assert!((sum - minor(total, "clv_minor")).abs() < 20, "{sum} and {total}");
    let customers = pairs.iter().map(|pair| pair.0 as i64).sum::<i64>();
    assert!((customers - sum).abs() < pairs.len() as i64, "{customers} and {sum}");
    assert!(found["holdout"]["curve"].as_array().unwrap().len() > 3);
}

#[test]
fn the_models_file_scores_a_row_of_features_to_its_label() {
    let known = known();
    let models = Models::from_json(&fs::read(known.shop.out().join("models.json")).unwrap()).unwrap();
    let model = models.get("churn_risk").expect("published");
    let mut n = 0;
    for row in known.shop.rows("features.parquet") {
        let value = |name: &String| match &row[name] {
            Field::Null => f64::NAN,
            field => number(field),
        };
        let Field::Double(label) = row["churn_risk"] else { continue };
        let names = model.features().iter().map(|feature| &feature.name);
        let chance = score(model, &names.map(value).collect::<Vec<_>>());
        assert!((chance - label).abs() < 1e-12, "{chance} and {label} for {}", text(&row["customer_id"]));
        n += 1;
    }
    assert!(n > 1500, "{n}");
}

#[test]
fn labels_of_models_are_in_the_registry_and_in_the_table() {
    let known = known();
    let registry = Registry::from_file(&known.shop.out().join("labels.json")).unwrap();
    assert_eq!(registry, known.shop.built.labels);
    for label in ["clv_minor", "churn_risk"] {
        assert_eq!(state(&known.shop.built, label), &LabelState::InTable);
        let label = registry.get(label).unwrap();
        assert_eq!(label.owner.as_deref(), Some("vitrine"));
        assert!(label.tables.contains(&"purchases".to_owned()), "{:?}", label.tables);
    }
    for label in ["p_alive", "expected_orders_90d", "value_tier"] {
        assert_eq!(state(&known.shop.built, label), &LabelState::FeaturesOnly);
    }
    assert!(registry.get("churn_risk").unwrap().means.contains("90 days"));
    let names: Vec<String> =
        known.shop.built.manifest.schema.columns().iter().map(|column| column.name.clone()).collect();
    assert!(names.contains(&"clv_minor".to_owned()) && names.contains(&"churn_risk".to_owned()), "{names:?}");
    assert!(!names.contains(&"p_alive".to_owned()));

    let tiers: BTreeMap<String, usize> =
        known.shop.rows("features.parquet").iter().fold(BTreeMap::new(), |mut n, row| {
            *n.entry(text(&row["value_tier"]).to_owned()).or_default() += 1;
            n
        });
    assert_eq!(tiers.len(), 5, "{tiers:?}");
}

#[test]
fn groups_are_shown_when_they_come_back_or_when_their_number_was_given() {
    let known = known();
    let report = &known.shop.built.report.models;
    println!("groups by the data: {:?}: {}", report.groups.state, report.groups.why);
    let is_trusted = report.groups.found["choice"]["is_trusted"].as_bool().unwrap();
    assert_eq!(is_trusted, report.groups.state == ModelState::Published);
    assert_eq!(is_trusted, *state(&known.shop.built, "cluster") == LabelState::InTable);
    let cards = report.personas["segments"].as_array().unwrap();
    assert!(cards.len() > 5, "{cards:?}");
    assert!(cards.iter().all(|card| card["size"].as_u64().unwrap() >= 5 && card["name_zh"].as_str().is_some()));

    let models = ModelOptions {
        value: false,
        churn: false,
        clusters: Clusters::Exactly(3),
        churn_days: None,
        vectors: true,
        categories: 3,
    };
    let given = built(300, models);
    let report = &given.shop.built.report.models;
    assert_eq!(report.groups.state, ModelState::Published, "{}", report.groups.why);
    let names: std::collections::BTreeSet<String> =
        given.shop.rows("features.parquet").iter().map(|row| text(&row["cluster"]).to_owned()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(report.vectors.state, ModelState::Published, "{}", report.vectors.why);
    for row in given.shop.rows("features.parquet") {
        if matches!(row["taste_vector"], Field::Null) {
            continue;
        }
        let vector = numbers(&row["taste_vector"]);
        assert_eq!(vector.len(), 32);
        assert!((vector.iter().map(|value| value * value).sum::<f64>() - 1.0).abs() < 1e-6, "{vector:?}");
    }
    let schema = &given.shop.built.manifest.schema;
    assert!(schema.column("taste_vector").is_some());
    let label = given.shop.built.labels.get("cluster").unwrap();
    assert!(names.iter().all(|name| label.means.contains(name.as_str())), "{}", label.means);
    assert!(label.means.contains("用户"), "{}", label.means);
    assert_eq!(report.personas["clusters"].as_array().unwrap().len(), 3);
    for (section, label) in [(&report.value, "clv_minor"), (&report.churn, "churn_risk")] {
        assert_eq!(section.state, ModelState::Off);
        assert_eq!(state(&given.shop.built, label), &LabelState::Absent { why: "not asked for".into() });
    }
}

#[test]
fn a_small_shop_gets_no_models_and_is_told_why() {
    let shop = kit::csv(include_str!("../data/shop.csv"));
    let report = &shop.built.report.models;
    for (section, why) in [
        (&report.value, "at least 100 are needed"),
        (&report.groups, "at least 100 are needed"),
        (&report.churn, "needed to learn"),
    ] {
        assert_eq!(section.state, ModelState::Skipped);
        assert!(section.why.contains(why), "{}", section.why);
        assert!(section.labels.is_empty() && section.found.is_null());
    }
    for label in ["clv_minor", "expected_orders_90d", "p_alive", "value_tier", "cluster", "churn_risk"] {
        assert!(matches!(state(&shop.built, label), LabelState::Absent { .. }), "{label}");
        assert!(!shop.rows("features.parquet")[0].contains_key(label));
    }
    assert_eq!(fs::read_to_string(shop.out().join("models.json")).unwrap(), "{\"models\":[]}");
    let json: serde_json::Value = serde_json::from_slice(&fs::read(shop.out().join("report.json")).unwrap()).unwrap();
    assert_eq!(json["churn"]["state"], "skipped");
}

#[test]
fn models_are_equal_byte_for_byte_and_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), 700);
    let run = |out: &str, work: Option<&str>| {
        let mapping = Mapping::builtin("vitrine-demo").unwrap();
        let mut options = kit::options(&[&dir.path().join("orders.csv")], mapping, &dir.path().join(out));
        options.work_dir = work.map(|work| dir.path().join(work));
        options.models.clusters = Clusters::Exactly(4);
        options.models.categories = 3;
        build(&options, &mut Silent).unwrap()
    };
    let first = run("one", None);
    assert_eq!(first.report.models.value.state, ModelState::Published, "{}", first.report.models.value.why);
    run("two", Some("work"));
    let third = run("three", Some("work"));
    let is_run = |run: &&StageRun| !run.is_reused;
    assert_eq!(third.stages.iter().find(is_run), None);
    assert!(third.stages.iter().any(|run| run.step == "learned_value"));
    let page = fs::read_to_string(dir.path().join("one/report.html")).unwrap();
    let propensity = &first.report.models.propensity;
    assert_eq!(propensity.state, ModelState::Published, "{}", propensity.why);
    let categories = propensity.found["categories"].as_array().unwrap();
    assert_eq!(categories.len(), 3);
    let published = categories.iter().filter(|one| one["is_published"] == true).count();
    let mut shown = 0;
    for row in kit::parquet_rows(&dir.path().join("one/features.parquet")) {
        if matches!(row["likely_categories"], Field::Null) {
            continue;
        }
        shown += 1;
        let (names, chances) = (texts(&row["likely_categories"]), numbers(&row["likely_category_weights"]));
        assert_eq!((names.len(), chances.len()), (published, published));
        assert!(chances.is_sorted_by(|one, other| one >= other) && chances.iter().all(|one| (0.0..=1.0).contains(one)));
    }
    assert!(shown > 300, "{shown}");
    let churn = &first.report.models.churn.found;
    assert_eq!((&churn["kfold"]["folds"], churn["kfold"]["parts"].as_array().unwrap().len()), (&5.into(), 5));
    assert!(churn["kfold"]["measures"]["auc"].as_f64().unwrap() > 0.5, "{}", churn["kfold"]);
    for told in [
        "what was expected",
        "Expected value in 12 months by segment, ",
        "Customers by group",
        "Calibration: chances foretold and shares that came",
        "提升度",
        "<span lang=\"en\">popularity</span><span lang=\"zh\">热门度</span>",
        "what is typical",
    ] {
        assert!(page.contains(told), "{told}");
    }
    assert!(!page.contains("NaN") && !page.contains("null"));
    for file in ["report.json", "report.html", "labels.json", "models.json", "features.parquet", "manifest.json"] {
        let [one, other] = ["one", "three"].map(|out| fs::read(dir.path().join(out).join(file)).unwrap());
        assert!(one == other, "{file} differs");
    }
}

#[test]
fn a_label_of_the_shop_keeps_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let head = "--# [labels.cluster]\n--# means = \"our own\"\n--# type = \"unsigned\"\n--# bits = 8\n";
    fs::write(dir.path().join("own.sql"), format!("{head}SELECT customer_id, 7 AS cluster FROM customers\n")).unwrap();
    let csv = include_str!("../data/shop.csv");
    let shop = kit::try_csv(csv.as_bytes(), "vitrine-demo", |options| {
        options.features_dir = Some(dir.path().to_owned());
    })
    .unwrap();
    assert_eq!(shop.built.labels.get("cluster").unwrap().means, "our own");
    assert!(shop.built.report.warnings.iter().any(|warning| warning.contains("cluster of the models is left out")));

    fs::rename(dir.path().join("own.sql"), dir.path().join("customer_groups.sql")).unwrap();
    let error = kit::try_csv(csv.as_bytes(), "vitrine-demo", |options| {
        options.features_dir = Some(dir.path().to_owned());
    });
    let error = error.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("give the file another name"), "{error}");
}

#[test]
fn options_out_of_range_are_refused() {
    let csv = include_str!("../data/shop.csv");
    let refused = |change: fn(&mut ModelOptions)| {
        let result = kit::try_csv(csv.as_bytes(), "vitrine-demo", |options| change(&mut options.models));
        result.map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused(|models| models.clusters = Clusters::Exactly(1)).contains("models.clusters: must be 2 to 32"));
    assert!(refused(|models| models.clusters = Clusters::Exactly(33)).contains("models.clusters"));
    assert!(refused(|models| models.churn_days = Some(6)).contains("models.churn_days: must be 7 to 365"));
    assert!(refused(|models| models.categories = 21).contains("models.categories: must be 0 to 20"));
    assert!(refused(|models| models.churn_days = Some(366)).contains("models.churn_days"));
}
