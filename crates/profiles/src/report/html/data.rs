//! Sections about the data: where it came from, what was put aside, what policies did, what joins found, what has moved.

use super::{chinese, figure, number, percent};
use crate::Report;
use vitrine_charts::{Block, Tone, Words, bars, facts, note, paragraph, table};

/// The most moved distributions that are listed.
const DRIFTS_MAX: usize = 40;

/// How far distributions have moved.
pub(super) fn drift(report: &Report) -> Vec<Block> {
    let mut drifts: Vec<_> = report.quality.drift.iter().collect();
    if drifts.is_empty() {
        let none = Words::new("There is no earlier build to compare with.", "没有可比较的上次构建。");
        return vec![paragraph(&none)];
    }
    // Equal ones stay in the order of the report.
    drifts.sort_by(|one, other| other.psi.total_cmp(&one.psi));
    let left_out = drifts.len().saturating_sub(DRIFTS_MAX);
    drifts.truncate(DRIFTS_MAX);
    let columns = [
        Words::new("column", "列"),
        Words::new("PSI", "PSI"),
        Words::new("Kolmogorov-Smirnov distance", "KS 距离"),
        Words::new("rows before", "之前行数"),
        Words::new("rows now", "现在行数"),
        Words::new("", ""),
    ];
    let rows: Vec<Vec<Words>> = drifts
        .iter()
        .map(|drift| {
            let moved = if drift.has_moved { Words::new("has moved", "已漂移") } else { Words::same("") };
            vec![
                Words::same(format!("{}.{}", drift.table, drift.column)),
                figure(drift.psi),
                drift.ks.map_or_else(|| Words::same("–"), figure),
                number(drift.rows_before),
                number(drift.rows),
                moved,
            ]
        })
        .collect();
    let mut blocks = vec![table(&columns, &rows)];
    if left_out > 0 {
        blocks.push(paragraph(&Words::new(
            format!("{left_out} more have moved less; report.json has them."),
            format!("另有 {left_out} 列变化更小，见 report.json。"),
        )));
    }
    blocks.push(paragraph(&Words::new(
        "A population stability index below 0.1 is stable; 0.25 and above has moved.",
        "群体稳定性指数低于 0.1 为稳定，0.25 及以上为已漂移。",
    )));
    blocks
}

/// Every feed, also those that were switched off.
pub(super) fn feeds(report: &Report) -> Vec<Block> {
    let columns = [
        Words::new("feed", "数据源"),
        Words::new("kind", "类型"),
        Words::new("provider", "提供方"),
        Words::new("purpose", "用途"),
        Words::new("legal basis", "法律依据"),
        Words::new("expires", "到期"),
        Words::new("files", "文件"),
        Words::new("rows", "行"),
        Words::new("latest row", "最新一行"),
        Words::new("state", "状态"),
    ];
    let told = |text: &Option<String>| Words::same(text.as_deref().unwrap_or("–"));
    let rows: Vec<Vec<Words>> = report
        .quality
        .feeds
        .iter()
        .map(|feed| {
            let state = match &feed.switched_off {
                _ if feed.is_active => Words::new("read", "已读取"),
                None => Words::new("switched off", "已停用"),
                Some(why) => Words::new(format!("switched off: {why}"), format!("已停用：{why}")),
            };
            vec![
                Words::same(&feed.feed),
                chinese::kind(&feed.kind),
                told(&feed.provider),
                told(&feed.purpose),
                told(&feed.legal_basis),
                told(&feed.expires),
                number(feed.files),
                number(feed.rows),
                told(&feed.latest),
                state,
            ]
        })
        .collect();
    if rows.is_empty() { Vec::new() } else { vec![table(&columns, &rows)] }
}

/// Rows put aside: order lines as bars, every kind as a table.
pub(super) fn quarantine(report: &Report) -> Vec<Block> {
    let reasons = report.reasons.iter().filter(|reason| reason.rows > 0);
    let values: Vec<(Words, f64)> = reasons
        .map(|reason| {
            let code = reason.code.replace('_', " ");
            (Words::new(code, chinese::reason(&reason.code, &reason.code).zh), reason.rows as f64)
        })
        .collect();
    let mut blocks = Vec::new();
    if values.is_empty() {
        blocks.push(note(Tone::Good, &Words::new("No order line was put aside.", "没有订单行被隔离。")));
    } else {
        blocks.push(bars(&Words::new("Order lines by reason", "各原因的订单行数"), &values));
        let columns = [
            Words::new("reason", "原因"),
            Words::new("rows", "行"),
            Words::new("rows that it applies to", "符合该原因的行"),
        ];
        let rows: Vec<Vec<Words>> = report
            .reasons
            .iter()
            .filter(|reason| reason.rows_matching > 0)
            .map(|reason| {
                vec![chinese::reason(&reason.code, &reason.meaning), number(reason.rows), number(reason.rows_matching)]
            })
            .collect();
        blocks.push(table(&columns, &rows));
    }
    let columns = [
        Words::new("kind", "类型"),
        Words::new("reason", "原因"),
        Words::new("field", "字段"),
        Words::new("rows", "行"),
        Words::new("the first", "首个位置"),
    ];
    let mut rows = Vec::new();
    for kind in report.quality.kinds.iter().filter(|kind| kind.kind != "orders") {
        for reason in kind.reasons.iter().filter(|reason| reason.rows > 0) {
            rows.push(vec![
                chinese::kind(&kind.kind),
                chinese::reason(&reason.code, &reason.code.replace('_', " ")),
                Words::same(reason.field.as_deref().unwrap_or("–")),
                number(reason.rows),
                Words::same(&reason.first),
            ]);
        }
    }
    if !rows.is_empty() {
        blocks.push(table(&columns, &rows));
    }
    blocks
}

/// How much of each field is empty, and what could not be read.
pub(super) fn missing(report: &Report) -> Vec<Block> {
    let mut rows = Vec::new();
    for kind in &report.quality.kinds {
        for missing in kind.missing.iter().filter(|missing| missing.rows > 0) {
            let failures = kind.conversion_failures.iter().find(|failure| failure.field == missing.field);
            rows.push(vec![
                Words::same(format!("{}.{}", kind.kind, missing.field)),
                number(missing.rows),
                percent(missing.share),
                failures.map_or_else(|| Words::same("–"), |failure| number(failure.rows)),
            ]);
        }
    }
    if rows.is_empty() {
        return Vec::new();
    }
    let columns = [
        Words::new("field", "字段"),
        Words::new("rows without a value", "无值的行"),
        Words::new("share", "占比"),
        Words::new("rows that could not be read", "无法识别的行"),
    ];
    vec![table(&columns, &rows)]
}

/// What every policy did, and the scales that others must apply alike.
pub(super) fn policies(report: &Report) -> Vec<Block> {
    let mut blocks = Vec::new();
    let bound = |value: Option<f64>| value.map_or_else(|| Words::same("–"), figure);
    let rows: Vec<Vec<Words>> = report
        .quality
        .policies
        .iter()
        .map(|policy| {
            vec![
                Words::same(format!("{} / {}", policy.feed, policy.column)),
                Words::same(&policy.policy),
                number(policy.rows),
                bound(policy.low),
                bound(policy.high),
                Words::same(policy.filled_with.as_deref().unwrap_or("–")),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let columns = [
            Words::new("feed / column", "数据源 / 列"),
            Words::new("policy", "规则"),
            Words::new("rows touched", "涉及的行"),
            Words::new("from", "下限"),
            Words::new("to", "上限"),
            Words::new("filled with", "填充值"),
        ];
        blocks.push(table(&columns, &rows));
    }
    let rows: Vec<Vec<Words>> = report
        .quality
        .scales
        .iter()
        .map(|scale| {
            vec![
                Words::same(format!("{} / {}", scale.feed, scale.column)),
                Words::same(&scale.method),
                figure(scale.zero),
                figure(scale.width),
                number(scale.rows),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let columns = [
            Words::new("feed / column", "数据源 / 列"),
            Words::new("brought to another scale by", "缩放方法"),
            Words::new("zero", "零点"),
            Words::new("width", "宽度"),
            Words::new("values", "值的个数"),
        ];
        blocks.push(table(&columns, &rows));
    }
    blocks
}

/// How joins went, and what identity resolution did.
pub(super) fn joins(report: &Report) -> Vec<Block> {
    let mut blocks = Vec::new();
    let rows: Vec<Vec<Words>> = report
        .quality
        .joins
        .iter()
        .map(|join| {
            vec![
                Words::same(&join.join),
                number(join.rows),
                number(join.matched),
                percent(join.share),
                number(join.keys_unmatched),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let columns = [
            Words::new("join", "关联"),
            Words::new("rows with a key", "有键的行"),
            Words::new("with a partner", "匹配的行"),
            Words::new("share", "占比"),
            Words::new("keys without one", "未匹配的键"),
        ];
        blocks.push(table(&columns, &rows));
    }
    let identity = &report.quality.identity;
    if identity.links + identity.unlinked + identity.conflicts + identity.tombstones > 0 {
        blocks.push(facts(&[
            (Words::new("aliases with a member", "已关联的别名"), number(identity.links)),
            (Words::new("links taken back", "撤销的关联"), number(identity.unlinked)),
            (Words::new("conflicts", "冲突"), number(identity.conflicts)),
            (Words::new("erased visitors", "已删除的访客"), number(identity.tombstones)),
        ]));
    }
    blocks
}
