//! Calls of Durable Objects.

use worker::{Env, Error, Method, Request, RequestInit, Result};

/// Posts `body` to the object `name` behind the binding `binding`, and gives its answer.
///
/// Errors: there is no such binding, it gave no answer, or it refused; then the error is what it said.
pub async fn ask(env: &Env, binding: &str, name: &str, body: &str) -> Result<String> {
    let stub = env.durable_object(binding)?.get_by_name(name)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(body.into()));
    let mut response = stub.fetch_with_request(Request::new_with_init("https://object/", &init)?).await?;
    let text = response.text().await?;
    if response.status_code() == 200 { Ok(text) } else { Err(Error::RustError(text)) }
}
