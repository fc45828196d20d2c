//! What an agent asked of its containerizer and was not answered yet, and the short names of its containers.

use std::collections::BTreeSet;

use mesos_core::kernel::{Change, Ticket};
use mesos_core::{ContainerId, Signal};
use mesos_exec::agent::ContainerOp;

/// The containerizer's side of a session.
#[derive(Debug, Default)]
pub(super) struct Containers {
    named: Vec<ContainerId>,
    questions: Vec<Question>,
    /// All probes so far; those that were answered are empty.
    probes: Vec<Option<Ticket>>,
}

#[derive(Debug)]
struct Question {
    what: &'static str,
    id: Option<ContainerId>,
    ticket: Ticket,
}

impl Containers {
    /// Something is asked: how that reads, and the ticket if it is answered at once.
    pub(super) fn ask(&mut self, ticket: Ticket, op: ContainerOp) -> (String, Option<Ticket>) {
        match op {
            ContainerOp::Recover(known) => {
                let names: Vec<String> = known.iter().map(|id| self.name(id)).collect();
                self.questions.push(Question { what: "recover", id: None, ticket });
                (format!("containers: recover {}", names.join(",")).trim_end().to_owned(), None)
            }
            ContainerOp::Launch(spec) => {
                let line = format!("containers: launch {} {}", self.name(&spec.id), spec.resources);
                self.expect("launch", spec.id, ticket);
                (line, None)
            }
            ContainerOp::Wait(id) => {
                let line = format!("containers: wait {}", self.name(&id));
                self.expect("wait", id, ticket);
                (line, None)
            }
            ContainerOp::Destroy(id) => {
                let line = format!("containers: destroy {}", self.name(&id));
                self.expect("destroy", id, ticket);
                (line, None)
            }
            ContainerOp::Signal(id, signal) => {
                let signal = match signal {
                    Signal::Terminate => "terminate".to_owned(),
                    Signal::Kill => "kill".to_owned(),
                    other => other.number().to_string(),
                };
                (format!("containers: signal {} {signal}", self.name(&id)), Some(ticket))
            }
            ContainerOp::Probe(probe, timeout) => {
                self.probes.push(Some(ticket));
                (format!("containers: probe p{} {probe} for {timeout:?}", self.probes.len()), None)
            }
            other => (format!("containers: {other:?}"), None),
        }
    }

    /// Names the containers that are written down before they are asked for.
    pub(super) fn meet(&mut self, changes: &[Change]) {
        for name in changes.iter().filter_map(|change| change.key().strip_prefix("container/")) {
            if let Ok(id) = name.parse() {
                self.name(&id);
            }
        }
    }

    fn expect(&mut self, what: &'static str, id: ContainerId, ticket: Ticket) {
        self.questions.push(Question { what, id: Some(id), ticket });
    }

    fn name(&mut self, id: &ContainerId) -> String {
        let at = self.named.iter().position(|known| known == id).unwrap_or_else(|| {
            self.named.push(id.clone());
            self.named.len() - 1
        });
        format!("c{}", at + 1)
    }

    fn id(&self, name: &str) -> Result<ContainerId, String> {
        let at = name.strip_prefix('c').and_then(|number| number.parse::<usize>().ok());
        let known = at.and_then(|at| self.named.get(at.checked_sub(1)?));
        known.cloned().ok_or_else(|| format!("no container was called {name:?} so far"))
    }

    /// The ids behind names with commas between them.
    pub(super) fn ids(&self, names: &str) -> Result<BTreeSet<ContainerId>, String> {
        names.split(',').filter(|name| !name.is_empty()).map(|name| self.id(name)).collect()
    }

    /// The ticket of this question about this container.
    pub(super) fn question(&mut self, what: &str, name: &str) -> Result<Ticket, String> {
        let id = self.id(name)?;
        let at = self.questions.iter().position(|own| own.what == what && own.id.as_ref() == Some(&id));
        let at = at.ok_or_else(|| format!("nobody waits for the {what} of {name}"))?;
        Ok(self.questions.remove(at).ticket)
    }

    /// The ticket of this probe.
    pub(super) fn probe(&mut self, name: &str) -> Result<Ticket, String> {
        let at =
            name.strip_prefix('p').and_then(|number| number.parse::<usize>().ok()).and_then(|at| at.checked_sub(1));
        let ticket = at.and_then(|at| self.probes.get_mut(at)).and_then(Option::take);
        ticket.ok_or_else(|| format!("nobody waits for the answer to a probe {name:?}"))
    }

    /// The ticket of the recovery.
    pub(super) fn recovery(&mut self) -> Result<Ticket, String> {
        let at = self.questions.iter().position(|own| own.what == "recover").ok_or("nobody asked what survived")?;
        Ok(self.questions.remove(at).ticket)
    }

    /// The process ended: nobody waits any more.
    pub(super) fn forget_questions(&mut self) {
        self.questions.clear();
        self.probes.iter_mut().for_each(|ticket| *ticket = None);
    }

    /// The text with short names for containers.
    pub(super) fn shortened(&self, text: &str) -> String {
        let named = self.named.iter().enumerate();
        named.fold(text.to_owned(), |text, (at, id)| text.replace(id.as_str(), &format!("c{}", at + 1)))
    }
}
