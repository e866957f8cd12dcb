//! Objects of an S3 or R2 bucket: lists in pages, downloads that go on where they broke off.
//!
//! Requests are signed into their addresses, so no address may stand in a message.

use crate::error::IntakeError;
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;
use ureq::http::Response;

/// How often a request is tried.
const ATTEMPTS: u32 = 5;
/// How long a signature is valid.
const SIGNED_FOR: Duration = Duration::from_secs(3600);
/// A list of more pages than these goes round in circles. Each holds up to 1000 keys.
const PAGES_MAX: usize = 100_000;

/// The way to a bucket service.
#[derive(Clone)]
pub struct S3 {
    endpoint: String,
    region: String,
    credentials: Option<Credentials>,
    /// Wait before the second attempt; it doubles with each.
    pause: Duration,
    agent: ureq::Agent,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3").field("endpoint", &self.endpoint).field("region", &self.region).finish_non_exhaustive()
    }
}

/// An object of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) etag: String,
    pub(crate) bytes: u64,
}

impl S3 {
    /// From `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_ENDPOINT_URL`. `file` stands in messages.
    ///
    /// Errors: one half of the credentials is missing, or the endpoint is no address.
    pub fn from_env(file: &str) -> Result<Self, IntakeError> {
        Self::from_variables(file, |name| std::env::var(name).ok())
    }

    /// From the same variables, looked up by `variable`. Without credentials, requests go unsigned: to public buckets.
    ///
    /// Errors: as [`S3::from_env`].
    pub fn from_variables(file: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, IntakeError> {
        let said = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let credentials = match (said("AWS_ACCESS_KEY_ID"), said("AWS_SECRET_ACCESS_KEY")) {
            (Some(key), Some(secret)) => Some(match said("AWS_SESSION_TOKEN") {
                Some(token) => Credentials::new_with_token(key, secret, token),
                None => Credentials::new(key, secret),
            }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(IntakeError::source(
                    file,
                    "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not; set both",
                ));
            }
            (None, Some(_)) => {
                return Err(IntakeError::source(
                    file,
                    "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not; set both",
                ));
            }
        };
        let endpoint = said("AWS_ENDPOINT_URL");
        let region = said("AWS_REGION").or_else(|| said("AWS_DEFAULT_REGION"));
        // R2 has one region, "auto"; of S3 the oldest is the default.
        let region = region.unwrap_or_else(|| if endpoint.is_some() { "auto".into() } else { "us-east-1".into() });
        let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") || endpoint.contains('@') {
            let what = "AWS_ENDPOINT_URL is no address; write https://<account>.r2.cloudflarestorage.com for R2, or leave it out for S3";
            return Err(IntakeError::source(file, what));
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .max_redirects(0)
            .build()
            .into();
        Ok(Self { endpoint, region, credentials, pause: Duration::from_millis(250), agent })
    }

    /// With another wait before the second attempt; it doubles with each.
    pub fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    fn bucket(&self, name: &str, file: &str) -> Result<Bucket, IntakeError> {
        let endpoint =
            self.endpoint.parse().map_err(|_| IntakeError::source(file, "AWS_ENDPOINT_URL is no address"))?;
        let (name, region) = (name.to_owned(), self.region.clone());
        Bucket::new(endpoint, UrlStyle::Path, name, region)
            .map_err(|error| IntakeError::source(file, format!("cannot name the bucket: {error}")))
    }

    /// All objects whose keys begin with `prefix`.
    pub(crate) fn list(&self, bucket_name: &str, prefix: &str, file: &str) -> Result<Vec<Object>, IntakeError> {
        let bucket = self.bucket(bucket_name, file)?;
        let mut objects = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let text = self.retry(file, |_| {
                let mut action = ListObjectsV2::new(&bucket, self.credentials.as_ref());
                action.with_prefix(prefix.to_owned());
                if let Some(token) = &token {
                    action.with_continuation_token(token.clone());
                }
                let response = self.get(&action.sign(SIGNED_FOR), None, None)?;
                let mut response = self.checked(response)?;
                response.body_mut().with_config().limit(32 << 20).read_to_string().map_err(|error| again(&error))
            })?;
            let page = ListObjectsV2::parse_response(&text).map_err(|error| {
                IntakeError::source(
                    file,
                    format!("the answer is no list of a bucket ({error}); is AWS_ENDPOINT_URL an S3 service?"),
                )
            })?;
            objects.extend(page.contents.into_iter().map(|content| Object {
                bucket: bucket_name.to_owned(),
                key: content.key,
                etag: content.etag.unwrap_or_default(),
                bytes: content.size.unwrap_or(0),
            }));
            match page.next_continuation_token {
                Some(next) if token.as_ref() != Some(&next) => token = Some(next),
                _ => return Ok(objects),
            }
        }
        Err(IntakeError::source(file, "the list of the bucket has no end; name a longer prefix"))
    }

    /// Writes an object into a file; goes on where an earlier attempt broke off.
    pub(crate) fn download(
        &self,
        object: &Object,
        path: &Path,
        file: &str,
        progress: &dyn Fn(u64),
    ) -> Result<(), IntakeError> {
        let bucket = self.bucket(&object.bucket, file)?;
        let mut out = File::create(path).map_err(|error| IntakeError::work(path, error))?;
        self.retry(file, |_| {
            let mut at = out.stream_position().map_err(|error| Failure::Final(error.to_string()))?;
            let range = (at > 0).then(|| format!("bytes={at}-"));
            let action = bucket.get_object(self.credentials.as_ref(), &object.key);
            let response = self.get(&action.sign(SIGNED_FOR), range.as_deref(), Some(&object.etag))?;
            let mut response = self.checked(response)?;
            if at > 0 && response.status().as_u16() != 206 {
                at = 0;
                out.seek(SeekFrom::Start(0))
                    .and_then(|_| out.set_len(0))
                    .map_err(|error| Failure::Final(error.to_string()))?;
            }
            let mut body = response.body_mut().as_reader();
            let mut chunk = vec![0; 1 << 18];
            loop {
                let n = body.read(&mut chunk).map_err(|error| again(&ureq::Error::from(error)))?;
                let Some(bytes) = chunk.get(..n).filter(|bytes| !bytes.is_empty()) else { break };
                out.write_all(bytes).map_err(|error| Failure::Final(error.to_string()))?;
                at += n as u64;
                progress(n as u64);
            }
            match at == object.bytes {
                true => Ok(()),
                false if at < object.bytes => {
                    Err(Failure::Again(format!("the answer ended after {at} of {} bytes", object.bytes)))
                }
                false => Err(Failure::Final(format!(
                    "the object has more than the {} bytes listed; it is being written, build again later",
                    object.bytes
                ))),
            }
        })
    }

    fn get(
        &self,
        url: &impl AsRef<str>,
        range: Option<&str>,
        etag: Option<&str>,
    ) -> Result<Response<ureq::Body>, Failure> {
        let mut request = self.agent.get(url.as_ref());
        if let Some(range) = range {
            request = request.header("range", range);
        }
        if let Some(etag) = etag.filter(|etag| !etag.is_empty()) {
            request = request.header("if-match", etag);
        }
        request.call().map_err(|error| again(&error))
    }

    fn checked(&self, response: Response<ureq::Body>) -> Result<Response<ureq::Body>, Failure> {
        let status = response.status().as_u16();
        let signed = self.credentials.is_some();
        Err(match status {
            200 | 206 => return Ok(response),
            429 | 500 | 502 | 503 | 504 => Failure::Again(format!("the service answers {status}")),
            401 | 403 if signed => Failure::Final(format!("the service answers {status}: it does not accept the credentials for this; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and what the key may read and list")),
            401 | 403 => Failure::Final(format!("the service answers {status}, and there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")),
            404 => Failure::Final("the service answers 404: there is no such bucket or object; check the name, and AWS_ENDPOINT_URL for R2".into()),
            412 => Failure::Final("the object has changed since it was listed; build again".into()),
            301 | 307 | 308 => Failure::Final(format!("the service answers {status}: the bucket is in another region; set AWS_REGION")),
            _ => Failure::Final(format!("the service answers {status}")),
        })
    }

    fn retry<T>(&self, file: &str, mut work: impl FnMut(u32) -> Result<T, Failure>) -> Result<T, IntakeError> {
        let mut attempt = 1;
        loop {
            match work(attempt) {
                Ok(value) => return Ok(value),
                Err(Failure::Final(what)) => return Err(IntakeError::source(file, what)),
                Err(Failure::Again(what)) if attempt == ATTEMPTS => {
                    return Err(IntakeError::source(
                        file,
                        format!("{what}, {ATTEMPTS} times in a row; try again later"),
                    ));
                }
                Err(Failure::Again(_)) => std::thread::sleep(self.pause * 2_u32.pow(attempt - 1)),
            }
            attempt += 1;
        }
    }
}

/// Why an attempt failed.
enum Failure {
    /// The next one may succeed.
    Again(String),
    /// No other will.
    Final(String),
}

/// Failures on the way. Their own texts may hold signed addresses, so they get words of ours.
fn again(error: &ureq::Error) -> Failure {
    match error {
        ureq::Error::Io(error) => Failure::Again(format!("the connection failed ({})", error.kind())),
        ureq::Error::Timeout(_) => Failure::Again("the service did not answer in time".into()),
        ureq::Error::HostNotFound => {
            Failure::Again("the host of the endpoint is unknown; check AWS_ENDPOINT_URL".into())
        }
        ureq::Error::ConnectionFailed => Failure::Again("the service cannot be reached; check AWS_ENDPOINT_URL".into()),
        _ => Failure::Again("the request failed".into()),
    }
}
