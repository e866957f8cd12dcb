//! A cluster of Apache DataFusion Ballista: its session, and the jobs that queries are to it.

use super::super::{config, text};
use super::last_columns::LastColumns;
use super::{patience, portable};
use crate::{BuildError, ClusterUrl};
use ballista::prelude::{SessionConfigExt, SessionContextExt};
use ballista_core::config::{BALLISTA_ADAPTIVE_PLANNER_ENABLED, BALLISTA_JOB_NAME};
use ballista_core::execution_plans::DistributedQueryExec;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{CancelJobParams, GetJobMetricsParams};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::dataframe::DataFrame;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionContext;
use datafusion_proto::protobuf::LogicalPlanNode;
use std::future::Future;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Tasks of a query at a time, at most: what a cluster of a few machines can use.
const PARTITIONS: usize = 16;
/// Longest wait for an answer of the scheduler.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Longest answer: all operators of a query with their metrics. Unit: bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A cluster's session.
pub(in super::super) struct Cluster {
    url: ClusterUrl,
    context: SessionContext,
    /// The functions that its executors know.
    known: BallistaFunctionRegistry,
    patience: Duration,
    has_given_up: Arc<AtomicBool>,
}

impl Cluster {
    pub(super) fn of(url: &ClusterUrl, patience: Duration, environment: &Arc<RuntimeEnv>) -> Result<Self, BuildError> {
        let failed = |reason: String| BuildError::Step { step: "cluster".into(), reason };
        reach(url).map_err(|error| failed(format!("{url} does not answer ({error}); is its scheduler running?")))?;
        let config = config(PARTITIONS)
            .upgrade_for_ballista()
            // The adaptive planner of 55.0.0 leaves the branches of a UNION in one stage even where a branch collects its rows
            // (to sort them, to join them): each task then runs each branch, and rows come several times. The static one cuts
            // such branches off.
            .set_bool(BALLISTA_ADAPTIVE_PLANNER_ENABLED, false);
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(environment))
            .with_default_features()
            .build();
        let session = futures::executor::block_on(SessionContext::remote_with_state(&url.to_string(), state));
        let context = session.map_err(|error| failed(text(error)))?;
        let known = BallistaFunctionRegistry::default();
        Ok(Self { url: url.clone(), context, known, patience, has_given_up: Arc::default() })
    }

    /// Whether a job was taken back because nothing of it moved.
    pub(super) fn has_given_up(&self) -> bool {
        self.has_given_up.load(Ordering::Relaxed)
    }

    /// Runs a query that was planned in another session: only the way of the rows is different. Of one that ends in lists all
    /// but these is done there.
    pub(super) async fn run(&self, step: &str, query: DataFrame) -> Result<SendableRecordBatchStream, String> {
        let optimized = query.clone().into_optimized_plan().map_err(text)?;
        if self.takes(&optimized).map_err(text)? {
            return self.send(step, query).await;
        }
        let columns = query.clone().create_physical_plan().await.map_err(text)?.schema();
        match &optimized {
            LogicalPlan::Projection(last) if self.takes(&last.input).map_err(text)? => {
                let (state, _) = query.into_parts();
                let last_columns = LastColumns::new(last, &state, columns).map_err(text)?;
                let rows = DataFrame::new(state, LogicalPlan::clone(&last.input));
                Ok(last_columns.of(self.send(step, rows).await?))
            }
            _ => query.execute_stream().await.map_err(text),
        }
    }

    async fn send(&self, step: &str, query: DataFrame) -> Result<SendableRecordBatchStream, String> {
        // Columns as a run here has them: a cluster's plan may say of one that it can be empty, where a plan here knows better.
        let columns = query.clone().create_physical_plan().await.map_err(text)?.schema();
        let (_, plan) = query.into_parts();
        let mut state = self.context.state();
        let named = state.config().clone().set_str(BALLISTA_JOB_NAME, step);
        *state.config_mut() = named;
        let plan = state.optimize(&plan).and_then(portable::portable).map_err(text)?;
        let plan = state.query_planner().create_physical_plan(&plan, &state).await.map_err(text)?;
        let rows = execute_stream(Arc::clone(&plan), Arc::new(TaskContext::from(&state))).map_err(text)?;
        let job =
            Job { url: self.url.clone(), plan, patience: self.patience, has_given_up: Arc::clone(&self.has_given_up) };
        Ok(patience::rows_of(job, rows, columns))
    }

    /// Whether a query runs there. One that reads no file is not worth a journey, and the executors of 55.0.0 know no functions
    /// of lists (`array_sort`, `make_array`), only aggregates that make some (`array_agg`).
    fn takes(&self, plan: &LogicalPlan) -> datafusion::error::Result<bool> {
        let (mut reads_files, mut knows_all) = (false, true);
        plan.apply_with_subqueries(|node| {
            reads_files |= matches!(node, LogicalPlan::TableScan(_));
            node.apply_expressions(|expr| {
                expr.apply(|part| {
                    if let Expr::ScalarFunction(call) = part {
                        knows_all &= self.known.scalar_functions.contains_key(call.name());
                    }
                    Ok(TreeNodeRecursion::Continue)
                })
            })
        })?;
        Ok(reads_files && knows_all)
    }
}

/// A query on its cluster.
pub(super) struct Job {
    url: ClusterUrl,
    /// Knows the job's number.
    plan: Arc<dyn ExecutionPlan>,
    patience: Duration,
    has_given_up: Arc<AtomicBool>,
}

impl Job {
    /// How long to wait for a sign of it.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Stages that are done now; `None` if the scheduler cannot say.
    pub(super) async fn stages_done(&self) -> Option<usize> {
        let job_id = self.id()?;
        let metrics = async {
            let client = SchedulerGrpcClient::connect(self.scheduler()).await.ok()?;
            let mut client = client.max_decoding_message_size(ANSWER_BYTES_MAX);
            client.get_job_metrics(GetJobMetricsParams { job_id }).await.ok()
        };
        Some(answer(metrics).await?.into_inner().stages.len())
    }

    /// Takes the job back, and says why.
    pub(super) async fn give_up(&self) -> String {
        self.has_given_up.store(true, Ordering::Relaxed);
        if let Some(job_id) = self.id() {
            let cancelled = async {
                let mut client = SchedulerGrpcClient::connect(self.scheduler()).await.ok()?;
                client.cancel_job(CancelJobParams { job_id }).await.ok()
            };
            // If it cannot be reached, there is nobody to tell.
            answer(cancelled).await;
        }
        let minutes = self.patience.as_secs().div_ceil(60);
        format!(
            "nothing moved for {minutes} min, so it was given up; has the cluster executors, and what do its logs say?"
        )
    }

    /// What went wrong, where, and how to go on.
    pub(super) fn complaint(&self, error: &str) -> String {
        format!(
            "on the cluster {}: {error} (a build with --work goes on after its last finished step, with --cluster or without)",
            self.url
        )
    }

    /// Its number, once the scheduler has given it one.
    fn id(&self) -> Option<String> {
        let query = self.plan.downcast_ref::<DistributedQueryExec<LogicalPlanNode>>()?;
        query.job_id().map(|id| id.to_string())
    }

    fn scheduler(&self) -> String {
        self.url.to_string().replacen("df:", "http:", 1)
    }
}

async fn answer<T>(asked: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::time::timeout(ANSWER_MAX, asked).await.ok().flatten()
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
