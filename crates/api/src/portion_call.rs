//! What an isolate and the object that owns budgets say to each other: lines of words and numbers, so that the edge carries no
//! reader for them.
//!
//! The call: `lease 1 <version>`, then a line for each thing wanted (`w <meter> <showings>`) and each portion
//! given back (`b <portion> <showings left>`). The answer: `leased 1 <ms> <ms>`: for how long all of it holds, and after which time
//! what is closed may have changed; then `c <meter>` for each meter of which nothing is left, and `g <meter> <portion> <showings>` for each portion. A meter is a letter
//! and a position in the bundle: `t5` showings of offer 5 ever, `d5` today, `b2` money of campaign 2.

use std::fmt::{self, Write};
use std::str::{FromStr, SplitAsciiWhitespace};

use vitrine_engine::{CampaignIdx, OfferIdx};

use crate::portions::Meter;

const CALL: &str = "lease 1";
const ANSWER: &str = "leased 1";

/// What an isolate asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseCall {
    /// The version of the configuration whose positions these are.
    pub version: u64,
    /// Of what it wants portions.
    pub wanted: Vec<Wanted>,
    /// Portions given back: id, and showings left.
    pub back: Vec<(u64, u32)>,
}

/// A portion that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Of what.
    pub meter: Meter,
    /// How many showings, at most.
    pub n: u32,
}

/// What it is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leased {
    /// For how long portions may be used, and for how long it is known what is closed. Unit: ms.
    pub life_ms: u64,
    /// After this time what is closed may be open again. Unit: ms.
    pub look_again_ms: u64,
    /// Of what nothing is left, ascending.
    pub closed: Vec<Meter>,
    /// Portions.
    pub granted: Vec<Granted>,
}

/// A portion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Of what.
    pub meter: Meter,
    /// Its name.
    pub id: u64,
    /// How many showings.
    pub n: u32,
}

/// A text that is no call, or no answer: the number of the first line that cannot be read, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortionCallError(pub usize);

impl fmt::Display for PortionCallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of a lease cannot be read", self.0)
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (letter, position) = match self {
            Self::Total(OfferIdx(at)) => ('t', at),
            Self::Daily(OfferIdx(at)) => ('d', at),
            Self::Budget(CampaignIdx(at)) => ('b', at),
        };
        write!(f, "{letter}{position}")
    }
}

impl FromStr for Meter {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (letter, position) = text.split_at_checked(1).ok_or(())?;
        let position = position.parse().map_err(|_| ())?;
        match letter {
            "t" => Ok(Self::Total(OfferIdx(position))),
            "d" => Ok(Self::Daily(OfferIdx(position))),
            "b" => Ok(Self::Budget(CampaignIdx(position))),
            _ => Err(()),
        }
    }
}

impl LeaseCall {
    /// The call as text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{CALL} {}", self.version);
        // Writing to a text cannot fail.
        for Wanted { meter, n } in &self.wanted {
            let _ = write!(text, "\nw {meter} {n}");
        }
        for (id, left) in &self.back {
            let _ = write!(text, "\nb {id} {left}");
        }
        text
    }

    /// Reads a call.
    ///
    /// Errors: [`PortionCallError`].
    pub fn parse(text: &str) -> Result<Self, PortionCallError> {
        let mut call = Self::default();
        let head = each_line(text, CALL, |word, rest| {
            match word {
                "w" => call.wanted.push(Wanted { meter: next(rest)?, n: next(rest)? }),
                "b" => call.back.push((next(rest)?, next(rest)?)),
                _ => return None,
            }
            Some(())
        })?;
        call.version = number(head)?;
        Ok(call)
    }
}

impl Leased {
    /// The answer as text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{ANSWER} {} {}", self.life_ms, self.look_again_ms);
        for meter in &self.closed {
            let _ = write!(text, "\nc {meter}");
        }
        for Granted { meter, id, n } in &self.granted {
            let _ = write!(text, "\ng {meter} {id} {n}");
        }
        text
    }

    /// Reads an answer.
    ///
    /// Errors: [`PortionCallError`].
    pub fn parse(text: &str) -> Result<Self, PortionCallError> {
        let mut leased = Self::default();
        let head = each_line(text, ANSWER, |word, rest| {
            match word {
                "c" => leased.closed.push(next(rest)?),
                "g" => leased.granted.push(Granted { meter: next(rest)?, id: next(rest)?, n: next(rest)? }),
                _ => return None,
            }
            Some(())
        })?;
        let (life, look_again) = head.split_once(' ').ok_or(PortionCallError(1))?;
        (leased.life_ms, leased.look_again_ms) = (number(life)?, number(look_again)?);
        Ok(leased)
    }
}

/// Reads the lines of a text after the first one, which is `head` and what is given.
fn each_line<'t>(
    text: &'t str,
    head: &str,
    mut line: impl FnMut(&str, &mut SplitAsciiWhitespace<'_>) -> Option<()>,
) -> Result<&'t str, PortionCallError> {
    let mut lines = text.lines().zip(1..);
    let first = lines.next().map_or("", |(first, _)| first);
    let rest = first.strip_prefix(head).and_then(|it| it.strip_prefix(' ')).ok_or(PortionCallError(1))?;
    for (it, number) in lines {
        let mut words = it.split_ascii_whitespace();
        let word = words.next().unwrap_or_default();
        line(word, &mut words).filter(|()| words.next().is_none()).ok_or(PortionCallError(number))?;
    }
    Ok(rest)
}

fn number(text: &str) -> Result<u64, PortionCallError> {
    text.parse().map_err(|_| PortionCallError(1))
}

fn next<T: FromStr>(words: &mut SplitAsciiWhitespace<'_>) -> Option<T> {
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let call = LeaseCall {
            version: 12,
            wanted: vec![
                Wanted { meter: Meter::Total(OfferIdx(5)), n: 3 },
                Wanted { meter: Meter::Budget(CampaignIdx(0)), n: 0 },
            ],
            back: vec![(101, 3), (102, 0)],
        };
        assert_eq!(call.to_text(), "lease 1 12\nw t5 3\nw b0 0\nb 101 3\nb 102 0");
        assert_eq!(LeaseCall::parse(&call.to_text()), Ok(call));
        let leased = Leased {
            life_ms: 60_000,
            look_again_ms: 1500,
            closed: vec![Meter::Daily(OfferIdx(7))],
            granted: vec![Granted { meter: Meter::Total(OfferIdx(5)), id: 103, n: 8 }],
        };
        assert_eq!(leased.to_text(), "leased 1 60000 1500\nc d7\ng t5 103 8");
        assert_eq!(Leased::parse(&leased.to_text()), Ok(leased));
        let empty = LeaseCall { version: 1, ..LeaseCall::default() };
        assert_eq!(LeaseCall::parse("lease 1 1"), Ok(empty));
    }

    #[test]
    fn what_is_no_call_or_answer_is_refused_with_the_line() {
        for (text, line) in [
            ("", 1),
            ("lease", 1),
            ("lease 2 1", 1),
            ("lease 1 -1", 1),
            ("leased 1 1", 1),
            ("lease 1 1\nw", 2),
            ("lease 1 1\nw t5", 2),
            ("lease 1 1\nw t5 1\nw x5 1", 3),
            ("lease 1 1\nw t65536 1", 2),
            ("lease 1 1\nw é 1", 2),
            ("lease 1 1\nb 1 1 1", 2),
            ("lease 1 1\n\nb 1 1", 2),
        ] {
            assert_eq!(LeaseCall::parse(text), Err(PortionCallError(line)), "{text:?}");
        }
        for (text, line) in
            [("lease 1 1", 1), ("leased 1 5", 1), ("leased 1 5 5\ng t1 2", 2), ("leased 1 5 5\nc t1 1", 2)]
        {
            assert_eq!(Leased::parse(text), Err(PortionCallError(line)), "{text:?}");
        }
    }
}
