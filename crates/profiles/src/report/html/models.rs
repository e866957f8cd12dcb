//! Sections about what was learned: value, groups, who stays away, recommendations. Each says first what became of the model.

use super::{chinese, figure, major, money, number, percent};
use crate::{ModelSection, ModelState, Report};
use serde_json::Value;
use vitrine_charts::{Block, Series, Tone, Words, bars, facts, lines, note, paragraph, table};

/// Customer value: the curve of what was foretold and what came, and what each segment will bring.
pub(super) fn value(report: &Report) -> Vec<Block> {
    let section = &report.models.value;
    let mut blocks = vec![verdict(section)];
    let found = &section.found;
    let curve = rows(found, "/holdout/curve");
    if !curve.is_empty() {
        let points = |key: &str| curve.iter().map(|row| (float(row, "x_min"), float(row, key))).collect();
        blocks.push(facts(&[
            (Words::new("model", "模型"), Words::same(text(found, "model"))),
            (Words::new("purchases that came", "实际购买次数"), figure(float(found, "/holdout/actual"))),
            (Words::new("expected", "预期购买次数"), figure(float(found, "/holdout/predicted"))),
            (
                Words::new("multiplied with", "校准系数"),
                figure(found.get("factor").and_then(Value::as_f64).unwrap_or(f64::NAN)),
            ),
            (Words::new("error of the model", "模型误差"), figure(float(found, "/holdout/model_mae"))),
            (Words::new("error of a plain count", "简单计数误差"), figure(float(found, "/holdout/naive_mae"))),
        ]));
        blocks.push(lines(
            &Words::new(
                "Purchases in the last part of the history, by purchases before",
                "按此前复购次数，历史末段的购买次数",
            ),
            &Words::new("repeat purchases before (7: or more)", "此前复购次数（7 表示及以上）"),
            &Words::new("purchases a customer", "人均购买次数"),
            &[
                Series { name: Words::new("what came", "实际"), points: points("mean_actual"), is_reference: false },
                Series {
                    name: Words::new("what was expected", "预期"),
                    points: points("mean_predicted"),
                    is_reference: true,
                },
            ],
        ));
    }
    let segments = rows(found, "/segments");
    if !segments.is_empty() {
        let values: Vec<(Words, f64)> = segments
            .iter()
            .map(|row| (chinese::segment(text(row, "segment")), major(report, float(row, "clv_minor"))))
            .collect();
        let months = float(found, "horizon_months");
        blocks.push(bars(
            &Words::new(
                format!("Expected value in {months} months by segment, {}", report.currency),
                format!("各细分未来 {months} 个月的预期价值，{}", report.currency),
            ),
            &values,
        ));
        let amount = |row: &Value, key: &str| money(report, float(row, key) as i64);
        let of = |name: Words, row: &Value| {
            let interval = format!("{} – {}", amount(row, "low_minor").en, amount(row, "high_minor").en);
            vec![name, figure(float(row, "customers")), amount(row, "clv_minor"), Words::same(interval)]
        };
        let mut told: Vec<Vec<Words>> =
            segments.iter().map(|row| of(chinese::segment(text(row, "segment")), row)).collect();
        if let Some(total) = found.get("total").filter(|total| total.is_object()) {
            told.push(of(Words::new("all", "全部"), total));
        }
        let level = format!("{:.0} %", 100.0 * float(found, "level"));
        let columns = [
            Words::new("segment", "细分"),
            Words::new("customers", "客户"),
            Words::new("expected value", "预期价值"),
            Words::new(format!("{level} interval"), format!("{level} 区间")),
        ];
        blocks.push(table(&columns, &told));
    }
    blocks
}

/// Groups of alike customers: the choice of their number, and their sizes.
pub(super) fn groups(report: &Report) -> Vec<Block> {
    let section = &report.models.groups;
    let found = &section.found;
    let chinese = found.pointer("/choice/reason_zh").and_then(Value::as_str);
    let mut blocks = vec![verdict_in(section, chinese.unwrap_or(&section.why))];
    let groups = rows(found, "/groups");
    if !groups.is_empty() {
        let named = |row: &Value| Words::new(text(row, "name"), text(row, "name_zh"));
        let values: Vec<(Words, f64)> = groups.iter().map(|row| (named(row), float(row, "customers"))).collect();
        blocks.push(bars(&Words::new("Customers by group", "各群组的客户数"), &values));
        let columns = [
            Words::new("group", "群组"),
            Words::new("customers", "客户"),
            Words::new("comes back", "稳定性"),
            Words::new("Jaccard index", "Jaccard 指数"),
        ];
        let told: Vec<Vec<Words>> = groups
            .iter()
            .map(|row| {
                let firmness = Words::new(text(row, "firmness"), text(row, "firmness_zh"));
                vec![named(row), figure(float(row, "customers")), firmness, figure(float(row, "jaccard"))]
            })
            .collect();
        blocks.push(table(&columns, &told));
    }
    blocks
}

/// Who stays away: how good the chances are, their calibration and lift.
pub(super) fn churn(report: &Report) -> Vec<Block> {
    let section = &report.models.churn;
    let mut blocks = vec![verdict(section)];
    let found = &section.found;
    let reliability = rows(found, "/validation/reliability");
    if reliability.is_empty() {
        return blocks;
    }
    let measure = |key: &str| figure(float(found, &format!("/validation/measures/{key}")));
    blocks.push(facts(&[
        (
            Words::new("outcome", "预测目标"),
            Words::new(
                format!("no order within {} days", float(found, "horizon_days")),
                format!("{} 天内没有下单", float(found, "horizon_days")),
            ),
        ),
        (Words::new("share that stays away", "流失占比"), percent(float(found, "/validation/rate"))),
        (Words::same("AUC"), measure("auc")),
        (Words::new("Brier score", "Brier 分数"), measure("brier")),
        (Words::new("log loss", "对数损失"), measure("log_loss")),
        (Words::new("calibration error", "校准误差"), measure("calibration_error")),
        (Words::new("AUC by five folds", "五折交叉验证 AUC"), figure(float(found, "/kfold/measures/auc"))),
    ]));
    let points: Vec<(f64, f64)> =
        reliability.iter().map(|row| (float(row, "predicted"), float(row, "observed"))).collect();
    blocks.push(lines(
        &Words::new("Calibration: chances foretold and shares that came", "校准：预测概率与实际占比"),
        &Words::new("foretold chance", "预测概率"),
        &Words::new("share that came", "实际占比"),
        &[
            Series { name: Words::new("what came", "实际"), points, is_reference: false },
            Series {
                name: Words::new("perfect", "完全准确"),
                points: vec![(0.0, 0.0), (1.0, 1.0)],
                is_reference: true,
            },
        ],
    ));
    let lift = rows(found, "/validation/lift");
    let values: Vec<(Words, f64)> = lift
        .iter()
        .map(|row| {
            let tenth = float(row, "tenth");
            (Words::new(format!("tenth {tenth}"), format!("第 {tenth} 个十分位")), float(row, "lift"))
        })
        .collect();
    blocks.push(bars(
        &Words::new(
            "Lift: how much more often those of each tenth stay away than all, the highest chances first",
            "提升度：各十分位相对全体的流失倍数，概率最高者在前",
        ),
        &values,
    ));
    let columns = [
        Words::new("had to be beaten", "基准"),
        Words::new("its log loss", "基准对数损失"),
        Words::new("gain of the model", "模型增益"),
        Words::new("95 % interval", "95 % 区间"),
    ];
    let told: Vec<Vec<Words>> = rows(found, "/validation/baselines")
        .iter()
        .map(|row| {
            let name = match text(row, "name") {
                "rate" => Words::new("the plain rate", "总体比例"),
                _ => Words::new(
                    format!("the rate by {}", text(row, "feature")),
                    format!("按 {} 的比例", text(row, "feature")),
                ),
            };
            let interval = format!("{} – {}", figure(float(row, "gain_low")).en, figure(float(row, "gain_high")).en);
            vec![name, figure(float(row, "/measures/log_loss")), figure(float(row, "gain")), Words::same(interval)]
        })
        .collect();
    blocks.push(table(&columns, &told));
    blocks
}

/// The item lists beside simple rivals.
pub(super) fn recommenders(report: &Report) -> Vec<Block> {
    let it = &report.neighbours;
    if it.items == 0 {
        return Vec::new();
    }
    let mut blocks = vec![facts(&[
        (Words::new("items in the table", "表中商品"), number(it.items)),
        (Words::new("with a list", "有邻居列表"), number(it.items_with_list)),
        (Words::new("neighbours an item", "每件商品的邻居"), number(it.per_item)),
        (Words::new("made by", "方法"), Words::same(it.method.name())),
        (Words::new("customers tested", "测试客户"), number(it.customers_tested)),
    ])];
    let Some(split_at) = &it.split_at else {
        let short =
            Words::new("Too little history to tell how good the lists are.", "历史数据太短，无法评估列表质量。");
        blocks.push(note(Tone::Plain, &short));
        return blocks;
    };
    let told = |value: Option<f64>| value.map_or_else(|| Words::same("–"), figure);
    let columns = [
        Words::new("ranker", "排序方法"),
        Words::new("nDCG@10, items new to the customer", "nDCG@10，客户未买过的商品"),
        Words::new("nDCG@10, all items", "nDCG@10，全部商品"),
    ];
    let rows: Vec<Vec<Words>> = it
        .rankers
        .iter()
        .map(|(name, metrics)| vec![chinese::ranker(name), told(metrics.novel_ndcg_10), figure(metrics.repeat_ndcg_10)])
        .collect();
    blocks.push(table(&columns, &rows));
    let columns = [
        Words::new("placement", "展示位"),
        Words::new("own", "own"),
        Words::new("popularity", "popularity"),
        Words::new("nDCG@10", "nDCG@10"),
        Words::new("with the defaults", "默认权重"),
    ];
    let rows: Vec<Vec<Words>> = it
        .suggested
        .iter()
        .map(|weights| {
            let placement = match weights.placement.as_str() {
                "novel" => Words::new("shows what is new to a visitor", "展示访客未买过的商品"),
                _ => Words::new("may repeat what was bought", "可重复展示已购商品"),
            };
            vec![
                placement,
                figure(weights.own),
                figure(weights.popularity),
                figure(weights.ndcg_10),
                figure(weights.default_ndcg_10),
            ]
        })
        .collect();
    blocks.push(paragraph(&Words::new(
        "Weights for the items ranker of a placement (profile: 1) that foretell best, as the edge scores:",
        "按边缘评分方式，预测效果最好的 items 排序器权重（profile: 1）：",
    )));
    blocks.push(table(&columns, &rows));
    blocks.push(paragraph(&Words::new(
        format!("Fitted on what came before {split_at}, asked about what came after."),
        format!("以 {split_at} 之前的数据训练，用之后的购买检验。"),
    )));
    blocks
}

/// What became of a model, and why. The reason is told as the report has it.
fn verdict(section: &ModelSection) -> Block {
    verdict_in(section, &section.why)
}

/// The same, with the reason in Chinese.
fn verdict_in(section: &ModelSection, why_zh: &str) -> Block {
    let tone = match section.state {
        ModelState::Published => Tone::Good,
        ModelState::Refused => Tone::Warning,
        ModelState::Skipped | ModelState::Off => Tone::Plain,
    };
    let state = chinese::state(section.state);
    if section.why.is_empty() || section.state == ModelState::Off {
        return note(tone, &state);
    }
    note(tone, &Words::new(format!("{}: {}", state.en, section.why), format!("{}：{why_zh}", state.zh)))
}

fn rows<'a>(found: &'a Value, pointer: &str) -> &'a [Value] {
    found.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A number by its key or pointer; no number where there is none.
fn float(value: &Value, key: &str) -> f64 {
    let found = if key.starts_with('/') { value.pointer(key) } else { value.get(key) };
    found.and_then(Value::as_f64).unwrap_or(f64::NAN)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
