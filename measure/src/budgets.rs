//! Calls of the object that owns caps and budgets.

use vitrine_ledger::{BudgetCall, Cost};
use worker::{Env, Method, Request, RequestInit, console_error};

/// Tells the object what a shard of the ledger has counted of campaigns. A failure is logged: the next event of the campaign in
/// that shard tells it all.
pub async fn charge(env: &Env, environment: &str, shard: u32, costs: Vec<Cost>) {
    let told = async {
        let stub = env.durable_object("BUDGET")?.get_by_name(environment)?;
        let call = serde_json::to_string(&BudgetCall::Charge { shard, costs })?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(call.into()));
        let mut response = stub.fetch_with_request(Request::new_with_init("https://budget/", &init)?).await?;
        let text = response.text().await?;
        if response.status_code() == 200 { Ok(()) } else { Err(worker::Error::RustError(text)) }
    };
    if let Err(error) = told.await {
        console_error!("budget of {environment}: {error}");
    }
}
