//! Files and secrets that the command reads; the only place that reads the environment.

use crate::failure::{Exit, Exits, Failure};
use anyhow::Context;
use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use vitrine_tables::TableKey;

/// Environment variable with the table key, if no key file is named.
pub const TABLE_KEY_VARIABLE: &str = "VITRINE_TABLE_KEY";
/// Environment variable with the admin token, if no token file is named.
pub const ADMIN_TOKEN_VARIABLE: &str = "VITRINE_ADMIN_TOKEN";

/// The bytes of a file.
///
/// # Errors
/// Exit code 1, with the file and the cause.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
}

/// The bytes of a file, or of standard input for `-`.
///
/// # Errors
/// Exit code 1, with the file and the cause.
pub fn read_or_stdin(path: &Path) -> Result<Vec<u8>, Failure> {
    if !is_stdio(path) {
        return read(path);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
    Ok(bytes)
}

/// The table key: from the file, or from `VITRINE_TABLE_KEY`.
///
/// # Errors
/// Exit code 2 if there is neither, 1 if the file cannot be read, 3 if the text is no key. The text is never shown.
pub fn table_key(file: Option<&Path>) -> Result<TableKey, Failure> {
    let advice = "make one with `vitrine keys generate --table-key-file table.key`";
    let secret = secret(file, "table key", TABLE_KEY_VARIABLE, "--key-file").map_err(|failure| failure.help(advice))?;
    TableKey::from_hex(&secret.text).with_context(|| secret.origin).invalid().map_err(|failure| failure.help(advice))
}

/// The key of an encrypted GrowthBook payload: 16 bytes in base64, from a file.
///
/// # Errors
/// Exit code 1 if the file cannot be read, 3 if the text is no such key. The text is never shown.
pub fn decryption_key(path: &Path) -> Result<String, Failure> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read the decryption key {}", path.display()))?;
    let text = text.trim();
    if !vitrine_config::is_decryption_key(text) {
        let message = format!("{}: a decryption key is 16 bytes in base64", path.display());
        return Err(Failure::new(Exit::Invalid, message).help("copy the key of the SDK connection from GrowthBook"));
    }
    Ok(text.to_owned())
}

/// The admin token: from the file, or from `VITRINE_ADMIN_TOKEN`.
///
/// # Errors
/// Exit code 2 if there is neither, 1 if the file cannot be read, 3 if no HTTP header can carry the text.
pub fn admin_token(file: Option<&Path>) -> Result<String, Failure> {
    let secret = secret(file, "admin token", ADMIN_TOKEN_VARIABLE, "--token-file")?;
    if secret.text.is_empty() || !secret.text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!("{}: an admin token is one word of visible ASCII characters", secret.origin);
        return Err(Failure::new(Exit::Invalid, message)
            .help("make one with `vitrine keys generate --admin-token-file admin.token`"));
    }
    Ok(secret.text)
}

/// A secret and where it came from.
struct Secret {
    text: String,
    origin: String,
}

fn secret(file: Option<&Path>, what: &str, variable: &str, flag: &str) -> Result<Secret, Failure> {
    if let Some(path) = file {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the {what} {}", path.display()))?;
        return Ok(Secret { text: text.trim().to_owned(), origin: path.display().to_string() });
    }
    match env::var(variable) {
        Ok(text) => Ok(Secret { text: text.trim().to_owned(), origin: variable.to_owned() }),
        Err(_) => Err(Failure::new(Exit::Usage, format!("no {what}: give {flag} FILE or set {variable}"))),
    }
}

/// Whether a path stands for standard input or output.
pub fn is_stdio(path: &Path) -> bool {
    path == Path::new("-")
}
