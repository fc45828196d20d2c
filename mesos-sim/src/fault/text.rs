//! Faults in plain words, and whom they touch.

use std::fmt;
use std::time::Duration;

use super::{Action, CrashKind, DiskFate, ExecutorTrouble, OperatorAction, Target};
use crate::net::{CutMode, Group};
use crate::node::NodeId;

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leader => f.write_str("the leader"),
            Self::Standby(place) => write!(f, "standby {place}"),
            Self::Node(node) => write!(f, "{node}"),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash { target, kind, down_for, disk } => {
                let what = match kind {
                    CrashKind::Process => "the process ends",
                    CrashKind::Machine => "the machine loses power",
                };
                write!(f, "{target}: {what}, back after {}", span(*down_for))?;
                f.write_str(match disk {
                    DiskFate::Kept => "",
                    DiskFate::Torn => "; a record on its disk is torn",
                    DiskFate::Lost => "; its disk is lost",
                })
            }
            Self::Trip { target, steps, done_ppm, down_for, .. } => write!(
                f,
                "{target}: in step {} from now the process ends when {} % of its effects are carried out, back after {}",
                steps + 1,
                done_ppm / 10_000,
                span(*down_for)
            ),
            Self::Earlier { target, down_for, lasts, .. } => {
                let (down_for, lasts) = (span(*down_for), span(*lasts));
                write!(f, "{target}: the process comes back after {down_for} as an earlier version, for {lasts}")
            }
            Self::Partition { cut, lasts } => {
                let arrow = if cut.is_both_ways { "and" } else { "to" };
                let mode = match cut.mode {
                    CutMode::Drop => "is lost",
                    CutMode::Hold => "waits",
                };
                let (from, to, lasts) = (names(&cut.from), names(&cut.to), span(*lasts));
                write!(f, "what {from} {arrow} {to} say to each other {mode}, for {lasts}")
            }
            Self::Clog { clog, lasts } => {
                let (group, extra) = (names(&clog.group), span(clog.extra));
                write!(f, "messages to and from {group} take up to {extra} longer, for {}", span(*lasts))
            }
            Self::Loss { ppm, lasts } => write!(f, "{} of messages are lost, for {}", percent(*ppm), span(*lasts)),
            Self::Duplicate { ppm, lasts } => {
                write!(f, "{} of messages come twice, for {}", percent(*ppm), span(*lasts))
            }
            Self::Reset { ppm, .. } => write!(f, "{} of standing connections break", percent(*ppm)),
            Self::Pause { target, lasts } => write!(f, "{target}: the process stands still for {}", span(*lasts)),
            Self::Store { trouble, lasts } => write!(
                f,
                "writes take up to {} longer, {} of those to the registry end unknown, {} of those to disks fail, for {}",
                span(trouble.slow),
                percent(trouble.unknown_ppm),
                percent(trouble.disk_ppm),
                span(*lasts)
            ),
            Self::Flap => f.write_str("the leader's lease is taken away"),
            Self::Containers { launch_failure_ppm, crash_ppm, lasts } => write!(
                f,
                "{} of containers fail to start and {} end badly, for {}",
                percent(*launch_failure_ppm),
                percent(*crash_ppm),
                span(*lasts)
            ),
            Self::Kill { agent, ppm, .. } => write!(f, "{} of the containers on a{agent} are killed", percent(*ppm)),
            Self::Executors { agent, ppm, trouble, .. } => {
                write!(f, "{} of the executors on a{agent} ", percent(*ppm))?;
                match trouble {
                    ExecutorTrouble::Break => f.write_str("lose their connections"),
                    ExecutorTrouble::Cut(lasts) => write!(f, "cannot reach their agent for {}", span(*lasts)),
                    ExecutorTrouble::Pause(lasts) => write!(f, "stand still for {}", span(*lasts)),
                    ExecutorTrouble::Kill => f.write_str("are killed"),
                    ExecutorTrouble::Exit(status) => write!(f, "end with status {status}"),
                    ExecutorTrouble::Trip { steps, done_ppm } => write!(
                        f,
                        "are killed in step {} from now when {} % of its effects are carried out",
                        steps + 1,
                        done_ppm / 10_000
                    ),
                    ExecutorTrouble::Stall(lasts) => {
                        write!(f, "and their agent do not hear each other for {}", span(*lasts))
                    }
                    ExecutorTrouble::Repeat(lasts) => write!(f, "say everything twice for {}", span(*lasts)),
                    ExecutorTrouble::Late { lasts, delay } => {
                        write!(f, "that start within {} connect only after {}", span(*lasts), span(*delay))
                    }
                }
            }
            Self::DiskFull { target, lasts } => write!(f, "{target}: the disk is full for {}", span(*lasts)),
            Self::DiskSlow { target, extra, lasts } => {
                write!(f, "{target}: writes to the disk take up to {} longer, for {}", span(*extra), span(*lasts))
            }
            Self::Drift { target, ppm } => write!(f, "{target}: the clock goes {ppm:+} parts per million too fast"),
            Self::WallJump { target, secs } => write!(f, "{target}: the calendar clock jumps by {secs:+} s"),
            Self::Operator(action) => write!(f, "an operator {action}"),
        }
    }
}

impl fmt::Display for OperatorAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agents = |agents: &[u32]| agents.iter().map(|agent| format!("a{agent}")).collect::<Vec<_>>().join(", ");
        match self {
            Self::MarkGone { agent } => write!(f, "says that a{agent} will never come back"),
            Self::Teardown { framework } => write!(f, "removes f{framework}"),
            Self::SetWeight { role, milli } => write!(f, "sets the weight of {role} to {milli} thousandths"),
            Self::SetQuota { role, force, .. } => {
                write!(f, "sets the quota of {role}{}", if *force { ", by force" } else { "" })
            }
            Self::Reserve { agent, resources } => write!(f, "reserves {resources} on a{agent}"),
            Self::Unreserve { agent, resources } => write!(f, "unreserves {resources} on a{agent}"),
            Self::Drain { agent, max_grace_secs, mark_gone } => {
                write!(f, "drains a{agent}")?;
                if let Some(secs) = max_grace_secs {
                    write!(f, " within {secs} s")?;
                }
                f.write_str(if *mark_gone { ", for good" } else { "" })
            }
            Self::CreateVolumes { agent, volumes } => write!(f, "makes {volumes} on a{agent}"),
            Self::DestroyVolumes { agent, volumes } => write!(f, "destroys {volumes} on a{agent}"),
            Self::GrowVolume { agent, volume, addition } => write!(f, "enlarges {volume} on a{agent} by {addition}"),
            Self::ShrinkVolume { agent, volume, subtract_mib } => {
                write!(f, "makes {volume} on a{agent} smaller by {subtract_mib} MB")
            }
            Self::Deactivate { agent } => write!(f, "deactivates a{agent}"),
            Self::Reactivate { agent } => write!(f, "reactivates a{agent}"),
            Self::Schedule { agents: those } if those.is_empty() => f.write_str("clears the maintenance schedule"),
            Self::Schedule { agents: those } => write!(f, "schedules maintenance of {}", agents(those)),
            Self::StartMaintenance { agents: those } => write!(f, "takes {} down for maintenance", agents(those)),
            Self::StopMaintenance { agents: those } => write!(f, "takes {} up after maintenance", agents(those)),
            Self::Whitelist { agents: None } => f.write_str("lifts the whitelist"),
            Self::Whitelist { agents: Some(those) } => write!(f, "offers only {}", agents(those)),
        }
    }
}

impl Action {
    /// Whether it may touch this node. What touches all touches each.
    #[must_use]
    pub fn touches(&self, node: NodeId) -> bool {
        let aims = |target: &Target| match target {
            Target::Leader | Target::Standby(_) => matches!(node, NodeId::Master(_)),
            Target::Node(own) => *own == node,
        };
        match self {
            Self::Crash { target, .. }
            | Self::Trip { target, .. }
            | Self::Earlier { target, .. }
            | Self::Pause { target, .. }
            | Self::DiskFull { target, .. }
            | Self::DiskSlow { target, .. }
            | Self::Drift { target, .. }
            | Self::WallJump { target, .. } => aims(target),
            Self::Partition { cut, .. } => cut.from.contains(node) || cut.to.contains(node),
            Self::Clog { clog, .. } => clog.group.contains(node),
            Self::Kill { agent, .. } | Self::Executors { agent, .. } => node == NodeId::Agent(*agent),
            Self::Containers { .. } => matches!(node, NodeId::Agent(_)),
            Self::Flap => matches!(node, NodeId::Master(_) | NodeId::Quorum),
            Self::Loss { .. } | Self::Duplicate { .. } | Self::Reset { .. } | Self::Store { .. } => true,
            Self::Operator(action) => action.touches(node),
        }
    }
}

impl OperatorAction {
    fn touches(&self, node: NodeId) -> bool {
        match self {
            Self::MarkGone { agent }
            | Self::Reserve { agent, .. }
            | Self::Unreserve { agent, .. }
            | Self::CreateVolumes { agent, .. }
            | Self::DestroyVolumes { agent, .. }
            | Self::GrowVolume { agent, .. }
            | Self::ShrinkVolume { agent, .. }
            | Self::Drain { agent, .. }
            | Self::Deactivate { agent }
            | Self::Reactivate { agent } => node == NodeId::Agent(*agent),
            Self::Teardown { framework } => node == NodeId::Framework(*framework),
            Self::Schedule { agents } | Self::StartMaintenance { agents } | Self::StopMaintenance { agents } => {
                matches!(node, NodeId::Agent(index) if agents.contains(&index))
            }
            Self::Whitelist { .. } => matches!(node, NodeId::Agent(_)),
            Self::SetWeight { .. } | Self::SetQuota { .. } => matches!(node, NodeId::Framework(_)),
        }
    }
}

fn names(group: &Group) -> String {
    match group.len() {
        0..=4 => group.iter().map(|node| node.to_string()).collect::<Vec<_>>().join(", "),
        count => {
            format!("{count} nodes ({}, ..)", group.iter().next().map(|node| node.to_string()).unwrap_or_default())
        }
    }
}

#[allow(clippy::cast_lossless, reason = "in one expression")]
fn percent(ppm: u32) -> String {
    format!("{:.1} %", ppm as f64 / 10_000.0)
}

fn span(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}
