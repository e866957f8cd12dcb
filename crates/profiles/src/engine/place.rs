//! Where the queries of steps run: in this process or on a cluster. Queries are planned here all the same, and results are
//! written and read here.

use super::text;
use crate::{BuildError, ClusterUrl};
use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::runtime_env::RuntimeEnv;
use std::sync::Arc;

/// Where a query runs.
pub(super) enum Place {
    /// In this process.
    Here,
    /// On a cluster of Apache DataFusion Ballista.
    #[cfg(feature = "cluster")]
    Cluster(cluster::Cluster),
}

impl Place {
    /// A cluster, once its scheduler answers.
    ///
    /// Errors: nothing answers at the address, or the feature `cluster` was left out.
    #[cfg(feature = "cluster")]
    pub(super) fn cluster(url: &ClusterUrl, environment: &Arc<RuntimeEnv>) -> Result<Self, BuildError> {
        cluster::Cluster::of(url, environment).map(Self::Cluster)
    }

    #[cfg(not(feature = "cluster"))]
    pub(super) fn cluster(_: &ClusterUrl, _: &Arc<RuntimeEnv>) -> Result<Self, BuildError> {
        Err(BuildError::Option {
            option: "cluster",
            what: "is nothing that this program can use; build it with the feature `cluster` \
                   (cargo build -p vitrine-cli --features cluster), or build on one machine"
                .into(),
        })
    }

    /// How often a query is tried. A cluster may lose a machine after a query is done and before its result is fetched.
    pub(super) fn n_tries_max(&self) -> u32 {
        match self {
            Self::Here => 1,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => 3,
        }
    }

    /// Runs a query.
    pub(super) async fn run(&self, query: DataFrame) -> Result<SendableRecordBatchStream, String> {
        match self {
            Self::Here => query.execute_stream().await.map_err(text),
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.run(query).await,
        }
    }
}

#[cfg(feature = "cluster")]
mod cluster {
    use super::super::{config, text};
    use crate::{BuildError, ClusterUrl};
    use ballista::prelude::SessionContextExt;
    use datafusion::common::tree_node::TreeNodeRecursion;
    use datafusion::dataframe::DataFrame;
    use datafusion::execution::runtime_env::RuntimeEnv;
    use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
    use datafusion::logical_expr::LogicalPlan;
    use datafusion::prelude::SessionContext;
    use std::net::{TcpStream, ToSocketAddrs};
    use std::sync::Arc;
    use std::time::Duration;

    /// Tasks of a query at a time, at most: what a cluster of a few machines can use.
    const PARTITIONS: usize = 16;
    /// Longest wait for the scheduler.
    const ANSWER_MAX: Duration = Duration::from_secs(10);

    /// A cluster's session.
    pub(in super::super) struct Cluster {
        context: SessionContext,
    }

    impl Cluster {
        pub(super) fn of(url: &ClusterUrl, environment: &Arc<RuntimeEnv>) -> Result<Self, BuildError> {
            let failed = |reason: String| BuildError::Step { step: "cluster".into(), reason };
            reach(url)
                .map_err(|error| failed(format!("{url} does not answer ({error}); is its scheduler running?")))?;
            let state = SessionStateBuilder::new()
                .with_config(config(PARTITIONS))
                .with_runtime_env(Arc::clone(environment))
                .with_default_features()
                .build();
            let address = url.to_string();
            let session = SessionContext::remote_with_state(&address, state);
            let context = futures::executor::block_on(session).map_err(|error| failed(text(error)))?;
            Ok(Self { context })
        }

        /// Runs a query that was planned in another session: only the way of the rows is different.
        pub(super) async fn run(&self, query: DataFrame) -> Result<SendableRecordBatchStream, String> {
            let optimized = query.clone().into_optimized_plan().map_err(text)?;
            if !reads_files(&optimized).map_err(text)? {
                // It is not worth a journey, and a plan loses the columns of a table without rows on its way.
                return query.execute_stream().await.map_err(text);
            }
            let (_, plan) = query.into_parts();
            let there = DataFrame::new(self.context.state(), plan);
            there.execute_stream().await.map_err(text)
        }
    }

    fn reach(url: &ClusterUrl) -> Result<(), String> {
        let addresses = (url.host(), url.port()).to_socket_addrs().map_err(|error| error.to_string())?;
        let mut why = "it has no address".to_owned();
        for address in addresses {
            match TcpStream::connect_timeout(&address, ANSWER_MAX) {
                Ok(_) => return Ok(()),
                Err(error) => why = error.to_string(),
            }
        }
        Err(why)
    }

    fn reads_files(plan: &LogicalPlan) -> datafusion::error::Result<bool> {
        let mut found = false;
        plan.apply_with_subqueries(|node| {
            found |= matches!(node, LogicalPlan::TableScan(_));
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        Ok(found)
    }
}
