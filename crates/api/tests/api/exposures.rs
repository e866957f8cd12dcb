//! Exposure reports: limits of the whole, and rows that stand for themselves.

use vitrine_api::{EXPOSURES_BYTES_MAX, EXPOSURES_MAX, ExposureReport, ExposureToken, RowError, TokenError, TokenKeys};
use vitrine_engine::TimestampMs;

const NOW: TimestampMs = TimestampMs(1_800_000_000_000);

fn keys() -> TokenKeys {
    TokenKeys::from_hex(&"5a".repeat(32), None).unwrap()
}

fn token(unit: u64, issued_at_s: u32) -> String {
    let token = ExposureToken {
        issued_at_s,
        bundle_version: 1,
        unit,
        variation: 0,
        environment: "production",
        experiment: "e",
    };
    token.sign(&keys()).unwrap()
}

#[test]
fn rows_are_judged_one_by_one_and_told_by_position() {
    let good = token(1, 1_800_000_000);
    let old = token(2, 1_700_000_000);
    let body = format!(
        r#"{{"exposures": [{{"token": "{good}"}}, {{"token": "{old}"}}, {{"token": "{good}"}}, 1, {{"token": "{}", "at": "2027-01-15T08:00:00Z"}}, {{"token": "x", "at": "now"}}]}}"#,
        token(3, 1_800_000_000)
    );
    let report = ExposureReport::parse(body.as_bytes()).unwrap();
    let verdict = report.check(Some(&keys()), "production", NOW);
    assert_eq!(verdict.accepted.iter().map(|it| it.unit).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(verdict.accepted[1].at, Some(TimestampMs(1_800_000_000_000)));
    let expected = [
        (1, RowError::Token(TokenError::Stale)),
        (2, RowError::Duplicate),
        (3, RowError::Malformed),
        (5, RowError::InvalidTime),
    ];
    assert_eq!(verdict.rejected, expected);
    let json: serde_json::Value = serde_json::from_str(&verdict.to_json()).unwrap();
    assert_eq!((json["accepted"].as_u64(), json["rejected"][0]["code"].as_str()), (Some(2), Some("stale")));
    let other = report.check(Some(&keys()), "staging", NOW);
    assert!(other.accepted.is_empty());
    assert_eq!(other.rejected[0], (0, RowError::Token(TokenError::OtherEnvironment)));
    let without = report.check(None, "production", NOW);
    assert_eq!(without.rejected[0], (0, RowError::NoKey));
}

#[test]
fn limits_hold_for_the_whole_report() {
    let rows = |n: usize| format!(r#"{{"exposures": [{}]}}"#, vec!["1"; n].join(","));
    assert!(ExposureReport::parse(rows(EXPOSURES_MAX).as_bytes()).is_ok());
    assert_eq!(ExposureReport::parse(rows(EXPOSURES_MAX + 1).as_bytes()).unwrap_err().errors[0].code, "too_many");
    let large = format!(r#"{{"exposures": ["{}"]}}"#, "x".repeat(EXPOSURES_BYTES_MAX));
    assert_eq!(ExposureReport::parse(large.as_bytes()).unwrap_err().code.status(), 413);
    for bad in ["", "{", "[]", "[null, []]", "{}", "null", r#"{"exposures": 1}"#, r#"{"exposures": [], "more": 1}"#] {
        assert_eq!(ExposureReport::parse(bad.as_bytes()).unwrap_err().code.status(), 400, "{bad}");
    }
}
