//! Numbers that tell the answers of a deployment apart, for [`vitrine_api::Issuer`].

use std::cell::Cell;

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    fn fill(bytes: &mut [u8]) -> Result<JsValue, JsValue>;
}

thread_local! {
    static NEXT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A number that this isolate has not given before: it begins at random, once, and counts on.
pub fn next() -> u64 {
    NEXT.with(|next| {
        let seed = next.get().unwrap_or_else(random);
        next.set(Some(seed.wrapping_add(1)));
        seed
    })
}

/// Without a random source there is still the time, which is part of whatever a seed goes into.
fn random() -> u64 {
    let mut bytes = [0; 8];
    if let Err(error) = fill(&mut bytes) {
        worker::console_error!("no random numbers: {error:?}");
    }
    u64::from_le_bytes(bytes)
}
