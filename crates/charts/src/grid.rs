//! A grid whose cells are darker the more they hold.

use crate::axis::{is_drawn, range};
use crate::block::{Block, table};
use crate::number::shown;
use crate::words::Words;

const CELL: (f64, f64) = (84.0, 40.0);
const LEFT: f64 = 120.0;
const TOP: f64 = 28.0;

/// Cells by row and column, such as customers by recency and frequency. `values[row][column]`; a cell that is missing, no finite number, or above 10^15 stays empty.
pub fn heat_grid(name: &Words, rows: &[Words], columns: &[Words], values: &[Vec<f64>]) -> Block {
    let value_at =
        |row: usize, column: usize| values.get(row).and_then(|row| row.get(column)).copied().unwrap_or(f64::NAN);
    let (least, greatest) = range(values.iter().flatten().copied()).unwrap_or((0.0, 1.0));
    let span = if greatest > least { greatest - least } else { 1.0 };
    let mut cells = String::new();
    for (idx, column) in columns.iter().enumerate() {
        let middle = LEFT + (idx as f64 + 0.5) * CELL.0;
        cells.push_str(&format!("<text x=\"{middle:.1}\" y=\"18\" class=\"middle\">{}</text>", column.svg()));
    }
    for (row_idx, row) in rows.iter().enumerate() {
        let top = TOP + row_idx as f64 * CELL.1;
        let middle = top + CELL.1 * 0.6;
        cells.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{middle:.1}\" class=\"label\">{}</text>",
            LEFT - 8.0,
            row.svg()
        ));
        for column_idx in 0..columns.len() {
            let value = value_at(row_idx, column_idx);
            if !is_drawn(value) {
                continue;
            }
            let strength = (value - least) / span;
            let left = LEFT + column_idx as f64 * CELL.0;
            let ink = if strength > 0.55 { "middle light" } else { "middle" };
            cells.push_str(&format!(
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" class=\"bar\" opacity=\"{:.3}\"/>\
                 <text x=\"{:.1}\" y=\"{middle:.1}\" class=\"{ink}\">{}</text>",
                CELL.0 - 2.0,
                CELL.1 - 2.0,
                0.06 + 0.94 * strength,
                left + CELL.0 / 2.0,
                shown(value)
            ));
        }
    }
    let (width, height) = (LEFT + columns.len() as f64 * CELL.0, TOP + rows.len() as f64 * CELL.1);
    let svg =
        format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">{cells}</svg>", name.attribute());
    let head: Vec<Words> = std::iter::once(Words::same("")).chain(columns.iter().cloned()).collect();
    let lines: Vec<Vec<Words>> = rows
        .iter()
        .enumerate()
        .map(|(row_idx, row)| {
            let numbers = (0..columns.len()).map(|column_idx| Words::same(shown(value_at(row_idx, column_idx))));
            std::iter::once(row.clone()).chain(numbers).collect()
        })
        .collect();
    Block::figure(name, &svg, &table(&head, &lines))
}
