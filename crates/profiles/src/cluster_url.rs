//! The address of a cluster that runs the steps of a build.

use std::fmt;
use std::str::FromStr;

/// Where the scheduler of a cluster listens, as `df://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterUrl {
    host: String,
    port: u16,
}

/// Why a text is no address of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address of a cluster; write df://host:50050, the host and port of its scheduler")]
pub struct ClusterUrlError {
    /// The text.
    pub text: String,
}

impl ClusterUrl {
    /// Name or number of the machine; a number of version 6 without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port of the scheduler.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for ClusterUrl {
    type Err = ClusterUrlError;

    /// Reads `df://host:port`; the host may be a number of version 6 in brackets.
    fn from_str(text: &str) -> Result<Self, ClusterUrlError> {
        let wrong = || ClusterUrlError { text: text.to_owned() };
        let (host, port) = text.strip_prefix("df://").and_then(|rest| rest.rsplit_once(':')).ok_or_else(wrong)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        let numbered = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_right = match numbered {
            Some(number) => number.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')),
        };
        is_right.then(|| Self { host: numbered.unwrap_or(host).to_owned(), port }).ok_or_else(wrong)
    }
}

impl fmt::Display for ClusterUrl {
    /// As it is written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "df://[{host}]:{port}") } else { write!(f, "df://{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_printed() {
        for (text, host, port) in [
            ("df://127.0.0.1:50050", "127.0.0.1", 50050),
            ("df://scheduler.shop-1.internal:1", "scheduler.shop-1.internal", 1),
            ("df://[::1]:50050", "::1", 50050),
        ] {
            let url: ClusterUrl = text.parse().unwrap();
            assert_eq!((url.host(), url.port(), url.to_string().as_str()), (host, port, text));
        }
        for text in [
            "",
            "df://",
            "df://scheduler",
            "df://:50050",
            "df://scheduler:0",
            "df://scheduler:65536",
            "df://scheduler:",
            "http://scheduler:50050",
            "scheduler:50050",
            "df://::1:50050",
            "df://[scheduler]:50050",
            "df://a b:50050",
            "df://user@scheduler:50050",
            "df://scheduler:50050/",
        ] {
            let error = text.parse::<ClusterUrl>().unwrap_err().to_string();
            assert!(error.contains("df://host:50050"), "{text}: {error}");
        }
    }
}
