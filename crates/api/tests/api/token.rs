//! Tokens: what was signed comes back, and nothing else does.

use proptest::prelude::*;
use vitrine_api::{ConfigTag, ExposureBytes, ExposureToken, StreamToken, TokenError, TokenKeys};
use vitrine_engine::TimestampMs;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const ISSUED_AT_S: u32 = 1_800_000_000;

fn keys() -> TokenKeys {
    TokenKeys::from_hex(KEY, None).unwrap()
}

fn token() -> ExposureToken<'static> {
    ExposureToken {
        issued_at_s: ISSUED_AT_S,
        bundle_version: 12,
        unit: 0x0123_4567_89ab_cdef,
        variation: 1,
        environment: "production",
        experiment: "checkout-cta",
    }
}

fn at(after_s: i64) -> TimestampMs {
    TimestampMs((i64::from(ISSUED_AT_S) + after_s) * 1000)
}

/// The form is fixed: other languages read and write it too.
#[test]
fn a_token_has_these_bytes() {
    let text = token().sign(&keys()).unwrap();
    assert_eq!(text, "AQEA0klrDAAAAO_Nq4lnRSMBAQpwcm9kdWN0aW9uDGNoZWNrb3V0LWN0YYsOY22R-L_66yxkazajFV8");
    assert_eq!(ExposureBytes::parse(&text).unwrap().verify(&keys(), "production", at(0)), Ok(token()));
}

#[test]
fn the_visitor_s_number_depends_on_attribute_value_and_key() {
    let keys = keys();
    let other = TokenKeys::from_hex(OTHER, None).unwrap();
    let all =
        [keys.unit("id", "a"), keys.unit("id", "b"), keys.unit("i", "da"), keys.unit("", "id"), other.unit("id", "a")];
    let distinct: std::collections::BTreeSet<u64> = all.into_iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert_eq!(keys.unit("id", "a"), all[0]);
}

#[test]
fn a_token_lives_for_a_day() {
    let text = token().sign(&keys()).unwrap();
    for (after_s, expected) in [
        (-301, Err(TokenError::NotYet)),
        (-300, Ok(())),
        (0, Ok(())),
        (86_400, Ok(())),
        (86_401, Err(TokenError::Stale)),
        (i64::from(u32::MAX), Err(TokenError::Stale)),
    ] {
        let bytes = ExposureBytes::parse(&text).unwrap();
        assert_eq!(bytes.verify(&keys(), "production", at(after_s)).map(drop), expected, "{after_s}");
    }
}

#[test]
fn names_that_do_not_fit_are_not_signed() {
    let long = "x".repeat(65);
    for (environment, experiment, is_signed) in [
        ("production", &long[..64], true),
        (&long[..32], "e", true),
        ("production", &long[..], false),
        (&long[..33], "e", false),
        ("", "e", false),
        ("production", "", false),
    ] {
        let signed = ExposureToken { environment, experiment, ..token() }.sign(&keys());
        assert_eq!(signed.is_some(), is_signed);
        assert!(signed.is_none_or(|it| it.len() <= vitrine_api::EXPOSURE_TOKEN_CHARS_MAX));
    }
}

#[test]
fn the_key_before_is_accepted_and_never_signs() {
    let replaced = TokenKeys::from_hex(OTHER, Some(KEY)).unwrap();
    let old = token().sign(&keys()).unwrap();
    let new = token().sign(&replaced).unwrap();
    let verify =
        |text: &str, keys: &TokenKeys| ExposureBytes::parse(text).unwrap().verify(keys, "production", at(0)).map(drop);
    assert_eq!(verify(&old, &replaced), Ok(()));
    assert_eq!(verify(&new, &replaced), Ok(()));
    assert_eq!(verify(&new, &keys()), Err(TokenError::Forged));
}

#[test]
fn only_64_digits_are_a_key() {
    for (wrong, previous) in
        [("", None), (&KEY[1..], None), (&KEY.replace('a', "g"), None), (KEY, Some("")), (KEY, Some("x"))]
    {
        assert!(TokenKeys::from_hex(wrong, previous).is_err(), "{wrong} {previous:?}");
    }
    assert!(TokenKeys::from_hex(&format!("+{}", &KEY[1..]), None).is_err());
    assert!(TokenKeys::from_hex(&KEY.to_uppercase(), None).is_ok());
    assert!(TokenKeys::from_hex(&"é".repeat(32), None).is_err());
    assert!(!format!("{:?}", TokenKeys::from_hex(KEY, Some(OTHER)).unwrap()).contains("0001"));
}

#[test]
fn a_stream_token_opens_its_environment_until_it_expires() {
    let token = StreamToken { environment: "staging".to_owned(), expires_at_ms: 1000 };
    let text = token.sign(&keys());
    assert_eq!(StreamToken::verify(&text, &keys(), TimestampMs(999)), Ok(token.clone()));
    assert_eq!(StreamToken::verify(&text, &keys(), TimestampMs(1000)), Err(TokenError::Stale));
    let other = TokenKeys::from_hex(OTHER, None).unwrap();
    assert_eq!(StreamToken::verify(&text, &other, TimestampMs(0)), Err(TokenError::Forged));
    let (_, mac) = text.split_once('.').unwrap();
    let foreign = StreamToken { environment: "production".to_owned(), ..token }.sign(&keys());
    let (json, _) = foreign.split_once('.').unwrap();
    assert_eq!(StreamToken::verify(&format!("{json}.{mac}"), &keys(), TimestampMs(0)), Err(TokenError::Forged));
    for malformed in ["", ".", "a", "a.b", "!.!", json, &text[..text.len() - 1]] {
        assert_eq!(StreamToken::verify(malformed, &keys(), TimestampMs(0)), Err(TokenError::Malformed), "{malformed}");
    }
}

#[test]
fn a_configuration_s_tag_proves_its_epoch_in_its_environment() {
    let tag = ConfigTag { version: 12, epoch: 31 };
    let text = tag.sign(&keys(), "production");
    assert!(text.starts_with("v12.31."), "{text}");
    assert_eq!(ConfigTag::verify(&text, &keys(), "production"), Some(tag));
    assert_eq!(ConfigTag::verify(&text, &keys(), "staging"), None);
    for forged in ["", "v12.31", &text.replace("31", "32"), &text[..text.len() - 1], &format!("{text}A"), "v1.2.3"] {
        assert_eq!(ConfigTag::verify(forged, &keys(), "production"), None, "{forged}");
    }
}

proptest! {
    #[test]
    fn what_was_signed_comes_back(
        issued_at_s in 0..=u32::MAX, bundle_version: u32, unit: u64, variation: u8,
        environment in "[a-z][a-z0-9-]{0,31}", experiment in "\\PC{1,16}",
    ) {
        let token = ExposureToken { issued_at_s, bundle_version, unit, variation, environment: &environment, experiment: &experiment };
        let text = token.sign(&keys()).unwrap();
        let bytes = ExposureBytes::parse(&text).unwrap();
        prop_assert_eq!(bytes.verify(&keys(), &environment, TimestampMs(i64::from(issued_at_s) * 1000)), Ok(token));
    }

    #[test]
    fn no_changed_bit_goes_unseen(at_bit in 0_usize..59 * 8) {
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let mut bytes = engine.decode(token().sign(&keys()).unwrap()).unwrap();
        prop_assume!(at_bit / 8 < bytes.len());
        bytes[at_bit / 8] ^= 1 << (at_bit % 8);
        let parsed = ExposureBytes::parse(&engine.encode(&bytes)).unwrap();
        prop_assert!(parsed.verify(&keys(), "production", at(0)).is_err());
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,220}", bytes in proptest::collection::vec(any::<u8>(), 0..150)) {
        use base64::Engine as _;
        let coded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        for text in [&text, &coded] {
            if let Ok(parsed) = ExposureBytes::parse(text) {
                prop_assert!(parsed.verify(&keys(), "production", at(0)).is_err());
            }
            prop_assert!(StreamToken::verify(text, &keys(), at(0)).is_err());
            prop_assert!(ConfigTag::verify(text, &keys(), "production").is_none());
        }
    }
}
