//! What the page calls codes of the report in Chinese. A code that is not here is shown as it is.

use crate::ModelState;
use crate::table::{SEGMENTS, SEGMENTS_ZH};
use vitrine_charts::Words;

/// Reasons to put rows aside, of all kinds of files.
const REASONS: [(&str, &str); 38] = [
    ("erased", "访客已被删除"),
    ("missing_order", "没有订单号"),
    ("missing_item", "没有商品编码，或编码过长"),
    ("missing_customer", "没有客户编号"),
    ("missing_value", "必填列没有值"),
    ("missing_alias", "没有别名编号"),
    ("missing_answer", "没有答案"),
    ("missing_channel", "没有渠道"),
    ("missing_kind", "没有类型"),
    ("missing_question", "没有问题"),
    ("bad_date", "日期缺失或无法识别"),
    ("bad_quantity", "数量缺失或不是数字"),
    ("bad_price", "价格缺失或不是数字"),
    ("bad_cost", "成本不是数字"),
    ("bad_score", "评分不是数字"),
    ("bad_stock", "库存不是数字"),
    ("bad_value", "值无法识别"),
    ("bad_type", "与列声明的类型不符"),
    ("bad_list_price", "标价不是数字"),
    ("date_too_early", "早于映射允许的最早日期"),
    ("date_too_late", "晚于回溯时点"),
    ("duplicate", "与前面的行完全相同"),
    ("duplicate_key", "与前面的行键值相同"),
    ("invalid_value", "未通过列的校验"),
    ("outlier", "被离群规则剔除的数值"),
    ("unknown_code", "未知代码"),
    ("cancellation", "取消先前购买"),
    ("nonpositive_quantity", "数量不大于零"),
    ("nonpositive_price", "价格不大于零"),
    ("amount_too_large", "金额过大"),
    ("score_out_of_scale", "评分超出范围"),
    ("too_few_fields", "字段少于表头"),
    ("too_many_fields", "字段多于表头"),
    ("bad_quote", "引号未闭合"),
    ("invalid_bytes", "字节与文件编码不符"),
    ("not_an_object", "该行不是 JSON 对象"),
    ("row_too_long", "行过长"),
    ("netted", "已被取消全部冲抵的购买"),
];

/// Kinds of files.
const KINDS: [(&str, &str); 8] = [
    ("orders", "订单"),
    ("events", "事件"),
    ("catalogue", "商品目录"),
    ("customers", "客户"),
    ("surveys", "问卷"),
    ("contacts", "客服联系"),
    ("identities", "身份关联"),
    ("costs", "成本"),
];

/// Rankers of the recommender table.
const RANKERS: [(&str, &str, &str); 6] = [
    ("popularity", "popularity", "热门度"),
    ("own_counts", "own purchases", "个人购买次数"),
    ("ease", "EASE, whole history", "EASE，全部历史"),
    ("ease_served", "EASE, as the edge serves it", "EASE，边缘实际使用"),
    ("item_cosine", "item cosine, whole history", "商品余弦，全部历史"),
    ("item_cosine_served", "item cosine, as the edge serves it", "商品余弦，边缘实际使用"),
];

/// A code with its Chinese meaning behind it; English readers see the meaning that the report has, or the code.
pub(super) fn reason(code: &str, meaning: &str) -> Words {
    let found = REASONS.iter().find(|(known, _)| *known == code).map(|(_, zh)| *zh);
    Words::new(meaning, found.unwrap_or(meaning))
}

/// A kind of file.
pub(super) fn kind(name: &str) -> Words {
    let found = KINDS.iter().find(|(known, _)| *known == name).map(|(_, zh)| *zh);
    Words::new(name, found.unwrap_or(name))
}

/// A segment by recency and frequency.
pub(super) fn segment(name: &str) -> Words {
    let found = SEGMENTS.iter().zip(SEGMENTS_ZH).find(|(known, _)| **known == name).map(|(_, zh)| zh);
    Words::new(name.replace('_', " "), found.unwrap_or(name))
}

/// A ranker.
pub(super) fn ranker(name: &str) -> Words {
    let found = RANKERS.iter().find(|(known, ..)| *known == name);
    found.map_or_else(|| Words::same(name), |(_, en, zh)| Words::new(*en, *zh))
}

/// What became of a model.
pub(super) fn state(state: ModelState) -> Words {
    match state {
        ModelState::Published => Words::new("published", "已发布"),
        ModelState::Refused => Words::new("refused", "未通过"),
        ModelState::Skipped => Words::new("skipped: too little to learn from", "跳过：数据不足"),
        ModelState::Off => Words::new("not asked for", "未启用"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_one_meaning() {
        for (idx, (code, zh)) in REASONS.iter().enumerate() {
            assert!(!REASONS.iter().take(idx).any(|(other, _)| other == code), "{code}");
            assert_eq!(reason(code, "meaning").zh, *zh);
        }
        assert_eq!(reason("new_code", "a meaning"), Words::same("a meaning"));
        assert_eq!(segment("cant_lose"), Words::new("cant lose", "不可流失用户"));
        assert_eq!(ranker("als"), Words::same("als"));
    }
}
