//! Which cluster a command speaks to: the one that is named, or the one `mesos local` runs.

use std::path::PathBuf;

use anyhow::Context as _;
use mesos_core::net::client::ApiClient;
use mesos_core::net::grpc::Dialer;
use mesos_core::net::tls::{ClientTls, Material, Part};
use mesos_core::program::ClientSecurity;
use serde::{Deserialize, Serialize};

/// A cluster, and how to speak to it.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) masters: Vec<String>,
    pub(crate) dialer: Dialer,
    /// Towards agents, which show other certificates.
    agents: Dialer,
}

/// What `mesos local` leaves for the commands in other terminals.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LocalCluster {
    pub(crate) master: String,
    /// Whether it speaks without TLS.
    pub(crate) is_plaintext: bool,
}

/// Where that is left, with the operator's certificate beside it.
pub(crate) fn local_folder() -> anyhow::Result<PathBuf> {
    if let Some(folder) = std::env::var_os("MESOS_LOCAL_DIR") {
        return Ok(folder.into());
    }
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")));
    Ok(state.context("HOME is not set; say with MESOS_LOCAL_DIR where the local cluster is kept")?.join("mesos/local"))
}

pub(crate) fn find(masters: &[String], security: &ClientSecurity) -> anyhow::Result<Cluster> {
    if !masters.is_empty() {
        let dialer = security.dialer()?;
        return Ok(Cluster { masters: masters.to_vec(), agents: towards_agents(&dialer), dialer });
    }
    let folder = local_folder()?;
    let text = std::fs::read_to_string(folder.join("cluster.json"));
    let text = text.with_context(|| {
        let folder = folder.display();
        format!(
            "no cluster is kept in {folder}; start one with `mesos local`, say with MESOS_LOCAL_DIR where one is kept \
             that was started with --work_dir, or name one with --master"
        )
    })?;
    let local: LocalCluster = serde_json::from_str(&text)?;
    let dialer = if local.is_plaintext {
        Dialer::plaintext()
    } else {
        let [certificate, key, authority] = ["operator.pem", "operator.key", "ca.pem"].map(|name| folder.join(name));
        Dialer::tls(ClientTls::new(&Material::load(&certificate, &key, &authority)?)?)
    };
    Ok(Cluster { masters: vec![local.master], agents: towards_agents(&dialer), dialer })
}

fn towards_agents(dialer: &Dialer) -> Dialer {
    dialer.expecting(Part::Agent)
}

impl Cluster {
    /// A client of whichever master leads.
    pub(crate) fn api(&self) -> ApiClient {
        ApiClient::new(self.masters.clone(), self.dialer.clone())
    }

    /// How to speak to agents.
    pub(crate) const fn towards_agents(&self) -> &Dialer {
        &self.agents
    }

    /// A client of an agent.
    pub(crate) fn agent(&self, address: &str) -> ApiClient {
        ApiClient::new([address], self.agents.clone())
    }
}
