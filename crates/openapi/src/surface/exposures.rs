//! Exposures: `POST /v1/exposures`.

use serde_json::{Value, json};
use vitrine_api::{EXPOSURES_BYTES_MAX, ExposureReport, ExposureVerdict, ProblemCode};

use crate::document::Paths;
use crate::operation::{Access, JSON, Operation, TEXT, Tag};

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let report = paths.schemas.received::<ExposureReport<'_>>();
    let verdict = paths.schemas.sent::<ExposureVerdict>();
    let operation =
        Operation::new("reportExposures", Tag::Flags, Access::SdkKey, "Report that visitors met their variations")
            .text("Whatever media type the body has, it is read as JSON: pages can send `text/plain` while they are closed.")
            .text("Rows stand for themselves: what is wrong with one is told, and the others count. Tokens are good for 24 hours.")
            .body(&[JSON, TEXT], report, &[("one row", request_example())])
            .body_bytes_max(EXPOSURES_BYTES_MAX)
            .answer(202, "What became of the rows", verdict, &[("one refused", answer_example())])
            .header(202, "Cache-Control")
            .refusals(&[
                ProblemCode::MalformedJson,
                ProblemCode::InvalidRequest,
                ProblemCode::Unauthorized,
                ProblemCode::Forbidden,
                ProblemCode::TooManyRequests,
            ]);
    paths.add("post", "/v1/exposures", operation);
}

fn request_example() -> Value {
    json!({
        "exposures": [{
            "token": "AQGAm_ppDAAAAHcLq0vJd5hEAQpwcm9kdWN0aW9uDGNoZWNrb3V0LWN0YYxQ3kqJ0n7Yk1vH2m8sZbE",
            "at": "2026-12-01T08:00:05Z",
        }],
    })
}

fn answer_example() -> Value {
    json!({
        "accepted": 1,
        "rejected": [{ "index": 1, "code": "stale", "detail": "the token is older than 24 hours" }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_report() {
        let body = request_example().to_string();
        ExposureReport::parse(body.as_bytes()).unwrap();
    }
}
