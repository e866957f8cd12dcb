//! Text in both languages of a page, and how it becomes safe HTML.

/// A text in English and in Chinese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// English.
    pub en: String,
    /// Chinese, simplified.
    pub zh: String,
}

impl Words {
    /// A text in both languages.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }

    /// A text that both languages share: a number, a name, an id.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { zh: text.clone(), en: text }
    }

    /// HTML in which a reader sees the language that was chosen. Safe for any text.
    pub(crate) fn html(&self) -> String {
        if self.en == self.zh {
            return escaped(&self.en);
        }
        format!("<span lang=\"en\">{}</span><span lang=\"zh\">{}</span>", escaped(&self.en), escaped(&self.zh))
    }

    /// The same inside of an SVG.
    pub(crate) fn svg(&self) -> String {
        if self.en == self.zh {
            return escaped(&self.en);
        }
        format!("<tspan lang=\"en\">{}</tspan><tspan lang=\"zh\">{}</tspan>", escaped(&self.en), escaped(&self.zh))
    }

    /// Both languages in one attribute.
    pub(crate) fn attribute(&self) -> String {
        if self.en == self.zh { escaped(&self.en) } else { escaped(&format!("{} / {}", self.en, self.zh)) }
    }
}

/// Text for HTML and for attributes in double quotes.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Control characters are no HTML; a reader sees that something was there.
            char if char.is_control() && char != '\n' && char != '\t' => safe.push('\u{fffd}'),
            char => safe.push(char),
        }
    }
    safe
}
