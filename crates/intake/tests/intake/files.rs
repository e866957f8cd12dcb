//! Good and bad files, as `tests/data` lists them.

use crate::tables;
use serde::Deserialize;
use std::io::Write;
use std::path::PathBuf;
use tempfile::TempDir;
use vitrine_intake::{IntakeError, Kind, Mapping, RawTable, ReadOptions, find_files, stage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    file: String,
    text: Option<String>,
    hex: Option<String>,
    pack: Option<String>,
    cut: Option<usize>,
    flip: Option<isize>,
    #[serde(default)]
    long_row: bool,
    mapping: Option<String>,
    rejected_share_max: Option<f64>,
    error: Option<String>,
    rows: Option<Vec<String>>,
    columns: Option<Vec<String>>,
    lines: Option<Vec<i64>>,
    rejected: Option<Vec<String>>,
    encoding: Option<String>,
    notice: Option<String>,
}

const ORDERS: &str = "version = 2\nname = \"test\"\ncurrency = \"EUR\"\nminor_digits = 2\n[orders.fields]\norder_id = \"Order\"\nitem_id = \"SKU\"\nquantity = \"Qty\"\nordered_at = \"Date\"\nunit_price = \"Price\"\ncustomer_id = \"Customer\"\n";

impl Case {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = match (&self.text, &self.hex) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(hex)) => {
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
            }
            _ => panic!("{}: either text or hex", self.name),
        };
        if self.long_row {
            bytes.extend(vec![b'x'; 3 << 20]);
            bytes.extend(b",1\n");
        }
        bytes = match self.pack.as_deref() {
            None => bytes,
            Some("gzip") => {
                let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                packer.write_all(&bytes).unwrap();
                packer.finish().unwrap()
            }
            Some("zstd") => {
                let mut packer = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
                packer.include_checksum(true).unwrap();
                packer.write_all(&bytes).unwrap();
                packer.finish().unwrap()
            }
            Some(other) => panic!("{other}"),
        };
        if let Some(n) = self.cut {
            bytes.truncate(n);
        }
        if let Some(at) = self.flip {
            let at = if at < 0 { bytes.len() - at.unsigned_abs() } else { at.unsigned_abs() };
            bytes[at] ^= 0xff;
        }
        bytes
    }

    fn options(&self) -> ReadOptions {
        let mut options = match &self.mapping {
            None => ReadOptions::plain(),
            Some(text) => {
                let mapping = Mapping::parse("test", &format!("{ORDERS}{text}")).unwrap();
                let mut options = ReadOptions::of(&mapping, Kind::Orders).unwrap();
                if !text.is_empty() {
                    options.named.clear();
                    options.paths.clear();
                }
                options
            }
        };
        options.rejected_share_max = self.rejected_share_max.unwrap_or(0.05);
        options
    }

    fn stage(&self, dir: &TempDir) -> Result<RawTable, IntakeError> {
        let path = dir.path().join(&self.file);
        std::fs::write(&path, self.bytes()).unwrap();
        let found = find_files(path.to_str().unwrap())?;
        stage(&found.files[0], &dir.path().join("work"), &self.options(), &|_| {})
    }
}

fn cases(name: &str) -> Vec<Case> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let cases: Cases = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.case.len() >= 10);
    cases.case
}

#[test]
fn bad_files_say_what_is_wrong() {
    for case in cases("files_bad.toml") {
        let dir = TempDir::new().unwrap();
        let error = case.stage(&dir).expect_err(&case.name).to_string();
        let wanted = case.error.as_deref().unwrap();
        assert!(error.contains(wanted), "{}:\n  is     {error}\n  wanted {wanted}", case.name);
        // Nothing half done stays behind.
        let left = std::fs::read_dir(dir.path().join("work")).into_iter().flatten();
        let half = left.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".part")).count();
        assert_eq!(half, 0, "{}", case.name);
    }
}

#[test]
fn good_files_become_tables_once() {
    for case in cases("files_good.toml") {
        let dir = TempDir::new().unwrap();
        let name = &case.name;
        let table = case.stage(&dir).unwrap_or_else(|error| panic!("{name}: {error}"));
        let rows = tables::rows(&table.path);
        let texts: Vec<String> = rows
            .iter()
            .map(|(row, _, _)| row.iter().map(|text| text.as_deref().unwrap_or("-")).collect::<Vec<_>>().join("|"))
            .collect();
        assert_eq!(&texts, case.rows.as_ref().unwrap(), "{name}");
        assert_eq!(table.rows, texts.len() as u64, "{name}");
        if let Some(columns) = &case.columns {
            assert_eq!(&table.columns, columns, "{name}");
        }
        if let Some(lines) = &case.lines {
            assert_eq!(&rows.iter().map(|(_, _, line)| *line).collect::<Vec<_>>(), lines, "{name}");
        }
        if let Some(encoding) = &case.encoding {
            assert_eq!(table.encoding.as_ref(), Some(encoding), "{name}");
        }
        let rejected = table.rejected.as_ref().map_or(Vec::new(), |path| tables::rows(path));
        let reasons: Vec<String> =
            rejected.iter().map(|(row, _, line)| format!("{line}:{}", row[0].as_deref().unwrap())).collect();
        assert_eq!(reasons, case.rejected.clone().unwrap_or_default(), "{name}");
        assert_eq!(table.rejected_rows, reasons.len() as u64, "{name}");
        // Every row of the source has a number, and is here or there.
        let mut numbers: Vec<i64> = rows.iter().chain(&rejected).map(|(_, number, _)| *number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>(), "{name}");
        match &case.notice {
            Some(notice) => {
                assert!(table.notices.iter().any(|told| told.contains(notice)), "{name}: {:?}", table.notices)
            }
            None => assert!(
                table.notices.iter().all(|told| told.contains("no row has a value")),
                "{name}: {:?}",
                table.notices
            ),
        }
        // The second time, nothing is read but the hash, and the same is said.
        let made = std::fs::metadata(&table.path).unwrap().modified().unwrap();
        assert_eq!(case.stage(&dir).unwrap(), table, "{name}");
        assert_eq!(std::fs::metadata(&table.path).unwrap().modified().unwrap(), made, "{name}");
    }
}

#[test]
fn parquet_passes_as_it_is() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("a.csv"), "a,b\n1,2\n").unwrap();
    let found = find_files(dir.path().join("a.csv").to_str().unwrap()).unwrap();
    let made = stage(&found.files[0], &dir.path().join("work"), &ReadOptions::plain(), &|_| {}).unwrap();
    let copy = dir.path().join("b.parquet");
    std::fs::copy(&made.path, &copy).unwrap();
    let found = find_files(copy.to_str().unwrap()).unwrap();
    let table = stage(&found.files[0], &dir.path().join("work"), &ReadOptions::plain(), &|_| {}).unwrap();
    assert!(table.is_typed && table.path == copy && table.rows == 1);
    // Packed once more, it is unpacked into the work directory.
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&std::fs::read(&copy).unwrap()).unwrap();
    let packed = dir.path().join("c.parquet.gz");
    std::fs::write(&packed, packer.finish().unwrap()).unwrap();
    let found = find_files(packed.to_str().unwrap()).unwrap();
    let table = stage(&found.files[0], &dir.path().join("work"), &ReadOptions::plain(), &|_| {}).unwrap();
    assert!(table.path.starts_with(dir.path().join("work")) && table.rows == 1);
    // Cut off, it is refused.
    let bytes = std::fs::read(&copy).unwrap();
    std::fs::write(&copy, &bytes[..bytes.len() - 1]).unwrap();
    let found = find_files(copy.to_str().unwrap()).unwrap();
    let error = stage(&found.files[0], &dir.path().join("work"), &ReadOptions::plain(), &|_| {}).unwrap_err();
    assert!(error.to_string().contains("is no whole Parquet file"), "{error}");
}

#[test]
fn folders_and_patterns_are_found_in_order() {
    let dir = TempDir::new().unwrap();
    for name in ["b.csv", "a.csv.gz", "sub/c.jsonl", "notes.md", ".hidden.csv", "_temporary/x.csv"] {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "a\n1\n").unwrap();
    }
    let names = |text: &str| -> Vec<String> {
        let found = find_files(&dir.path().join(text).display().to_string()).unwrap();
        let short = |name: &String| name.strip_prefix(&format!("{}/", dir.path().display())).unwrap().to_owned();
        found
            .files
            .iter()
            .map(|file| short(&file.name))
            .chain(found.skipped.iter().map(|name| format!("!{}", short(name))))
            .collect()
    };
    assert_eq!(names(""), ["a.csv.gz", "b.csv", "sub/c.jsonl", "!.hidden.csv", "!_temporary", "!notes.md"]);
    assert_eq!(names("*.csv*"), ["a.csv.gz", "b.csv", "!.hidden.csv"]);
    assert_eq!(names("sub"), ["sub/c.jsonl"]);
    for (text, part) in [
        ("none.csv", "there is no such file or folder"),
        ("*.parquet", "means no file; check the path"),
        ("*.md", "means no file that can be read (1 others such as"),
        ("***", "is no pattern"),
    ] {
        let error = find_files(&dir.path().join(text).display().to_string()).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    for (text, part) in [("gs://b/x.csv", "other schemes are unknown"), ("s3:///x", "names no bucket")] {
        let error = find_files(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn white_space_around_cells_is_left_out() {
    let dir = TempDir::new().unwrap();
    let csv = "a,b,c\n x ,\" y z\t\",\u{a0}\n\u{3000}中\u{3000},  ,\"\"\n";
    // The last row comes after the columns are settled, in another order, with a member that is none of them.
    let lines = |n: usize| "{\"a\":1,\"b\":\"2\",\"c\":null}\n".repeat(n);
    let json = format!(
        "{{\"a\":\" x \",\"b\":\"\\ty z\",\"c\":\"\"}}\n{}{{\"d\":0,\"c\":\"\\u4e2d\\u3000\",\"a\":\" \"}}\n",
        lines(1200)
    );
    for (name, text, last) in
        [("a.csv", csv.to_owned(), [Some("中"), None, None]), ("a.jsonl", json, [None, None, Some("中")])]
    {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let found = find_files(path.to_str().unwrap()).unwrap();
        let table = stage(&found.files[0], &dir.path().join("work"), &ReadOptions::plain(), &|_| {}).unwrap();
        let rows = tables::rows(&table.path);
        let texts = |row: usize| rows[row].0.iter().map(Option::as_deref).collect::<Vec<_>>();
        assert_eq!(texts(0), [Some("x"), Some("y z"), None], "{name}");
        assert_eq!(texts(rows.len() - 1), last, "{name}");
        assert_eq!(rows[rows.len() - 1].1, rows.len() as i64, "{name}");
    }
}
