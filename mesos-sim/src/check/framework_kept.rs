//! A framework that is away stays in the books for as long as it asked for, and its tasks with it.
//!
//! Source: Apache Mesos, `docs/high-availability-framework-guide.md` (`failover_timeout`), and its tickets about the edges of
//! that time (MESOS-1219, MESOS-8171). Checked in the books of each leader: a framework leaves them when it or an operator
//! says so, or when its time is over. Those that are known from agents alone may be forgotten before.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_core::call::{operator, scheduler};
use mesos_core::{FrameworkId, Instant};
use mesos_sched::master::{Input, Master};

use super::{Check, Step, Stepped};
use crate::node::NodeId;

/// A framework in the books of a master.
#[derive(Debug, Clone)]
struct Kept {
    /// Since when it is away.
    away_since: Option<Instant>,
    timeout: Duration,
    is_recovered: bool,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct FrameworkKept {
    books: BTreeMap<NodeId, BTreeMap<FrameworkId, Kept>>,
}

impl Check for FrameworkKept {
    fn name(&self) -> &'static str {
        "framework_kept"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        match step.stepped {
            Stepped::Master { node, machine, input, .. } if machine.leading().is_some() => {
                // Frameworks come and go, and connect and leave, in few kinds of steps.
                let is_news = match input {
                    None => true,
                    Some(Input::Agent { message, .. }) => message.name() == "REREGISTER",
                    Some(Input::Scheduler { call, .. }) => call.name() == "SUBSCRIBE" || call.name() == "TEARDOWN",
                    Some(_) => true,
                };
                if is_news { self.look(node, machine, input, step.now.mono) } else { Ok(()) }
            }
            Stepped::Crashed { node } | Stepped::Restarted { node } => {
                self.books.remove(&node);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl FrameworkKept {
    fn look(&mut self, node: NodeId, machine: &Master, input: Option<&Input>, now: Instant) -> Result<(), String> {
        let books = self.books.entry(node).or_default();
        let is_asked = matches!(
            input,
            Some(
                Input::Operator { call: operator::Call::Teardown(_), .. }
                    | Input::Scheduler { call: scheduler::Call::Teardown, .. }
            )
        );
        let before = std::mem::take(books);
        for framework in machine.frameworks() {
            let known = before.get(framework.id).and_then(|kept| kept.away_since);
            let away_since = (!framework.is_connected).then(|| known.unwrap_or(now));
            let kept =
                Kept { away_since, timeout: framework.info.failover_timeout, is_recovered: framework.is_recovered };
            books.insert(framework.id.clone(), kept);
        }
        let gone = before.iter().filter(|(id, kept)| !books.contains_key(*id) && !kept.is_recovered && !is_asked);
        for (id, kept) in gone {
            let away = kept.away_since.map_or(Duration::ZERO, |since| now.since(since));
            if away < kept.timeout {
                return Err(format!(
                    "{node} removed framework {id}, which was away for {away:?} and has {:?} to come back",
                    kept.timeout
                ));
            }
        }
        Ok(())
    }
}
