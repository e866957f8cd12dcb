//! The bounds of a document. Each has a diagnostic; together they bound the work and the memory of a check.

/// Greatest document. Unit: bytes.
pub const DOCUMENT_BYTES_MAX: usize = 4 << 20;
/// Deepest nesting of lists and objects.
pub const DEPTH_MAX: usize = 32;
/// Most values (scalars, lists and objects) in a document.
pub const VALUES_MAX: usize = 500_000;
/// Most offers.
pub const OFFERS_MAX: usize = 10_000;
/// Most placements.
pub const PLACEMENTS_MAX: usize = 1_000;
/// Most audiences.
pub const AUDIENCES_MAX: usize = 1_000;
/// Most different attributes (`profile.…`, `context.…`) in all conditions together.
pub const ATTRIBUTES_MAX: usize = 1_000;
/// Most candidates of all placements together; a placement with `offers: all` counts every one.
pub const CANDIDATES_MAX: usize = 1_000_000;
/// Most items, and most categories, of one offer.
pub const ITEMS_MAX: usize = 1_000;
/// Most creatives of one offer.
pub const CREATIVES_MAX: usize = 200;
/// Greatest content of one creative, as JSON without white space. Unit: bytes.
pub const CONTENT_BYTES_MAX: usize = 16 << 10;
/// Longest id. Unit: characters.
pub const ID_CHARS_MAX: usize = 64;
/// Longest item id, category, label or attribute name. Unit: bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// Deepest nesting of a condition.
pub const CONDITION_DEPTH_MAX: usize = vitrine_engine::CONDITION_DEPTH_MAX;
/// Most values in one list of a condition (`$in`, `$nin`, `$all`).
pub const CONDITION_LIST_MAX: usize = 1_000;
/// Most offers of one decision.
pub const COUNT_MAX: i64 = 30;
/// Greatest weight of a ranker; its negative is the smallest.
pub const WEIGHT_MAX: f64 = 1_000.0;
/// Most diagnostics of one severity that a check lists.
pub const DIAGNOSTICS_MAX: usize = 1_000;
