//! `vitrine keys generate`: fresh secrets.

use crate::failure::{Exit, Failure};
use crate::ui::Ui;
use anyhow::Context;
use clap::Args;
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use vitrine_api::sha256_hex;
use vitrine_tables::TableKey;

/// Make a table key, a token key and an admin token from the system's random source.
///
/// Secrets go to files that only you can read; a file that exists is never replaced. What is printed is no secret: the
/// key's check, which tells it from other keys, and the token's SHA-256, which is all that the Worker holds of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine keys generate --table-key-file table.key --token-key-file token.key --admin-token-file admin.token
  wrangler secret put TABLE_KEY < table.key
  wrangler secret put TOKEN_KEY < token.key
  vitrine keys generate --admin-token-file admin.token --json | jq -r .admin_token_sha256 | wrangler secret put ADMIN_TOKEN_SHA256")]
pub struct Generate {
    /// Where to put the table key: 32 hexadecimal digits.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["admin_token_file", "token_key_file"])]
    pub table_key_file: Option<PathBuf>,
    /// Where to put the token key, which signs exposures and previews: 64 hexadecimal digits.
    #[arg(long, value_name = "FILE")]
    pub token_key_file: Option<PathBuf>,
    /// Where to put the admin token: 64 hexadecimal digits.
    #[arg(long, value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Generated {
    #[serde(skip_serializing_if = "Option::is_none")]
    table_key_check: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_token_sha256: Option<String>,
}

/// Makes the secrets and writes them.
///
/// # Errors
/// 1 if a file exists or cannot be written, or the system has no random source.
pub fn run(args: &Generate, ui: &Ui) -> Result<(), Failure> {
    let mut generated = Generated { table_key_check: None, token_key_file: None, admin_token_sha256: None };
    let mut lines = Vec::new();
    if let Some(path) = &args.table_key_file {
        let key: [u8; 16] = random()?;
        write_secret(path, &hex(&key))?;
        let check = TableKey::from_bytes(key).check();
        lines.push(format!("{}: table key with check {check}; the Worker's secret TABLE_KEY", path.display()));
        generated.table_key_check = Some(check);
    }
    if let Some(path) = &args.token_key_file {
        write_secret(path, &hex(&random::<32>()?))?;
        lines.push(format!("{}: token key; the Worker's secret TOKEN_KEY", path.display()));
        generated.token_key_file = Some(path.clone());
    }
    if let Some(path) = &args.admin_token_file {
        let token = hex(&random::<32>()?);
        write_secret(path, &token)?;
        let sha256 = sha256_hex(token.as_bytes());
        lines.push(format!("{}: admin token; the Worker's secret ADMIN_TOKEN_SHA256 is {sha256}", path.display()));
        generated.admin_token_sha256 = Some(sha256);
    }
    ui.result(&generated, || lines.join("\n"))
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the system has no random numbers")?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a new file that only its owner can read.
fn write_secret(path: &Path, secret: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(mut file) => {
            writeln!(file, "{secret}").with_context(|| format!("cannot write {}", path.display()))?;
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let message = format!("{} exists; a secret that is in use must not be lost", path.display());
            Err(Failure::new(Exit::Failed, message).help("name another file, or move this one away first"))
        }
        Err(error) => Err(anyhow::Error::from(error).context(format!("cannot write {}", path.display())).into()),
    }
}
