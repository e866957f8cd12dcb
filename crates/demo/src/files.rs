//! The shop as a directory of files.

use crate::offers::offers_document;
use crate::rows::Writers;
use crate::setup::{MAPPING_TOML, MAPPING_ZH_TOML, PARTNER_TOML, SHOP_TOML};
use crate::shop::{DemoError, DemoShop};
use crate::truth::Truth;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The same as in `truth.json`.
    pub truth: Truth,
    /// The files, in the order in which they were written.
    pub files: Vec<PathBuf>,
}

impl DemoShop {
    /// Writes the whole shop into a directory, which is made if need be: `catalogue.csv`, the files that [`Writers`] names,
    /// `costs.csv`, `erased.txt`, `shop.toml` and its mappings, `offers.json`, `truth.json`. Files of these names are replaced, each only
    /// when its successor is complete. `progress` is called with the customers done and their number.
    ///
    /// # Errors
    /// [`DemoError::Write`], with the file and the cause.
    pub fn write_dir(&self, dir: &Path, progress: impl FnMut(u32, u32)) -> Result<Summary, DemoError> {
        fs::create_dir_all(dir).map_err(at(dir))?;
        let mut files = Vec::new();
        let mut create = |name: &'static str| {
            let path = dir.join(name);
            let partial = Partial::create(&path).map_err(at(&path))?;
            files.push(path);
            Ok(partial)
        };

        let mut out = create("catalogue.csv")?;
        let catalogue = self.write_catalogue(&mut out).map_err(at(&out.path))?;
        out.finish()?;
        let mut out = create("costs.csv")?;
        let costs = self.write_costs(&mut out).map_err(at(&out.path))?;
        out.finish()?;

        let mut writers = Writers::open(&mut create)?;
        let mut truth = self.write(&mut writers, progress).map_err(at(dir))?;
        for out in writers.into_all() {
            out.finish()?;
        }
        truth.files.extend([("catalogue.csv", catalogue), ("costs.csv", costs)]);

        let erased: String = truth.erased.iter().map(|id| format!("{id}\n")).collect();
        let json = |value: serde_json::Result<String>| value.map_err(io::Error::from).map_err(at(dir));
        let offers = json(serde_json::to_string_pretty(&offers_document()))? + "\n";
        let truth_json = json(serde_json::to_string_pretty(&truth))? + "\n";
        for (name, text) in [
            ("erased.txt", erased.as_str()),
            ("shop.toml", SHOP_TOML),
            ("mapping.toml", MAPPING_TOML),
            ("mapping_zh.toml", MAPPING_ZH_TOML),
            ("partner.toml", PARTNER_TOML),
            ("offers.json", &offers),
            ("truth.json", &truth_json),
        ] {
            let mut out = create(name)?;
            out.write_all(text.as_bytes()).map_err(at(&out.path))?;
            out.finish()?;
        }
        Ok(Summary { truth, files })
    }
}

/// Names the file in an error.
fn at(path: &Path) -> impl FnOnce(io::Error) -> DemoError {
    let path = path.to_owned();
    move |source| DemoError::Write { path, source }
}

/// A file that takes its name only when it is complete.
struct Partial {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<File>,
}

impl Partial {
    fn create(path: &Path) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let partial = path.with_file_name(name);
        let file = BufWriter::with_capacity(1 << 16, File::create(&partial)?);
        Ok(Self { path: path.to_owned(), partial, file })
    }

    fn finish(mut self) -> Result<(), DemoError> {
        self.file.flush().and_then(|()| fs::rename(&self.partial, &self.path)).map_err(at(&self.path))
    }
}

impl Write for Partial {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
