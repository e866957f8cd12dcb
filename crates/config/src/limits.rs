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
/// Most flags, and most experiments.
pub const FLAGS_MAX: usize = 5_000;
/// Most rules of one flag.
pub const RULES_MAX: usize = 200;
/// Most variations of one experiment.
pub const VARIATIONS_MAX: usize = 100;
/// Most steps of one ramp.
pub const RAMP_STEPS_MAX: usize = 50;
/// Most prerequisites of one flag, rule or experiment; most holdouts that one experiment names; most rows of `qa`.
pub const PREREQUISITES_MAX: usize = 50;
/// Most contexts of one bandit.
pub const BANDIT_CONTEXTS_MAX: usize = 200;
/// Most counters that alerts watch.
pub const ALERTS_MAX: usize = 100;
/// Most layers, most holdouts, and most saved groups.
pub const LAYERS_MAX: usize = 200;
/// Most hashed ids in all saved groups together: as base64 they fit into a document.
pub const GROUP_HASHES_MAX: usize = 300_000;
/// Most metrics of one kind that an experiment names; most tags of a flag or an experiment.
pub const REFERENCES_MAX: usize = 100;
/// Longest id of a flag. Unit: characters.
pub const FLAG_ID_CHARS_MAX: usize = 128;
/// Longest id of an experiment or a variation: it must fit into an exposure token. Unit: characters.
pub const EXPERIMENT_ID_CHARS_MAX: usize = 64;
/// Size of the flags payload, as JSON, beyond which there is a warning. Unit: bytes.
pub const PAYLOAD_BYTES_WARN: usize = 512 << 10;
/// Greatest flags payload, as JSON. Unit: bytes.
pub const PAYLOAD_BYTES_MAX: usize = 2 << 20;
/// Most metrics.
pub const METRICS_MAX: usize = 1_000;
/// Most campaigns.
pub const CAMPAIGNS_MAX: usize = 500;
/// Most levels of a campaign's goal: the goal, its parts, their parts…
pub const GOAL_LEVELS_MAX: usize = 5;
/// Most parts of one goal.
pub const SUB_GOALS_MAX: usize = 50;
/// Most lines of one budget.
pub const BUDGET_LINES_MAX: usize = 100;
/// Most caps per visitor of one offer.
pub const VISITOR_CAPS_MAX: usize = 8;
/// Longest duration. Unit: days.
pub const DURATION_DAYS_MAX: u32 = 400;
/// Longest formula. Unit: characters.
pub const FORMULA_CHARS_MAX: usize = 8_000;
/// Most parts of a hybrid ranker.
pub const HYBRID_PARTS_MAX: usize = 8;
/// Most tags of one offer.
pub const TAGS_MAX: usize = 50;
/// Most entries of one list in `settings`, of channels and experiments of a campaign, of rules of a placement's content.
pub const SETTINGS_LIST_MAX: usize = 200;
