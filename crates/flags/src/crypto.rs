//! Encrypted payloads: AES-128-CBC, `base64(iv).base64(ciphertext)`.
//!
//! There is no signature: it keeps the curious out, it does not prove where a payload comes from.

use crate::json::{Json, Object};
use aes::Aes128;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};

/// Members that may come encrypted, with their plain names.
const ENCRYPTED: [(&str, &str); 4] = [
    ("encryptedFeatures", "features"),
    ("encryptedExperiments", "experiments"),
    ("encryptedSavedGroups", "savedGroups"),
    ("encryptedContextualBandits", "contextualBandits"),
];

/// The plain text, or `None` if anything is malformed or the key is wrong. `key`: 16 bytes in base64.
pub fn decrypt(encrypted: &str, key: &str) -> Option<String> {
    let (iv, text) = encrypted.split_once('.')?;
    let decode = |text: &str| BASE64_STANDARD.decode(text).ok();
    let cipher = cbc::Decryptor::<Aes128>::new_from_slices(&decode(key)?, &decode(iv)?).ok()?;
    String::from_utf8(cipher.decrypt_padded_vec::<Pkcs7>(&decode(text)?).ok()?).ok()
}

/// Encrypts `plain` with `key` (16 bytes in base64). `iv` must be new for each call. `None` if the key is malformed.
pub fn encrypt(plain: &str, key: &str, iv: [u8; 16]) -> Option<String> {
    let key = BASE64_STANDARD.decode(key).ok()?;
    let cipher = cbc::Encryptor::<Aes128>::new_from_slices(&key, &iv).ok()?;
    let text = cipher.encrypt_padded_vec::<Pkcs7>(plain.as_bytes());
    Some(format!("{}.{}", BASE64_STANDARD.encode(iv), BASE64_STANDARD.encode(text)))
}

/// The payload with its encrypted members in plain, to be compiled. A member that cannot be decrypted, or is not JSON then,
/// is left out; a plain one of the same meaning stays.
pub fn decrypt_payload(payload: &Object, key: &str) -> Object {
    let mut plain = payload.clone();
    for (encrypted, name) in ENCRYPTED {
        let text = plain.remove(encrypted);
        let text = text.as_ref().and_then(Json::as_text).and_then(|text| decrypt(text, key));
        if let Some(json) = text.and_then(|text| Json::parse(text.as_bytes()).ok()) {
            plain.insert(name, json);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "Zvwv/+uhpFDznZ6SX28Yjg==";

    #[test]
    fn what_is_encrypted_can_be_decrypted() {
        for plain in ["", "{}", "sixteen bytes!!!", "用户 😀"] {
            let encrypted = encrypt(plain, KEY, [7; 16]).unwrap();
            assert_eq!(decrypt(&encrypted, KEY).as_deref(), Some(plain));
        }
        assert_eq!(encrypt("", "short", [0; 16]), None);
    }

    #[test]
    fn a_payload_is_decrypted_member_by_member() {
        let mut payload = Object::new();
        payload.insert("encryptedFeatures", encrypt(r#"{"f":{}}"#, KEY, [1; 16]).unwrap());
        payload.insert("encryptedSavedGroups", encrypt("{broken", KEY, [2; 16]).unwrap());
        payload.insert("encryptedExperiments", "nonsense");
        payload.insert("dateUpdated", "today");
        let plain = decrypt_payload(&payload, KEY);
        assert_eq!(Json::Object(plain).to_string(), r#"{"dateUpdated":"today","features":{"f":{}}}"#);
    }
}
