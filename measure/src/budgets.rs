//! Calls of the object that owns caps and budgets.

use vitrine_ledger::{BudgetCall, Cost};
use vitrine_rim::objects;
use worker::{Env, console_error};

/// Tells the object what a shard of the ledger has counted of campaigns. A failure is logged: the next event of the campaign in
/// that shard tells it all.
pub async fn charge(env: &Env, environment: &str, shard: u32, costs: Vec<Cost>) {
    let told = async {
        let call = serde_json::to_string(&BudgetCall::Charge { shard, costs })?;
        objects::ask(env, "BUDGET", environment, &call).await
    };
    if let Err(error) = told.await {
        console_error!("budget of {environment}: {error}");
    }
}
