//! What the tests read from the specifications: fenced blocks, hex dumps, and the tables of rejected examples.

use std::path::Path;

/// A specification as text.
pub fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The only fenced block with this info string.
pub fn block(document: &str, info: &str) -> String {
    let fence = format!("```{info}\n");
    let (_, rest) = document.split_once(&fence).unwrap_or_else(|| panic!("no block {info:?}"));
    assert!(!rest.contains(&fence), "two blocks {info:?}");
    rest.split_once("```").unwrap().0.to_string()
}

/// The bytes of a hex dump with offsets.
pub fn undump(dump: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in dump.lines() {
        let (offset, hex) = line.split_once("  ").unwrap();
        assert_eq!(usize::from_str_radix(offset, 16).unwrap(), bytes.len(), "offset of {line:?}");
        bytes.extend(unhex(hex));
    }
    bytes
}

/// A line of a table of rejected examples.
#[derive(Debug)]
pub struct Rejected {
    pub offset: usize,
    pub become_bytes: Vec<u8>,
    pub mended: bool,
    pub message: String,
}

impl Rejected {
    /// The worked example with the change of this line.
    pub fn apply(&self, worked: &[u8]) -> Vec<u8> {
        let mut bytes = worked.to_vec();
        bytes[self.offset..][..self.become_bytes.len()].copy_from_slice(&self.become_bytes);
        assert_ne!(bytes, worked, "changes nothing: {self:?}");
        if self.mended {
            mend(&mut bytes);
        }
        bytes
    }
}

/// The table under the heading "Rejected".
pub fn rejected(document: &str) -> Vec<Rejected> {
    let (_, section) = document.split_once("### Rejected").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let lines: Vec<Rejected> = lines.take_while(|line| line.starts_with('|')).map(parse_rejected).collect();
    assert!(lines.len() >= 10, "only {} rejected examples", lines.len());
    lines
}

fn parse_rejected(line: &str) -> Rejected {
    let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let [offset, become_bytes, checksum, message] = cells[..] else { panic!("four cells in {line:?}") };
    Rejected {
        offset: offset.parse().unwrap(),
        become_bytes: unhex(become_bytes.trim_matches('`')),
        mended: match checksum {
            "mended" => true,
            "as is" => false,
            other => panic!("{other:?}"),
        },
        message: message.to_string(),
    }
}

/// Computes the checksum anew: both binary formats have it at byte 12, over all bytes from 16 on.
pub fn mend(bytes: &mut [u8]) {
    let checksum = super::naive::crc32c(&bytes[16..]);
    bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
}

fn unhex(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}
