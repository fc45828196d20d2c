//! The model that stands for containers: how they start, run, obey and fail.
//!
//! How long a container runs comes from its command, so that the same framework means the same thing live and simulated:
//! [`DURATION_ENV`] in the environment wins, then the shell lines `sleep <seconds>`, `true`, `false` and `exit <status>`
//! mean what they mean to a shell, and anything else draws from [`ContainerModel::run`].
//!
//! Containers belong to the machine, not to the agent's process: they outlive its restarts and are what the checks compare
//! the books with. Nobody but the world drives this module; checks read it.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_core::container::{CommandInfo, Run};
use mesos_core::handles;
use mesos_core::kernel::{Rng, Table, Ticket};
use mesos_core::{ContainerId, ContainerSpec, Exit, FrameworkId, Instant, Resources};
use serde::{Deserialize, Serialize};

use crate::node::Program;
use crate::report::{Amounts, amounts};

/// Environment variable that says how long a simulated container runs: seconds, with decimals. `forever` never ends.
pub const DURATION_ENV: &str = "MESOS_SIM_DURATION";
/// Environment variable with the status a simulated container exits with; absent means 0.
pub const EXIT_ENV: &str = "MESOS_SIM_EXIT";

/// Exit status of a process ended by a signal it does not handle.
const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

/// A start that takes as long as this is one that never ends: every phase has a deadline that is much shorter.
const HANG: Duration = Duration::from_secs(30 * 24 * 3_600);

/// How containers behave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerModel {
    /// Shortest and longest start.
    pub start: (Duration, Duration),
    /// Shortest and longest run of commands that do not say.
    pub run: (Duration, Duration),
    /// How often a start fails, per million.
    pub launch_failure_ppm: u32,
    /// How often nobody ever says whether a start succeeded, per million: the helper that starts it hangs.
    #[serde(default)]
    pub hang_ppm: u32,
    /// How often a run ends early and badly, per million.
    pub crash_ppm: u32,
    /// How often a container does not end when asked politely, per million.
    pub ignores_term_ppm: u32,
    /// Longest time to end when asked politely.
    pub term: Duration,
    /// How often a task is not well when one of its ports is asked, per million.
    #[serde(default)]
    pub unwell_ppm: u32,
    /// Longest way of an answer from the containerizer to its agent.
    #[serde(default = "answer")]
    pub answer: Duration,
}

const fn answer() -> Duration {
    Duration::from_millis(2)
}

impl Default for ContainerModel {
    /// Nothing fails; starting takes what a small process takes.
    fn default() -> Self {
        Self {
            start: (Duration::from_millis(5), Duration::from_millis(50)),
            run: (Duration::from_secs(5), Duration::from_secs(60)),
            launch_failure_ppm: 0,
            hang_ppm: 0,
            crash_ppm: 0,
            ignores_term_ppm: 0,
            term: Duration::from_millis(200),
            unwell_ppm: 0,
            answer: answer(),
        }
    }
}

/// Where a container is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It was asked for and does not run yet.
    Starting,
    /// It runs.
    Running,
    /// It ended and nobody has asked how yet.
    Ended(Exit),
}

/// One container, as it really is.
#[derive(Debug)]
pub struct Container {
    /// Where it is in its life.
    pub phase: Phase,
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// What it may use.
    pub resources: Resources,
    /// When it was asked for.
    pub asked_at: Instant,
    /// Tells it from earlier containers in its row.
    serial: u64,
    /// What it may use, in short.
    pub(crate) amounts: Amounts,
    launch: Option<Ticket>,
    /// The executor that will run in it.
    program: Option<Box<Program>>,
    /// Who waits for its end: one, as a rule.
    waits: Option<Ticket>,
    more_waits: Vec<Ticket>,
    runs_for: Option<Duration>,
    exit: Exit,
    obeys_after: Option<Duration>,
    /// Its start will never end by itself.
    is_hung: bool,
}

/// What is to happen to a container later; the world schedules it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Its start succeeds.
    Starts,
    /// Its start fails.
    FailsToStart,
    /// It ends by itself.
    Ends,
    /// It gives in to a polite signal.
    GivesIn,
}

/// What the agent's process is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    Launched(Ticket),
    LaunchFailed(Ticket, &'static str),
    Exited(Ticket, Exit),
}

handles! {
    /// A container on its machine.
    ContainerRow;
}

/// Names a container for as long as there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContainerRef {
    row: ContainerRow,
    /// Tells it from those that had its row before.
    serial: u64,
}

/// The containers of one machine.
#[derive(Debug, Default)]
pub struct Containers {
    table: Table<ContainerId, ContainerRow, Container>,
    next_serial: u64,
}

/// A container began or ceased to use what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UseChange {
    None,
    Began,
    Ended,
}

impl Containers {
    /// All containers, in an order that depends on the run alone.
    pub fn iter(&self) -> impl Iterator<Item = (&ContainerId, &Container)> {
        self.table.iter().map(|(_, id, container)| (id, container))
    }

    /// The container of this id.
    #[must_use]
    pub fn get(&self, id: &ContainerId) -> Option<&Container> {
        self.table.get(self.table.find(id)?)
    }

    fn get_mut(&mut self, id: &ContainerId) -> Option<&mut Container> {
        self.table.get_mut(self.table.find(id)?)
    }

    /// The container that is meant, if there still is one.
    pub(crate) fn meant(&self, at: ContainerRef) -> Option<&Container> {
        self.table.get(at.row).filter(|container| container.serial == at.serial)
    }

    /// Those that run or are about to.
    pub fn alive(&self) -> impl Iterator<Item = (&ContainerId, &Container)> {
        self.iter().filter(|(_, container)| container.is_alive())
    }

    /// A container is asked for: when it will run or have failed.
    pub(crate) fn launch(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        model: &ContainerModel,
        ticket: Ticket,
        spec: ContainerSpec,
    ) -> Result<(ContainerRef, Due, Duration), &'static str> {
        let serial = self.next_serial;
        self.next_serial += 1;
        let start = rng.duration_between(model.start.0, model.start.1);
        let due = if rng.chance(model.launch_failure_ppm) { Due::FailsToStart } else { Due::Starts };
        let is_hung = model.hang_ppm > 0 && rng.chance(model.hang_ppm);
        let start = if is_hung { HANG } else { start };
        let (runs_for, exit) = plan(rng, model, &spec.command);
        let obeys_after = (!rng.chance(model.ignores_term_ppm)).then(|| rng.duration(model.term));
        let container = Container {
            program: Program::of(&spec),
            phase: Phase::Starting,
            framework_id: spec.framework_id,
            amounts: amounts(&spec.resources),
            resources: spec.resources,
            asked_at: now,
            serial,
            launch: Some(ticket),
            waits: None,
            more_waits: Vec::new(),
            runs_for,
            exit,
            obeys_after,
            is_hung,
        };
        let row = self.table.insert(spec.id, container).map_err(|_| "a container of this id exists already")?;
        Ok((ContainerRef { row, serial }, due, start))
    }

    /// Something scheduled for a container is due; says who is to be told, whether its use changed, and what is next.
    pub(crate) fn due(&mut self, at: ContainerRef, due: Due, news: &mut Vec<News>) -> (UseChange, Option<Duration>) {
        let (at, serial) = (at.row, at.serial);
        let Some(container) = self.table.get_mut(at).filter(|container| container.serial == serial) else {
            return (UseChange::None, None);
        };
        match (due, &container.phase) {
            (Due::Starts, Phase::Starting) => {
                container.phase = Phase::Running;
                news.extend(container.launch.take().map(News::Launched));
                (UseChange::Began, container.runs_for)
            }
            (Due::FailsToStart, Phase::Starting) => {
                let (_, container) = self.table.remove(at).expect("it was just there");
                news.extend(
                    container.launch.map(|ticket| News::LaunchFailed(ticket, "the image could not be prepared")),
                );
                (UseChange::None, None)
            }
            (Due::Ends, Phase::Running) => {
                let exit = container.exit.clone();
                self.end(at, exit, news);
                (UseChange::Ended, None)
            }
            (Due::GivesIn, Phase::Running) => {
                self.end(at, Exit::Signalled(SIGTERM), news);
                (UseChange::Ended, None)
            }
            _ => (UseChange::None, None),
        }
    }

    /// Somebody wants to know how it ends.
    pub(crate) fn wait(&mut self, id: &ContainerId, ticket: Ticket) -> Result<Option<Exit>, &'static str> {
        let container = self.get_mut(id).ok_or("no such container")?;
        if let Phase::Ended(exit) = &container.phase {
            let exit = exit.clone();
            self.table.remove_id(id);
            return Ok(Some(exit));
        }
        match container.waits {
            None => container.waits = Some(ticket),
            Some(_) => container.more_waits.push(ticket),
        }
        Ok(None)
    }

    /// A polite signal: when it will give in, if it does.
    pub(crate) fn terminate(&self, id: &ContainerId) -> Result<Option<(ContainerRef, Duration)>, &'static str> {
        let row = self.table.find(id).ok_or("no such container")?;
        let container = &self.table[row];
        let at = ContainerRef { row, serial: container.serial };
        match container.phase {
            Phase::Running => Ok(container.obeys_after.map(|after| (at, after))),
            _ => Ok(None),
        }
    }

    /// Ends it at once. `is_removed` also forgets it.
    pub(crate) fn kill(&mut self, id: &ContainerId, is_removed: bool, news: &mut Vec<News>) -> UseChange {
        let Some(at) = self.table.find(id) else { return UseChange::None };
        let container = &mut self.table[at];
        let change = match container.phase {
            Phase::Running => {
                self.end(at, Exit::Signalled(SIGKILL), news);
                UseChange::Ended
            }
            Phase::Starting if is_removed => {
                let ticket = container.launch.take();
                news.extend(ticket.map(|ticket| News::LaunchFailed(ticket, "it was destroyed while it was starting")));
                let exit = Exit::Signalled(SIGKILL);
                news.extend(container.take_waits().map(|ticket| News::Exited(ticket, exit.clone())));
                UseChange::None
            }
            _ => UseChange::None,
        };
        if is_removed {
            self.table.remove_id(id);
        }
        change
    }

    /// What runs in it ends by itself, if it runs.
    pub(crate) fn exit(&mut self, id: &ContainerId, exit: Exit, news: &mut Vec<News>) -> UseChange {
        let at = self.table.find(id).filter(|at| self.table[*at].phase == Phase::Running);
        let Some(at) = at else { return UseChange::None };
        self.end(at, exit, news);
        UseChange::Ended
    }

    /// The name of the container that is meant.
    pub(crate) fn id(&self, at: ContainerRef) -> Option<ContainerId> {
        self.meant(at).and_then(|_| self.table.id(at.row)).cloned()
    }

    /// The executor that is to run in a container, for whoever starts it.
    pub(crate) fn take_program(&mut self, at: ContainerRef) -> Option<Box<Program>> {
        self.table.get_mut(at.row).filter(|container| container.serial == at.serial)?.program.take()
    }

    fn end(&mut self, at: ContainerRow, exit: Exit, news: &mut Vec<News>) {
        let container = &mut self.table[at];
        if container.waits.is_none() {
            container.phase = Phase::Ended(exit);
        } else {
            news.extend(container.take_waits().map(|ticket| News::Exited(ticket, exit.clone())));
            self.table.remove(at);
        }
    }

    /// The agent's process died: nobody waits any more. Starts under way may have been cut short.
    pub(crate) fn abandon(&mut self, rng: &mut Rng) {
        for id in self.ids() {
            let Some(container) = self.get_mut(&id) else { continue };
            drop(container.take_waits());
            let was_starting = container.launch.take().is_some() && container.phase == Phase::Starting;
            // A helper that hangs ends with the agent's process, and nothing was started.
            if was_starting && (container.is_hung || rng.chance(500_000)) {
                self.table.remove_id(&id);
            }
        }
    }

    /// The machine lost its power, or the agent is being wiped: all that used something.
    pub(crate) fn clear(&mut self) -> Vec<Container> {
        let all = self.ids().into_iter().filter_map(|id| self.table.remove_id(&id));
        all.map(|(_, container)| container).filter(|container| container.phase == Phase::Running).collect()
    }

    /// Containers that are not among `known`, to be destroyed.
    pub(crate) fn strangers(&self, known: &BTreeSet<ContainerId>) -> BTreeSet<ContainerId> {
        self.iter().map(|(id, _)| id).filter(|id| !known.contains(*id)).cloned().collect()
    }

    /// Forgets ended ones; which of `known` are alive.
    pub(crate) fn survivors(&mut self, known: &BTreeSet<ContainerId>) -> BTreeSet<ContainerId> {
        let ended: Vec<ContainerRow> =
            self.table.iter().filter(|(_, _, container)| !container.is_alive()).map(|(at, _, _)| at).collect();
        for at in ended {
            self.table.remove(at);
        }
        self.iter().map(|(id, _)| id).filter(|id| known.contains(*id)).cloned().collect()
    }

    /// The ids in their order.
    fn ids(&self) -> BTreeSet<ContainerId> {
        self.iter().map(|(id, _)| id.clone()).collect()
    }
}

impl Container {
    /// Whether it runs or is about to.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Running)
    }

    fn take_waits(&mut self) -> impl Iterator<Item = Ticket> + use<> {
        self.waits.take().into_iter().chain(std::mem::take(&mut self.more_waits))
    }
}

/// How long a command runs (`None`: until somebody ends it) and how it ends.
fn plan(rng: &mut Rng, model: &ContainerModel, command: &CommandInfo) -> (Option<Duration>, Exit) {
    let status = command.environment.get(EXIT_ENV).and_then(|text| text.parse().ok());
    let (runs_for, own_status) = match command.environment.get(DURATION_ENV) {
        Some(text) => (seconds(text), 0),
        None => shell_line(command).unwrap_or_else(|| (Some(rng.duration_between(model.run.0, model.run.1)), 0)),
    };
    if rng.chance(model.crash_ppm) {
        let longest = runs_for.unwrap_or(model.run.1);
        return (Some(rng.duration(longest)), Exit::Status(1));
    }
    (runs_for, Exit::Status(status.unwrap_or(own_status)))
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().and_then(|secs| Duration::try_from_secs_f64(secs).ok())
}

fn shell_line(command: &CommandInfo) -> Option<(Option<Duration>, i32)> {
    let Run::Shell(line) = &command.run else { return None };
    let mut words = line.split_whitespace();
    let parsed = match (words.next()?, words.next()) {
        ("sleep", Some(text)) => (Some(seconds(text)?), 0),
        ("true", None) => (Some(Duration::ZERO), 0),
        ("false", None) => (Some(Duration::ZERO), 1),
        ("exit", Some(text)) => (Some(Duration::ZERO), text.parse().ok()?),
        _ => return None,
    };
    words.next().is_none().then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos_core::ExecutorId;

    fn spec(id: &str, command: CommandInfo) -> ContainerSpec {
        ContainerSpec::new(
            ContainerId::new(id).unwrap(),
            FrameworkId::new("f").unwrap(),
            ExecutorId::new("e").unwrap(),
            command,
            Resources::new(),
        )
    }

    #[test]
    fn a_command_says_how_long_it_runs() {
        let (mut rng, model) = (Rng::new(1), ContainerModel::default());
        let secs = |secs| Some(Duration::from_secs_f64(secs));
        for (command, expected) in [
            (CommandInfo::shell("serve").env(DURATION_ENV, "2.5"), (secs(2.5), Exit::Status(0))),
            (CommandInfo::shell("serve").env(DURATION_ENV, "forever"), (None, Exit::Status(0))),
            (CommandInfo::shell("sleep 7"), (secs(7.0), Exit::Status(0))),
            (CommandInfo::shell("false"), (secs(0.0), Exit::Status(1))),
            (CommandInfo::shell("exit 3"), (secs(0.0), Exit::Status(3))),
            (CommandInfo::shell("true").env(EXIT_ENV, "4"), (secs(0.0), Exit::Status(4))),
        ] {
            assert_eq!(plan(&mut rng, &model, &command), expected, "{command:?}");
        }
        let (drawn, _) = plan(&mut rng, &model, &CommandInfo::shell("sleep 7; echo"));
        assert!(drawn.is_some_and(|drawn| drawn >= model.run.0 && drawn <= model.run.1));
    }

    #[test]
    fn a_waiter_hears_the_end_once_and_the_container_is_gone() {
        let (mut rng, model, mut all) = (Rng::new(1), ContainerModel::default(), Containers::default());
        let id = ContainerId::new("c").unwrap();
        let launched = all.launch(Instant::ZERO, &mut rng, &model, Ticket(1), spec("c", CommandInfo::shell("true")));
        let (at, due, _) = launched.unwrap();
        let mut news = Vec::new();
        assert_eq!(all.due(at, due, &mut news).0, UseChange::Began);
        assert_eq!(all.wait(&id, Ticket(2)), Ok(None));
        assert_eq!(all.due(at, Due::Ends, &mut news).0, UseChange::Ended);
        assert_eq!(news, [News::Launched(Ticket(1)), News::Exited(Ticket(2), Exit::Status(0))]);
        assert!(all.get(&id).is_none());
    }

    #[test]
    fn destroying_a_container_that_starts_fails_its_launch() {
        let (mut rng, model, mut all) = (Rng::new(1), ContainerModel::default(), Containers::default());
        let id = ContainerId::new("c").unwrap();
        let command = CommandInfo::shell("sleep 9");
        let (at, due, _) = all.launch(Instant::ZERO, &mut rng, &model, Ticket(1), spec("c", command)).unwrap();
        let mut news = Vec::new();
        assert_eq!(all.kill(&id, true, &mut news), UseChange::None);
        assert!(matches!(news[..], [News::LaunchFailed(Ticket(1), _)]));
        assert_eq!(all.due(at, due, &mut news).0, UseChange::None);
    }

    #[test]
    fn containers_outlive_the_agents_process_and_strangers_are_found() {
        let (mut rng, model, mut all) = (Rng::new(1), ContainerModel::default(), Containers::default());
        let mut news = Vec::new();
        for name in ["a", "b"] {
            let spec = spec(name, CommandInfo::shell("sleep 9"));
            let (at, due, _) = all.launch(Instant::ZERO, &mut rng, &model, Ticket(1), spec).unwrap();
            all.due(at, due, &mut news);
        }
        all.abandon(&mut rng);
        let known = [ContainerId::new("a").unwrap()].into();
        assert_eq!(all.strangers(&known), BTreeSet::from([ContainerId::new("b").unwrap()]));
        assert_eq!(all.survivors(&known), known);
    }
}
