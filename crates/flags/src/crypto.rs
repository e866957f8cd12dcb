//! Encrypted payloads: AES-128-CBC, `base64(iv).base64(ciphertext)`.
//!
//! There is no signature: it keeps the curious out, it does not prove where a payload comes from.

/// The plain text, or `None` if anything is malformed or the key is wrong. `key`: 16 bytes in base64.
pub fn decrypt(_encrypted: &str, _key: &str) -> Option<String> {
    None
}

/// Encrypts `plain` with `key` (16 bytes in base64). `iv` must be new for each call. `None` if the key is malformed.
pub fn encrypt(_plain: &str, _key: &str, _iv: [u8; 16]) -> Option<String> {
    None
}
