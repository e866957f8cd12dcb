//! Parameters of administrative calls. One that a call does not know is refused: a typing error must not publish elsewhere.

use vitrine_api::{PRODUCTION, Problem};
use vitrine_rim::query;
use worker::Request;

/// The parameters of a call.
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Errors: 400 for a parameter that is not among `known`, or comes twice.
    pub fn read(request: &Request, known: &[&str]) -> Result<Self, Problem> {
        let mut params: Vec<(String, String)> = Vec::new();
        for (name, value) in query::pairs(&request.inner().url()) {
            if !known.contains(&name.as_ref()) {
                let list = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let detail = format!("there is no such parameter here; there are: {list}");
                return Err(Problem::field(format!("/{name}"), "unknown_parameter", detail));
            }
            if params.iter().any(|(it, _)| *it == name) {
                return Err(Problem::field(format!("/{name}"), "duplicate_parameter", "the parameter comes twice"));
            }
            params.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(params))
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// The environment; `production` if none is named.
    pub fn environment(&self) -> String {
        self.text("environment").unwrap_or(PRODUCTION).to_owned()
    }

    /// True or false; false if absent.
    ///
    /// Errors: 400 for anything else.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        let Some(value) = self.text(name) else { return Ok(false) };
        value
            .parse()
            .map_err(|_| Problem::field(format!("/{name}"), "invalid_field", format!("{value:?} is not true or false")))
    }

    /// A whole number.
    ///
    /// Errors: 400 for anything else.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let number = value.parse().ok().filter(|it| *it < 1 << 50);
        number.map(Some).ok_or_else(|| {
            Problem::field(format!("/{name}"), "invalid_field", format!("{value:?} is not a whole number"))
        })
    }

    /// How many entries of a list are wanted.
    ///
    /// Errors: 400 for what is no number.
    pub fn limit(&self) -> Result<u32, Problem> {
        Ok(self.number("limit")?.map_or(100, |it| u32::try_from(it).unwrap_or(u32::MAX)))
    }
}

/// The revision in `If-Match: "3"`, if the call carries one.
///
/// Errors: 400 for a header that is no revision.
pub fn if_match(request: &Request) -> Result<Option<u64>, Problem> {
    let Some(header) = request.headers().get("if-match").ok().flatten() else { return Ok(None) };
    let tag = header.trim();
    let tag = tag.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(tag);
    let revision = tag.parse().ok().filter(|it| *it < 1 << 50);
    revision.map(Some).ok_or_else(|| {
        let detail = format!("If-Match: {header} is not a revision, such as If-Match: \"3\"");
        Problem::field("/if-match", "invalid_field", detail)
    })
}

/// As [`if_match`], where the caller must say what it has seen.
///
/// Errors: 400 without the header.
pub fn required_if_match(request: &Request) -> Result<u64, Problem> {
    if_match(request)?.ok_or_else(|| {
        let detail = "name the revision that the change was made from, such as If-Match: \"3\"";
        Problem::field("/if-match", "missing_field", detail)
    })
}
