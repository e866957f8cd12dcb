//! Made-up rows, written by the usual CSV writer: they are read as its own reader reads them.

use crate::tables;
use tempfile::TempDir;
use vitrine_intake::{ReadOptions, find_files, stage};

/// A small generator: the same rows in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn text(&mut self) -> String {
        const PARTS: [&str; 12] = ["a", "b", ",", "\"", "\n", "\r\n", "\r", " ", "\"\"", "é", "单", "x,y"];
        (0..self.below(6)).map(|_| PARTS[self.below(12) as usize]).collect()
    }
}

#[test]
fn rows_are_those_of_the_usual_reader() {
    let mut draw = Draw(7);
    for round in 0..60 {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("a.csv");
        let mut writer = csv::Writer::from_path(&path).unwrap();
        let n_columns = 1 + draw.below(5);
        writer.write_record((0..n_columns).map(|idx| format!("c{idx}"))).unwrap();
        // Enough rows now and then that several windows are read.
        let n_rows = if round % 20 == 0 { 60_000 } else { 1 + draw.below(30) };
        for _ in 0..n_rows {
            writer.write_record((0..n_columns).map(|_| draw.text())).unwrap();
        }
        writer.flush().unwrap();
        let wanted: Vec<Vec<Option<String>>> = csv::Reader::from_path(&path)
            .unwrap()
            .records()
            .map(|row| {
                row.unwrap()
                    .iter()
                    .map(|text| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned))
                    .collect()
            })
            .collect();
        assert_eq!(wanted.len() as u64, n_rows);
        let found = find_files(path.to_str().unwrap()).unwrap();
        let table = stage(&found.files[0], &dir.path().join("work"), &ReadOptions::plain(), &|_| {}).unwrap();
        assert_eq!(table.rejected_rows, 0, "round {round}: {:?}", table.first_rejected);
        let rows: Vec<_> = tables::rows(&table.path).into_iter().map(|(row, _, _)| row).collect();
        assert!(rows == wanted, "round {round}");
    }
}
