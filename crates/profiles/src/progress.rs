//! How far a build has come. Who shows it, and how, is the caller's matter.

/// A stage of a build, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Order files are read and cast. Unit of progress: files.
    Read,
    /// Rows are checked, de-duplicated and netted. Unit of progress: SQL steps.
    Clean,
    /// Features are computed. Unit of progress: SQL steps.
    Features,
    /// Item neighbour lists are tuned and fitted. Unit of progress: fits.
    Neighbours,
    /// Rows are encoded. Unit of progress: customers.
    Encode,
    /// Shards are written and read back. Unit of progress: shards.
    Write,
    /// Rankers are fitted and measured: not of a build, but of an evaluation. Unit of progress: fits, choices and rankers.
    Evaluate,
}

impl Stage {
    /// All stages of a build, in order.
    pub const ALL: [Self; 6] = [Self::Read, Self::Clean, Self::Features, Self::Neighbours, Self::Encode, Self::Write];

    /// Two or three words for a person, lower case.
    pub fn label(self) -> &'static str {
        match self {
            Self::Read => "reading orders",
            Self::Clean => "cleaning",
            Self::Features => "computing features",
            Self::Neighbours => "fitting neighbours",
            Self::Encode => "encoding rows",
            Self::Write => "writing shards",
            Self::Evaluate => "evaluating",
        }
    }
}

/// Hears how a build comes along.
pub trait Progress {
    /// `done` of `of` parts of a stage are done; the unit is the stage's. Called at least with `done == 0` and with
    /// `done == of`, and never after a later stage has begun.
    fn advance(&mut self, stage: Stage, done: u64, of: u64);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn advance(&mut self, _stage: Stage, _done: u64, _of: u64) {}
}
