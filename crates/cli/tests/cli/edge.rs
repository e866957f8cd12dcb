//! A stand-in for the Worker's admin API: it answers over HTTP with kept connections, stores what it is given, and can
//! be told to fail.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The token that it takes.
pub const TOKEN: &str = "a-good-token";

/// One answer: status, headers beyond the usual, body.
pub type Answer = (u16, &'static str, String);

/// A rule that answers before the usual ones do: gets method, path and the number of the request (from 0).
type Rule = Box<dyn Fn(&str, &str, usize) -> Option<Answer> + Send>;

#[derive(Default)]
struct State {
    requests: Vec<String>,
    bodies: Vec<Vec<u8>>,
    if_match: Vec<Option<String>>,
    connections: usize,
    stored: BTreeMap<String, Vec<u8>>,
    /// Shards that one activation call verifies.
    verified: usize,
}

/// A running stand-in.
pub struct FakeEdge {
    url: String,
    state: Arc<Mutex<State>>,
}

impl FakeEdge {
    /// One that works.
    pub fn start() -> Self {
        Self::start_with(|_, _, _| None)
    }

    /// One with a rule of its own.
    pub fn start_with(rule: impl Fn(&str, &str, usize) -> Option<Answer> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(rule)));
        let shared = Arc::clone(&state);
        // The thread ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, rule) = (Arc::clone(&shared), Arc::clone(&rule));
                state.lock().expect("no panic").connections += 1;
                thread::spawn(move || serve(stream, &state, &rule));
            }
        });
        Self { url, state }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// `METHOD path` of every request so far.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().expect("no panic").requests.clone()
    }

    /// The body of every request so far.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        self.state.lock().expect("no panic").bodies.clone()
    }

    /// The header If-Match of every request so far.
    pub fn if_match(&self) -> Vec<Option<String>> {
        self.state.lock().expect("no panic").if_match.clone()
    }

    pub fn n_requests(&self, start: &str) -> usize {
        self.requests().iter().filter(|request| request.starts_with(start)).count()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().expect("no panic").connections
    }

    /// What was stored, by path.
    pub fn stored(&self) -> BTreeMap<String, Vec<u8>> {
        self.state.lock().expect("no panic").stored.clone()
    }

    /// Loses everything that was stored.
    pub fn lose_all(&self) {
        self.state.lock().expect("no panic").stored.clear();
    }
}

/// A problem document.
pub fn problem(status: u16, code: &str, detail: &str) -> Answer {
    (status, "", serde_json::json!({ "status": status, "code": code, "detail": detail }).to_string())
}

fn serve(stream: TcpStream, state: &Mutex<State>, rule: &Mutex<Rule>) {
    let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
    let mut writer = stream;
    while let Some((head, body)) = read_request(&mut reader) {
        let (status, headers, text) = answer(&head, body, state, rule);
        let length = text.len();
        let response = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\n\r\n{text}");
        if writer.write_all(response.as_bytes()).is_err() {
            return;
        }
    }
}

/// Head lines and body of the next request; `None` when the connection ends.
fn read_request(reader: &mut impl BufRead) -> Option<(Vec<String>, Vec<u8>)> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length = head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn answer(head: &[String], body: Vec<u8>, state: &Mutex<State>, rule: &Mutex<Rule>) -> Answer {
    let mut state = state.lock().expect("no panic");
    let mut words = head[0].split(' ');
    let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
    let number = state.requests.len();
    state.requests.push(format!("{method} {path}"));
    state.bodies.push(body.clone());
    let if_match = head.iter().find_map(|line| line.strip_prefix("if-match: ")).map(str::to_owned);
    state.if_match.push(if_match);
    if let Some(answer) = rule.lock().expect("no panic")(method, path, number) {
        return answer;
    }
    if !head.iter().any(|line| line.eq_ignore_ascii_case(&format!("authorization: Bearer {TOKEN}"))) {
        return problem(401, "unauthorized", "the token is not the administrator's");
    }
    let json = |value: serde_json::Value| (200, "", value.to_string());
    match (method, path) {
        ("PUT", "/v1/admin/config?dry_run=true") => json(serde_json::json!({ "valid": true, "warnings": [] })),
        ("PUT", "/v1/admin/config") => {
            state.stored.insert(path.to_owned(), body);
            json(serde_json::json!({ "version": 3, "previous": 2, "epoch": 5, "published_at": "2026-07-01T00:00:00Z" }))
        }
        ("PUT", _) => {
            state.stored.insert(path.to_owned(), body);
            (204, "", String::new())
        }
        ("POST", "/v1/admin/tables/rollback") => json(serde_json::json!({ "build": "0123456789abcdef" })),
        ("POST", _) if path.ends_with("/activate") => {
            let shards = state.stored.keys().filter(|path| path.contains("/shards/")).count();
            if shards < crate::fixture::N_SHARDS {
                return problem(422, "invalid_table", "t/x/3: announced and missing");
            }
            state.verified += 3;
            let (verified, of) = (state.verified.min(shards), shards);
            json(serde_json::json!({ "done": verified == of, "verified": verified, "of": of }))
        }
        _ => problem(404, "not_found", "there is nothing here"),
    }
}
