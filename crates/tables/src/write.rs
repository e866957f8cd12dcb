//! Tables as directories: writing one, whole or not at all, and reading one back. The only part that touches files.

mod dir;
mod file;
mod spill;
mod writer;

pub use dir::{TableDir, TableError, VerifyReport};
pub use file::FileError;
pub use writer::{TableWriter, WriteError, WriteOptions};
