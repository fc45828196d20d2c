//! Addresses of peers, as flags name them.

/// Reads the address of a peer: `host:port`, or a host alone for the usual port.
///
/// # Errors
/// Says what is wrong with it, and what would be right.
pub fn peer_address(text: &str) -> Result<String, String> {
    const RIGHT: &str = "write host:port";
    if text.is_empty() {
        return Err(format!("it is empty; {RIGHT}"));
    }
    if text.contains("://") {
        return Err(format!("URLs are not understood, those of ZooKeeper among them; {RIGHT}"));
    }
    let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((host, rest))) if host.parse::<std::net::Ipv6Addr>().is_ok() => match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(format!("{rest:?} follows the address; write [address]:port")),
        },
        Some(_) => return Err("there is no IPv6 address in the brackets; write [address]:port".to_owned()),
        None if text.matches(':').count() > 1 => {
            return Err("an IPv6 address stands in brackets; write [address]:port".to_owned());
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_of_hosts = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(is_of_hosts) {
        return Err(format!("{host:?} is no name of a host; {RIGHT}"));
    }
    if let Some(port) = port
        && port.parse().unwrap_or(0_u16) == 0
    {
        return Err(format!("{port:?} is no port; write host:port with a port from 1 to 65535"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_addresses_are_taken_with_a_port_or_without() {
        for right in ["foo", "foo:5050", "a-b.example_1:1", "127.0.0.1:65535", "[::1]:5050", "[2001:db8::1]"] {
            assert_eq!(peer_address(right).as_deref(), Ok(right));
        }
    }

    #[test]
    fn what_nobody_can_be_reached_at_is_refused_with_what_would_be_right() {
        for (wrong, says) in [
            ("", "empty"),
            ("host:99999", "\"99999\" is no port"),
            ("host:0", "\"0\" is no port"),
            ("host:", "\"\" is no port"),
            ("host:x", "\"x\" is no port"),
            (":5050", "\"\" is no name"),
            ("a b:1", "\"a b\" is no name"),
            ("user@host:1", "no name of a host"),
            ("host/path", "no name of a host"),
            ("zk://host:2181/mesos", "ZooKeeper"),
            ("::1", "brackets"),
            ("[x]:1", "no IPv6 address"),
            ("[::1", "no IPv6 address"),
            ("[::1]5050", "follows"),
        ] {
            let refused = peer_address(wrong).unwrap_err();
            assert!(refused.contains(says) && refused.contains("write"), "{wrong}: {refused}");
        }
    }
}
