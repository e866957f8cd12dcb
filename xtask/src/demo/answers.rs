//! The demo's questions to the Worker: three customers of different taste and a stranger, and what is right about the answers.

use crate::local::post_json;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Placement of the made-up shop that shows one offer.
const PLACEMENT: &str = "home-hero";
/// The experiment of the made-up shop, and the flag that it sets.
const EXPERIMENT: &str = "checkout-button";
/// How many customers are asked about.
const N_CUSTOMERS: usize = 3;

/// One visitor, what is true of it, and what the Worker says.
struct Answer {
    visitor: String,
    /// The customer's strongest taste; none for the stranger.
    taste: Option<Taste>,
    mode: String,
    mode_reason: String,
    offer: String,
    score: Option<f64>,
    /// The variation of [`EXPERIMENT`].
    variation: String,
}

struct Taste {
    name: String,
    offer: String,
}

/// The answers for all visitors of the demo.
pub struct Answers {
    answers: Vec<Answer>,
}

impl Answers {
    /// Asks the Worker at `url` about customers that `truth` (the made-up shop's `truth.json`) names, and one stranger.
    pub fn ask(url: &str, truth: &Value) -> Result<Self> {
        let samples = truth["samples"].as_array().context("the truth file has no samples")?;
        let mut answers = Vec::new();
        for sample in samples.iter().take(N_CUSTOMERS) {
            let taste = Taste { name: text(sample, "taste")?, offer: text(sample, "expected_offer")? };
            answers.push(Answer::ask(url, &text(sample, "visitor")?, Some(taste))?);
        }
        answers.push(Answer::ask(url, &text(truth, "unknown_visitor")?, None)?);
        Ok(Self { answers })
    }

    /// A table for people.
    pub fn print(&self) {
        println!(
            "\n{:<20} {:<18} {:<22} {:<13} {:<11} {:>6}  {EXPERIMENT}",
            "visitor", "taste (truth)", "offer", "mode", "reason", "score"
        );
        for answer in &self.answers {
            let taste = answer.taste.as_ref().map_or("-", |taste| &taste.name);
            let score = answer.score.map_or("-".to_owned(), |score| format!("{score:.3}"));
            println!(
                "{:<20} {taste:<18} {:<22} {:<13} {:<11} {score:>6}  {}",
                answer.visitor, answer.offer, answer.mode, answer.mode_reason, answer.variation
            );
        }
    }

    /// Errors: an answer is wrong.
    pub fn check(&self) -> Result<()> {
        let mut offers = BTreeSet::new();
        let mut n_known = 0;
        for answer in &self.answers {
            answer.check()?;
            if answer.taste.is_some() {
                n_known += 1;
                offers.insert(&answer.offer);
            }
        }
        if n_known < N_CUSTOMERS {
            bail!("the truth file names {n_known} customers; the demo asks about {N_CUSTOMERS}");
        }
        if offers.len() < 2 {
            bail!("all customers got the same offer");
        }
        Ok(())
    }

    /// Calls to try, as a person can paste them.
    pub fn print_what_next(&self, url: &str, token_file: &str) {
        let visitor = self.answers.first().map_or("", |answer| &answer.visitor);
        let question = |options: &str| {
            format!(
                "'{{\"visitor\":{{\"key\":\"{visitor}\"}},\"consent\":{{\"personalise\":true}},\"placements\":[{{\"id\":\"{PLACEMENT}\"}}]{options}}}'"
            )
        };
        let token = format!("-H \"Authorization: Bearer $(cat {token_file})\"");
        let (plain, explained) = (question(""), question(",\"options\":{\"explain\":true}"));
        println!("\nThe Worker serves at {url} until Ctrl-C. Try:\n");
        println!("  curl -s {url}/v1/decide -d {plain}");
        println!("  curl -s {url}/v1/decide -H 'Sec-GPC: 1' -d {plain}");
        println!("  curl -s {url}/v1/decide {token} -d {explained}");
        println!("  curl -s '{url}/v1/offers/{PLACEMENT}?personalise=true' -H 'vitrine-visitor: {visitor}'");
        let context =
            format!("'{{\"context\":{{\"targetingKey\":\"{visitor}\",\"consent\":{{\"personalise\":true}}}}}}'");
        println!("  curl -s {url}/ofrep/v1/evaluate/flags -d {context}");
        println!("  curl -s {url}/ofrep/v1/evaluate/flags/{EXPERIMENT} -d {context}");
        println!("  curl -s {url}/api/features/any");
        println!("  curl -s {url}/healthz");
        println!("  curl -s {url}/v1/admin/tables {token}\n");
    }
}

impl Answer {
    fn ask(url: &str, visitor: &str, taste: Option<Taste>) -> Result<Self> {
        let question = json!({
            "visitor": { "key": visitor },
            "consent": { "personalise": true },
            "placements": [{ "id": PLACEMENT, "count": 1 }],
        });
        let answer = post_json(&format!("{url}/v1/decide"), &question)?;
        let context = json!({ "context": { "targetingKey": visitor } });
        let flag = post_json(&format!("{url}/ofrep/v1/evaluate/flags/{EXPERIMENT}"), &context)?;
        Self::read(visitor, taste, &answer, &flag)
    }

    fn read(visitor: &str, taste: Option<Taste>, answer: &Value, flag: &Value) -> Result<Self> {
        let decision = &answer["decisions"][0];
        let item = if decision["items"][0].is_object() { &decision["items"][0] } else { &decision["fallback"] };
        Ok(Self {
            visitor: visitor.to_owned(),
            taste,
            mode: text(answer, "mode")?,
            mode_reason: text(answer, "mode_reason")?,
            offer: text(item, "offer")?,
            score: item["score"].as_f64(),
            variation: text(flag, "variant")?,
        })
    }

    fn check(&self) -> Result<()> {
        let Self { visitor, mode, mode_reason, offer, .. } = self;
        match &self.taste {
            Some(taste) => {
                if mode != "personalised" {
                    bail!("{visitor} is known, but the answer is {mode} ({mode_reason})");
                }
                if *offer != taste.offer {
                    bail!("{visitor} likes {}, so {} was expected, not {offer}", taste.name, taste.offer);
                }
            }
            None => {
                if mode == "personalised" || mode_reason != "no_profile" {
                    bail!("{visitor} is a stranger, but the answer is {mode} ({mode_reason})");
                }
            }
        }
        Ok(())
    }
}

fn text(object: &Value, name: &str) -> Result<String> {
    let found = object[name].as_str().with_context(|| format!("no `{name}` in {object}"))?;
    Ok(found.to_owned())
}

#[cfg(test)]
mod answer_tests {
    use super::*;

    fn answer(visitor: &str, taste: Option<&str>, mode: (&str, &str), offer: &str) -> Answer {
        let taste = taste.map(|name| Taste { name: name.to_owned(), offer: format!("for-{name}") });
        let answer = json!({
            "mode": mode.0, "mode_reason": mode.1,
            "decisions": [{ "placement": PLACEMENT, "items": [{ "offer": offer, "score": 0.5 }], "fallback": null }],
        });
        Answer::read(visitor, taste, &answer, &json!({ "variant": "control" })).unwrap()
    }

    const KNOWN: (&str, &str) = ("personalised", "ok");
    const STRANGER: (&str, &str) = ("contextual", "no_profile");

    fn verdict(answers: Vec<Answer>) -> String {
        Answers { answers }.check().map_or_else(|error| error.to_string(), |()| "right".to_owned())
    }

    #[test]
    fn the_demo_is_right_only_when_each_visitor_is() {
        let tea = || answer("a", Some("tea"), KNOWN, "for-tea");
        let art = || answer("b", Some("art"), KNOWN, "for-art");
        let toys = || answer("c", Some("toys"), KNOWN, "for-toys");
        let stranger = || answer("x", None, STRANGER, "welcome");
        assert_eq!(verdict(vec![tea(), art(), toys(), stranger()]), "right");
        let wrong_offer = answer("a", Some("tea"), KNOWN, "for-art");
        assert_eq!(
            verdict(vec![wrong_offer, art(), toys(), stranger()]),
            "a likes tea, so for-tea was expected, not for-art"
        );
        let not_known = answer("a", Some("tea"), STRANGER, "for-tea");
        assert_eq!(verdict(vec![not_known]), "a is known, but the answer is contextual (no_profile)");
        let known_stranger = answer("x", None, KNOWN, "for-tea");
        assert_eq!(verdict(vec![known_stranger]), "x is a stranger, but the answer is personalised (ok)");
        assert_eq!(verdict(vec![tea(), tea(), tea(), stranger()]), "all customers got the same offer");
        assert_eq!(verdict(vec![tea(), stranger()]), "the truth file names 1 customers; the demo asks about 3");
    }

    #[test]
    fn a_fallback_offer_is_an_answer_too() {
        let answer = json!({
            "mode": "fallback_only", "mode_reason": "no_profile",
            "decisions": [{ "placement": PLACEMENT, "items": [], "fallback": { "offer": "default-hero" } }],
        });
        let answer = Answer::read("x", None, &answer, &json!({ "variant": "control" })).unwrap();
        assert_eq!((answer.offer.as_str(), answer.score), ("default-hero", None));
        assert!(answer.check().is_ok());
    }
}
