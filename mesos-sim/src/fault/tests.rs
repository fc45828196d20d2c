//! Every kind of fault has an effect, and faults that overlap do not cancel each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use mesos_core::call::executor::Said;
use mesos_core::kernel::Rng;
use mesos_core::{CommandInfo, ContainerId, ExecutorId, ExecutorInfo, Instant, Quota, Role, TaskState, UpdateId};

use super::upkeep::{disk, volume};
use super::{Action, CrashKind, DiskFate, ExecutorTrouble, OperatorAction, StoreTrouble, Target};
use crate::check::{Check, Step, Stepped};
use crate::cluster::{Cluster, secs};
use crate::container::{ContainerModel, DURATION_ENV};
use crate::net::{Clog, Cut, CutMode, Group};
use crate::node::{Earlier, NodeId};
use crate::program::Programs;
use crate::report::Report;
use crate::simulation::Simulation;
use crate::workload::{Habits, Synthetic, Ways};

/// When the fault comes, how long it lasts, and how long it is looked on.
const AT: Duration = secs(30);
const LASTS: Duration = secs(50);
const END: Duration = secs(120);
/// Executors are cut off for so long.
const CUT_FOR: Duration = secs(10);

const AGENT: Target = Target::Node(NodeId::Agent(0));

/// What a run looked like.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Processes that ended, how often.
    crashes: BTreeMap<NodeId, u32>,
    /// The longest time in which a node did nothing.
    silence: BTreeMap<NodeId, Duration>,
    /// The longest time between two steps of an executor.
    executors_gap: Duration,
    /// The last step of each node.
    last_step: BTreeMap<NodeId, Instant>,
    /// By how much clocks are off, at most: the one timeouts run by, and the calendar's.
    clock_off: Duration,
    wall_off: u64,
    /// What agents said about tasks.
    updates: BTreeMap<TaskState, u64>,
    /// Why agents stopped by themselves.
    stops: Vec<String>,
    /// Executors that have subscribed, by their containers.
    subscribed: BTreeSet<ContainerId>,
    /// When the first of them subscribed again.
    again: Option<Instant>,
    /// What executors say to the first agent, and when; and how often one of them says what it has said before.
    said: Vec<Instant>,
    said_before: BTreeSet<UpdateId>,
    repeated: u32,
    /// The longest time from the start of an executor to its first step.
    slowest_start: Duration,
    started: BTreeMap<NodeId, Instant>,
    /// How much the first agent knew.
    knowledge: BTreeSet<usize>,
    /// What operators were answered.
    answers: Vec<String>,
    /// The longest write to the disk of an agent.
    write: Duration,
    writing: BTreeMap<(NodeId, u64), Instant>,
    report: Option<Report>,
}

impl Seen {
    fn report(&self) -> &Report {
        self.report.as_ref().expect("a run has a report")
    }

    fn crashes(&self, node: NodeId) -> u32 {
        self.crashes.get(&node).copied().unwrap_or(0)
    }

    fn silence(&self, node: NodeId) -> Duration {
        self.silence.get(&node).copied().unwrap_or_default()
    }

    /// How often executors spoke to the first agent while the fault lasted.
    fn said_meanwhile(&self) -> usize {
        let meanwhile = Instant::ZERO + AT..Instant::ZERO + AT + LASTS;
        self.said.iter().filter(|at| meanwhile.contains(at)).count()
    }

    fn updates(&self, state: TaskState) -> u64 {
        self.updates.get(&state).copied().unwrap_or(0)
    }
}

impl Seen {
    fn hear(&mut self, now: Instant, said: &Said) {
        self.said.push(now);
        if let Said::Update(update) = said
            && let Some(uuid) = update.uuid
            && !self.said_before.insert(uuid)
        {
            self.repeated += 1;
        }
    }
}

/// Takes note of everything for [`Seen`].
#[derive(Debug)]
struct Onlooker {
    seen: Seen,
    to: SyncSender<Seen>,
}

impl Drop for Onlooker {
    fn drop(&mut self) {
        let _ = self.to.send(std::mem::take(&mut self.seen));
    }
}

impl Check for Onlooker {
    fn name(&self) -> &'static str {
        "onlooker"
    }

    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        use mesos_core::call::agent::ToMaster;
        use mesos_exec::agent::{Effect, Input};
        let now = step.world.now();
        let seen = &mut self.seen;
        let node = match step.stepped {
            Stepped::Crashed { node } => {
                *seen.crashes.entry(node).or_default() += 1;
                return Ok(());
            }
            Stepped::Restarted { node } => {
                seen.started.insert(node, now.mono);
                return Ok(());
            }
            Stepped::Master { node, .. } | Stepped::Framework { node, .. } => node,
            Stepped::Executor { node, .. } => {
                let began = seen.started.remove(&node).unwrap_or(now.mono);
                seen.slowest_start = seen.slowest_start.max(now.mono.since(began));
                node
            }
            Stepped::Agent { node, machine, input, effects } => {
                if node == NodeId::Agent(0) {
                    seen.knowledge.insert(machine.info().capabilities.len());
                    if let Some(Input::ExecutorSaid { said, .. }) = input {
                        seen.hear(now.mono, said);
                    }
                }
                if let Some(Input::ExecutorConnected { speaker, .. }) = input {
                    let container = speaker.container_id.clone().expect("the simulator knows who speaks");
                    if !seen.subscribed.insert(container) {
                        seen.again.get_or_insert(now.mono);
                    }
                }
                if let Some(Input::Checkpointed { ticket, .. }) = input
                    && let Some(since) = seen.writing.remove(&(node, ticket.0))
                {
                    seen.write = seen.write.max(now.mono.since(since));
                }
                for effect in effects {
                    match effect {
                        Effect::Send { message: ToMaster::Update { status, .. }, .. } => {
                            *seen.updates.entry(status.state).or_default() += 1;
                        }
                        Effect::Checkpoint { ticket, .. } => drop(seen.writing.insert((node, ticket.0), now.mono)),
                        Effect::Stop { why } => seen.stops.push(why.to_string()),
                        _ => {}
                    }
                }
                node
            }
        };
        let before = seen.last_step.insert(node, now.mono).unwrap_or(now.mono);
        let gap = now.mono.since(before);
        let silence = seen.silence.entry(node).or_default();
        *silence = (*silence).max(gap);
        if matches!(node, NodeId::Executor(_)) {
            seen.executors_gap = seen.executors_gap.max(gap);
        }
        let off = step.now.mono.since(now.mono).max(now.mono.since(step.now.mono));
        seen.clock_off = seen.clock_off.max(off);
        let (shown, right) = (step.now.wall.as_nanos(), now.wall.as_nanos());
        seen.wall_off = seen.wall_off.max(shown.abs_diff(right));
        Ok(())
    }
}

/// Two masters, three agents, and a framework whose work goes on throughout, partly by executors with processes of their own.
fn cluster() -> Cluster {
    let ways = Ways { executor_ppm: 600_000, ..Ways::default() };
    let habits = Habits {
        pieces: 600,
        run: (secs(3), secs(9)),
        cpus_milli: (500, 500),
        mem_mib: (64, 64),
        per_offer: 3,
        ways,
        ..Habits::default()
    };
    let make = move || -> Box<dyn mesos_core::Scheduler> { Box::new(Synthetic::new(habits.clone(), 5)) };
    Cluster::builder().masters(2).agents(3, "cpus:4;mem:4096;disk:4096").framework("batch", make)
}

/// A run with these faults, and what it looked like.
fn run(faults: &[(Duration, Action)]) -> Seen {
    let (to, seen) = sync_channel(1);
    let mut cluster = cluster();
    cluster.conditions_mut().faults.until = END;
    cluster.conditions_mut().faults.plan = faults.to_vec();
    let mut run = cluster.simulate(11).expect("a constant");
    run.watch(Box::new(Onlooker { seen: Seen::default(), to }));
    run.run_until(END).expect("no property is looked at");
    let report = run.report();
    let answers = run.world().operator_log().iter().map(|(call, answer)| format!("{call:?}: {answer:?}")).collect();
    let world_end = run.world().now().mono;
    drop(run);
    let mut seen = seen.recv().expect("the onlooker says what it saw");
    for (node, last) in &seen.last_step {
        let silence = seen.silence.entry(*node).or_default();
        *silence = (*silence).max(world_end.since(*last));
    }
    Seen { report: Some(report), answers, ..seen }
}

/// What has to come before a fault, for there to be something it hits.
pub(super) type Before = Vec<Action>;
/// Whether the second run shows what the fault does and the first, without it, does not.
pub(super) type Shows = fn(&Seen, &Seen) -> bool;

/// Each kind of fault, after which kind comes the next, and what shows that it has an effect. A kind without a line does not
/// compile.
pub(super) fn kind_after(action: Option<&Action>) -> Option<(Action, Shows)> {
    let cut = Cut {
        from: Group::new([NodeId::Agent(0)]),
        to: Group::new([NodeId::Master(0), NodeId::Master(1)]),
        is_both_ways: true,
        mode: CutMode::Drop,
    };
    let whole = 1_000_000;
    Some(match action {
        None => {
            let kind = CrashKind::Process;
            (Action::Crash { target: AGENT, kind, down_for: LASTS, disk: DiskFate::Kept }, |_, seen| {
                seen.crashes(NodeId::Agent(0)) == 1 && seen.silence(NodeId::Agent(0)) >= LASTS
            })
        }
        Some(Action::Crash { .. }) => {
            let kind = CrashKind::Process;
            (Action::Trip { target: AGENT, kind, steps: 3, done_ppm: 500_000, down_for: LASTS }, |_, seen| {
                seen.crashes(NodeId::Agent(0)) == 1 && seen.silence(NodeId::Agent(0)) >= LASTS
            })
        }
        Some(Action::Trip { .. }) => {
            (Action::Earlier { target: AGENT, draw: 1, down_for: secs(1), lasts: LASTS }, |quiet, seen| {
                seen.crashes(NodeId::Agent(0)) == 2 && quiet.knowledge.len() == 1 && seen.knowledge.len() == 2
            })
        }
        Some(Action::Earlier { .. }) => (Action::Partition { cut, lasts: LASTS }, |quiet, seen| {
            quiet.report().net.lost == 0 && seen.report().net.lost > 0
        }),
        Some(Action::Partition { .. }) => {
            let clog = Clog { group: Group::new([NodeId::Framework(0)]), extra: secs(20) };
            (Action::Clog { clog, lasts: LASTS }, |quiet, seen| {
                seen.silence(NodeId::Framework(0)) > 2 * quiet.silence(NodeId::Framework(0))
            })
        }
        Some(Action::Clog { .. }) => (Action::Loss { ppm: 50_000, lasts: LASTS }, |quiet, seen| {
            quiet.report().net.lost == 0 && seen.report().net.lost > 0
        }),
        Some(Action::Loss { .. }) => (Action::Duplicate { ppm: 200_000, lasts: LASTS }, |quiet, seen| {
            quiet.report().net.duplicated == 0 && seen.report().net.duplicated > 0
        }),
        Some(Action::Duplicate { .. }) => (Action::Reset { ppm: whole, draw: 1 }, |quiet, seen| {
            // Three agents, a framework and at least one executor come back.
            seen.report().net.connections >= quiet.report().net.connections + 4
        }),
        Some(Action::Reset { .. }) => (Action::Pause { target: AGENT, lasts: LASTS }, |quiet, seen| {
            seen.crashes(NodeId::Agent(0)) == 0
                && seen.silence(NodeId::Agent(0)) >= LASTS
                && quiet.silence(NodeId::Agent(0)) < LASTS
        }),
        Some(Action::Pause { .. }) => {
            let trouble = StoreTrouble { slow: Duration::ZERO, unknown_ppm: whole, disk_ppm: whole };
            (Action::Store { trouble, lasts: secs(5) }, |quiet, seen| {
                quiet.stops.is_empty() && seen.stops.iter().any(|why| why.contains("input/output error"))
            })
        }
        Some(Action::Store { .. }) => (Action::Flap, |quiet, seen| seen.report().elections > quiet.report().elections),
        Some(Action::Flap) => {
            let fault = Action::Containers { launch_failure_ppm: whole, crash_ppm: 0, lasts: LASTS };
            (fault, |quiet, seen| seen.updates(TaskState::Failed) > 10 + quiet.updates(TaskState::Failed))
        }
        Some(Action::Containers { .. }) => (Action::Kill { agent: 0, ppm: whole, draw: 1 }, |quiet, seen| {
            seen.updates(TaskState::Failed) > quiet.updates(TaskState::Failed)
        }),
        Some(Action::Kill { .. }) => {
            let trouble = ExecutorTrouble::Break;
            (Action::Executors { agent: 0, ppm: whole, draw: 1, trouble }, |quiet, seen| {
                quiet.again.is_none() && seen.again.is_some()
            })
        }
        Some(Action::Executors { .. }) => (Action::DiskFull { target: AGENT, lasts: LASTS }, |quiet, seen| {
            quiet.stops.is_empty() && seen.stops.iter().any(|why| why.contains("no space left"))
        }),
        Some(Action::DiskFull { .. }) => {
            (Action::DiskSlow { target: AGENT, extra: secs(5), lasts: LASTS }, |quiet, seen| {
                quiet.write < secs(1) && seen.write > secs(1)
            })
        }
        Some(Action::DiskSlow { .. }) => (Action::Drift { target: AGENT, ppm: 10_000 }, |quiet, seen| {
            quiet.clock_off.is_zero() && seen.clock_off > Duration::from_millis(500)
        }),
        Some(Action::Drift { .. }) => (Action::WallJump { target: AGENT, secs: -3_600 }, |quiet, seen| {
            quiet.wall_off == 0 && seen.wall_off == 3_600_000_000_000 && seen.clock_off.is_zero()
        }),
        Some(Action::WallJump { .. }) => (Action::Operator(OperatorAction::MarkGone { agent: 0 }), |quiet, seen| {
            quiet.stops.is_empty() && seen.stops.len() == 1
        }),
        Some(Action::Operator(_)) => return None,
    })
}

#[test]
fn every_kind_of_fault_has_an_effect() {
    let quiet = run(&[]);
    let mut action: Option<Action> = None;
    let mut kinds = 0;
    while let Some((next, shows)) = kind_after(action.as_ref()) {
        assert!(!shows(&quiet, &quiet), "a run without {next} shows its effect");
        let seen = run(&[(AT, next.clone())]);
        assert!(shows(&quiet, &seen), "{next}: no effect\n{seen:#?}");
        action = Some(next);
        kinds += 1;
    }
    assert_eq!(kinds, 19);
}

/// What goes wrong with executors, each after another.
pub(super) fn trouble_after(trouble: Option<ExecutorTrouble>) -> Option<(ExecutorTrouble, Shows)> {
    Some(match trouble {
        None => (ExecutorTrouble::Break, |quiet, seen| quiet.again.is_none() && seen.again.is_some()),
        // While it cannot reach its agent it does not subscribe; after longer, it would have ended for lack of work.
        Some(ExecutorTrouble::Break) => (ExecutorTrouble::Cut(CUT_FOR), |quiet, seen| {
            quiet.again.is_none() && seen.again.is_some_and(|at| at >= Instant::ZERO + AT + CUT_FOR)
        }),
        Some(ExecutorTrouble::Cut(_)) => {
            (ExecutorTrouble::Pause(LASTS), |quiet, seen| seen.executors_gap >= LASTS && quiet.executors_gap < LASTS)
        }
        Some(ExecutorTrouble::Pause(_)) => {
            (ExecutorTrouble::Kill, |quiet, seen| seen.updates(TaskState::Failed) > quiet.updates(TaskState::Failed))
        }
        Some(ExecutorTrouble::Kill) => {
            (ExecutorTrouble::Exit(7), |quiet, seen| seen.updates(TaskState::Failed) > quiet.updates(TaskState::Failed))
        }
        Some(ExecutorTrouble::Exit(_)) => (ExecutorTrouble::Trip { steps: 0, done_ppm: 0 }, |quiet, seen| {
            seen.updates(TaskState::Failed) > quiet.updates(TaskState::Failed)
        }),
        Some(ExecutorTrouble::Trip { .. }) => (ExecutorTrouble::Stall(LASTS), |quiet, seen| {
            2 * seen.said_meanwhile() < quiet.said_meanwhile() && seen.said.len() > seen.said_meanwhile()
        }),
        Some(ExecutorTrouble::Stall(_)) => {
            (ExecutorTrouble::Repeat(LASTS), |quiet, seen| quiet.repeated == 0 && seen.repeated > 0)
        }
        Some(ExecutorTrouble::Repeat(_)) => (ExecutorTrouble::Late { lasts: LASTS, delay: secs(20) }, |quiet, seen| {
            quiet.slowest_start < secs(1) && seen.slowest_start >= secs(20)
        }),
        Some(ExecutorTrouble::Late { .. }) => return None,
    })
}

#[test]
fn every_trouble_of_executors_has_an_effect() {
    let quiet = run(&[]);
    let mut before = None;
    while let Some((trouble, shows)) = trouble_after(before) {
        assert!(!shows(&quiet, &quiet), "a run without {trouble:?} shows its effect");
        let seen = run(&[(AT, Action::Executors { agent: 0, ppm: 1_000_000, draw: 1, trouble })]);
        assert!(shows(&quiet, &seen), "{trouble:?}: no effect\n{seen:#?}");
        before = Some(trouble);
    }
}

/// What operators do, each after another, with what has to be done before.
pub(super) fn operation_after(action: Option<&OperatorAction>) -> Option<(Before, OperatorAction)> {
    let role = || "batch".parse().expect("a constant");
    // Nobody has that role, so what is kept for it lies idle.
    let nobody: Role = "nobody".parse().expect("a constant");
    let reserve = |mib| OperatorAction::Reserve { agent: 2, resources: disk(&nobody, mib) };
    let drain = |mark_gone| OperatorAction::Drain { agent: 0, max_grace_secs: None, mark_gone };
    let half = || {
        let reservation = mesos_core::resource::Reservation::dynamic(nobody.clone(), None);
        let plain: mesos_core::Resources = "cpus:0.1;mem:16".parse().expect("a constant");
        plain.push_reservation(&reservation).expect("a constant")
    };
    let before = |actions: Vec<OperatorAction>| actions.into_iter().map(Action::Operator).collect();
    Some(match action {
        None => (vec![], OperatorAction::MarkGone { agent: 0 }),
        Some(OperatorAction::MarkGone { .. }) => (vec![], OperatorAction::Teardown { framework: 0 }),
        Some(OperatorAction::Teardown { .. }) => (vec![], OperatorAction::SetWeight { role: role(), milli: 2_000 }),
        Some(OperatorAction::SetWeight { .. }) => {
            (vec![], OperatorAction::SetQuota { role: role(), quota: Quota::default(), force: true })
        }
        Some(OperatorAction::SetQuota { .. }) => (vec![], OperatorAction::Reserve { agent: 2, resources: half() }),
        Some(OperatorAction::Reserve { .. }) => (
            before(vec![OperatorAction::Reserve { agent: 2, resources: half() }]),
            OperatorAction::Unreserve { agent: 2, resources: half() },
        ),
        Some(OperatorAction::Unreserve { .. }) => {
            (before(vec![reserve(16)]), OperatorAction::CreateVolumes { agent: 2, volumes: volume(&nobody, 0, 16) })
        }
        Some(OperatorAction::CreateVolumes { .. }) => {
            let (volume, addition) = (volume(&nobody, 0, 16), disk(&nobody, 8));
            let create = OperatorAction::CreateVolumes { agent: 2, volumes: volume.clone() };
            (before(vec![reserve(24), create]), OperatorAction::GrowVolume { agent: 2, volume, addition })
        }
        Some(OperatorAction::GrowVolume { .. }) => {
            let volume = volume(&nobody, 0, 24);
            let create = OperatorAction::CreateVolumes { agent: 2, volumes: volume.clone() };
            let shrink = OperatorAction::ShrinkVolume { agent: 2, volume, subtract_mib: 8 };
            (before(vec![reserve(24), create]), shrink)
        }
        Some(OperatorAction::ShrinkVolume { .. }) => {
            let volumes = volume(&nobody, 0, 16);
            let create = OperatorAction::CreateVolumes { agent: 2, volumes: volumes.clone() };
            (before(vec![reserve(16), create]), OperatorAction::DestroyVolumes { agent: 2, volumes })
        }
        Some(OperatorAction::DestroyVolumes { .. }) => (vec![], drain(false)),
        Some(OperatorAction::Drain { mark_gone: false, .. }) => (vec![], drain(true)),
        Some(OperatorAction::Drain { mark_gone: true, .. }) => (vec![], OperatorAction::Deactivate { agent: 0 }),
        Some(OperatorAction::Deactivate { .. }) => {
            (before(vec![OperatorAction::Deactivate { agent: 0 }]), OperatorAction::Reactivate { agent: 0 })
        }
        Some(OperatorAction::Reactivate { .. }) => (vec![], OperatorAction::Schedule { agents: vec![0] }),
        Some(OperatorAction::Schedule { .. }) => (
            before(vec![OperatorAction::Schedule { agents: vec![0] }]),
            OperatorAction::StartMaintenance { agents: vec![0] },
        ),
        Some(OperatorAction::StartMaintenance { .. }) => (
            before(vec![
                OperatorAction::Schedule { agents: vec![0] },
                OperatorAction::StartMaintenance { agents: vec![0] },
            ]),
            OperatorAction::StopMaintenance { agents: vec![0] },
        ),
        Some(OperatorAction::StopMaintenance { .. }) => (vec![], OperatorAction::Whitelist { agents: Some(vec![0]) }),
        Some(OperatorAction::Whitelist { .. }) => return None,
    })
}

#[test]
fn everything_operators_do_reaches_the_master_and_is_done() {
    let mut action: Option<OperatorAction> = None;
    while let Some((before, next)) = operation_after(action.as_ref()) {
        let first = (0_u32..).zip(before).map(|(n, action)| (secs(10) + n * secs(3), action));
        let plan: Vec<(Duration, Action)> = first.chain([(AT, Action::Operator(next.clone()))]).collect();
        let without = run(&plan[..plan.len() - 1]);
        let seen = run(&plan);
        assert_eq!(seen.answers.len(), plan.len(), "{next}: {:#?}", seen.answers);
        assert!(
            seen.answers.last().is_some_and(|answer| answer.ends_with("Some(Done)")),
            "{next}: {:#?}",
            seen.answers
        );
        assert_ne!(without.report().digest, seen.report().digest, "{next} changes nothing");
        action = Some(next);
    }
}

#[test]
fn a_standby_goes_down_without_an_election_and_falls_when_it_is_elected() {
    let standby = Target::Standby(0);
    let crash = Action::Crash { target: standby, kind: CrashKind::Process, down_for: secs(1), disk: DiskFate::Kept };
    let seen = run(&[(AT, crash)]);
    let masters = |seen: &Seen| seen.crashes(NodeId::Master(0)) + seen.crashes(NodeId::Master(1));
    assert_eq!((masters(&seen), seen.report().elections), (1, 1));
    // The first step of its term is its last, and the one that led before has its turn again.
    let kind = CrashKind::Process;
    let trip = Action::Trip { target: standby, kind, steps: 0, done_ppm: 500_000, down_for: secs(1) };
    let [lone, both] =
        [vec![(AT + secs(1), Action::Flap)], vec![(AT, trip), (AT + secs(1), Action::Flap)]].map(|plan| {
            let seen = run(&plan);
            (masters(&seen), seen.report().elections)
        });
    assert_eq!((lone, both), ((1, 2), (2, 3)));
}

#[test]
fn an_earlier_master_leads_only_where_it_knows_all_there_is() {
    let quota = Action::Operator(OperatorAction::SetQuota {
        role: "batch".parse().expect("a constant"),
        quota: Quota::exactly("cpus:1".parse().expect("a constant")).expect("a constant"),
        force: true,
    });
    let record = [mesos_core::kernel::Record::encode("quota/batch", &1)];
    let knows = |draw: &u64| Earlier::new(*draw).registry(&record) == record;
    let elections = |draw: u64| {
        let earlier = |index| {
            let target = Target::Node(NodeId::Master(index));
            (AT, Action::Earlier { target, draw, down_for: secs(1), lasts: LASTS })
        };
        run(&[(secs(10), quota.clone()), earlier(0), earlier(1)]).report().elections
    };
    let (modern, early) = ((0..).find(knows).expect("one of them"), (0..).find(|draw| !knows(draw)).expect("another"));
    // Both masters are restarted twice; who cannot read the registry gives up its term, and the next one does as its lease is
    // over.
    let (modern, early) = (elections(modern), elections(early));
    assert!(modern <= 4 && early >= modern + 3, "{modern} and {early}");
}

/// Faults that last, drawn.
fn lasting(dice: &mut Rng) -> Vec<(Duration, Action)> {
    let ppm = |dice: &mut Rng| u32::try_from(dice.below(100_000)).unwrap_or(0);
    let draw = |dice: &mut Rng| {
        let lasts = secs(1 + dice.below(60));
        match dice.below(4) {
            0 => Action::Loss { ppm: ppm(dice), lasts },
            1 => Action::Duplicate { ppm: ppm(dice), lasts },
            2 => {
                let slow = dice.duration(secs(2));
                Action::Store { trouble: StoreTrouble { slow, unknown_ppm: ppm(dice), disk_ppm: ppm(dice) }, lasts }
            }
            _ => Action::Containers { launch_failure_ppm: ppm(dice), crash_ppm: ppm(dice), lasts },
        }
    };
    (0..8).map(|_| (secs(dice.below(60)), draw(dice))).collect()
}

/// What lasts at a time, by the plan.
fn lasts_at(plan: &[(Duration, Action)], at: Duration, of: impl Fn(&Action) -> (u32, Duration)) -> u32 {
    let now = plan.iter().filter(|(from, action)| *from <= at && at < *from + of(action).1);
    now.map(|(_, action)| of(action).0).max().unwrap_or(0)
}

#[test]
fn the_worst_of_the_faults_that_last_counts_whichever_of_them_ends() {
    for seed in 0..20 {
        let plan = lasting(&mut Rng::new(seed));
        let mut cluster = Cluster::builder();
        cluster.conditions_mut().faults.plan.clone_from(&plan);
        cluster.conditions_mut().faults.until = secs(200);
        let mut run = cluster.simulate(1).expect("a constant");
        let base = ContainerModel::default();
        for half_secs in 1..260 {
            let at = Duration::from_millis(half_secs * 500 + 250);
            run.run_until(at).expect("no property is looked at");
            let world = run.world();
            let now = |of: fn(&Action) -> (u32, Duration)| lasts_at(&plan, at, of);
            let loss = now(|action| match action {
                Action::Loss { ppm, lasts } => (*ppm, *lasts),
                _ => (0, Duration::ZERO),
            });
            let twice = now(|action| match action {
                Action::Duplicate { ppm, lasts } => (*ppm, *lasts),
                _ => (0, Duration::ZERO),
            });
            let disk = now(|action| match action {
                Action::Store { trouble, lasts } => (trouble.disk_ppm, *lasts),
                _ => (0, Duration::ZERO),
            });
            let slow = now(|action| match action {
                Action::Store { trouble, lasts } => (u32::try_from(trouble.slow.as_nanos()).unwrap_or(0), *lasts),
                _ => (0, Duration::ZERO),
            });
            let crash = now(|action| match action {
                Action::Containers { crash_ppm, lasts, .. } => (*crash_ppm, *lasts),
                _ => (0, Duration::ZERO),
            });
            let expected = (loss, twice, disk, u128::from(slow), base.crash_ppm.max(crash));
            let (loss, twice) = world.net.ills();
            let found =
                (loss, twice, world.trouble.disk_ppm, world.trouble.slow.as_nanos(), world.container_model.crash_ppm);
            assert_eq!(found, expected, "plan {seed} at {at:?}: {plan:#?}");
        }
    }
}

#[test]
fn a_process_that_is_paused_twice_stands_still_until_both_pauses_are_over() {
    let pause = |lasts| Action::Pause { target: AGENT, lasts };
    for plan in
        [[(AT, pause(LASTS)), (AT + secs(5), pause(secs(1)))], [(AT, pause(secs(10))), (AT + secs(5), pause(LASTS))]]
    {
        let seen = run(&plan);
        assert!(seen.silence(NodeId::Agent(0)) >= LASTS, "{plan:?}: {:?}", seen.silence(NodeId::Agent(0)));
    }
}

#[test]
fn a_disk_is_full_or_slow_for_as_long_as_the_longest_fault_says() {
    let full = |lasts| Action::DiskFull { target: AGENT, lasts };
    let slow = |lasts, extra| Action::DiskSlow { target: AGENT, extra, lasts };
    let mut cluster = cluster();
    cluster.conditions_mut().faults.plan = vec![
        (secs(1), full(secs(50))),
        (secs(2), full(secs(1))),
        (secs(1), slow(secs(50), secs(9))),
        (secs(3), slow(secs(1), secs(1))),
    ];
    cluster.conditions_mut().faults.until = END;
    let mut run: Simulation = cluster.simulate(3).expect("a constant");
    run.run_until(secs(40)).expect("no property is looked at");
    let (now, trouble) = (run.world().now().mono, run.world().agents[0].disk.trouble.clone());
    assert!(trouble.is_full(now) && !trouble.is_full(now + secs(12)));
    let extra = |at| (0..100).map(|seed| trouble.extra(at, &mut Rng::new(seed))).max();
    assert!(extra(now) > Some(secs(2)) && extra(now + secs(12)) == Some(Duration::ZERO));
}

#[test]
fn an_executor_that_never_connects_costs_its_tasks_and_nothing_else() {
    let line = CommandInfo::shell("nobody knows this").env(DURATION_ENV, "forever");
    let info = ExecutorInfo::custom(ExecutorId::new("x").expect("a constant"), line, mesos_core::Resources::new());
    assert!(info.command().is_some_and(|command| Programs::default().make(command).is_none()));
    let ways = Ways { executor_ppm: 1_000_000, broken_ppm: 500_000, ..Ways::default() };
    let habits = Habits {
        pieces: 12,
        run: (secs(1), secs(2)),
        cpus_milli: (100, 100),
        mem_mib: (32, 32),
        per_offer: 3,
        ways,
        ..Habits::default()
    };
    let make = move || -> Box<dyn mesos_core::Scheduler> { Box::new(Synthetic::new(habits.clone(), 5)) };
    let cluster = Cluster::builder().agents(2, "cpus:4;mem:4096;disk:4096").framework("batch", make).checked();
    let report = cluster.attempt(2).expect("the work is done");
    assert_eq!(report.tasks("FINISHED"), 12);
    assert!(report.tasks("FAILED") > 0, "{report}");
}
