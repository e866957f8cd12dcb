//! Tables as directories: writing one, whole or not at all, and reading one back. The only part that touches files.

mod dir;
mod error;
mod file;
mod shards;
mod spill;
mod work_dir;
mod writer;

pub use dir::{TableDir, TableError, VerifyReport};
pub use error::WriteError;
pub use file::FileError;
pub use writer::{TableWriter, WriteOptions};
