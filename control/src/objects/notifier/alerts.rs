//! Alerts of an environment: what is open and what was told is kept here, and the webhook is called from here, one call at a time.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::{Either, select};
use serde::{Deserialize, Serialize};
use vitrine_api::{Problem, ProblemCode};
use vitrine_loop::{AlertBook, AlertMessage, AlertReport, Finding};
use vitrine_rim::respond;
use vitrine_rim::settings::Settings;
use worker::{Delay, Env, Fetch, Headers, Method, Request, RequestInit, Response, Result, console_error};

use super::Notifier;

/// Where the book is kept.
const BOOK: &str = "alerts";
/// Longest wait for the webhook.
const WEBHOOK_WAIT: Duration = Duration::from_secs(10);

/// What is asked of the notifier about alerts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertCall {
    /// What is open.
    Show,
    /// Takes in findings, and tells what is new.
    Note {
        /// What was found.
        findings: Vec<Finding>,
        /// Nobody is to be told now.
        quiet: bool,
        /// RFC 3339 time.
        at: String,
    },
    /// Sends a test.
    Test {
        /// RFC 3339 time.
        at: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    environment: String,
    call: AlertCall,
}

/// Asks the notifier of an environment.
///
/// Errors: 503, it gave no answer.
pub async fn alerts(env: &Env, environment: &str, call: &AlertCall) -> std::result::Result<AlertReport, Problem> {
    let asked = async {
        let stub = env.durable_object("NOTIFIER")?.get_by_name(environment)?;
        let body = serde_json::json!({ "environment": environment, "call": call });
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(body.to_string().into()));
        let request = Request::new_with_init("https://notifier/alerts", &init)?;
        stub.fetch_with_request(request).await?.text().await
    };
    let unavailable = |error: String| {
        console_error!("notifier of {environment}: {error}");
        Problem::new(ProblemCode::Unavailable, "the alerts did not answer; try again")
    };
    let text = asked.await.map_err(|error| unavailable(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| unavailable(error.to_string()))
}

/// Frees the webhook for the next message, however this one ends.
struct Telling<'a>(&'a Cell<bool>);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Notifier {
    pub(super) async fn answer_alerts(&self, mut request: Request) -> Result<Response> {
        let Asked { environment, call } = serde_json::from_str(&request.text().await?)?;
        let mut book = self.book().await?;
        let mut report = AlertReport { environment: environment.clone(), ..AlertReport::default() };
        match call {
            AlertCall::Show => {}
            AlertCall::Test { at } => {
                let sent = self.send(&AlertMessage::test(&environment, &at)).await;
                report.told = u32::from(sent.is_ok());
                report.failure = sent.err();
            }
            AlertCall::Note { findings, quiet, at } => {
                book.note(&findings, &at);
                self.keep(&book).await?;
                // Another look may be telling: what is new now is told by the next.
                let message = book.due(&environment, &at).filter(|_| !quiet && !self.is_telling.replace(true));
                if let Some(message) = message {
                    let _telling = Telling(&self.is_telling);
                    match self.send(&message).await {
                        Ok(()) => {
                            // Another look may have noted something meanwhile.
                            book = self.book().await?;
                            book.told(&message);
                            self.keep(&book).await?;
                            report.told = u32::try_from(message.alerts.len()).unwrap_or(u32::MAX);
                        }
                        Err(why) => report.failure = Some(why),
                    }
                }
            }
        }
        report.open = book.open();
        report.judged_at = book.judged_at;
        respond::json(200, serde_json::to_string(&report)?)
    }

    async fn book(&self) -> Result<AlertBook> {
        let kept: Option<String> = self.state.storage().get(BOOK).await?;
        Ok(kept.map(|it| serde_json::from_str(&it)).transpose()?.unwrap_or_default())
    }

    async fn keep(&self, book: &AlertBook) -> Result<()> {
        self.state.storage().put(BOOK, serde_json::to_string(book)?).await
    }

    /// Calls the webhook.
    ///
    /// Errors: there is none, or it did not take the message (any status but 2xx), in words without its address, which may be a
    /// secret.
    async fn send(&self, message: &AlertMessage) -> std::result::Result<(), String> {
        let url = Settings::alert_webhook(&self.env).ok_or("no webhook is set: set the secret ALERT_WEBHOOK")?;
        let called = async {
            let headers = Headers::new();
            headers.set("content-type", "application/json")?;
            headers.set("user-agent", "vitrine")?;
            let mut init = RequestInit::new();
            init.with_method(Method::Post)
                .with_headers(headers)
                .with_body(Some(serde_json::to_string(message)?.into()));
            Fetch::Request(Request::new_with_init(&url, &init)?).send().await
        };
        match select(Box::pin(called), Delay::from(WEBHOOK_WAIT)).await {
            Either::Left((Ok(response), _)) if (200..300).contains(&response.status_code()) => Ok(()),
            Either::Left((Ok(response), _)) => Err(format!("the webhook answered {}", response.status_code())),
            Either::Left((Err(_), _)) => Err("the webhook cannot be reached".to_owned()),
            Either::Right(_) => Err(format!("the webhook did not answer within {} s", WEBHOOK_WAIT.as_secs())),
        }
    }
}
