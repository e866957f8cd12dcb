//! Other programs: how they are started, and what is kept of what they say.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A command that runs in `dir` and cannot ask anything.
pub fn command(program: impl AsRef<OsStr>, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).stdin(Stdio::null());
    command
}

/// The cargo that runs this task.
pub fn cargo(dir: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(program, dir);
    // Set by `cargo run` for xtask itself. Inner builds must see what a plain `cargo` sees.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// Standard output of `command`, trimmed. Errors: it cannot be started, or it fails (with its first complaint).
pub fn capture(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed: {}", name(command), complaint(&said));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs `command` and keeps its output in `log`; `on_line` hears each line.
/// Errors: it cannot be started, or it fails (with its first complaint and the name of the log).
pub fn logged(command: &mut Command, log: &Path, mut on_line: impl FnMut(&str)) -> Result<()> {
    if let Some(dir) = log.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    let mut file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let (mut child, output) = spawn_piped(command)?;
    let mut kept = String::new();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        writeln!(file, "{line}")?;
        on_line(line.trim());
        kept.push_str(&line);
        kept.push('\n');
    }
    if !child.wait()?.success() {
        bail!("{} failed: {} (all of it: {})", name(command), complaint(&kept), log.display());
    }
    Ok(())
}

/// Runs `command` with its output shown as it comes. Gives whether it succeeded, and the output.
pub fn shown(command: &mut Command) -> Result<(bool, String)> {
    let (mut child, mut output) = spawn_piped(command)?;
    let mut kept = Vec::new();
    let mut buffer = [0; 8192];
    let mut stdout = std::io::stdout();
    loop {
        let n_bytes = output.read(&mut buffer)?;
        if n_bytes == 0 {
            break;
        }
        stdout.write_all(&buffer[..n_bytes])?;
        stdout.flush()?;
        kept.extend_from_slice(&buffer[..n_bytes]);
    }
    let success = child.wait()?.success();
    Ok((success, String::from_utf8_lossy(&kept).into_owned()))
}

/// Starts `command` with standard output and standard error joined into one pipe.
fn spawn_piped(command: &mut Command) -> Result<(Child, PipeReader)> {
    let (reader, writer) = std::io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let child = command.spawn().with_context(|| cannot_start(command))?;
    // The command holds copies of the pipe's writing end; while they live, the reader would never see the end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok((child, reader))
}

/// Where a program of this name is found in `PATH`.
pub fn find_in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut name = program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    for arg in command.get_args().take(2).take_while(|arg| !arg.to_string_lossy().starts_with('-')) {
        name.push(' ');
        name.push_str(&arg.to_string_lossy());
    }
    name
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start {}", command.get_program().to_string_lossy())
}

/// The line of a program's output that tells best why it failed.
pub fn complaint(output: &str) -> &str {
    let lines = || output.lines().map(str::trim).filter(|line| !line.is_empty());
    lines()
        .find(|line| line.starts_with("error") || line.starts_with("npm error") || line.contains("Error"))
        .or_else(|| lines().next_back())
        .unwrap_or("it said nothing")
}

#[cfg(test)]
mod output_tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = command("sh", Path::new("."));
        shell.args(["-c", script]);
        shell
    }

    #[test]
    fn a_failure_is_told_by_its_error_line() {
        let error = capture(&mut shell("echo working >&2; echo 'error: no such thing' >&2; echo bye >&2; exit 3"));
        assert_eq!(error.unwrap_err().to_string(), "sh failed: error: no such thing");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = capture(&mut command("no-such-program-here", Path::new("."))).unwrap_err();
        assert!(format!("{error:#}").contains("cannot start no-such-program-here"), "{error:#}");
    }

    #[test]
    fn logged_output_holds_both_streams_in_order() {
        let log = std::env::temp_dir().join(format!("xtask-logged-{}.log", std::process::id()));
        let mut lines = Vec::new();
        logged(&mut shell("echo one; echo two >&2; echo three"), &log, |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["one", "two", "three"]);
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "one\ntwo\nthree\n");
        std::fs::remove_file(log).unwrap();
    }
}
