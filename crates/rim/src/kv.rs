//! KV, read so that values stay in JavaScript's memory: a shard is copied into wasm only to be checked, then row by row.

use std::cell::{Cell, OnceCell};
use std::time::Duration;

use futures_util::future::{Either, select};
use js_sys::{Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use worker::{Delay, Env};

use crate::settings::Settings;

/// Seconds that the edge may keep what never changes: a week.
pub const TTL_IMMUTABLE: u32 = 7 * 86_400;
/// Seconds that the edge may keep what changes: the least that KV takes.
pub const TTL_RECENT: u32 = 30;

thread_local! {
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// Reads of KV by this part of the Worker since the isolate started.
pub fn reads() -> u64 {
    READS.get()
}

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type Binding;

    #[wasm_bindgen(method, catch)]
    fn get(this: &Binding, key: &str, options: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn put(this: &Binding, key: &str, value: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = put)]
    fn put_with(this: &Binding, key: &str, value: &JsValue, options: &JsValue) -> Result<Promise, JsValue>;
}

/// The namespace that holds bundles and tables. Kept for the life of the isolate.
#[derive(Clone)]
pub struct Kv {
    binding: Binding,
    options_immutable: JsValue,
    options_recent: JsValue,
    timeout: Duration,
}

/// Why KV gave no answer.
#[derive(Clone, Debug)]
pub enum KvError {
    /// The call threw; the text is for the log.
    Failed(String),
    /// No answer within the time limit.
    Late(Duration),
}

impl std::fmt::Display for KvError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(why) => write!(f, "KV failed: {why}"),
            Self::Late(limit) => write!(f, "KV gave no answer within {} ms", limit.as_millis()),
        }
    }
}

fn failed(error: JsValue) -> KvError {
    KvError::Failed(error.as_string().unwrap_or_else(|| format!("{error:?}")))
}

fn options(ttl_s: u32) -> JsValue {
    let options = Object::new();
    // Setting a property of a fresh object cannot fail.
    let _ = Reflect::set(&options, &"type".into(), &"arrayBuffer".into());
    let _ = Reflect::set(&options, &"cacheTtl".into(), &ttl_s.into());
    options.into()
}

impl Kv {
    /// The namespace of this isolate; `None` when the Worker has no such binding.
    pub fn of(env: &Env) -> Option<Self> {
        thread_local! {
            static KV: OnceCell<Option<Kv>> = const { OnceCell::new() };
        }
        KV.with(|it| it.get_or_init(|| Self::open(env, Settings::of(env).kv_timeout_ms)).clone())
    }

    /// The namespace bound as `VITRINE`.
    fn open(env: &Env, timeout_ms: u64) -> Option<Self> {
        let binding = Reflect::get(env.as_ref(), &"VITRINE".into()).ok().filter(|it| it.is_object())?;
        Some(Self {
            binding: binding.unchecked_into(),
            options_immutable: options(TTL_IMMUTABLE),
            options_recent: options(TTL_RECENT),
            timeout: Duration::from_millis(timeout_ms),
        })
    }

    /// The value of a key that is announced and never changes; `None` when there is none. It stays outside of wasm memory.
    pub async fn get_immutable(&self, key: &str) -> Result<Option<Uint8Array>, KvError> {
        self.read(key, &self.options_immutable).await
    }

    /// The value of a key that changes, or that may not be there yet: at most some 30 s old. KV caches also that there is
    /// none, so what is only expected must not be read as if it were announced.
    pub async fn get_recent(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.read(key, &self.options_recent).await?.map(|it| it.to_vec()))
    }

    async fn read(&self, key: &str, options: &JsValue) -> Result<Option<Uint8Array>, KvError> {
        READS.set(READS.get().saturating_add(1));
        let promise = self.binding.get(key, options).map_err(failed)?;
        let value = match select(JsFuture::from(promise), Delay::from(self.timeout)).await {
            Either::Left((value, _)) => value.map_err(failed)?,
            Either::Right(_) => return Err(KvError::Late(self.timeout)),
        };
        Ok((!value.is_null() && !value.is_undefined()).then(|| Uint8Array::new(&value)))
    }

    /// Writes a value that KV forgets after a while. Unit: seconds, at least 60.
    pub async fn put_expiring(&self, key: &str, value: &[u8], life_s: u64) -> Result<(), KvError> {
        let options = Object::new();
        // Setting a property of a fresh object cannot fail.
        let _ = Reflect::set(&options, &"expirationTtl".into(), &(life_s as f64).into());
        let promise = self.binding.put_with(key, &Uint8Array::from(value), &options).map_err(failed)?;
        JsFuture::from(promise).await.map(drop).map_err(failed)
    }

    /// Writes a value.
    pub async fn put(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        let promise = self.binding.put(key, &Uint8Array::from(value)).map_err(failed)?;
        JsFuture::from(promise).await.map(drop).map_err(failed)
    }
}
