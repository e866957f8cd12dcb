//! Conditions: who a rule is for.
//!
//! A condition is compiled into a tree once and evaluated with three values: what rests on an operator or a kind of saved
//! group that this crate does not know is neither true nor false, and stays so under `$not`. What is malformed fails the
//! whole condition, wherever it stands.

mod compile;
mod operator;
mod order;
mod path;
mod pattern;
mod values;
mod version;

use crate::groups::{Groups, Reference};
use crate::json::Json;
use std::cell::Cell;
use std::ops::Not;

pub(crate) use compile::{Compiler, Scope};
pub(crate) use operator::Test;
pub(crate) use path::{Path, Subject};
pub(crate) use pattern::{Case, compile as compile_pattern};
pub(crate) use values::{KeyHasher, Values};

/// Longest chain of saved groups that refer to each other. Unit: groups.
const TRAIL_MAX: u32 = 128;
/// Saved groups that one condition may evaluate, each counted as often as it is referred to.
const GROUPS_MAX: u32 = 4_096;
/// Deepest nesting of conditions, through saved groups too.
const NESTING_MAX: u32 = 1_024;

/// How a condition, or a part of it, turns out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passes,
    Fails,
    /// It rests on something that this crate does not know.
    Unknown,
}

impl From<bool> for Verdict {
    fn from(passes: bool) -> Self {
        if passes { Self::Passes } else { Self::Fails }
    }
}

impl Not for Verdict {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Passes => Self::Fails,
            Self::Fails => Self::Passes,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// The condition cannot be evaluated: it is malformed, or would take without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// A verdict, if there can be one.
pub(crate) type Answer = Result<Verdict, Broken>;

/// A compiled condition: all entries must pass.
#[derive(Clone, Debug)]
pub(crate) struct Condition(Result<Vec<Entry>, Broken>);

/// One entry of a condition.
#[derive(Clone, Debug)]
enum Entry {
    /// `$and`.
    All(Vec<Condition>),
    /// `$or`.
    Any(Vec<Condition>),
    /// `$nor`.
    None(Vec<Condition>),
    /// `$not`.
    Not(Condition),
    /// `$savedGroup`.
    Group(Reference),
    /// What never passes: `$savedGroups`, a reference that is none.
    Never,
    /// What fails the whole condition.
    Broken,
    /// A path of the subject, and a test of the value there.
    Attribute(Path, Test),
}

/// Where in an evaluation we are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    pub(crate) subject: Subject<'p>,
    pub(crate) groups: &'p Groups,
    trail: Option<&'p Trail<'p>>,
    nesting: u32,
    /// Saved groups that may still be evaluated.
    n_groups_left: &'p Cell<u32>,
}

/// The saved groups that the evaluation is inside of.
#[derive(Debug)]
struct Trail<'p> {
    id: &'p str,
    up: Option<&'p Trail<'p>>,
    n_groups: u32,
}

impl<'p> Place<'p> {
    /// One level deeper.
    pub(crate) fn deeper(self) -> Result<Self, Broken> {
        match self.nesting < NESTING_MAX {
            true => Ok(Self { nesting: self.nesting.saturating_add(1), ..self }),
            false => Err(Broken),
        }
    }

    /// The same evaluation, of an element of an array.
    pub(crate) fn of(self, element: &'p Json) -> Self {
        Self { subject: Subject::Element(element), ..self }
    }

    /// Evaluates the condition of the saved group `id`. A group inside of itself matches nobody.
    pub(crate) fn enter(self, id: &'p str, condition: &Condition) -> Answer {
        let mut up = self.trail;
        while let Some(trail) = up {
            if trail.id == id {
                return Ok(Verdict::Fails);
            }
            up = trail.up;
        }
        let n_groups = self.trail.map_or(0, |trail| trail.n_groups).saturating_add(1);
        let left = self.n_groups_left.get().checked_sub(1).filter(|_| n_groups <= TRAIL_MAX).ok_or(Broken)?;
        self.n_groups_left.set(left);
        let trail = Trail { id, up: self.trail, n_groups };
        condition.eval(Place { trail: Some(&trail), ..self })
    }
}

/// Evaluates from the outside: nothing is counted yet.
pub(crate) fn ask(subject: Subject<'_>, groups: &Groups, eval: impl FnOnce(Place<'_>) -> Answer) -> Answer {
    let n_groups_left = Cell::new(GROUPS_MAX);
    eval(Place { subject, groups, trail: None, nesting: 0, n_groups_left: &n_groups_left })
}

impl Condition {
    /// Whether `subject` fulfils the condition.
    #[inline]
    pub(crate) fn passes(&self, subject: Subject<'_>, groups: &Groups) -> bool {
        ask(subject, groups, |place| self.eval(place)) == Ok(Verdict::Passes)
    }

    pub(crate) fn eval(&self, place: Place<'_>) -> Answer {
        let entries = self.0.as_ref().map_err(|broken| *broken)?;
        let place = place.deeper()?;
        all(entries.iter().map(|entry| entry.eval(place)))
    }
}

impl Entry {
    fn eval(&self, place: Place<'_>) -> Answer {
        match self {
            Self::All(conditions) => all(conditions.iter().map(|condition| condition.eval(place))),
            Self::Any(conditions) => any_of(conditions, place),
            Self::None(conditions) => any_of(conditions, place).map(Verdict::not),
            Self::Not(condition) => condition.eval(place).map(Verdict::not),
            Self::Group(reference) => reference.eval(place),
            Self::Never => Ok(Verdict::Fails),
            Self::Broken => Err(Broken),
            Self::Attribute(path, test) => test.eval(&place.subject.get(path), place),
        }
    }
}

/// `$or`, which passes if it is empty.
fn any_of(conditions: &[Condition], place: Place<'_>) -> Answer {
    match conditions {
        [] => Ok(Verdict::Passes),
        _ => any(conditions.iter().map(|condition| condition.eval(place))),
    }
}

/// Fails with the first that fails, without looking at the others.
#[inline]
pub(crate) fn all(answers: impl Iterator<Item = Answer>) -> Answer {
    first_of(answers, Verdict::Fails, Verdict::Passes)
}

/// Passes with the first that passes, without looking at the others.
#[inline]
pub(crate) fn any(answers: impl Iterator<Item = Answer>) -> Answer {
    first_of(answers, Verdict::Passes, Verdict::Fails)
}

#[inline]
fn first_of(answers: impl Iterator<Item = Answer>, decides: Verdict, otherwise: Verdict) -> Answer {
    let mut verdict = otherwise;
    for answer in answers {
        match answer? {
            answer if answer == decides => return Ok(answer),
            Verdict::Unknown => verdict = Verdict::Unknown,
            Verdict::Passes | Verdict::Fails => {}
        }
    }
    Ok(verdict)
}
