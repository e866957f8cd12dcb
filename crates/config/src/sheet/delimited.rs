//! From text to rows: CSV as Excel, WPS and others write it, with `,`, `;` or tabs between cells.

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};

use super::table;
use super::{CELLS_MAX, COLUMNS_MAX, Row, Sheet};

/// What stands between the cells of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Separator {
    /// `,`: the usual one.
    #[default]
    Comma,
    /// `;`: where a comma stands before decimals, as in most of Europe.
    Semicolon,
    /// A tab: what spreadsheet programs put on the clipboard, and call text.
    Tab,
}

impl Separator {
    const ALL: [Self; 3] = [Self::Comma, Self::Semicolon, Self::Tab];

    /// The character.
    pub fn as_char(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Semicolon => ';',
            Self::Tab => '\t',
        }
    }

    fn as_byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// The rows of a text.
#[derive(Debug)]
pub(crate) struct Delimited {
    pub sheet: Sheet,
    pub separator: Separator,
    /// Cells whose quotes are broken, by row and column as in the sheet.
    pub broken: Vec<BrokenQuote>,
    /// Whether there are more than [`CELLS_MAX`] cells, of which the rest is not read.
    pub is_cut: bool,
}

/// A cell whose quotes do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BrokenQuote {
    /// From 1.
    pub row: u32,
    /// From 0.
    pub column: u16,
    /// Whether there is no closing quote at all, so that the rest of the file is lost.
    pub is_open: bool,
}

/// Reads a text. The separator is what its first line names (`sep=;`), else the one that makes most sense of the header.
pub(crate) fn read(text: &str) -> Delimited {
    let (named, text) = named_separator(text);
    let separator = named.unwrap_or_else(|| detect(text));
    let mut rows = Rows::new(text, separator);
    let mut sheet = Sheet { name: None, rows: Vec::new() };
    let mut n_cells: usize = 0;
    // Empty rows are counted, but not kept: a file may have millions of them.
    for row in rows.by_ref().filter(|it| !it.cells.is_empty()) {
        n_cells = n_cells.saturating_add(row.cells.len());
        sheet.rows.push(row);
        if n_cells > CELLS_MAX {
            break;
        }
    }
    Delimited { sheet, separator, broken: rows.broken, is_cut: n_cells > CELLS_MAX }
}

/// `sep=;` in the first line, as Excel understands it. It is no row.
fn named_separator(text: &str) -> (Option<Separator>, &str) {
    let (line, rest) = match text.find(['\r', '\n']) {
        Some(end) => text.split_at(end),
        None => (text, ""),
    };
    let line = line.trim_end_matches([' ', '"']);
    let Some(named) = line.strip_prefix('"').unwrap_or(line).get(..4).filter(|it| it.eq_ignore_ascii_case("sep="))
    else {
        return (None, text);
    };
    let char = line.split_once('=').map_or("", |(_, it)| it);
    let separator = Separator::ALL.into_iter().find(|it| char.chars().eq([it.as_char()]));
    let rest = rest.strip_prefix("\r\n").or_else(|| rest.get(1..)).unwrap_or_default();
    match separator {
        Some(_) if !named.is_empty() => (separator, rest),
        _ => (None, text),
    }
}

fn detect(text: &str) -> Separator {
    let score = |separator: &Separator| {
        let header = Rows::new(text, *separator).find(|it| !it.cells.is_empty());
        let cells = header.map(|it| it.cells).unwrap_or_default();
        let n_known = cells.iter().filter(|(_, cell)| !table::columns(cell).is_empty()).count();
        // One cell alone is not separated from anything.
        (n_known, cells.len().saturating_sub(1))
    };
    // Of equals the last is taken, so the usual one goes last.
    Separator::ALL.into_iter().rev().max_by_key(score).unwrap_or_default()
}

/// Reads row by row. A row has only cells that are not empty.
struct Rows<'s> {
    text: &'s str,
    reader: Reader,
    separator: Separator,
    /// Bytes that are read.
    offset: usize,
    /// Rows that are read.
    n_rows: u32,
    /// Room for one cell.
    buffer: Vec<u8>,
    broken: Vec<BrokenQuote>,
}

impl<'s> Rows<'s> {
    fn new(text: &'s str, separator: Separator) -> Self {
        let reader = ReaderBuilder::new().delimiter(separator.as_byte()).build();
        Self { text, reader, separator, offset: 0, n_rows: 0, buffer: vec![0; 256], broken: Vec::new() }
    }

    /// Bytes, since the reader may stop in the middle of a character.
    fn rest(&self) -> &'s [u8] {
        self.text.as_bytes().get(self.offset..).unwrap_or_default()
    }

    /// Steps over one line break, if there is one.
    fn skip_line_break(&mut self) -> bool {
        let n_bytes = match self.rest() {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => return false,
        };
        self.offset = self.offset.saturating_add(n_bytes);
        true
    }

    /// The next cell of a row, and whether it is the last.
    fn cell(&mut self, column: u16) -> (String, bool) {
        let start = self.offset;
        let mut n_written = 0;
        let is_last = loop {
            let rest = self.rest();
            let room = self.buffer.get_mut(n_written..).unwrap_or_default();
            let (result, n_read, n_out) = self.reader.read_field(rest, room);
            self.offset = self.offset.saturating_add(n_read);
            n_written = n_written.saturating_add(n_out);
            match result {
                ReadFieldResult::InputEmpty if rest.is_empty() => break true,
                // Asked again with nothing, the reader ends the cell.
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::OutputFull => self.buffer.resize(self.buffer.len().saturating_mul(2), 0),
                ReadFieldResult::Field { record_end } => break record_end,
                ReadFieldResult::End => break true,
            }
        };
        let raw = self.text.get(start..self.offset).unwrap_or_default();
        self.check_quotes(raw, column, is_last);
        let cell = self.buffer.get(..n_written).map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        (cell, is_last)
    }

    /// A cell that begins with a quote ends with one, and has only pairs between.
    fn check_quotes(&mut self, raw: &str, column: u16, is_last: bool) {
        let Some(inside) = raw.strip_prefix('"') else { return };
        let ends: &[char] = if is_last { &['\r', '\n'] } else { &[self.separator.as_char()] };
        let inside = inside.strip_suffix(ends).unwrap_or(inside);
        let pairs_removed = inside.replace("\"\"", "");
        let is_whole = pairs_removed.strip_suffix('"').is_some_and(|it| !it.contains('"'));
        if !is_whole {
            let n_quotes = inside.bytes().filter(|it| *it == b'"').count();
            let is_open = n_quotes.is_multiple_of(2) && self.rest().is_empty();
            self.broken.push(BrokenQuote { row: self.n_rows, column, is_open });
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if self.rest().is_empty() {
            return None;
        }
        self.n_rows = self.n_rows.saturating_add(1);
        let mut row = Row { number: self.n_rows, cells: Vec::new() };
        if self.skip_line_break() {
            return Some(row);
        }
        self.reader.reset();
        let mut column = 0_u16;
        loop {
            let (cell, is_last) = self.cell(column);
            // One cell beyond the columns is enough to say so.
            let has_room = column <= COLUMNS_MAX || row.cells.last().is_none_or(|(last, _)| *last < COLUMNS_MAX);
            if has_room && !cell.trim().is_empty() {
                row.cells.push((column, cell));
            }
            if is_last {
                break;
            }
            column = column.saturating_add(1);
        }
        // The reader stops between the two characters of a line break.
        let is_half = self.offset.checked_sub(1).and_then(|it| self.text.as_bytes().get(it)) == Some(&b'\r');
        if is_half && self.rest().starts_with(b"\n") {
            self.offset = self.offset.saturating_add(1);
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, separator: Separator, expected: &[(u32, &[(u16, &str)])]) {
        let found = read(text);
        assert_eq!(found.separator, separator);
        assert_eq!(found.broken, []);
        let rows: Vec<(u32, Vec<(u16, &str)>)> = found
            .sheet
            .rows
            .iter()
            .filter(|it| !it.cells.is_empty())
            .map(|it| (it.number, it.cells.iter().map(|(column, cell)| (*column, cell.as_str())).collect()))
            .collect();
        let expected: Vec<_> = expected.iter().map(|(number, cells)| (*number, cells.to_vec())).collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn rows_count_as_spreadsheet_programs_count() {
        use Separator::{Comma, Semicolon, Tab};
        check(
            "kind,id\r\nsetting,version\r\n",
            Comma,
            &[(1, &[(0, "kind"), (1, "id")]), (2, &[(0, "setting"), (1, "version")])],
        );
        check("kind,id\n\n,,\n\"a\r\nb\",c", Comma, &[(1, &[(0, "kind"), (1, "id")]), (4, &[(0, "a\r\nb"), (1, "c")])]);
        check("kind;id\r\ra;b", Semicolon, &[(1, &[(0, "kind"), (1, "id")]), (3, &[(0, "a"), (1, "b")])]);
        check("kind\tid\na,b\tc;d\n", Tab, &[(1, &[(0, "kind"), (1, "id")]), (2, &[(0, "a,b"), (1, "c;d")])]);
        check("sep=;\r\nkind;id", Semicolon, &[(1, &[(0, "kind"), (1, "id")])]);
        check("\"sep=,\"\nkind,id", Comma, &[(1, &[(0, "kind"), (1, "id")])]);
        check("类型;编号", Semicolon, &[(1, &[(0, "类型"), (1, "编号")])]);
        check("x,\"a \"\"b\"\" c\",\"\"", Comma, &[(1, &[(0, "x"), (1, "a \"b\" c")])]);
        check("x, \"a\"", Comma, &[(1, &[(0, "x"), (1, " \"a\"")])]);
        check("kind,\"long,header\"", Comma, &[(1, &[(0, "kind"), (1, "long,header")])]);
        check("", Comma, &[]);
        check("\n\n", Comma, &[]);
    }

    #[test]
    fn long_cells_are_whole() {
        let long = "实验,\"\n".repeat(1000);
        let text = format!("kind,\"{}\",end\n", long.replace('"', "\"\""));
        check(&text, Separator::Comma, &[(1, &[(0, "kind"), (1, &long), (2, "end")])]);
    }

    #[test]
    fn broken_quotes_are_found_where_they_begin() {
        for (text, row, column, is_open) in [
            ("kind,id\na,\"b\nc,d\n", 2, 1, true),
            ("kind,id\na,\"b\"c\nd,e\n", 2, 1, false),
            ("kind,id\na,\"b\" \n", 2, 1, false),
            ("kind,id\n\"a", 2, 0, true),
            ("kind,id\n\"a\"\"", 2, 0, true),
        ] {
            assert_eq!(read(text).broken, [BrokenQuote { row, column, is_open }], "{text:?}");
        }
    }
}
