//! Collects findings while a document is read, and turns them into diagnostics with lines and columns at the end.

use crate::codes::CODES;
use crate::diagnostic::{Diagnostic, Severity};
use crate::limits::{DIAGNOSTICS_MAX, DOCUMENT_BYTES_MAX};
use crate::sheet::Places;
use crate::source::At;

/// What has been found so far.
#[derive(Default)]
pub(crate) struct Report {
    errors: Findings,
    warnings: Findings,
    /// Suggestions already looked for: each costs a pass over all candidates.
    n_suggestions: usize,
    /// The cells that offsets number, if the document is a spreadsheet; else offsets count bytes.
    places: Option<Places>,
}

/// Findings of one severity; beyond [`DIAGNOSTICS_MAX`] they are only counted.
#[derive(Default)]
struct Findings {
    listed: Vec<Finding>,
    n_dropped: usize,
}

/// A diagnostic whose place is still a byte offset.
pub(crate) struct Finding {
    pub code: &'static str,
    pub pointer: String,
    /// Bytes from the start of the source; `None` for the document as a whole.
    pub offset: Option<usize>,
    pub message: String,
    pub help: String,
}

/// Most suggestions in one report.
const SUGGESTIONS_MAX: usize = 100;

impl Report {
    /// The value at `at` is wrong.
    pub fn error(&mut self, at: At<'_>, code: &'static str, message: impl Into<String>, help: impl Into<String>) {
        self.errors.push(|| Finding::new(at, at.offset(), code, message.into(), help.into()));
    }

    /// [`Report::error`] whose words are made only if they are listed, for checks that can find millions.
    pub fn error_with<M: Into<String>, H: Into<String>>(
        &mut self,
        at: At<'_>,
        code: &'static str,
        words: impl FnOnce() -> (M, H),
    ) {
        self.errors.push(|| {
            let (message, help) = words();
            Finding::new(at, at.offset(), code, message.into(), help.into())
        });
    }

    /// The key of the value at `at` is wrong.
    pub fn key_error(&mut self, at: At<'_>, code: &'static str, message: impl Into<String>, help: impl Into<String>) {
        self.errors.push(|| Finding::new(at, at.key_offset(), code, message.into(), help.into()));
    }

    /// The value at `at` is allowed, but probably not meant.
    pub fn warning(&mut self, at: At<'_>, code: &'static str, message: impl Into<String>, help: impl Into<String>) {
        self.warnings.push(|| Finding::new(at, at.offset(), code, message.into(), help.into()));
    }

    /// [`Report::warning`] whose words are made only if they are listed, for checks that can find millions.
    pub fn warning_with<M: Into<String>, H: Into<String>>(
        &mut self,
        at: At<'_>,
        code: &'static str,
        words: impl FnOnce() -> (M, H),
    ) {
        self.warnings.push(|| {
            let (message, help) = words();
            Finding::new(at, at.offset(), code, message.into(), help.into())
        });
    }

    /// The text itself is wrong, before it is a tree.
    pub fn source_error(&mut self, finding: Finding) {
        self.errors.push(|| finding);
    }

    /// The text itself is allowed, but probably not meant.
    #[cfg(feature = "csv")]
    pub fn source_warning(&mut self, finding: Finding) {
        self.warnings.push(|| finding);
    }

    /// From now on offsets number the cells of a spreadsheet.
    #[cfg(feature = "csv")]
    pub fn set_places(&mut self, places: Places) {
        self.places = Some(places);
    }

    /// Takes over what another report of the same document found, as far as `keep` wants it.
    pub fn absorb(&mut self, other: Self, keep: impl Fn(&Finding) -> bool) {
        let Self { errors, warnings, .. } = other;
        errors.listed.into_iter().filter(|it| keep(it)).for_each(|it| self.errors.push(|| it));
        warnings.listed.into_iter().filter(|it| keep(it)).for_each(|it| self.warnings.push(|| it));
    }

    /// Whether the document is refused.
    pub fn has_errors(&self) -> bool {
        !self.errors.listed.is_empty()
    }

    /// How many warnings there are so far.
    pub fn n_warnings(&self) -> usize {
        self.warnings.listed.len().saturating_add(self.warnings.n_dropped)
    }

    /// How many errors there are so far.
    pub fn n_errors(&self) -> usize {
        self.errors.listed.len().saturating_add(self.errors.n_dropped)
    }

    /// ` (did you mean "…"?)` if one of the candidates resembles `found`, else nothing.
    pub fn did_you_mean<'c>(&mut self, found: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
        if self.n_suggestions >= SUGGESTIONS_MAX {
            return String::new();
        }
        self.n_suggestions = self.n_suggestions.saturating_add(1);
        match closest(found, candidates) {
            Some(it) => format!(" (did you mean {it:?}?)"),
            None => String::new(),
        }
    }

    /// Warnings alone, or errors and warnings; in the order of the source.
    pub fn finish(self, source: &str) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        let failed = self.has_errors();
        let mut found: Vec<(Severity, Finding)> = Vec::new();
        found.extend(self.errors.into_listed("errors").map(|it| (Severity::Error, it)));
        found.extend(self.warnings.into_listed("warnings").map(|it| (Severity::Warning, it)));
        // Findings without a place come last.
        found.sort_by_key(|(severity, it)| (it.offset.unwrap_or(usize::MAX), *severity));
        let mut cursor = Cursor { rest: source, offset: 0, line: 1, column: 1 };
        let places = self.places.as_ref();
        let diagnostics = found.into_iter().map(|(severity, it)| it.locate(severity, &mut cursor, places)).collect();
        if failed { Err(diagnostics) } else { Ok(diagnostics) }
    }
}

impl Findings {
    fn push(&mut self, finding: impl FnOnce() -> Finding) {
        if self.listed.len() < DIAGNOSTICS_MAX {
            let finding = finding();
            debug_assert!(CODES.contains(&finding.code), "the code {:?} is not listed in codes.rs", finding.code);
            self.listed.push(finding);
        } else {
            self.n_dropped = self.n_dropped.saturating_add(1);
        }
    }

    fn into_listed(self, what: &str) -> impl Iterator<Item = Finding> {
        let rest = (self.n_dropped > 0).then(|| Finding {
            code: "more_findings",
            pointer: String::new(),
            offset: None,
            message: format!("{} more {what} are not listed", self.n_dropped),
            help: "mend the listed ones and check again".into(),
        });
        self.listed.into_iter().chain(rest)
    }
}

impl Finding {
    fn new(at: At<'_>, offset: usize, code: &'static str, message: String, help: String) -> Self {
        Self { code, pointer: at.pointer(), offset: Some(offset), message, help }
    }

    fn locate(self, severity: Severity, cursor: &mut Cursor<'_>, places: Option<&Places>) -> Diagnostic {
        let Self { code, pointer, offset, message, help } = self;
        let (place, cell) = match places {
            None => (offset.map(|offset| cursor.advance(offset)), None),
            Some(places) => (None, offset.and_then(|number| places.cell(number))),
        };
        let (line, column) = place.unzip();
        Diagnostic { severity, code, pointer, line, column, cell, message, help }
    }
}

/// Turns rising byte offsets into lines and columns in one pass over the source.
struct Cursor<'s> {
    rest: &'s str,
    offset: usize,
    line: u32,
    column: u32,
}

impl Cursor<'_> {
    fn advance(&mut self, to: usize) -> (u32, u32) {
        let mut chars = self.rest.chars();
        while self.offset < to {
            let Some(char) = chars.next() else { break };
            self.offset = self.offset.saturating_add(char.len_utf8());
            match char {
                '\n' => {
                    self.line = self.line.saturating_add(1);
                    self.column = 1;
                }
                // A byte-order mark takes no room.
                '\u{feff}' => {}
                _ => self.column = self.column.saturating_add(1),
            }
        }
        self.rest = chars.as_str();
        (self.line, self.column)
    }
}

/// The candidate that is a few typing errors away from `found`; the first of equals.
fn closest<'c>(found: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let n_chars = found.chars().count();
    let distance_max = (n_chars / 3).clamp(1, 4);
    candidates
        .into_iter()
        .filter(|it| it.chars().count().abs_diff(n_chars) <= distance_max)
        .map(|it| (strsim::osa_distance(found, it), it))
        .filter(|(distance, it)| *distance <= distance_max && *distance < n_chars && *it != found)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, it)| it)
}

/// Says that a document is not text. `valid_up_to` is the number of bytes that are.
pub(crate) fn not_utf8(bytes: &[u8], valid_up_to: usize) -> Diagnostic {
    let valid = bytes.get(..valid_up_to).and_then(|it| std::str::from_utf8(it).ok()).unwrap_or_default();
    let finding = Finding {
        code: "not_utf8",
        pointer: String::new(),
        offset: Some(valid.len()),
        message: "the document is not UTF-8 from here".into(),
        help: "save the file with the encoding UTF-8".into(),
    };
    finding.locate(Severity::Error, &mut Cursor { rest: valid, offset: 0, line: 1, column: 1 }, None)
}

/// Says that a document is too great to look at.
pub(crate) fn too_large(found_bytes: usize) -> Finding {
    Finding {
        code: "document_too_large",
        pointer: String::new(),
        offset: None,
        message: format!("the document has {found_bytes} bytes, at most {DOCUMENT_BYTES_MAX} are allowed"),
        help: "remove what is no longer used, or shorten contents".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: &str, candidates: &[&'static str], expected: Option<&str>) {
        assert_eq!(closest(found, candidates.iter().copied()), expected);
    }

    #[test]
    fn suggests_what_is_a_typing_error_away() {
        check("starst", &["ends", "starts"], Some("starts"));
        check("plcement", &["offers", "placements"], Some("placements"));
        check("green-lif", &["green-life", "red-life"], Some("green-life"));
    }

    #[test]
    fn suggests_nothing_far_fetched() {
        check("colour", &["id", "starts", "ends"], None);
        check("id", &["id"], None);
        check("x", &["y"], None);
        check("id", &[], None);
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let source = "ä: 1\nb: \"日本\", x";
        let mut cursor = Cursor { rest: source, offset: 0, line: 1, column: 1 };
        let places: Vec<_> =
            ["ä", ":", "b", "x"].iter().map(|it| cursor.advance(source.find(it).unwrap_or_default())).collect();
        assert_eq!(places, [(1, 1), (1, 2), (2, 1), (2, 10)]);
    }
}
