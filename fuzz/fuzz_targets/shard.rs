//! Fuzzes the reading of a shard: decode, find, and every column of every row.
#![no_main]

#[path = "../exercise.rs"]
#[allow(dead_code, reason = "each target uses one half")]
mod exercise;

libfuzzer_sys::fuzz_target!(|input: &[u8]| exercise::shard(input));
