//! Factorises entries from a file and writes the vectors: what `benches/peers/als.py` runs beside a Python package.
//!
//! Reads little-endian u32 `n_users, n_items, n_entries`, then as many u32 users, u32 items and f32 weights. Prints the
//! seconds of the fit, and writes all f32 customers' vectors, then all items'.

use std::time::Instant;
use vitrine_learn::recommend::{Als, AlsOptions, Interactions};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, input, output, n_factors, regularisation, alpha, n_iterations] = &arguments[..] else {
        eprintln!("usage: als_bench INPUT OUTPUT FACTORS REGULARISATION ALPHA ITERATIONS");
        std::process::exit(2);
    };
    let bytes = std::fs::read(input).unwrap();
    let words: Vec<[u8; 4]> = bytes.chunks_exact(4).map(|word| word.try_into().unwrap()).collect();
    let number = |at: usize| u32::from_le_bytes(words[at]);
    let n = number(2) as usize;
    let entry = |at: usize| (number(3 + at), number(3 + n + at), f32::from_le_bytes(words[3 + 2 * n + at]));
    let interactions = Interactions::new(number(0), number(1), (0..n).map(entry).collect()).unwrap();
    let options = AlsOptions {
        n_factors: n_factors.parse().unwrap(),
        regularisation: regularisation.parse().unwrap(),
        alpha: alpha.parse().unwrap(),
        n_iterations: n_iterations.parse().unwrap(),
        seed: 1,
    };
    let begun = Instant::now();
    let als = Als::fit(&interactions, options).unwrap();
    println!("{:.3}", begun.elapsed().as_secs_f64());
    let vectors = als.users().iter().chain(als.items());
    std::fs::write(output, vectors.flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
}
