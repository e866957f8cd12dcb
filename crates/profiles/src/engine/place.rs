//! Where the queries of steps run: in this process or on a cluster. Queries are planned here all the same, and results are
//! written and read here.

#[cfg(feature = "cluster")]
mod cluster;
#[cfg(feature = "cluster")]
mod last_columns;
#[cfg(feature = "cluster")]
mod patience;
#[cfg(feature = "cluster")]
mod portable;

use super::text;
use crate::{BuildError, ClusterUrl};
use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::runtime_env::RuntimeEnv;
use std::sync::Arc;
use std::time::Duration;

/// Where a query runs.
pub(super) enum Place {
    /// In this process.
    Here,
    /// On a cluster of Apache DataFusion Ballista.
    #[cfg(feature = "cluster")]
    Cluster(Box<cluster::Cluster>),
}

impl Place {
    /// A cluster, once its scheduler answers. A step of which nothing moves for `patience` is given up.
    ///
    /// Errors: nothing answers at the address, or the feature `cluster` was left out.
    #[cfg(feature = "cluster")]
    pub(super) fn cluster(
        url: &ClusterUrl,
        patience: Duration,
        environment: &Arc<RuntimeEnv>,
    ) -> Result<Self, BuildError> {
        cluster::Cluster::of(url, patience, environment).map(Box::new).map(Self::Cluster)
    }

    #[cfg(not(feature = "cluster"))]
    pub(super) fn cluster(_: &ClusterUrl, _: Duration, _: &Arc<RuntimeEnv>) -> Result<Self, BuildError> {
        Err(BuildError::Option {
            option: "cluster",
            what: "is nothing that this program can use; build it with the feature `cluster` \
                   (cargo build -p vitrine-cli --features cluster), or build on one machine"
                .into(),
        })
    }

    /// Whether a query that failed is tried once more after `n_tries`. A cluster may lose a machine after a query is done and
    /// before its result is fetched; one on which nothing moves any more is not asked again.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "only a cluster asks"))]
    pub(super) fn tries_again(&self, n_tries: u32) -> bool {
        match self {
            Self::Here => false,
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => n_tries < 3 && !cluster.has_given_up(),
        }
    }

    /// Runs the query of a step.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "only a cluster asks"))]
    pub(super) async fn run(&self, step: &str, query: DataFrame) -> Result<SendableRecordBatchStream, String> {
        match self {
            Self::Here => query.execute_stream().await.map_err(text),
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.run(step, query).await,
        }
    }
}
