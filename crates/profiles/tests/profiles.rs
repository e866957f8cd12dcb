//! The crate from outside: small shops whose numbers are worked out by hand, wrong input, equal bytes, and a real file.

#[path = "profiles/bad_input.rs"]
mod bad_input;
#[path = "profiles/cleaning.rs"]
mod cleaning;
#[path = "profiles/compile.rs"]
mod compile;
#[path = "profiles/equal_bytes.rs"]
mod equal_bytes;
#[path = "profiles/evaluate.rs"]
mod evaluate;
#[path = "profiles/identity.rs"]
mod identity;
#[path = "profiles/incremental.rs"]
mod incremental;
#[path = "profiles/kit.rs"]
mod kit;
#[path = "profiles/labels.rs"]
mod labels;
#[path = "profiles/learned.rs"]
mod learned;
#[path = "profiles/online_retail.rs"]
mod online_retail;
#[path = "profiles/quality.rs"]
mod quality;
#[path = "profiles/segments.rs"]
mod segments;
#[path = "profiles/small_shop.rs"]
mod small_shop;
#[path = "profiles/sources.rs"]
mod sources;
#[path = "profiles/stages.rs"]
mod stages;
#[path = "profiles/warehouse.rs"]
mod warehouse;
