//! Protects texts from spreadsheet programs, which run some as formulas and turn others into numbers and dates.
//!
//! Such a text gets an apostrophe in front when it is written, and loses it when it is read. The rule is its own inverse on
//! every text, also on those that begin with apostrophes.

/// A text as it goes into a cell.
pub(crate) fn guarded(text: &str) -> String {
    if is_endangered(text) { format!("'{text}") } else { text.to_owned() }
}

/// The text without the apostrophe that guards it; `None` if there is no such apostrophe.
pub(crate) fn unguarded(cell: &str) -> Option<&str> {
    cell.strip_prefix('\'').filter(|rest| is_endangered(rest))
}

/// The word that a spreadsheet program shows in place of a result: a formula failed, or a column is too narrow.
pub(crate) fn is_failed_formula(cell: &str) -> bool {
    let it = cell.trim();
    let is_narrow = it.len() >= 3 && it.bytes().all(|it| it == b'#');
    is_narrow
        || matches!(it, "#REF!" | "#N/A" | "#VALUE!" | "#NAME?" | "#DIV/0!" | "#NULL!" | "#NUM!" | "#SPILL!" | "#CALC!")
}

/// Whether a program would make something else of a text. Apostrophes in front do not count.
fn is_endangered(text: &str) -> bool {
    let core = text.trim_start_matches('\'');
    core.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'])
        || is_failed_formula(core)
        || is_changed(core.trim())
}

/// Whether a program would write a text differently: `007`, `1e5`, `1-2`, `12:30`, `may-1`, `true`, numbers of many digits. Small whole
/// numbers stay as they are.
fn is_changed(text: &str) -> bool {
    if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        return true;
    }
    let is_whole = text.bytes().all(|it| it.is_ascii_digit());
    let is_plain = is_whole && text.len() <= 11 && (text == "0" || !text.starts_with('0'));
    let looks_like_number = text.starts_with(|it: char| it.is_ascii_digit() || it == '.')
        && text.chars().all(|it| it.is_ascii_digit() || ".,:/+-eE% 年月日".contains(it));
    (looks_like_number && !is_plain) || names_month(text)
}

/// Whether a text is a month with a day or a year, which programs turn into a date: `may-1`, `mar1`, `1 dec`.
fn names_month(text: &str) -> bool {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let lower = text.to_ascii_lowercase();
    let mut letters = lower.split(|it: char| !it.is_ascii_alphabetic()).filter(|it| !it.is_empty());
    let (Some(word), None) = (letters.next(), letters.next()) else { return false };
    let is_month = word.get(..3).is_some_and(|it| MONTHS.contains(&it));
    let has_digits = lower.bytes().any(|it| it.is_ascii_digit());
    is_month && has_digits && lower.chars().all(|it| it.is_ascii_alphanumeric() || "-/ .,".contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_would_change_is_guarded() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+49 30", "'+49 30"),
            ("-5 %", "'-5 %"),
            ("@all", "'@all"),
            ("＝1", "'＝1"),
            ("\tx", "'\tx"),
            ("007", "'007"),
            ("1e5", "'1e5"),
            ("3/4", "'3/4"),
            ("12:30", "'12:30"),
            ("123456789012", "'123456789012"),
            ("TRUE", "'TRUE"),
            ("2026年12月1日", "'2026年12月1日"),
            ("#N/A", "'#N/A"),
            ("'=1", "''=1"),
            ("''007", "'''007"),
            ("may-1", "'may-1"),
            ("MAR1", "'MAR1"),
            ("1 December 2026", "'1 December 2026"),
            ("22423", "22423"),
            ("may", "may"),
            ("1 may-fair 2", "1 may-fair 2"),
            ("double-12", "double-12"),
            ("0", "0"),
            ("85123A", "85123A"),
            ("'quoted'", "'quoted'"),
            ("a=b", "a=b"),
            ("2026-12-01T00:00:00+08:00", "2026-12-01T00:00:00+08:00"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), expected);
            assert_eq!(unguarded(expected).unwrap_or(expected), text);
        }
    }
}
