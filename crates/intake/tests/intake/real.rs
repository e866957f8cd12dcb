//! Files as the mappings that are built in mean them: real ones where there are any, else made-up ones.
//!
//! Reads `../shared/data` beside the repository, or the folder that `VITRINE_TEST_DATA` names; skipped without it.

use crate::tables;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use vitrine_intake::{Kind, Mapping, RawTable, ReadOptions, find_files, stage};

fn data() -> PathBuf {
    let data = std::env::var_os("VITRINE_TEST_DATA").map(PathBuf::from);
    data.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"))
}

/// Stages a file with a mapping; `None` if the data are not there.
fn staged(dir: &Path, file: &str, mapping: &str) -> Option<RawTable> {
    let path = data().join(file);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    let options = ReadOptions::of(&Mapping::builtin(mapping).unwrap(), Kind::Orders).unwrap();
    let found = find_files(path.to_str().unwrap()).unwrap();
    Some(stage(&found.files[0], dir, &options, &|_| {}).unwrap())
}

#[test]
fn cdnow_is_read_by_its_mapping() {
    let dir = TempDir::new().unwrap();
    let Some(table) = staged(dir.path(), "cdnow/CDNOW_sample.txt", "cdnow") else { return };
    assert_eq!((table.rows, table.rejected_rows), (6919, 0));
    let rows = tables::rows(&table.path);
    let first: Vec<&str> = rows[0].0.iter().map(|text| text.as_deref().unwrap()).collect();
    assert_eq!(first, ["00004", "0001", "19970101", "2", "29.33"]);
}

#[test]
fn online_retail_passes_as_parquet() {
    let dir = TempDir::new().unwrap();
    let folder = data().join("online_retail");
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let options = ReadOptions::of(&Mapping::builtin("online-retail").unwrap(), Kind::Orders).unwrap();
    let found = find_files(folder.to_str().unwrap()).unwrap();
    let rows: u64 = found.files.iter().map(|file| stage(file, dir.path(), &options, &|_| {}).unwrap().rows).sum();
    assert_eq!(rows, 541_909);
}

#[test]
fn a_ga4_export_is_unfolded_by_its_mapping() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("events_20250308.json.gz");
    let lines = [
        r#"{"event_date":"20250308","event_timestamp":"1741392000000000","event_name":"purchase","event_params":[{"key":"ga_session_id","value":{"int_value":"77"}}],"user_id":"m1","user_pseudo_id":"a.1","device":{"category":"mobile"},"geo":{"country":"Germany"},"traffic_source":{"name":"(direct)","source":"mail"},"platform":"WEB","ecommerce":{"transaction_id":"T1"},"items":[{"item_id":"A","item_name":"Tea","item_category":"Food","price":2.5,"quantity":"2"},{"item_id":"B","price":3}]}"#,
        r#"{"event_date":"20250308","event_timestamp":"1741392001000000","event_name":"session_start","event_params":[],"user_pseudo_id":"a.2","device":{"category":"desktop"},"platform":"WEB","items":[]}"#,
    ];
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, lines.join("\n").as_bytes()).unwrap();
    std::fs::write(&path, packer.finish().unwrap()).unwrap();
    let mapping = Mapping::builtin("ga4").unwrap();
    let file = &find_files(path.to_str().unwrap()).unwrap().files[0];
    let kinds = [Kind::Events, Kind::Orders, Kind::Identities];
    let all = kinds.map(|kind| stage(file, dir.path(), &ReadOptions::of(&mapping, kind).unwrap(), &|_| {}).unwrap());
    assert!(all.iter().all(|table| *table == all[0]), "one file for all kinds");
    let rows = tables::rows(&all[0].path);
    let value = |row: usize, column: &str| {
        let idx = all[0].columns.iter().position(|name| name == column).unwrap_or_else(|| panic!("{column}"));
        rows[row].0[idx].as_deref()
    };
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (value(0, "items.item_id"), value(1, "items.item_id"), value(2, "items.item_id")),
        (Some("A"), Some("B"), None)
    );
    assert_eq!((value(1, "event_params.ga_session_id"), value(2, "event_params.ga_session_id")), (Some("77"), None));
    assert_eq!((value(0, "items.price"), value(0, "ecommerce.transaction_id")), (Some("2.5"), Some("T1")));
    assert_eq!((value(2, "user_pseudo_id"), value(2, "device.category")), (Some("a.2"), Some("desktop")));
}
