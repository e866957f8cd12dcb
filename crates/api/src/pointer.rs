//! Where in a body reading stopped, as a JSON pointer (RFC 6901).
//!
//! serde_json tells line and column. Which members lie around them is found here by going through the text once more; a reader
//! that follows every member as it goes would do the same at forty times the size.

/// The pointer to the value or the key at which serde_json stopped with `error`. All before that is well-formed.
pub(crate) fn pointer(body: &[u8], error: &serde_json::Error) -> String {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut rest = read_part(body, error.line(), error.column());
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'{' => steps.push(Step::Member(None)),
            b'[' => steps.push(Step::Element(0)),
            b'}' | b']' => drop(steps.pop()),
            b',' => match steps.last_mut() {
                Some(Step::Element(at)) => *at = at.saturating_add(1),
                Some(Step::Member(key)) => *key = None,
                None => {}
            },
            b'"' => {
                let (text, behind) = split_text(rest);
                rest = behind;
                if let Some(Step::Member(key @ None)) = steps.last_mut() {
                    *key = Some(text);
                }
            }
            _ => {}
        }
    }
    steps.iter().map(Step::text).collect()
}

/// Where in an open object or array we are.
enum Step<'b> {
    /// The key as it is written, without its quotes; `None` before it.
    Member(Option<&'b [u8]>),
    /// Position of the element, from 0.
    Element(usize),
}

impl Step<'_> {
    fn text(&self) -> String {
        match self {
            Self::Member(None) => String::new(),
            Self::Member(Some(key)) => {
                let quoted = [b"\"", *key, b"\""].concat();
                let key: String = serde_json::from_slice(&quoted).unwrap_or_default();
                format!("/{}", escaped(&key))
            }
            Self::Element(at) => format!("/{at}"),
        }
    }
}

/// A key as it stands in a pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// What had been read at this line, counted from 1, and this column, counted in bytes.
fn read_part(body: &[u8], line: usize, column: usize) -> &[u8] {
    let lines_before = body.split_inclusive(|it| *it == b'\n').take(line.saturating_sub(1));
    let line_start: usize = lines_before.map(<[u8]>::len).sum();
    body.get(..line_start.saturating_add(column)).unwrap_or(body)
}

/// The inside of a text whose opening quote has been read, and what follows its closing one.
fn split_text(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut is_escaped = false;
    let mut ends = |byte: &u8| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    };
    let end = bytes.iter().position(&mut ends).unwrap_or(bytes.len());
    let (text, behind) = bytes.split_at_checked(end).unwrap_or((bytes, b""));
    (text, behind.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wire {
        #[serde(default)]
        _rows: Vec<Row>,
        #[serde(default)]
        _by_name: BTreeMap<String, u8>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Row {
        _id: String,
        #[serde(default)]
        _sizes: Vec<Option<u8>>,
    }

    #[track_caller]
    fn check(body: &str, expected: &str) {
        let error = serde_json::from_str::<Wire>(body).err().unwrap();
        assert_eq!(error.classify(), serde_json::error::Category::Data, "{error}");
        assert_eq!(pointer(body.as_bytes(), &error), expected, "{error}");
    }

    #[test]
    fn the_value_or_the_key_that_is_wrong_is_named() {
        check("7", "");
        check(r#"{"_rows":7}"#, "/_rows");
        check(r#"{"_rows":{}}"#, "/_rows");
        check(r#" { "_rows" : [ { "_id" : "a" } , { "_id" : 7 } ] } "#, "/_rows/1/_id");
        check("{\"_rows\":[\n{\"_id\":\"a\",\n\t\"_sizes\":[1,\n null,\n-1]}]}", "/_rows/0/_sizes/2");
        check(r#"{"_rows":[{"_id":"a","_sizes":[1,[2]]}]}"#, "/_rows/0/_sizes/1");
        check(r#"{"_rows":[{"_id":"a","_sizes":[1,{"x":2}]}]}"#, "/_rows/0/_sizes/1");
        check(r#"{"_rows":[{"_id":"a"},"b"]}"#, "/_rows/1");
    }

    #[test]
    fn a_missing_member_is_told_of_its_object_and_a_strange_one_by_its_name() {
        check(r#"{"_rows":[{"_sizes":[]}]}"#, "/_rows/0");
        check(r#"{"_rows":[{"_id":"a"},{}]}"#, "/_rows/1");
        check(r#"{"_rows":[{"_id":"a","_size":1}]}"#, "/_rows/0/_size");
        check(r#"{"_rows":[],"_rows":[]}"#, "/_rows");
        check(r#"{"strange" : 1}"#, "/strange");
    }

    #[test]
    fn keys_are_told_as_they_mean() {
        check(r#"{"_by_name":{"a/b~c":300}}"#, "/_by_name/a~1b~0c");
        check(r#"{"_by_name":{"\"\u00e9\\":-1}}"#, "/_by_name/\"é\\");
        check(r#"{"_by_name":{"a\\":1,"{[,":"\"]}"}}"#, "/_by_name/{[,");
        check(r#"{"_by_name":{"é":1,"漢":[]}}"#, "/_by_name/漢");
    }
}
