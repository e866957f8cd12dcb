//! Fuzzes the reading of an item table: decode, then every item, category and neighbour.
#![no_main]

#[path = "../exercise.rs"]
#[allow(dead_code, reason = "each target uses one half")]
mod exercise;

libfuzzer_sys::fuzz_target!(|input: &[u8]| exercise::items(input));
