//! A run written down: one line per step for people, and a rolling digest for machines.
//!
//! Two runs of one seed must give the same bytes. The digest costs a multiplication per step and is always on; the trace
//! is written only when asked for. [`Detail::Full`] prints every field of every message, so that nothing can differ
//! unnoticed; [`Detail::Brief`] prints what a reader needs to follow the story.

use std::fmt::{self, Debug, Write as _};

use mesos_core::call::{agent as agent_call, scheduler};
use mesos_core::{Instant, Now};
use mesos_exec::agent::{self, ContainerOp};
use mesos_sched::{driver, master};

use crate::node::NodeId;

/// A rolling digest of everything that happened, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Folds one more word in.
    pub const fn fold(&mut self, word: u64) {
        // The multiplier of the Fx hash; the rotation keeps high bits from being lost.
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn fold_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
        self.fold(bytes.len() as u64);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// How much of each step is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Names and ids.
    Brief,
    /// Every field.
    Full,
}

/// What becomes of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Text,
    /// Only a digest per line, to find where two runs part.
    Digests,
}

/// The lines of a run.
#[derive(Debug)]
pub struct Trace {
    detail: Detail,
    keep: Keep,
    text: String,
    line_starts_at: usize,
    digests: Vec<Digest>,
}

impl Trace {
    /// Keeps the text of every line.
    #[must_use]
    pub const fn text(detail: Detail) -> Self {
        Self { detail, keep: Keep::Text, text: String::new(), line_starts_at: 0, digests: Vec::new() }
    }

    /// Keeps a digest of every line with every field.
    #[must_use]
    pub const fn digests() -> Self {
        Self { detail: Detail::Full, keep: Keep::Digests, text: String::new(), line_starts_at: 0, digests: Vec::new() }
    }

    /// All lines.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Takes the lines written since the last call.
    pub fn drain(&mut self) -> String {
        self.line_starts_at = 0;
        std::mem::take(&mut self.text)
    }

    /// The digests of all lines.
    #[must_use]
    pub fn line_digests(&self) -> &[Digest] {
        &self.digests
    }

    fn end_line(&mut self) {
        self.text.push('\n');
        if self.keep == Keep::Digests {
            let mut digest = Digest::default();
            digest.fold_bytes(&self.text.as_bytes()[self.line_starts_at..]);
            self.digests.push(digest);
            self.text.clear();
        }
        self.line_starts_at = self.text.len();
    }

    fn begin(&mut self, at: Instant, node: NodeId) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{at} {node:<4}");
    }

    /// Writes that something happened to a node.
    pub(crate) fn note(&mut self, at: Instant, node: NodeId, what: &str) {
        self.begin(at, node);
        let _ = write!(self.text, " {what}");
        self.end_line();
    }

    /// Writes that something happened to the world.
    pub(crate) fn remark(&mut self, at: Instant, what: &dyn Debug) {
        let _ = write!(self.text, "{at} **** {what:?}");
        self.end_line();
    }

    fn line<I: Debug + Brief, E: Debug + Brief>(&mut self, now: Now, node: NodeId, input: Option<&I>, effects: &[E]) {
        self.begin(now.mono, node);
        let _ = match (input, self.detail) {
            (None, _) => write!(self.text, " tick"),
            (Some(input), Detail::Full) => write!(self.text, " {input:?}"),
            (Some(input), Detail::Brief) => {
                self.text.push(' ');
                input.brief(&mut self.text)
            }
        };
        for (position, effect) in effects.iter().enumerate() {
            self.text.push_str(if position == 0 { "  =>  " } else { "; " });
            let _ = match self.detail {
                Detail::Full => write!(self.text, "{effect:?}"),
                Detail::Brief => effect.brief(&mut self.text),
            };
        }
        self.end_line();
    }

    /// Writes a step of a master.
    pub fn master(&mut self, now: Now, node: NodeId, input: Option<&master::Input>, effects: &[master::Effect]) {
        self.line(now, node, input, effects);
    }

    /// A step of an agent.
    pub fn agent(&mut self, now: Now, node: NodeId, input: Option<&agent::Input>, effects: &[agent::Effect]) {
        self.line(now, node, input, effects);
    }

    pub(crate) fn framework(
        &mut self,
        now: Now,
        node: NodeId,
        input: Option<&driver::Input>,
        effects: &[driver::Effect],
    ) {
        self.line(now, node, input, effects);
    }
}

/// Executors and their agents say little to each other, and all of it may matter.
impl Trace {
    pub(crate) fn executor(
        &mut self,
        now: Now,
        node: NodeId,
        input: Option<&mesos_exec::driver::Input>,
        effects: &[mesos_exec::driver::Effect],
    ) {
        self.line(now, node, input, effects);
    }
}

impl Brief for mesos_exec::driver::Input {
    fn brief(&self, out: &mut String) -> fmt::Result {
        write!(out, "{self:?}")
    }
}

impl Brief for mesos_exec::driver::Effect {
    fn brief(&self, out: &mut String) -> fmt::Result {
        write!(out, "{self:?}")
    }
}

/// Writes what a reader needs of a value.
trait Brief {
    fn brief(&self, out: &mut String) -> fmt::Result;
}

impl Brief for master::Input {
    fn brief(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Elected { term, records } => write!(out, "elected term={} records={}", term.0, records.len()),
            Self::Demoted => write!(out, "demoted"),
            Self::Persisted { ticket, result } => write!(out, "persisted #{} {}", ticket.0, outcome(result)),
            Self::Scheduler { conn, seq, call } => {
                write!(out, "{conn}/{} ", seq.0)?;
                call.brief(out)
            }
            Self::Agent { conn, seq, message } => {
                write!(out, "{conn}/{} ", seq.0)?;
                message.brief(out)
            }
            Self::Disconnected { conn } => write!(out, "disconnected {conn}"),
            Self::Operator { call, .. } => write!(out, "operator {call:?}"),
            other => write!(out, "{other:?}"),
        }
    }
}

impl Brief for master::Effect {
    fn brief(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Persist { ticket, term, changes } => {
                write!(out, "persist #{} term={}", ticket.0, term.0)?;
                changes.iter().try_for_each(|change| write!(out, " {}", change.key()))
            }
            Self::ToScheduler { conn, seq, event } => {
                write!(out, "{conn}/{} ", seq.0)?;
                event.brief(out)
            }
            Self::ToAgent { conn, seq, message } => {
                write!(out, "{conn}/{} ", seq.0)?;
                message.brief(out)
            }
            Self::Close { conn, why } => write!(out, "close {conn} ({why})"),
            Self::Reply { response, .. } => write!(out, "reply {response:?}"),
            Self::StepDown { why, .. } => write!(out, "step down ({why})"),
            other => write!(out, "{other:?}"),
        }
    }
}

impl Brief for agent::Input {
    fn brief(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Recovered { records } => write!(out, "recovered records={}", records.len()),
            Self::LeaderChanged { leader } => write!(out, "leader {}", leader_name(leader.as_ref())),
            Self::Connected { conn } => write!(out, "connected {conn}"),
            Self::Received { conn, seq, message } => {
                write!(out, "{conn}/{} ", seq.0)?;
                message.brief(out)
            }
            Self::Container { ticket, outcome } => write!(out, "container #{} {outcome:?}", ticket.0),
            Self::Checkpointed { ticket, result } => write!(out, "checkpointed #{} {}", ticket.0, outcome(result)),
            other => write!(out, "{other:?}"),
        }
    }
}

impl Brief for agent::Effect {
    fn brief(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Connect { leader } => write!(out, "connect {}", leader.id),
            Self::Send { conn, seq, message } => {
                write!(out, "{conn}/{} ", seq.0)?;
                message.brief(out)
            }
            Self::Close { conn, why } => write!(out, "close {conn} ({why})"),
            Self::Container { ticket, op: ContainerOp::Launch(spec) } => {
                write!(out, "container #{} launch {} {}", ticket.0, spec.id, spec.resources)
            }
            Self::Container { ticket, op } => write!(out, "container #{} {op:?}", ticket.0),
            Self::Checkpoint { ticket, changes } => {
                write!(out, "checkpoint #{}", ticket.0)?;
                changes.iter().try_for_each(|change| write!(out, " {}", change.key()))
            }
            Self::Stop { why } => write!(out, "stop ({why})"),
            other => write!(out, "{other:?}"),
        }
    }
}

impl Brief for driver::Input {
    fn brief(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Recovered { records } => write!(out, "recovered records={}", records.len()),
            Self::LeaderChanged { leader } => write!(out, "leader {}", leader_name(leader.as_ref())),
            Self::Connected { conn } => write!(out, "connected {conn}"),
            Self::Received { conn, seq, event } => {
                write!(out, "{conn}/{} ", seq.0)?;
                event.brief(out)
            }
            Self::Saved { ticket, result } => write!(out, "saved #{} {}", ticket.0, outcome(result)),
            other => write!(out, "{other:?}"),
        }
    }
}

impl Brief for driver::Effect {
    fn brief(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Connect { leader } => write!(out, "connect {}", leader.id),
            Self::Send { conn, seq, call } => {
                write!(out, "{conn}/{} ", seq.0)?;
                call.brief(out)
            }
            Self::Close { conn, why } => write!(out, "close {conn} ({why})"),
            Self::Save { ticket, changes } => {
                write!(out, "save #{}", ticket.0)?;
                changes.iter().try_for_each(|change| write!(out, " {}", change.key()))
            }
            Self::Stop { why } => write!(out, "stop ({why})"),
            other => write!(out, "{other:?}"),
        }
    }
}

impl Brief for scheduler::Call {
    fn brief(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Subscribe { info, .. } => {
                write!(out, "SUBSCRIBE {}", info.name)?;
                info.id.iter().try_for_each(|id| write!(out, " id={id}"))
            }
            Self::Accept { offers, operations, .. } => {
                write!(out, "ACCEPT {}", list(offers))?;
                operations.iter().try_for_each(|operation| match operation {
                    mesos_core::Operation::Launch(tasks) | mesos_core::Operation::LaunchGroup(tasks) => {
                        tasks.iter().try_for_each(|task| {
                            let name = operation.name();
                            write!(out, " {name} {} on {} {}", task.id, task.agent_id, task.resources)
                        })
                    }
                    mesos_core::Operation::Reserve(what)
                    | mesos_core::Operation::Unreserve(what)
                    | mesos_core::Operation::Create(what)
                    | mesos_core::Operation::Destroy(what) => write!(out, " {} {what}", operation.name()),
                    other => write!(out, " {}", other.name()),
                })
            }
            Self::Decline { offers, filters } => {
                write!(out, "DECLINE {} for {:?}", list(offers), filters.refuse_for)
            }
            Self::Kill { task_id, .. } => write!(out, "KILL {task_id}"),
            Self::Acknowledge { task_id, .. } => write!(out, "ACKNOWLEDGE {task_id}"),
            Self::Reconcile { tasks } => {
                write!(out, "RECONCILE")?;
                tasks.iter().try_for_each(|(id, _)| write!(out, " {id}"))
            }
            other => write!(out, "{}", other.name()),
        }
    }
}

impl Brief for scheduler::Event {
    fn brief(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Subscribed { framework_id, .. } => write!(out, "SUBSCRIBED {framework_id}"),
            Self::Offers(offers) => {
                write!(out, "OFFERS")?;
                offers.iter().try_for_each(|offer| write!(out, " {} {}[{}]", offer.id, offer.agent_id, offer.resources))
            }
            Self::Rescind(offer) => write!(out, "RESCIND {offer}"),
            Self::Update(status) => {
                write!(out, "UPDATE {} {}", status.task_id, status.state)?;
                status.reason.iter().try_for_each(|reason| write!(out, " {reason:?}"))
            }
            Self::Failure { agent_id, .. } => write!(out, "FAILURE {agent_id}"),
            Self::Error(rejection) => write!(out, "ERROR {rejection}"),
            other => write!(out, "{}", other.name()),
        }
    }
}

impl Brief for agent_call::ToMaster {
    fn brief(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Register { total, .. } => write!(out, "REGISTER {total}"),
            Self::Reregister(report) => {
                write!(out, "REREGISTER {} {}", report.agent_id, report.total)?;
                report.tasks.iter().try_for_each(|task| write!(out, " {}={}", task.info.id, task.state))
            }
            Self::Update { status, latest, .. } => {
                write!(out, "UPDATE {} {} latest={latest}", status.task_id, status.state)
            }
            other => write!(out, "{}", other.name()),
        }
    }
}

impl Brief for agent_call::ToAgent {
    fn brief(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Registered { agent_id, .. } => write!(out, "REGISTERED {agent_id}"),
            Self::Reregistered { agent_id, missing, .. } => {
                write!(out, "REREGISTERED {agent_id}")?;
                missing.iter().try_for_each(|(_, task)| write!(out, " missing={task}"))
            }
            Self::Run(run) => write!(out, "RUN {} {}", run.task.id, run.task.resources),
            Self::Kill { task_id, .. } => write!(out, "KILL {task_id}"),
            Self::Acknowledge { task_id, .. } => write!(out, "ACKNOWLEDGE {task_id}"),
            Self::ShutdownFramework { framework_id } => write!(out, "SHUTDOWN_FRAMEWORK {framework_id}"),
            Self::SetTotal { total } => write!(out, "SET_TOTAL {total}"),
            Self::Shutdown(rejection) => write!(out, "SHUTDOWN {rejection}"),
            other => write!(out, "{}", other.name()),
        }
    }
}

fn outcome<E: fmt::Display>(result: &Result<(), E>) -> String {
    match result {
        Ok(()) => "ok".into(),
        Err(error) => error.to_string(),
    }
}

fn leader_name(leader: Option<&mesos_core::call::Leader>) -> &str {
    leader.map_or("nobody", |leader| leader.id.as_str())
}

fn list<I: fmt::Display>(ids: &[I]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_depends_on_order_and_length() {
        let digest = |words: &[u64]| {
            let mut digest = Digest::default();
            words.iter().for_each(|&word| digest.fold(word));
            digest
        };
        assert_ne!(digest(&[1, 2]), digest(&[2, 1]));
        assert_ne!(digest(&[1]), digest(&[1, 0]));
        assert_eq!(digest(&[1, 2]), digest(&[1, 2]));
    }

    #[test]
    fn line_digests_keep_no_text() {
        let mut trace = Trace::digests();
        trace.note(Instant::ZERO, NodeId::Agent(1), "up");
        trace.note(Instant::ZERO, NodeId::Agent(2), "up");
        assert!(trace.as_str().is_empty());
        assert_eq!(trace.line_digests().len(), 2);
        assert_ne!(trace.line_digests()[0], trace.line_digests()[1]);
    }
}
