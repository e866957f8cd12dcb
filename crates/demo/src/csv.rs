//! Writes one record of a CSV file (RFC 4180, UTF-8, `\n` line ends).

use std::io::{self, Write};

/// Writes the fields with commas between and a line end after them; quotes a field only where it must be.
pub(crate) fn record(out: &mut impl Write, fields: &[&str]) -> io::Result<()> {
    for (idx, field) in fields.iter().enumerate() {
        if idx > 0 {
            out.write_all(b",")?;
        }
        let has = |byte: u8| field.as_bytes().contains(&byte);
        if has(b',') || has(b'"') || has(b'\n') || has(b'\r') {
            write!(out, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            out.write_all(field.as_bytes())?;
        }
    }
    out.write_all(b"\n")
}

/// An amount of money as people write it: minor units (1/100) with two decimals, `-` in front if negative.
pub(crate) fn decimal(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_where_it_must() {
        let mut out = Vec::new();
        record(&mut out, &["plain", "", "mug, set of 4", "12\" pan"]).expect("a vector takes all");
        assert_eq!(String::from_utf8(out).as_deref(), Ok("plain,,\"mug, set of 4\",\"12\"\" pan\"\n"));
        assert_eq!((decimal(1299).as_str(), decimal(-5).as_str(), decimal(0).as_str()), ("12.99", "-0.05", "0.00"));
    }
}
