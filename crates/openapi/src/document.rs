//! The document as a whole.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::operation::{Operation, Tag};
use crate::refusal::Refusals;
use crate::rim;
use crate::schemas::Schemas;
use crate::surface;

/// What holds for every operation.
const DESCRIPTION: &str = "\
The decision service at the edge: which offer a visitor sees in a placement, and which variation of an experiment a visitor is in.

**An answer always.** A storefront's or an application's call never ends in a 5xx: what is missing leads to the best answer left, and \
the answer says so. Only calls below `/v1/admin/` know 503: nothing was changed then, and the call can be made again.

**Refusals** are problem details (RFC 9457, `application/problem+json`) with a stable `code`; those about fields name each field by a \
JSON pointer. The endpoints below `/ofrep/` refuse in OFREP's own form. An unknown path is answered with 404 and the code `not_found`, \
a method that a path does not have with 405, the code `method_not_allowed` and the header `Allow`. HEAD works where GET does, but for \
streams of events.

**Other origins.** Every endpoint but those below `/v1/admin/` answers preflight requests (OPTIONS) without any key, and sends \
`Access-Control-Allow-Origin` to the origins of the setting `ALLOWED_ORIGINS`; never with credentials. Answers vary by `Origin`.

**Caches.** Answers may not be kept (`private, no-store`) unless an operation says otherwise.

**Limits** stand at each body and member, in bytes of UTF-8 where it is about texts, and are enforced.";

/// Members in the order in which people read them.
#[derive(Serialize)]
struct Document {
    openapi: &'static str,
    info: Value,
    servers: Value,
    tags: Vec<Value>,
    paths: Map<String, Value>,
    components: Value,
}

/// The operations of all surfaces, while they are collected.
pub struct Paths {
    /// Schemas of what they receive and send.
    pub schemas: Schemas,
    refusals: Refusals,
    paths: Map<String, Value>,
}

impl Paths {
    /// Adds an operation.
    ///
    /// # Panics
    /// If the path has this method already.
    pub fn add(&mut self, method: &str, path: &str, operation: Operation) {
        let operation = operation.finish(&mut self.refusals);
        let item = self.paths.entry(path).or_insert_with(|| json!({}));
        let before = item.as_object_mut().and_then(|it| it.insert(method.to_owned(), operation));
        assert!(before.is_none(), "{method} {path} is described twice");
    }
}

/// The document.
pub fn document() -> Value {
    let mut paths = Paths { schemas: Schemas::new(), refusals: Refusals::default(), paths: Map::new() };
    surface::describe(&mut paths);
    let Paths { mut schemas, refusals, paths } = paths;
    let responses = refusals.into_components(&mut schemas);
    let tags = Tag::ALL.iter().map(|it| json!({ "name": it.name(), "description": it.description() }));
    let document = Document {
        openapi: "3.1.0",
        info: json!({
            "title": "Vitrine",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        }),
        servers: json!([{ "url": "/", "description": "Where the Worker is deployed." }]),
        tags: tags.collect(),
        paths,
        components: json!({
            "schemas": schemas.into_components(),
            "responses": responses,
            "headers": rim::headers(),
            "securitySchemes": rim::security_schemes(),
        }),
    };
    json!(document)
}

/// The document as text: two spaces deep, members by name.
pub fn text() -> String {
    format!("{:#}\n", document())
}
