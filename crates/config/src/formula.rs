//! Formulas as people write them, compiled to the engine's programs: parsed, checked for types, and bounded.
//!
//! ```text
//! 0.7 * offer.relevance + 0.3 * ln(1 + profile.orders) + if(profile.segment == "loyal", 1, 0)
//! ```
//!
//! Strongest first: `-x`, `* /`, `+ -`, comparisons, `not`, `and`, `or`. Truth values are 1 and 0.

use vitrine_engine::{
    AttributeIdx, FORMULA_DEPTH_MAX, FORMULA_STEPS_MAX, Formula, FormulaError, Literal, OfferField, One, Step, Test,
    Two, VALUE_MAX,
};

use crate::condition::Attributes;
use crate::limits::FORMULA_CHARS_MAX;
use crate::report::Report;
use crate::source::{At, shortened};

/// Deepest nesting of parentheses and functions.
const NESTING_MAX: usize = 32;

const FUNCTIONS: &str = "abs, clamp, default, exists, exp, has, if, ln, max, min, sqrt";

const OFFER_FIELDS: [(&str, OfferField); 5] = [
    ("offer.priority", OfferField::Priority),
    ("offer.margin", OfferField::Margin),
    ("offer.popularity", OfferField::Popularity),
    ("offer.relevance", OfferField::Relevance),
    ("offer.items", OfferField::Items),
];

/// Reads the formula that `at` holds. What is wrong is reported.
pub(crate) fn read(at: At<'_>, attributes: &mut Attributes<'_>, report: &mut Report) -> Option<Formula> {
    let text = report.text(at)?;
    if text.chars().count() > FORMULA_CHARS_MAX {
        let message = format!("the formula has more than {FORMULA_CHARS_MAX} characters");
        report.error(at, "formula_too_large", message, "split it: a ranker of type hybrid adds up several");
        return None;
    }
    let mut parser = Parser { at, text, place: 0, nesting: 0, steps: Vec::new(), attributes, report };
    match parser.whole() {
        Ok(()) => {}
        Err(Wrong { code, message, help }) => {
            let place = text.get(..parser.place).unwrap_or(text).chars().count().saturating_add(1);
            let message = format!("character {place}: {message}");
            parser.report.error(at, code, message, help);
            return None;
        }
    }
    match Formula::new(parser.steps) {
        Ok(formula) => Some(formula),
        Err(error @ (FormulaError::TooLong | FormulaError::TooDeep)) => {
            let help = format!("keep it below {FORMULA_STEPS_MAX} steps and {FORMULA_DEPTH_MAX} numbers at a time");
            report.error(at, "formula_too_large", error.to_string(), help);
            None
        }
        // The parser leaves one finite number.
        Err(FormulaError::Unbalanced | FormulaError::NotFinite) => None,
    }
}

/// What is wrong, where the parser stands.
struct Wrong {
    code: &'static str,
    message: String,
    help: String,
}

fn wrong(message: impl Into<String>, help: impl Into<String>) -> Wrong {
    Wrong { code: "invalid_formula", message: message.into(), help: help.into() }
}

/// What a part of a formula is. A number is on the stack; the others are not.
enum Part {
    Number,
    Attribute(AttributeIdx),
    Text(String),
}

struct Parser<'t, 'a, 'c> {
    at: At<'t>,
    text: &'t str,
    /// Unit: bytes.
    place: usize,
    nesting: usize,
    steps: Vec<Step>,
    attributes: &'a mut Attributes<'c>,
    report: &'a mut Report,
}

impl<'t> Parser<'t, '_, '_> {
    fn whole(&mut self) -> Result<(), Wrong> {
        self.number()?;
        match self.rest().chars().next() {
            None => Ok(()),
            Some(it) => Err(wrong(format!("{it:?} is not expected here"), "put an operator before it, or remove it")),
        }
    }

    /// What is not read yet, without the white space before it.
    fn rest(&mut self) -> &'t str {
        let rest = self.text.get(self.place..).unwrap_or_default();
        let trimmed = rest.trim_start();
        self.place = self.text.len().saturating_sub(trimmed.len());
        trimmed
    }

    /// Skips `symbol`, which is no word.
    fn takes(&mut self, symbol: &str) -> bool {
        let is_there = self.rest().starts_with(symbol);
        if is_there {
            self.place = self.place.saturating_add(symbol.len());
        }
        is_there
    }

    /// Skips a word.
    fn takes_word(&mut self, word: &str) -> bool {
        let is_there = word_of(self.rest()) == word;
        if is_there {
            self.place = self.place.saturating_add(word.len());
        }
        is_there
    }

    fn expect(&mut self, symbol: &str) -> Result<(), Wrong> {
        if self.takes(symbol) {
            return Ok(());
        }
        let found = self.rest().chars().next().map_or("the end".to_owned(), |it| format!("{it:?}"));
        Err(wrong(format!("expected {symbol:?}, found {found}"), "check parentheses and commas"))
    }

    /// A part that must be a number.
    fn number(&mut self) -> Result<(), Wrong> {
        self.nesting = self.nesting.saturating_add(1);
        if self.nesting > NESTING_MAX {
            let help = format!("use at most {NESTING_MAX} levels");
            return Err(Wrong { code: "formula_too_large", message: "the formula is nested too deeply".into(), help });
        }
        let part = self.or()?;
        self.make_number(part)?;
        self.nesting = self.nesting.saturating_sub(1);
        Ok(())
    }

    fn make_number(&mut self, part: Part) -> Result<(), Wrong> {
        match part {
            Part::Number => Ok(()),
            Part::Attribute(attribute) => {
                self.steps.extend([Step::Number(0.0), Step::Attribute(attribute)]);
                Ok(())
            }
            Part::Text(text) => Err(Wrong {
                code: "formula_type",
                message: format!("expected a number, found the text {:?}", shortened(&text)),
                help: "texts stand behind == and != and in has(): profile.segment == \"loyal\"".into(),
            }),
        }
    }

    fn or(&mut self) -> Result<Part, Wrong> {
        let mut part = self.and()?;
        while self.takes_word("or") {
            self.make_number(part)?;
            let second = self.and()?;
            part = self.two(second, Two::Or)?;
        }
        Ok(part)
    }

    fn and(&mut self) -> Result<Part, Wrong> {
        let mut part = self.not()?;
        while self.takes_word("and") {
            self.make_number(part)?;
            let second = self.not()?;
            part = self.two(second, Two::And)?;
        }
        Ok(part)
    }

    /// The first number is on the stack already.
    fn two(&mut self, second: Part, two: Two) -> Result<Part, Wrong> {
        self.make_number(second)?;
        self.steps.push(Step::Two(two));
        Ok(Part::Number)
    }

    fn not(&mut self) -> Result<Part, Wrong> {
        let mut n_not = 0_usize;
        while self.takes_word("not") {
            n_not = n_not.saturating_add(1);
        }
        let part = self.comparison()?;
        if n_not == 0 {
            return Ok(part);
        }
        self.make_number(part)?;
        (0..n_not).for_each(|_| self.steps.push(Step::One(One::Not)));
        Ok(Part::Number)
    }

    fn comparison(&mut self) -> Result<Part, Wrong> {
        let first = self.sum()?;
        // Each as what the engine has, and whether it is turned round.
        let operators = [
            ("<=", Two::AtMost, false),
            (">=", Two::Less, true),
            ("==", Two::Equal, false),
            ("!=", Two::Equal, true),
            ("<", Two::Less, false),
            (">", Two::AtMost, true),
        ];
        let found = operators.into_iter().find(|(symbol, ..)| self.takes(symbol));
        let Some((_, two, is_turned)) = found else { return Ok(first) };
        if two == Two::Equal
            && let Part::Attribute(attribute) = first
            && self.rest().starts_with('"')
        {
            let Part::Text(text) = self.primary()? else { return Ok(first) };
            self.steps.push(Step::Test(attribute, Test::Equals(Literal::Text(text))));
        } else {
            self.make_number(first)?;
            let second = self.sum()?;
            self.two(second, two)?;
        }
        if is_turned {
            self.steps.push(Step::One(One::Not));
        }
        Ok(Part::Number)
    }

    fn sum(&mut self) -> Result<Part, Wrong> {
        let mut part = self.product()?;
        loop {
            let two = match () {
                () if self.takes("+") => Two::Add,
                () if self.takes("-") => Two::Subtract,
                () => return Ok(part),
            };
            self.make_number(part)?;
            let second = self.product()?;
            part = self.two(second, two)?;
        }
    }

    fn product(&mut self) -> Result<Part, Wrong> {
        let mut part = self.signed()?;
        loop {
            let two = match () {
                () if self.takes("*") => Two::Multiply,
                () if self.takes("/") => Two::Divide,
                () => return Ok(part),
            };
            self.make_number(part)?;
            let second = self.signed()?;
            part = self.two(second, two)?;
        }
    }

    fn signed(&mut self) -> Result<Part, Wrong> {
        let mut is_negative = false;
        let mut is_signed = false;
        while self.takes("-") {
            (is_negative, is_signed) = (!is_negative, true);
        }
        let part = self.primary()?;
        if is_signed {
            self.make_number(part)?;
            if is_negative {
                self.steps.push(Step::One(One::Negative));
            }
            return Ok(Part::Number);
        }
        Ok(part)
    }

    fn primary(&mut self) -> Result<Part, Wrong> {
        let rest = self.rest();
        match rest.chars().next() {
            None => Err(wrong("the formula ends too early", "write what is missing, for example a number")),
            Some('(') => {
                self.expect("(")?;
                self.number()?;
                self.expect(")")?;
                Ok(Part::Number)
            }
            Some('"') => self.quoted(rest),
            Some(it) if it.is_ascii_digit() || it == '.' => self.literal(rest),
            Some(it) if it.is_alphabetic() || it == '_' => self.named(word_of(rest)),
            Some(it) => {
                let help = "write numbers, attributes, offer fields, functions and operators";
                Err(wrong(format!("{it:?} is not expected here"), help))
            }
        }
    }

    fn quoted(&mut self, rest: &str) -> Result<Part, Wrong> {
        let inner = rest.get(1..).unwrap_or_default();
        let Some((text, _)) = inner.split_once('"') else {
            return Err(wrong("a text has no end", "put a quote behind it"));
        };
        self.place = self.place.saturating_add(text.len()).saturating_add(2);
        Ok(Part::Text(text.to_owned()))
    }

    fn literal(&mut self, rest: &str) -> Result<Part, Wrong> {
        let is_digits = |it: char| it.is_ascii_digit() || it == '.';
        let mut length = rest.find(|it| !is_digits(it)).unwrap_or(rest.len());
        let behind = rest.get(length..).unwrap_or_default();
        if let Some(exponent) = behind.strip_prefix(['e', 'E']) {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let n_digits = digits.find(|it: char| !it.is_ascii_digit()).unwrap_or(digits.len());
            length = rest.len().saturating_sub(digits.len()).saturating_add(n_digits);
        }
        let text = rest.get(..length).unwrap_or_default();
        match text.parse::<f64>() {
            Ok(number) if number.abs() <= VALUE_MAX => {
                self.place = self.place.saturating_add(length);
                self.steps.push(Step::Number(number));
                Ok(Part::Number)
            }
            _ => Err(wrong(format!("{:?} is no number", shortened(text)), "write 12, 0.5 or 1e-3, up to 1e15")),
        }
    }

    fn named(&mut self, word: &str) -> Result<Part, Wrong> {
        if let Some((_, field)) = OFFER_FIELDS.iter().find(|(name, _)| *name == word) {
            self.place = self.place.saturating_add(word.len());
            self.steps.push(Step::Offer(*field));
            return Ok(Part::Number);
        }
        if word.starts_with("profile.") || word.starts_with("context.") {
            let attribute = self.attributes.named(self.at, word, self.report);
            let attribute = attribute.map_err(|(message, help)| wrong(message, help))?;
            self.place = self.place.saturating_add(word.len());
            return Ok(Part::Attribute(attribute));
        }
        let behind = self.rest().get(word.len()..).unwrap_or_default();
        if !behind.trim_start().starts_with('(') {
            let names: Vec<&str> = OFFER_FIELDS.iter().map(|(name, _)| *name).collect();
            let suggestion = self.report.did_you_mean(word, names.iter().copied());
            let message = format!("there is no {:?}{suggestion}", shortened(word));
            return Err(wrong(message, format!("write profile.…, context.…, or one of {}", names.join(", "))));
        }
        self.function(word)
    }

    fn function(&mut self, name: &str) -> Result<Part, Wrong> {
        let begin = self.place;
        self.place = self.place.saturating_add(name.len());
        self.expect("(")?;
        let one = match name {
            "abs" => Some(One::Abs),
            "exp" => Some(One::Exp),
            "ln" => Some(One::Ln),
            "sqrt" => Some(One::Sqrt),
            _ => None,
        };
        match (name, one) {
            (_, Some(one)) => {
                self.number()?;
                self.steps.push(Step::One(one));
            }
            ("min" | "max", _) => {
                let two = if name == "min" { Two::Min } else { Two::Max };
                self.number()?;
                self.expect(",")?;
                self.number()?;
                self.steps.push(Step::Two(two));
                while self.takes(",") {
                    self.number()?;
                    self.steps.push(Step::Two(two));
                }
            }
            ("clamp", _) => {
                self.number()?;
                for two in [Two::Max, Two::Min] {
                    self.expect(",")?;
                    self.number()?;
                    self.steps.push(Step::Two(two));
                }
            }
            ("if", _) => {
                self.number()?;
                for _ in 0..2 {
                    self.expect(",")?;
                    self.number()?;
                }
                self.steps.push(Step::Select);
            }
            ("default" | "exists" | "has", _) => self.about_attribute(name)?,
            _ => {
                self.place = begin;
                let suggestion = self.report.did_you_mean(name, FUNCTIONS.split(", "));
                let message = format!("there is no function {:?}{suggestion}", shortened(name));
                return Err(wrong(message, format!("the functions are {FUNCTIONS}")));
            }
        }
        self.expect(")")?;
        Ok(Part::Number)
    }

    /// `default(attribute, number)`, `exists(attribute)`, `has(attribute, "label")`.
    fn about_attribute(&mut self, name: &str) -> Result<(), Wrong> {
        let part = self.primary()?;
        let Part::Attribute(attribute) = part else {
            let message = format!("the first thing in {name}() is no attribute");
            let help = "write profile.… or context.… there".to_owned();
            return Err(Wrong { code: "formula_type", message, help });
        };
        match name {
            "default" => {
                self.expect(",")?;
                self.number()?;
                self.steps.push(Step::Attribute(attribute));
            }
            "exists" => self.steps.push(Step::Test(attribute, Test::Exists)),
            _ => {
                self.expect(",")?;
                let Part::Text(label) = self.primary()? else {
                    let help = "write has(profile.tags, \"vip\")".to_owned();
                    let message = "the second thing in has() is no text".to_owned();
                    return Err(Wrong { code: "formula_type", message, help });
                };
                self.steps.push(Step::Test(attribute, Test::Equals(Literal::Text(label))));
            }
        }
        Ok(())
    }
}

/// The word at the beginning: letters, digits, `_` and `.`; empty if there is none.
fn word_of(text: &str) -> &str {
    let end = text.find(|it: char| !(it.is_alphanumeric() || matches!(it, '_' | '.'))).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}
