//! Where others reach a daemon: its name, address and port, which need not be those it listens at.
//!
//! As in Apache Mesos (`3rdparty/libprocess/src/process.cpp`), a daemon that listens on every address says the one that the
//! machine's own name stands for.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::net::reached_here;

/// A name nobody answers for in this time stands for nothing: a daemon does not wait for what is broken in its network.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// Flags about where others reach a daemon.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(rename_all = "snake_case")]
pub struct Reach {
    /// The name under which others reach this machine. Without it, the machine's own; a master that listens on one address
    /// is known by that.
    #[arg(long, env = "MESOS_HOSTNAME", value_name = "NAME")]
    pub hostname: Option<String>,
    /// Whether the machine's own name is looked up where --hostname does not say it; otherwise its address stands for it.
    #[arg(long, env = "MESOS_HOSTNAME_LOOKUP", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1,
        default_missing_value = "true", value_name = "BOOL")]
    pub hostname_lookup: bool,
    /// The address at which others reach this daemon, when it is another than --ip. Without either, the one that the machine's
    /// own name stands for.
    #[arg(long, env = "MESOS_ADVERTISE_IP", value_name = "ADDRESS")]
    pub advertise_ip: Option<IpAddr>,
    /// The port at which others reach this daemon, when it is another than --port.
    #[arg(long, env = "MESOS_ADVERTISE_PORT", value_name = "PORT")]
    pub advertise_port: Option<u16>,
}

/// Where others reach a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The name, if it is to have one.
    pub hostname: Option<String>,
    /// The address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
}

impl Reached {
    /// The name, or the address where it has none.
    #[must_use]
    pub fn host(&self) -> String {
        self.hostname.clone().unwrap_or_else(|| self.ip.to_string())
    }

    /// As `host:port`, to be connected to.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.hostname {
            Some(address) if address.contains(':') => format!("[{address}]:{}", self.port),
            Some(hostname) => format!("{hostname}:{}", self.port),
            None => SocketAddr::new(self.ip, self.port).to_string(),
        }
    }
}

impl Reach {
    /// Refuses what nobody can reach.
    ///
    /// # Errors
    /// A sentence that names the flag.
    pub fn validate(&self) -> Result<(), String> {
        if self.hostname.as_deref().is_some_and(|name| name.trim().is_empty()) {
            return Err("--hostname is empty; name this machine, or leave it out".to_owned());
        }
        if let Some(ip) = self.advertise_ip.filter(IpAddr::is_unspecified) {
            return Err(format!("--advertise_ip={ip} is no address others can reach; say one, or leave it out"));
        }
        if self.advertise_port == Some(0) {
            let problem = "--advertise_port=0 is no port others can reach; say one from 1 to 65535, or leave it out";
            return Err(problem.to_owned());
        }
        Ok(())
    }

    /// Where others reach a daemon that listens there, on a machine that calls itself `own`.
    pub async fn found(&self, listens: SocketAddr, own: &str) -> Reached {
        let ip = match (self.advertise_ip, listens.ip()) {
            (Some(ip), _) => ip,
            (None, ip) if ip.is_unspecified() => self.resolved(ip, own).await,
            (None, ip) => ip,
        };
        let own = Some(own.to_owned()).filter(|_| self.hostname_lookup);
        Reached {
            hostname: self.hostname.clone().or(own),
            ip,
            port: self.advertise_port.unwrap_or_else(|| listens.port()),
        }
    }

    /// What the machine's own name stands for, or the name others know it by.
    async fn resolved(&self, listens: IpAddr, own: &str) -> IpAddr {
        for name in std::iter::once(own).chain(self.hostname.as_deref()) {
            let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((name, 0))).await;
            let Ok(Ok(found)) = found else { continue };
            if let Some(ip) = best(found.map(|address| address.ip()), listens) {
                return ip;
            }
        }
        let ip = reached_here(SocketAddr::new(listens, 0)).ip();
        tracing::warn!(
            hostname = own, %ip,
            "this machine's name stands for no address, so only this machine finds the daemon; say --advertise_ip"
        );
        ip
    }
}

/// The one most others can use: not of this machine alone, and of the kind that is listened on.
fn best(found: impl Iterator<Item = IpAddr>, listens: IpAddr) -> Option<IpAddr> {
    let found = found.filter(|ip| !ip.is_unspecified());
    // A name may well stand for loopback beside others; what it names first counts among equals.
    found.min_by_key(|ip| (ip.is_ipv6() && listens.is_ipv4(), ip.is_loopback(), ip.is_ipv6()))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn reach(hostname: Option<&str>) -> Reach {
        Reach { hostname: hostname.map(str::to_owned), hostname_lookup: true, ..Reach::default() }
    }

    /// No name has a part of more than 63 bytes (RFC 1035), so nobody needs to be asked.
    const NOBODY: &str = "nobody-nobody-nobody-nobody-nobody-nobody-nobody-nobody-nobody-nobody";

    #[tokio::test]
    async fn who_listens_everywhere_says_an_address_others_can_use() {
        let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5050));
        let found = reach(None).found(everywhere, "localhost").await;
        assert_eq!((found.ip.to_string().as_str(), found.address().as_str()), ("127.0.0.1", "localhost:5050"));
        let found = reach(Some("127.0.0.7")).found(everywhere, NOBODY).await;
        assert_eq!((found.ip.to_string().as_str(), found.host().as_str()), ("127.0.0.7", "127.0.0.7"));
        let found = reach(None).found(everywhere, NOBODY).await;
        assert_eq!((found.ip, found.host().as_str()), (Ipv4Addr::LOCALHOST.into(), NOBODY));
    }

    #[tokio::test]
    async fn what_is_said_counts_before_what_is_found() {
        let listens = SocketAddr::from(([127, 0, 0, 5], 5051));
        let found = reach(None).found(listens, "h").await;
        assert_eq!((found.ip, found.port, found.host().as_str()), (listens.ip(), 5051, "h"));
        let told = Reach {
            hostname: None,
            hostname_lookup: false,
            advertise_ip: Some("fd00::9".parse().unwrap()),
            advertise_port: Some(80),
        };
        let found = told.found(listens, "h").await;
        assert_eq!((found.host().as_str(), found.address().as_str()), ("fd00::9", "[fd00::9]:80"));
    }

    #[test]
    fn the_best_address_is_no_loopback_and_of_the_kind_that_is_listened_on() {
        let best = |names: &[&str], listens: IpAddr| {
            best(names.iter().map(|ip| ip.parse().unwrap()), listens).map(|ip| ip.to_string())
        };
        let (v4, v6) = (Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into());
        assert_eq!(best(&["127.0.1.1", "fd00::1", "10.0.0.1", "10.0.0.2"], v4).as_deref(), Some("10.0.0.1"));
        assert_eq!(best(&["127.0.1.1", "fd00::1"], v4).as_deref(), Some("127.0.1.1"));
        assert_eq!(best(&["127.0.1.1", "fd00::1"], v6).as_deref(), Some("fd00::1"));
        assert_eq!(best(&["0.0.0.0"], v4), None);
    }

    #[test]
    fn what_nobody_can_reach_is_refused() {
        assert_eq!(reach(Some("h")).validate(), Ok(()));
        let ip = Some(Ipv4Addr::UNSPECIFIED.into());
        for (wrong, name) in [
            (reach(Some(" ")), "--hostname"),
            (Reach { advertise_ip: ip, ..reach(None) }, "--advertise_ip"),
            (Reach { advertise_port: Some(0), ..reach(None) }, "--advertise_port"),
        ] {
            assert!(wrong.validate().unwrap_err().starts_with(name), "{wrong:?}");
        }
    }
}
