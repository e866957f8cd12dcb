//! A sliding window over a stream: rows are looked at where they lie, and none can take more memory than it may.

use std::io::{self, Read};

/// A sliding window over a stream.
pub(crate) struct Window<R> {
    bytes: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    is_end: bool,
    row_bytes_max: usize,
}

/// A line.
pub(crate) enum Line {
    /// Its length without the line end, and with it.
    Whole(usize, usize),
    /// It does not fit into the window.
    TooLong,
    /// There are no bytes left.
    None,
}

impl<R: Read> Window<R> {
    pub(crate) fn new(bytes: R, row_bytes_max: usize) -> Self {
        let buffer = vec![0; (1 << 18).min(row_bytes_max.max(16))];
        Self { bytes, buffer, start: 0, end: 0, is_end: false, row_bytes_max: row_bytes_max.max(16) }
    }

    /// What is in the window.
    pub(crate) fn view(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether the stream has nothing behind the window.
    pub(crate) fn is_end(&self) -> bool {
        self.is_end
    }

    /// Passes over bytes of the window.
    pub(crate) fn pass(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
    }

    /// Whether the window cannot grow.
    pub(crate) fn is_full(&self) -> bool {
        self.end - self.start >= self.row_bytes_max
    }

    /// Reads on: the window gets larger, unless the stream is at its end or the window is full.
    pub(crate) fn grow(&mut self) -> io::Result<()> {
        if self.is_end || self.is_full() {
            return Ok(());
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            let n = (self.buffer.len() * 2).min(self.row_bytes_max.max(self.buffer.len()));
            self.buffer.resize(n, 0);
        }
        if let Some(rest) = self.buffer.get_mut(self.end..).filter(|rest| !rest.is_empty()) {
            let n = loop {
                match self.bytes.read(rest) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read?,
                }
            };
            self.end += n;
            self.is_end = n == 0;
        }
        Ok(())
    }

    /// The line that the window begins with. Lines end with `\n`, `\r\n` or `\r`, the last one perhaps with nothing.
    pub(crate) fn line(&mut self) -> io::Result<Line> {
        let mut from = 0;
        loop {
            let view = self.view();
            let found = view.get(from..).unwrap_or_default().iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            match found.map(|at| from + at) {
                Some(at) if view.get(at) == Some(&b'\n') => return Ok(Line::Whole(at, at + 1)),
                // Whether `\n` follows `\r` must be seen.
                Some(at) if at + 1 < view.len() || self.is_end => {
                    let n = 1 + usize::from(view.get(at + 1) == Some(&b'\n'));
                    return Ok(Line::Whole(at, at + n));
                }
                None if self.is_end && view.is_empty() => return Ok(Line::None),
                None if self.is_end => return Ok(Line::Whole(view.len(), view.len())),
                _ if self.is_full() => return Ok(Line::TooLong),
                Some(at) => from = at,
                None => from = view.len(),
            }
            self.grow()?;
        }
    }

    /// Passes over the rest of a line that does not fit.
    pub(crate) fn pass_line(&mut self) -> io::Result<()> {
        loop {
            match self.line()? {
                Line::Whole(_, n) => {
                    self.pass(n);
                    return Ok(());
                }
                Line::TooLong => self.pass(self.view().len().saturating_sub(1)),
                Line::None => return Ok(()),
            }
        }
    }
}
