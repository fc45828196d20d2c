//! Draws a whole configuration from one seed: who is there, what they are like, and what goes wrong.
//!
//! Fixed parameters find nothing new after a while. Here every run is another cluster: some have one agent and five
//! frameworks, some lose every second message, some are quite healthy. A part of the faults is left out of each run on
//! purpose, because some defects only show when others do not get in the way. The allocator chooses by each of its policies.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::Transactions;
use mesos_core::resource::{Limits, ResourceName};
use mesos_core::{AgentCapability, AgentInfo, FrameworkCapability, FrameworkInfo, Resources, Role};
use mesos_exec::agent;
use mesos_sched::allocator::{self, AgentOrder, Packing, Policy, SorterKind};
use mesos_sched::{driver, master};

use crate::cluster::{AgentSpec, Cluster, ClusterSpec, Conditions, FrameworkSpec};
use crate::container::ContainerModel;
use crate::election::ElectionModel;
use crate::fault::{
    BehaviourNemesis, ClogNemesis, ContainerNemesis, CrashNemesis, DiskNemesis, DriftNemesis, DuplicateNemesis,
    ExecutorNemesis, Faults, FlapNemesis, LossNemesis, MaintenanceNemesis, MastersNemesis, Nemesis, OperatorNemesis,
    PartitionNemesis, PauseNemesis, Removal, ResetNemesis, SkewNemesis, StoreNemesis, TripNemesis, UpkeepNemesis,
    VersionNemesis,
};
use crate::net::NetModel;
use crate::workload::{Habits, Synthetic, Ways};

/// The random stream configurations are drawn from.
const SWARM_STREAM: u64 = 5;
/// The random stream of how the allocator chooses, so that another policy leaves the rest of a seed as it is.
const POLICY_STREAM: u64 = 9;
/// The most a framework may want in one offer: room for the largest piece of work, reservation and volume.
const OFFER_SIZE: &str = "cpus:3;mem:2048;disk:4096";
/// The one for what agents are like to the outside, and who looks at what masters publish.
const PEER_STREAM: u64 = 11;
/// The one for what frameworks do that was not thought of first, so that what they did before stays.
const IDEA_STREAM: u64 = 12;
/// The one for how work is run and what is scarce.
const WAYS_STREAM: u64 = 13;
/// The one for faults that came later, so that most seeds stay what they were, and all that are known by their digests.
const LATER_STREAM: u64 = 18;
/// Roles frameworks choose from: flat, nested and one below another.
const ROLES: [&str; 6] = ["web", "batch", "eng", "eng/data", "eng/data/etl", "ops"];

/// Draws the cluster of a seed; no framework has more than `pieces_max` pieces of work.
pub(crate) fn draw(seed: u64, pieces_max: Option<u32>) -> Cluster {
    let mut dice = Rng::of_node(seed, SWARM_STREAM);
    let mut policy_dice = Rng::of_node(seed, POLICY_STREAM);
    let mut agents = agents(&mut dice);
    let mut ways_dice = Rng::of_node(seed, WAYS_STREAM);
    let has_gpus = ways_dice.chance(250_000);
    if has_gpus {
        add_gpus(&mut ways_dice, &mut agents);
    }
    let has_ports = !agents[0].info.resources.non_scalars().is_empty();
    let mut idea_dice = Rng::of_node(seed, IDEA_STREAM);
    // Only where nothing goes wrong may a framework use the name of a task twice: see `Habits::reuse_ppm`.
    let is_calm = idea_dice.chance(100_000);
    let ideas = || Ideas { ways: ways(&mut ways_dice, has_gpus, has_ports), ..ideas(&mut idea_dice, is_calm) };
    let mut frameworks = frameworks(&mut dice, pieces_max.unwrap_or(u32::MAX), ideas);
    frameworks.iter_mut().for_each(|framework| want_small_offers(&mut policy_dice, framework));
    let spec = ClusterSpec {
        masters: count(&mut dice, 1, 3),
        master_options: master_options(&mut dice),
        agents,
        frameworks,
        ..ClusterSpec::default()
    };
    let allocator = choices(&mut policy_dice, allocator_options(&mut dice));
    let mut conditions = conditions(&mut dice, &spec);
    if is_calm {
        conditions.faults.nemeses.clear();
    }
    add_later_faults(&mut Rng::of_node(seed, LATER_STREAM), &spec, &mut conditions.faults);
    conditions.containers.unwell_ppm = sometimes(&mut ways_dice, 300_000);
    let mut cluster = Cluster::new(spec, conditions).drf(allocator);
    let mut peer_dice = Rng::of_node(seed, PEER_STREAM);
    cluster.conditions_mut().stale_latest_ppm = sometimes(&mut peer_dice, 300_000);
    // Comparing what is published with the books takes time, so not always.
    if peer_dice.chance(100_000) { cluster.publishing() } else { cluster }
}

fn count(dice: &mut Rng, low: u64, high: u64) -> u32 {
    u32::try_from(dice.between(low, high)).unwrap_or(u32::MAX)
}

/// Zero half of the time, otherwise up to `high`.
fn sometimes(dice: &mut Rng, high: u32) -> u32 {
    if dice.chance(500_000) { count(dice, 1, u64::from(high)) } else { 0 }
}

fn millis(dice: &mut Rng, low: u64, high: u64) -> Duration {
    Duration::from_millis(dice.between(low, high))
}

fn role(dice: &mut Rng) -> Role {
    Role::new(ROLES[dice.index(ROLES.len())]).expect("a constant")
}

fn agents(dice: &mut Rng) -> Vec<AgentSpec> {
    let most = if dice.chance(300_000) { 4 } else { 25 };
    let number = dice.between(1, most);
    (0..number).map(|index| AgentSpec { info: agent_info(dice, index), options: agent_options(dice).into() }).collect()
}

fn agent_info(dice: &mut Rng, index: u64) -> AgentInfo {
    let (cpus, mem) = (dice.between(2, 16), dice.between(1, 32) * 1_024);
    let mut text = format!("cpus:{cpus};mem:{mem};disk:{}", mem * 2);
    if dice.chance(600_000) {
        text.push_str(";ports:[31000-31099]");
    }
    if dice.chance(300_000) {
        let role = role(dice);
        text.push_str(&format!(";cpus({role}):{};mem({role}):{}", dice.between(1, 4), dice.between(1, 4) * 512));
    }
    let resources: Resources = text.parse().expect("a drawn text follows the grammar");
    let mut info = AgentInfo::new(format!("agent-{index}"), resources);
    info.attributes = format!("rack:r{}", dice.below(4)).parse().expect("a constant form");
    // The first agent is new: somebody must be able to run everything.
    if index > 0 {
        forget_some(dice, &mut info);
    }
    info
}

/// One agent in ten is of an earlier version and knows less.
pub(crate) fn forget_some(dice: &mut Rng, info: &mut AgentInfo) {
    if dice.chance(100_000) {
        info.capabilities.remove(&AgentCapability::ReservationRefinement);
        if dice.chance(300_000) {
            info.capabilities.remove(&AgentCapability::HierarchicalRole);
        }
    }
}

fn agent_options(dice: &mut Rng) -> agent::Options {
    let mut options = agent::Options::default();
    if dice.chance(300_000) {
        options.update_retry = millis(dice, 1_000, 20_000);
    }
    if dice.chance(200_000) {
        options.registration_retry_max = millis(dice, 5_000, 60_000);
    }
    // Executors that are processes of their own are told where their agent listens.
    options.endpoint = Some("agent:5051".into());
    options
}

/// What a framework does beside its work: chances per million.
struct Ideas {
    /// See [`Habits::reuse_ppm`].
    reuse_ppm: u32,
    /// See [`Habits::roles_ppm`].
    roles_ppm: u32,
    ways: ManyWays,
}

/// How a framework's work is run, and what it needs of what is scarce.
#[derive(Clone, Copy, Default)]
struct ManyWays {
    ways: Ways,
    has_gpus: bool,
    /// See [`Habits::needs_ports`].
    needs_ports: bool,
    /// See [`Habits::lingers`].
    lingers: Duration,
}

fn ways(dice: &mut Rng, has_gpus: bool, has_ports: bool) -> ManyWays {
    let mut often = |ppm: u32, low: u64, high: u64| if dice.chance(ppm) { count(dice, low, high) } else { 0 };
    let ways = Ways {
        executor_ppm: often(400_000, 100_000, 800_000),
        broken_ppm: often(300_000, 10_000, 200_000),
        group_ppm: often(400_000, 100_000, 800_000),
        health_ppm: often(300_000, 100_000, 600_000),
        message_ppm: often(500_000, 100_000, 1_000_000),
        gpu_ppm: if has_gpus { often(500_000, 100_000, 600_000) } else { 0 },
    };
    let needs_ports = has_ports && dice.chance(250_000);
    let lingers = if dice.chance(80_000) { millis(dice, 900_000, 2_400_000) } else { Duration::ZERO };
    ManyWays { ways, has_gpus, needs_ports, lingers }
}

/// The first agent has gpus, and some of the others.
fn add_gpus(dice: &mut Rng, agents: &mut [AgentSpec]) {
    for (index, agent) in agents.iter_mut().enumerate() {
        if index == 0 || dice.chance(400_000) {
            let gpus: Resources =
                format!("gpus:{}", dice.between(1, 4)).parse().expect("a drawn text follows the grammar");
            agent.info.resources += &gpus;
        }
    }
}

fn ideas(dice: &mut Rng, is_calm: bool) -> Ideas {
    let reuse_ppm = count(dice, 100_000, 500_000);
    let roles_ppm = if dice.chance(150_000) { count(dice, 20_000, 200_000) } else { 0 };
    Ideas { reuse_ppm: if is_calm { reuse_ppm } else { 0 }, roles_ppm, ways: ManyWays::default() }
}

fn frameworks(dice: &mut Rng, pieces_max: u32, mut ideas: impl FnMut() -> Ideas) -> Vec<FrameworkSpec> {
    let number = dice.between(1, 4);
    (0..number).map(|index| framework(dice, index, pieces_max, &ideas())).collect()
}

fn framework(dice: &mut Rng, index: u64, pieces_max: u32, ideas: &Ideas) -> FrameworkSpec {
    let mut info = FrameworkInfo::new(format!("framework-{index}"), role(dice));
    if dice.chance(200_000) {
        info.roles.insert(role(dice));
    }
    info.checkpoint = !dice.chance(250_000);
    if dice.chance(250_000) {
        info.capabilities.remove(&FrameworkCapability::PartitionAware);
    }
    if dice.chance(250_000) {
        info.capabilities.remove(&FrameworkCapability::TaskKillingState);
    }
    // Peers of earlier versions know less.
    if info.roles.len() == 1 && dice.chance(100_000) {
        info.capabilities.remove(&FrameworkCapability::MultiRole);
    }
    if dice.chance(100_000) {
        info.capabilities.remove(&FrameworkCapability::ReservationRefinement);
    }
    let (mut habits, seed) = (habits(dice), dice.bits());
    // A third of them wait until their refusals have run out.
    habits.is_patient = seed.is_multiple_of(3);
    habits.pieces = habits.pieces.min(pieces_max);
    habits.reuse_ppm = ideas.reuse_ppm;
    habits.roles_ppm = ideas.roles_ppm;
    let ManyWays { ways, has_gpus, needs_ports, lingers } = ideas.ways;
    (habits.ways, habits.needs_ports, habits.lingers) = (ways, needs_ports, lingers);
    if has_gpus {
        // Agents with gpus are kept for those who know how to use them.
        info.capabilities.insert(FrameworkCapability::GpuResources);
    }
    habits.roles = ROLES.iter().map(|role| Role::new(*role).expect("a constant")).collect();
    let described = info.clone();
    FrameworkSpec {
        info,
        options: driver_options(dice),
        scheduler: Arc::new(move || Box::new(Synthetic::new(habits.clone(), seed).described(described.clone()))),
        is_finite: true,
        starts_after: if dice.chance(700_000) { Duration::ZERO } else { millis(dice, 0, 60_000) },
    }
}

fn habits(dice: &mut Rng) -> Habits {
    let cpus_low = count(dice, 100, 500);
    let mem_low = count(dice, 32, 128);
    let run_low = millis(dice, 0, 5_000);
    Habits {
        pieces: if dice.chance(200_000) { count(dice, 50, 200) } else { count(dice, 1, 40) },
        run: (run_low, run_low + millis(dice, 0, 60_000)),
        cpus_milli: (cpus_low, cpus_low + count(dice, 0, 1_000)),
        mem_mib: (mem_low, mem_low + count(dice, 0, 400)),
        per_offer: count(dice, 1, 10),
        port_ppm: sometimes(dice, 300_000),
        decline_ppm: sometimes(dice, 300_000),
        ignore_ppm: sometimes(dice, 200_000),
        kill_ppm: sometimes(dice, 500_000),
        kills_max: count(dice, 0, 20),
        reserve_ppm: sometimes(dice, 300_000),
        volume_ppm: sometimes(dice, 300_000),
        reconcile_ppm: sometimes(dice, 300_000),
        late_ack_ppm: sometimes(dice, 300_000),
        ..Habits::default()
    }
}

fn driver_options(dice: &mut Rng) -> driver::Options {
    let mut options = driver::Options::default();
    if dice.chance(300_000) {
        options.launch_doubt_after = millis(dice, 5_000, 60_000);
    }
    if dice.chance(300_000) {
        options.reconcile_every = millis(dice, 60_000, 600_000);
    }
    options
}

fn master_options(dice: &mut Rng) -> master::Options {
    let mut options = master::Options::default();
    // Always one: a framework that sits on its offers would starve the others for good, and itself.
    options.offer_timeout = Some(millis(dice, 10_000, 60_000));
    if dice.chance(400_000) {
        options.agent_ping_every = millis(dice, 2_000, 15_000);
        options.agent_ping_timeouts_max = count(dice, 2, 5);
    }
    if dice.chance(400_000) {
        options.agent_reregister_timeout = millis(dice, 60_000, 600_000);
    }
    options
}

fn allocator_options(dice: &mut Rng) -> allocator::Options {
    let mut options = allocator::Options::default();
    if dice.chance(400_000) {
        options.allocation_interval = millis(dice, 100, 5_000);
    }
    options
}

/// Who is served first, from which agent, and how much at a time: half of the time as by default.
fn choices(dice: &mut Rng, mut options: allocator::Options) -> allocator::Options {
    options.policy = policy(dice);
    let sorter = |dice: &mut Rng| if dice.chance(250_000) { SorterKind::Random } else { SorterKind::Drf };
    (options.role_sorter, options.framework_sorter) = (sorter(dice), sorter(dice));
    if dice.chance(250_000) {
        options.agent_order = AgentOrder::FullestFirst;
    }
    if dice.chance(200_000) {
        options.fairness_excluded =
            vec![[ResourceName::Cpus, ResourceName::Mem, ResourceName::Disk][dice.index(3)].clone()];
    }
    if dice.chance(200_000) {
        options.starvation_batches = Some(count(dice, 1, 30));
    }
    options
}

fn policy(dice: &mut Rng) -> Policy {
    match dice.below(10) {
        0 => Policy::Priority((0..3).map(|priority| (role(dice), priority)).collect()),
        1 => Policy::Packing(Packing::new([0.0, 0.25, 0.5][dice.index(3)]).expect("a bound on unfairness")),
        2 => Policy::ConstrainedMaxMin { slot: "cpus:1;mem:256".parse().expect("a constant") },
        3 => Policy::SharedState(Transactions::Incremental),
        4 => Policy::SharedState(Transactions::AllOrNothing),
        _ => Policy::Hierarchical,
    }
}

/// Some frameworks want offers no larger than they can use at once.
fn want_small_offers(dice: &mut Rng, framework: &mut FrameworkSpec) {
    if dice.chance(200_000) {
        let size: Limits = OFFER_SIZE.parse().expect("a constant");
        let info = &mut framework.info;
        info.max_offer = info.roles.iter().map(|role| (role.clone(), size.clone())).collect();
    }
}

fn conditions(dice: &mut Rng, spec: &ClusterSpec) -> Conditions {
    let latency_low = Duration::from_micros(dice.between(10, 1_000));
    let disk_low = Duration::from_micros(dice.between(10, 1_000));
    Conditions {
        net: NetModel {
            latency: (latency_low, latency_low + Duration::from_micros(dice.between(10, 20_000))),
            ..NetModel::default()
        },
        election: ElectionModel { notice: millis(dice, 0, 10_000), ..ElectionModel::default() },
        containers: ContainerModel {
            launch_failure_ppm: sometimes(dice, 20_000),
            crash_ppm: sometimes(dice, 20_000),
            hang_ppm: if dice.chance(200_000) { count(dice, 1, 20_000) } else { 0 },
            ignores_term_ppm: sometimes(dice, 300_000),
            ..ContainerModel::default()
        },
        disk_latency: (disk_low, disk_low + Duration::from_micros(dice.between(10, 50_000))),
        start_within: millis(dice, 0, 20_000),
        faults: faults(dice, spec),
        settle_within: Duration::from_secs(4 * 3_600),
        is_tidied: true,
        ..Conditions::default()
    }
}

fn faults(dice: &mut Rng, spec: &ClusterSpec) -> Faults {
    let until = millis(dice, 30_000, 600_000);
    let mut nemeses: Vec<Arc<dyn Nemesis>> = Vec::new();
    let every = |dice: &mut Rng| millis(dice, 5_000, 120_000);
    // One run in ten is healthy: a defect that needs no fault must not hide behind one.
    let is_healthy = dice.chance(100_000);
    let mut add = |dice: &mut Rng, make: &dyn Fn(Duration) -> Arc<dyn Nemesis>| {
        let every = every(dice);
        if !is_healthy && dice.chance(400_000) {
            nemeses.push(make(every));
        }
    };
    add(dice, &|every| Arc::new(PartitionNemesis { every }));
    let disk_ppm = sometimes(dice, 300_000);
    add(dice, &|every| Arc::new(CrashNemesis { every, disk_ppm }));
    add(dice, &|every| Arc::new(TripNemesis { every }));
    add(dice, &|every| Arc::new(DiskNemesis { every }));
    add(dice, &|every| Arc::new(DriftNemesis { every }));
    add(dice, &|every| Arc::new(LossNemesis { every }));
    add(dice, &|every| Arc::new(DuplicateNemesis { every }));
    add(dice, &|every| Arc::new(ClogNemesis { every }));
    add(dice, &|every| Arc::new(PauseNemesis { every }));
    add(dice, &|every| Arc::new(ResetNemesis { every }));
    add(dice, &|every| Arc::new(FlapNemesis { every }));
    add(dice, &|every| Arc::new(StoreNemesis { every }));
    add(dice, &|every| Arc::new(ContainerNemesis { every }));
    add(dice, &|every| Arc::new(SkewNemesis { every }));
    let roles = roles(spec);
    let removes = if dice.chance(500_000) { Removal::All } else { Removal::Nothing };
    add(dice, &|every| Arc::new(OperatorNemesis { every, roles: roles.clone(), removes }));
    add(dice, &|every| Arc::new(MaintenanceNemesis { every }));
    add(dice, &|every| Arc::new(ExecutorNemesis { every }));
    Faults { plan: Vec::new(), nemeses, until, routine_for: Duration::ZERO }
}

/// In one run out of four, unless nothing goes wrong in it, some of the faults that seeds did not have from the start.
fn add_later_faults(dice: &mut Rng, spec: &ClusterSpec, faults: &mut Faults) {
    if faults.nemeses.is_empty() || !dice.chance(250_000) {
        return;
    }
    let roles = roles(spec);
    let mut add = |dice: &mut Rng, make: &dyn Fn(Duration) -> Arc<dyn Nemesis>| {
        let every = millis(dice, 5_000, 90_000);
        if dice.chance(500_000) {
            faults.nemeses.push(make(every));
        }
    };
    add(dice, &|every| Arc::new(MastersNemesis { every }));
    add(dice, &|every| Arc::new(BehaviourNemesis { every }));
    add(dice, &|every| Arc::new(VersionNemesis { every, are_frameworks_hit: true }));
    let retires = dice.chance(500_000);
    add(dice, &|every| Arc::new(UpkeepNemesis { every, roles: roles.clone(), retires }));
    if dice.chance(400_000) {
        faults.routine_for = millis(dice, 10_000, 120_000);
    }
}

fn roles(spec: &ClusterSpec) -> Vec<Role> {
    spec.frameworks.iter().flat_map(|framework| framework.info.roles.clone()).collect()
}
