//! The admin API of the Worker: calls with the token, patience with what passes, refusals in words.

use crate::args::EdgeArgs;
use crate::failure::{Exit, Failure};
use crate::files;
use serde::Deserialize;
use serde_json::Value;
use std::fmt;
use std::thread;
use std::time::Duration;
use ureq::http::{HeaderMap, Method, Request};

/// A call is tried so often when it may be repeated.
const TRIES: u32 = 6;
/// Wait before the second try; each further wait is twice as long. With five waits: about eight seconds in all.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// A server may ask for a longer wait, up to this.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// No single try takes longer.
const TRY_MAX: Duration = Duration::from_secs(120);
/// No answer of the admin API is longer. Unit: bytes.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// May a call that failed on the way be sent again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Yes: twice is the same as once.
    Safe,
    /// No: it may have happened.
    Never,
}

/// A Worker and the right to administer it.
#[derive(Debug)]
pub struct Edge {
    agent: ureq::Agent,
    base: String,
    authorization: String,
}

/// One call.
struct Call<'a> {
    method: Method,
    path: &'a str,
    content_type: &'a str,
    body: &'a [u8],
    /// The revision of a draft that the call is for.
    revision: Option<u64>,
    repeat: Repeat,
}

impl<'a> Call<'a> {
    /// A call that is sent once.
    fn json(method: Method, path: &'a str, body: &'a [u8]) -> Self {
        Self { method, path, content_type: "application/json", body, revision: None, repeat: Repeat::Never }
    }
}

/// Why a call did not succeed.
#[derive(Debug)]
pub enum EdgeError {
    /// There was no answer.
    Unreachable {
        /// The whole address.
        url: String,
        /// The cause.
        source: ureq::Error,
    },
    /// The answer was a refusal.
    Refused {
        /// The whole address.
        url: String,
        /// HTTP status.
        status: u16,
        /// What the Worker says, if it says it as a problem document.
        problem: Problem,
    },
    /// The answer was no JSON: something else than Vitrine is at this address.
    NotVitrine {
        /// The whole address.
        url: String,
        /// HTTP status.
        status: u16,
    },
}

/// A problem document (RFC 9457) of the Worker.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// Stable word.
    pub code: String,
    /// This occurrence in words.
    pub detail: String,
    /// Fields that break rules.
    pub errors: Vec<FieldProblem>,
}

/// One broken rule at one place.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FieldProblem {
    /// JSON pointer into what was sent.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

impl fmt::Display for EdgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { url, source } => write!(f, "no answer from {url}: {source}"),
            Self::NotVitrine { url, status } => write!(f, "{url} answered {status}, but not as Vitrine does"),
            Self::Refused { url, status, problem } => {
                write!(f, "{url} refused ({status} {}): {}", problem.code, problem.detail)?;
                // A problem about one field may say it all in its own detail.
                for FieldProblem { pointer, detail } in &problem.errors {
                    if !problem.detail.contains(detail.as_str()) {
                        write!(f, "\n  {pointer}: {detail}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for EdgeError {}

impl From<EdgeError> for Failure {
    fn from(error: EdgeError) -> Self {
        let advice = match &error {
            EdgeError::Unreachable { .. } => "is the Worker running, and is --url right?",
            EdgeError::NotVitrine { .. } => "is --url the address of the Worker itself, without a path?",
            EdgeError::Refused { status: 401, .. } => {
                "give a valid token of `vitrine tokens list`, or the one whose SHA-256 is the Worker's ADMIN_TOKEN_SHA256"
            }
            EdgeError::Refused { .. } => return Self::new(Exit::Edge, error),
        };
        Self::new(Exit::Edge, error).help(advice)
    }
}

impl Edge {
    /// The Worker that the arguments name, with the token from a file or the environment.
    ///
    /// # Errors
    /// Exit code 2 for an address that cannot be right or would carry the token in clear text; those of
    /// [`files::admin_token`].
    pub fn new(args: &EdgeArgs) -> Result<Self, Failure> {
        let base = base(&args.url)?;
        let token = files::admin_token(args.token_file.as_deref())?;
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(TRY_MAX))
            .user_agent(concat!("vitrine/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.into(), base, authorization: format!("Bearer {token}") })
    }

    /// The address of the Worker, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a body with `PUT`. The result is the answer's JSON, or null if it is empty.
    ///
    /// # Errors
    /// [`EdgeError`], after the last try.
    pub fn put(&self, path: &str, content_type: &str, body: &[u8], repeat: Repeat) -> Result<Value, EdgeError> {
        self.call(Call { method: Method::PUT, path, content_type, body, revision: None, repeat })
    }

    /// Sends a JSON body with `PUT`, for the revision that it was made from if there is one.
    ///
    /// # Errors
    /// [`EdgeError`].
    pub fn put_json(&self, path: &str, body: &Value, revision: Option<u64>) -> Result<Value, EdgeError> {
        self.call(Call { revision, ..Call::json(Method::PUT, path, body.to_string().as_bytes()) })
    }

    /// Asks with `GET`.
    ///
    /// # Errors
    /// [`EdgeError`], after the last try.
    pub fn get(&self, path: &str) -> Result<Value, EdgeError> {
        self.call(Call { repeat: Repeat::Safe, ..Call::json(Method::GET, path, b"") })
    }

    /// Takes something away with `DELETE`, at this revision if there is one.
    ///
    /// # Errors
    /// [`EdgeError`].
    pub fn delete(&self, path: &str, revision: Option<u64>) -> Result<Value, EdgeError> {
        self.call(Call { revision, ..Call::json(Method::DELETE, path, b"") })
    }

    /// Sends a JSON body with `POST`, for this revision alone.
    ///
    /// # Errors
    /// [`EdgeError`].
    pub fn post_to(&self, path: &str, body: &Value, revision: Option<u64>) -> Result<Value, EdgeError> {
        self.call(Call { revision, ..Call::json(Method::POST, path, body.to_string().as_bytes()) })
    }

    /// Sends a JSON body with `POST`.
    ///
    /// # Errors
    /// [`EdgeError`], after the last try.
    pub fn post(&self, path: &str, body: &Value, repeat: Repeat) -> Result<Value, EdgeError> {
        self.call(Call { repeat, ..Call::json(Method::POST, path, body.to_string().as_bytes()) })
    }

    fn call(&self, call: Call<'_>) -> Result<Value, EdgeError> {
        let url = format!("{}{}", self.base, call.path);
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.try_once(&url, &call) {
                Err((error, asked)) if call.repeat == Repeat::Safe && error.passes() => {
                    thread::sleep(asked.unwrap_or(wait).min(WAIT_MAX));
                    wait *= 2;
                }
                done => return done.map_err(|(error, _)| error),
            }
        }
        self.try_once(&url, &call).map_err(|(error, _)| error)
    }

    /// One try. An error comes with the wait that the server asks for.
    fn try_once(&self, url: &str, call: &Call<'_>) -> Result<Value, (EdgeError, Option<Duration>)> {
        let unreachable = |source| (EdgeError::Unreachable { url: url.to_owned(), source }, None);
        let mut request = Request::builder().method(&call.method).uri(url).header("authorization", &self.authorization);
        if let Some(revision) = call.revision {
            request = request.header("if-match", format!("\"{revision}\""));
        }
        let has_body = !matches!(call.method, Method::GET | Method::DELETE);
        let run = if has_body {
            let request = request.header("content-type", call.content_type).body(call.body);
            request.map_err(ureq::Error::from).and_then(|it| self.agent.run(it))
        } else {
            request.body(()).map_err(ureq::Error::from).and_then(|it| self.agent.run(it))
        };
        let mut response = run.map_err(unreachable)?;
        let status = response.status();
        let asked = retry_after(response.headers());
        let answer = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(unreachable)?;
        let url = || url.to_owned();
        if status.is_success() && answer.is_empty() {
            return Ok(Value::Null);
        }
        if status.is_success() {
            let value = serde_json::from_slice(&answer);
            return value.map_err(|_| (EdgeError::NotVitrine { url: url(), status: status.as_u16() }, None));
        }
        let error = match serde_json::from_slice::<Problem>(&answer) {
            Ok(problem) => EdgeError::Refused { url: url(), status: status.as_u16(), problem },
            Err(_) => EdgeError::NotVitrine { url: url(), status: status.as_u16() },
        };
        Err((error, asked))
    }
}

impl EdgeError {
    /// Whether another try may succeed: no answer, too many requests, or a failure of the server.
    fn passes(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } | Self::NotVitrine { status, .. } => *status == 429 || *status >= 500,
        }
    }
}

/// The wait in seconds that a server asks for.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get("retry-after")?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Checks the address. The token is a secret: without TLS it only travels inside this machine.
fn base(url: &str) -> Result<String, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let base = url.trim_end_matches('/');
    let (scheme, rest) = base.split_once("://").unwrap_or(("", base));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_local = ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|local| host.strip_prefix(local).is_some_and(|port| port.is_empty() || port.starts_with(':')));
    match scheme {
        _ if host.is_empty() || host.starts_with(':') || host.contains('@') || host != rest => {
            Err(usage(format!("{url:?} is not the address of a Worker"))
                .help("give scheme and host only, such as https://offers.shop.example"))
        }
        "https" => Ok(base.to_owned()),
        "http" if is_local => Ok(base.to_owned()),
        "http" => Err(usage(format!("{url} would send the admin token unprotected")).help("use https")),
        _ => Err(usage(format!("{url:?} is not an http address"))
            .help("give scheme and host only, such as https://offers.shop.example")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Result<&str, &str>) {
        let found = base(url);
        let found = found.as_deref().map_err(|failure| match failure {
            Failure::Told { exit: Exit::Usage, error, .. } => error.to_string(),
            other => panic!("{other:?}"),
        });
        assert_eq!(
            found.map_err(|it| it.clone()).map(str::to_owned),
            expected.map(str::to_owned).map_err(str::to_owned)
        );
    }

    #[test]
    fn addresses() {
        check("https://offers.shop.example/", Ok("https://offers.shop.example"));
        check("http://127.0.0.1:8787", Ok("http://127.0.0.1:8787"));
        check("http://localhost:1/", Ok("http://localhost:1"));
        check("http://[::1]:8787", Ok("http://[::1]:8787"));
        check("http://shop.example", Err("http://shop.example would send the admin token unprotected"));
        check(
            "http://localhost.evil.example",
            Err("http://localhost.evil.example would send the admin token unprotected"),
        );
        check("shop.example", Err("\"shop.example\" is not an http address"));
        check("ftp://shop.example", Err("\"ftp://shop.example\" is not an http address"));
        check("https://", Err("\"https://\" is not an http address"));
        check("https://:80", Err("\"https://:80\" is not the address of a Worker"));
        check("https://a@b.example", Err("\"https://a@b.example\" is not the address of a Worker"));
        check("https://b.example/v1", Err("\"https://b.example/v1\" is not the address of a Worker"));
    }
}
