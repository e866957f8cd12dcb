//! Words that nobody can guess, from the runtime's random source.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    fn fill(bytes: &mut [u8]) -> Result<JsValue, JsValue>;
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A word of `chars` letters and digits, each of which is as likely as any other.
///
/// Errors: the runtime has no random source, in words for the log.
pub fn word(chars: usize) -> Result<String, String> {
    let mut word = String::with_capacity(chars);
    let mut bytes = [0_u8; 64];
    while word.len() < chars {
        fill(&mut bytes).map_err(|error| format!("no random numbers: {error:?}"))?;
        // 248 is the greatest multiple of 62 in a byte: what lies beyond would favour the first letters.
        let drawn = bytes.iter().filter(|it| **it < 248).filter_map(|it| ALPHABET.get(usize::from(*it % 62)));
        word.extend(drawn.take(chars.saturating_sub(word.len())).map(|it| char::from(*it)));
    }
    Ok(word)
}
