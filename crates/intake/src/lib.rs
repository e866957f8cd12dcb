//! A shop's raw files as tables of text.
//!
//! Files come from a path, a folder, a pattern or a bucket, packed or plain, in the encoding that they have; every row becomes a row of texts
//! in a Parquet file, or a quarantined row with a reason. A mapping says which columns mean what. Nothing is guessed, nothing is lost.
#![forbid(unsafe_code)]
