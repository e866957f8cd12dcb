//! What the edge asks of the registry itself, in the rare case that KV is known to be behind.

use serde::Deserialize;
use vitrine_api::BundlePointer;
use vitrine_flags::Json;
use worker::{Env, web_sys};

#[derive(Deserialize)]
struct Shown {
    current: Option<BundlePointer>,
}

/// The pointer of an environment as its one writer has it.
///
/// Errors: in words for the operator's log.
pub async fn pointer(environment: &str, env: &Env) -> Result<BundlePointer, String> {
    let environment = Json::from(environment);
    let call = format!(
        r#"{{"actor":{{"name":"edge","role":"viewer"}},"command":{{"show_config":{{"environment":{environment}}}}}}}"#
    );
    let ask = async {
        let stub = env.durable_object("REGISTRY")?.get_by_name("registry")?;
        // Not `worker::RequestInit`, which brings every option of a request with it.
        let init = web_sys::RequestInit::new();
        init.set_method("POST");
        init.set_body(&call.into());
        let request = web_sys::Request::new_with_str_and_init("https://registry/", &init)?;
        let mut response = stub.fetch_with_request(request.into()).await?;
        Ok((response.status_code(), response.text().await?))
    };
    let (status, text) = ask.await.map_err(|error: worker::Error| format!("the registry did not answer: {error}"))?;
    if status != 200 {
        return Err(format!("the registry answered {status}: {text}"));
    }
    let shown: Shown =
        serde_json::from_slice(text.as_bytes()).map_err(|error| format!("the registry's answer: {error}"))?;
    shown.current.ok_or_else(|| "the registry has no pointer".to_owned())
}
