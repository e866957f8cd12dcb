//! Date formats: a pattern of numbers, turned into SQL that gives a timestamp or null, never an error.

/// A format in which a shop writes dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DateFormat {
    /// `2010-12-01 08:26:00`, with `T` or a space, with or without time, fraction and offset.
    Iso,
    /// Numbers in a fixed order.
    Pattern {
        /// The regular expression that a whole text must match, once lone digits are padded to two.
        regex: String,
        /// The ISO date-time with the groups of `regex` in it.
        iso: String,
    },
}

/// The parts that a pattern may have: code, digits, and where they stand in an ISO date-time.
const PARTS: [(char, &str); 7] = [
    ('Y', r"(\d{4})"),
    ('y', r"(\d{2})"),
    ('m', r"(\d{2})"),
    ('d', r"(\d{2})"),
    ('H', r"(\d{2})"),
    ('M', r"(\d{2})"),
    ('S', r"(\d{2})"),
];

impl DateFormat {
    /// Reads `iso` or a pattern such as `%d.%m.%Y %H:%M`.
    ///
    /// Errors: what is wrong with the pattern and how to mend it.
    pub(crate) fn parse(format: &str) -> Result<Self, String> {
        if format == "iso" {
            return Ok(Self::Iso);
        }
        let mut regex = String::from("^");
        let mut groups: Vec<char> = Vec::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                if !c.is_ascii_alphanumeric() && !c.is_ascii_graphic() && c != ' ' || c == '\'' {
                    return Err(format!("{format:?}: the character {c:?} cannot stand in a date format"));
                }
                if c.is_ascii_punctuation() {
                    regex.push('\\');
                }
                regex.push(c);
                continue;
            }
            let code = chars.next().unwrap_or(' ');
            let Some((_, digits)) = PARTS.iter().find(|(part, _)| *part == code) else {
                return Err(format!(
                    "{format:?}: %{code} is unknown; there are %Y %y %m %d %H %M %S, or the format \"iso\""
                ));
            };
            if groups.contains(&code) {
                return Err(format!("{format:?}: %{code} is there twice"));
            }
            groups.push(code);
            regex.push_str(digits);
        }
        regex.push('$');
        let group = |code: char| groups.iter().position(|part| *part == code).map(|idx| format!("\\{}", idx + 1));
        let year = match (group('Y'), group('y')) {
            (Some(year), None) => Some(year),
            (None, Some(year)) => Some(format!("20{year}")),
            _ => None,
        };
        let (Some(year), Some(month), Some(day)) = (year, group('m'), group('d')) else {
            return Err(format!("{format:?}: a date needs %d, %m and either %Y or %y"));
        };
        let part = |code| group(code).unwrap_or_else(|| "00".to_owned());
        let iso = format!("{year}-{month}-{day}T{}:{}:{}", part('H'), part('M'), part('S'));
        Ok(Self::Pattern { regex, iso })
    }

    /// SQL for the timestamp that the text expression `text` holds, null where it is not of this format.
    pub(crate) fn sql(&self, text: &str) -> String {
        match self {
            Self::Iso => format!("TRY_CAST({text} AS TIMESTAMP)"),
            Self::Pattern { regex, iso } => {
                let padded = format!(r"regexp_replace({text}, '\b(\d)\b', '0\1', 'g')");
                format!(
                    "CASE WHEN regexp_like({padded}, '{regex}') THEN TRY_CAST(regexp_replace({padded}, '{regex}', '{iso}') AS TIMESTAMP) END"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_iso_dates() {
        let DateFormat::Pattern { regex, iso } = DateFormat::parse("%d.%m.%Y %H:%M").unwrap() else { panic!() };
        assert_eq!(regex, r"^(\d{2})\.(\d{2})\.(\d{4}) (\d{2})\:(\d{2})$");
        assert_eq!(iso, r"\3-\2-\1T\4:\5:00");
        assert_eq!(DateFormat::parse("iso"), Ok(DateFormat::Iso));
    }

    #[test]
    fn bad_patterns_say_what_is_wrong() {
        for (format, part) in [
            ("%d.%m", "needs %d, %m and either %Y or %y"),
            ("%d.%m.%Y %y", "needs %d, %m and either %Y or %y"),
            ("%d/%d/%Y", "%d is there twice"),
            ("%B %d %Y", "%B is unknown"),
            ("%d.%m.%Y %", "is unknown"),
            ("%d'%m'%Y", "cannot stand in a date format"),
        ] {
            let what = DateFormat::parse(format).unwrap_err();
            assert!(what.contains(part), "{format}: {what}");
        }
    }
}
