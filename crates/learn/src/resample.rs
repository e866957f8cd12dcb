//! Seeded streams of random numbers, folds and bootstrap intervals.
//!
//! Everything random in this crate comes from a [`Stream`]: a seed that the caller keeps, and a purpose that keeps two uses of
//! one seed apart. The numbers are those of ChaCha with 8 rounds, which is specified, so a seed means the same on every machine;
//! logarithms and sines come from `libm` for the same reason. Drawing in one place never shifts what another place draws, as long
//! as their purposes differ.
//!
//! Left out: entropy. A seed is always a parameter.

mod interval;
mod stream;

pub use interval::{bootstrap_interval, bootstrap_of, folds};
pub use stream::Stream;
