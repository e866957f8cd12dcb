//! Simulations whose outcome is known beforehand.

mod caps;
mod kit;
mod rankers;
mod refused;
