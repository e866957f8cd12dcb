//! Delimited text, row by row, strictly: a row that is no row is told with its reason, and reading goes on at the next line.
//!
//! The usual readers never refuse anything: they take a quote that is not closed for a field that ends with the file. Rows that they
//! read in the same way are compared with theirs in the tests.

use crate::mapping::Delimiter;
use crate::raw_table::RejectReason;
use crate::window::{Line, Window};
use std::io::{self, Read};

/// Reads rows.
pub(crate) struct CsvRows<R> {
    window: Window<R>,
    delimiter: Delimiter,
    quote: Option<u8>,
    /// Line on which the next row begins, from 1.
    line: u64,
    fields: Vec<Field>,
    /// Length of the row that was read last. It stays in the window until the next one is asked for.
    n_row: usize,
    n_pending: usize,
    n_pending_lines: u64,
    /// The beginning of what is no row.
    bad: Vec<u8>,
    is_bad: bool,
}

/// Where a field lies in its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    start: usize,
    end: usize,
    /// Whether quotes in it are doubled.
    is_doubled: bool,
}

/// What the reader met.
pub(crate) enum Next {
    /// A row; see [`CsvRows::field`].
    Row {
        /// Where it begins, from 1.
        line: u64,
        /// Whether it goes over several lines.
        is_long: bool,
    },
    /// A line that is no row; see [`CsvRows::row`].
    Bad { line: u64, reason: RejectReason },
    /// The end.
    End,
}

/// How the first row of the window ends.
enum Scan {
    /// Length without the line end, and with it.
    Whole(usize, usize),
    More,
    BadQuote,
}

impl<R: Read> CsvRows<R> {
    pub(crate) fn new(bytes: R, delimiter: Delimiter, quote: Option<u8>, row_bytes_max: usize) -> Self {
        let window = Window::new(bytes, row_bytes_max);
        let (fields, bad) = (Vec::new(), Vec::new());
        Self {
            window,
            delimiter,
            quote,
            line: 1,
            fields,
            n_row: 0,
            n_pending: 0,
            n_pending_lines: 0,
            bad,
            is_bad: false,
        }
    }

    /// Passes over a line; false if there is none.
    pub(crate) fn skip_line(&mut self) -> io::Result<bool> {
        if matches!(self.window.line()?, Line::None) {
            return Ok(false);
        }
        self.window.pass_line()?;
        self.line += 1;
        Ok(true)
    }

    /// Reads the next row. Empty lines are none.
    pub(crate) fn next(&mut self) -> io::Result<Next> {
        self.window.pass(std::mem::take(&mut self.n_pending));
        self.line += std::mem::take(&mut self.n_pending_lines);
        loop {
            if self.window.view().len() < 2 {
                self.window.grow()?;
            }
            match self.window.view() {
                [] if self.window.is_end() => return Ok(Next::End),
                [] | [b'\r'] if !self.window.is_end() => self.window.grow()?,
                [b'\n' | b'\r', ..] => self.window.pass_line().map(|()| self.line += 1)?,
                _ => match self.delimiter {
                    Delimiter::Byte(delimiter) => return self.parted(delimiter),
                    Delimiter::Whitespace => {
                        if let Some(next) = self.blank_parted()? {
                            return Ok(next);
                        }
                    }
                },
            }
        }
    }

    /// Turns the row over several lines that was read last into a bad one of a single line; what follows is read again. Its quotes hold
    /// what they should not.
    pub(crate) fn refuse_long(&mut self) -> io::Result<Next> {
        self.n_pending = 0;
        self.n_pending_lines = 0;
        self.reject(RejectReason::BadQuote)
    }

    /// Fields of the row.
    pub(crate) fn n_fields(&self) -> usize {
        self.fields.len()
    }

    /// The row, or the beginning of what is none.
    pub(crate) fn row(&self) -> &[u8] {
        match self.is_bad {
            true => &self.bad,
            false => self.window.view().get(..self.n_row).unwrap_or_default(),
        }
    }

    /// A field of the row, without quotes; `text` is the row, and `scratch` is used where quotes are doubled. `None` if there are fewer.
    pub(crate) fn field<'f>(&self, idx: usize, text: &'f str, scratch: &'f mut String) -> Option<&'f str> {
        let field = self.fields.get(idx)?;
        let raw = text.get(field.start..field.end)?;
        let Some(quote) = self.quote.map(char::from).filter(|_| field.is_doubled) else { return Some(raw) };
        scratch.clear();
        let mut chars = raw.chars();
        while let Some(c) = chars.next() {
            scratch.push(c);
            if c == quote {
                chars.next();
            }
        }
        Some(scratch)
    }

    fn parted(&mut self, delimiter: u8) -> io::Result<Next> {
        loop {
            match scan(self.window.view(), self.window.is_end(), delimiter, self.quote, &mut self.fields) {
                Scan::Whole(n, n_all) => {
                    let row = self.window.view().get(..n).unwrap_or_default();
                    let n_lines = if self.quote.is_some() { 1 + breaks(row) } else { 1 };
                    (self.n_row, self.n_pending, self.n_pending_lines, self.is_bad) = (n, n_all, n_lines, false);
                    return Ok(Next::Row { line: self.line, is_long: n_lines > 1 });
                }
                Scan::BadQuote => return self.reject(RejectReason::BadQuote),
                // A quote that is not closed before the file, or the room for a row, ends; or no line end in all that room.
                Scan::More if self.window.is_end() || self.window.is_full() => {
                    let reason = match self.window.line()? {
                        Line::TooLong => RejectReason::RowTooLong,
                        Line::Whole(..) | Line::None => RejectReason::BadQuote,
                    };
                    return self.reject(reason);
                }
                Scan::More => self.window.grow()?,
            }
        }
    }

    fn blank_parted(&mut self) -> io::Result<Option<Next>> {
        let (n, n_all) = match self.window.line()? {
            Line::Whole(n, n_all) => (n, n_all),
            Line::TooLong => return self.reject(RejectReason::RowTooLong).map(Some),
            Line::None => return Ok(Some(Next::End)),
        };
        self.fields.clear();
        let mut start = None;
        let row = self.window.view().get(..n).unwrap_or_default();
        for (at, byte) in row.iter().chain(std::iter::once(&b' ')).enumerate() {
            match (matches!(byte, b' ' | b'\t'), start) {
                (true, Some(from)) => {
                    self.fields.push(Field { start: from, end: at, is_doubled: false });
                    start = None;
                }
                (false, None) => start = Some(at),
                _ => {}
            }
        }
        if self.fields.is_empty() {
            self.window.pass(n_all);
            self.line += 1;
            return Ok(None);
        }
        (self.n_row, self.n_pending, self.n_pending_lines, self.is_bad) = (n, n_all, 1, false);
        Ok(Some(Next::Row { line: self.line, is_long: false }))
    }

    fn reject(&mut self, reason: RejectReason) -> io::Result<Next> {
        let view = self.window.view();
        let n = view.iter().take(1024).position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(view.len().min(1024));
        self.bad.clear();
        self.bad.extend_from_slice(view.get(..n).unwrap_or_default());
        self.is_bad = true;
        self.window.pass_line()?;
        self.line += 1;
        Ok(Next::Bad { line: self.line - 1, reason })
    }
}

/// Line ends in a row.
fn breaks(row: &[u8]) -> u64 {
    let n = row.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    if n == 0 {
        return 0;
    }
    let pairs = row.windows(2).filter(|pair| *pair == b"\r\n").count();
    (n - pairs) as u64
}

/// Finds the fields of the row that the bytes begin with.
fn scan(bytes: &[u8], is_end: bool, delimiter: u8, quote: Option<u8>, fields: &mut Vec<Field>) -> Scan {
    fields.clear();
    let mut at = 0;
    loop {
        let mut field = Field { start: at, end: at, is_doubled: false };
        if quote.is_some() && bytes.get(at).copied() == quote {
            let mark = quote.unwrap_or_default();
            field.start = at + 1;
            at += 1;
            loop {
                let Some(n) = bytes.get(at..).unwrap_or_default().iter().position(|byte| *byte == mark) else {
                    return Scan::More;
                };
                at += n + 1;
                match bytes.get(at) {
                    Some(byte) if *byte == mark => {
                        field.is_doubled = true;
                        at += 1;
                    }
                    Some(byte) if *byte == delimiter || matches!(byte, b'\n' | b'\r') => break,
                    Some(_) => return Scan::BadQuote,
                    None if is_end => break,
                    None => return Scan::More,
                }
            }
            field.end = at - 1;
        } else {
            let ends = |byte: &u8| *byte == delimiter || *byte == b'\n' || *byte == b'\r';
            match bytes.get(at..).unwrap_or_default().iter().position(ends) {
                Some(n) => at += n,
                None if is_end => at = bytes.len(),
                None => return Scan::More,
            }
            field.end = at;
        }
        fields.push(field);
        match bytes.get(at) {
            Some(byte) if *byte == delimiter => at += 1,
            Some(b'\r') => match bytes.get(at + 1) {
                Some(b'\n') => return Scan::Whole(at, at + 2),
                None if !is_end => return Scan::More,
                _ => return Scan::Whole(at, at + 1),
            },
            Some(_) => return Scan::Whole(at, at + 1),
            None => return Scan::Whole(at, at),
        }
    }
}
