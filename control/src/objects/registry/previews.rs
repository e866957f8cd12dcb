//! Previews: what is to be shown is worked out and signed here; a draft is compiled and kept in KV for as long as it may be seen.

use serde_json::{Value, json};
use vitrine_api::{
    Envelope, NewPreview, PREVIEW_HEADER, PREVIEW_LIFE_S, PREVIEW_PARAMETER, PRODUCTION, PreviewToken, preview_key,
    sha256_hex,
};
use vitrine_engine::TimestampMs;
use vitrine_flags::{Json, Object};
use vitrine_rim::settings::Settings;

use super::Registry;
use super::audit::Told;
use super::command::Actor;
use super::failure::{Outcome, conflict, field, inside, not_found};
use super::now_ms;
use super::versions::checked;

impl Registry {
    pub(super) async fn new_preview(&self, actor: &Actor, body: NewPreview) -> Outcome {
        let settings = Settings::of(&self.env);
        let Some(keys) = &settings.token_keys else {
            return Err(conflict("set the secret TOKEN_KEY (64 hex digits) first"));
        };
        let NewPreview { environment, draft, experiments, flags, attributes, at, expires_in } = body;
        if !PREVIEW_LIFE_S.contains(&expires_in) {
            let (least, most) = PREVIEW_LIFE_S.into_inner();
            return Err(field("/expires_in", "out_of_range", format!("a preview lives {least} to {most} seconds")));
        }
        let life_ms = i64::try_from(expires_in.saturating_mul(1000)).unwrap_or(i64::MAX);
        let expires_at_ms = now_ms().saturating_add(life_ms);
        let (environment, document, shown) = match (&environment, &draft) {
            (Some(_), Some(_)) => {
                return Err(field("/environment", "contradictory", "give an environment or a draft, not both"));
            }
            (_, Some(id)) => {
                let draft = self.kept(id)?.draft;
                let document = self.draft_document(&draft)?;
                (draft.environment, document, format!("revision {} of draft {id}", draft.revision))
            }
            (environment, None) => {
                let environment = environment.as_deref().unwrap_or(PRODUCTION).to_owned();
                let Some(version) = self.pointer(&environment)?.version else {
                    return Err(conflict(format!("nothing has been published in {environment}")));
                };
                let shown = format!("what runs in {environment}");
                (environment, self.document(version).await?, shown)
            }
        };
        let configuration = checked(&document)?;
        let mut preview = PreviewToken::new(environment.as_str(), expires_at_ms);
        for (experiment, variation) in &experiments {
            let idx = variation_idx(&configuration.document, experiment, variation)?;
            preview.variations.insert(experiment.clone(), idx);
        }
        for flag in flags.keys() {
            if configuration.flags.get("features").and_then(|it| it.get(flag)).is_none() {
                return Err(not_found(format!("there is no flag {flag:?}")));
            }
        }
        preview.at_ms = at.as_deref().map(time).transpose()?;
        (preview.flags, preview.attributes) = (members(flags), members(attributes));
        if draft.is_some() {
            let bundle = vitrine_bundle::encode(&configuration.stored()).map_err(inside)?;
            let envelope = Envelope::new(0, String::new(), bundle).map_err(inside)?;
            let id = sha256_hex(envelope.to_json().as_bytes()).get(..32).unwrap_or_default().to_owned();
            self.kv()?.put_expiring(&preview_key(&id), envelope.to_json().as_bytes(), expires_in).await?;
            preview.draft = Some(id);
        }
        let Some(token) = preview.sign(keys) else {
            return Err(field("/attributes", "too_long", "the preview is too long for an address: make up less"));
        };
        let expires_at = TimestampMs(expires_at_ms).to_string();
        let summary = format!("{shown} until {expires_at}{}", words(&preview));
        self.audit(actor, Told { action: "preview.create", target: &environment, reason: "", summary })?;
        Ok(json!({
            "token": token,
            "header": PREVIEW_HEADER,
            "query": format!("{PREVIEW_PARAMETER}={token}"),
            "expires_at": expires_at,
        }))
    }
}

/// The members of an object as the evaluator has them.
fn members(map: serde_json::Map<String, Value>) -> Object {
    match Json::parse(Value::Object(map).to_string().as_bytes()) {
        Ok(Json::Object(members)) => members,
        // What serde has read, it can write.
        _ => Object::new(),
    }
}

fn time(at: &str) -> Outcome<i64> {
    let time = TimestampMs::parse(at).map(|it| it.0);
    time.map_err(|_| field("/at", "invalid_time", format!("{at:?} is not an RFC 3339 time")))
}

/// The place of a variation in its experiment.
fn variation_idx(document: &Value, experiment: &str, variation: &str) -> Outcome<i64> {
    let entries = |of: &'_ Value, name: &str| of.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let is = |it: &Value, id: &str| it.get("id").and_then(Value::as_str) == Some(id);
    let Some(found) = entries(document, "experiments").into_iter().find(|it| is(it, experiment)) else {
        return Err(not_found(format!("there is no experiment {experiment:?}")));
    };
    let variations = entries(&found, "variations");
    let idx = variations.iter().position(|it| is(it, variation));
    idx.and_then(|it| i64::try_from(it).ok()).ok_or_else(|| {
        let known: Vec<&str> = variations.iter().filter_map(|it| it.get("id").and_then(Value::as_str)).collect();
        not_found(format!("{experiment} has no variation {variation:?}; there are: {}", known.join(", ")))
    })
}

/// What the preview chooses, without values: attributes may be about a person.
fn words(preview: &PreviewToken) -> String {
    let names = |title: &str, names: Vec<&str>| {
        if names.is_empty() { String::new() } else { format!("; {title} {}", names.join(", ")) }
    };
    let mut words = names("experiments", preview.variations.keys().map(String::as_str).collect());
    words.push_str(&names("flags", preview.flags.keys().collect()));
    words.push_str(&names("attributes", preview.attributes.keys().collect()));
    if let Some(at_ms) = preview.at_ms {
        words.push_str(&format!("; at {}", TimestampMs(at_ms)));
    }
    words
}
