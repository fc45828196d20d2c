//! What an agent may be after a restart that it was not before: its master, and the tasks it takes back, rely on the rest.
//!
//! Semantics: Apache Mesos, `--reconfiguration_policy` (`src/slave/compatibility.cpp`).

use std::sync::Arc;

use mesos_core::AgentInfo;
use mesos_core::resource::Resources;
use serde::{Deserialize, Serialize};

use super::{Agent, AgentCx, checkpoint};

/// What may change between two runs with the same work directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconfiguration {
    /// Nothing.
    Equal,
    /// There may be more resources and attributes, and a place where there was none.
    Additive,
}

impl Reconfiguration {
    /// Refuses a description that is not one of the agent that had the other.
    ///
    /// # Errors
    /// Says what may not change.
    pub fn check(self, old: &AgentInfo, new: &AgentInfo) -> Result<(), String> {
        let differs = |what: &str, old: &dyn std::fmt::Debug, new: &dyn std::fmt::Debug| {
            Err(format!("its {what} was {old:?} and is {new:?}"))
        };
        if old.hostname != new.hostname {
            return differs("host name", &old.hostname, &new.hostname);
        }
        if old.port != new.port {
            return differs("port", &old.port, &new.port);
        }
        let is_additive = self == Self::Additive;
        if old.domain != new.domain && !(is_additive && old.domain.is_none()) {
            return differs("domain", &old.domain, &new.domain);
        }
        let are_kept = || old.attributes.iter().all(|(name, value)| new.attributes.get(name) == Some(value));
        if old.attributes != new.attributes && !(is_additive && are_kept()) {
            return differs("attributes", &old.attributes, &new.attributes);
        }
        if old.resources != new.resources && !(is_additive && new.resources.contains(&old.resources)) {
            let (old, new) = (old.resources.to_string(), new.resources.to_string());
            return Err(format!("its resources were {old} and are {new}"));
        }
        Ok(())
    }
}

impl Agent {
    /// Whether this run may go on as the agent that had this description, if one is known; takes up what was added to what
    /// it had, if that was written down.
    pub(super) fn reconfigure(
        &mut self,
        cx: &mut AgentCx<'_>,
        old: Option<&Arc<AgentInfo>>,
        has_total: bool,
    ) -> Result<(), String> {
        let (Some(policy), Some(id)) = (self.options.reconfiguration, self.id.clone()) else { return Ok(()) };
        if old.is_some_and(|old| *old == self.info) {
            return Ok(());
        }
        if let Some(old) = old {
            policy.check(old, &self.info)?;
            let added: Resources = &self.info.resources - &old.resources;
            if has_total && !added.is_empty() {
                self.total += &added;
                self.write(cx, vec![checkpoint::put_total(&self.total)]);
            }
        }
        self.write(cx, vec![checkpoint::put_agent(&id, Some(&self.info))]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_stays() {
        let info = |resources: &str, attributes: &str| {
            let mut info = AgentInfo::new("h", resources.parse().unwrap());
            info.attributes = attributes.parse().unwrap();
            info
        };
        let old = info("cpus:4;mem:1024", "rack:r1");
        let (mut elsewhere, mut moved) = (old.clone(), old.clone());
        elsewhere.hostname = "g".into();
        moved.port = 1;
        let (equal, additive) = (Reconfiguration::Equal, Reconfiguration::Additive);
        assert_eq!((equal.check(&old, &old), additive.check(&old, &old)), (Ok(()), Ok(())));
        for (new, is_additive, says) in [
            (info("cpus:8;mem:1024", "rack:r1"), true, "resources"),
            (info("cpus:4;mem:1024;disk:9", "rack:r1"), true, "resources"),
            (info("cpus:2;mem:1024", "rack:r1"), false, "resources"),
            (info("cpus:4;mem:1024", "rack:r1;zone:z"), true, "attributes"),
            (info("cpus:4;mem:1024", "rack:r2"), false, "attributes"),
            (info("cpus:4;mem:1024", ""), false, "attributes"),
            (elsewhere, false, "host name"),
            (moved, false, "port"),
        ] {
            assert!(equal.check(&old, &new).unwrap_err().contains(says), "{new:?}");
            assert_eq!(additive.check(&old, &new).is_ok(), is_additive, "{new:?}");
        }
    }
}
