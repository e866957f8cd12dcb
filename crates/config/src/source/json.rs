//! Reads JSON (RFC 8259) into the located tree: hifijson's tokens, whose place is what the lexer has consumed.

use hifijson::num::LexWrite as _;
use hifijson::str::LexAlloc as _;
use hifijson::token::{Expect, Lex as _};
use hifijson::{Read as _, SliceLexer, num, str};

use super::{Builder, Kind, Stop};

/// Reads the one value of `text`.
pub(super) fn read(text: &str, builder: &mut Builder<'_>) -> Result<(), Stop> {
    let mut reader = Reader { lexer: SliceLexer::new(text.as_bytes()), n_bytes: text.len(), builder };
    reader.value()?;
    match reader.next() {
        None => Ok(()),
        Some(_) => Err(reader.stop(Expect::Eof)),
    }
}

struct Reader<'s, 'b, 'r> {
    lexer: SliceLexer<'s>,
    n_bytes: usize,
    builder: &'b mut Builder<'r>,
}

impl Reader<'_, '_, '_> {
    fn offset(&self) -> usize {
        self.n_bytes.saturating_sub(self.lexer.as_slice().len())
    }

    /// Skips white space and looks at what follows.
    fn next(&mut self) -> Option<u8> {
        self.lexer.ws_peek()
    }

    /// Recursion is bounded: the builder refuses deep nesting.
    fn value(&mut self) -> Result<(), Stop> {
        let next = self.next();
        let offset = self.offset();
        match next {
            Some(b'{') => {
                self.builder.begin_object(offset)?;
                self.entries(b'}', |reader| {
                    let key = reader.key()?;
                    if reader.next() != Some(b':') {
                        return Err(reader.stop(Expect::Colon));
                    }
                    reader.lexer.take_next();
                    reader.builder.key(key.0, key.1);
                    reader.value()
                })
            }
            Some(b'[') => {
                self.builder.begin_list(offset)?;
                self.entries(b']', Self::value)
            }
            Some(b'"') => {
                let text = self.text()?;
                self.builder.scalar(offset, Kind::Text(text))
            }
            Some(b'-' | b'0'..=b'9') => match self.lexer.num_string().validated() {
                Ok((text, _)) => self.builder.number(offset, text),
                Err(num::Error::ExpectedDigit) => {
                    let message = "the number that begins here lacks a digit";
                    Err(self.builder.stop(offset, "syntax", message, "write numbers like 12, -0.5 or 1e9"))
                }
            },
            Some(b'a'..=b'z') => match self.lexer.null_or_bool() {
                Some(word) => self.builder.scalar(offset, word.map_or(Kind::Null, Kind::Bool)),
                None => {
                    // The lexer may have eaten the word's first letter.
                    let message = "this is neither a value nor a text in double quotes";
                    let help = "put texts in double quotes; the words without quotes are true, false and null";
                    Err(self.builder.stop(offset, "syntax", message, help))
                }
            },
            _ => Err(self.stop(Expect::Value)),
        }
    }

    /// The entries of a list or an object behind its opening bracket.
    fn entries(&mut self, end: u8, mut entry: impl FnMut(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        self.lexer.take_next();
        if self.next() != Some(end) {
            loop {
                entry(self)?;
                match self.next() {
                    Some(b',') => self.lexer.take_next(),
                    Some(next) if next == end => break,
                    _ => return Err(self.stop(Expect::CommaOrEnd)),
                };
            }
        }
        self.lexer.take_next();
        self.builder.end();
        Ok(())
    }

    fn key(&mut self) -> Result<(usize, Box<str>), Stop> {
        if self.next() != Some(b'"') {
            return Err(self.stop(Expect::String));
        }
        let offset = self.offset();
        Ok((offset, self.text()?))
    }

    fn text(&mut self) -> Result<Box<str>, Stop> {
        let offset = self.offset();
        self.lexer.take_next();
        self.lexer.str_string().map(Into::into).map_err(|error| {
            let message = match error {
                str::Error::Control => "the text that begins here has a line break, a tab or another control character",
                str::Error::Escape(_) => "the text that begins here has an escape that JSON does not know",
                str::Error::Eof => "the text that begins here has no end",
                str::Error::Utf8(_) => "the text that begins here is not UTF-8",
            };
            let help = r#"write line breaks as \n, quotes inside of a text as \" and backslashes as \\"#;
            self.builder.stop(offset, "syntax", message, help)
        })
    }

    /// Reports broken syntax at the lexer's place.
    fn stop(&mut self, expected: Expect) -> Stop {
        let next = self.lexer.peek_next();
        let what = match expected {
            Expect::Value | Expect::ValueOrEnd => "a value",
            Expect::CommaOrEnd => "a comma or a closing bracket",
            Expect::String => "a key in double quotes",
            Expect::Colon => "a colon behind the key",
            Expect::Eof => "the end of the document",
        };
        let rest = std::str::from_utf8(self.lexer.as_slice()).unwrap_or_default();
        let found = match rest.chars().next() {
            None => "the end of the document".to_owned(),
            Some(char) => format!("{:?}", char.to_string()),
        };
        let help = match (expected, next) {
            (_, None) => "close every quote, { and [ that is open",
            (_, Some(b'\'')) => "use double quotes",
            (_, Some(b'/' | b'#')) => "JSON has no comments; YAML has them",
            (Expect::Value | Expect::String, Some(b'}' | b']')) => "remove the comma before it",
            _ => "look for a missing quote, comma or bracket just before this place",
        };
        let message = format!("expected {what}, found {found}");
        self.builder.stop(self.offset(), "syntax", message, help)
    }
}
