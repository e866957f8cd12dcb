//! Formulas: a score as arithmetic over the profile, the context and the offer, compiled to a program for a small stack.
//!
//! Programs are checked once ([`Formula::new`]); then they cannot fail. Every step gives a finite number: what mathematics
//! leaves undefined is 0, what is too great is [`VALUE_MAX`].

use alloc::vec::Vec;
use core::fmt;

use crate::attribute::AttributeIdx;
use crate::condition::Test;

/// Most steps of a program.
pub const FORMULA_STEPS_MAX: usize = 512;
/// Most numbers that a program may hold at a time.
pub const FORMULA_DEPTH_MAX: usize = 32;
/// Greatest number that a step gives; its negative is the smallest.
pub const VALUE_MAX: f64 = 1e15;

/// One step of a program. Steps take their numbers from the top of the stack and put their result there.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Puts a finite number.
    Number(f64),
    /// Replaces the top by the attribute, if it has a number or a truth value (1 or 0): the top is what a missing one counts as.
    Attribute(AttributeIdx),
    /// Puts 1 if the attribute passes the test, else 0.
    Test(AttributeIdx, Test),
    /// Puts a number of the offer.
    Offer(OfferField),
    /// Replaces the top.
    One(One),
    /// Replaces the two on top, the deeper being the first.
    Two(Two),
    /// Takes condition, value and alternative: the value if the condition is not 0.
    Select,
}

/// A number of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferField {
    /// Its priority.
    Priority,
    /// Its margin, in units of the currency; 0 if none is given.
    Margin,
    /// The popularity of its most popular item, 0..=1.
    Popularity,
    /// How near it is to the visitor, -1..=1; see [`crate::Ranker::Relevance`].
    Relevance,
    /// Its score by the ranker `items` with the default weights.
    Items,
}

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum One {
    /// Its negative.
    Negative,
    /// 1 for 0, else 0.
    Not,
    /// Without its sign.
    Abs,
    /// The natural logarithm; 0 for what is not above 0.
    Ln,
    /// The exponential function.
    Exp,
    /// The square root; 0 for what is below 0.
    Sqrt,
}

/// A function of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Two {
    /// Their sum.
    Add,
    /// The first less the second.
    Subtract,
    /// Their product.
    Multiply,
    /// The first over the second; 0 over 0.
    Divide,
    /// The smaller.
    Min,
    /// The greater.
    Max,
    /// 1 if the first is less, else 0.
    Less,
    /// 1 if the first is not greater, else 0.
    AtMost,
    /// 1 if they are equal, else 0.
    Equal,
    /// 1 if neither is 0, else 0.
    And,
    /// 1 if one is not 0, else 0.
    Or,
}

/// A checked program.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula(Vec<Step>);

/// Why steps are no program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormulaError {
    /// More than [`FORMULA_STEPS_MAX`] steps.
    TooLong,
    /// Holds more than [`FORMULA_DEPTH_MAX`] numbers at a time.
    TooDeep,
    /// A step takes more numbers than there are, or not exactly one is left at the end.
    Unbalanced,
    /// A number that is not finite.
    NotFinite,
}

impl fmt::Display for FormulaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the formula has more than 512 steps",
            Self::TooDeep => "the formula holds more than 32 numbers at a time",
            Self::Unbalanced => "the steps of the formula do not leave one number",
            Self::NotFinite => "a number of the formula is not finite",
        })
    }
}

impl core::error::Error for FormulaError {}

/// What a formula asks about.
pub(crate) trait Terms {
    /// The number of an attribute; truth values are 1 and 0.
    fn number(&self, attribute: AttributeIdx) -> Option<f64>;
    fn passes(&self, attribute: AttributeIdx, test: &Test) -> bool;
    fn offer(&self, field: OfferField) -> f64;
}

impl Formula {
    /// Checks a program.
    ///
    /// Errors: the first [`FormulaError`].
    pub fn new(steps: Vec<Step>) -> Result<Self, FormulaError> {
        if steps.len() > FORMULA_STEPS_MAX {
            return Err(FormulaError::TooLong);
        }
        let mut depth = 0_usize;
        for step in &steps {
            let n_taken: usize = match step {
                Step::Number(it) if !it.is_finite() => return Err(FormulaError::NotFinite),
                Step::Number(_) | Step::Test(..) | Step::Offer(_) => 0,
                Step::Attribute(_) | Step::One(_) => 1,
                Step::Two(_) => 2,
                Step::Select => 3,
            };
            depth = depth.checked_sub(n_taken).ok_or(FormulaError::Unbalanced)?.saturating_add(1);
            if depth > FORMULA_DEPTH_MAX {
                return Err(FormulaError::TooDeep);
            }
        }
        if depth == 1 { Ok(Self(steps)) } else { Err(FormulaError::Unbalanced) }
    }

    /// The program.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Calls `visit` with every attribute that it asks about.
    pub(crate) fn attributes(&self, visit: &mut impl FnMut(AttributeIdx)) {
        for step in &self.0 {
            if let Step::Attribute(attribute) | Step::Test(attribute, _) = step {
                visit(*attribute);
            }
        }
    }

    /// The value for one offer. Range: finite, ±[`VALUE_MAX`].
    pub(crate) fn value(&self, terms: &dyn Terms) -> f64 {
        let mut stack = Stack { numbers: [0.0; FORMULA_DEPTH_MAX], n: 0 };
        for step in &self.0 {
            let value = match step {
                Step::Number(number) => *number,
                Step::Attribute(attribute) => {
                    let missing = stack.pop();
                    terms.number(*attribute).unwrap_or(missing)
                }
                Step::Test(attribute, test) => truth(terms.passes(*attribute, test)),
                Step::Offer(field) => terms.offer(*field),
                Step::One(one) => one.of(stack.pop()),
                Step::Two(two) => {
                    let second = stack.pop();
                    two.of(stack.pop(), second)
                }
                Step::Select => {
                    let (otherwise, value) = (stack.pop(), stack.pop());
                    if stack.pop() == 0.0 { otherwise } else { value }
                }
            };
            // No step gives NaN of finite numbers but by overflow, and what is 0 / 0 has been caught.
            stack.push(if value.is_nan() { 0.0 } else { value.clamp(-VALUE_MAX, VALUE_MAX) });
        }
        stack.pop()
    }
}

/// Numbers in a checked program never over- or underflow it; if they did, they would count as 0.
struct Stack {
    numbers: [f64; FORMULA_DEPTH_MAX],
    n: usize,
}

impl Stack {
    fn pop(&mut self) -> f64 {
        self.n = self.n.saturating_sub(1);
        self.numbers.get(self.n).copied().unwrap_or(0.0)
    }

    fn push(&mut self, number: f64) {
        if let Some(slot) = self.numbers.get_mut(self.n) {
            *slot = number;
            self.n = self.n.saturating_add(1);
        }
    }
}

fn truth(it: bool) -> f64 {
    f64::from(u8::from(it))
}

impl One {
    fn of(self, x: f64) -> f64 {
        match self {
            Self::Negative => -x,
            Self::Not => truth(x == 0.0),
            Self::Abs => x.abs(),
            Self::Ln if x > 0.0 => libm::log(x),
            Self::Sqrt if x > 0.0 => libm::sqrt(x),
            Self::Ln | Self::Sqrt => 0.0,
            Self::Exp => libm::exp(x),
        }
    }
}

impl Two {
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide if b == 0.0 => 0.0,
            Self::Divide => a / b,
            Self::Min => a.min(b),
            Self::Max => a.max(b),
            Self::Less => truth(a < b),
            Self::AtMost => truth(a <= b),
            Self::Equal => truth(a == b),
            Self::And => truth(a != 0.0 && b != 0.0),
            Self::Or => truth(a != 0.0 || b != 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    struct Nothing;
    impl Terms for Nothing {
        fn number(&self, attribute: AttributeIdx) -> Option<f64> {
            (attribute.0 == 0).then_some(7.0)
        }
        fn passes(&self, attribute: AttributeIdx, _: &Test) -> bool {
            attribute.0 == 0
        }
        fn offer(&self, _: OfferField) -> f64 {
            2.5
        }
    }

    use Step::{Attribute, Number, Offer, Select};

    #[track_caller]
    fn gives(steps: Vec<Step>, expected: f64) {
        assert_eq!(Formula::new(steps).unwrap().value(&Nothing), expected);
    }

    #[test]
    fn steps_do_what_they_say() {
        let two = |a, two, b| vec![Number(a), Number(b), Step::Two(two)];
        gives(two(7.0, Two::Subtract, 2.0), 5.0);
        gives(two(7.0, Two::Divide, 2.0), 3.5);
        gives(two(7.0, Two::Divide, 0.0), 0.0);
        gives(two(1e15, Two::Multiply, 1e15), VALUE_MAX);
        gives(two(1.0, Two::Less, 2.0), 1.0);
        gives(two(2.0, Two::AtMost, 2.0), 1.0);
        gives(two(2.0, Two::And, 0.0), 0.0);
        gives(two(2.0, Two::Or, 0.0), 1.0);
        let one = |a, one| vec![Number(a), Step::One(one)];
        gives(one(-4.0, One::Sqrt), 0.0);
        gives(one(0.0, One::Ln), 0.0);
        gives(one(1e9, One::Exp), VALUE_MAX);
        gives(one(0.0, One::Not), 1.0);
        gives(vec![Number(9.0), Attribute(AttributeIdx(0))], 7.0);
        gives(vec![Number(9.0), Attribute(AttributeIdx(1))], 9.0);
        gives(vec![Step::Test(AttributeIdx(0), Test::Exists), Number(3.0), Number(4.0), Select], 3.0);
        gives(vec![Number(0.0), Number(3.0), Offer(OfferField::Margin), Select], 2.5);
    }

    #[test]
    fn what_is_no_program() {
        let error = |steps| Formula::new(steps).unwrap_err();
        assert_eq!(error(vec![]), FormulaError::Unbalanced);
        assert_eq!(error(vec![Number(1.0), Number(1.0)]), FormulaError::Unbalanced);
        assert_eq!(error(vec![Number(1.0), Step::Two(Two::Add)]), FormulaError::Unbalanced);
        assert_eq!(error(vec![Attribute(AttributeIdx(0))]), FormulaError::Unbalanced);
        assert_eq!(error(vec![Number(f64::NAN)]), FormulaError::NotFinite);
        assert_eq!(error(vec![Number(1.0); 33]), FormulaError::TooDeep);
        assert_eq!(error(vec![Number(1.0); 513]), FormulaError::TooLong);
    }

    fn any_step() -> impl Strategy<Value = Step> {
        use {One::*, Two::*};
        let ones = vec![Negative, Not, Abs, Ln, Exp, Sqrt];
        let twos = vec![Add, Subtract, Multiply, Divide, Min, Max, Less, AtMost, Equal, And, Or];
        prop_oneof![
            prop_oneof![Just(0.0), Just(-0.0), Just(1e300), Just(-1e300), any::<f64>()].prop_map(Number),
            (0u16..2).prop_map(|it| Attribute(AttributeIdx(it))),
            Just(Offer(OfferField::Items)),
            prop::sample::select(ones).prop_map(Step::One),
            prop::sample::select(twos).prop_map(Step::Two),
            Just(Select),
        ]
    }

    proptest! {
        #[test]
        fn every_program_gives_a_finite_number(steps in prop::collection::vec(any_step(), 1..60)) {
            if let Ok(formula) = Formula::new(steps) {
                let value = formula.value(&Nothing);
                prop_assert!(value.is_finite() && value.abs() <= VALUE_MAX, "{value}");
            }
        }
    }
}
