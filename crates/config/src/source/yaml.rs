//! Reads YAML 1.2 (core schema) into the located tree: granit-parser's events.
//!
//! Refused are anchors, aliases and tags (a document is then as great as its text, and means what it says), several
//! documents in one text, and keys that are no scalars.

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span};

use super::{Builder, Kind, Stop, shortened};

/// Reads the one document of `text`.
pub(super) fn read(text: &str, builder: &mut Builder<'_>) -> Result<(), Stop> {
    // Unknown aliases are refused like all others, with the same words.
    let options = granit_parser::options! { emit_unresolved_aliases: true };
    let mut reader = Reader { text, builder, containers: Vec::new(), n_documents: 0 };
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((event, span)) => reader.event(event, span)?,
            Err(error) => {
                let offset = reader.offset_of(error.marker().byte_offset());
                // The parser looks ahead, so its limit, though greater, may come first.
                if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
                    return Err(reader.builder.too_deep(offset));
                }
                let help =
                    "look at the indentation, for a missing quote, and for a ': ' or ' #' in a text without quotes";
                return Err(reader.builder.stop(offset, "syntax", format!("broken YAML: {}", error.info()), help));
            }
        }
    }
    Ok(())
}

struct Reader<'s, 'b, 'r> {
    text: &'s str,
    builder: &'b mut Builder<'r>,
    /// What is open, the innermost last.
    containers: Vec<Container>,
    n_documents: usize,
}

/// A feature of YAML that documents may not use.
#[derive(Clone, Copy)]
struct Refused {
    code: &'static str,
    message: &'static str,
    help: &'static str,
}

const ALIAS: Refused = Refused {
    code: "yaml_alias",
    message: "aliases (*name) are not allowed",
    help: "repeat the value; a text that begins with * needs quotes",
};
const ANCHOR: Refused = Refused {
    code: "yaml_anchor",
    message: "anchors (&name) are not allowed",
    help: "remove the anchor; a text that begins with & needs quotes",
};
const TAG: Refused = Refused {
    code: "yaml_tag",
    message: "tags (!name) are not allowed",
    help: "remove the tag; a text that begins with ! needs quotes",
};

#[derive(Clone, Copy, PartialEq)]
enum Container {
    List,
    ObjectBeforeKey,
    ObjectBeforeValue,
}

impl Reader<'_, '_, '_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let offset = self.offset_of(span.start.byte_offset());
        match event {
            Event::DocumentStart(..) => {
                self.n_documents = self.n_documents.saturating_add(1);
                if self.n_documents > 1 {
                    let message = "a second document begins here";
                    return Err(self.builder.stop(
                        offset,
                        "several_documents",
                        message,
                        "put each document into a file of its own",
                    ));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor_id, tag) => {
                if self.is_key() {
                    self.check_properties(offset, anchor_id, tag.is_some());
                    self.builder.key(offset, text.into());
                    self.step();
                    return Ok(());
                }
                self.step();
                match style {
                    _ if tag.is_some() => self.builder.broken(offset, TAG.code, TAG.message, TAG.help),
                    _ if anchor_id != 0 => self.builder.broken(offset, ANCHOR.code, ANCHOR.message, ANCHOR.help),
                    ScalarStyle::Plain => self.plain(offset, &text),
                    _ => self.builder.scalar(offset, Kind::Text(text.into())),
                }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) if self.is_key() => {
                self.refuse(offset, ALIAS);
                self.builder.key(offset, "*".into());
                self.step();
                Ok(())
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.step();
                self.builder.broken(offset, ALIAS.code, ALIAS.message, ALIAS.help)
            }
            Event::SequenceStart(_, anchor_id, tag) => {
                self.begin(offset, Container::List)?;
                self.builder.begin_list(offset)?;
                self.check_properties(offset, anchor_id, tag.is_some());
                Ok(())
            }
            Event::MappingStart(_, anchor_id, tag) => {
                self.begin(offset, Container::ObjectBeforeKey)?;
                self.builder.begin_object(offset)?;
                self.check_properties(offset, anchor_id, tag.is_some());
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.containers.pop();
                self.builder.end();
                Ok(())
            }
            // The rest of the events is about the text, not the values.
            _ => Ok(()),
        }
    }

    fn begin(&mut self, offset: usize, container: Container) -> Result<(), Stop> {
        if self.is_key() {
            let message = "a key is a list or an object";
            return Err(self.builder.stop(
                offset,
                "yaml_key",
                message,
                "write a text as key; a text that begins with [ or { needs quotes",
            ));
        }
        self.step();
        self.containers.push(container);
        Ok(())
    }

    /// Whether the next scalar is a key.
    fn is_key(&self) -> bool {
        self.containers.last() == Some(&Container::ObjectBeforeKey)
    }

    /// A key or a value has been read.
    fn step(&mut self) {
        if let Some(container) = self.containers.last_mut() {
            *container = match container {
                Container::List => Container::List,
                Container::ObjectBeforeKey => Container::ObjectBeforeValue,
                Container::ObjectBeforeValue => Container::ObjectBeforeKey,
            };
        }
    }

    /// Reports the anchor and the tag of a key, or of what was opened last.
    fn check_properties(&mut self, offset: usize, anchor_id: usize, has_tag: bool) {
        if anchor_id != 0 {
            self.refuse(offset, ANCHOR);
        }
        if has_tag {
            self.refuse(offset, TAG);
        }
    }

    fn refuse(&mut self, offset: usize, refused: Refused) {
        self.builder.error(offset, refused.code, refused.message, refused.help);
    }

    /// A scalar without quotes, by the core schema of YAML 1.2.
    fn plain(&mut self, offset: usize, text: &str) -> Result<(), Stop> {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => self.builder.scalar(offset, Kind::Null),
            "true" | "True" | "TRUE" => self.builder.scalar(offset, Kind::Bool(true)),
            "false" | "False" | "FALSE" => self.builder.scalar(offset, Kind::Bool(false)),
            _ => match shape(text) {
                Shape::Text => self.builder.scalar(offset, Kind::Text(text.into())),
                Shape::Number => self.builder.number(offset, text.strip_prefix('+').unwrap_or(text)),
                Shape::Ambiguous => {
                    let message = format!("{} may be a number or a text", shortened(text));
                    let help = "put a text in quotes; write a number in decimal, without zeros in front";
                    self.builder.broken(offset, "ambiguous_number", message, help)
                }
                Shape::NotFinite => {
                    let message = format!("the number {text} is out of range");
                    self.builder.broken(offset, "number_out_of_range", message, "write a number, or a text in quotes")
                }
            },
        }
    }

    fn offset_of(&self, byte_offset: Option<usize>) -> usize {
        byte_offset.unwrap_or(self.text.len())
    }
}

#[derive(Debug, PartialEq)]
enum Shape {
    Text,
    /// Decimal.
    Number,
    /// A number to YAML, but perhaps not to its author: `0123` (an item's id?), `0x1F`, `0o17`.
    Ambiguous,
    NotFinite,
}

/// Which of the core schema's numbers a plain scalar is, if it is one.
fn shape(text: &str) -> Shape {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Shape::NotFinite;
    }
    if let Some((base, digits)) =
        [("0x", 16), ("0o", 8)].iter().find_map(|(p, base)| Some((*base, text.strip_prefix(p)?)))
    {
        let is_number = !digits.is_empty() && digits.chars().all(|it| it.is_digit(base));
        return if is_number { Shape::Ambiguous } else { Shape::Text };
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    if !(digits(whole) && digits(decimals) && exponent.is_none_or(|it| digits(it) && !it.is_empty()))
        || (whole.is_empty() && decimals.is_empty())
    {
        Shape::Text
    } else if whole.len() > 1 && whole.starts_with('0') {
        Shape::Ambiguous
    } else {
        Shape::Number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_shapes_of_the_core_schema() {
        use Shape::*;
        for (text, expected) in [
            ("0", Number),
            ("-19", Number),
            ("+12", Number),
            ("1.5", Number),
            (".5", Number),
            ("1.", Number),
            ("1e3", Number),
            ("12E-3", Number),
            ("0.001", Number),
            ("007", Ambiguous),
            ("-01.5", Ambiguous),
            ("0x1F", Ambiguous),
            ("0o17", Ambiguous),
            (".inf", NotFinite),
            ("-.Inf", NotFinite),
            (".NaN", NotFinite),
            ("-.nan", Text),
            (".", Text),
            ("-", Text),
            ("e3", Text),
            ("1e", Text),
            ("1_000", Text),
            ("0xG", Text),
            ("1.2.3", Text),
            ("85123A", Text),
            ("2026-12-01", Text),
            ("12:30", Text),
            ("NO", Text),
            ("inf", Text),
            ("nan", Text),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }
}
