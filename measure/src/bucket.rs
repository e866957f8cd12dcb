//! The R2 bucket of raw events.

use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::Env;

#[wasm_bindgen]
extern "C" {
    type Binding;

    #[wasm_bindgen(method, catch)]
    fn put(this: &Binding, key: &str, value: &str) -> Result<Promise, JsValue>;
}

/// The bucket bound as `EVENTS`.
pub struct Bucket(Binding);

impl Bucket {
    /// `None` when the Worker has no such binding: then no raw events are kept.
    pub fn of(env: &Env) -> Option<Self> {
        let binding =
            Reflect::get(env.as_ref(), &"EVENTS".into()).ok().filter(|it| it.is_object() || it.is_function())?;
        Some(Self(binding.unchecked_into()))
    }

    /// Writes a file.
    ///
    /// Errors: in words for the log.
    pub async fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let failed = |error: JsValue| format!("R2: {error:?}");
        let promise = self.0.put(name, text).map_err(failed)?;
        JsFuture::from(promise).await.map(drop).map_err(failed)
    }
}
