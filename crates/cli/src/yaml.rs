//! Documents as YAML: block style, strings in quotes where YAML would read them as something else.

use serde_json::Value;
use std::fmt::Write;

/// A document as YAML 1.2. Reading it gives the same document.
pub fn write(document: &Value) -> String {
    let mut yaml = String::new();
    block(&mut yaml, document, 0);
    yaml
}

/// A value on lines of its own, each indented by so many blanks.
fn block(yaml: &mut String, value: &Value, indent: usize) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                let _ = write!(yaml, "{pad}{}:", text(key));
                after(yaml, value, indent + 2);
            }
        }
        Value::Array(values) if !values.is_empty() => {
            for value in values {
                let mut item = String::new();
                block(&mut item, value, indent + 2);
                // The first line begins behind the dash.
                let first = item.get(indent + 2..).unwrap_or_default();
                let _ = write!(yaml, "{pad}- {first}");
            }
        }
        other => {
            let _ = writeln!(yaml, "{pad}{}", scalar(other));
        }
    }
}

/// A value after its key.
fn after(yaml: &mut String, value: &Value, indent: usize) {
    let is_block = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(values) => !values.is_empty(),
        _ => false,
    };
    if is_block {
        yaml.push('\n');
        block(yaml, value, indent);
    } else {
        let _ = writeln!(yaml, " {}", scalar(value));
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(it) => text(it),
        // Numbers, truth, null, and what is empty are written as in JSON.
        other => other.to_string(),
    }
}

/// A text, plain if nothing but a text could be meant by it.
fn text(it: &str) -> String {
    if is_plain(it) { it.to_owned() } else { quoted(it) }
}

fn is_plain(it: &str) -> bool {
    const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"];
    let inside = |c: char| c.is_alphanumeric() || "_-./ ".contains(c);
    let begins = it.starts_with(|c: char| c.is_alphabetic() || c == '_');
    begins && it.chars().all(inside) && !it.ends_with(' ') && !WORDS.contains(&it.to_ascii_lowercase().as_str())
}

/// A text in double quotes: as in JSON, and what YAML does not allow as it is, by number.
fn quoted(it: &str) -> String {
    let mut quoted = String::from('"');
    for c in it.chars() {
        let _ = match c {
            '"' => write!(quoted, "\\\""),
            '\\' => write!(quoted, "\\\\"),
            '\n' => write!(quoted, "\\n"),
            '\t' => write!(quoted, "\\t"),
            '\r' => write!(quoted, "\\r"),
            '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{a0}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                write!(quoted, "\\u{:04x}", u32::from(c))
            }
            c => write!(quoted, "{c}"),
        };
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn is_written_for_people() {
        let document = json!({
            "version": 1,
            "offers": [{ "id": "pots", "content": { "title": "Pots: 10 % off" }, "categories": ["garden"], "tags": [] }],
            "placements": [],
        });
        let expected = "offers:\n  - categories:\n      - garden\n    content:\n      title: \"Pots: 10 % off\"\n    id: pots\n    \
                        tags: []\nplacements: []\nversion: 1\n";
        assert_eq!(write(&document), expected);
    }

    /// Texts that YAML could take for something else, each as a member, an entry and a key.
    #[test]
    fn every_text_comes_back() {
        let texts = [
            "",
            " ",
            "a",
            "yes",
            "No",
            "null",
            "~",
            "1",
            "1.5",
            "0x1f",
            ".5",
            "-",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "a\nb",
            "a\tb",
            "\"",
            "'",
            "\\",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "%",
            "@",
            "`",
            "{",
            "[a]",
            "a,b",
            "?",
            ": ",
            "2026-01-01",
            "true ",
            " a",
            "双十一",
            "ä",
            "\u{7f}",
            "\u{85}",
            "\u{2028}",
            "\u{feff}a",
            "\u{0}",
            "😀",
            "a/b.c-d_e",
            "---",
            "...",
            "<<",
            "=",
        ];
        for text in texts {
            let document = json!({
                "version": 1,
                "offers": [{ "id": "a", "content": { "title": text, "list": [text, [text, { "k": text }]], "in": { text: 1 } } }],
            });
            let yaml = write(&document);
            match vitrine_config::check(&yaml, vitrine_config::Format::Yaml) {
                Ok(checked) => assert_eq!(checked.document, document, "{text:?}\n{yaml}"),
                Err(diagnostics) => {
                    // What no document may say is refused as JSON too.
                    let json = vitrine_config::check(&document.to_string(), vitrine_config::Format::Json);
                    let codes = |list: &[vitrine_config::Diagnostic]| list.iter().map(|it| it.code).collect::<Vec<_>>();
                    assert_eq!(json.map(drop).map_err(|it| codes(&it)), Err(codes(&diagnostics)), "{text:?}\n{yaml}");
                }
            }
        }
    }

    #[test]
    fn numbers_and_nesting_come_back() {
        let document = json!({
            "version": 1,
            "offers": [{ "id": "a", "content": { "x": [[], {}, [[1, -2.5, 1e300, 0.1]], true, null, [{ "a": [{}] }]] } }],
        });
        let checked = vitrine_config::check(&write(&document), vitrine_config::Format::Yaml).expect("sound");
        assert_eq!(checked.document, document);
    }
}
