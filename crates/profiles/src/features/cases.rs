//! Every feature file against small tables whose results are worked out by hand: `tests/data/features/<file>.slt`.
//!
//! A case file has the time to look back from (`as_of`), source tables (`table`, a line of column names, rows), and
//! queries with the rows that they must give. Cells are parted by `|`; `-` is null; columns whose names end in `_s` are
//! written as times. Numbers are compared to four decimals.

use super::*;
use crate::AsOf;
use crate::engine::{Params, Step};
use crate::stages::Stages;
use std::fmt::Write as _;
use std::fs;

struct Case {
    as_of_s: i64,
    tables: Vec<(String, Vec<String>, Vec<Vec<String>>)>,
    queries: Vec<(String, Vec<String>)>,
}

fn cells(line: &str) -> Vec<String> {
    line.split('|').map(|cell| cell.trim().to_owned()).collect()
}

fn parse(text: &str) -> Case {
    let mut case = Case { as_of_s: 0, tables: Vec::new(), queries: Vec::new() };
    let mut lines = text.lines().filter(|line| !line.starts_with('#')).peekable();
    while let Some(line) = lines.next() {
        if let Some(time) = line.strip_prefix("as_of ") {
            case.as_of_s = time.parse::<AsOf>().unwrap().unix_seconds();
        } else if let Some(table) = line.strip_prefix("table ") {
            let columns = cells(lines.next().unwrap());
            let mut rows = Vec::new();
            while let Some(row) = lines.next_if(|line| !line.trim().is_empty()) {
                rows.push(cells(row));
            }
            case.tables.push((table.trim().to_owned(), columns, rows));
        } else if let Some(start) = line.strip_prefix("query ") {
            let mut sql = start.to_owned();
            while let Some(more) = lines.next_if(|line| *line != "----") {
                sql = format!("{sql}\n{more}");
            }
            lines.next();
            let mut rows = Vec::new();
            while let Some(row) = lines.next_if(|line| !line.trim().is_empty()) {
                rows.push(cells(row).join(" | "));
            }
            case.queries.push((sql, rows));
        } else {
            assert!(line.trim().is_empty(), "{line:?} is neither as_of, table nor query");
        }
    }
    case
}

fn literal(column: &str, kind: &str, cell: &str) -> String {
    match cell {
        "-" => format!("CAST(NULL AS {kind})"),
        time if column.ends_with("_s") => format!("CAST({} AS BIGINT)", time.parse::<AsOf>().unwrap().unix_seconds()),
        text => format!("CAST('{text}' AS {kind})"),
    }
}

fn fill(engine: &Engine, (table, columns, rows): &(String, Vec<String>, Vec<Vec<String>>)) {
    let kind = |column: &str| match column {
        "is_cancellation" => "BOOLEAN",
        _ => {
            let source = CANONICAL.iter().find(|source| source.table == table);
            let known = source.and_then(|source| source.columns.iter().find(|(name, _)| *name == column));
            known.map_or("VARCHAR", |(_, kind)| kind)
        }
    };
    let rows: Vec<String> = rows
        .iter()
        .map(|row| {
            assert_eq!(row.len(), columns.len(), "{table}: {row:?}");
            let values = columns.iter().zip(row);
            let values: Vec<String> =
                values.map(|(column, cell)| format!("{} AS {column}", literal(column, kind(column), cell))).collect();
            format!("SELECT {}", values.join(", "))
        })
        .collect();
    engine.run_sql(table, &rows.join(" UNION ALL ")).unwrap();
}

/// Makes a table and what it rests on.
fn make(engine: &Engine, table: &str) {
    if engine.has_table(table).unwrap() {
        return;
    }
    let needs = |sql: &str| engine.tables_of(table, sql).unwrap();
    let (part, whole) = EVENT_SUMS;
    if whole.table == table {
        return engine.run_parts("events", "", part, whole).unwrap();
    }
    if EVENT_ITEMS.table == table {
        return engine.define(table, EVENT_ITEMS.sql).unwrap();
    }
    let step = TABLES.into_iter().find(|step| step.table == table).map(|Step { sql, .. }| sql);
    let sql = step.or_else(|| BUILTIN.iter().find(|(name, _)| *name == table).map(|(_, sql)| *sql));
    let sql = sql.unwrap_or_else(|| panic!("there is no table {table}"));
    for input in needs(sql) {
        make(engine, &input);
    }
    engine.run_sql(table, sql).unwrap();
}

fn check(name: &str, text: &str) -> Result<(), String> {
    let case = parse(text);
    assert!(!case.queries.is_empty(), "{name}.slt has no query");
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::start(Stages::open(dir.path()).unwrap(), 256 << 20).unwrap();
    let split_s = case.as_of_s + 1;
    engine.set_params(&Params { split_s, ..Params::of(case.as_of_s) }).unwrap();
    for table in &case.tables {
        fill(&engine, table);
    }
    engine.complete().unwrap();
    if !engine.has_table("netted").unwrap() {
        engine
            .define("netted", "SELECT CAST('' AS VARCHAR) AS customer_id, true AS is_cancellation WHERE false")
            .unwrap();
    }
    let mut wrong = String::new();
    for (sql, expected) in &case.queries {
        for table in engine.tables_of(name, sql).unwrap() {
            make(&engine, &table);
        }
        let found = engine.rows_as_text(sql).unwrap();
        if found != *expected {
            write!(wrong, "{name}.slt: {sql}\nexpected:\n{}\nfound:\n{}\n\n", expected.join("\n"), found.join("\n"))
                .unwrap();
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

#[test]
fn every_feature_file_gives_what_was_worked_out_by_hand() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/features");
    let mut wrong = String::new();
    for (name, _) in BUILTIN {
        match fs::read_to_string(dir.join(format!("{name}.slt"))) {
            Err(_) => wrong += &format!("sql/features/{name}.sql has no case: write tests/data/features/{name}.slt\n"),
            Ok(text) => wrong += &check(name, &text).err().unwrap_or_default(),
        }
    }
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !BUILTIN.iter().any(|(known, _)| *known == name) {
            wrong += &format!("{} is the case of no feature file\n", path.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
