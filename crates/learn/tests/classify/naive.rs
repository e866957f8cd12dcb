//! A second scorer, written from `docs/formats/models.md` alone: plain, slow, on JSON values.

use serde_json::Value;

/// The number that a member stands for: the nearest single-precision one.
fn single(value: &Value) -> f64 {
    f64::from(value.as_f64().unwrap() as f32)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// None for the unknown value.
fn code(value: f64, feature: &Value) -> Option<usize> {
    let n_values = feature["values"].as_array().unwrap().len();
    (0..n_values).find(|code| *code as f64 == value)
}

/// The chance of outcome 1.
pub fn chance(model: &Value, row: &[f64]) -> f64 {
    let features = model["features"].as_array().unwrap();
    let value = |idx: usize| match row.get(idx) {
        Some(value) if value.abs() <= 1e30 => *value,
        _ => f64::NAN,
    };
    let mut margin;
    if let Some(logistic) = model["model"].get("logistic") {
        margin = single(&logistic["intercept"]);
        for (idx, term) in logistic["terms"].as_array().unwrap().iter().enumerate() {
            let x = value(idx);
            margin += if term.get("weights").is_some() {
                match code(x, &features[idx]) {
                    Some(code) => single(&term["weights"][code]),
                    None => single(&term["unknown"]),
                }
            } else if x.is_nan() {
                single(&term["missing"])
            } else {
                let z = (x - single(&term["mean"])) / single(&term["scale"]);
                single(&term["weight"]) * z.clamp(-10.0, 10.0)
            };
        }
    } else {
        let trees = &model["model"]["trees"];
        margin = single(&trees["base"]);
        for tree in trees["trees"].as_array().unwrap() {
            let mut node = &tree[0];
            while let Some(parts) = node.as_array() {
                let idx = parts[0].as_u64().unwrap() as usize;
                let x = value(idx);
                let next = match parts[1].as_array() {
                    None if x.is_nan() => &parts[4],
                    None => {
                        if x < single(&parts[1]) {
                            &parts[2]
                        } else {
                            &parts[3]
                        }
                    }
                    Some(codes) => match code(x, &features[idx]) {
                        None => &parts[4],
                        Some(code) if codes.contains(&Value::from(code)) => &parts[2],
                        Some(_) => &parts[3],
                    },
                };
                node = &tree[next.as_u64().unwrap() as usize];
            }
            margin += single(node);
        }
    }
    let calibration = &model["calibration"];
    if calibration == "none" {
        return sigmoid(margin);
    }
    if let Some(platt) = calibration.get("platt") {
        return sigmoid(single(&platt["slope"]) * margin + single(&platt["offset"]));
    }
    let knots =
        |name: &str| -> Vec<f64> { calibration["isotonic"][name].as_array().unwrap().iter().map(single).collect() };
    let (margins, chances) = (knots("margins"), knots("chances"));
    match margins.iter().position(|knot| margin < *knot) {
        Some(0) => chances[0],
        None => chances[chances.len() - 1],
        Some(i) => {
            chances[i - 1] + (chances[i] - chances[i - 1]) * ((margin - margins[i - 1]) / (margins[i] - margins[i - 1]))
        }
    }
}
