//! A framework that does everything a framework may do, at random, and still gets its work done.
//!
//! What it is is drawn once ([`Habits`]); what it does is drawn at every step, from its own stream. It declines with all
//! kinds of filters, sits on offers, kills its own tasks, reserves and unreserves, makes and destroys volumes, suppresses
//! and revives, asks about tasks without need and acknowledges late. Everything it breaks on purpose is bounded, so that
//! a healthy cluster always lets it finish.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_core::call::scheduler::Call;
use mesos_core::kernel::{Record, Rng};
use mesos_core::provider::Ack;
use mesos_core::resource::{
    Disk, Persistence, Quantities, Reservation, Resource, ResourceName, Value, Volume, VolumeMode,
};
use mesos_core::{
    AgentId, CommandInfo, ExecutorId, Filters, FrameworkCapability, FrameworkId, FrameworkInfo, Instant, InverseOffer,
    Offer, OfferId, Operation, PersistenceId, Resources, Role, Scheduler, SchedulerCx, TaskId, TaskInfo, TaskRun,
    TaskState, TaskStatus,
};
use serde::{Deserialize, Serialize};

use super::Book;
use super::book::News;
use super::ways::Ways;
use crate::container::DURATION_ENV;

/// What a synthetic framework is like. All chances are per million.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Habits {
    /// Pieces of work.
    pub pieces: u32,
    /// Shortest and longest run of a task.
    pub run: (Duration, Duration),
    /// Smallest and largest need of a task: thousandths of a core.
    pub cpus_milli: (u32, u32),
    /// Smallest and largest need of a task: megabytes.
    pub mem_mib: (u32, u32),
    /// Tasks launched on one offer at most.
    pub per_offer: u32,
    /// A task also wants a port.
    pub port_ppm: u32,
    /// An offer that could be used is declined.
    pub decline_ppm: u32,
    /// An offer is left lying.
    pub ignore_ppm: u32,
    /// A running task is killed; a task that is just being launched a quarter as often.
    pub kill_ppm: u32,
    /// Tasks killed at most.
    pub kills_max: u32,
    /// Part of an offer is reserved, or a reservation of its own undone.
    pub reserve_ppm: u32,
    /// A volume is made, or one of its own destroyed.
    pub volume_ppm: u32,
    /// A task is asked about without need.
    pub reconcile_ppm: u32,
    /// An update is acknowledged later.
    pub late_ack_ppm: u32,
    /// A launch comes with a second task under the id of one that runs. Only for clusters in which nothing goes wrong: a
    /// master that has lost its memory does not know what runs, and then it is the framework that runs something twice.
    #[serde(default)]
    pub reuse_ppm: u32,
    /// It never revives to be offered again what it declined: it waits until its refusal has run out.
    #[serde(default)]
    pub is_patient: bool,
    /// A task that wants a port waits for one.
    #[serde(default)]
    pub needs_ports: bool,
    /// It describes itself anew, with other roles of these.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// How often it does.
    #[serde(default)]
    pub roles_ppm: u32,
    /// How its tasks are run.
    #[serde(default)]
    pub ways: Ways,
    /// When its work is done it stays for so long, and declines whatever it is offered.
    #[serde(default)]
    pub lingers: Duration,
}

/// Does everything at random.
#[derive(Debug)]
pub struct Synthetic {
    habits: Habits,
    book: Book,
    /// Draws what each piece needs: the same for every try and after every restart.
    seed: u64,
    kills: u32,
    volumes: u32,
    is_suppressed: bool,
    late: Vec<TaskStatus>,
    /// Who it says it is, if it ever says so anew.
    info: Option<FrameworkInfo>,
    /// A task of its own that it last heard runs.
    running: Option<TaskId>,
    ignored: BTreeSet<OfferId>,
    due_at: Option<Instant>,
    /// When it has lingered long enough; nothing until its work is done.
    leaves_at: Option<Instant>,
    has_lingered: bool,
    /// The executor it named last, and where.
    spoken_to: Option<(AgentId, ExecutorId)>,
}

/// Keys of what is remembered beside the pieces.
const KILLS_KEY: &str = "kills";
const VOLUMES_KEY: &str = "volumes";
/// Between two of its own ideas.
const IDLE: Duration = Duration::from_secs(20);
/// The longest refusal it asks for.
const REFUSE_MAX: Duration = Duration::from_secs(30);
/// Size of the volumes it makes, in megabytes.
const VOLUME_MIB: u32 = 16;

impl Synthetic {
    /// A framework with these habits; `seed` decides what its pieces need.
    #[must_use]
    pub fn new(habits: Habits, seed: u64) -> Self {
        let book = Book::new(habits.pieces);
        Self {
            habits,
            book,
            seed,
            kills: 0,
            volumes: 0,
            is_suppressed: false,
            late: Vec::new(),
            info: None,
            running: None,
            ignored: BTreeSet::new(),
            due_at: None,
            leaves_at: None,
            has_lingered: false,
            spoken_to: None,
        }
    }

    /// Lets it describe itself anew: this is how it is described first.
    #[must_use]
    pub fn described(mut self, info: FrameworkInfo) -> Self {
        self.info = Some(info);
        self
    }

    /// Amounts, whether it wants a port, and for how long it runs.
    fn needs(&self, piece: u32) -> (Quantities, bool, Duration) {
        let mut dice = Rng::of_node(self.seed, u64::from(piece));
        let mut between = |(low, high): (u32, u32)| dice.between(u64::from(low), u64::from(high));
        let cpus = i64::try_from(between(self.habits.cpus_milli)).unwrap_or(100);
        let mem = u32::try_from(between(self.habits.mem_mib)).unwrap_or(32);
        let amounts = [
            (ResourceName::Cpus, mesos_core::Scalar::from_milli(cpus)),
            (ResourceName::Mem, mesos_core::Scalar::from_units(mem)),
        ];
        let has_port = dice.chance(self.habits.port_ppm);
        let runs_for = dice.duration_between(self.habits.run.0, self.habits.run.1);
        let gpu =
            dice.chance(self.habits.ways.gpu_ppm).then(|| (ResourceName::Gpus, mesos_core::Scalar::from_units(1)));
        (amounts.into_iter().chain(gpu).collect(), has_port, runs_for)
    }

    fn use_offer(&mut self, cx: &mut SchedulerCx<'_>, offer: &Offer) {
        if cx.rng.chance(self.habits.ignore_ppm) {
            self.ignored.insert(offer.id.clone());
            return;
        }
        if !self.book.is_waiting() || cx.rng.chance(self.habits.decline_ppm) {
            let refuse_for = cx.rng.duration(REFUSE_MAX);
            return cx.decline_for(offer, Filters::refuse_for(refuse_for));
        }
        let mut left = offer.resources.clone();
        let mut operations = Vec::new();
        self.convert(cx, offer, &mut left, &mut operations);
        let most = cx.rng.between(1, u64::from(self.habits.per_offer.max(1)));
        let mut tasks = Vec::new();
        while (tasks.len() as u64) < most {
            let Some(task) = self.task(cx, offer, &mut left) else { break };
            tasks.push(task);
        }
        if let Some(id) = self.running.clone().filter(|_| !tasks.is_empty() && cx.rng.chance(self.habits.reuse_ppm)) {
            tasks.extend(self.another(offer, &left, id));
        }
        let killed = tasks.last().map(|task| task.id.clone()).filter(|_| self.kills_early(cx));
        if !tasks.is_empty() {
            let (launch, executor) = self.habits.ways.launch(cx, offer, &mut left, tasks);
            operations.push(launch);
            self.spoken_to =
                executor.map(|executor| (offer.agent_id.clone(), executor)).or_else(|| self.spoken_to.take());
        }
        let filters = Filters::refuse_for(cx.rng.duration(REFUSE_MAX));
        if operations.is_empty() {
            cx.decline_for(offer, filters);
        } else {
            cx.accept([offer.id.clone()], operations, filters);
        }
        if let Some(task) = killed {
            self.kill(cx, task);
        }
    }

    /// A second task under an id that is in use: what no master may let through.
    fn another(&self, offer: &Offer, left: &Resources, id: TaskId) -> Option<TaskInfo> {
        let amounts: Quantities = [(ResourceName::Cpus, mesos_core::Scalar::from_milli(100))].into_iter().collect();
        let mut part = left.unreserved().scalars();
        part.shrink(&amounts);
        let command = CommandInfo::shell("work").env(DURATION_ENV, "1");
        part.contains_quantities(&amounts)
            .then(|| TaskInfo::new(id, offer.agent_id.clone(), part, TaskRun::Command(command)))
    }

    /// Whether it changes its mind at once: the kill follows the launch before any executor has the task.
    fn kills_early(&self, cx: &mut SchedulerCx<'_>) -> bool {
        self.kills < self.habits.kills_max && cx.rng.chance(self.habits.kill_ppm / 4)
    }

    fn kill(&mut self, cx: &mut SchedulerCx<'_>, task: TaskId) {
        self.kills += 1;
        cx.remember(KILLS_KEY, &self.kills);
        cx.kill(task);
    }

    /// A task for the next piece, out of what is left of an offer.
    fn task(&mut self, cx: &mut SchedulerCx<'_>, offer: &Offer, left: &mut Resources) -> Option<TaskInfo> {
        let piece = self.book.peek()?;
        let (amounts, has_port, run_for) = self.needs(piece);
        let mut part = left.filter(|entry| !entry.is_persistent_volume());
        if cx.rng.chance(500_000) {
            part.shrink(&amounts);
        } else {
            part.shrink_in_order(&amounts, <[Resource]>::reverse);
        }
        if !part.contains_quantities(&amounts) {
            return None;
        }
        match has_port.then(|| one_port(left)) {
            Some(Some(port)) => part += &port,
            Some(None) if self.habits.needs_ports => return None,
            _ => {}
        }
        *left -= &part;
        let (_, id) = self.book.begin(cx)?;
        let command = CommandInfo::shell("work").env(DURATION_ENV, format!("{:.3}", run_for.as_secs_f64()));
        Some(TaskInfo::new(id, offer.agent_id.clone(), part, TaskRun::Command(command)))
    }

    /// Reserves, unreserves, makes or destroys a little, so that what it made can be used by the same accept.
    fn convert(&mut self, cx: &mut SchedulerCx<'_>, offer: &Offer, left: &mut Resources, out: &mut Vec<Operation>) {
        if offer.role.is_any() {
            return;
        }
        if cx.rng.chance(self.habits.reserve_ppm) {
            let own = left.filter(|entry| is_own_reservation(entry, offer) && !entry.is_persistent_volume());
            if !own.is_empty() && cx.rng.chance(500_000) {
                if let Ok(free) = own.pop_reservation() {
                    *left -= &own;
                    *left += &free;
                    out.push(Operation::Unreserve(own));
                }
            } else {
                self.reserve(offer, left, out);
            }
        }
        if cx.rng.chance(self.habits.volume_ppm) {
            let own = left.filter(|entry| entry.is_persistent_volume() && is_own_reservation(entry, offer));
            if let Some(volume) = own.iter().next().filter(|_| cx.rng.chance(500_000)) {
                self.destroy(volume, left, out);
            } else {
                self.create(cx, offer, left, out);
            }
        }
    }

    fn reserve(&self, offer: &Offer, left: &mut Resources, out: &mut Vec<Operation>) {
        let mut part = left.unreserved().scalars();
        let amounts = [
            (ResourceName::Cpus, mesos_core::Scalar::from_milli(250)),
            (ResourceName::Mem, mesos_core::Scalar::from_units(32)),
            (ResourceName::Disk, mesos_core::Scalar::from_units(VOLUME_MIB)),
        ];
        part.shrink(&amounts.into_iter().collect());
        let reserved = part.push_reservation(&Reservation::dynamic(offer.role.clone(), None));
        if let (false, Ok(reserved)) = (part.is_empty(), reserved) {
            *left -= &part;
            *left += &reserved;
            out.push(Operation::Reserve(reserved));
        }
    }

    fn create(&mut self, cx: &mut SchedulerCx<'_>, offer: &Offer, left: &mut Resources, out: &mut Vec<Operation>) {
        let size = mesos_core::Scalar::from_units(VOLUME_MIB);
        let is_fit = |entry: &Resource| {
            *entry.name() == ResourceName::Disk && is_own_reservation(entry, offer) && entry.disk_info().is_none()
        };
        let Some(entry) = left.filter(is_fit).iter().find(|entry| entry.amount() >= size) else { return };
        let id = format!("v{}-{}-{}", self.seed % 1_000, self.volumes, cx.rng.below(1_000_000));
        self.volumes += 1;
        cx.remember(VOLUMES_KEY, &self.volumes);
        let piece = entry.with_value(Value::Scalar(size));
        let disk = Disk {
            persistence: Some(Persistence { id: PersistenceId::new(id).expect("digits make an id"), principal: None }),
            volume: Some(Volume { container_path: "data".into(), host_path: None, mode: VolumeMode::Rw }),
            source: None,
        };
        let volume = piece.clone().with_disk(disk);
        let (Ok(plain), Ok(volume)) = (Resources::try_from(piece), Resources::try_from(volume)) else { return };
        *left -= &plain;
        *left += &volume;
        out.push(Operation::Create(volume));
    }

    #[allow(clippy::unused_self, reason = "beside its siblings")]
    fn destroy(&self, volume: Resource, left: &mut Resources, out: &mut Vec<Operation>) {
        if let Ok(volume) = Resources::try_from(volume) {
            *left -= &volume;
            out.push(Operation::Destroy(volume));
        }
    }

    /// Now and then it has an idea of its own.
    fn muse(&mut self, cx: &mut SchedulerCx<'_>) {
        for status in std::mem::take(&mut self.late) {
            cx.acknowledge(&status);
        }
        let tries: Vec<TaskId> = self.book.tries().collect();
        if let Some(task) = tries.get(cx.rng.index(tries.len())) {
            if self.kills < self.habits.kills_max && cx.rng.chance(self.habits.kill_ppm) {
                self.kill(cx, task.clone());
            }
            if cx.rng.chance(self.habits.reconcile_ppm) {
                cx.call(Call::Reconcile { tasks: vec![(task.clone(), None)] });
            }
        }
        if cx.rng.chance(self.habits.reconcile_ppm) {
            cx.call(Call::Reconcile { tasks: Vec::new() });
        }
        if let Some((agent_id, executor_id)) = self.spoken_to.clone()
            && cx.rng.chance(self.habits.ways.message_ppm)
        {
            cx.call(Call::Message { executor_id, agent_id, data: (*b"how are you").into() });
        }
        let may_suppress = self.habits.lingers.is_zero();
        if may_suppress && !self.is_suppressed && !self.book.is_waiting() && cx.rng.chance(500_000) {
            self.is_suppressed = true;
            cx.suppress();
        } else if self.book.is_waiting() && (self.is_suppressed || !self.habits.is_patient) && cx.rng.chance(200_000) {
            self.is_suppressed = false;
            cx.revive();
        }
        if cx.rng.chance(self.habits.roles_ppm) {
            self.change_roles(cx);
        }
    }

    /// Is somebody else from now on: in some of the roles it may have, at least one.
    fn change_roles(&mut self, cx: &mut SchedulerCx<'_>) {
        let Some(info) = self.info.as_mut().filter(|_| !self.habits.roles.is_empty()) else { return };
        let count = if info.capabilities.contains(&FrameworkCapability::MultiRole) { 2 } else { 1 };
        info.roles = (0..count).map(|_| self.habits.roles[cx.rng.index(self.habits.roles.len())].clone()).collect();
        // Whatever it suppressed before is not any more.
        self.is_suppressed = false;
        let constraints = std::sync::Arc::default();
        cx.call(Call::UpdateFramework { info: Box::new(info.clone()), suppressed: BTreeSet::new(), constraints });
    }
}

fn is_own_reservation(entry: &Resource, offer: &Offer) -> bool {
    entry.is_dynamically_reserved() && entry.reservations().role() == Some(&offer.role)
}

fn one_port(left: &Resources) -> Option<Resources> {
    let part = left.filter(|entry| *entry.name() == ResourceName::Ports);
    let entry = part.iter().next()?;
    let Value::Ranges(ranges) = entry.value() else { return None };
    let one = Value::Ranges(ranges.lowest(1));
    Resources::try_from(entry.with_value(one)).ok()
}

impl Scheduler for Synthetic {
    fn recovered(&mut self, records: &[Record]) {
        self.book.recovered(records);
        for record in records {
            match (&*record.key, record.decode::<u32>()) {
                (KILLS_KEY, Ok(kills)) => self.kills = kills,
                (VOLUMES_KEY, Ok(volumes)) => self.volumes = volumes,
                _ => {}
            }
        }
    }

    fn subscribed(&mut self, cx: &mut SchedulerCx<'_>, _id: &FrameworkId) {
        self.ignored.clear();
        self.late.clear();
        self.running = None;
        self.book.reconcile(cx);
        self.due_at = Some(cx.now.mono + cx.rng.duration(IDLE));
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in &offers {
            self.use_offer(cx, offer);
        }
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        match status.state {
            TaskState::Running => self.running = Some(status.task_id.clone()),
            _ if self.running.as_ref() == Some(&status.task_id) => self.running = None,
            _ => {}
        }
        if self.book.observe(cx, status) == News::Retry && std::mem::take(&mut self.is_suppressed) {
            cx.revive();
        }
        if status.uuid.is_some() && cx.rng.chance(self.habits.late_ack_ppm) {
            self.late.push(status.clone());
            return Ack::Manual;
        }
        Ack::Auto
    }

    fn rescinded(&mut self, _cx: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.ignored.remove(offer);
    }

    /// Says now this, now that: it changes nothing about what runs.
    fn inverse_offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<InverseOffer>) {
        for offer in offers {
            if cx.rng.chance(500_000) {
                cx.accept_inverse_offers([offer.id], Filters::default());
            } else {
                cx.decline_inverse_offers([offer.id], Filters::default());
            }
        }
    }

    fn agent_lost(&mut self, cx: &mut SchedulerCx<'_>, _agent: &AgentId) {
        if cx.rng.chance(self.habits.reconcile_ppm) {
            self.book.reconcile(cx);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.due_at
    }

    fn tick(&mut self, cx: &mut SchedulerCx<'_>) {
        if self.due_at.is_some_and(|at| at <= cx.now.mono) {
            self.due_at = Some(cx.now.mono + IDLE / 20 + cx.rng.duration(IDLE));
            self.muse(cx);
            let leaves_at = self.leaves_at.take().unwrap_or(cx.now.mono + self.habits.lingers);
            self.leaves_at = self.book.is_done().then_some(leaves_at);
            self.has_lingered = self.leaves_at.is_some_and(|at| at <= cx.now.mono);
        }
    }

    fn is_done(&self) -> bool {
        self.book.is_done() && (self.has_lingered || self.habits.lingers.is_zero())
    }
}
