//! What a request tells without saying it: hour and day on the shop's clock, campaign codes of the address, the page that led here,
//! whether the visitor is usually active now.
//!
//! Only what the configuration asks about is worked out, and nothing that the caller says itself is changed.

use std::borrow::Cow;

use vitrine_engine::{Bundle, Context, ContextValue, Scope, TimestampMs};
use vitrine_tables::Value;

use crate::snapshot::{Lookup, Snapshot};

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Parts of the day, as profiles name them.
const DAYPARTS: [&str; 6] = ["h00_03", "h04_07", "h08_11", "h12_15", "h16_19", "h20_23"];
/// The column of the profile that holds the parts of the day in which a visitor is usually active.
const ACTIVE_DAYPARTS: &str = "active_dayparts";

/// The context with what the conditions and formulas of `bundle` ask about and the caller did not send.
pub(crate) fn told<'c>(
    context: &'c Context,
    bundle: &Bundle,
    snapshot: &Snapshot,
    lookup: Option<&Lookup<'_>>,
    now: TimestampMs,
) -> Cow<'c, Context> {
    let mut told = Cow::Borrowed(context);
    let asked = bundle.attributes().iter().filter(|it| it.scope == Scope::Context);
    for name in asked.map(|it| it.name.as_str()).filter(|it| context.get(it).is_none()) {
        let shown = || bundle.clock().at(now);
        let daypart = || DAYPARTS.get(usize::from(shown().hour / 4)).copied().unwrap_or_default();
        let value = match name {
            "hour" => Some(ContextValue::Number(f64::from(shown().hour))),
            "weekday" => WEEKDAYS.get(usize::from(shown().weekday)).map(|it| ContextValue::Text((*it).to_owned())),
            "daypart" => Some(ContextValue::Text(daypart().to_owned())),
            "usual_hours" => usual_hours(snapshot, lookup, daypart()).map(ContextValue::Bool),
            "referrer_host" => text(context, "referrer").and_then(host).map(ContextValue::Text),
            name if name.starts_with("utm_") => {
                text(context, "url").and_then(|url| parameter(url, name)).map(ContextValue::Text)
            }
            _ => None,
        };
        if let Some(value) = value {
            told.to_mut().set(name, value);
        }
    }
    told
}

fn text<'c>(context: &'c Context, name: &str) -> Option<&'c str> {
    match context.get(name) {
        Some(ContextValue::Text(text)) => Some(text),
        _ => None,
    }
}

/// Whether the visitor is usually active in this part of the day; `None` if nothing is known of that.
fn usual_hours(snapshot: &Snapshot, lookup: Option<&Lookup<'_>>, daypart: &str) -> Option<bool> {
    let Some(Lookup::Row(bytes)) = lookup else { return None };
    let schema = &snapshot.table()?.manifest.schema;
    let row = vitrine_tables::Row::new(schema, bytes).ok()?;
    match row.get(schema.column(ACTIVE_DAYPARTS)?) {
        Value::Labels(labels) => Some(labels.contains(daypart)),
        _ => None,
    }
}

/// The host of an address, in lower case, without port and user.
fn host(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// The value of a parameter of an address; the first of several. An empty one is none.
fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split('#').next()?.split_once('?')?;
    let value = query.split('&').find_map(|it| it.split_once('=').filter(|(key, _)| *key == name))?.1;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, escaped(behind)) {
            (b'%', Some((decoded, behind))) => {
                bytes.push(decoded);
                rest = behind;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok().filter(|it| !it.is_empty())
}

/// The byte of two hexadecimal digits, and what follows them.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, behind) = text.split_first_chunk::<2>()?;
    let [high, low] = digits.map(|it| char::from(it).to_digit(16));
    Some((u8::try_from(high?.wrapping_mul(16).wrapping_add(low?)).ok()?, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_addresses() {
        for (url, expected) in [
            ("https://News.Example/a?b", Some("news.example")),
            ("http://user@shop.example:8080#x", Some("shop.example")),
            ("https://", None),
            ("news.example", None),
            ("", None),
        ] {
            assert_eq!(host(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn parameters_of_addresses() {
        for (url, expected) in [
            ("https://shop.example/?utm_source=mail&x=1", Some("mail")),
            ("/?x=1&utm_source=a+b%20c%2", Some("a b c%2")),
            ("/?utm_source=%E5%8F%8C12", Some("双12")),
            ("/?utm_source=%FF", None),
            ("/?utm_source=", None),
            ("/?utm_source", None),
            ("/#?utm_source=x", None),
            ("/?UTM_SOURCE=x", None),
            ("", None),
        ] {
            assert_eq!(parameter(url, "utm_source").as_deref(), expected, "{url}");
        }
    }
}
