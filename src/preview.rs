//! Previews at the edge: a call that carries one is answered with what it shows, is never counted, and is not for search engines.

use std::rc::Rc;

use vitrine_api::{
    BundleState, FlagState, PREVIEW_HEADER, PREVIEW_PARAMETER, PreviewToken, Problem, ProblemCode, Snapshot,
    TokenError, preview_key,
};
use vitrine_engine::TimestampMs;
use vitrine_rim::kv::Kv;
use vitrine_rim::query;
use vitrine_rim::settings::Settings;
use worker::{Context, Env, Request, Response, Result};

use crate::snapshot::{self, Held};

/// Why a preview is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotShown {
    /// The token does not hold.
    Token(TokenError),
    /// This deployment signs nothing.
    NoKey,
    /// The draft cannot be read now.
    NotNow,
}

impl NotShown {
    /// In words for the caller.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Token(TokenError::Stale) => "the preview has expired: ask for another one",
            Self::Token(_) => "this is no preview of this shop",
            Self::NoKey => "previews need the secret TOKEN_KEY",
            Self::NotNow => "the draft of the preview cannot be read now; try again",
        }
    }
}

impl From<NotShown> for Problem {
    fn from(why: NotShown) -> Self {
        let code = match why {
            NotShown::Token(_) | NotShown::NoKey => ProblemCode::Unauthorized,
            NotShown::NotNow => ProblemCode::TooManyRequests,
        };
        Self::new(code, why.detail())
    }
}

/// The preview that a call carries, if any.
///
/// Errors: it does not hold.
pub fn of(request: &Request, env: &Env, now_ms: u64) -> std::result::Result<Option<PreviewToken>, NotShown> {
    let url = request.inner().url();
    let text = match request.headers().get(PREVIEW_HEADER).ok().flatten() {
        Some(text) => text,
        None if !url.contains(PREVIEW_PARAMETER) => return Ok(None),
        None => match query::pairs(&url).find(|(name, _)| name == PREVIEW_PARAMETER) {
            Some((_, text)) => text.into_owned(),
            None => return Ok(None),
        },
    };
    let settings = Settings::of(env);
    let keys = settings.token_keys.as_ref().ok_or(NotShown::NoKey)?;
    let now = TimestampMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
    PreviewToken::verify(text.trim(), keys, now).map(Some).map_err(NotShown::Token)
}

/// What a preview is a preview of: what runs in its environment, or its draft beside the same table.
///
/// Errors: the draft cannot be read.
pub async fn held(
    preview: &PreviewToken,
    env: &Env,
    ctx: &Context,
    now_ms: u64,
) -> std::result::Result<Held, NotShown> {
    let held = snapshot::current(&preview.environment, env, ctx, now_ms).await;
    let Some(id) = &preview.draft else { return Ok(held) };
    let bundle = Rc::new(draft(id, env).await.map_err(|why| {
        worker::console_error!("{}: {why}", preview_key(id));
        NotShown::NotNow
    })?);
    let pointer = held.bundle_pointer.as_deref().cloned().unwrap_or_default();
    Ok(Held {
        flags: Some(Rc::new(FlagState::new(bundle.clone(), &pointer))),
        snapshot: Rc::new(Snapshot::new(
            Some(bundle.clone()),
            held.snapshot.table_slot().clone(),
            held.snapshot.killed(),
        )),
        sold_out: snapshot::sold_out(&held.stock, Some(&bundle)),
        is_unread: false,
        ..held
    })
}

async fn draft(id: &str, env: &Env) -> std::result::Result<BundleState, String> {
    let kv = Kv::of(env).ok_or("the Worker has no KV namespace bound as VITRINE")?;
    let bytes = kv.get_immutable(&preview_key(id)).await.map_err(|error| error.to_string())?;
    BundleState::load(&bytes.ok_or("it is gone")?.to_vec())
}

/// Marks an answer as a preview.
pub fn mark(response: Response) -> Result<Response> {
    response.headers().set("x-robots-tag", "noindex, nofollow")?;
    response.headers().set("vitrine-preview", "shown")?;
    Ok(response)
}
