//! Where the project's files are: its root, its tools, its outputs.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The folders of one checkout.
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The checkout that holds this xtask. Errors: the folder is gone since it was compiled.
    pub fn find() -> Result<Self> {
        let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let xtask = manifest_dir.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let root = xtask.parent().context("xtask has no parent folder")?.to_path_buf();
        root.join("Cargo.toml")
            .exists()
            .then_some(())
            .with_context(|| format!("no Cargo.toml in {}", root.display()))?;
        Ok(Self { root })
    }

    /// The folder of the root `Cargo.toml`, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the root, absolute.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Tools that the tasks install for themselves; ignored by git.
    pub fn tools(&self) -> PathBuf {
        self.root.join(".tools")
    }

    /// The built Worker: `index.js` and `index_bg.wasm`.
    pub fn worker_build(&self) -> PathBuf {
        self.root.join("build")
    }

    /// State of the demo: data, table, local KV, secrets; ignored by git.
    pub fn demo(&self) -> PathBuf {
        self.root.join(".demo")
    }

    /// Cargo's target folder, as the environment or the default has it.
    pub fn target(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => self.root.join(dir),
            None => self.root.join("target"),
        }
    }

    /// The `vitrine` command, as the development profile builds it.
    pub fn vitrine(&self) -> PathBuf {
        self.target().join("debug").join(format!("vitrine{}", std::env::consts::EXE_SUFFIX))
    }

    /// A program of the npm packages, for example `wasm-opt`.
    pub fn npm_bin(&self, name: &str) -> PathBuf {
        self.root.join("node_modules/.bin").join(name)
    }

    /// The Node.js that the npm packages bring, else the one in `PATH`.
    pub fn node(&self) -> PathBuf {
        let pinned = self.npm_bin("node");
        if pinned.exists() { pinned } else { PathBuf::from("node") }
    }

    /// The date that fixes how the Workers runtime behaves, as `wrangler.toml` has it.
    pub fn compatibility_date(&self) -> Result<String> {
        let text = std::fs::read_to_string(self.path("wrangler.toml")).context("cannot read wrangler.toml")?;
        let line = text.lines().find_map(|line| line.strip_prefix("compatibility_date"));
        let date = line.and_then(|line| line.split('"').nth(1)).context("wrangler.toml has no compatibility_date")?;
        Ok(date.to_owned())
    }

    /// `path` as a person would write it from the root.
    pub fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}
