//! A kill comes true: a task its framework wants ended has ended when its grace and a little more are over.
//!
//! Source: Apache Mesos, `docs/high-availability-framework-guide.md` (KILL) and `docs/task-state-reasons.md`; the chapter on
//! architecture of our own docs. Followed are kills that a master sends on for a task it has, and only while nothing goes
//! wrong: before the first fault of a run, and from a while after the last, when everybody has found everybody again. Time
//! does not count while the agent is not registered. The agent's own word is what counts: how the news travels from there
//! is the business of other properties.
//!
//! Only commands are followed. How long another executor takes is its author's business.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_core::call::agent::ToAgent;
use mesos_core::{AgentId, FrameworkId, Instant, KillPolicy, TaskId, TaskRun};
use mesos_sched::master::{Effect, Master};

use super::{Check, Step, Stepped};
use crate::node::NodeId;
use crate::world::{Stage, World};

/// What comes on top of the grace: the way to the agent, the writes to its disk that come first, a container that is still
/// being started, its end. With the usual grace that is less than the ten seconds after which a driver repeats a kill: one
/// that comes true only because it was said twice had been lost.
const REST_MAX: Duration = Duration::from_secs(5);
/// How long after the last fault peers may take to find each other: the longest silence before a connection is given up,
/// 75 s, and the longest waits of those who come back, one minute, each twice.
const RECOVERY_MAX: Duration = Duration::from_secs(300);

type Key = (FrameworkId, TaskId);

/// A kill under way.
#[derive(Debug)]
struct Kill {
    agent: AgentId,
    grace: Duration,
    /// From when on the grace counts.
    since: Instant,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct KillInTime {
    kills: BTreeMap<NodeId, BTreeMap<Key, Kill>>,
    /// Before that, time does not count.
    calm_from: Instant,
    /// Nothing can be overdue earlier.
    look_at: Option<Instant>,
}

impl Check for KillInTime {
    fn name(&self) -> &'static str {
        "kill_in_time"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        if step.world.stage() == Stage::Faulty && !step.world.struck().is_empty() {
            self.calm_from = step.world.now().mono + RECOVERY_MAX;
        }
        match step.stepped {
            Stepped::Master { node, machine, effects, .. } => self.hear(step.world, node, machine, effects),
            Stepped::Crashed { node } => drop(self.kills.remove(&node)),
            _ => {}
        }
        if self.look_at.is_some_and(|at| at <= step.world.now().mono) { self.look(step.world) } else { Ok(()) }
    }
}

impl KillInTime {
    /// What a master passes on.
    fn hear(&mut self, world: &World, node: NodeId, master: &Master, effects: &[Effect]) {
        if master.leading().is_none() {
            self.kills.remove(&node);
            return;
        }
        for effect in effects {
            let Effect::ToAgent { message: ToAgent::Kill { framework_id, task_id, policy }, .. } = effect else {
                continue;
            };
            let Some(task) = master.task(framework_id, task_id) else { continue };
            if !matches!(task.info.run, TaskRun::Command(_)) {
                continue;
            }
            let agent = task.agent_id.clone();
            let own = task.info.kill_policy;
            let grace = grace(world, &agent, policy.unwrap_or_default(), own);
            let since = world.now().mono;
            let kill = Kill { agent, grace, since };
            let due = kill.due();
            // A later kill may hasten the end, but never puts it off.
            self.kills.entry(node).or_default().entry((framework_id.clone(), task_id.clone())).or_insert(kill);
            self.look_at = Some(self.look_at.map_or(due, |at| at.min(due)));
        }
    }

    /// Looks at every kill that may be overdue, and says when to look again.
    fn look(&mut self, world: &World) -> Result<(), String> {
        let now = world.now().mono;
        let mut overdue = None;
        for (node, kills) in &mut self.kills {
            kills.retain(|key, kill| {
                kill.since = kill.since.max(self.calm_from);
                if !has_task(world, key, &kill.agent) {
                    return false;
                }
                if !is_in_touch(world, &kill.agent) {
                    kill.since = kill.since.max(now);
                }
                if kill.due() <= now && overdue.is_none() {
                    let ((framework, task), waited) = (key, now.since(kill.since));
                    overdue = Some(format!(
                        "{node} sent a KILL of task {framework}/{task} with a grace of {:?}, and {waited:?} later it is alive",
                        kill.grace,
                    ));
                }
                true
            });
        }
        self.look_at = self.kills.values().flat_map(BTreeMap::values).map(Kill::due).min();
        overdue.map_or(Ok(()), Err)
    }
}

impl Kill {
    fn due(&self) -> Instant {
        self.since + self.grace + REST_MAX
    }
}

/// The grace of a kill: what it brings, else the task's own, else the agent's.
fn grace(world: &World, agent: &AgentId, asked: KillPolicy, own: KillPolicy) -> Duration {
    let by_default = || {
        let place = world.agents().position(|view| view.machine.is_some_and(|machine| machine.id() == Some(agent)));
        place.and_then(|place| world.spec().agents.get(place)).map(|spec| spec.options.kill_grace)
    };
    asked.grace.or(own.grace).or_else(by_default).unwrap_or_default()
}

/// Whether the agent has the task and it has not ended there.
fn has_task(world: &World, (framework, task): &Key, agent: &AgentId) -> bool {
    let machines = world.agents().filter_map(|view| view.machine);
    let mut own = machines.filter(|machine| machine.id() == Some(agent));
    let is_alive = |view: mesos_exec::agent::TaskView<'_>| {
        view.framework_id == framework && view.task_id == task && !view.state.is_terminal()
    };
    own.any(|machine| machine.tasks().any(is_alive))
}

/// Whether the agent is up and registered, and what a leader told it can have arrived.
fn is_in_touch(world: &World, agent: &AgentId) -> bool {
    let leader = world.masters().filter_map(|view| view.machine).find(|machine| machine.leading().is_some());
    let is_connected = leader.is_some_and(|leader| {
        leader.agent_key(agent).and_then(|key| leader.agent(key)).is_some_and(|view| view.is_connected)
    });
    let mut machines = world.agents().filter_map(|view| view.machine);
    is_connected && machines.any(|machine| machine.id() == Some(agent) && machine.is_registered())
}
