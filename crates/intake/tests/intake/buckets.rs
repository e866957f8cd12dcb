//! Buckets: a made-up service for pages and failures, and a real server where there is one.

use crate::tables;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use vitrine_intake::{ReadOptions, S3, find_objects, stage};

const SECRET: &str = "a-secret-that-no-message-holds";

fn door(endpoint: &str) -> Arc<S3> {
    let variable = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some("key".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some(SECRET.to_owned()),
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "AWS_ENDPOINT_URL" => Some(endpoint.to_owned()),
        _ => None,
    };
    Arc::new(S3::from_variables("s3://b", variable).unwrap().with_pause(Duration::from_millis(1)))
}

/// What the made-up service does with a request (its line and its headers): the whole answer. `None` hangs up.
type Answer = dyn Fn(usize, &str, &str) -> Option<Vec<u8>> + Send + Sync;

/// A service in this process; it ends with the process.
fn service(answer: Box<Answer>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&log);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                continue;
            }
            let mut headers = String::new();
            while reader.read_line(&mut headers).unwrap_or(0) > 2 {}
            let n = {
                let mut seen = seen.lock().unwrap();
                seen.push(line.trim().to_owned());
                seen.len() - 1
            };
            if let Some(bytes) = answer(n, &line, &headers.to_ascii_lowercase()) {
                let _ = stream.write_all(&bytes);
            }
        }
    });
    (endpoint, log)
}

fn http(status: &str, headers: &str, body: &[u8]) -> Option<Vec<u8>> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
    Some([head.as_bytes(), body].concat())
}

fn page(keys: &[(&str, usize)], next: Option<&str>) -> Option<Vec<u8>> {
    let contents: String = keys
        .iter()
        .map(|(key, n)| {
            format!("<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;e-{key}&quot;</ETag><Size>{n}</Size></Contents>")
        })
        .collect();
    let next = next.map_or(String::new(), |next| format!("<NextContinuationToken>{next}</NextContinuationToken>"));
    let is_truncated = !next.is_empty();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><KeyCount>{}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>{is_truncated}</IsTruncated>{contents}{next}</ListBucketResult>",
        keys.len()
    );
    http("200 OK", "content-type: application/xml\r\n", body.as_bytes())
}

#[test]
fn lists_go_over_pages_and_failures() {
    let (endpoint, log) = service(Box::new(|n, line, _| match n {
        0 => http("503 Slow Down", "", b""),
        1 => page(&[("data/b.csv", 4), ("data/", 0), ("data/readme.md", 3)], Some("two")),
        2 => None,
        3 if line.contains("continuation-token=two") => page(&[("data/a.csv", 4), ("data/_x/c.csv", 4)], None),
        _ => http("500 No", "", b""),
    }));
    let found = find_objects("s3://b/data", &door(&endpoint)).unwrap();
    let names: Vec<&str> = found.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["s3://b/data/a.csv", "s3://b/data/b.csv"]);
    assert_eq!(found.skipped, ["s3://b/data/_x/c.csv", "s3://b/data/readme.md"]);
    assert_eq!(log.lock().unwrap().len(), 4);
}

#[test]
fn downloads_go_on_where_they_broke_off() {
    let body = b"a,b\n1,2\n3,4\n";
    let (endpoint, log) = service(Box::new(move |n, _, headers| match n {
        0 => page(&[("a.csv", body.len())], None),
        // A promise of twelve bytes, of which five come.
        1 => Some(
            [b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\nconnection: close\r\n\r\n".as_slice(), &body[..5]].concat(),
        ),
        2 if headers.contains("range: bytes=5-") && headers.contains("if-match: \"e-a.csv\"") => {
            http("206 Partial Content", "", &body[5..])
        }
        _ => http("400 No", "", b""),
    }));
    let dir = TempDir::new().unwrap();
    let found = find_objects("s3://b/a.csv", &door(&endpoint)).unwrap();
    for _ in 0..2 {
        let table = stage(&found.files[0], dir.path(), &ReadOptions::plain(), &|_| {}).unwrap();
        assert_eq!((table.rows, table.source_bytes), (2, 12));
    }
    // The second time nothing is fetched.
    assert_eq!(log.lock().unwrap().len(), 3);
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".part")), "{left:?}");
}

#[test]
fn refusals_say_what_to_do_and_hold_no_secret() {
    for (status, part) in [
        ("403 Forbidden", "it does not accept the credentials for this; check AWS_ACCESS_KEY_ID"),
        ("404 Not Found", "there is no such bucket or object"),
        ("301 Moved", "the bucket is in another region; set AWS_REGION"),
        ("500 Oh", "the service answers 500, 5 times in a row"),
        ("200 OK", "the answer is no list of a bucket"),
        ("418 Teapot", "the service answers 418"),
    ] {
        let (endpoint, _) = service(Box::new(move |_, _, _| http(status, "", b"<html>")));
        let error = find_objects("s3://b/x", &door(&endpoint)).unwrap_err().to_string();
        assert!(error.starts_with("s3://b/x: ") && error.contains(part), "{status}: {error}");
        assert!(!error.contains(SECRET) && !error.contains("X-Amz"), "{error}");
    }
    let (endpoint, _) = service(Box::new(|_, _, _| None));
    let error = find_objects("s3://b/x", &door(&endpoint)).unwrap_err().to_string();
    assert!(error.contains("5 times in a row") && !error.contains("X-Amz"), "{error}");
    let empty = service(Box::new(|_, _, _| page(&[], None))).0;
    let error = find_objects("s3://b/x", &door(&empty)).unwrap_err().to_string();
    assert!(error.contains("means no file; check the path"), "{error}");
    assert!(!format!("{:?}", door(&empty)).contains(SECRET));
}

#[test]
fn variables_must_fit_together() {
    for (set, part) in [
        (vec![("AWS_ACCESS_KEY_ID", "k")], "AWS_SECRET_ACCESS_KEY is not; set both"),
        (vec![("AWS_SECRET_ACCESS_KEY", SECRET)], "AWS_ACCESS_KEY_ID is not; set both"),
        (vec![("AWS_ENDPOINT_URL", "example.com")], "AWS_ENDPOINT_URL is no address"),
        (vec![("AWS_ENDPOINT_URL", "https://me:pass@example.com")], "AWS_ENDPOINT_URL is no address"),
    ] {
        let variable = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        let error = S3::from_variables("s3://b", variable).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains(SECRET) && !error.contains("pass"), "{error}");
    }
}

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn put(port: u16, path: &str, body: &[u8]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: {}\r\nconnection: close\r\nauthorization: AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_real_server_is_read() {
    let Some(program) = std::env::var_os("VITRINE_MOTO_SERVER") else {
        println!("skipped: VITRINE_MOTO_SERVER does not name the program moto_server");
        return;
    };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new(program)
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _server = Server(child);
    let is_up = (0..600).any(|_| {
        let is_up = TcpStream::connect(("127.0.0.1", port)).is_ok();
        if !is_up {
            std::thread::sleep(Duration::from_millis(100));
        }
        is_up
    });
    assert!(is_up, "the server did not start within a minute");
    put(port, "/shop", b"");
    let lines: String = (0..50_000).map(|n| format!("{n},单{n}\n")).collect();
    put(port, "/shop/orders/2026/a%20b.csv", format!("id,name\n{lines}").as_bytes());
    // More than one page of a list.
    for n in 0..1005 {
        put(port, &format!("/shop/events/{n:04}.jsonl"), format!("{{\"n\":{n}}}\n").as_bytes());
    }
    let s3 = door(&format!("http://127.0.0.1:{port}"));
    let dir = TempDir::new().unwrap();
    let found = find_objects("s3://shop/orders", &s3).unwrap();
    let table = stage(&found.files[0], dir.path(), &ReadOptions::plain(), &|_| {}).unwrap();
    assert_eq!((table.file.as_str(), table.rows), ("s3://shop/orders/2026/a b.csv", 50_000));
    assert_eq!(tables::rows(&table.path)[49_999].0[1].as_deref(), Some("单49999"));
    assert_eq!(find_objects("s3://shop/events/", &s3).unwrap().files.len(), 1005);
    assert_eq!(find_objects("s3://shop/events/*7.jsonl", &s3).unwrap().files.len(), 100);
    let error = find_objects("s3://none/x", &s3).unwrap_err().to_string();
    assert!(error.contains("there is no such bucket or object"), "{error}");
}
