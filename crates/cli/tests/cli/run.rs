//! Runs the command in a directory of its own.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A directory, and the command in it.
pub struct Place {
    dir: TempDir,
}

/// What a run left behind. The directory's path is shown as nothing: the command runs in it with relative paths.
#[derive(Debug, PartialEq)]
pub struct Ran {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory") }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), bytes).expect("written");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("read")
    }

    /// Runs `vitrine` with words, split at spaces.
    pub fn run(&self, line: &str) -> Ran {
        self.run_with(line, &[], "")
    }

    /// Runs `vitrine` with environment variables and standard input.
    pub fn run_with(&self, line: &str, env: &[(&str, &str)], stdin: &str) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vitrine"))
            .args(line.split_whitespace())
            .current_dir(self.path())
            .env_remove("VITRINE_TABLE_KEY")
            .env_remove("VITRINE_ADMIN_TOKEN")
            .env_remove("RUST_BACKTRACE")
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        // A command that fails early does not read its input.
        let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
        let output = child.wait_with_output().expect("the command ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ran { exit: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs, and expects success and silence on standard error; the result.
    #[track_caller]
    pub fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!((ran.exit, ran.err.as_str()), (0, ""), "{line}\n{}", ran.out);
        ran.out
    }

    /// As [`Place::ok`], and the result is JSON.
    #[track_caller]
    pub fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.ok(line)).expect("JSON")
    }

    /// Runs, and expects this exit code, nothing on standard output and exactly this on standard error.
    #[track_caller]
    pub fn fails(&self, line: &str, exit: i32, err: &str) {
        let ran = self.run(line);
        assert_eq!((ran.exit, ran.err.trim_end(), ran.out.as_str()), (exit, err, ""), "{line}");
    }
}
