//! From bytes, text or cells to the located tree of a document.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::delimited::{self, BrokenQuote};
use super::encoding::{self, Encoding, Undecodable};
use super::header::Header;
use super::number::Decimals;
use super::place::Places;
use super::rows::{Assembly, RowOf};
use super::{CELLS_MAX, SHEET_BYTES_MAX, Separator, Sheet};
use crate::report::Report;
use crate::source::csv::{finding, tree};
use crate::source::{Tree, shortened};

/// What is known of a file beside its cells.
struct Origin {
    /// `None` when somebody else has decoded it.
    encoding: Option<Encoding>,
    decimals: Decimals,
    /// In the order of the rows.
    broken: Vec<BrokenQuote>,
}

/// Reads CSV in any of the encodings; `None` when there is no tree, and then the report says why.
pub(crate) fn bytes(bytes: &[u8], report: &mut Report) -> Option<Tree> {
    if is_too_large(bytes.len(), report) {
        return None;
    }
    match encoding::decode(bytes) {
        Ok(it) => csv(&it.text, Some(it.encoding), report),
        Err(undecodable) => {
            unreadable(&undecodable, report);
            None
        }
    }
}

/// Reads CSV; `None` when there is no tree, and then the report says why.
pub(crate) fn text(text: &str, report: &mut Report) -> Option<Tree> {
    if is_too_large(text.len(), report) {
        return None;
    }
    csv(text.strip_prefix('\u{feff}').unwrap_or(text), None, report)
}

/// Reads the sheets of a workbook; `None` when there is no tree, and then the report says why.
pub(crate) fn sheets(sheets: &[Sheet], report: &mut Report) -> Option<Tree> {
    document(sheets, Origin { encoding: None, decimals: Decimals::Point, broken: Vec::new() }, report)
}

fn csv(text: &str, encoding: Option<Encoding>, report: &mut Report) -> Option<Tree> {
    let read = delimited::read(text);
    if read.is_cut {
        let message = format!("the file has more than {CELLS_MAX} cells that are not empty");
        report.source_error(finding(0, "too_many_values", message, "split the document or shorten contents"));
        report.set_places(Places::default());
        return None;
    }
    let decimals = if read.separator == Separator::Semicolon { Decimals::Comma } else { Decimals::Point };
    document(&[read.sheet], Origin { encoding, decimals, broken: read.broken }, report)
}

fn is_too_large(n_bytes: usize, report: &mut Report) -> bool {
    let is_too_large = n_bytes > SHEET_BYTES_MAX;
    if is_too_large {
        let message = format!("the file has {n_bytes} bytes, at most {SHEET_BYTES_MAX} are allowed");
        report.source_error(finding(0, "document_too_large", message, "remove what is no longer used"));
        report.set_places(Places::default());
    }
    is_too_large
}

fn unreadable(undecodable: &Undecodable, report: &mut Report) {
    // Something must stand where the bytes stand, to have a place.
    let read = delimited::read(&format!("{}?", undecodable.before));
    let mut places = Places::default();
    places.begin_sheet(None);
    let mut rows = read.sheet.rows.iter().filter(|it| !it.cells.is_empty());
    let last = rows.clone().next_back().map(|it| (it.number, it.cells.last().map(|(column, _)| *column)));
    for (column, cell) in rows.next().into_iter().flat_map(|it| &it.cells) {
        places.name_column(*column, cell);
    }
    let place = last.map_or(0, |(row, column)| places.add(row, column));
    let message = format!("the file is {} up to here, and then it is not", undecodable.encoding.as_str());
    let help = "save it again as \"CSV UTF-8\"; perhaps two files of different encodings were put together";
    report.source_error(finding(place, "mixed_encodings", message, help));
    report.set_places(places);
}

fn document(sheets: &[Sheet], origin: Origin, report: &mut Report) -> Option<Tree> {
    let mut places = Places::default();
    let mut reader = Reader { origin, is_encoding_said: false, places: &mut places, report };
    let tree = reader.document(sheets);
    report.set_places(places);
    tree
}

struct Reader<'p, 'r> {
    origin: Origin,
    is_encoding_said: bool,
    places: &'p mut Places,
    report: &'r mut Report,
}

impl Reader<'_, '_> {
    fn document(&mut self, sheets: &[Sheet]) -> Option<Tree> {
        let mut assembly = Assembly::default();
        let mut n_headers: usize = 0;
        let mut is_empty = true;
        for sheet in sheets.iter().filter(|it| it.rows.iter().any(|row| !row.cells.is_empty())) {
            is_empty = false;
            self.places.begin_sheet(sheet.name.clone());
            n_headers = n_headers.saturating_add(usize::from(self.sheet(sheet, sheets.len(), &mut assembly)));
        }
        self.say_encoding(0, None);
        if n_headers > 0 {
            let document = assembly.finish(self.report);
            return tree(&document, self.report);
        }
        if !self.report.has_errors() {
            let help = "begin with a row that names the columns: kind, id, of, and others";
            let (code, message) = match is_empty {
                true => ("empty_document", "the sheet is empty"),
                false => ("no_header", "no sheet has a first row that names a column \"kind\""),
            };
            self.report.source_error(finding(0, code, message, help));
        }
        None
    }

    /// Reads one sheet; whether it has a header.
    fn sheet(&mut self, sheet: &Sheet, n_sheets: usize, assembly: &mut Assembly) -> bool {
        let mut rows = sheet.rows.iter().filter(|it| !it.cells.is_empty());
        let Some(first) = rows.next() else { return false };
        let place = self.places.add(first.number, None);
        if !Header::is_in(first) {
            let help = "let the first row name the columns: kind, id, of, and others";
            if n_sheets > 1 {
                let message = "the sheet is left out: its first row names no column \"kind\"";
                self.report.source_warning(finding(place, "ignored_sheet", message, help));
            } else {
                let word = |cell: &str| cell.trim().to_lowercase();
                let likely =
                    first.cells.iter().find(|(_, it)| !self.report.did_you_mean(&word(it), ["kind"]).is_empty());
                let guess = likely.map(|(_, it)| format!(" (is {:?} meant?)", it.trim())).unwrap_or_default();
                let message = format!("the first row names no column \"kind\"{guess}");
                self.report.source_error(finding(place, "no_header", message, help));
            }
            return false;
        }
        let header = Header::read(first, self.places, self.report);
        for (_, cell) in &first.cells {
            self.say_encoding(place, Some(cell));
        }
        let mut broken = std::mem::take(&mut self.origin.broken).into_iter().peekable();
        for row in rows {
            let mut columns = BTreeSet::new();
            while let Some(it) = broken.next_if(|it| it.row <= row.number) {
                columns.insert(it.column);
                self.broken_quote(it);
            }
            let place = self.places.add(row.number, None);
            for (_, cell) in &row.cells {
                self.say_encoding(place, Some(cell));
            }
            let decimals = self.origin.decimals;
            assembly.row(RowOf { row, place, header: &header, broken: &columns, decimals }, self.places, self.report);
        }
        broken.for_each(|it| self.broken_quote(it));
        true
    }

    fn broken_quote(&mut self, broken: BrokenQuote) {
        let place = self.places.add(broken.row, Some(broken.column));
        let message = match broken.is_open {
            true => "the quote that opens this cell is never closed, so that the rest of the file belongs to it",
            false => "the cell begins with a quote, but goes on behind the quote that closes it",
        };
        let help = "put one quote before and one behind the cell, and write each quote inside of it twice";
        self.report.source_error(finding(place, "broken_quote", message, help));
    }

    /// Says once which encoding was taken, at the first text that shows whether it is right.
    fn say_encoding(&mut self, place: usize, cell: Option<&str>) {
        let is_telling = cell.is_none_or(|it| !it.is_ascii());
        let Some(encoding) = self.origin.encoding.filter(|it| *it != Encoding::Utf8) else { return };
        if !is_telling || self.is_encoding_said {
            return;
        }
        self.is_encoding_said = true;
        let sample = cell.map_or(Cow::Borrowed(""), |it| format!(": {:?}", shortened(it)).into());
        let message = format!("the file is read as {}{sample}", encoding.as_str());
        let help = "if the text looks right, all is well; else save the file again as \"CSV UTF-8\"";
        self.report.source_warning(finding(place, "encoding", message, help));
    }
}
