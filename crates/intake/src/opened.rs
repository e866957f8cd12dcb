//! A source file as a stream of bytes: unpacked, and in UTF-8 whatever its encoding is.

use crate::raw_table::Compression;
use encoding_rs::{CoderResult, Decoder, Encoding};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Size of what is read at once.
const CHUNK_BYTES: usize = 1 << 18;

/// How the bytes of a file become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// As they are. Rows that are no UTF-8 are rejected if `is_certain`; else the file may be in another encoding.
    Utf8 { is_certain: bool },
    /// By the tables of the web platform; bytes that fit nothing become U+FFFD.
    Other(&'static Encoding),
}

impl Charset {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Utf8 { .. } => "UTF-8".to_owned(),
            Self::Other(encoding) => encoding.name().to_owned(),
        }
    }
}

/// How a file is packed, by its first bytes.
pub(crate) fn compression(path: &Path) -> io::Result<Compression> {
    let mut magic = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut magic)?;
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        _ => Compression::Plain,
    })
}

/// The unpacked bytes. `progress` gets the packed ones, as they are read.
pub(crate) fn unpacked<'p>(
    path: &Path,
    compression: Compression,
    progress: &'p (dyn Fn(u64) + Sync),
) -> io::Result<Box<dyn Read + 'p>> {
    let file = BufReader::with_capacity(CHUNK_BYTES, Counted { file: File::open(path)?, progress });
    Ok(match compression {
        Compression::Plain => Box::new(file),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(file)?),
    })
}

struct Counted<'p> {
    file: File,
    progress: &'p (dyn Fn(u64) + Sync),
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        (self.progress)(n as u64);
        Ok(n)
    }
}

/// The encoding that a byte-order mark names, and the length of the mark.
pub(crate) fn mark(bytes: &[u8]) -> Option<(Charset, usize)> {
    let (encoding, n) = Encoding::for_bom(bytes)?;
    let charset =
        if encoding == encoding_rs::UTF_8 { Charset::Utf8 { is_certain: true } } else { Charset::Other(encoding) };
    Some((charset, n))
}

/// What the bytes of a whole file, which are not all UTF-8, are: UTF-8 with damage if hardly any are wrong, else GB18030.
pub(crate) fn guess(mut bytes: impl Read) -> io::Result<Charset> {
    let (mut n_good, mut n_bad) = (0_u64, 0_u64);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut filled = 0;
    while let Some(rest) = chunk.get_mut(filled..) {
        let n = bytes.read(rest)?;
        filled += n;
        let is_end = n == 0;
        let mut at = 0;
        while let Some(part) = chunk.get(at..filled).filter(|part| !part.is_empty()) {
            let (good, skip) = match std::str::from_utf8(part) {
                Ok(_) => (part.len(), 0),
                Err(error) => match error.error_len() {
                    Some(n) => (error.valid_up_to(), n),
                    // The chunk ends within a character; the file may go on.
                    None if !is_end => (error.valid_up_to(), 0),
                    None => (error.valid_up_to(), part.len() - error.valid_up_to()),
                },
            };
            n_good += part.get(..good).map_or(0, |good| good.iter().filter(|byte| **byte >= 0xc0).count() as u64);
            n_bad += u64::from(skip > 0);
            at += good + skip;
            if skip == 0 {
                break;
            }
        }
        chunk.copy_within(at..filled, 0);
        filled -= at;
        if is_end {
            break;
        }
    }
    // Text in GB18030 is hardly ever valid UTF-8, not even in parts.
    Ok(match n_good >= 20 * n_bad {
        true => Charset::Utf8 { is_certain: true },
        false => Charset::Other(encoding_rs::GB18030),
    })
}

/// Bytes of an encoding as UTF-8.
pub(crate) struct Recoded<R> {
    bytes: R,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_at: usize,
    raw_end: usize,
    is_end: bool,
    is_done: bool,
}

impl<R: Read> Recoded<R> {
    pub(crate) fn new(bytes: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_without_bom_handling();
        Self { bytes, decoder, raw: vec![0; CHUNK_BYTES], raw_at: 0, raw_end: 0, is_end: false, is_done: false }
    }
}

impl<R: Read> Read for Recoded<R> {
    /// Needs a buffer of 16 bytes at least.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.is_done {
            if self.raw_at == self.raw_end && !self.is_end {
                self.raw_end = self.bytes.read(&mut self.raw)?;
                self.raw_at = 0;
                self.is_end = self.raw_end == 0;
            }
            let raw = self.raw.get(self.raw_at..self.raw_end).unwrap_or_default();
            let (result, n_read, n_written, _) = self.decoder.decode_to_utf8(raw, buffer, self.is_end);
            self.raw_at += n_read;
            self.is_done = self.is_end && result == CoderResult::InputEmpty;
            if n_written > 0 {
                return Ok(n_written);
            }
        }
        Ok(0)
    }
}
