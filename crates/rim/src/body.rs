//! Bodies of requests, read up to a limit.

use futures_util::StreamExt;
use vitrine_api::{Problem, ProblemCode};
use worker::Request;

/// Reads a body of at most `bytes_max` bytes; stops reading beyond.
///
/// Errors: 413 when it is larger, 400 when it cannot be read (the caller went away).
pub async fn read(request: &mut Request, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let too_large = || Problem::new(ProblemCode::BodyTooLarge, format!("the body is larger than {bytes_max} bytes"));
    let unreadable = |_| Problem::new(ProblemCode::InvalidRequest, "the body could not be read");
    let announced = request.headers().get("content-length").ok().flatten().and_then(|it| it.parse::<usize>().ok());
    match announced {
        Some(length) if length > bytes_max => Err(too_large()),
        Some(_) => {
            let body = request.bytes().await.map_err(unreadable)?;
            if body.len() > bytes_max { Err(too_large()) } else { Ok(body) }
        }
        None if request.inner().body().is_none() => Ok(Vec::new()),
        None => {
            let mut body = Vec::new();
            let mut stream = request.stream().map_err(unreadable)?;
            while let Some(chunk) = stream.next().await {
                body.extend_from_slice(&chunk.map_err(unreadable)?);
                if body.len() > bytes_max {
                    return Err(too_large());
                }
            }
            Ok(body)
        }
    }
}
