//! What a task says to those who want to find it. Carried to whoever shows tasks, for example a name service; the kernel reads
//! nothing of it.
//!
//! Semantics: Apache Mesos, `docs/app-framework-development-guide.md` (service discovery).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// From how far something may be found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Visibility {
    /// By its own framework.
    #[default]
    Framework,
    /// Within the cluster.
    Cluster,
    /// From everywhere.
    External,
}

/// A port somebody may connect to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoveryPort {
    /// Its number.
    pub number: u32,
    /// What it is called.
    pub name: Option<Arc<str>>,
    /// For example `tcp`.
    pub protocol: Option<Arc<str>>,
    /// From how far it may be found, if that differs.
    pub visibility: Option<Visibility>,
    /// Free labels.
    #[serde(default)]
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
}

/// What a task says to those who want to find it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// From how far it may be found.
    pub visibility: Visibility,
    /// What it is called, if not by its task's name.
    pub name: Option<Arc<str>>,
    /// For example `production`.
    pub environment: Option<Arc<str>>,
    /// For example a data centre.
    pub location: Option<Arc<str>>,
    /// Its version.
    pub version: Option<Arc<str>>,
    /// Where to connect to.
    pub ports: Vec<DiscoveryPort>,
    /// Free labels.
    #[serde(default)]
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
}

impl Discovery {
    /// How much it holds, for whoever bounds it: the bytes of all its texts, and a few for each part.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        let labels = |labels: &BTreeMap<Arc<str>, Arc<str>>| {
            labels.iter().map(|(key, value)| key.len() + value.len() + 2).sum::<usize>()
        };
        let port = |port: &DiscoveryPort| 8 + text(&port.name) + text(&port.protocol) + labels(&port.labels);
        text(&self.name)
            + text(&self.environment)
            + text(&self.location)
            + text(&self.version)
            + labels(&self.labels)
            + self.ports.iter().map(port).sum::<usize>()
    }
}
