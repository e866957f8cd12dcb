//! Methods of requests. The `worker` crate takes every method that it does not know for GET.

use worker::{Method, Request};

/// The method of a request. One that is unknown becomes REPORT, which no path has, and so is refused wherever it is sent.
pub fn of(request: &Request) -> Method {
    let found = request.method();
    if found == Method::Get && request.inner().method() != "GET" { Method::Report } else { found }
}
