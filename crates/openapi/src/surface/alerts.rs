//! Alerts: what is out of order.

use serde_json::{Value, json};
use vitrine_api::{ProblemCode, Role};
use vitrine_loop::{AlertReport, AlertsRequest};

use super::configuration::BODY_BYTES_MAX;
use crate::document::Paths;
use crate::operation::{Access, JSON, Operation, Tag, in_query};

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let body = paths.schemas.received::<AlertsRequest>();
    let report = paths.schemas.sent::<AlertReport>();
    let look = Operation::new("lookForAlerts", Tag::Measuring, Access::Role(Role::Viewer), "Look for what is out of order")
        .text("What is watched stands in the section `alerts` of the running configuration. What is new is told to the webhook (`ALERT_WEBHOOK`), once, outside of quiet hours; so is that an alert is over.")
        .text("All but a dry run needs the role editor. A webhook that does not take the message is told in `failure`; it is told again by the next look.")
        .body(&[JSON], body, &[("a trial", json!({ "dry_run": true }))])
        .body_bytes_max(BODY_BYTES_MAX)
        .answer(200, "What was found and told", report.clone(), &[("one fires", report_example())])
        .refusals(&[
            ProblemCode::MalformedJson,
            ProblemCode::InvalidRequest,
            ProblemCode::NotFound,
            ProblemCode::Conflict,
        ]);
    paths.add("post", "/v1/admin/alerts", look);

    let show =
        Operation::new("showAlerts", Tag::Measuring, Access::Role(Role::Viewer), "What is open since the last look")
            .parameter(in_query("environment", "Where; `production` if none is named.", json!({ "type": "string" })))
            .answer(200, "What is open; `findings` is empty", report, &[])
            .refusals(&[ProblemCode::InvalidRequest, ProblemCode::NotFound]);
    paths.add("get", "/v1/admin/alerts", show);
}

fn report_example() -> Value {
    json!({
        "environment": "production", "quiet": false, "told": 1, "judged_at": "2026-12-01T08:05:00Z",
        "findings": [{
            "key": "counter/few-orders", "state": "fires", "text": "few-orders: 3 conversion purchase in 6 h, below 10",
            "observed": 3.0, "from": "2026-12-01T02:00:00Z", "to": "2026-12-01T08:00:00Z",
        }],
        "open": [{
            "key": "counter/few-orders", "since": "2026-12-01T08:05:00Z",
            "text": "few-orders: 3 conversion purchase in 6 h, below 10", "told_at": "2026-12-01T08:05:00Z",
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_report() {
        let report: AlertReport = serde_json::from_value(report_example()).unwrap();
        assert_eq!(serde_json::to_value(report).unwrap(), report_example());
    }
}
