//! One operation of the document: a method at a path, with all that may be sent and all that may come back.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use vitrine_api::ProblemCode;

use crate::refusal;

/// `application/json`.
pub const JSON: &str = "application/json";
/// `text/plain`: what pages may send without asking first.
pub const TEXT: &str = "text/plain";
/// `application/x-ndjson`: a JSON document a line.
pub const LINES: &str = "application/x-ndjson";
/// `text/event-stream`: server-sent events.
pub const EVENTS: &str = "text/event-stream";
/// Bytes of a format of our own.
pub const BYTES: &str = "application/octet-stream";

/// Part of the API that an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Pages, apps and mails.
    Storefront,
    /// OFREP.
    Flags,
    /// GrowthBook SDKs.
    GrowthBook,
    /// Events, and what was counted.
    Measuring,
    /// Monitors.
    Health,
    /// What marketers publish.
    Configuration,
    /// Environments and their keys.
    Environments,
    /// People and their rights.
    Access,
    /// Tables of profiles.
    Tables,
}

impl Tag {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 9] = [
        Self::Storefront,
        Self::Flags,
        Self::GrowthBook,
        Self::Measuring,
        Self::Health,
        Self::Configuration,
        Self::Environments,
        Self::Access,
        Self::Tables,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Storefront => "storefront",
            Self::Flags => "flags",
            Self::GrowthBook => "growthbook",
            Self::Measuring => "measuring",
            Self::Health => "health",
            Self::Configuration => "configuration",
            Self::Environments => "environments",
            Self::Access => "access",
            Self::Tables => "tables",
        }
    }

    /// What it holds.
    pub fn description(self) -> &'static str {
        match self {
            Self::Storefront => "Offers for the placements of pages, apps and mails.",
            Self::Flags => "Flags and experiments for OpenFeature's clients: OFREP 0.3.0.",
            Self::GrowthBook => "Flags and experiments for GrowthBook's SDKs.",
            Self::Measuring => "What visitors did, and how often.",
            Self::Health => "What runs, and how old it is.",
            Self::Configuration => {
                "What marketers publish: checks, drafts, versions, flags that are switched off, previews."
            }
            Self::Environments => "Environments, their settings, and the keys of applications.",
            Self::Access => "Tokens of people and programs, and the log of what they did.",
            Self::Tables => "Tables of profiles: upload, activation, the way back.",
        }
    }
}

/// Who may make a call. The words are the names of the security schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// Anybody; some options need the administrator's token.
    OpenOrAdmin,
    /// Holders of an SDK key, in a header. Anybody, where the environment has no keys.
    SdkKey,
    /// Holders of a secret SDK key: the shop's servers.
    ServerKey,
    /// Holders of a key that is part of the address.
    InAddress,
    /// Holders of a registry token, or people whom Cloudflare Access lets in, with at least this role.
    Role(vitrine_api::Role),
}

impl Access {
    fn security(self) -> Value {
        match self {
            Self::Open | Self::InAddress => json!([]),
            Self::OpenOrAdmin => json!([{}, { "registryToken": [] }]),
            Self::ServerKey => json!([{ "sdkKeyBearer": [] }]),
            Self::SdkKey => json!([{}, { "sdkKeyBearer": [] }, { "sdkKeyHeader": [] }]),
            Self::Role(_) => json!([{ "registryToken": [] }, { "cloudflareAccess": [] }]),
        }
    }
}

/// A method at a path.
pub struct Operation {
    members: Map<String, Value>,
    description: String,
    parameters: Vec<Value>,
    answers: BTreeMap<u16, Value>,
    refusals: BTreeMap<u16, Vec<ProblemCode>>,
}

impl Operation {
    /// An operation by its id, which is unique in the document.
    pub fn new(id: &str, tag: Tag, access: Access, summary: &str) -> Self {
        let members = json!({
            "operationId": id, "tags": [tag.name()], "summary": summary, "security": access.security(),
        });
        let Value::Object(mut members) = members else { unreachable!("an object was written") };
        let mut description = String::new();
        let mut refusals: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
        if let Access::Role(role) = access {
            description = format!("Needs the role `{role}`.");
            members.insert("x-role".to_owned(), role.as_str().into());
            for code in [ProblemCode::Unauthorized, ProblemCode::Forbidden, ProblemCode::Unavailable] {
                refusals.entry(code.status()).or_default().push(code);
            }
        }
        Self { members, description, parameters: Vec::new(), answers: BTreeMap::new(), refusals }
    }

    /// Adds a paragraph of description.
    pub fn text(mut self, text: &str) -> Self {
        if !self.description.is_empty() {
            self.description.push_str("\n\n");
        }
        self.description.push_str(text);
        self
    }

    /// Adds a parameter.
    pub fn parameter(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// The body: its schema, an example, and the media types that are named for it. The first is the body's own.
    pub fn body(self, media_types: &[&str], schema: Value, examples: &[(&str, Value)]) -> Self {
        self.with_body(true, media_types, schema, examples)
    }

    /// A body that may be left out.
    pub fn optional_body(self, media_types: &[&str], schema: Value, examples: &[(&str, Value)]) -> Self {
        self.with_body(false, media_types, schema, examples)
    }

    fn with_body(mut self, required: bool, media_types: &[&str], schema: Value, examples: &[(&str, Value)]) -> Self {
        let content = media_types.iter().map(|media_type| ((*media_type).to_owned(), media(schema.clone(), examples)));
        let content: Map<String, Value> = content.collect();
        self.members.insert("requestBody".to_owned(), json!({ "required": required, "content": content }));
        self
    }

    /// The greatest body: told in words, and as a number for programs.
    ///
    /// # Panics
    /// If the operation has no body.
    pub fn body_bytes_max(self, bytes_max: usize) -> Self {
        self.body_bytes_max_of(bytes_max).refusals(&[ProblemCode::BodyTooLarge])
    }

    /// The greatest body of an operation that refuses larger ones in a form of its own.
    ///
    /// # Panics
    /// If the operation has no body.
    pub fn body_bytes_max_of(mut self, bytes_max: usize) -> Self {
        let body = self.members.get_mut("requestBody").and_then(Value::as_object_mut);
        let body = body.expect("a limit belongs to a body");
        body.insert("x-bytes-max".to_owned(), bytes_max.into());
        body.insert("description".to_owned(), format!("At most {}.", shown_bytes(bytes_max)).into());
        self
    }

    /// An answer with a body in JSON.
    pub fn answer(self, status: u16, description: &str, schema: Value, examples: &[(&str, Value)]) -> Self {
        self.answer_of(status, description, JSON, schema, examples)
    }

    /// An answer with a body of this media type.
    pub fn answer_of(
        mut self,
        status: u16,
        description: &str,
        media_type: &str,
        schema: Value,
        examples: &[(&str, Value)],
    ) -> Self {
        let content = json!({ media_type: media(schema, examples) });
        self.answers.insert(status, json!({ "description": description, "content": content }));
        self
    }

    /// An answer without body.
    pub fn empty_answer(mut self, status: u16, description: &str) -> Self {
        self.answers.insert(status, json!({ "description": description }));
        self
    }

    /// A header of the answer with this status, by its name in the components.
    ///
    /// # Panics
    /// If there is no such answer yet.
    pub fn header(mut self, status: u16, name: &str) -> Self {
        let answer = self.answers.get_mut(&status).and_then(Value::as_object_mut);
        let answer = answer.expect("a header belongs to an answer");
        let headers = answer.entry("headers").or_insert_with(|| json!({})).as_object_mut();
        let header = json!({ "$ref": format!("#/components/headers/{name}") });
        headers.expect("headers are an object").insert(name.to_owned(), header);
        self
    }

    /// What the answer with this status gives to other operations: for each, where its parameters come from.
    ///
    /// # Panics
    /// If there is no such answer yet.
    pub fn links(mut self, status: u16, operations: &[&str], parameters: Value) -> Self {
        let answer = self.answers.get_mut(&status).expect("links belong to an answer");
        for id in operations {
            answer["links"][*id] = json!({ "operationId": id, "parameters": parameters });
        }
        self
    }

    /// Refusals as problem details.
    pub fn refusals(mut self, codes: &[ProblemCode]) -> Self {
        for code in codes {
            let of_status = self.refusals.entry(code.status()).or_default();
            if !of_status.contains(code) {
                of_status.push(*code);
            }
        }
        self
    }

    /// The operation as the document has it. `refusals` collects the answers that many operations share.
    ///
    /// # Panics
    /// If a status is both an answer and a refusal.
    pub fn finish(self, refusals: &mut refusal::Refusals) -> Value {
        let Self { mut members, description, parameters, answers, refusals: codes } = self;
        let mut responses: BTreeMap<String, Value> =
            answers.into_iter().map(|(status, answer)| (status.to_string(), answer)).collect();
        for (status, codes) in codes {
            let reference = refusals.reference(status, &codes);
            let before = responses.insert(status.to_string(), reference);
            assert!(before.is_none(), "{:?} answers {status} in two ways", members["operationId"]);
        }
        if !description.is_empty() {
            members.insert("description".to_owned(), description.into());
        }
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), parameters.into());
        }
        members.insert("responses".to_owned(), json!(responses));
        Value::Object(members)
    }
}

fn media(schema: Value, examples: &[(&str, Value)]) -> Value {
    let examples: Map<String, Value> =
        examples.iter().map(|(name, value)| ((*name).to_owned(), json!({ "value": value }))).collect();
    match examples.is_empty() {
        true => json!({ "schema": schema }),
        false => json!({ "schema": schema, "examples": examples }),
    }
}

fn shown_bytes(bytes: usize) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

/// A part of the path.
pub fn in_path(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
}

/// A parameter of the query that may be left out.
pub fn in_query(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

/// A parameter that must be there.
pub fn required(mut parameter: Value) -> Value {
    parameter["required"] = true.into();
    parameter
}

/// A header that may be left out.
pub fn in_header(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "header", "description": description, "schema": schema })
}
