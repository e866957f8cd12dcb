//! Terms of one promotion that differ: by person (which the law watches), within a campaign, for one item.

use std::collections::{BTreeMap, BTreeSet};

use vitrine_engine::OfferIdx;

use crate::compile::Compiler;
use crate::facts::{AdvertisingLaw, OfferFacts};
use crate::lint::overlap;
use crate::source::At;

/// Parts of names of attributes that tell what a person can or will pay.
const PAYING: [&str; 26] = [
    "aov",
    "basket",
    "brand",
    "browser",
    "churn",
    "clv",
    "coupon",
    "cltv",
    "device",
    "discount",
    "income",
    "ltv",
    "model",
    "monetary",
    "os",
    "phone",
    "platform",
    "price",
    "revenue",
    "rfm",
    "salary",
    "sensitivity",
    "spend",
    "spending",
    "spent",
    "wealth",
];

/// Parts of names of attributes that are objective conditions, open to everybody who fulfils them.
const OBJECTIVE: [&str; 26] = [
    "birthday",
    "channel",
    "city",
    "country",
    "currency",
    "date",
    "day",
    "employee",
    "first",
    "hour",
    "language",
    "level",
    "locale",
    "member",
    "membership",
    "month",
    "new",
    "newcomer",
    "points",
    "province",
    "region",
    "store",
    "student",
    "tier",
    "time",
    "weekday",
];

const CITATION: &str = "PIPL art. 24 forbids unreasonable differences in price and terms by automated decisions; tell by objective conditions only, for example \
     a member tier or new customers, or give all the same terms";

pub(super) fn check(compiler: &mut Compiler<'_, '_>) {
    let rules: Vec<Rule> = compiler.facts.offers.iter().map(|it| rule(it, compiler)).collect();
    by_paying(&rules, compiler);
    let mut told = BTreeSet::new();
    // Offers that differ from their campaign's own terms are refused already.
    let campaigns = compiler.facts.campaigns.iter().filter(|it| it.terms.is_none());
    let campaigns: Vec<Vec<u16>> = campaigns.map(|it| it.offers.iter().copied().collect()).collect();
    for offers in &campaigns {
        within(offers, "campaign", &rules, &mut told, compiler);
    }
    let mut seen = BTreeSet::new();
    for idx in 0..compiler.facts.placements.len() {
        let offers: Vec<u16> = compiler
            .facts
            .placements
            .get(idx)
            .map(|it| it.offers.iter().map(|OfferIdx(it)| *it).collect())
            .unwrap_or_default();
        // Many placements have `all` offers: one look is enough.
        if seen.insert(offers.clone()) {
            within(&offers, "placement", &rules, &mut told, compiler);
        }
    }
    for_one_item(compiler);
}

/// Who may see an offer.
struct Rule {
    /// The condition, as canonical JSON; empty for everybody.
    text: String,
    /// An attribute that tells what a person pays.
    paying: Option<String>,
    /// An attribute that is no objective condition.
    personal: Option<String>,
}

fn rule(offer: &OfferFacts<'_>, compiler: &Compiler<'_, '_>) -> Rule {
    let when = match offer.at.get("audience") {
        Some(at) => compiler.audiences.get(at.as_text()).and_then(|it| it.at.get("when")),
        None => offer.at.get("when"),
    };
    let Some(when) = when else { return Rule { text: String::new(), paying: None, personal: None } };
    let mut names = Vec::new();
    attributes(when, &mut names);
    let has = |name: &str, words: &[&str]| {
        name.split(|it: char| !it.is_alphanumeric()).any(|it| words.contains(&it.to_lowercase().as_str()))
    };
    let paying = names.iter().find(|it| has(it, &PAYING)).map(|it| (*it).to_owned());
    let personal = names.iter().find(|it| has(it, &PAYING) || !has(it, &OBJECTIVE)).map(|it| (*it).to_owned());
    Rule { text: serde_json::to_string(&when).unwrap_or_default(), paying, personal }
}

/// The attributes of a condition.
fn attributes<'t>(at: At<'t>, names: &mut Vec<&'t str>) {
    for child in at.children() {
        if child.key().starts_with("profile.") || child.key().starts_with("context.") {
            names.push(child.key());
        } else {
            attributes(child, names);
        }
    }
}

/// Offers with terms whose audience is picked by what it pays.
fn by_paying(rules: &[Rule], compiler: &mut Compiler<'_, '_>) {
    let Compiler { report, facts, .. } = compiler;
    for (offer, rule) in facts.offers.iter().zip(rules) {
        let (Some(terms), Some(attribute)) = (&offer.terms, &rule.paying) else { continue };
        let at = offer.at.get("audience").or_else(|| offer.at.get("when")).unwrap_or(offer.at);
        let message = format!("the offer gives {terms} by {attribute:?}, which tells what a person pays");
        if facts.settings.advertising_law == AdvertisingLaw::Cn {
            report.error(at, "terms_by_spending", message, CITATION);
        } else {
            report.warning(at, "terms_by_spending", message, CITATION);
        }
    }
}

/// Offers of one campaign or placement with different terms.
fn within(offers: &[u16], what: &str, rules: &[Rule], told: &mut BTreeSet<u16>, compiler: &mut Compiler<'_, '_>) {
    let Compiler { report, facts, parts, .. } = compiler;
    let mut before: Vec<u16> = Vec::new();
    for idx in offers {
        let at = |idx: u16| Some((facts.offers.get(usize::from(idx))?, rules.get(usize::from(idx))?));
        let Some((offer, rule)) = at(*idx) else { continue };
        let Some(terms) = offer.terms else { continue };
        let schedule = |idx: u16| parts.offers.get(usize::from(idx)).map(|it| it.schedule).unwrap_or_default();
        for other in &before {
            let Some((first, first_rule)) = at(*other) else { continue };
            let Some(first_terms) = first.terms else { continue };
            if terms == first_terms || !overlap(schedule(*idx), schedule(*other)) {
                continue;
            }
            let attribute = rule.personal.as_deref().or(first_rule.personal.as_deref());
            let place = offer.at.get("terms").unwrap_or(offer.at);
            if let (true, Some(attribute)) = (rule.text != first_rule.text, attribute) {
                if told.insert(*idx) {
                    let message = format!(
                        "{terms}, but {:?} at {} of the same {what} gives {first_terms}, and {attribute:?} decides who sees which",
                        first.id,
                        first.at.pointer(),
                    );
                    report.warning(place, "terms_differ_by_person", message, CITATION);
                }
                break;
            }
            if what == "campaign" {
                if told.insert(*idx) {
                    let message = format!(
                        "{terms}, but {:?} at {} of the same campaign gives {first_terms}",
                        first.id,
                        first.at.pointer(),
                    );
                    let help = "write the terms once, at the campaign, so that all its offers say the same";
                    report.warning(place, "terms_differ_in_campaign", message, help);
                }
                break;
            }
        }
        // A few different terms stand for all: comparing every pair would take too long.
        let is_new =
            before.iter().filter_map(|it| at(*it)).all(|(it, its)| it.terms != offer.terms || its.text != rule.text);
        if is_new && before.len() < COMPARED_MAX {
            before.push(*idx);
        }
    }
}

/// Most offers of one group that others are compared with.
const COMPARED_MAX: usize = 50;

/// Offers that promote one item at different terms, perhaps in different channels.
fn for_one_item(compiler: &mut Compiler<'_, '_>) {
    let Compiler { report, facts, parts, .. } = compiler;
    let mut first_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (idx, (offer, facts_of_offer)) in parts.offers.iter().zip(&facts.offers).enumerate() {
        let Some(terms) = facts_of_offer.terms else { continue };
        for item in &offer.items {
            let first_idx = *first_of.entry(item).or_insert(idx);
            let (Some(first), Some(first_facts)) = (parts.offers.get(first_idx), facts.offers.get(first_idx)) else {
                continue;
            };
            let Some(first_terms) = first_facts.terms.filter(|it| *it != terms) else { continue };
            // Within one campaign that is said already.
            let is_said = facts_of_offer.campaign.is_some() && facts_of_offer.campaign == first_facts.campaign;
            if is_said || !overlap(offer.schedule, first.schedule) {
                continue;
            }
            let message = format!(
                "the item {item:?} has {terms} here, but {first_terms} in {:?} at {}",
                first_facts.id,
                first_facts.at.pointer(),
            );
            let help = "give an item the same terms in every channel, or separate the offers in time";
            report.warning(facts_of_offer.at, "terms_differ_for_item", message, help);
            break;
        }
    }
}
