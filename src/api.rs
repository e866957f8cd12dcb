//! The HTTP interface, one file a surface.

pub mod decide;
pub mod growthbook;
pub mod health;
pub mod offers;
pub mod ofrep;
pub mod stream;
