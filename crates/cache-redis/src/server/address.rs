//! URLs of servers.

use redis::io::tcp::TcpSettings;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

use crate::Error;

/// Parses a URL. The connection will speak RESP3, and send each packet at once.
pub(super) fn parse(url: &str) -> Result<ConnectionInfo, Error> {
    let info = url.into_connection_info().map_err(|error| {
        let reason = match error.detail() {
            Some(detail) => detail.to_owned(),
            None => error.to_string(),
        };
        Error::InvalidUrl { url: without_password(url), reason }
    })?;
    #[cfg(feature = "tls")]
    if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        choose_cryptography();
    }
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Ok(info.set_redis_settings(settings).set_tcp_settings(TcpSettings::default().set_nodelay(true)))
}

/// Has this process encrypt with ring, unless the program has chosen something else before.
#[cfg(feature = "tls")]
fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have chosen meanwhile, which is as good.
        _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// Parses the URLs of several nodes: at least one.
pub(super) fn parse_all<S: AsRef<str>>(
    urls: impl IntoIterator<Item = S>,
) -> Result<Vec<ConnectionInfo>, Error> {
    let nodes: Result<Vec<_>, _> = urls.into_iter().map(|url| parse(url.as_ref())).collect();
    let nodes = nodes?;
    if nodes.is_empty() {
        let reason = "at least one is needed".to_owned();
        return Err(Error::InvalidOption { option: "list of URLs", reason });
    }
    Ok(nodes)
}

/// Returns the settings of `known`, for the node at another host and port.
pub(super) fn at(known: &ConnectionInfo, host: &str, port: u16) -> ConnectionInfo {
    let host = host.to_owned();
    let address = match known.addr() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
        }
        _ => ConnectionAddr::Tcp(host, port),
    };
    known.clone().set_addr(address)
}

/// The host of an address, if it has one.
pub(super) fn host(info: &ConnectionInfo) -> Option<&str> {
    match info.addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => Some(host),
        _ => None,
    }
}

/// Returns the scheme, and what comes after the last `@`. Without an `@`, any part of the rest may be a password.
fn without_password(url: &str) -> String {
    let scheme =
        url.split_once("://").filter(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let scheme = scheme.map_or(String::new(), |(scheme, _)| format!("{scheme}://"));
    let host = url.rsplit_once('@').map_or(String::new(), |(_, host)| format!("@{host}"));
    // The password of a path is an argument of it.
    let host = host.split_once('?').map_or(host.clone(), |(host, _)| format!("{host}?…"));
    format!("{scheme}…{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_and_passwords_left_out() {
        for url in [
            "",
            "localhost",
            "http://u:secret@h",
            "redis://h/x",
            "redis://u:secret@h:99999",
            "redis:///",
            "redis://:secret",
            "redis://u:secret",
            "u:secret",
            "secret",
            "redis://h@g/x?pass=secret",
        ] {
            let Err(error) = parse(url) else { panic!("{url} is no URL of a server") };
            assert!(!error.to_string().contains("secret"), "{error}");
            assert!(error.to_string().contains("unix://"), "{error}");
        }
        assert_eq!(without_password("unix:///a?pass=secret&db=2"), "unix://…");
        assert_eq!(without_password("u:secret@redis://h"), "…@redis://h");
        assert_eq!(without_password("redis://u:p@h:99999"), "redis://…@h:99999");
    }

    #[test]
    fn settings_are_kept_for_another_node() {
        let known = parse("redis://u:p@h:1/3").unwrap();
        let other = at(&known, "k", 2);
        assert_eq!(other.addr().to_string(), "k:2");
        assert_eq!(other.redis_settings().username(), Some("u"));
        assert_eq!(other.redis_settings().db(), 3);
        assert_eq!(other.redis_settings().protocol(), ProtocolVersion::RESP3);
    }
}
