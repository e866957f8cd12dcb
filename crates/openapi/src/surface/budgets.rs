//! Caps and budgets of all visitors together.

use serde_json::{Value, json};
use vitrine_api::{ProblemCode, Role};
use vitrine_ledger::BudgetReport;

use crate::document::Paths;
use crate::operation::{Access, Operation, Tag, in_query};

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let report = paths.schemas.sent::<BudgetReport>();
    let show = Operation::new("showBudgets", Tag::Measuring, Access::Role(Role::Viewer), "What is left of caps and budgets")
        .text("Caps of offers (`total`, `daily`) and budgets of campaigns count for all visitors together. One object owns the counts and leases portions to isolates; what is leased counts as used until it is given back.")
        .parameter(in_query("environment", "Where; `production` if none is named.", json!({ "type": "string" })))
        .answer(200, "What is left", report, &[("an offer that was shown often enough", report_example())])
        .refusals(&[ProblemCode::InvalidRequest, ProblemCode::NotFound, ProblemCode::Unavailable]);
    paths.add("get", "/v1/admin/budgets", show);
}

fn report_example() -> Value {
    json!({
        "environment": "production", "version": 12, "at": "2026-12-01T08:05:00Z",
        "caps": [{ "offer": "first-hundred", "cap": "total", "max": 100, "used": 100, "leased": 0, "open": false }],
        "budgets": [{
            "campaign": "partner-autumn", "cost": "cpc", "budget_minor": 500_000, "planned_minor": 250_000,
            "spent_minor": 120_080, "leased_minor": 0, "open": true,
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_report() {
        let report: BudgetReport = serde_json::from_value(report_example()).unwrap();
        assert_eq!(serde_json::to_value(report).unwrap(), report_example());
    }
}
