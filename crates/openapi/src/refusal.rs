//! Refusals as problem details (RFC 9457): one shared answer for each set of codes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use vitrine_api::{Problem, ProblemCode};

use crate::schemas::{Schemas, with};

/// The refusals that the operations have asked for.
#[derive(Default)]
pub struct Refusals {
    by_name: BTreeMap<String, (u16, Vec<ProblemCode>)>,
}

impl Refusals {
    /// A reference to the answer with this status and one of these codes.
    pub fn reference(&mut self, status: u16, codes: &[ProblemCode]) -> Value {
        let mut codes = codes.to_vec();
        codes.sort_unstable_by_key(|it| it.as_str());
        let name = codes.iter().map(|it| pascal(it.as_str())).collect::<Vec<_>>().join("Or");
        self.by_name.insert(name.clone(), (status, codes));
        json!({ "$ref": format!("#/components/responses/{name}") })
    }

    /// The answers by name, for the components.
    pub fn into_components(self, schemas: &mut Schemas) -> Map<String, Value> {
        let problem = schemas.sent::<Problem>();
        let answer = |(name, (status, codes)): (String, (u16, Vec<ProblemCode>))| {
            let titles: Vec<&str> = codes.iter().map(|it| it.title()).collect();
            let words: Vec<&str> = codes.iter().map(|it| it.as_str()).collect();
            let schema = with(
                problem.clone(),
                json!({ "properties": { "status": { "const": status }, "code": { "enum": words } } }),
            );
            let content = json!({ "application/problem+json": { "schema": schema } });
            let mut answer = json!({ "description": titles.join("; "), "content": content });
            if let Some(header) = header(&codes) {
                answer["headers"] = json!({ header: { "$ref": format!("#/components/headers/{header}") } });
            }
            (name, answer)
        };
        self.by_name.into_iter().map(answer).collect()
    }
}

/// The header that comes with these codes.
fn header(codes: &[ProblemCode]) -> Option<&'static str> {
    codes.iter().find_map(|code| match code {
        ProblemCode::Unauthorized => Some("WWW-Authenticate"),
        ProblemCode::TooManyRequests => Some("Retry-After"),
        _ => None,
    })
}

fn pascal(word: &str) -> String {
    let capital = |part: &str| {
        let mut chars = part.chars();
        chars.next().map(|it| it.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    word.split('_').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_in_any_order_are_one_answer() {
        let mut refusals = Refusals::default();
        let codes = [ProblemCode::MalformedJson, ProblemCode::InvalidRequest];
        let first = refusals.reference(400, &codes);
        assert_eq!(first, json!({ "$ref": "#/components/responses/InvalidRequestOrMalformedJson" }));
        assert_eq!(refusals.reference(400, &[codes[1], codes[0]]), first);
        let components = refusals.into_components(&mut Schemas::new());
        assert_eq!(components.len(), 1);
        let schema = &components["InvalidRequestOrMalformedJson"]["content"]["application/problem+json"]["schema"];
        assert_eq!(schema["properties"]["code"]["enum"], json!(["invalid_request", "malformed_json"]));
        assert_eq!(schema["$ref"], "#/components/schemas/Problem");
    }
}
