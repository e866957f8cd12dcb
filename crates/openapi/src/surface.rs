//! The endpoints, one file a surface.

mod access;
mod alerts;
mod budgets;
mod configuration;
mod drafts;
mod environments;
mod exposures;
mod growthbook;
mod health;
mod learning;
mod measuring;
mod ofrep;
mod previews;
mod stock;
mod storefront;
mod tables;
mod visitors;

use crate::document::Paths;

/// Describes every endpoint.
pub fn describe(paths: &mut Paths) {
    storefront::describe(paths);
    visitors::describe(paths);
    ofrep::describe(paths);
    exposures::describe(paths);
    measuring::describe(paths);
    growthbook::describe(paths);
    health::describe(paths);
    configuration::describe(paths);
    learning::describe(paths);
    alerts::describe(paths);
    budgets::describe(paths);
    stock::describe(paths);
    drafts::describe(paths);
    environments::describe(paths);
    access::describe(paths);
    previews::describe(paths);
    tables::describe(paths);
}
