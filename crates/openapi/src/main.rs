//! Prints the document: what `cargo xtask openapi` writes into `docs/api/openapi.json`.

fn main() {
    print!("{}", vitrine_openapi::text());
}
