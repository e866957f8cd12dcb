//! How a command fails: what is said, how to mend it, and the exit code.

use std::fmt;
use std::process::ExitCode;

/// Exit codes of the command; part of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done = 0,
    /// 1: a file could not be read or written, a table does not verify, or something else went wrong on this machine.
    Failed = 1,
    /// 2: the command line has a mistake.
    Usage = 2,
    /// 3: what was given has errors: a configuration, a request, a key, a mapping, order files.
    Invalid = 3,
    /// 4: the edge could not be reached, or refused.
    Edge = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command stopped.
#[derive(Debug)]
pub enum Failure {
    /// Something to tell.
    Told {
        /// The exit code.
        exit: Exit,
        /// What went wrong, causes included.
        error: anyhow::Error,
        /// How to mend it.
        help: Option<String>,
    },
    /// The command has already shown what is wrong, as its result.
    Shown(Exit),
    /// Whoever read the output has had enough of it. That is no mistake.
    Pipe,
}

impl Failure {
    /// A failure with a message and an exit code.
    pub fn new(exit: Exit, message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Self {
        Self::Told { exit, error: anyhow::Error::msg(message), help: None }
    }

    /// The same failure with advice how to mend it.
    pub fn help(self, advice: impl Into<String>) -> Self {
        match self {
            Self::Told { exit, error, .. } => Self::Told { exit, error, help: Some(advice.into()) },
            other => other,
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Told { exit, .. } | Self::Shown(exit) => *exit,
            Self::Pipe => Exit::Done,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Told { exit: Exit::Failed, error, help: None }
    }
}

/// Says which exit code an error means.
pub trait Exits<T> {
    /// What was given has errors: exit code 3.
    fn invalid(self) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Exits<T> for Result<T, E> {
    fn invalid(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::Told { exit: Exit::Invalid, error: error.into(), help: None })
    }
}
