//! The writer on a file system: all or nothing, and no surprise for what was there before.

use super::sample::{self, required};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use vitrine_tables::*;

fn schema() -> Schema {
    Schema::new(vec![required("n", ColumnType::Unsigned { bits: 30 })], BTreeMap::new()).unwrap()
}

fn create(out_dir: &Path, options: WriteOptions) -> Result<TableWriter, WriteError> {
    TableWriter::create(out_dir, schema(), sample::key(), options)
}

fn push(writer: &mut TableWriter, visitors: std::ops::Range<u64>) {
    let schema = schema();
    for n in visitors {
        writer.push(&format!("v-{n}"), &sample::row_values(&schema, &[CellValue::Unsigned(n)])).unwrap();
    }
}

/// Writes a table of `n` visitors.
fn write(out_dir: &Path, options: WriteOptions, n: u64) -> Result<Manifest, WriteError> {
    let mut writer = create(out_dir, options)?;
    push(&mut writer, 0..n);
    writer.finish(|_, _| {})
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[track_caller]
fn message<T>(result: Result<T, WriteError>) -> String {
    match result {
        Ok(_) => panic!("no error"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_table_that_spills_is_written_whole() {
    let dir = tempfile::tempdir().unwrap();
    let out_dir = dir.path().join("deep/table");
    let vector = ColumnType::Vector { dims: 1024, scale: 1.0 };
    let schema = Schema::new(vec![required("v", vector)], BTreeMap::new()).unwrap();
    let row = |n: u64| (0..1024).map(|i| ((n + i) % 255) as f32 - 127.0).collect::<Vec<_>>();
    let options = WriteOptions { shard_bits: Some(9), ..sample::options() };
    let mut writer = TableWriter::create(&out_dir, schema.clone(), sample::key(), options).unwrap();
    // Enough that each of the 256 parts goes to its file at least once: 64 KiB are 64 rows.
    let n = 32_000;
    for n in 0..n {
        writer.push(&format!("v-{n}"), &sample::row_values(&schema, &[CellValue::Vector(&row(n))])).unwrap();
    }
    assert_eq!(names(&writer.work_dir().join(".spill")).len(), 256);
    writer.add_file("reports/report.json", b"{}").unwrap();
    let mut steps = Vec::new();
    let manifest = writer.finish(|done, of| steps.push((done, of))).unwrap();
    assert_eq!(steps, (0..=512).map(|done| (done, 512)).collect::<Vec<_>>());
    assert_eq!((manifest.rows, manifest.n_shards()), (n, 512));

    assert_eq!(names(&out_dir), ["manifest.json", "reports", "shards"]);
    assert_eq!(names(dir.path().join("deep").as_path()), ["table"]);
    let table = TableDir::open(&out_dir).unwrap();
    assert_eq!(*table.manifest(), manifest);
    let report = table.verify(|_, _| {}).unwrap();
    assert_eq!((report.n_rows, report.shards_bytes), (n, 512 * 40 + n * 1032));
    assert_eq!(names(&out_dir.join("shards"))[..3], ["000", "001", "002"]);
    for n in (0..n).step_by(3_001) {
        let key = sample::key().hash(&format!("v-{n}"));
        let shard_idx = key.shard(manifest.shard_bits);
        let bytes = table.read_shard(shard_idx).unwrap();
        let shard = manifest.decode_shard(shard_idx, &bytes).unwrap();
        let Value::Vector(vector) = shard.find(key).unwrap().get(schema.column("v").unwrap()) else {
            panic!("a vector")
        };
        assert!(vector.codes().map(f32::from).eq(row(n)));
    }
}

#[test]
fn an_empty_table_has_one_empty_shard() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = write(&dir.path().join("t"), sample::options(), 0).unwrap();
    assert_eq!((manifest.rows, manifest.n_shards()), (0, 1));
    let report = TableDir::open(&dir.path().join("t")).unwrap().verify(|_, _| {}).unwrap();
    assert_eq!((report.n_rows, report.shards_bytes), (0, 40));
}

#[test]
fn the_build_is_named_by_its_content() {
    let dir = tempfile::tempdir().unwrap();
    let build = |name: &str, options, n| write(&dir.path().join(name), options, n).unwrap().build;
    let first = build("a", sample::options(), 100);
    assert_eq!(first, build("b", sample::options(), 100));
    assert_ne!(first, build("c", sample::options(), 101));
    assert_ne!(first, build("d", WriteOptions { as_of: "2012-01-01T00:00:00Z".into(), ..sample::options() }, 100));
    assert_ne!(first, build("e", WriteOptions { shard_bits: Some(3), ..sample::options() }, 100));
}

#[test]
fn the_lineage_is_named_by_its_hash_and_is_no_content() {
    let dir = tempfile::tempdir().unwrap();
    let build = |name: &str, lineage: Option<&str>| {
        let mut writer = create(&dir.path().join(name), sample::options()).unwrap();
        push(&mut writer, 0..100);
        if let Some(json) = lineage {
            writer.set_lineage(json.as_bytes().to_vec());
        }
        writer.finish(|_, _| {}).unwrap()
    };
    let (none, one, other) = (build("none", None), build("one", Some("{}")), build("other", Some("{\"a\":1}")));
    assert_eq!((&none.build, &one.build, none.lineage), (&other.build, &other.build, None));
    // The SHA-256 of `{}`.
    assert_eq!(one.lineage.as_deref(), Some("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"));
    assert_ne!(one.lineage, other.lineage);
    let table = TableDir::open(&dir.path().join("one")).unwrap();
    assert_eq!(table.lineage().unwrap().as_deref(), Some(b"{}".as_slice()));
    assert_eq!(TableDir::open(&dir.path().join("none")).unwrap().lineage().unwrap(), None);

    let path = dir.path().join("one/lineage.json");
    fs::write(&path, "{ }").unwrap();
    let error = table.verify(|_, _| {}).unwrap_err().to_string();
    assert!(error.contains("lineage.json: `lineage` is ") && error.contains("44136fa3"), "{error}");
    fs::remove_file(&path).unwrap();
    let error = table.verify(|_, _| {}).unwrap_err().to_string();
    assert!(error.contains("lineage.json"), "{error}");
    let mut writer = create(&dir.path().join("t"), sample::options()).unwrap();
    assert_eq!(
        message(writer.add_file("lineage.json", b"{}")),
        "\"lineage.json\" is not a name for a file beside the table"
    );
}

#[test]
fn an_unfinished_writer_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out_dir = dir.path().join("t");
    let mut writer = create(&out_dir, sample::options()).unwrap();
    push(&mut writer, 0..10);
    assert_eq!(names(dir.path()), [".t.partial"]);
    drop(writer);
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_visitor_twice_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = create(&dir.path().join("t"), sample::options()).unwrap();
    push(&mut writer, 0..10);
    push(&mut writer, 3..4);
    let key = sample::key().hash("v-3").0;
    assert_eq!(
        message(writer.finish(|_, _| {})),
        format!(
            "two rows have the key {key:016x}: merge the rows of a visitor before writing; if the visitors differ, \
             their ids collide (a chance of 1 in 3,700 at 100 million visitors) and another table key mends it"
        )
    );
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn what_is_there_is_replaced_only_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let out_dir = dir.path().join("t");
    let replace = || WriteOptions { replace: true, ..sample::options() };
    let old = write(&out_dir, replace(), 5).unwrap();
    assert_eq!(
        message(create(&out_dir, sample::options())),
        format!("{}: already exists; choose another directory, or ask to replace it", out_dir.display())
    );
    // The old table stays until the new one is whole.
    let mut writer = create(&out_dir, replace()).unwrap();
    push(&mut writer, 0..6);
    assert_eq!(*TableDir::open(&out_dir).unwrap().manifest(), old);
    drop(writer);
    assert_eq!(*TableDir::open(&out_dir).unwrap().manifest(), old);
    let new = write(&out_dir, replace(), 6).unwrap();
    assert_eq!(*TableDir::open(&out_dir).unwrap().manifest(), new);
    assert_eq!(names(dir.path()), ["t"]);

    let other = dir.path().join("photos");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("cat.jpg"), b"cat").unwrap();
    assert_eq!(
        message(create(&other, replace())),
        format!("{}: is not a table (it has no manifest.json), so it is not replaced", other.display())
    );
    assert_eq!(names(&other), ["cat.jpg"]);
}

#[test]
fn leftovers_of_a_killed_writer_are_removed_but_not_of_a_live_one() {
    let dir = tempfile::tempdir().unwrap();
    let partial = dir.path().join(".t.partial");
    fs::create_dir_all(partial.join("shards")).unwrap();
    fs::write(partial.join("shards/0"), b"half").unwrap();
    fs::write(partial.join(".lock"), b"").unwrap();
    let live = create(&dir.path().join("t"), sample::options()).unwrap();
    assert_eq!(
        message(create(&dir.path().join("t"), sample::options())),
        format!("{}: another build is being written there right now", partial.display())
    );
    let manifest = live.finish(|_, _| {}).unwrap();
    assert_eq!(manifest.rows, 0);
}

#[test]
fn options_and_files_out_of_range() {
    let dir = tempfile::tempdir().unwrap();
    let out_dir = dir.path().join("t");
    let options = |as_of: &str, shard_bits| WriteOptions { as_of: as_of.into(), replace: false, shard_bits };
    assert_eq!(
        message(create(&out_dir, options("2011", None))),
        "`as_of` is \"2011\", but must be an RFC 3339 date-time such as 2026-01-31T00:00:00Z"
    );
    assert_eq!(message(create(&out_dir, options(sample::AS_OF, Some(21)))), "`shard_bits` is 21, but must be 0 to 20");
    assert_eq!(
        message(create(Path::new("/"), sample::options())),
        "/: name a directory that the table can be written to"
    );
    let mut writer = create(&out_dir, sample::options()).unwrap();
    for relative in
        ["", ".", "..", "../x", "/etc/x", "manifest.json", "shards/0", "items/items.bin", ".lock", "a/../../x"]
    {
        assert_eq!(
            message(writer.add_file(relative, b"")),
            format!("{relative:?} is not a name for a file beside the table")
        );
    }
    drop(writer);
    fs::write(dir.path().join("file"), b"").unwrap();
    assert!(message(create(&dir.path().join("file/t"), sample::options())).contains("cannot create"));
}

#[test]
fn rows_that_do_not_fit_are_refused_and_the_writer_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = create(&dir.path().join("t"), sample::options()).unwrap();
    assert_eq!(message(writer.push("v", &RowValues::new(&schema()))), "column \"n\" is not nullable, but has no value");
    push(&mut writer, 0..3);
    assert_eq!(writer.finish(|_, _| {}).unwrap().rows, 3);
}

#[test]
fn items_must_be_in_the_item_table() {
    let dir = tempfile::tempdir().unwrap();
    let list = ColumnType::TopK { k: 1, id_bits: 12, weight_bits: 4, weight_max: 1.0, dictionary: "items".into() };
    let schema = Schema::new(vec![required("last_items", list)], BTreeMap::new()).unwrap();
    let write = |items: Option<Vec<u8>>, id| {
        let mut writer =
            TableWriter::create(&dir.path().join("t"), schema.clone(), sample::key(), sample::options()).unwrap();
        writer.push("v", &sample::row_values(&schema, &[CellValue::TopK(&[(id, 1.0)])])).unwrap();
        if let Some(items) = items {
            writer.set_items(items)?;
        }
        writer.finish(|_, _| {})
    };
    let items = encode_items(&sample::sample_items()).unwrap();
    assert_eq!(message(write(None, 0)), "a row names item 0, but the item table has 0 items");
    assert_eq!(message(write(Some(items.clone()), 3)), "a row names item 3, but the item table has 3 items");
    assert_eq!(
        message(write(Some(items[1..].to_vec()), 0)),
        "the item table: this is not an item table: it begins with [54, 52, 49, 54, 45, 4d, 53, 01] instead of \"VTRITEMS\""
    );
    let manifest = write(Some(items.clone()), 2).unwrap();
    assert_eq!(manifest.items.unwrap().n_items, 3);
    let table = TableDir::open(&dir.path().join("t")).unwrap();
    assert_eq!(table.items().unwrap().unwrap().as_bytes(), items);
}

/// A sound table, damaged in one file.
fn damaged(file: &str, damage: impl FnOnce(&mut Vec<u8>)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let out_dir: PathBuf = dir.path().join("t");
    sample::write_golden(&out_dir, &sample::golden_rows());
    let path = out_dir.join(file);
    let mut bytes = fs::read(&path).unwrap();
    damage(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let result = TableDir::open(&out_dir).and_then(|table| table.verify(|_, _| {}));
    let message = result.unwrap_err().to_string();
    message.replace(&format!("{}/", out_dir.display()), "")
}

#[test]
fn verification_names_the_damaged_file() {
    assert!(damaged("manifest.json", Vec::clear).starts_with("manifest.json: the manifest is not as version 1 has it"));
    assert!(damaged("shards/1", |bytes| bytes[60] ^= 4).starts_with("shards/1: the checksum is "));
    assert!(damaged("shards/0", |bytes| bytes.truncate(50)).starts_with("shards/0: the header says "));
    assert!(damaged("items/items.bin", |bytes| bytes[60] ^= 4).starts_with("items/items.bin: the checksum is "));

    let dir = tempfile::tempdir().unwrap();
    let out_dir = dir.path().join("t");
    sample::write_golden(&out_dir, &sample::golden_rows());
    let verify = || TableDir::open(&out_dir).unwrap().verify(|_, _| {}).unwrap_err().to_string();
    let shard_0 = fs::read(out_dir.join("shards/0")).unwrap();
    fs::write(out_dir.join("shards/1"), &shard_0).unwrap();
    assert!(verify().ends_with("shards/1: this is shard 0 of 2^1, but shard 1 of 2^1 was asked for"));
    // A sound shard of another build.
    let schema = sample::golden_schema();
    let other = encode_shard::<Vec<u8>>(&schema, ShardPlace { shard_idx: 1, shard_bits: 1 }, &[]).unwrap();
    fs::write(out_dir.join("shards/1"), &other).unwrap();
    let message = verify();
    assert!(message.contains("`shards_digest` is "), "{message}");
    assert!(message.ends_with("in the manifest: the parts are of different builds"), "{message}");
    fs::remove_file(out_dir.join("shards/1")).unwrap();
    assert!(verify().contains("shards/1: cannot read: "));
    fs::write(out_dir.join("items/items.bin"), encode_items(&[]).unwrap()).unwrap();
    assert!(verify().contains("items.bin: `items` is "));
}
