//! From bytes to text: a byte-order mark decides; without one UTF-8, if the bytes are UTF-8; else GB18030, as Excel and WPS
//! write in China.

use std::borrow::Cow;

/// How the text of a file is written in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without byte-order mark.
    Utf8,
    /// UTF-16, low byte first, with a byte-order mark: what Excel calls Unicode text.
    Utf16Le,
    /// UTF-16, high byte first, with a byte-order mark.
    Utf16Be,
    /// GB18030, which includes GBK and GB2312. A guess: other encodings of one or two bytes look alike.
    Gb18030,
}

impl Encoding {
    /// The encoding's name in the IANA registry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Gb18030 => "GB18030",
        }
    }
}

/// A file's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'b> {
    /// Without byte-order mark.
    pub text: Cow<'b, str>,
    /// Which encoding was found.
    pub encoding: Encoding,
}

/// Bytes that are no text in any of the encodings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecodable {
    /// The encoding that they come closest to.
    pub encoding: Encoding,
    /// The text before the first bytes that are none.
    pub before: String,
}

/// Finds out the encoding of a file and reads its text.
///
/// Errors: [`Undecodable`]: some bytes are no text. That happens when two files of different encodings were put together.
pub fn decode(bytes: &[u8]) -> Result<Decoded<'_>, Undecodable> {
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return utf16(rest, Encoding::Utf16Le, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return utf16(rest, Encoding::Utf16Be, u16::from_be_bytes);
    }
    let marked = bytes.strip_prefix(b"\xef\xbb\xbf");
    match (std::str::from_utf8(marked.unwrap_or(bytes)), marked) {
        (Ok(text), _) => Ok(Decoded { text: Cow::Borrowed(text), encoding: Encoding::Utf8 }),
        (Err(error), Some(rest)) => Err(not_utf8(rest, error.valid_up_to())),
        (Err(error), None) => legacy(bytes, error.valid_up_to()),
    }
}

fn not_utf8(bytes: &[u8], valid_up_to: usize) -> Undecodable {
    let before = bytes.get(..valid_up_to).map(String::from_utf8_lossy).unwrap_or_default();
    Undecodable { encoding: Encoding::Utf8, before: before.into_owned() }
}

fn utf16(bytes: &[u8], encoding: Encoding, unit: fn([u8; 2]) -> u16) -> Result<Decoded<'_>, Undecodable> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::new();
    for char in char::decode_utf16(pairs.iter().map(|it| unit(*it))) {
        match char {
            Ok(char) => text.push(char),
            Err(_) => return Err(Undecodable { encoding, before: text }),
        }
    }
    if rest.is_empty() {
        Ok(Decoded { text: text.into(), encoding })
    } else {
        Err(Undecodable { encoding, before: text })
    }
}

#[cfg(not(feature = "gb18030"))]
fn legacy(bytes: &[u8], valid_up_to: usize) -> Result<Decoded<'_>, Undecodable> {
    Err(not_utf8(bytes, valid_up_to))
}

#[cfg(feature = "gb18030")]
fn legacy(bytes: &[u8], valid_up_to: usize) -> Result<Decoded<'_>, Undecodable> {
    use encoding_rs::{DecoderResult, GB18030};
    let mut decoder = GB18030.new_decoder_without_bom_handling();
    let n_bytes_max = decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(bytes.len());
    let mut text = String::with_capacity(n_bytes_max);
    match decoder.decode_to_string_without_replacement(bytes, &mut text, true).0 {
        // Characters of private use stand for the byte 0x80 and the like, which no program writes in China.
        DecoderResult::InputEmpty => Ok(Decoded { text: text.into(), encoding: Encoding::Gb18030 }),
        DecoderResult::Malformed(..) | DecoderResult::OutputFull => {
            // A text that was UTF-8 for longer is a damaged UTF-8 text.
            let utf8 = not_utf8(bytes, valid_up_to);
            let is_utf8 = utf8.before.chars().filter(|it| !it.is_ascii()).count() >= 8;
            Err(if is_utf8 { utf8 } else { Undecodable { encoding: Encoding::Gb18030, before: text } })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<(&str, Encoding), (&str, Encoding)>) {
        let found = decode(bytes);
        let found = match &found {
            Ok(it) => Ok((&*it.text, it.encoding)),
            Err(it) => Err((&*it.before, it.encoding)),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_mark_decides() {
        check(b"\xef\xbb\xbfkind", Ok(("kind", Encoding::Utf8)));
        check(b"\xff\xfek\0\x9e\x5b", Ok(("k实", Encoding::Utf16Le)));
        check(b"\xfe\xff\0k\x5b\x9e", Ok(("k实", Encoding::Utf16Be)));
        check(b"\xff\xfek\0\x9e", Err(("k", Encoding::Utf16Le)));
        check(b"\xff\xfek\0\x00\xd8k\0", Err(("k", Encoding::Utf16Le)));
        check(b"\xef\xbb\xbfa\xca\xb5", Ok(("aʵ", Encoding::Utf8)));
        check(b"\xef\xbb\xbfa\xff", Err(("a", Encoding::Utf8)));
    }

    #[test]
    fn strict_utf8_comes_before_gb18030() {
        check("实验,é,😀".as_bytes(), Ok(("实验,é,😀", Encoding::Utf8)));
        check(b"\xca\xb5\xd1\xe9,a", Ok(("实验,a", Encoding::Gb18030)));
        // Four bytes: what GBK lacks.
        check(b"\x95\x32\x82\x36", Ok(("\u{20000}", Encoding::Gb18030)));
        check(b"", Ok(("", Encoding::Utf8)));
    }

    #[test]
    fn what_no_encoding_reads_is_said_with_its_place() {
        check(b"kind\n\xca\xb5\xd1\xe9\n\xff\n", Err(("kind\n实验\n", Encoding::Gb18030)));
        let mixed = ["这是一个用统一码保存的文件".as_bytes(), b"\n\xb5\xff"].concat();
        check(&mixed, Err(("这是一个用统一码保存的文件\n", Encoding::Utf8)));
    }
}
