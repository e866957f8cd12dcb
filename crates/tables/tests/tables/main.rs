//! Tests of the table formats, in one binary: against the specification, the golden files, a second decoder, random
//! tables, damaged ones, and a file system.

mod corpus;
mod document;
mod golden;
mod item_vectors;
mod items;
mod manifest;
mod naive;
mod properties;
mod reference;
mod sample;
mod schema;
mod specification;
mod values;
mod writer;
