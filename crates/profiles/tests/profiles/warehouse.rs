//! A warehouse (DuckDB) fills the stage boundary by the queries of `benches/peers/warehouse.py`, which the guide tells people to
//! copy: it says what a build says, and it compiles to a table.
//!
//! `VITRINE_DUCKDB_PYTHON` names a Python that has DuckDB (`cargo xtask test` installs one); without it nothing is tested.

use crate::kit::{self, KEY, number};
use std::path::Path;
use std::process::Command;
use vitrine_demo::DemoShop;
use vitrine_profiles::{CompileOptions, Mapping, Silent, TableKey, build, compile, explain};

#[test]
fn duckdb_fills_the_boundary_and_it_compiles_to_the_table_of_a_build() {
    let Some(python) = std::env::var_os("VITRINE_DUCKDB_PYTHON") else {
        println!("skipped: VITRINE_DUCKDB_PYTHON names no Python with DuckDB");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    DemoShop::new(5, 2_000).unwrap().write_dir(&path("shop"), |_, _| ()).unwrap();
    let orders = path("shop/orders.csv");
    let options = kit::options(&[&orders], Mapping::builtin("vitrine-demo").unwrap(), &path("table"));
    let built = build(&options, &mut Silent).unwrap();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/peers/warehouse.py");
    let mut fill = Command::new(python);
    fill.arg(script).arg("--orders").arg(&orders).arg("--out").arg(path("boundary"));
    let filled = fill.arg("--compare").arg(path("table")).output().unwrap();
    let (said, complaint) = (String::from_utf8_lossy(&filled.stdout), String::from_utf8_lossy(&filled.stderr));
    assert!(filled.status.success(), "{said}{complaint}");
    assert!(said.contains("\"differ\": {}") && said.contains("\"customers_of_one_side\": 0"), "{said}");

    let key = TableKey::from_hex(KEY).unwrap();
    let as_of = built.report.as_of.parse().unwrap();
    let compiled = compile(&CompileOptions::new(path("boundary"), path("compiled"), key, as_of), &mut Silent).unwrap();
    assert_eq!(compiled.manifest.rows, built.manifest.rows);
    assert_eq!(compiled.neighbours.items, built.report.neighbours.items);
    assert_eq!(compiled.neighbours.rankers["popularity"], built.report.neighbours.rankers["popularity"]);

    // What the edge reads of a visitor is what it would read of a build: every label that both have.
    let customers = kit::parquet_rows(&path("table/features.parquet"));
    let mut n_compared = 0;
    for row in customers.iter().step_by(100) {
        assert!(number(&row["frequency"]) >= 1.0);
        let of = |table: &str| explain(&path(table), &key, kit::text(&row["customer_id"])).unwrap().unwrap();
        let (ours, theirs) = (of("table"), of("compiled"));
        for said in &theirs {
            let same = ours.iter().find(|other| other.name == said.name);
            assert_eq!(same.map(|same| &same.value), Some(&said.value), "{} of {:?}", said.name, row["customer_id"]);
            n_compared += 1;
        }
    }
    assert!(n_compared > 200, "{n_compared}");
}
