//! What was told already: an alert is told once, and that it is over once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::judge::{AlertState, Finding};

/// An alert that is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OpenAlert {
    /// What it is about.
    pub key: String,
    /// RFC 3339 time at which it was found first.
    pub since: String,
    /// What was found last, in words.
    pub text: String,
    /// RFC 3339 time at which it was told; null: not yet.
    pub told_at: Option<String>,
}

/// Whether an alert begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertChange {
    /// It begins.
    Fired,
    /// It is over.
    Cleared,
}

/// One alert in a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AlertNews {
    /// What it is about.
    pub key: String,
    /// Whether it begins or ends.
    pub change: AlertChange,
    /// RFC 3339 time at which it began. With `key` and `change` it names the news: what comes twice is the same.
    pub since: String,
    /// What was found, in words.
    pub text: String,
}

/// What is sent to the webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AlertMessage {
    /// All of it in words, one line each: what chat programs show.
    pub text: String,
    /// Where.
    pub environment: String,
    /// RFC 3339 time.
    pub at: String,
    /// Whether it is only a test.
    pub test: bool,
    /// The news.
    pub alerts: Vec<AlertNews>,
}

/// What a look at what is watched came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AlertReport {
    /// Where.
    pub environment: String,
    /// Whether the quiet hours held messages back.
    pub quiet: bool,
    /// What this look found; nothing where only what is open was asked for.
    pub findings: Vec<Finding>,
    /// What is open, by key.
    pub open: Vec<OpenAlert>,
    /// RFC 3339 time of the last look that was no trial; null: there was none.
    pub judged_at: Option<String>,
    /// How much news the webhook took.
    pub told: u32,
    /// Why the webhook did not take what was to be told, if so. It is told again by the next look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl AlertMessage {
    /// The message of a test.
    pub fn test(environment: &str, at: &str) -> Self {
        Self {
            text: format!("Vitrine, {environment}: this is a test of the alerts"),
            environment: environment.to_owned(),
            at: at.to_owned(),
            test: true,
            alerts: Vec::new(),
        }
    }
}

/// What is open in an environment, and what of it was told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertBook {
    open: BTreeMap<String, OpenAlert>,
    /// Alerts that were told and are over, of which that has not been told.
    cleared: BTreeMap<String, OpenAlert>,
    /// RFC 3339 time of the last findings.
    pub judged_at: Option<String>,
}

impl AlertBook {
    /// The open alerts, by their keys.
    pub fn open(&self) -> Vec<OpenAlert> {
        self.open.values().cloned().collect()
    }

    /// Takes in what was found. What is watched no longer is no longer open either.
    pub fn note(&mut self, findings: &[Finding], at: &str) {
        self.judged_at = Some(at.to_owned());
        let state = |key: &String| findings.iter().find(|it| it.key == *key);
        self.cleared.retain(|key, _| state(key).is_some());
        self.open.retain(|key, _| state(key).is_some());
        for finding in findings {
            match finding.state {
                AlertState::Unknown => {}
                AlertState::Fires => {
                    // Over and back before anybody was told that it is over: it was never over.
                    if let Some(back) = self.cleared.remove(&finding.key) {
                        self.open.insert(finding.key.clone(), back);
                    }
                    let alert = self.open.entry(finding.key.clone()).or_insert_with(|| OpenAlert {
                        key: finding.key.clone(),
                        since: at.to_owned(),
                        text: String::new(),
                        told_at: None,
                    });
                    alert.text.clone_from(&finding.text);
                }
                AlertState::Clear => {
                    if let Some(over) = self.open.remove(&finding.key)
                        && over.told_at.is_some()
                    {
                        self.cleared.insert(finding.key.clone(), OpenAlert { text: finding.text.clone(), ..over });
                    }
                }
            }
        }
    }

    /// What is to be told, if anything is.
    pub fn due(&self, environment: &str, at: &str) -> Option<AlertMessage> {
        let news = |alert: &OpenAlert, change| AlertNews {
            key: alert.key.clone(),
            change,
            since: alert.since.clone(),
            text: alert.text.clone(),
        };
        let fired = self.open.values().filter(|it| it.told_at.is_none()).map(|it| news(it, AlertChange::Fired));
        let cleared = self.cleared.values().map(|it| news(it, AlertChange::Cleared));
        let alerts: Vec<AlertNews> = fired.chain(cleared).collect();
        if alerts.is_empty() {
            return None;
        }
        let line = |it: &AlertNews| match it.change {
            AlertChange::Fired => format!("alert: {}", it.text),
            AlertChange::Cleared => format!("over: {}", it.text),
        };
        let mut lines = vec![format!("Vitrine, {environment}:")];
        lines.extend(alerts.iter().map(line));
        Some(AlertMessage {
            text: lines.join("\n"),
            environment: environment.to_owned(),
            at: at.to_owned(),
            test: false,
            alerts,
        })
    }

    /// Notes that a message was taken.
    pub fn told(&mut self, message: &AlertMessage) {
        for news in &message.alerts {
            match news.change {
                AlertChange::Cleared => {
                    self.cleared.remove(&news.key);
                }
                AlertChange::Fired => {
                    if let Some(alert) = self.open.get_mut(&news.key) {
                        alert.told_at = Some(message.at.clone());
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str, state: AlertState, text: &str) -> Finding {
        Finding {
            key: key.to_owned(),
            state,
            text: text.to_owned(),
            observed: None,
            from: String::new(),
            to: String::new(),
        }
    }

    /// The lines of what is due, behind the first.
    fn lines(book: &AlertBook) -> Vec<String> {
        let message = book.due("staging", "t9");
        message.iter().flat_map(|it| it.text.lines().skip(1)).map(str::to_owned).collect()
    }

    fn tell(book: &mut AlertBook, at: &str) -> usize {
        let message = book.due("staging", at);
        message.inspect(|it| book.told(it)).map_or(0, |it| it.alerts.len())
    }

    use AlertState::{Clear, Fires, Unknown};

    #[test]
    fn an_alert_is_told_once_and_its_end_once() {
        let mut book = AlertBook::default();
        book.note(&[found("a", Fires, "9 of 10"), found("b", Clear, "fine")], "t1");
        assert_eq!(lines(&book), ["alert: 9 of 10"]);
        assert_eq!(tell(&mut book, "t1"), 1);
        book.note(&[found("a", Fires, "8 of 10"), found("b", Unknown, "?")], "t2");
        assert_eq!(tell(&mut book, "t2"), 0);
        assert_eq!(
            book.open(),
            [OpenAlert { key: "a".into(), since: "t1".into(), text: "8 of 10".into(), told_at: Some("t1".into()) }]
        );
        book.note(&[found("a", Unknown, "?")], "t3");
        assert_eq!((tell(&mut book, "t3"), book.open().len()), (0, 1));
        book.note(&[found("a", Clear, "11 of 10")], "t4");
        assert_eq!(lines(&book), ["over: 11 of 10"]);
        assert_eq!((tell(&mut book, "t4"), tell(&mut book, "t5")), (1, 0));
        book.note(&[found("a", Fires, "again")], "t6");
        assert_eq!(lines(&book), ["alert: again"]);
        assert_eq!(book.open()[0].since, "t6");
    }

    #[test]
    fn what_is_not_taken_is_told_again_until_it_is() {
        let mut book = AlertBook::default();
        book.note(&[found("a", Fires, "x")], "t1");
        assert!(book.due("staging", "t1").is_some());
        book.note(&[found("a", Fires, "x"), found("b", Fires, "y")], "t2");
        assert_eq!(lines(&book), ["alert: x", "alert: y"]);
        assert_eq!(tell(&mut book, "t2"), 2);
    }

    #[test]
    fn what_is_over_before_it_was_told_is_never_told() {
        let mut book = AlertBook::default();
        book.note(&[found("a", Fires, "x")], "t1");
        book.note(&[found("a", Clear, "x")], "t2");
        assert_eq!((lines(&book).len(), book.open().len()), (0, 0));
    }

    #[test]
    fn what_is_over_and_back_in_quiet_hours_was_never_over() {
        let mut book = AlertBook::default();
        book.note(&[found("a", Fires, "x")], "t1");
        tell(&mut book, "t1");
        book.note(&[found("a", Clear, "x")], "t2");
        book.note(&[found("a", Fires, "y")], "t3");
        assert!(lines(&book).is_empty());
        assert_eq!((book.open()[0].since.as_str(), book.open()[0].text.as_str()), ("t1", "y"));
    }

    #[test]
    fn what_is_watched_no_longer_is_dropped_silently() {
        let mut book = AlertBook::default();
        book.note(&[found("a", Fires, "x"), found("b", Fires, "y")], "t1");
        tell(&mut book, "t1");
        book.note(&[found("b", Clear, "y")], "t2");
        book.note(&[], "t3");
        assert_eq!((lines(&book).len(), book.open().len(), book.judged_at.as_deref()), (0, 0, Some("t3")));
    }

    #[test]
    fn a_book_is_kept_as_json() {
        let mut book = AlertBook::default();
        book.note(&[found("a", Fires, "x")], "t1");
        let kept: AlertBook = serde_json::from_str(&serde_json::to_string(&book).unwrap()).unwrap();
        assert_eq!(kept, book);
        assert_eq!(AlertMessage::test("staging", "t1").alerts, []);
    }
}
