//! Published bundles: read back whole, or refused.

use vitrine_api::{BundleState, Envelope};

use crate::shop::{self, DOCUMENT};

fn stored() -> String {
    let bundle = vitrine_bundle::encode(&shop::stored(DOCUMENT)).unwrap();
    Envelope::new(7, "2026-11-01T00:00:00Z".into(), bundle).unwrap().to_json()
}

#[test]
fn an_envelope_comes_back_as_a_bundle() {
    let state = BundleState::load(stored().as_bytes()).unwrap();
    assert_eq!((state.version(), state.published_at()), (7, "2026-11-01T00:00:00Z"));
    assert_eq!(state.bundle().placements().len(), 2);
}

#[test]
fn a_changed_envelope_is_refused() {
    let refused = |stored: &str, why: &str| {
        let found = BundleState::load(stored.as_bytes()).unwrap_err();
        assert!(found.contains(why), "{found:?} does not contain {why:?}");
    };
    refused(&stored().replace("Welcome", "Welcom3"), "its envelope says");
    refused(&stored()[..200], "not a published envelope");
    refused("{}", "missing field");
    refused(&stored().replace(r#""version":7"#, r#""version":-7"#), "invalid value");
    refused(&stored().replace(r#"{"version":7"#, r#"{"extra":1,"version":7"#), "unknown field");
}
