//! Fits k-means to a file of little-endian 64-bit floats and prints seconds, inertia and iterations as JSON.
//!
//! `kmeans_scale FILE COLUMNS K STARTS SEED`; `benches/peers/kmeans.py` makes the file and compares.

use std::error::Error;
use std::time::Instant;

use vitrine_learn::segment::{KMeans, Rows};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, n_cols, k, n_starts, seed] = args.as_slice() else {
        return Err("kmeans_scale FILE COLUMNS K STARTS SEED".into());
    };
    let bytes = std::fs::read(path)?;
    let (floats, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(format!("{path} holds {} bytes, which is no whole number of floats", bytes.len()).into());
    }
    let rows = Rows::new(n_cols.parse()?, floats.iter().map(|float| f64::from_le_bytes(*float)).collect())?;
    let (k, n_starts, seed) = (k.parse()?, n_starts.parse()?, seed.parse()?);
    // The first use starts the threads.
    let few = rows.pick(&(0..rows.n_rows().min(1_000)).collect::<Vec<_>>());
    KMeans::fit(&few, k, 1, 0)?;
    let began = Instant::now();
    let groups = KMeans::fit(&rows, k, n_starts, seed)?;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{}",
        serde_json::json!({
            "seconds": seconds,
            "inertia": groups.inertia,
            "iterations": groups.n_iterations,
            "sizes": groups.sizes,
        })
    );
    Ok(())
}
