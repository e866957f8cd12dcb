//! From a shop's raw orders to a profile table.
//!
//! [`build`] reads order lines (CSV or Parquet) through a [`Mapping`], cleans them, computes one row of features a
//! customer and neighbour lists of items, and writes a directory that `vitrine tables publish` uploads. Cleaning and
//! features are SQL that a data person can read: `sql/*.sql` of this crate, one file a step.
//!
//! The same input and options give the same bytes. Nothing here knows the time of day.
//!
//! ```no_run
//! use vitrine_profiles::{BuildOptions, Mapping, Silent, TableKey, build};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = TableKey::from_hex("000102030405060708090a0b0c0d0e0f")?;
//! let options = BuildOptions::new(vec!["orders.csv".into()], Mapping::builtin("vitrine-demo")?, "build/profiles".into(), key);
//! let built = build(&options, &mut Silent)?;
//! println!("{} customers in table {}", built.report.customers, built.manifest.build);
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

mod build;
mod cluster_url;
mod clv;
mod compile;
mod csv_out;
mod diff;
mod engine;
mod error;
mod evaluate;
mod explain;
mod features;
mod finished;
mod labels;
mod learned;
mod lineage;
mod lookalike;
mod neighbours;
mod options;
mod progress;
mod rank;
mod reading;
mod report;
mod schema;
mod sources;
mod stages;
mod table;

pub use build::{Built, build};
pub use cluster_url::{ClusterUrl, ClusterUrlError};
pub use clv::{ClvFound, ClvOptions, ClvTotal, Terms, clv};
pub use compile::{CompileOptions, Compiled, compile};
pub use diff::{Difference, FigureDifference, ModelDifference, Moved, Pair, diff};
pub use error::BuildError;
pub use evaluate::{
    Cancellations, Chosen, Estimate, EvaluateOptions, Evaluated, Evaluation, Mode, ModeEvaluated, Trial, evaluate,
    mode_name,
};
pub use explain::{ReadError, Said, explain};
pub use features::declared_labels;
pub use labels::{FeatureFile, Label, LabelError, LabelState, LabelType, Names, Registry, Sensitivity};
pub use learned::{Clusters, ModelOptions, ModelReport, ModelSection, ModelState};
pub use lookalike::{LookalikeMethod, LookalikeOptions, Lookalikes, lookalike};
pub use options::{AsOf, AsOfError, BuildOptions, NeighbourOptions};
pub use progress::{Progress, Silent, Stage};
pub use rank::{FeatureRank, FeatureRanking, RankOptions, Ranked, rank};
pub use report::{
    Bin, CastFailures, Distribution, Drift, Example, FeedReport, IdentityReport, JoinReport, KindReport, LambdaTried,
    ListsMethod, Metrics, MissingShare, Money, NeighbourReport, Netting, PolicyCount, Quality, Reason, ReasonCount,
    Report, Rows, ScaleParameters, SegmentCount, SourceFile, SuggestedWeights, TableReport, WeightsTried,
};
pub use schema::{SchemaColumn, schema};
pub use sources::IdentityRule;
pub use stages::StageRun;
pub use vitrine_intake::{BUILTIN_MAPPINGS, DocumentError, Mapping, Shop};
pub use vitrine_tables::{Manifest, TableKey};
