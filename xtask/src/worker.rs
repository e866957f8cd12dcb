//! The Worker: compiled to wasm, packaged into `build/`, weighed.

use crate::command::{capture, cargo, command};
use crate::project::Project;
use crate::setup;
use crate::stamp;
use crate::steps::{Outcome, Step, Steps};
use anyhow::{Context, Result, bail};
use flate2::write::GzEncoder;
use flate2::{Compression, Crc};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A part of the Worker: a wasm module of its own.
struct Part {
    /// Name of its folder in `build/`.
    name: &'static str,
    /// Folder of its package, below the root.
    package: &'static str,
    /// Limit on the wasm file, gzipped, in bytes.
    gzipped_bytes_max: usize,
}

/// The edge part answers storefronts, so it is small (source: the design's budgets); the others are loaded only to administer and to
/// count.
const PARTS: [Part; 3] = [
    Part { name: "edge", package: ".", gzipped_bytes_max: 400 * 1024 },
    Part { name: "control", package: "control", gzipped_bytes_max: 1200 * 1024 },
    Part { name: "measure", package: "measure", gzipped_bytes_max: 500 * 1024 },
];

/// Files of the door in front of the parts, below `js/`.
const DOOR: [&str; 5] = ["index.js", "batch.js", "mail.js", "pages.js", "piece.js"];

/// Limit on the storefront's tag, small and gzipped, in bytes. Every page of a shop loads it.
const TAG_GZIPPED_BYTES_MAX: usize = 3 * 1024;

/// How many steps [`build`] takes.
pub const N_STEPS: usize = PARTS.len();

/// The task `build`.
pub fn run(project: &Project) -> Result<()> {
    let mut steps = Steps::new(setup::N_STEPS + N_STEPS, &project.tools().join("log"));
    setup::ensure(project, &mut steps)?;
    build(project, &mut steps)?;
    println!("{}", shown_sizes(project)?);
    Ok(())
}

/// Builds the Worker into `build/`: a folder for each part, and the door to them. Skipped when nothing of it has changed.
pub fn build(project: &Project, steps: &mut Steps) -> Result<()> {
    for part in &PARTS {
        steps.step(&format!("Worker, {} part", part.name), |step| {
            if !part.package(project, step)? {
                return Ok(Outcome::AlreadyThere);
            }
            Ok(Outcome::DoneWith(part.size(project)?.shown()))
        })?;
    }
    for name in DOOR {
        let file = project.worker_build().join(name);
        std::fs::copy(project.path("js").join(name), &file)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let tag = tag(project)?;
    let module = project.worker_build().join("vitrine.js");
    std::fs::write(&module, tag.module()).with_context(|| format!("cannot write {}", module.display()))?;
    Ok(())
}

/// The storefront's tag, as small as esbuild makes it.
struct StorefrontTag(String);

fn tag(project: &Project) -> Result<StorefrontTag> {
    let mut esbuild = command(project.npm_bin("esbuild"), project.root());
    esbuild.args(["js/vitrine.js", "--minify", "--target=es2020", "--log-level=warning"]);
    capture(&mut esbuild).map(StorefrontTag).context("js/vitrine.js could not be made small")
}

impl StorefrontTag {
    /// The module that the door serves it from.
    fn module(&self) -> String {
        let mut crc = Crc::new();
        crc.update(self.0.as_bytes());
        let (text, etag) = (serde_json::json!(self.0), format!("\"{:08x}-{}\"", crc.sum(), self.0.len()));
        format!("export const TAG = {text};\nexport const ETAG = {};\n", serde_json::json!(etag))
    }

    /// Errors: the limit is passed.
    fn check(&self) -> Result<()> {
        let gzipped = gzipped(self.0.as_bytes())?;
        if gzipped > TAG_GZIPPED_BYTES_MAX {
            bail!("vitrine.js: {gzipped} bytes gzipped: the limit is {TAG_GZIPPED_BYTES_MAX}");
        }
        Ok(())
    }
}

fn gzipped(bytes: &[u8]) -> Result<usize> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?.len())
}

/// Sizes of the parts, for people.
pub fn shown_sizes(project: &Project) -> Result<String> {
    let shown: Result<Vec<String>> =
        PARTS.iter().map(|part| Ok(format!("{} part: {}", part.name, part.size(project)?.shown()))).collect();
    Ok(shown?.join("\n"))
}

/// Errors: a part or the storefront's tag passes its limit.
pub fn check_sizes(project: &Project) -> Result<()> {
    PARTS.iter().try_for_each(|part| part.size(project)?.check(part))?;
    tag(project)?.check()
}

/// Files that say what the parts in `build/` were made of.
pub fn stamp_files(project: &Project) -> Vec<PathBuf> {
    PARTS.iter().map(|part| part.stamp_file(project)).collect()
}

impl Part {
    fn build(&self, project: &Project) -> PathBuf {
        project.worker_build().join(self.name)
    }

    fn stamp_file(&self, project: &Project) -> PathBuf {
        self.build(project).join(".vitrine-stamp")
    }

    fn size(&self, project: &Project) -> Result<Size> {
        Size::of(&self.build(project).join("index_bg.wasm"))
    }

    /// Compiles and packages the part into its folder of `build/`. Gives whether there was anything to do.
    fn package(&self, project: &Project, step: &Step) -> Result<bool> {
        let dir = project.path(self.package);
        // Cargo knows best what a change of source means, so it always runs; the slow packaging only after a new wasm file.
        let mut compile = cargo(&dir);
        let package = package_name(&dir)?;
        // Named, because the root folder's own build would take other packages too.
        compile.args(["build", "--locked", "--lib", "--profile", "worker", "--target", "wasm32-unknown-unknown"]);
        compile.args(["-p", &package]);
        let target = project.target();
        compile.env("CARGO_TARGET_DIR", &target);
        // worker-build sets the same: it changes what the macros of wasm-bindgen generate.
        compile.env("WASM_BINDGEN_USE_JS_SYS", "1");
        step.run(&mut compile)?;
        let wasm = target.join("wasm32-unknown-unknown/worker").join(format!("{}.wasm", package.replace('-', "_")));
        let inputs = stamp::Inputs::default()
            .path(&wasm)?
            .path(&dir.join("Cargo.toml"))?
            .path(&project.path("package-lock.json"))?
            .word(&setup::wasm_bindgen_version(project)?)
            .finish();
        let build = self.build(project);
        let stamp_file = self.stamp_file(project);
        if stamp::is_fresh(&stamp_file, &inputs) && build.join("index.js").exists() {
            return Ok(false);
        }
        let mut worker_build = command(project.tools().join("bin/worker-build"), &dir);
        let up = if self.package == "." { "" } else { "../" };
        worker_build
            .args(["--profile", "worker", "--out-dir"])
            .arg(format!("{up}build/{}", self.name))
            .args(["--", "--locked", "-p", &package]);
        worker_build.env("CARGO_TARGET_DIR", &target);
        worker_build.env("WASM_BINDGEN_BIN", project.tools().join("bin/wasm-bindgen"));
        worker_build.env("WASM_OPT_BIN", project.npm_bin("wasm-opt"));
        worker_build.env("ESBUILD_BIN", project.npm_bin("esbuild"));
        step.run(&mut worker_build)?;
        let packaged = build.join("index_bg.wasm");
        let bytes = std::fs::read(&packaged).with_context(|| format!("cannot read {}", packaged.display()))?;
        let bytes = without_names(&bytes).with_context(|| format!("{} is no wasm", packaged.display()))?;
        std::fs::write(&packaged, bytes).with_context(|| format!("cannot write {}", packaged.display()))?;
        stamp::write(&stamp_file, &inputs)?;
        Ok(true)
    }
}

/// The wasm file without its section of function names, which worker-build always keeps: a seventh of the whole. The
/// names are still in the file that cargo made, for reading a stack trace.
fn without_names(wasm: &[u8]) -> Option<Vec<u8>> {
    const HEAD_BYTES: usize = 8;
    const CUSTOM: u8 = 0;
    let (head, mut rest) = wasm.split_at_checked(HEAD_BYTES)?;
    let mut kept = head.to_vec();
    while let Some((&id, after_id)) = rest.split_first() {
        let (n_bytes, body) = read_leb128(after_id)?;
        let (body, next) = body.split_at_checked(n_bytes)?;
        let section = rest.get(..rest.len() - next.len())?;
        if id != CUSTOM || !body.starts_with(b"\x04name") {
            kept.extend_from_slice(section);
        }
        rest = next;
    }
    Some(kept)
}

/// An unsigned number in wasm's variable-length form, and what follows it.
fn read_leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0;
    for (idx, byte) in bytes.iter().enumerate().take(5) {
        number |= usize::from(byte & 0x7f) << (7 * idx);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[idx + 1..]));
        }
    }
    None
}

fn package_name(dir: &Path) -> Result<String> {
    let manifest = std::fs::read_to_string(dir.join("Cargo.toml"))?;
    let (_, package) = manifest.split_once("[package]").context("no [package] in the Worker's Cargo.toml")?;
    let (_, name) = package.split_once("name = \"").context("the Worker's package has no name")?;
    Ok(name.split('"').next().unwrap_or_default().to_owned())
}

/// Size of a built wasm file, in bytes.
struct Size {
    raw: usize,
    gzipped: usize,
}

impl Size {
    fn of(file: &Path) -> Result<Self> {
        let wasm = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Self { raw: wasm.len(), gzipped: gzipped(&wasm)? })
    }

    /// For people.
    fn shown(&self) -> String {
        format!("wasm {} KiB, gzipped {} KiB", self.raw.div_ceil(1024), self.gzipped.div_ceil(1024))
    }

    /// Errors: the limit is passed.
    fn check(&self, part: &Part) -> Result<()> {
        let max = part.gzipped_bytes_max;
        if self.gzipped > max {
            bail!("{} part: {}: the limit is {} KiB gzipped", part.name, self.shown(), max / 1024);
        }
        Ok(())
    }
}

#[cfg(test)]
mod size_tests {
    use super::*;

    #[test]
    fn only_the_names_are_taken_out_of_a_wasm_file() {
        let head = b"\0asm\x01\0\0\0".to_vec();
        let types = vec![1, 0x81, 0, 0];
        let producers = [vec![0, 10], b"\x09producers".to_vec()].concat();
        let names = [vec![0, 7], b"\x04name\x00\x00".to_vec()].concat();
        let wasm = [head.clone(), types.clone(), names, producers.clone()].concat();
        assert_eq!(without_names(&wasm), Some([head, types, producers].concat()));
        assert_eq!(without_names(&wasm[..wasm.len() - 1]), None);
        assert_eq!(without_names(b"html"), None);
    }

    #[test]
    fn the_tag_has_a_limit_and_a_module() {
        assert!(StorefrontTag("a".repeat(100_000)).check().is_ok());
        let mut state = 1_u32;
        let mut letter = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(33 + (state >> 26) as u8)
        };
        let noise: String = std::iter::repeat_with(&mut letter).take(20_000).collect();
        let error = StorefrontTag(noise).check().unwrap_err().to_string();
        assert!(error.ends_with("bytes gzipped: the limit is 3072"), "{error}");
        let module = StorefrontTag("let a = \"b\";\n".to_owned()).module();
        assert!(
            module.starts_with("export const TAG = \"let a = \\\"b\\\";\\n\";\nexport const ETAG = \"\\\""),
            "{module}"
        );
    }

    #[test]
    fn the_limit_is_on_the_gzipped_size() {
        let edge = &PARTS[0];
        assert!(Size { raw: 4_000_000, gzipped: 400 * 1024 }.check(edge).is_ok());
        let error = Size { raw: 1, gzipped: 400 * 1024 + 1 }.check(edge).unwrap_err().to_string();
        assert_eq!(error, "edge part: wasm 1 KiB, gzipped 401 KiB: the limit is 400 KiB gzipped");
    }
}
