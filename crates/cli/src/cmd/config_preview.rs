//! `vitrine config preview`: a link that shows what visitors will see.

use crate::args::{EdgeArgs, EnvironmentArg};
use crate::edge::{Edge, Repeat};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;
use clap::Args;
use serde_json::{Map, Value, json};

/// Make a preview link: a chosen variation, a made-up visitor, another time; of what runs, or of a draft.
///
/// Whoever has the link sees it until it expires. What they see is never counted, and search engines are told to stay away.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config preview --draft d7 --page https://shop.example/ --url https://offers.shop.example
  vitrine config preview --force hero-test=bold --page https://shop.example/ --url https://offers.shop.example
  vitrine config preview --attributes '{\"country\":\"CN\"}' --at 2026-11-11T00:00:00+08:00 \\
    --expires-in 2d --page https://shop.example/ --url https://offers.shop.example")]
pub struct Preview {
    /// Show this draft. Default: what runs in the environment.
    #[arg(long, value_name = "ID", conflicts_with = "environment")]
    pub draft: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub environment: EnvironmentArg,
    /// Choose a variation; several times for several experiments.
    #[arg(long, value_name = "EXPERIMENT=VARIATION")]
    pub force: Vec<String>,
    /// Choose the value of a flag (JSON, or a text).
    #[arg(long, value_name = "FLAG=VALUE")]
    pub flag: Vec<String>,
    /// What the made-up visitor has: a JSON object, members as in the context of an evaluation.
    #[arg(long, value_name = "JSON")]
    pub attributes: Option<String>,
    /// The time to show (RFC 3339). Default: the present.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// How long the link works: `90m`, `12h`, `7d`; at most 30 days.
    #[arg(long, value_name = "SPAN", default_value = "1d")]
    pub expires_in: String,
    /// The page that shows it; without one only the token is printed.
    #[arg(long, value_name = "URL")]
    pub page: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Asks the Worker for the token and prints the link.
///
/// # Errors
/// 2 for arguments that are not of their form, 4 if the Worker refuses or does not answer.
pub fn run(args: &Preview, ui: &Ui) -> Result<(), Failure> {
    let edge = Edge::new(&args.edge)?;
    let mut body = json!({ "expires_in": seconds(&args.expires_in)? });
    match &args.draft {
        Some(draft) => body["draft"] = json!(draft),
        None => body["environment"] = json!(args.environment.environment),
    }
    body["experiments"] = pairs(&args.force, "--force", |it| json!(it))?;
    body["flags"] = pairs(&args.flag, "--flag", |it| serde_json::from_str(it).unwrap_or_else(|_| json!(it)))?;
    if let Some(attributes) = &args.attributes {
        body["attributes"] = object(attributes, "--attributes")?;
    }
    if let Some(at) = &args.at {
        body["at"] = json!(at);
    }
    let answer = edge.post("/v1/admin/previews", &body, Repeat::Never)?;
    let token = answer["token"].as_str().unwrap_or_default();
    let link = args.page.as_deref().map(|page| with_parameter(page, token));
    let mut value = answer.clone();
    if let Some(link) = &link {
        value["link"] = json!(link);
    }
    ui.note(&format!("works until {}", answer["expires_at"].as_str().unwrap_or_default()));
    ui.result(&value, || link.unwrap_or_else(|| token.to_owned()))
}

/// An address with the token among its parameters.
fn with_parameter(page: &str, token: &str) -> String {
    let (address, fragment) = page.split_once('#').map_or((page, None), |(it, fragment)| (it, Some(fragment)));
    let joint = if address.contains('?') { '&' } else { '?' };
    let fragment = fragment.map(|it| format!("#{it}")).unwrap_or_default();
    format!("{address}{joint}vitrine_preview={token}{fragment}")
}

/// `name=value` pairs as an object.
fn pairs(list: &[String], flag: &str, value: impl Fn(&str) -> Value) -> Result<Value, Failure> {
    let mut object = Map::new();
    for pair in list {
        let Some((name, text)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Failure::new(Exit::Usage, format!("{flag} {pair}: write NAME=VALUE")));
        };
        object.insert(name.to_owned(), value(text));
    }
    Ok(Value::Object(object))
}

/// A JSON object of the command line.
///
/// # Errors
/// 2 for anything else.
pub fn object(text: &str, flag: &str) -> Result<Value, Failure> {
    match serde_json::from_str(text) {
        Ok(object @ Value::Object(_)) => Ok(object),
        Ok(_) => {
            Err(Failure::new(Exit::Usage, format!("{flag}: write a JSON object, such as '{{\"country\":\"CN\"}}'")))
        }
        Err(error) => Err(Failure::new(Exit::Usage, format!("{flag} is not JSON: {error}"))),
    }
}

/// `90m` in seconds.
pub fn seconds(span: &str) -> Result<u64, Failure> {
    let unit = |last: char| match last {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3600),
        'd' => Some(86_400),
        _ => None,
    };
    let parsed = span.char_indices().next_back().and_then(|(at, last)| {
        let number: u64 = span.get(..at)?.parse().ok()?;
        number.checked_mul(unit(last)?)
    });
    parsed.ok_or_else(|| Failure::new(Exit::Usage, format!("{span:?} is no span of time: write 90m, 12h or 7d")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (text, expected) in [("90m", 5400), ("1d", 86_400), ("12h", 43_200), ("0s", 0)] {
            assert_eq!(seconds(text).ok(), Some(expected), "{text}");
        }
        for text in ["", "d", "1", "1w", "-1d", "1.5h", "99999999999999999999d", "1天"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn links() {
        assert_eq!(with_parameter("https://a.example/", "T"), "https://a.example/?vitrine_preview=T");
        assert_eq!(with_parameter("https://a.example/?x=1#top", "T"), "https://a.example/?x=1&vitrine_preview=T#top");
    }
}
