//! What belongs to no single operation: headers, and how callers show who they are.

use serde_json::{Value, json};

/// Headers of answers.
pub fn headers() -> Value {
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    let always =
        |description: &str| json!({ "description": description, "required": true, "schema": { "type": "string" } });
    json!({
        "Cache-Control": always("How long the answer may be kept, and by whom."),
        "ETag": always(
            "Tag of the answer, with its quotes. Send it back in `If-None-Match`; tags are compared weakly, since whoever \
             compresses an answer on its way makes its tag weak."
        ),
        "Location": always("The address to go to."),
        "Retry-After": {
            "description": "When to come back, in whole seconds.",
            "required": true,
            "schema": { "type": "integer", "minimum": 1 },
        },
        "Server-Timing": always(
            "How long the parts took, in ms. The runtime's clock stands still between inputs and outputs, so pure work shows as 0."
        ),
        "Vitrine-Preview": text("`shown`: the answer is a preview, and was not counted."),
        "WWW-Authenticate": always("`Bearer`."),
        "X-Robots-Tag": text("`noindex, nofollow`: previews do not belong into search engines."),
        "X-SSE-Support": always("`enabled`: there is a stream of changes at `/sub/{clientKey}`."),
    })
}

/// How callers show who they are.
pub fn security_schemes() -> Value {
    json!({
        "registryToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of the registry (`vta_…`) with its role, or the administrator's token, whose SHA-256 is the \
                            Worker's secret `ADMIN_TOKEN_SHA256`. Roles, each with the rights of the ones before: `viewer`, \
                            `editor`, `approver`, `admin`; every operation names the one that it needs in `x-role`.",
        },
        "cloudflareAccess": {
            "type": "apiKey",
            "in": "header",
            "name": "Cf-Access-Jwt-Assertion",
            "description": "What Cloudflare Access adds to the requests of people whom it lets in. Taken where the Worker knows \
                            the team's domain and audience.",
        },
        "sdkKeyBearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An SDK key of an environment: `vtc_<environment>_…` (public) or `vts_<environment>_…` (secret, refused \
                            in calls of pages). \
                            Without any, the environment is `production`, and the call is answered if that has no keys.",
        },
        "sdkKeyHeader": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "The same key, for callers that cannot set `Authorization`.",
        },
    })
}
