//! What a build of a large made-up shop takes: time of the clock, time of the processors and peak memory, stage by stage, and
//! its slowest steps. Then the next day: what a build takes that has the results of the one before.
//!
//! `cargo xtask bench build` runs it. Peak memory is what Linux tells of the process (`VmHWM`); elsewhere it is left out.
//!
//! Usage: `build_bench DIR CUSTOMERS EVENTS_SCALE MEMORY_MIB DAYS`: the shop's files in DIR/shop, made if they are not there; the
//! tables go to DIR/table, DIR/next. DAYS: the last so many days of events come as a file each, as shops get them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use vitrine_demo::DemoShop;
use vitrine_profiles::{AsOf, BuildOptions, Built, Progress, Shop, Stage, TableKey, build};

/// Steps that are shown.
const SLOWEST: usize = 25;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, n_customers, events_scale, memory_mib, days] = args.as_slice() else {
        return Err("usage: build_bench DIR CUSTOMERS EVENTS_SCALE MEMORY_MIB DAYS".into());
    };
    let (dir, days) = (Path::new(dir), days.parse::<usize>()?);
    let n_events = shop(dir, n_customers.parse()?, events_scale.parse()?)?;
    let last_day = by_day(dir, days)?;
    println!("{n_customers} customers, {n_events} events, {memory_mib} MiB for sorting and grouping");
    let bench = Bench { dir, memory_bytes: memory_mib.parse::<usize>()? << 20 };
    let Some(last_day) = last_day else {
        bench.run("table", "all of it")?;
        return Ok(());
    };
    let kept = dir.join("last-day.jsonl");
    fs::rename(&last_day, &kept)?;
    bench.run("table", "all but the last day of events")?;
    fs::rename(&kept, &last_day)?;
    bench.run("next", "the next day")?;
    Ok(())
}

/// Makes the shop if it is not there. Gives its number of events.
fn shop(dir: &Path, n_customers: u32, events_scale: f64) -> Result<u64, Failure> {
    let shop_dir = dir.join("shop");
    let noted = dir.join("shop.note");
    let note = format!("{n_customers} {events_scale}");
    let found = fs::read_to_string(&noted).unwrap_or_default();
    if let Some(n_events) = found.strip_prefix(&format!("{note} ")) {
        return Ok(n_events.trim().parse()?);
    }
    let shop = DemoShop::new(1, n_customers)?.with_events_scale(events_scale)?;
    let written = shop.write_dir(&shop_dir, |_, _| ())?;
    fs::write(noted, format!("{note} {}\n", written.truth.events))?;
    Ok(written.truth.events)
}

/// Parts the events: those of each of the last days into a file of its own, the others into one. Gives the last file.
fn by_day(dir: &Path, days: usize) -> Result<Option<PathBuf>, Failure> {
    let shop = dir.join("shop");
    let (toml, events) = (shop.join("shop.toml"), shop.join("events"));
    let plain = vitrine_demo::SHOP_TOML;
    if days == 0 {
        fs::write(toml, plain)?;
        return Ok(None);
    }
    fs::write(toml, plain.replace("\"events.jsonl\"", "\"events/*.jsonl\""))?;
    let _ = fs::remove_dir_all(&events);
    fs::create_dir(&events)?;
    // The records end on 2026-06-30; days of one month are told apart by two digits.
    let first = 31_usize.checked_sub(days).filter(|first| *first > 0).ok_or("DAYS: 30 at most")?;
    let mut files: Vec<BufWriter<File>> = (first - 1..=30)
        .map(|day| File::create(events.join(format!("{day:02}.jsonl"))).map(BufWriter::new))
        .collect::<Result<_, _>>()?;
    for line in BufReader::new(File::open(shop.join("events.jsonl"))?).lines() {
        let line = line?;
        let day = line.split_once("\"at\":\"2026-06-").and_then(|(_, rest)| rest.get(..2)?.parse::<usize>().ok());
        let place = day.map_or(0, |day| (day + 1).saturating_sub(first));
        if let Some(file) = files.get_mut(place) {
            writeln!(file, "{line}")?;
        }
    }
    files.iter_mut().try_for_each(Write::flush)?;
    Ok(Some(events.join("30.jsonl")))
}

struct Bench<'a> {
    dir: &'a Path,
    memory_bytes: usize,
}

impl Bench<'_> {
    fn run(&self, out: &str, what: &str) -> Result<(), Failure> {
        let shop = Shop::from_file(&self.dir.join("shop/shop.toml"))?;
        let mapping = shop.feeds.first().ok_or("the shop has no feed")?.mapping.clone();
        let key = TableKey::from_hex("000102030405060708090a0b0c0d0e0f")?;
        let mut options = BuildOptions::new(Vec::new(), mapping, self.dir.join(out), key);
        options.tombstones.clone_from(&shop.tombstones);
        options.shop = Some(shop);
        options.today = Some("2026-07-01".parse::<AsOf>()?);
        options.as_of = options.today;
        options.memory_bytes = self.memory_bytes;
        options.work_dir = Some(self.dir.join("work"));
        options.replace = true;
        if out == "table" {
            let _ = fs::remove_dir_all(self.dir.join("work"));
        }
        let mut measured = Measured::new();
        let built = build(&options, &mut measured)?;
        measured.show(what, &built);
        Ok(())
    }
}

/// What each stage took.
struct Measured {
    began: Instant,
    began_cpu_s: f64,
    stages: Vec<Taken>,
    current: Option<(String, Instant, f64)>,
}

struct Taken {
    stage: String,
    seconds: f64,
    cpu_s: f64,
    peak_mib: Option<f64>,
}

impl Measured {
    fn new() -> Self {
        forget_peak();
        let (now, cpu_s) = (Instant::now(), cpu_s());
        Self { began: now, began_cpu_s: cpu_s, stages: Vec::new(), current: Some(("staging files".into(), now, cpu_s)) }
    }

    fn end_stage(&mut self) {
        if let Some((stage, began, began_cpu_s)) = self.current.take() {
            let seconds = began.elapsed().as_secs_f64();
            self.stages.push(Taken { stage, seconds, cpu_s: cpu_s() - began_cpu_s, peak_mib: peak_mib() });
            forget_peak();
        }
    }

    fn show(mut self, what: &str, built: &Built) {
        self.end_stage();
        println!("\n{what}: {} rows in the table", built.manifest.rows);
        println!("{:<22} {:>9} {:>9} {:>9}", "stage", "clock s", "cpu s", "peak MiB");
        let mib = |mib: Option<f64>| mib.map_or_else(|| "-".to_owned(), |mib| format!("{mib:.0}"));
        for Taken { stage, seconds, cpu_s, peak_mib } in &self.stages {
            println!("{stage:<22} {seconds:>9.1} {cpu_s:>9.1} {:>9}", mib(*peak_mib));
        }
        let peak = self.stages.iter().filter_map(|taken| taken.peak_mib).max_by(f64::total_cmp);
        let (seconds, cpu_s) = (self.began.elapsed().as_secs_f64(), cpu_s() - self.began_cpu_s);
        println!("{:<22} {seconds:>9.1} {cpu_s:>9.1} {:>9}", "all", mib(peak));
        let read: u64 = built.stages.iter().map(|run| run.rows_read).sum();
        let n_reused = built.stages.iter().filter(|run| run.is_reused).count();
        println!("{} steps, {n_reused} of them done already, {read} rows read; the slowest:", built.stages.len());
        let mut runs: Vec<_> = built.stages.iter().filter(|run| run.took_ms > 0).collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.took_ms));
        for run in runs.iter().take(SLOWEST) {
            println!(
                "  {:<26} {:>7.1} s {:>12} rows read {:>12} written",
                run.step,
                run.took_ms as f64 / 1000.0,
                run.rows_read,
                run.rows_written
            );
        }
    }
}

impl Progress for Measured {
    fn advance(&mut self, stage: Stage, _done: u64, _of: u64) {
        let name = stage.label();
        if self.current.as_ref().is_none_or(|(current, ..)| current != name) {
            self.end_stage();
            self.current = Some((name.to_owned(), Instant::now(), cpu_s()));
        }
    }
}

/// The most memory that the process has held since [`forget_peak`]. Unit: MiB.
fn peak_mib() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

fn forget_peak() {
    // Where it cannot be forgotten, the figures are those of all stages so far.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// What the processors have done for the process. Unit: seconds; 0 where the system does not tell.
fn cpu_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    // utime and stime, the 14th and 15th field of all, in hundredths on every Linux that there is.
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
