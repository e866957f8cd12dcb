//! Files, documents and buckets as a shop gives them.

#[path = "intake/buckets.rs"]
mod buckets;
#[path = "intake/documents.rs"]
mod documents;
#[path = "intake/files.rs"]
mod files;
#[path = "intake/oracle.rs"]
mod oracle;
#[path = "intake/real.rs"]
mod real;
#[path = "intake/suggestions.rs"]
mod suggestions;
#[path = "intake/tables.rs"]
mod tables;
