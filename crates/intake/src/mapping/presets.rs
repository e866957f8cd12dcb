//! The mappings that are built in.

/// The mappings that are built in, by name.
pub const BUILTIN_MAPPINGS: [&str; 6] = ["online-retail", "vitrine-demo", "cdnow", "shopify", "ga4", "vitrine-events"];

/// The text of a built-in mapping.
pub(super) fn text(name: &str) -> Option<&'static str> {
    Some(match name {
        "online-retail" => include_str!("../../mappings/online-retail.toml"),
        "vitrine-demo" => include_str!("../../mappings/vitrine-demo.toml"),
        "cdnow" => include_str!("../../mappings/cdnow.toml"),
        "shopify" => include_str!("../../mappings/shopify.toml"),
        "ga4" => include_str!("../../mappings/ga4.toml"),
        "vitrine-events" => include_str!("../../mappings/vitrine-events.toml"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::{BUILTIN_MAPPINGS, Mapping};

    #[test]
    fn all_are_valid_and_carry_their_names() {
        for name in BUILTIN_MAPPINGS {
            let mapping = Mapping::builtin(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(mapping.name, name);
        }
        let error = Mapping::builtin("shopfy").unwrap_err().to_string();
        assert!(error.contains("did you mean \"shopify\"?"), "{error}");
    }
}
