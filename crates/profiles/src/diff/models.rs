//! The models of two builds side by side: what became of each, and how it did on the later part of its own build's history.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// A model of both builds.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ModelDifference {
    /// `value`, `groups`, `churn`, or `lists` for the item lists.
    pub model: String,
    /// What became of it, in both builds: `published`, `refused`, `skipped`, `off`; absent where a build has no report.
    pub states: (Option<String>, Option<String>),
    /// How it did. Each build's model was judged on its own data, so small differences say little.
    pub figures: Vec<FigureDifference>,
}

/// A figure of a model in both builds.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct FigureDifference {
    /// The figure.
    pub figure: String,
    /// Of the first build.
    pub before: Option<f64>,
    /// Of the second one.
    pub after: Option<f64>,
    /// Whether the second one is better; none where neither is, or one is not known.
    pub is_better: Option<bool>,
}

/// Which way a figure is better.
#[derive(Clone, Copy)]
enum Better {
    Higher,
    Lower,
}

const FIGURES: [(&str, &str, &str, Better); 8] = [
    ("value", "mean absolute error", "/value/found/holdout/model_mae", Better::Lower),
    ("value", "root mean squared error", "/value/found/holdout/model_rmse", Better::Lower),
    ("groups", "silhouette", "/groups/found/silhouette/mean", Better::Higher),
    ("groups", "adjusted Rand index", "/groups/found/stability/ari_mean", Better::Higher),
    ("churn", "area under the curve", "/churn/found/validation/measures/auc", Better::Higher),
    ("churn", "Brier score", "/churn/found/validation/measures/brier", Better::Lower),
    ("churn", "log loss", "/churn/found/validation/measures/log_loss", Better::Lower),
    ("churn", "calibration error", "/churn/found/validation/measures/calibration_error", Better::Lower),
];

/// The models of two directories; none where neither has a report.
pub(super) fn between(before: &Path, after: &Path) -> Vec<ModelDifference> {
    let (one, other) = (report(before), report(after));
    if one.is_null() && other.is_null() {
        return Vec::new();
    }
    let state = |report: &Value, model: &str| {
        report.get(model).and_then(|section| section.get("state")).and_then(Value::as_str).map(str::to_owned)
    };
    let mut models: Vec<ModelDifference> = ["value", "groups", "churn"]
        .into_iter()
        .map(|model| {
            let own = FIGURES.iter().filter(|(of, ..)| *of == model);
            let figures = own.filter_map(|(_, name, pointer, better)| figure(name, pointer, *better, &one, &other));
            ModelDifference {
                model: model.to_owned(),
                states: (state(&one, model), state(&other, model)),
                figures: figures.collect(),
            }
        })
        .collect();
    models.push(lists(&one, &other));
    models
}

fn lists(one: &Value, other: &Value) -> ModelDifference {
    let rankers = |report: &Value| -> BTreeSet<String> {
        let rankers = report.pointer("/neighbours/rankers").and_then(Value::as_object);
        rankers.into_iter().flat_map(|rankers| rankers.keys().cloned()).collect()
    };
    let names: BTreeSet<String> = rankers(one).union(&rankers(other)).cloned().collect();
    let mut figures = Vec::new();
    for name in names {
        for which in ["novel_ndcg_10", "repeat_ndcg_10"] {
            let pointer = format!("/neighbours/rankers/{name}/{which}");
            figures.extend(figure(&format!("{name} {which}"), &pointer, Better::Higher, one, other));
        }
    }
    let method = |report: &Value| report.pointer("/neighbours/method").and_then(Value::as_str).map(str::to_owned);
    ModelDifference { model: "lists".to_owned(), states: (method(one), method(other)), figures }
}

/// A figure that at least one of the builds has.
fn figure(name: &str, pointer: &str, better: Better, one: &Value, other: &Value) -> Option<FigureDifference> {
    let of = |report: &Value| report.pointer(pointer).and_then(Value::as_f64);
    let (before, after) = (of(one), of(other));
    if before.is_none() && after.is_none() {
        return None;
    }
    let is_better = before.zip(after).filter(|(before, after)| before != after).map(|(before, after)| match better {
        Better::Higher => after > before,
        Better::Lower => after < before,
    });
    Some(FigureDifference { figure: name.to_owned(), before, after, is_better })
}

/// The report of a build; null if there is none, as in a directory that was compiled.
fn report(dir: &Path) -> Value {
    let text = std::fs::read(dir.join("report.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_compared_figure_by_figure() {
        let [one, other] = [0.7, 0.8].map(|auc| {
            let dir = tempfile::tempdir().unwrap();
            let report = serde_json::json!({
                "churn": { "state": "published", "found": { "validation": { "measures": { "auc": auc, "brier": 0.2 } } } },
                "value": { "state": "skipped", "found": null },
                "neighbours": { "method": "ease", "rankers": { "ease": { "novel_ndcg_10": null, "repeat_ndcg_10": 0.3 } } },
            });
            std::fs::write(dir.path().join("report.json"), report.to_string()).unwrap();
            dir
        });
        let found = between(one.path(), other.path());
        let names: Vec<&str> = found.iter().map(|it| it.model.as_str()).collect();
        assert_eq!(names, ["value", "groups", "churn", "lists"]);
        let figure = |figure: &str, before, after, is_better| FigureDifference {
            figure: figure.into(),
            before: Some(before),
            after: Some(after),
            is_better,
        };
        assert_eq!(
            found[2].figures,
            [figure("area under the curve", 0.7, 0.8, Some(true)), figure("Brier score", 0.2, 0.2, None)]
        );
        assert_eq!(found[2].states, (Some("published".into()), Some("published".into())));
        assert_eq!((&found[0].states.0, found[0].figures.len()), (&Some("skipped".into()), 0));
        assert_eq!(found[3].figures, [figure("ease repeat_ndcg_10", 0.3, 0.3, None)]);
        let nowhere = Path::new("nowhere");
        assert_eq!(between(nowhere, nowhere), []);
        assert_eq!(between(nowhere, one.path())[2].states, (None, Some("published".into())));
    }
}
