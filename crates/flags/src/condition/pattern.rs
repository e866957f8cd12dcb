//! Patterns: JavaScript's regular expressions on `regex-lite`.
//!
//! The two dialects differ in small things (what `.` and `\s` match, which characters a class must escape), which are
//! translated, and in large ones (looking around, references back), which are refused: such a pattern matches nothing, as an
//! invalid one does, and is a fault of the payload.

use regex_lite::{Regex, RegexBuilder};
use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

/// Compiled patterns above this are refused. Unit: bytes.
const SIZE_MAX: usize = 1 << 20;

/// JavaScript's white space and line ends, as the inside of a class.
const SPACE: &str = r"\t-\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}";
/// What `.` does not match.
const LINE_ENDS: &str = r"\n\r\x{2028}\x{2029}";

/// Whether letters must have the same case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Sensitive,
    Insensitive,
}

/// Compiles a pattern. Errors: why it cannot run.
pub(crate) fn compile(pattern: &str, case: Case) -> Result<Regex, &'static str> {
    let translated = Translator { chars: pattern.chars().peekable(), case, out: String::new() }.translate()?;
    let mut builder = RegexBuilder::new(&translated);
    builder.size_limit(SIZE_MAX).case_insensitive(case == Case::Insensitive);
    builder.build().map_err(|_| "the pattern is not valid")
}

struct Translator<'p> {
    chars: Peekable<Chars<'p>>,
    case: Case,
    out: String,
}

impl Translator<'_> {
    fn translate(mut self) -> Result<String, &'static str> {
        let mut repeats = Repeats::No;
        while let Some(c) = self.chars.next() {
            let is_count = c == '{' && self.is_counted();
            repeats = match (repeats, c) {
                (Repeats::No, '*' | '+' | '?') => Repeats::Yes,
                (Repeats::No, _) if is_count => Repeats::Yes,
                (Repeats::Yes, '?') => Repeats::Lazily,
                // `regex-lite` would repeat the repetition.
                (Repeats::Yes | Repeats::Lazily, '*' | '+' | '?') => return Err("the pattern repeats nothing"),
                (Repeats::Yes | Repeats::Lazily, _) if is_count => return Err("the pattern repeats nothing"),
                _ => Repeats::No,
            };
            match c {
                '.' => self.class(LINE_ENDS, true),
                '[' => self.brackets()?,
                '(' => self.group()?,
                '\\' => self.escape()?,
                '{' if !is_count => self.literal('{'),
                ']' | '}' => self.literal(c),
                '{' => self.counted(),
                '^' | '$' | '|' | ')' | '*' | '+' | '?' => self.out.push(c),
                _ => self.literal(c),
            }
        }
        Ok(self.out)
    }

    fn class(&mut self, inside: &str, is_negated: bool) {
        self.out.push_str(if is_negated { "[^" } else { "[" });
        self.out.push_str(inside);
        self.out.push(']');
    }

    /// One character for itself. `regex-lite` knows upper and lower case of ASCII only; the others' are spelled out.
    fn literal(&mut self, c: char) {
        let folded = match self.case {
            Case::Insensitive if !c.is_ascii() => other_case(c),
            _ => None,
        };
        match folded {
            Some(other) => {
                self.out.push('[');
                push_char(&mut self.out, c);
                push_char(&mut self.out, other);
                self.out.push(']');
            }
            None => push_char(&mut self.out, c),
        }
    }

    /// Whether the `{` before opens a count: `{2}`, `{2,}`, `{2,3}`.
    fn is_counted(&self) -> bool {
        let mut ahead = self.chars.clone();
        let mut n_digits = 0_u32;
        let mut n_commas = 0_u32;
        loop {
            match ahead.next() {
                Some(digit) if digit.is_ascii_digit() => n_digits = n_digits.saturating_add(1),
                Some(',') if n_digits > 0 && n_commas == 0 => n_commas = 1,
                Some('}') => return n_digits > 0,
                _ => return false,
            }
        }
    }

    fn counted(&mut self) {
        self.out.push('{');
        for c in self.chars.by_ref() {
            self.out.push(c);
            if c == '}' {
                break;
            }
        }
    }

    fn group(&mut self) -> Result<(), &'static str> {
        if self.chars.next_if_eq(&'?').is_none() {
            self.out.push('(');
            return Ok(());
        }
        match self.chars.next() {
            Some(':') => {
                self.out.push_str("(?:");
                Ok(())
            }
            Some('<') if !matches!(self.chars.peek(), Some('=' | '!')) => {
                // The name is of no use here.
                self.chars.by_ref().find(|c| *c == '>').ok_or("the pattern is not valid")?;
                self.out.push('(');
                Ok(())
            }
            Some('=' | '!' | '<') => Err("the pattern looks ahead or behind, which this service does not support"),
            _ => Err("the pattern is not valid"),
        }
    }

    /// What stands behind a backslash, outside of brackets.
    fn escape(&mut self) -> Result<(), &'static str> {
        match self.chars.next() {
            None => Err("the pattern ends in a backslash"),
            Some(c @ ('d' | 'D' | 'w' | 'W' | 'b' | 'B')) => {
                self.out.push('\\');
                self.out.push(c);
                Ok(())
            }
            Some('s') => {
                self.class(SPACE, false);
                Ok(())
            }
            Some('S') => {
                self.class(SPACE, true);
                Ok(())
            }
            Some('1'..='9') => Err("the pattern refers back to a group, which this service does not support"),
            Some('k') if self.chars.peek() == Some(&'<') => {
                Err("the pattern refers back to a group, which this service does not support")
            }
            Some(c) => {
                let c = self.escaped(c)?;
                self.literal(c);
                Ok(())
            }
        }
    }

    /// The character that an escape stands for.
    fn escaped(&mut self, c: char) -> Result<char, &'static str> {
        Ok(match c {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '0' => '\0',
            'c' => match self.chars.next_if(char::is_ascii_alphabetic) {
                Some(letter) => char::from_u32(u32::from(letter) % 32).unwrap_or(letter),
                None => return Err("the pattern is not valid"),
            },
            'x' => self.hex(2).and_then(char::from_u32).unwrap_or('x'),
            'u' => self.unicode()?,
            other => other,
        })
    }

    /// `uXXXX`, and two of them for one character beyond U+FFFF. Without four digits it is the letter itself.
    fn unicode(&mut self) -> Result<char, &'static str> {
        let Some(first) = self.hex(4) else { return Ok('u') };
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let half = "the pattern holds half of a character";
        let mut ahead = self.chars.clone();
        if ahead.next() != Some('\\') || ahead.next() != Some('u') {
            return Err(half);
        }
        self.chars = ahead;
        let second = self.hex(4).ok_or(half)?;
        let units = [u16::try_from(first), u16::try_from(second)].map(Result::unwrap_or_default);
        match char::decode_utf16(units).next() {
            Some(Ok(c)) => Ok(c),
            _ => Err(half),
        }
    }

    /// The next `n` characters as a number, if all of them are hexadecimal digits.
    fn hex(&mut self, n: usize) -> Option<u32> {
        let mut ahead = self.chars.clone();
        let mut value = 0_u32;
        for _ in 0..n {
            value = value.checked_mul(16)?.checked_add(ahead.next()?.to_digit(16)?)?;
        }
        self.chars = ahead;
        Some(value)
    }

    /// `[...]`. Each member is a character, a range of two, or a class of its own.
    fn brackets(&mut self) -> Result<(), &'static str> {
        let is_negated = self.chars.next_if_eq(&'^').is_some();
        let mut inside = String::new();
        let mut pending: Option<char> = None;
        loop {
            let c = self.chars.next().ok_or("the pattern lacks a closing bracket")?;
            let member = match c {
                ']' => break,
                '\\' => self.member()?,
                '-' => match (pending, self.chars.peek()) {
                    // A range: its start is pending, its end follows.
                    (Some(start), Some(end)) if *end != ']' => {
                        let end = match self.chars.next() {
                            Some('\\') => self.member()?,
                            Some(c) => Member::Char(c),
                            None => return Err("the pattern lacks a closing bracket"),
                        };
                        pending = None;
                        match end {
                            Member::Char(end) if end < start => return Err("a range of the pattern is out of order"),
                            Member::Char(end) => {
                                push_range(&mut inside, start, end);
                                if let (Case::Insensitive, false, Some(start), Some(end)) =
                                    (self.case, end.is_ascii(), other_case(start), other_case(end))
                                    && start <= end
                                {
                                    push_range(&mut inside, start, end);
                                }
                            }
                            Member::Class(class) => {
                                push_char(&mut inside, start);
                                push_char(&mut inside, '-');
                                inside.push_str(class);
                            }
                        }
                        continue;
                    }
                    _ => Member::Char('-'),
                },
                c => Member::Char(c),
            };
            if let Some(c) = pending.take() {
                self.push_member(&mut inside, c);
            }
            match member {
                Member::Char(c) => pending = Some(c),
                Member::Class(class) => inside.push_str(class),
            }
        }
        if let Some(c) = pending {
            self.push_member(&mut inside, c);
        }
        match (inside.is_empty(), is_negated) {
            (true, true) => self.out.push_str("(?s:.)"),
            // A word border that is none: matches nowhere.
            (true, false) => self.out.push_str(r"(?:\b\B)"),
            (false, _) => self.class(&inside, is_negated),
        }
        Ok(())
    }

    fn push_member(&self, inside: &mut String, c: char) {
        push_char(inside, c);
        if let (Case::Insensitive, false, Some(other)) = (self.case, c.is_ascii(), other_case(c)) {
            push_char(inside, other);
        }
    }

    /// What stands behind a backslash, inside of brackets.
    fn member(&mut self) -> Result<Member, &'static str> {
        Ok(match self.chars.next().ok_or("the pattern ends in a backslash")? {
            'd' => Member::Class(r"\d"),
            'D' => Member::Class(r"\D"),
            'w' => Member::Class(r"\w"),
            'W' => Member::Class(r"\W"),
            's' => Member::Class(SPACE),
            'S' => Member::Class(r"\S"),
            'b' => Member::Char('\u{8}'),
            c => Member::Char(self.escaped(c)?),
        })
    }
}

/// Whether what comes before is repeated already.
#[derive(Clone, Copy)]
enum Repeats {
    No,
    Yes,
    Lazily,
}

enum Member {
    Char(char),
    Class(&'static str),
}

fn push_range(out: &mut String, start: char, end: char) {
    push_char(out, start);
    out.push('-');
    push_char(out, end);
}

/// A character that means nothing but itself, wherever it stands.
fn push_char(out: &mut String, c: char) {
    match c.is_ascii_alphanumeric() || !c.is_ascii() {
        true => out.push(c),
        false => {
            let _ = write!(out, "\\x{{{:X}}}", u32::from(c));
        }
    }
}

/// The same letter in the other case, if that is one character.
fn other_case(c: char) -> Option<char> {
    let single = |mut chars: Box<dyn Iterator<Item = char>>| match (chars.next(), chars.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    };
    let (upper, lower) = (single(Box::new(c.to_uppercase())), single(Box::new(c.to_lowercase())));
    [upper, lower].into_iter().flatten().find(|other| *other != c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, case: Case, matching: &[&str], other: &[&str]) {
        let regex = compile(pattern, case).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        matching.iter().for_each(|text| assert!(regex.is_match(text), "{pattern} should match {text:?}"));
        other.iter().for_each(|text| assert!(!regex.is_match(text), "{pattern} should not match {text:?}"));
    }

    #[test]
    fn patterns_match_as_in_javascript() {
        use Case::Sensitive;
        check("a.c", Sensitive, &["abc", "xa-cx", "a\u{85}c"], &["a\nc", "a\rc", "a\u{2028}c", "ac"]);
        check(r"^\s+$", Sensitive, &[" \t", "\u{a0}\u{feff}\u{3000}"], &["", "x", "\u{85}"]);
        check(r"^\S$", Sensitive, &["x", "\u{85}"], &[" ", "\u{a0}"]);
        check(r"^\d{2,3}$", Sensitive, &["12", "123"], &["1", "1234", "٣٣"]);
        check(r"^\w+$", Sensitive, &["a_1"], &["é", "a-b"]);
        check(r"https?:\/\/a\.b/", Sensitive, &["http://a.b/", "https://a.b/c"], &["https://a-b/"]);
        check("^a{x}{}{,2}]$", Sensitive, &["a{x}{}{,2}]"], &["ax"]);
        check(r"^[[&~.\]-]+$", Sensitive, &["[&~.]-"], &["a", ""]);
        check(r"^[\w-.]+$", Sensitive, &["a-b.c"], &["a b", "/"]);
        check("^[a-cx-]$", Sensitive, &["a", "b", "x", "-"], &["d"]);
        check(r"^[\b\x41\u0042\cA\0]$", Sensitive, &["\u{8}", "A", "B", "\u{1}", "\0"], &["b", "x"]);
        check("[^]{3}", Sensitive, &["\n\n\n"], &["\n\n"]);
        check("a[]|b", Sensitive, &["b"], &["a"]);
        check(r"^\u00e9\ud83d\ude00\-\_\a$", Sensitive, &["é😀-_a"], &["e"]);
        check("(?:a|b)(?<name>c)", Sensitive, &["ac", "bc"], &["c"]);
        check("^a$", Sensitive, &["a"], &["a\n", "b\na"]);
        check("a b#c", Sensitive, &["a b#c"], &["ab"]);
        check("用户.3", Sensitive, &["用户13"], &["用3"]);
        check("", Sensitive, &["", "x"], &[]);
    }

    #[test]
    fn case_is_ignored_in_every_alphabet() {
        check("^straßE É[à-ö]я$", Case::Insensitive, &["STRAßE éÀЯ", "straßE Éöя"], &["strasse éàя"]);
        check("^[éx]$", Case::Insensitive, &["É", "X"], &["e"]);
    }

    #[test]
    fn what_cannot_run_is_refused() {
        for pattern in [
            "(",
            ")",
            "[",
            "[z-a]",
            "*",
            "a**",
            "+",
            "\\",
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            "(?<!a)",
            r"(a)\1",
            r"(?<n>a)\k<n>",
            "(?x)a",
            r"\ud800",
            r"\ud800\u0041",
            "a{3,2}",
            "(a{1000}){1000}",
            "(?<n",
            r"\c",
        ] {
            assert!(compile(pattern, Case::Sensitive).is_err(), "{pattern}");
        }
    }
}
