//! How fast are files staged, and in how much memory? Writes a made-up file of order lines and stages it.
//!
//! `cargo run --release -p vitrine-intake --example read_speed -- [ROWS] [DIR]` (2,000,000 rows, a folder below the system's for temporary files).

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Instant;
use vitrine_intake::{ReadOptions, find_files, stage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let n_rows: u64 = args.next().map_or(Ok(2_000_000), |text| text.parse())?;
    let dir = args.next().map_or_else(|| std::env::temp_dir().join("vitrine-read-speed"), PathBuf::from);
    std::fs::create_dir_all(&dir)?;
    let (csv, jsonl, packed) = (dir.join("lines.csv"), dir.join("lines.jsonl"), dir.join("lines.csv.gz"));
    let mut csv_out = BufWriter::new(std::fs::File::create(&csv)?);
    let mut jsonl_out = BufWriter::new(std::fs::File::create(&jsonl)?);
    let packer = flate2::write::GzEncoder::new(std::fs::File::create(&packed)?, flate2::Compression::fast());
    let mut packed_out = BufWriter::new(packer);
    writeln!(csv_out, "order,item,name,quantity,at,price,customer,country")?;
    writeln!(packed_out, "order,item,name,quantity,at,price,customer,country")?;
    for n in 0..n_rows {
        let draw = n.wrapping_mul(6_364_136_223_846_793_005) >> 33;
        let (order, item, customer) = (n / 3, draw % 40_000, draw % 300_000);
        let (day, hour, price) = (1 + draw % 28, draw % 24, draw % 10_000);
        let line = format!(
            "{order},SKU-{item},\"A thing, number {item}\",{},2025-03-{day:02} {hour:02}:05:00,{}.{:02},c{customer},DE\n",
            1 + draw % 5,
            price / 100,
            price % 100
        );
        csv_out.write_all(line.as_bytes())?;
        packed_out.write_all(line.as_bytes())?;
        writeln!(
            jsonl_out,
            r#"{{"order":"{order}","item":"SKU-{item}","quantity":{},"at":"2025-03-{day:02}T{hour:02}:05:00Z","price":{price},"who":{{"id":"c{customer}"}}}}"#,
            1 + draw % 5
        )?;
    }
    csv_out.flush()?;
    jsonl_out.flush()?;
    packed_out.into_inner().map_err(|error| error.into_error())?.finish()?;
    let mut options = ReadOptions::plain();
    options.paths = vec!["who.id".to_owned()];
    for path in [csv, jsonl, packed] {
        let work = dir.join("work");
        if work.exists() {
            std::fs::remove_dir_all(&work)?;
        }
        let found = find_files(&path.display().to_string())?;
        for file in &found.files {
            let begin = Instant::now();
            let table = stage(file, &work, &options, &|_| {})?;
            let seconds = begin.elapsed().as_secs_f64();
            let megabytes = file.bytes as f64 / 1e6;
            let again = Instant::now();
            stage(file, &work, &options, &|_| {})?;
            println!(
                "{}: {} rows, {megabytes:.0} MB in {seconds:.2} s: {:.0} MB/s, {:.0} rows/s; the second time {:.2} s; as Parquet {:.0} MB",
                file.name,
                table.rows,
                megabytes / seconds,
                table.rows as f64 / seconds,
                again.elapsed().as_secs_f64(),
                std::fs::metadata(&table.path)?.len() as f64 / 1e6
            );
        }
    }
    // The most that this process has ever held, where the system tells.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = status.lines().find(|line| line.starts_with("VmHWM")) {
        println!("{line}");
    }
    Ok(())
}
