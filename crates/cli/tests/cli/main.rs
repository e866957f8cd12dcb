//! The `vitrine` command from outside: real files, a real process, a stand-in for the Worker's admin API.

mod bad_input;
mod documents;
mod edge;
mod fixture;
mod headcount;
#[cfg(feature = "profiles")]
mod killed;
mod local;
#[cfg(feature = "profiles")]
mod policy;
mod privacy;
mod profiles;
mod publish;
mod registry;
mod run;
mod simulate;
