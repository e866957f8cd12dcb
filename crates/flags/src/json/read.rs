//! Reads JSON text: hifijson's tokens, and numbers that are rounded once.

use super::{Json, Object};
use hifijson::num::LexWrite as _;
use hifijson::str::LexAlloc as _;
use hifijson::token::Lex as _;
use hifijson::{Read as _, SliceLexer};
use std::error::Error;
use std::fmt;

/// Deepest nesting of arrays and objects that is read. Unit: levels.
pub const DEPTH_MAX: usize = 128;

/// Why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Where reading stopped. Unit: bytes from the start.
    pub offset: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not JSON at byte {}: {}", self.offset, self.reason)
    }
}

impl Error for JsonError {}

pub(super) fn read(bytes: &[u8]) -> Result<Json, JsonError> {
    let mut reader = Reader { lexer: SliceLexer::new(bytes), n_bytes: bytes.len() };
    let value = reader.value(0)?;
    match reader.lexer.ws_peek() {
        None => Ok(value),
        Some(_) => Err(reader.stop("expected the end")),
    }
}

struct Reader<'s> {
    lexer: SliceLexer<'s>,
    n_bytes: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        match self.lexer.ws_peek() {
            Some(b'{') => {
                let mut members = Vec::new();
                self.entries(b'}', depth, |reader, depth| {
                    if reader.lexer.ws_peek() != Some(b'"') {
                        return Err(reader.stop("expected a key in double quotes"));
                    }
                    let key = reader.text()?;
                    if reader.lexer.ws_peek() != Some(b':') {
                        return Err(reader.stop("expected a colon"));
                    }
                    reader.lexer.take_next();
                    members.push((key, reader.value(depth)?));
                    Ok(())
                })?;
                Ok(Json::Object(members.into_iter().collect::<Object>()))
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.entries(b']', depth, |reader, depth| {
                    items.push(reader.value(depth)?);
                    Ok(())
                })?;
                Ok(Json::List(items))
            }
            Some(b'"') => Ok(Json::Text(self.text()?)),
            Some(b'-' | b'0'..=b'9') => match self.lexer.num_string().validated() {
                Ok((text, _)) => text.parse().map(Json::Number).map_err(|_| self.stop("expected a number")),
                Err(_) => Err(self.stop("expected a digit")),
            },
            Some(b'a'..=b'z') => match self.lexer.null_or_bool() {
                Some(word) => Ok(word.map_or(Json::Null, Json::Bool)),
                None => Err(self.stop("expected null, true or false")),
            },
            _ => Err(self.stop("expected a value")),
        }
    }

    /// The entries of an array or an object behind its opening bracket.
    fn entries(
        &mut self,
        end: u8,
        depth: usize,
        mut entry: impl FnMut(&mut Self, usize) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        if depth >= DEPTH_MAX {
            return Err(self.stop("nested too deeply"));
        }
        self.lexer.take_next();
        if self.lexer.ws_peek() != Some(end) {
            loop {
                entry(self, depth.saturating_add(1))?;
                match self.lexer.ws_peek() {
                    Some(b',') => self.lexer.take_next(),
                    Some(next) if next == end => break,
                    _ => return Err(self.stop("expected a comma or a closing bracket")),
                };
            }
        }
        self.lexer.take_next();
        Ok(())
    }

    fn text(&mut self) -> Result<String, JsonError> {
        self.lexer.take_next();
        match self.lexer.str_string() {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(self.stop("a text with a control character, a bad escape, bad UTF-8 or no end")),
        }
    }

    fn stop(&self, reason: &'static str) -> JsonError {
        JsonError { offset: self.n_bytes.saturating_sub(self.lexer.as_slice().len()), reason }
    }
}
