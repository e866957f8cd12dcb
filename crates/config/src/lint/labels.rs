//! Rules that ask about what the law calls sensitive, or that pick out children.

use crate::compile::Compiler;
use crate::source::{At, Kind, shortened};

const SENSITIVE: &str = include_str!("sensitive.txt");

/// Age below which a person is a child to somebody's law: consent of parents below 14 in China, no targeted advertising below 18 in
/// the EU (Digital Services Act, article 28 (2)). Unit: years.
const ADULT_YEARS: f64 = 18.0;

/// Names of attributes that hold an age. (`image_age` and the like do not.)
const AGES: [&str; 8] =
    ["age", "age_years", "customer_age", "member_age", "person_age", "user_age", "visitor_age", "年龄"];

/// A word, its parts, and what it stands for.
struct Word {
    parts: Vec<&'static str>,
    /// Only in names of attributes.
    names_only: bool,
    category: &'static str,
    source: &'static str,
}

/// Checks all conditions below `root`, whatever section they are in.
pub(super) fn check<'t>(root: At<'t>, compiler: &mut Compiler<'t, '_>) {
    let words = words();
    let mut rules = Vec::new();
    super::rules(root, &mut rules);
    for rule in rules {
        condition(rule, &words, compiler);
    }
}

/// Whether the name of an attribute speaks of what the law calls sensitive, or of children.
pub fn is_sensitive(name: &str) -> bool {
    sensitive(name, &words(), true).is_some()
}

fn words() -> Vec<Word> {
    let lines = SENSITIVE.lines().filter(|it| !it.starts_with('#'));
    let mut found = Vec::new();
    for line in lines {
        let mut fields = line.split(" | ");
        let (Some(category), Some(source), Some(words)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        for word in words.split_whitespace() {
            let bare = word.strip_prefix('~');
            let parts = bare.unwrap_or(word).split('_').collect();
            found.push(Word { parts, names_only: bare.is_some(), category, source });
        }
    }
    found
}

/// One condition: its attributes, and the labels that they are compared with.
fn condition<'t>(at: At<'t>, words: &[Word], compiler: &mut Compiler<'t, '_>) {
    for child in at.children() {
        if child.key().starts_with("profile.") || child.key().starts_with("context.") {
            attribute(child, words, compiler);
        } else {
            condition(child, words, compiler);
        }
    }
}

fn attribute<'t>(at: At<'t>, words: &[Word], compiler: &mut Compiler<'t, '_>) {
    let Compiler { report, facts, .. } = compiler;
    let name = at.key();
    if facts.settings.lawful_attributes.contains(&name) {
        return;
    }
    if facts.settings.sensitive_attributes.contains(&name) {
        let message = format!("{:?} is sensitive, say the settings", shortened(name));
        report.key_error(at, "sensitive_attribute", message, "ask about something else");
        return;
    }
    let bare = name.split_once('.').map_or(name, |(_, it)| it);
    if let Some(Word { category, source, .. }) = sensitive(bare, words, true) {
        let message = format!("{:?} is about sensitive information: {category} ({source})", shortened(name));
        let help = "ask about something else; if each person has consented to it separately, add it to lawful_attributes in settings";
        report.key_error(at, "sensitive_attribute", message, help);
        return;
    }
    if AGES.contains(&bare)
        && let Some(bound) = upper_bound(at).filter(|it| *it <= ADULT_YEARS)
    {
        let message = format!("the rule picks out persons of at most {bound} years");
        let help = "leave children out: PIPL art. 28 and 31, Digital Services Act art. 28 (2)";
        report.warning(at, "minors_targeted", message, help);
    }
    let mut texts = Vec::new();
    labels(at, &mut texts);
    for text in texts {
        if let Some(Word { category, source, .. }) = sensitive(text.as_text(), words, false) {
            let message =
                format!("{:?} may be about sensitive information: {category} ({source})", shortened(text.as_text()));
            let help = "make sure that the label says nothing of the kind about a person, or that each has consented separately";
            report.warning(text, "sensitive_label", message, help);
        }
    }
}

/// The texts that an attribute is compared with.
fn labels<'t>(at: At<'t>, texts: &mut Vec<At<'t>>) {
    if matches!(at.kind(), Kind::Text(_)) {
        texts.push(at);
    }
    for child in at.children() {
        labels(child, texts);
    }
}

/// Greatest number that passes, as far as it is written plainly.
fn upper_bound(at: At<'_>) -> Option<f64> {
    let number = |at: At<'_>| match at.kind() {
        Kind::Number(it) => it.as_f64(),
        _ => None,
    };
    number(at).or_else(|| ["$eq", "$lt", "$lte"].iter().find_map(|key| number(at.get(key)?)))
}

/// The first word that stands in `text`: Latin words as whole parts of a name, Chinese ones anywhere.
fn sensitive<'w>(text: &str, words: &'w [Word], is_name: bool) -> Option<&'w Word> {
    let text = text.to_lowercase();
    let parts: Vec<&str> = text.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty()).collect();
    words.iter().filter(|word| is_name || !word.names_only).find(|word| match word.parts.as_slice() {
        [single] if !single.is_ascii() => text.contains(single),
        several => parts.windows(several.len()).any(|it| it == several),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, is_name: bool, expected: Option<&str>) {
        assert_eq!(sensitive(text, &words(), is_name).map(|it| it.category), expected, "{text}");
    }

    #[test]
    fn names_of_attributes() {
        check("religion", true, Some("belief"));
        check("user_religion_code", true, Some("belief"));
        check("health_score", true, Some("health"));
        check("sexual_orientation", true, Some("sexuality"));
        check("credit-score", true, Some("finances"));
        check("宗教信仰", true, Some("belief"));
        check("is_minor", true, Some("minors"));
        check("race", true, Some("origin"));
    }

    #[test]
    fn harmless_names() {
        for name in [
            "segment",
            "aov_minor",
            "unit_price_minor",
            "healthy_food",
            "race_bike_affinity_x1",
            "credit",
            "country",
            "score",
            "tracer",
        ] {
            let expected = name.starts_with("race_").then_some("origin");
            check(name, true, expected);
        }
    }

    #[test]
    fn labels_are_read_more_mildly() {
        check("diabetes", false, Some("health"));
        check("diabetes-care", false, Some("health"));
        check("孕妇装", false, Some("health"));
        check("race", false, None);
        check("health-and-beauty", false, None);
        check("champions", false, None);
    }
}
