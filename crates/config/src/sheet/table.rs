//! The table from which both directions follow: kinds of rows, the members that their cells fill, and what each cell may hold.
//!
//! A member that is not here is not lost: it goes through the column `more`. So this table may lag behind the document model, and
//! nothing but comfort is missing.

use Form::{Any, Bool, Json, Number, NumberOr, Numbers, Percent, Steps, Text, Time, Word, Words, WordsOr};

/// What a cell may hold, and which values it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A text as it is, line breaks and white space included.
    Text,
    /// A text without white space around it.
    Word,
    /// A number.
    Number,
    /// A number; a percent sign may follow.
    Percent,
    /// One of these words as a text, or a number.
    NumberOr(&'static [&'static str]),
    /// A list of numbers, with `;` between them, or as JSON.
    Numbers,
    /// `true`, `false`, as spreadsheet programs and people write them.
    Bool,
    /// A point in time, as a text.
    Time,
    /// A list of texts, with `;` between them, or as JSON.
    Words,
    /// A ramp: points in time with the coverage from then on, `2026-12-01T00:00 10%; 2026-12-02T00:00 50%`, or JSON.
    Steps,
    /// One of these words as a text, or a list of texts.
    WordsOr(&'static [&'static str]),
    /// A number, `true`, `false` or `null` are what they look like, JSON begins with `{`, `[` or `"`, all else is a text.
    Any,
    /// JSON.
    Json,
}

/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// The document itself: what no other row can say.
    Document,
    /// One member of `settings`, or the version.
    Setting,
    /// An entry of a section, with an id.
    Entry { section: &'static str },
    /// An element of a list inside of an entry of `section`.
    Element { section: &'static str, path: &'static [&'static str] },
    /// An object inside of an entry of `section`, at most once.
    Part { section: &'static str, path: &'static [&'static str] },
}

/// One kind of rows.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Its word in the column `kind`.
    pub name: &'static str,
    /// What else the column may say.
    pub aliases: &'static [&'static str],
    pub home: Home,
    pub members: &'static [Member],
}

/// A member of an object, and its column.
#[derive(Debug)]
pub(crate) struct Member {
    pub column: &'static str,
    /// Keys from the row's object to the member.
    pub path: &'static [&'static str],
    pub form: Form,
}

const fn at(column: &'static str, path: &'static [&'static str], form: Form) -> Member {
    Member { column, path, form }
}

macro_rules! members {
    ($($column:literal $(=> $($key:literal).+)? : $form:expr),* $(,)?) => {
        &[$(members!(@one $column $(=> $($key).+)? : $form)),*]
    };
    (@one $column:literal : $form:expr) => { at($column, &[$column], $form) };
    (@one $column:literal => $($key:literal).+ : $form:expr) => { at($column, &[$($key),+], $form) };
}

/// [`members`] of what has content, followed by the members of content.
macro_rules! with_content {
    ($($own:tt)*) => {
        members! {
            $($own)*
            "title" => "content"."title": Text, "text" => "content"."text": Text,
            "image" => "content"."image": Word, "image.src" => "content"."image"."src": Word,
            "image.alt" => "content"."image"."alt": Text, "image.width" => "content"."image"."width": Number,
            "image.height" => "content"."image"."height": Number, "video" => "content"."video": Word,
            "video.src" => "content"."video"."src": Word, "video.poster" => "content"."video"."poster": Word,
            "video.width" => "content"."video"."width": Number, "video.height" => "content"."video"."height": Number,
            "link" => "content"."link": Word, "link.url" => "content"."link"."url": Word,
            "link.text" => "content"."link"."text": Text, "cta" => "content"."cta": Text,
            "cta.label" => "content"."cta"."label": Text, "cta.link" => "content"."cta"."link": Word,
            "ad_label" => "content"."ad_label": Text,
            "ai_generated.reviewer" => "content"."ai_generated"."reviewer": Text, "content": Json,
        }
    };
}

/// The kind of the rows of `settings`.
pub(crate) const SETTING: Kind =
    Kind { name: "setting", aliases: &["设置"], home: Home::Setting, members: members! { "id": Word, "value": Any } };

/// All kinds, in the order in which a sheet is written. An entry's rows are followed by those of its elements and parts.
pub(crate) const KINDS: &[Kind] = &[
    Kind { name: "document", aliases: &["文档"], home: Home::Document, members: &[] },
    SETTING,
    Kind {
        name: "audience",
        aliases: &["受众", "人群"],
        home: Home::Entry { section: "audiences" },
        members: members! { "id": Word, "description": Text, "when": Json },
    },
    Kind {
        name: "campaign",
        aliases: &["活动"],
        home: Home::Entry { section: "campaigns" },
        members: members! {
            "id": Word, "name": Text, "description": Text, "theme": Text, "message": Text, "brand": Text, "form": Word,
            "owner": Text, "partner": Text, "member_tier": Text, "audience": Word, "priority": Number, "starts": Time, "ends": Time, "time_zone": Word,
            "calendar.preset" => "calendar"."preset": Word, "calendar.year" => "calendar"."year": Number,
            "calendar.lead_days" => "calendar"."lead_days": Number, "calendar.trail_days" => "calendar"."trail_days": Number,
            "channels": Words, "budget.amount" => "budget"."amount": Number, "budget.currency" => "budget"."currency": Word,
            "budget.cost" => "budget"."cost": Word, "budget.price" => "budget"."price": Number,
            "budget.pacing" => "budget"."pacing": Word,
            "evaluation": Text, "evaluation.method" => "evaluation"."method": Word, "evaluation.rule" => "evaluation"."rule": Text,
            "evaluation.experiment" => "evaluation"."experiment": Word, "evaluation.at" => "evaluation"."at": Time,
            "evaluation.owner" => "evaluation"."owner": Text,
            "terms.threshold" => "terms"."threshold": Number, "terms.cut" => "terms"."cut": Number,
            "terms.percent_off" => "terms"."percent_off": Percent, "terms.price" => "terms"."price": Number,
            "terms.cap" => "terms"."cap": NumberOr(&["none"]), "terms.points" => "terms"."points": Number,
            "terms.currency" => "terms"."currency": Word, "countdown": Bool, "offers": Words, "experiments": Words,
            "placements": Words, "predecessor": Word,
        },
    },
    Kind {
        name: "goal",
        aliases: &["目标"],
        home: Home::Part { section: "campaigns", path: &["goal"] },
        members: members! {
            "name": Text, "description": Text, "metric": Word, "base": Number, "target": Number, "deadline": Time, "owner": Text,
            "rank": Number,
        },
    },
    Kind {
        name: "sub_goal",
        aliases: &["子目标"],
        home: Home::Element { section: "campaigns", path: &["goal", "sub_goals"] },
        members: members! {
            "name": Text, "description": Text, "metric": Word, "base": Number, "target": Number, "deadline": Time, "owner": Text,
            "rank": Number, "sub_goals": Json,
        },
    },
    Kind {
        name: "budget_line",
        aliases: &["预算"],
        home: Home::Element { section: "campaigns", path: &["budget", "lines"] },
        members: members! { "description": Text, "category": Word, "amount": Number },
    },
    Kind {
        name: "offer",
        aliases: &["优惠"],
        home: Home::Entry { section: "offers" },
        members: with_content! {
            "id": Word, "description": Text, "class": Word, "campaign": Word, "tags": Words, "priority": Number, "starts": Time,
            "ends": Time, "time_zone": Word, "audience": Word, "when": Json, "items": Words, "categories": Words,
            "caps.visitor" => "caps"."visitor": Json, "caps.total" => "caps"."total": Number,
            "caps.daily" => "caps"."daily": Number, "suppress_after_conversion": Any, "margin": Number,
            "terms.threshold" => "terms"."threshold": Number, "terms.cut" => "terms"."cut": Number,
            "terms.percent_off" => "terms"."percent_off": Percent, "terms.price" => "terms"."price": Number,
            "terms.cap" => "terms"."cap": NumberOr(&["none"]), "terms.points" => "terms"."points": Number,
            "terms.currency" => "terms"."currency": Word,
        },
    },
    Kind {
        name: "creative",
        aliases: &["素材", "创意"],
        home: Home::Element { section: "offers", path: &["creatives"] },
        members: with_content! {
            "locale": Word, "channel": Word, "variant": Word,
        },
    },
    Kind {
        name: "placement",
        aliases: &["展位", "位置"],
        home: Home::Entry { section: "placements" },
        members: members! {
            "id": Word, "description": Text, "offers": WordsOr(&["all"]), "ranker": Word, "ranker.type" => "ranker"."type": Word,
            "ranker.profile" => "ranker"."profile": Number, "ranker.session" => "ranker"."session": Number,
            "ranker.own" => "ranker"."own": Number, "ranker.popularity" => "ranker"."popularity": Number,
            "ranker.formula" => "ranker"."formula": Text, "ranker.of" => "ranker"."of": Json,
            "ranker.model" => "ranker"."model": Word, "ranker.width" => "ranker"."width": Number,
            "ranker.features" => "ranker"."features": Json, "ranker.prior" => "ranker"."prior": Numbers,
            "ranker.arms" => "ranker"."arms": Json, "ranker.learn" => "ranker"."learn": Json, "count": Number, "objective": Word,
            "diversity.per_category" => "diversity"."per_category": Number,
            "diversity.variety" => "diversity"."variety": Number, "holdout": Percent,
            "experiment.id" => "experiment"."id": Word, "experiment.variations" => "experiment"."variations": Json,
            "fallback": Word, "channels": Words, "required" => "content"."required": Words,
            "title_chars_max" => "content"."title_chars_max": Number, "text_chars_max" => "content"."text_chars_max": Number,
            "cta_chars_max" => "content"."cta_chars_max": Number,
            "image.width" => "content"."image"."width": Number, "image.height" => "content"."image"."height": Number,
            "image.ratio_tolerance" => "content"."image"."ratio_tolerance": Number,
        },
    },
    Kind {
        name: "flag",
        aliases: &["开关", "功能"],
        home: Home::Entry { section: "flags" },
        members: members! {
            "id": Word, "name": Text, "description": Text, "owner": Text, "tags": Words, "type": Word, "schema": Json,
            "default": Any, "enabled": Bool, "unit": Word, "prerequisites": Json,
        },
    },
    Kind {
        name: "rule",
        aliases: &["规则"],
        home: Home::Element { section: "flags", path: &["rules"] },
        members: members! {
            "id": Word, "description": Text, "experiment": Word, "audience": Word, "when": Json, "value": Any, "coverage": Percent,
            "ramp": Steps, "unit": Word, "seed": Text, "hash_version": Number, "starts": Time, "ends": Time, "time_zone": Word,
            "prerequisites": Json,
        },
    },
    Kind {
        name: "experiment",
        aliases: &["实验"],
        home: Home::Entry { section: "experiments" },
        members: members! {
            "id": Word, "name": Text, "description": Text, "hypothesis": Text, "owner": Text, "tags": Words, "status": Word,
            "phase": Number, "flag": Word, "type": Word, "unit": Word, "fallback_unit": Word, "sticky": Bool, "coverage": Percent,
            "ramp": Steps, "audience": Word, "when": Json, "starts": Time, "ends": Time, "time_zone": Word,
            "layer.id" => "layer"."id": Word, "layer.from" => "layer"."from": Percent, "layer.to" => "layer"."to": Percent,
            "layer.share" => "layer"."share": Percent, "holdouts": Words, "prerequisites": Json,
            "metrics.goal" => "metrics"."goal": Words, "metrics.secondary" => "metrics"."secondary": Words,
            "metrics.guardrails" => "metrics"."guardrails": Words, "winner": Word,
            "bandit.version" => "bandit"."version": Number, "seed": Text, "hash_version": Number, "bucket_version": Number,
            "min_bucket_version": Number,
        },
    },
    Kind {
        name: "variation",
        aliases: &["变体", "版本"],
        home: Home::Element { section: "experiments", path: &["variations"] },
        members: members! { "id": Word, "name": Text, "description": Text, "value": Any, "weight": Percent },
    },
    Kind {
        name: "qa",
        aliases: &["测试"],
        home: Home::Element { section: "experiments", path: &["qa"] },
        members: members! { "description": Text, "variation": Word, "audience": Word, "when": Json },
    },
    Kind {
        name: "bandit_context",
        aliases: &["情境"],
        home: Home::Element { section: "experiments", path: &["bandit", "contexts"] },
        members: members! { "id": Number, "when": Json, "weights": Numbers },
    },
    Kind {
        name: "layer",
        aliases: &["层", "互斥层"],
        home: Home::Entry { section: "layers" },
        members: members! { "id": Word, "name": Text, "description": Text },
    },
    Kind {
        name: "holdout",
        aliases: &["保留组"],
        home: Home::Entry { section: "holdouts" },
        members: members! {
            "id": Word, "name": Text, "description": Text, "share": Percent, "unit": Word, "seed": Text, "starts": Time, "ends": Time, "time_zone": Word,
            "experiments": WordsOr(&["all"]),
        },
    },
    Kind {
        name: "saved_group",
        aliases: &["人群包"],
        home: Home::Entry { section: "saved_groups" },
        members: members! {
            "id": Word, "name": Text, "description": Text, "attribute": Word, "file": Text, "hashes": Words, "hashes_base64": Word,
        },
    },
    Kind {
        name: "metric",
        aliases: &["指标"],
        home: Home::Entry { section: "metrics" },
        members: members! {
            "id": Word, "name": Text, "description": Text, "type": Word, "event": Word, "value": Any,
            "numerator.event" => "numerator"."event": Word, "numerator.value" => "numerator"."value": Any,
            "numerator.audience" => "numerator"."audience": Word, "denominator.event" => "denominator"."event": Word,
            "denominator.value" => "denominator"."value": Any, "denominator.audience" => "denominator"."audience": Word,
            "goal": Word, "after_days": Number, "window_days": Number, "winsorise": Percent, "unit": Word, "cost": Word,
            "cost.amount" => "cost"."amount": Number, "cost.currency" => "cost"."currency": Word, "minimum_effect": Percent,
            "owner": Text,
        },
    },
];

/// Settings whose values are not of the form [`Form::Any`].
const SETTINGS: &[(&str, Form)] = &[
    (VERSION, Number),
    ("consent", Word),
    ("gpc", Word),
    ("time_zone", Word),
    ("link_hosts", Words),
    ("advertising_law", Word),
    ("sensitive_attributes", Words),
    ("lawful_attributes", Words),
    ("holdout", Percent),
];

/// The setting that is no member of `settings`: the version of the document.
pub(crate) const VERSION: &str = "version";

/// What the id of a setting may say in place of its name.
const SETTING_ALIASES: &[(&str, &str)] =
    &[("版本", VERSION), ("时区", "time_zone"), ("授权", "consent"), ("广告法", "advertising_law")];

/// Columns that belong to every kind of rows.
pub(crate) const KIND_COLUMN: &str = "kind";
pub(crate) const OF_COLUMN: &str = "of";
pub(crate) const MORE_COLUMN: &str = "more";

/// What a header may say in place of columns. The kind of the row decides which of several is meant.
const COLUMN_ALIASES: &[(&str, &[&str])] = &[
    ("类型", &["kind"]),
    ("编号", &["id"]),
    ("标识", &["id"]),
    ("名称", &["name"]),
    ("所属", &["of"]),
    ("说明", &["description"]),
    ("描述", &["description"]),
    ("值", &["value"]),
    ("取值", &["value"]),
    ("默认值", &["default"]),
    ("权重", &["weight"]),
    ("比例", &["share", "coverage", "weight"]),
    ("流量", &["coverage", "share"]),
    ("标题", &["title"]),
    ("文案", &["text"]),
    ("正文", &["text"]),
    ("图片", &["image.src"]),
    ("图片说明", &["image.alt"]),
    ("图片宽度", &["image.width"]),
    ("图片高度", &["image.height"]),
    ("视频", &["video.src"]),
    ("链接", &["link"]),
    ("按钮", &["cta"]),
    ("广告标识", &["ad_label"]),
    ("内容", &["content"]),
    ("语言", &["locale"]),
    ("渠道", &["channel", "channels"]),
    ("开始", &["starts"]),
    ("结束", &["ends"]),
    ("开始时间", &["starts"]),
    ("结束时间", &["ends"]),
    ("时区", &["time_zone"]),
    ("受众", &["audience"]),
    ("条件", &["when"]),
    ("优先级", &["priority"]),
    ("商品", &["items"]),
    ("品类", &["categories"]),
    ("类目", &["categories"]),
    ("标签", &["tags"]),
    ("优惠", &["offers"]),
    ("实验", &["experiment", "experiments"]),
    ("活动", &["campaign"]),
    ("展位", &["placements"]),
    ("兜底", &["fallback"]),
    ("数量", &["count"]),
    ("排序", &["ranker"]),
    ("负责人", &["owner"]),
    ("假设", &["hypothesis"]),
    ("状态", &["status"]),
    ("胜出", &["winner"]),
    ("门槛", &["terms.threshold"]),
    ("立减", &["terms.cut"]),
    ("封顶", &["terms.cap"]),
    ("金额", &["amount", "budget.amount", "cost.amount"]),
    ("币种", &["budget.currency", "cost.currency", "terms.currency"]),
    ("指标", &["metric", "metrics.goal"]),
    ("目标值", &["target"]),
    ("基准值", &["base"]),
    ("截止", &["deadline"]),
    ("更多", &["more"]),
];

/// The kind that a cell names.
pub(crate) fn kind(cell: &str) -> Option<&'static Kind> {
    let word = normal(cell);
    KINDS.iter().find(|it| it.name == word || it.aliases.contains(&word.as_str()))
}

/// The columns that a cell of the header may mean; empty if it means none.
pub(crate) fn columns(cell: &str) -> Vec<&'static str> {
    let word = normal(cell);
    let alias = COLUMN_ALIASES.iter().find(|(alias, _)| *alias == word);
    match alias {
        Some((_, columns)) => columns.to_vec(),
        None => all_columns().into_iter().filter(|it| *it == word).collect(),
    }
}

/// Every column, in the order in which sheets have them.
pub(crate) fn all_columns() -> Vec<&'static str> {
    let mut columns = vec![KIND_COLUMN, "id", OF_COLUMN];
    for member in KINDS.iter().flat_map(|it| it.members) {
        if !columns.contains(&member.column) {
            columns.push(member.column);
        }
    }
    columns.push(MORE_COLUMN);
    columns
}

/// The name of the setting that a cell means.
pub(crate) fn setting_name(cell: &str) -> &str {
    SETTING_ALIASES.iter().find(|(alias, _)| *alias == cell).map_or(cell, |(_, name)| *name)
}

/// How the value of a setting is written.
pub(crate) fn setting(name: &str) -> Form {
    SETTINGS.iter().find(|(it, _)| *it == name).map_or(Any, |(_, form)| *form)
}

/// Lower case, without white space around, with `_` for other white space and hyphens.
fn normal(cell: &str) -> String {
    let narrow = super::number::narrow(cell.trim()).to_lowercase();
    narrow.split(|it: char| it.is_whitespace() || it == '-').collect::<Vec<_>>().join("_")
}

impl Kind {
    /// The member that one of these columns fills.
    pub fn member(&self, columns: &[&str]) -> Option<&'static Member> {
        columns.iter().find_map(|column| self.members.iter().find(|it| it.column == *column))
    }

    /// With its article, for messages: `an offer`.
    pub fn described(&self) -> String {
        let article = if self.name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
        format!("{article} {}", self.name.replace('_', " "))
    }
}

/// The kind of the entries of a section.
pub(crate) fn parent_kind(section: &str) -> &'static str {
    let found = KINDS.iter().find(|it| matches!(it.home, Home::Entry { section: found } if found == section));
    found.map_or("document", |it| it.name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_guide_lists_all_kinds_columns_and_aliases() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/spreadsheet.md");
        let guide = std::fs::read_to_string(path).unwrap();
        let names = |it: &[&str]| it.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(" ");
        let mut missing = String::new();
        for Kind { name, aliases, home, members } in KINDS {
            let columns: Vec<&str> = members.iter().map(|it| it.column).collect();
            let of = match home {
                Home::Element { section, .. } | Home::Part { section, .. } => format!("`{}`", parent_kind(section)),
                _ => String::new(),
            };
            let row = format!("| `{name}` | {} | {of} | {} |\n", aliases.join(", "), names(&columns));
            missing.extend((!guide.contains(&row)).then_some(row));
        }
        for (alias, columns) in COLUMN_ALIASES {
            let row = format!("| {alias} | {} |\n", names(columns));
            missing.extend((!guide.contains(&row)).then_some(row));
        }
        assert!(missing.is_empty(), "the guide lacks\n{missing}");
    }

    #[test]
    fn every_word_has_one_meaning() {
        let mut kinds = BTreeSet::new();
        assert!(
            KINDS
                .iter()
                .flat_map(|it| [it.name].into_iter().chain(it.aliases.iter().copied()))
                .all(|it| kinds.insert(it))
        );
        let mut aliases = BTreeSet::new();
        let columns = all_columns();
        for (alias, meant) in COLUMN_ALIASES {
            assert!(aliases.insert(alias), "{alias}");
            assert!(meant.iter().all(|it| columns.contains(it)), "{alias}");
        }
        for kind in KINDS {
            let mut taken = BTreeSet::new();
            assert!(kind.members.iter().all(|it| taken.insert(it.column)), "{}", kind.name);
        }
        for column in columns {
            assert_eq!(super::columns(&format!(" {} ", column.to_uppercase())), [column]);
        }
    }
}
