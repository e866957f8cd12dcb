//! `PUT /v1/admin/stock`: which items are sold out. Not a change of the configuration: it is not in the log of changes, because shops
//! send it every few minutes.

use serde::Deserialize;
use serde_json::json;
use vitrine_api::{Problem, ProblemCode, SOLD_OUT_MAX, STOCK_ITEM_BYTES_MAX, STOCK_KEY, Stock};
use vitrine_engine::TimestampMs;
use vitrine_rim::kv::Kv;
use vitrine_rim::respond;
use worker::{Date, Env, console_error};

use super::Answered;

/// Greatest body. Unit: bytes.
pub const BODY_BYTES_MAX: usize = 8 << 20;

/// The list as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StockList {
    sold_out: Vec<String>,
}

/// Publishes a list: it takes the place of the one before, whole.
pub async fn put(list: StockList, env: &Env) -> Answered {
    let StockList { sold_out } = list;
    if sold_out.len() > SOLD_OUT_MAX {
        let detail = format!("{} items are sold out, at most {SOLD_OUT_MAX} are taken", sold_out.len());
        return Err(Problem::field("/sold_out", "too_many", detail));
    }
    for (at, item) in sold_out.iter().enumerate() {
        if item.is_empty() || item.len() > STOCK_ITEM_BYTES_MAX || item.contains(char::is_control) {
            let detail = format!("an item is named by 1 to {STOCK_ITEM_BYTES_MAX} bytes in one line");
            return Err(Problem::field(format!("/sold_out/{at}"), "invalid_field", detail));
        }
    }
    let now_ms = Date::now().as_millis();
    let stock = Stock::new(now_ms, sold_out);
    let failed = |why: String| {
        console_error!("{STOCK_KEY}: {why}");
        Problem::new(ProblemCode::Unavailable, "the list could not be stored; try again")
    };
    let kv = Kv::of(env).ok_or_else(|| failed("the Worker has no KV namespace bound as VITRINE".to_owned()))?;
    kv.put(STOCK_KEY, stock.to_text().as_bytes()).await.map_err(|error| failed(error.to_string()))?;
    let published_at = TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX)).to_string();
    Ok(respond::json(200, json!({ "published_at": published_at, "sold_out": stock.n_sold_out() }).to_string()))
}
