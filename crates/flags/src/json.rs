//! JSON as JavaScript sees it: the order of an object's keys, numbers as 64-bit floats and their text.
//!
//! Two implementations agree on an assignment only if they hash the same text for the same number, and some conditions
//! compare serialised objects; so both are exact here.

mod number;
mod object;
mod read;
mod wire;

use std::fmt::{self, Write as _};

pub use object::Object;
pub use read::{DEPTH_MAX, JsonError};

pub(crate) use number::NumberText;

/// A JSON value.
///
/// Two values are equal if they mean the same: the order of an object's keys is irrelevant. Conditions that compare
/// serialised values use an order-sensitive comparison of their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Json {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number. Not finite only if built by hand; `null` as text then.
    Number(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(Object),
}

/// `null`, to be borrowed for as long as anybody likes.
pub(crate) static NULL: Json = Json::Null;
/// The empty string, likewise.
pub(crate) static EMPTY: Json = Json::Text(String::new());

impl Json {
    /// Reads one JSON document (RFC 8259). Of a key that occurs twice, the last value counts.
    ///
    /// Errors: broken syntax, text that is not UTF-8, or nesting deeper than [`DEPTH_MAX`].
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        read::read(bytes)
    }

    /// The text, if it is a string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The number, if it is a whole one of at most 2^53, so that none was lost on the way.
    pub fn as_whole(&self) -> Option<i64> {
        // The conversion is exact in these bounds.
        self.as_number().filter(|it| it.fract() == 0.0 && it.abs() <= 9_007_199_254_740_992.0).map(|it| it as i64)
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The member `key` of an object; `None` for anything else.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// What JavaScript holds for true: all but `null`, `false`, zero, not-a-number and the empty string.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::Text(text) => !text.is_empty(),
            Self::List(_) | Self::Object(_) => true,
        }
    }

    /// Whether both have the same serialisation, the order of keys included.
    pub(crate) fn is_same_text(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(one), Self::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(a, b)| a.is_same_text(b))
            }
            (Self::Object(one), Self::Object(two)) => {
                one.len() == two.len() && one.iter().zip(two.iter()).all(|((a, x), (b, y))| a == b && x.is_same_text(y))
            }
            _ => self == other,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) if number.is_finite() => f.write_str(NumberText::of(*number).as_str()),
            Self::Number(_) => f.write_str("null"),
            Self::Text(text) => write_text(f, text),
            Self::List(list) => {
                f.write_char('[')?;
                for (at, item) in list.iter().enumerate() {
                    if at > 0 {
                        f.write_char(',')?;
                    }
                    item.write(f)?;
                }
                f.write_char(']')
            }
            Self::Object(object) => {
                f.write_char('{')?;
                for (at, (key, value)) in object.iter().enumerate() {
                    if at > 0 {
                        f.write_char(',')?;
                    }
                    write_text(f, key)?;
                    f.write_char(':')?;
                    value.write(f)?;
                }
                f.write_char('}')
            }
        }
    }
}

/// The text of `JSON.stringify`.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        let (plain, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
        f.write_str(plain)?;
        let mut chars = behind.chars();
        match chars.next() {
            Some('"') => f.write_str("\\\"")?,
            Some('\\') => f.write_str("\\\\")?,
            Some('\n') => f.write_str("\\n")?,
            Some('\r') => f.write_str("\\r")?,
            Some('\t') => f.write_str("\\t")?,
            Some('\u{8}') => f.write_str("\\b")?,
            Some('\u{c}') => f.write_str("\\f")?,
            Some(control) => write!(f, "\\u{:04x}", u32::from(control))?,
            None => {}
        }
        rest = chars.as_str();
    }
    f.write_str(rest)?;
    f.write_char('"')
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Json {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<i32> for Json {
    fn from(value: i32) -> Self {
        Self::Number(f64::from(value))
    }
}

impl From<u32> for Json {
    fn from(value: u32) -> Self {
        Self::Number(f64::from(value))
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Json {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(value: Vec<T>) -> Self {
        Self::List(value.into_iter().map(Into::into).collect())
    }
}

impl From<Object> for Json {
    fn from(value: Object) -> Self {
        Self::Object(value)
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn round(source: &str, expected: &str) {
        assert_eq!(Json::parse(source.as_bytes()).unwrap().to_string(), expected);
    }

    #[test]
    fn text_is_what_javascript_writes() {
        round(" { \"b\" : 1.0 , \"a\" : [ ] , \"2\" : null , \"1\" : true } ", r#"{"1":true,"2":null,"b":1,"a":[]}"#);
        round(r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#);
        round(r#""\u00e9\ud83d\ude00\/\u0001\b\f\n\r\t\"\\""#, "\"é😀/\\u0001\\b\\f\\n\\r\\t\\\"\\\\\"");
        round("[0.30000000000000004, 1e21, 1e-7, -0.0, 1e400]", "[0.30000000000000004,1e+21,1e-7,0,null]");
        round(r#"{"01":1,"4294967294":2,"4294967295":3,"0":4}"#, r#"{"0":4,"4294967294":2,"01":1,"4294967295":3}"#);
    }

    #[test]
    fn truth_is_javascript_s() {
        for (source, truthy) in [
            ("null", false),
            ("false", false),
            ("0", false),
            ("-0.0", false),
            ("\"\"", false),
            ("true", true),
            ("\"0\"", true),
            ("\"false\"", true),
            ("[]", true),
            ("{}", true),
            ("0.5", true),
        ] {
            assert_eq!(Json::parse(source.as_bytes()).unwrap().is_truthy(), truthy, "{source}");
        }
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for source in [
            "",
            " ",
            "nul",
            "tru",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "'a'",
            "\"a",
            "1 2",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "\"\u{1}\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "[1 2]",
            "{\"a\" 1}",
            "]",
            "NaN",
            "// a\n1",
        ] {
            assert!(Json::parse(source.as_bytes()).is_err(), "{source}");
        }
        assert!(Json::parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn deep_nesting_is_an_error_not_an_overflow() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::parse(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert!(Json::parse(nested(DEPTH_MAX + 1).as_bytes()).is_err());
        assert!(Json::parse("[".repeat(1_000_000).as_bytes()).is_err());
        assert!(Json::parse("{\"a\":".repeat(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn equality_ignores_the_order_of_keys_and_the_text_does_not() {
        let parse = |source: &str| Json::parse(source.as_bytes()).unwrap();
        let (one, two) = (parse(r#"{"a":[{"x":1,"y":2}],"b":2}"#), parse(r#"{"b":2,"a":[{"y":2,"x":1}]}"#));
        assert_eq!(one, two);
        assert!(!one.is_same_text(&two));
        assert!(one.is_same_text(&one.clone()));
        assert_ne!(one, parse(r#"{"a":[{"x":1,"y":3}],"b":2}"#));
        assert_ne!(one, parse(r#"{"a":[{"x":1,"y":2}]}"#));
    }
}
