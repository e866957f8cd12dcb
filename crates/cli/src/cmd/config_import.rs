//! `vitrine config import`: a configuration made of something else.

use crate::cmd::config_init::write_new;
use crate::document::{self, Around, Face};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::ui::Ui;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;
use vitrine_config::{ImportOptions, Imported, NoteKind, import_flagd, import_growthbook};

/// Make a configuration of a GrowthBook payload, of flagd's flags, or of a spreadsheet.
///
/// What a configuration cannot say is left out whole, with the reason, and never changed silently. Ids in saved groups are
/// hashed with the table key.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine config import payload.json --from growthbook --out flags.yaml
  curl -s https://cdn.growthbook.io/api/features/sdk-abc | vitrine config import - --from growthbook > flags.json
  vitrine config import payload.json --from growthbook --decryption-key-file sdk.key --out flags.yaml
  vitrine config import flags.flagd.json --from flagd --out flags.yaml
  vitrine config import offers.xlsx --out offers.yaml")]
pub struct Import {
    /// What to read; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What it is. Default: a configuration in the form that its name says.
    #[arg(long)]
    pub from: Option<From>,
    /// Where to write the configuration; the name says the form. Default: JSON on standard output. A file that exists is
    /// never replaced.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
    /// File with the table key, for ids of saved groups. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// File with the key of an encrypted GrowthBook payload: the one of its SDK connection.
    #[arg(long, value_name = "FILE")]
    pub decryption_key_file: Option<PathBuf>,
    /// Fail if anything had to be left out.
    #[arg(long)]
    pub strict: bool,
}

/// What can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// The payload that GrowthBook's SDKs read.
    Growthbook,
    /// The flag definitions of flagd.
    Flagd,
    /// A configuration: JSON, YAML, CSV or a workbook.
    Config,
}

/// Reads, tells what was lost, writes.
///
/// # Errors
/// 3 if the input is no such thing, or with --strict if something was left out; 1 if the result exists already.
pub fn run(args: &Import, ui: &Ui) -> Result<(), Failure> {
    if args.decryption_key_file.is_some() && args.from != Some(From::Growthbook) {
        let failure = Failure::new(Exit::Usage, "--decryption-key-file is for payloads of GrowthBook");
        return Err(failure.help("add --from growthbook, or leave the key out"));
    }
    let (document, n_left_out) = match args.from {
        Some(From::Growthbook) => told(args, growthbook(args)?, ui),
        Some(From::Flagd) => {
            let imported = import_flagd(&files::read_or_stdin(&args.file)?);
            told(args, imported.map_err(|why| refused(args, why))?, ui)
        }
        Some(From::Config) | None => {
            let around = Around { key_file: args.key_file.as_deref(), ..Around::default() };
            (document::checked(&args.file, around, ui)?.document, 0)
        }
    };
    if args.strict && n_left_out > 0 {
        let message = format!("{n_left_out} parts of {} cannot be carried over", args.file.display());
        return Err(Failure::new(Exit::Invalid, message).help("without --strict the rest is imported"));
    }
    let text = Face::of(&args.out).write(&document)?;
    if files::is_stdio(&args.out) {
        return ui.line(&text);
    }
    write_new(&args.out, text.as_bytes())?;
    ui.result(&json!({ "file": args.out, "left_out": n_left_out }), || match n_left_out {
        0 => format!("{} is written", args.out.display()),
        n => format!("{} is written, without {n} parts that cannot be carried over", args.out.display()),
    })
}

fn refused(args: &Import, why: String) -> Failure {
    Failure::new(Exit::Invalid, format!("{}: {why}", args.file.display()))
}

fn growthbook(args: &Import) -> Result<Imported, Failure> {
    let bytes = files::read_or_stdin(&args.file)?;
    // A key is only needed if the payload has ids.
    let key = files::table_key(args.key_file.as_deref());
    let key = if args.key_file.is_some() { Some(key?) } else { key.ok() };
    let hash = key.map(|key| move |id: &str| key.hash(id).0);
    let decryption_key = args.decryption_key_file.as_deref().map(files::decryption_key).transpose()?;
    let options = ImportOptions {
        hash: hash.as_ref().map(|it| it as &dyn Fn(&str) -> u64),
        decryption_key: decryption_key.as_deref(),
    };
    import_growthbook(&bytes, options).map_err(|why| refused(args, why))
}

/// Tells what was lost. Gives the document, and how much that is.
fn told(args: &Import, imported: Imported, ui: &Ui) -> (serde_json::Value, usize) {
    let left_out = |kind: NoteKind| kind == NoteKind::LeftOut;
    for note in &imported.notes {
        let word = if left_out(note.kind) { "left out" } else { "note" };
        ui.note(&format!("{}: {word}: {}: {}", args.file.display(), note.pointer, note.message));
    }
    (imported.document, imported.notes.iter().filter(|it| left_out(it.kind)).count())
}
