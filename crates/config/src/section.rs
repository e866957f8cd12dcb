//! The sections of a document: one file for each, with its keys, its checks, and what it becomes in the bundle.

mod audience;
mod offer;
pub(crate) mod placement;
mod settings;
