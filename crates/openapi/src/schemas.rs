//! Schemas of types, collected into the document's components.

use std::collections::BTreeMap;

use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// What has been described so far. What is received and what is sent are described apart: a member with a default may be left
/// out of the one, and always comes in the other.
pub struct Schemas {
    received: SchemaGenerator,
    sent: SchemaGenerator,
}

impl Schemas {
    /// Nothing yet.
    pub fn new() -> Self {
        let generator = |contract| {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings.contract = contract;
            settings.into_generator()
        };
        Self { received: generator(Contract::Deserialize), sent: generator(Contract::Serialize) }
    }

    /// The schema of what the Worker reads, or a reference to it.
    pub fn received<T: JsonSchema>(&mut self) -> Value {
        self.received.subschema_for::<T>().to_value()
    }

    /// The schema of what the Worker writes, or a reference to it.
    pub fn sent<T: JsonSchema>(&mut self) -> Value {
        self.sent.subschema_for::<T>().to_value()
    }

    /// All schemas by name.
    ///
    /// # Panics
    /// If a type is both received and sent, and the two differ; or if two types have the same name.
    pub fn into_components(mut self) -> Map<String, Value> {
        let mut components: BTreeMap<String, Value> = self.sent.take_definitions(true).into_iter().collect();
        components.values_mut().for_each(without_absent_nulls);
        for (name, schema) in self.received.take_definitions(true) {
            if let Some(sent) = components.get(&name) {
                assert_eq!(*sent, schema, "{name} is received in another shape than it is sent");
            }
            components.insert(name, schema);
        }
        let twice = components.keys().find(|it| it.ends_with(|last: char| last.is_ascii_digit()));
        assert_eq!(twice, None, "two types have the same name");
        components.values_mut().for_each(tidy);
        components.into_iter().collect()
    }
}

/// What may be absent from an answer is never null in it: serde leaves it out.
fn without_absent_nulls(schema: &mut Value) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|it| it.iter().any(|it| it == name));
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
        without_null(property);
    }
}

fn without_null(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    if let Some(Value::Array(types)) = members.get_mut("type") {
        types.retain(|it| it != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            members.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(variants)) = members.get_mut("anyOf") {
        variants.retain(|it| it["type"] != "null");
        if let [Value::Object(only)] = variants.as_slice() {
            let only = only.clone();
            members.remove("anyOf");
            members.extend(only);
        }
    }
}

/// Brings a schema into the form of the document: descriptions in the words of JSON and without the links of rustdoc, numbers
/// without the names of Rust's types where these say no more than the bounds do.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`").replace("`None`", "null");
            }
            // Of no use to a reader: no JSON number is of these types.
            if members
                .get("format")
                .is_some_and(|it| ["uint", "uint64", "uint32", "uint16", "uint8"].iter().any(|name| it == name))
            {
                members.remove("format");
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// A schema with more said about it: members are added to a reference, or to the schema itself.
pub fn with(mut schema: Value, more: Value) -> Value {
    match (&mut schema, more) {
        (Value::Object(members), Value::Object(more)) => members.extend(more),
        (other, _) => *other = json!({ "allOf": [other.clone()] }),
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(JsonSchema, Serialize, Deserialize)]
    struct Both {
        #[serde(default)]
        count: u64,
    }

    #[test]
    #[should_panic(expected = "Both is received in another shape than it is sent")]
    fn one_name_has_one_shape() {
        let mut schemas = Schemas::new();
        schemas.received::<Both>();
        schemas.sent::<Both>();
        schemas.into_components();
    }

    #[test]
    fn types_are_referred_to_where_the_document_keeps_them() {
        let mut schemas = Schemas::new();
        assert_eq!(schemas.received::<Both>(), json!({ "$ref": "#/components/schemas/Both" }));
        let components = schemas.into_components();
        assert_eq!(components["Both"]["properties"]["count"]["default"], 0);
        assert!(components["Both"].get("required").is_none());
    }

    #[derive(JsonSchema, Serialize)]
    struct Answer {
        always: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        sometimes: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        object: Option<Both>,
    }

    #[test]
    fn what_may_be_absent_from_an_answer_is_never_null() {
        let mut schemas = Schemas::new();
        schemas.sent::<Answer>();
        let answer = &schemas.into_components()["Answer"];
        assert_eq!(answer["required"], json!(["always"]));
        assert_eq!(answer["properties"]["always"]["type"], json!(["integer", "null"]));
        assert_eq!(answer["properties"]["sometimes"]["type"], "integer");
        assert_eq!(answer["properties"]["object"], json!({ "$ref": "#/components/schemas/Both" }));
    }

    #[test]
    fn descriptions_lose_the_links_of_rustdoc() {
        let mut schema = json!({ "description": "see [`Other`]", "properties": { "a": { "description": "[`b`]", "format": "uint" } } });
        tidy(&mut schema);
        assert_eq!(schema, json!({ "description": "see `Other`", "properties": { "a": { "description": "`b`" } } }));
    }
}
