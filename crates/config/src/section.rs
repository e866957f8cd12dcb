//! The sections of a document: one file for each, with its keys, its checks, and what it becomes in the bundle.

mod alerts;
mod audience;
pub(crate) mod campaign;
mod cap;
pub(crate) mod content;
pub(crate) mod experiment;
pub(crate) mod flag;
pub(crate) mod flag_rule;
pub(crate) mod flag_schema;
pub(crate) mod flag_value;
pub(crate) mod holdout;
pub(crate) mod layer;
pub(crate) mod metric;
pub(crate) mod money;
pub(crate) mod offer;
pub(crate) mod placement;
mod ranker;
pub(crate) mod saved_group;
pub(crate) mod settings;
pub(crate) mod terms;
