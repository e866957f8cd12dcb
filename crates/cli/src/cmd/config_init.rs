//! `vitrine config init`: a configuration to begin with.

use crate::document::Face;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;
use anyhow::Context;
use clap::Args;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use vitrine_config::Format;

/// Write a small configuration to begin with: one placement, two offers, one experiment.
///
/// It checks without findings. The name says the form: .yaml, .json or .csv (for Excel and WPS). A file that exists is
/// never replaced.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config init offers.yaml
  vitrine config init offers.csv && vitrine config check offers.csv")]
pub struct Init {
    /// The file to write.
    #[arg(value_name = "FILE", default_value = "offers.yaml")]
    pub file: PathBuf,
}

/// What is written as YAML: with words for whoever reads it.
const EXAMPLE: &str = include_str!("config_init.yaml");

/// Writes the file.
///
/// # Errors
/// 1 if it exists or cannot be written, 2 for a workbook, which cannot be written.
pub fn run(args: &Init, ui: &Ui) -> Result<(), Failure> {
    let text = match Face::of(&args.file) {
        Face::Yaml => EXAMPLE.to_owned(),
        face => {
            let checked = vitrine_config::check(EXAMPLE, Format::Yaml);
            let checked =
                checked.map_err(|_| Failure::new(Exit::Failed, "the example has errors: please report this"))?;
            face.write(&checked.document)?
        }
    };
    write_new(&args.file, text.as_bytes())?;
    let file = args.file.display();
    ui.result(&json!({ "file": args.file }), || format!("{file} is written; try: vitrine config check {file}"))
}

/// Writes a file that must not exist.
///
/// # Errors
/// 1 if it exists or cannot be written.
pub fn write_new(path: &std::path::Path, bytes: &[u8]) -> Result<(), Failure> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let message = format!("{} exists; it is not replaced", path.display());
            Err(Failure::new(Exit::Failed, message).help("name another file, or move this one away first"))
        }
        Err(error) => Err(anyhow::Error::from(error).context(format!("cannot write {}", path.display())).into()),
    }
}
