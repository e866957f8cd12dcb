//! The HTTP interface, one file a surface.

pub mod admin;
pub mod body;
pub mod decide;
pub mod health;
pub mod offers;
pub mod query;
