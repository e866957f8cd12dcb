//! The shop as a directory of files.

use crate::offers::offers_document;
use crate::rows::Writers;
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
    /// Writes the whole shop into a directory, which is made if need be: `catalogue.csv`, `orders.csv`, `events.csv`,
    /// `customers.csv`, `truth_customers.csv`, `offers.json`, `truth.json`. Files of these names are replaced, each only when
    /// its successor is complete. `progress` is called with the customers done and their number.
    ///
    /// # Errors
    /// [`DemoError::Write`], with the file and the cause.
    pub fn write_dir(&self, dir: &Path, progress: impl FnMut(u32, u32)) -> Result<Summary, DemoError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| DemoError::Write { path, source }
        };
        fs::create_dir_all(dir).map_err(at(dir))?;
        let names = [
            "catalogue.csv",
            "orders.csv",
            "events.csv",
            "customers.csv",
            "truth_customers.csv",
            "offers.json",
            "truth.json",
        ];
        let files = names.map(|name| dir.join(name));
        let [catalogue, orders, events, customers, truth_customers, offers, truth_file] = &files;

        let mut out = Partial::create(catalogue).map_err(at(catalogue))?;
        self.write_catalogue(&mut out).map_err(at(catalogue))?;
        out.finish().map_err(at(catalogue))?;

        let mut writers = Writers {
            orders: Partial::create(orders).map_err(at(orders))?,
            events: Partial::create(events).map_err(at(events))?,
            customers: Partial::create(customers).map_err(at(customers))?,
            truth_customers: Partial::create(truth_customers).map_err(at(truth_customers))?,
        };
        let truth = self.write(&mut writers, progress).map_err(at(dir))?;
        writers.orders.finish().map_err(at(orders))?;
        writers.events.finish().map_err(at(events))?;
        writers.customers.finish().map_err(at(customers))?;
        writers.truth_customers.finish().map_err(at(truth_customers))?;

        write_json(offers, &offers_document()).map_err(at(offers))?;
        write_json(truth_file, &truth).map_err(at(truth_file))?;
        Ok(Summary { truth, files: files.to_vec() })
    }
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> io::Result<()> {
    let mut out = Partial::create(path)?;
    serde_json::to_writer_pretty(&mut out, value)?;
    out.write_all(b"\n")?;
    out.finish()
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

    fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        fs::rename(&self.partial, &self.path)
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
