//! Finds words of a list in texts: the longest word that begins at a place wins, so that a harmless compound hides what is inside it.
//!
//! An own search of a few lines: a list has some hundred words, and a general automaton would be larger than all texts.

use std::collections::BTreeMap;

/// What a word of a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WordKind {
    /// Named by a law.
    Forbidden,
    /// Needs a second look.
    Doubtful,
    /// Means something else than the word inside it.
    Harmless,
}

/// Words by their first character, longer ones first.
pub(super) struct Words {
    by_first: BTreeMap<char, Vec<(&'static str, WordKind)>>,
}

impl Words {
    /// Reads a list: lines of `!`, `?` or `=` and words; `#` begins a comment. Words are in lower case.
    pub fn parse(list: &'static str) -> Self {
        let mut by_first: BTreeMap<char, Vec<(&'static str, WordKind)>> = BTreeMap::new();
        for line in list.lines() {
            let mut words = line.split_whitespace();
            let kind = match words.next() {
                Some("!") => WordKind::Forbidden,
                Some("?") => WordKind::Doubtful,
                Some("=") => WordKind::Harmless,
                _ => continue,
            };
            for word in words {
                by_first.entry(word.chars().next().unwrap_or_default()).or_default().push((word, kind));
            }
        }
        for words in by_first.values_mut() {
            words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        }
        Self { by_first }
    }

    /// The words in `text` that are not harmless, in order.
    pub fn find(&self, text: &str) -> Vec<(&'static str, WordKind)> {
        let text: String = text.chars().map(folded).collect();
        let mut found = Vec::new();
        let mut before: Option<char> = None;
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let candidates = self.by_first.get(&first).map(Vec::as_slice).unwrap_or_default();
            let hit = candidates
                .iter()
                .find(|(word, _)| rest.strip_prefix(word).is_some_and(|after| stands_alone(before, word, after)));
            let skipped = match hit {
                Some((word, kind)) => {
                    if *kind != WordKind::Harmless {
                        found.push((*word, *kind));
                    }
                    word.len()
                }
                None => first.len_utf8(),
            };
            let (head, tail) = rest.split_at_checked(skipped).unwrap_or((rest, ""));
            before = head.chars().next_back();
            rest = tail;
        }
        found
    }
}

/// Whether Latin letters and digits of a word are not a part of longer ones.
fn stands_alone(before: Option<char>, word: &str, after: &str) -> bool {
    let are_latin = |pair: [Option<char>; 2]| pair.iter().all(|it| it.is_some_and(|it| it.is_ascii_alphanumeric()));
    let is_joined_before = are_latin([before, word.chars().next()]);
    let is_joined_after = are_latin([word.chars().next_back(), after.chars().next()]);
    !is_joined_before && !is_joined_after
}

/// Latin letters in lower case, also those of full width.
fn folded(char: char) -> char {
    let narrow = match char {
        '\u{ff01}'..='\u{ff5e}' => u32::from(char).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(char),
        _ => char,
    };
    narrow.to_ascii_lowercase()
}
