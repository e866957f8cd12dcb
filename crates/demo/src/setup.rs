//! The files that tell `vitrine profiles build` what the shop's files are: a shop file and its mappings.

/// The shop file: feeds with purpose and legal basis, one of which has run out. Paths are relative to it.
pub const SHOP_TOML: &str = include_str!("setup/shop.toml");
/// The mapping of all files of the shop but those below.
pub const MAPPING_TOML: &str = include_str!("setup/mapping.toml");
/// The mapping of `partner.csv`, whose attributes need names of their own.
pub const PARTNER_TOML: &str = include_str!("setup/partner.toml");
/// The mapping of `customers_gb18030.csv`.
pub const MAPPING_ZH_TOML: &str = include_str!("setup/mapping_zh.toml");
