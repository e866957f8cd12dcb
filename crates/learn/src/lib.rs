//! What can be learned from tables of numbers: customer value, segments, propensities, recommendations, and how good they are.
//!
//! Pure: plain slices come in, numbers and descriptions go out. No file, no engine, no clock; seeds are parameters, and equal
//! input gives equal output. Files and SQL are `vitrine-profiles`' matter.
#![forbid(unsafe_code)]

pub mod classify;
pub mod drift;
pub mod off_policy;
pub mod rank_features;
pub mod recommend;
pub mod resample;
pub mod segment;
pub mod value;
