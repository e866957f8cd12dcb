//! Experiments on whole pages.

use crate::{payload, visitor};
use vitrine_flags::{Context, Evaluation, Payload};

fn redirected(payload: &Payload, url: &str, now_ms: i64) -> Option<String> {
    let context = Context { url: Some(url.to_owned()), now_ms, ..visitor(r#"{"id": "1"}"#) };
    Evaluation::new(payload, &context).redirect().map(|redirect| redirect.url_with_params)
}

/// An experiment in which the visitor `1` is sent to `target` from pages below `/home`.
fn experiment(key: &str, target: &str, more: &str) -> String {
    format!(
        r#"{{"key": "{key}", "weights": [0, 1], "variations": [{{}}, {{"urlRedirect": "{target}"}}],
            "urlPatterns": [{{"type": "simple", "include": true, "pattern": "/home*"}}] {more}}}"#
    )
}

#[test]
fn the_first_experiment_that_redirects_decides() {
    let first = experiment("a", "https://x.example/a", "");
    let second = experiment("b", "https://x.example/b", "");
    let both = payload(&format!(r#"{{"experiments": [{first}, {second}]}}"#));
    assert_eq!(redirected(&both, "https://x.example/home", 0).as_deref(), Some("https://x.example/a"));
    assert_eq!(redirected(&both, "https://x.example/other", 0), None);
    // In the control of the first, the visitor stays.
    let control = first.replace("[0, 1]", "[1, 0]");
    let control = payload(&format!(r#"{{"experiments": [{control}, {second}]}}"#));
    assert_eq!(redirected(&control, "https://x.example/home", 0), None);
}

#[test]
fn nobody_is_sent_in_circles() {
    let looping = payload(&format!(r#"{{"experiments": [{}]}}"#, experiment("a", "https://x.example/home-2", "")));
    assert_eq!(redirected(&looping, "https://x.example/home", 0), None);
}

#[test]
fn what_does_not_run_does_not_redirect() {
    for more in [
        r#", "manual": true"#,
        r#", "status": "draft""#,
        r#", "status": "stopped""#,
        r#", "active": false"#,
        r#", "coverage": 0"#,
        r#", "condition": {"id": "2"}"#,
        r#", "groups": ["staff"]"#,
        r#", "url": "^https://y""#,
        r#", "parentConditions": [{"id": "none", "condition": {"value": 1}}]"#,
        r#", "vitrine": {"starts": 1000}"#,
        r#", "vitrine": {"ramp": [[1000, 1]]}"#,
    ] {
        let payload = payload(&format!(r#"{{"experiments": [{}]}}"#, experiment("a", "https://x.example/a", more)));
        assert_eq!(redirected(&payload, "https://x.example/home", 999), None, "{more}");
        if more.contains("vitrine") {
            assert!(redirected(&payload, "https://x.example/home", 1000).is_some(), "{more}");
        }
    }
}
