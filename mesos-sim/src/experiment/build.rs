//! Makes the cluster and the workload of a case.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::resource::{InvalidQuantities, Limits, Quantities};
use mesos_core::{AgentInfo, FrameworkCapability, FrameworkInfo, Quota, Resources, Role, Scheduler};
use mesos_exec::agent;
use mesos_sched::allocator::{self, AgentOrder, Packing, Priorities, SorterKind};
use mesos_sched::driver;

use super::Experiment;
use super::case::Case;
use super::description::{AllocatorPart, Description, Policy, QueuePart, SchedulerPart};
use super::error::ExperimentError;
use super::fit::refuse_what_fits_nowhere;
use super::source::Sources;
use super::work::add_queue;
use crate::cluster::{AgentSpec, DecisionCost, FrameworkSpec};
use crate::fault::{Action, CrashKind, OperatorAction, Target};
use crate::scheduler::{Discipline, Guarded, JobScheduler, Options};
use crate::trace::TraceReport;
use crate::workload::{Draw, TASKS_MAX, Workload};
use crate::{Cluster, NodeId};

/// The random stream workloads are drawn from, and the one failures are.
const WORK_STREAM: u64 = 6;
const FAILURE_STREAM: u64 = 7;
/// When operators set quotas: a leader is there by then, and nothing was submitted yet.
const QUOTAS_AT: Duration = Duration::from_secs(5);

/// How queues are scheduled of which nothing is said.
pub(super) const DISCIPLINE: &str = "fifo";

/// Makes the scheduler of a queue: from the workload, the queue's number, and how many agents there are.
pub type SchedulerMaker = Arc<dyn Fn(Arc<Workload>, u32, u32) -> Box<dyn Scheduler> + Send + Sync>;

/// What is to be run.
pub(super) struct Built {
    pub(super) cluster: Cluster,
    pub(super) workload: Arc<Workload>,
    /// How the queues schedule.
    pub(super) schedulers: Vec<SchedulerPart>,
    pub(super) typical: Resources,
    pub(super) trace: Option<TraceReport>,
    /// Whether there is a queue whose work ends some day: the run is over when all of those are.
    pub(super) has_end: bool,
}

pub(super) fn build(experiment: &Experiment, case: &Case, sources: &Sources) -> Result<Built, ExperimentError> {
    let description = &case.description;
    let read = description.trace.as_ref().map(|part| sources.get(part, &experiment.folder)).transpose()?;
    let mut trace = read.as_ref().map(|read| read.1.clone());
    let mut workload = read.map(|read| read.0.clone()).unwrap_or_default();
    let mut parts: Vec<QueuePart> = workload.queues.iter().map(|name| trace_queue(description, name)).collect();
    let mut rng = Rng::of_node(case.seed, WORK_STREAM);
    for part in &description.queue {
        add_queue(part, &mut workload, &mut parts, &mut rng, &experiment.folder)?;
    }
    validate(&workload)?;
    workload.sort();
    workload.delay(description.warm_up.0);
    let mut cluster = Cluster::builder().masters(description.cluster.masters.unwrap_or(1));
    cluster = add_agents(cluster, description, &workload)?;
    refuse_what_fits_nowhere(&cluster, &mut workload, trace.get_or_insert_default());
    let trace = trace.filter(|report| !report.files.is_empty() || !report.rules.is_empty());
    if workload.jobs.is_empty() {
        let remedy = "give it larger agents; those with GPUs are only offered to queues with jobs that use some";
        return Err(ExperimentError::invalid("cluster", "no job fits on it", remedy));
    }
    let workload = Arc::new(workload);
    cluster = with_allocator(cluster, experiment, &description.allocator)?;
    cluster = with_conditions(cluster, description);
    cluster = add_frameworks(cluster, experiment, description, &parts, &workload)?;
    cluster = add_faults(cluster, description, &workload, case.seed);
    let has_end = cluster.spec().frameworks.iter().any(|framework| framework.is_finite);
    let typical = match &description.cluster.typical {
        Some(text) => {
            let wrong = |error: mesos_core::resource::InvalidResources| {
                ExperimentError::invalid("cluster.typical", error.to_string(), "write as \"cpus:1;mem:512\"")
            };
            text.parse().map_err(wrong)?
        }
        None => mean_need(&workload),
    };
    let scheduler = |part: QueuePart| part.scheduler.unwrap_or_else(|| description.scheduler.clone());
    let schedulers = parts.into_iter().map(scheduler).collect();
    Ok(Built { cluster, workload, schedulers, typical, trace, has_end })
}

/// Whether it can be run and told apart.
fn validate(workload: &Workload) -> Result<(), ExperimentError> {
    let mut names = BTreeSet::new();
    if let Some(twice) = workload.queues.iter().find(|name| !names.insert(*name)) {
        let remedy = "figures are by name: give each queue one of its own, which is none of the trace's or of a copy's";
        return Err(ExperimentError::invalid("queue.name", format!("there are two queues {twice:?}"), remedy));
    }
    if workload.jobs.is_empty() {
        let remedy = "say when jobs come, and how many, so that one comes before its until";
        return Err(ExperimentError::invalid("queue", "no job is ever submitted", remedy));
    }
    if workload.tasks() > TASKS_MAX {
        let problem = format!("there are {}, more than {TASKS_MAX}", workload.tasks());
        return Err(ExperimentError::invalid("tasks", problem, "run fewer jobs, or fewer tasks in each"));
    }
    Ok(())
}

/// How a queue of the trace is, if the file says.
fn trace_queue(description: &Description, name: &str) -> QueuePart {
    let said = description.queue.iter().find(|part| part.work.is_empty() && part.name == name);
    said.cloned().unwrap_or_else(|| QueuePart {
        name: name.to_owned(),
        role: None,
        weight: None,
        starts: None,
        guarantee: None,
        limit: None,
        max_offer: None,
        scheduler: None,
        copies: None,
        work: Vec::new(),
    })
}

fn secs(secs: f64) -> Duration {
    Duration::try_from_secs_f64(secs.max(0.0)).unwrap_or(Duration::ZERO)
}

fn add_agents(
    mut cluster: Cluster,
    description: &Description,
    workload: &Workload,
) -> Result<Cluster, ExperimentError> {
    if description.cluster.from_trace {
        if workload.machines.is_empty() {
            let remedy = "name a file of machines in trace.files, or describe [[cluster.agents]]";
            return Err(ExperimentError::invalid("cluster.from_trace", "the trace tells of no machines", remedy));
        }
        for machine in &workload.machines {
            let index = cluster.spec().agents.len();
            let mut info = AgentInfo::new(format!("agent-{index}"), machine.resources.clone());
            info.attributes = machine.attributes.clone();
            cluster.spec_mut().agents.push(AgentSpec { info, options: agent::Options::default().into() });
        }
    }
    for part in &description.cluster.agents {
        if part.attributes.contains('{') {
            for index in 0..part.count {
                cluster = cluster.agents_with(1, &part.resources, &numbered(&part.attributes, index)?);
            }
        } else {
            cluster = cluster.agents_with(part.count as usize, &part.resources, &part.attributes);
        }
    }
    cluster.checked_spec()?;
    Ok(cluster)
}

/// `{index}` and `{index%8}` in attributes.
fn numbered(text: &str, index: u32) -> Result<String, ExperimentError> {
    let wrong = || {
        let remedy = "write {index}, or {index%8} for its remainder";
        ExperimentError::invalid("cluster.agents.attributes", format!("{text:?} cannot be filled in"), remedy)
    };
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').ok_or_else(wrong)?;
        let number = match name.split_once('%') {
            None if name == "index" => index,
            Some(("index", by)) => index % by.trim().parse::<u32>().ok().filter(|by| *by > 0).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        filled.push_str(before);
        filled.push_str(&number.to_string());
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// That of the policy, or somebody's own of this name.
fn with_allocator(cluster: Cluster, experiment: &Experiment, part: &AllocatorPart) -> Result<Cluster, ExperimentError> {
    match experiment.allocators.get(part.policy.name()) {
        Some(own) => {
            let make = own.maker.clone();
            Ok(cluster.allocator(move || make()))
        }
        None => Ok(cluster.drf(allocator_options(part)?)),
    }
}

/// Nobody has brought along an allocator of this name.
pub(super) fn no_policy(name: &str) -> ExperimentError {
    let remedy = format!("write one of {}, or bring it along", Policy::ALL.join(", "));
    ExperimentError::invalid("allocator.policy", format!("there is no {name:?}"), remedy)
}

fn allocator_options(part: &AllocatorPart) -> Result<allocator::Options, ExperimentError> {
    use mesos_core::provider::Transactions;
    let usual = allocator::Options::default();
    let role = |name: &String| {
        Role::new(name.as_str()).map_err(|error| {
            ExperimentError::invalid("allocator.priorities", error.to_string(), "write names of roles")
        })
    };
    let policy = match &part.policy {
        Policy::Drf | Policy::Random => allocator::Policy::Hierarchical,
        Policy::Priority => {
            let pairs = part.priorities.iter().map(|(name, priority)| Ok((role(name)?, *priority)));
            allocator::Policy::Priority(Priorities::from_iter(pairs.collect::<Result<Vec<_>, ExperimentError>>()?))
        }
        Policy::Packing => {
            let packing = part.fairness.map_or_else(|| Some(Packing::default()), Packing::new);
            let wrong =
                || ExperimentError::invalid("allocator.fairness", "it is no part", "write a number from 0 to 1");
            allocator::Policy::Packing(packing.ok_or_else(wrong)?)
        }
        Policy::Choosy => {
            let text = part.slot.as_deref().unwrap_or("cpus:1;mem:512");
            let slot = text.parse().map_err(|error: InvalidQuantities| {
                ExperimentError::invalid("allocator.slot", error.to_string(), "write as \"cpus:1;mem:512\"")
            });
            allocator::Policy::ConstrainedMaxMin { slot: slot? }
        }
        Policy::Shared => allocator::Policy::SharedState(Transactions::Incremental),
        Policy::SharedAllOrNothing => allocator::Policy::SharedState(Transactions::AllOrNothing),
        Policy::Own(name) => return Err(no_policy(name)),
    };
    let sorter = if part.policy == Policy::Random { SorterKind::Random } else { SorterKind::Drf };
    Ok(allocator::Options {
        allocation_interval: part.interval.map_or(usual.allocation_interval, |interval| interval.0),
        policy,
        role_sorter: sorter,
        framework_sorter: sorter,
        agent_order: if part.fullest_first { AgentOrder::FullestFirst } else { AgentOrder::Random },
        starvation_batches: part.starvation_batches,
        ..usual
    })
}

fn with_conditions(mut cluster: Cluster, description: &Description) -> Cluster {
    let conditions = cluster.conditions_mut();
    let pair = |pair: [super::parse::Span; 2]| (pair[0].0, pair[1].0.max(pair[0].0));
    if let Some(latency) = description.cluster.latency {
        conditions.net.latency = pair(latency);
    }
    if let Some(start) = description.cluster.start {
        conditions.containers.start = pair(start);
    }
    if let Some(disk) = description.cluster.disk {
        conditions.disk_latency = pair(disk);
    }
    if let Some(lease) = description.cluster.lease {
        conditions.election.lease = lease.0;
    }
    conditions.message_cost = description.cluster.message_cost.map_or(Duration::ZERO, |cost| cost.0);
    conditions.decision_cost = DecisionCost {
        per_round: description.cluster.round_cost.map_or(Duration::ZERO, |cost| cost.0),
        per_agent: description.cluster.round_cost_per_agent.map_or(Duration::ZERO, |cost| cost.0),
    };
    conditions.containers.crash_ppm = description.faults.container_crash_ppm;
    // What the recorder writes down is all that is wanted.
    conditions.is_tallied = false;
    let ping_every = description.cluster.ping_every.map_or_else(|| usual_ping(description.until.0), |every| every.0);
    let options = &mut cluster.spec_mut().master_options;
    options.agent_ping_every = ping_every.max(Duration::from_millis(100));
    options.heartbeat_every = options.agent_ping_every;
    options.agent_reregister_timeout = options.agent_reregister_timeout.max(options.agent_ping_timeout() * 2);
    options.offer_timeout = description.cluster.offer_timeout.map(|timeout| timeout.0);
    cluster
}

/// Every 15 s, or as often as in a week's run.
fn usual_ping(until: Duration) -> Duration {
    const PING: Duration = Duration::from_secs(15);
    const PINGS_MAX: u32 = 7 * 86_400 / 15;
    (until / PINGS_MAX).max(PING)
}

fn add_frameworks(
    mut cluster: Cluster,
    experiment: &Experiment,
    description: &Description,
    parts: &[QueuePart],
    workload: &Arc<Workload>,
) -> Result<Cluster, ExperimentError> {
    let agents = u32::try_from(cluster.spec().agents.len()).unwrap_or(u32::MAX);
    for (queue, part) in (0..).zip(parts) {
        let own = || workload.jobs.iter().filter(move |job| job.queue == queue);
        let role_name = part.role.as_deref().unwrap_or(&part.name);
        let role = Role::new(role_name).map_err(|error| {
            ExperimentError::invalid("queue.role", error.to_string(), "use letters, digits, - and _")
        })?;
        if let Some(weight) = part.weight {
            cluster = cluster.weight(role_name, weight);
        }
        if let Some(quota) = quota(part)? {
            let action = OperatorAction::SetQuota { role: role.clone(), quota, force: true };
            cluster = cluster.fault_at(QUOTAS_AT, Action::Operator(action));
        }
        let mut info = FrameworkInfo::new(part.name.as_str(), role.clone());
        // Nobody's agent restarts and takes its tasks back here, so nothing needs to be on disk.
        info.checkpoint = false;
        if let Some(most) = &part.max_offer {
            let most: Limits = most.parse().map_err(|error: InvalidQuantities| {
                ExperimentError::invalid("queue.max_offer", error.to_string(), "write as \"cpus:1;mem:512\"")
            })?;
            info.max_offer.insert(role.clone(), most);
        }
        if own().any(|job| job.need.gpus().is_positive()) {
            info.capabilities.insert(FrameworkCapability::GpuResources);
        }
        let scheduler = part.scheduler.as_ref().unwrap_or(&description.scheduler);
        let make = maker(experiment, scheduler, agents)?;
        let (shared, name) = (workload.clone(), info.name.clone());
        let scheduler =
            move || Box::new(Guarded::new(name.clone(), make(shared.clone(), queue, agents))) as Box<dyn Scheduler>;
        let mut options = driver::Options::default();
        options.constraints = Arc::new(super::demand::demands(role.clone(), own()));
        let is_finite = workload.is_finite(queue);
        cluster.spec_mut().frameworks.push(FrameworkSpec {
            info,
            options,
            scheduler: Arc::new(scheduler),
            is_finite,
            starts_after: part.starts.map_or(Duration::ZERO, |starts| starts.0),
        });
    }
    cluster.checked_spec()?;
    Ok(cluster)
}

/// What a queue's role is guaranteed and allowed, if the file says.
fn quota(part: &QueuePart) -> Result<Option<Quota>, ExperimentError> {
    if part.guarantee.is_none() && part.limit.is_none() {
        return Ok(None);
    }
    let wrong = |problem: String| {
        ExperimentError::invalid(
            "queue.guarantee",
            problem,
            "write amounts as \"cpus:4;mem:4096\", no limit below its guarantee",
        )
    };
    let guarantees: Quantities =
        part.guarantee.as_deref().unwrap_or("").parse().map_err(|error: InvalidQuantities| wrong(error.to_string()))?;
    let limits: Limits =
        part.limit.as_deref().unwrap_or("").parse().map_err(|error: InvalidQuantities| wrong(error.to_string()))?;
    Quota::new(guarantees, limits).map(Some).map_err(|rejection| wrong(rejection.to_string()))
}

fn maker(experiment: &Experiment, part: &SchedulerPart, agents: u32) -> Result<SchedulerMaker, ExperimentError> {
    let name = part.discipline.as_deref().unwrap_or(DISCIPLINE);
    if let Some(own) = experiment.makers.get(name) {
        return Ok(own.maker.clone());
    }
    let patience = part.patience.map_or(Duration::from_secs(5), |patience| patience.0);
    let discipline = match name {
        "fifo" => Discipline::Fifo,
        "first_fit" => Discipline::FirstFit,
        "backfill" => Discipline::Backfill,
        "shortest_first" => Discipline::ShortestFirst,
        "earliest_deadline" => Discipline::EarliestDeadline,
        "priority" => Discipline::Priority,
        "delay" => Discipline::Delay(patience),
        "sampling" => Discipline::Sampling(part.probes.unwrap_or(2)),
        "gang" => Discipline::Gang,
        other => {
            let remedy =
                "write fifo, first_fit, backfill, shortest_first, earliest_deadline, priority, delay, sampling or gang";
            return Err(ExperimentError::invalid("scheduler.discipline", format!("there is no {other:?}"), remedy));
        }
    };
    let usual = Options::default();
    let options = Options {
        discipline,
        depth: part.depth.unwrap_or(usual.depth).max(1),
        per_offer: part.per_offer,
        refuse_for: part.refuse.map_or(usual.refuse_for, |refuse| refuse.0),
        think_per_job: part.think_per_job.map_or(Duration::ZERO, |think| think.0),
        think_per_task: part.think_per_task.map_or(Duration::ZERO, |think| think.0),
        hold_for: part.hold.map_or(usual.hold_for, |hold| hold.0),
        remote_factor: part.remote_factor.unwrap_or(1.0).max(1.0),
        keeps_offers: part.keeps_offers,
        is_remembering: part.remembers,
        agents,
        ..usual
    };
    Ok(Arc::new(move |workload, queue, _| JobScheduler::new(workload, queue, options.clone()).boxed()))
}

fn add_faults(mut cluster: Cluster, description: &Description, workload: &Workload, seed: u64) -> Cluster {
    let until = description.until.0;
    let count = u32::try_from(cluster.spec().agents.len()).unwrap_or(u32::MAX);
    let crash = |agent: u32, down_for: Duration| Action::Crash {
        target: Target::Node(NodeId::Agent(agent)),
        kind: CrashKind::Machine,
        down_for,
        disk: crate::fault::DiskFate::Kept,
    };
    if description.cluster.from_trace {
        for absence in workload.absences.iter().filter(|absence| absence.from < until) {
            let back = absence.until.unwrap_or(until).min(until);
            cluster = cluster.fault_at(absence.from, crash(absence.machine, back.saturating_sub(absence.from)));
        }
    }
    if let Some(every) = description.faults.machine_fails_every {
        let mut rng = Rng::of_node(seed, FAILURE_STREAM);
        let lasts = description.faults.machine_back_after.map_or(Duration::from_secs(600), |after| after.0);
        let draw = |rng: &mut Rng, mean: Duration| Draw::Exponential(mean.as_secs_f64().max(1.0)).sample(rng);
        for agent in 0..count {
            let mut at = description.warm_up.0 + secs(draw(&mut rng, every.0));
            while at < until {
                let down_for = secs(draw(&mut rng, lasts)).max(Duration::from_secs(1));
                cluster = cluster.fault_at(at, crash(agent, down_for.min(until - at)));
                at += down_for + secs(draw(&mut rng, every.0));
            }
        }
    }
    if description.faults.loss_ppm > 0 {
        cluster = cluster.loss(description.faults.loss_ppm, until);
    }
    for at in &description.faults.leader_crashes_at {
        cluster = cluster.crash_leader_at(at.0);
    }
    let frameworks = u32::try_from(cluster.spec().frameworks.len()).unwrap_or(u32::MAX);
    for at in &description.faults.frameworks_crash_at {
        for framework in 0..frameworks {
            cluster = cluster.crash_framework_at(at.0, framework);
        }
    }
    cluster
}

/// The mean of what all tasks need.
fn mean_need(workload: &Workload) -> Resources {
    let tasks = i64::try_from(workload.tasks().max(1)).unwrap_or(i64::MAX);
    let mut sums = [0_i64; 4];
    for job in &workload.jobs {
        let own = [job.need.cpus(), job.need.mem(), job.need.disk(), job.need.gpus()];
        for (sum, own) in sums.iter_mut().zip(own) {
            *sum = sum.saturating_add(own.as_milli().saturating_mul(i64::from(job.tasks)));
        }
    }
    Resources::from_plain(sums.map(|sum| mesos_core::Scalar::from_milli(sum / tasks)))
}
