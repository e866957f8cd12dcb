//! The `vitrine` command from outside: real files, a real process, a stand-in for the Worker's admin API.

mod bad_input;
mod documents;
mod edge;
mod fixture;
mod local;
mod privacy;
#[cfg(feature = "profiles")]
mod profiles;
mod publish;
mod registry;
mod run;
