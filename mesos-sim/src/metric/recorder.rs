//! Listens to a run and writes down what became of every task.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesos_core::call::scheduler::{Call, Event as Told};
use mesos_core::{
    AgentId, FrameworkId, Instant, OfferId, Operation, Resources, TaskInfo, TaskState, TaskStatus, Weight,
};

use super::record::{Failover, FrameworkRecord, Record, TaskRow};
use super::series::Series;
use crate::node::NodeId;
use crate::report::{Amounts, amounts};
use crate::scheduler::TaskKey;

/// No row yet.
const NONE: u32 = u32::MAX;

/// What an agent has left, in thousandths.
#[derive(Debug)]
struct AgentRow {
    free: Amounts,
}

/// Listens to a run of a workload.
#[derive(Debug)]
pub struct Recorder {
    record: Record,
    /// By job, then task: the row of the latest try.
    latest: Vec<u32>,
    /// Where the tasks of a job begin in `latest`.
    bases: Vec<u32>,
    agents: Vec<AgentRow>,
    by_hostname: BTreeMap<Arc<str>, u32>,
    by_agent: BTreeMap<AgentId, u32>,
    by_framework: BTreeMap<FrameworkId, usize>,
    on_offer: BTreeMap<OfferId, Amounts>,
    /// Who was welcomed since the last leader was lost.
    welcomed: BTreeSet<NodeId>,
    /// What a typical task needs, for fragmentation.
    typical: Amounts,
}

impl Recorder {
    /// Listens to a run on these agents, of jobs with so many tasks each. What a typical task needs says which free
    /// resources are of use to anybody.
    #[must_use]
    pub fn new<'a>(
        agents: impl Iterator<Item = (Arc<str>, &'a Resources)>,
        frameworks: impl Iterator<Item = Arc<str>>,
        tasks_per_job: impl Iterator<Item = u32>,
        typical: &Resources,
    ) -> Self {
        let mut capacity: Amounts = [0; 4];
        let (mut rows, mut by_hostname) = (Vec::new(), BTreeMap::new());
        for (hostname, resources) in agents {
            let free = amounts(resources);
            change(&mut capacity, &free, 1);
            by_hostname.insert(hostname, u32::try_from(rows.len()).unwrap_or(NONE));
            rows.push(AgentRow { free });
        }
        let each = rows.iter().map(|row| row.free).collect();
        let (mut bases, mut count) = (Vec::new(), 0_u32);
        for tasks in tasks_per_job {
            bases.push(count);
            count = count.saturating_add(tasks);
        }
        let fresh = |name: Arc<str>| FrameworkRecord {
            role: name.clone(),
            name,
            weight: Weight::ONE,
            offers: 0,
            accepted: 0,
            declined: 0,
            rescinded: 0,
            launched: 0,
            unsuccessful: 0,
        };
        let frameworks: Vec<FrameworkRecord> = frameworks.map(fresh).collect();
        let record = Record {
            capacity,
            each,
            failovers: Vec::new(),
            agents: u32::try_from(rows.len()).unwrap_or(NONE),
            ends_at: Instant::ZERO,
            series: Series::new(frameworks.len()),
            frameworks,
            tasks: Vec::new(),
        };
        Self {
            record,
            latest: vec![NONE; count as usize],
            bases,
            agents: rows,
            by_hostname,
            by_agent: BTreeMap::new(),
            by_framework: BTreeMap::new(),
            on_offer: BTreeMap::new(),
            welcomed: BTreeSet::new(),
            typical: amounts(typical),
        }
    }

    /// The roles of the frameworks, in their order, and what each role counts: what is fair depends on them.
    #[must_use]
    pub fn with_roles(mut self, roles: impl IntoIterator<Item = (Arc<str>, Weight)>) -> Self {
        for (framework, (role, weight)) in self.record.frameworks.iter_mut().zip(roles) {
            (framework.role, framework.weight) = (role, weight);
        }
        self
    }

    /// What was written down until `now`.
    #[must_use]
    pub fn finish(mut self, now: Instant) -> Record {
        self.advance(now);
        self.record.ends_at = now;
        self.record
    }

    pub(crate) fn told(&mut self, now: Instant, framework: u32, event: &Told) {
        match event {
            Told::Subscribed { framework_id, .. } => {
                self.by_framework.insert(framework_id.clone(), framework as usize);
                self.welcomed(now, NodeId::Framework(framework));
            }
            Told::Offers(offers) => {
                self.advance(now);
                for offer in offers {
                    if !self.by_agent.contains_key(&offer.agent_id)
                        && let Some(index) = self.by_hostname.get(&offer.agent.hostname)
                    {
                        self.by_agent.insert(offer.agent_id.clone(), *index);
                    }
                    let amounts = amounts(&offer.resources);
                    self.record.series.change_offered(&amounts, 1.0);
                    self.on_offer.insert(offer.id.clone(), amounts);
                }
                self.record.frameworks[framework as usize].offers += offers.len() as u64;
                self.record.series.last().offers += u32::try_from(offers.len()).unwrap_or(u32::MAX);
            }
            Told::Rescind(offer) => {
                self.advance(now);
                self.record.frameworks[framework as usize].rescinded += 1;
                self.off_the_table(offer);
            }
            Told::Update(status) => self.update(now, framework, status),
            _ => {}
        }
    }

    /// The process of the leading master ended.
    pub(crate) fn leader_lost(&mut self, now: Instant) {
        self.record.failovers.push(Failover { lost_at: now, welcomed: 0, last_at: now });
        self.welcomed.clear();
    }

    /// A leader welcomed an agent or a framework; what asked twice may be welcomed twice.
    pub(crate) fn welcomed(&mut self, now: Instant, peer: NodeId) {
        if let Some(failover) = self.record.failovers.last_mut()
            && self.welcomed.insert(peer)
        {
            failover.welcomed += 1;
            failover.last_at = now;
        }
    }

    pub(crate) fn called(&mut self, now: Instant, framework: u32, call: &Call) {
        match call {
            Call::Accept { offers, operations, .. } => {
                self.advance(now);
                for offer in offers {
                    self.off_the_table(offer);
                }
                self.record.frameworks[framework as usize].accepted += offers.len() as u64;
                for operation in operations {
                    if let Operation::Launch(tasks) = operation {
                        self.launched(now, framework, tasks);
                    }
                }
            }
            Call::Decline { offers, .. } => {
                self.advance(now);
                for offer in offers {
                    self.off_the_table(offer);
                }
                self.record.frameworks[framework as usize].declined += offers.len() as u64;
                self.record.series.last().declines += u32::try_from(offers.len()).unwrap_or(u32::MAX);
            }
            _ => {}
        }
    }

    fn off_the_table(&mut self, offer: &OfferId) {
        if let Some(amounts) = self.on_offer.remove(offer) {
            self.record.series.change_offered(&amounts, -1.0);
        }
    }

    fn launched(&mut self, now: Instant, framework: u32, tasks: &[Arc<TaskInfo>]) {
        self.record.frameworks[framework as usize].launched += tasks.len() as u64;
        self.record.series.last().launches += u32::try_from(tasks.len()).unwrap_or(u32::MAX);
        for task in tasks {
            let Some(key) = TaskKey::parse(&task.id) else { continue };
            let Some(place) = self.place(key) else { continue };
            self.latest[place] = u32::try_from(self.record.tasks.len()).unwrap_or(NONE);
            let agent = self.by_agent.get(&task.agent_id).copied().unwrap_or(NONE);
            let state = TaskState::Staging;
            let fresh = TaskRow { key, framework, agent, launched_at: now, running_at: None, ended_at: None, state };
            self.record.tasks.push(fresh);
        }
    }

    fn place(&self, key: TaskKey) -> Option<usize> {
        let base = *self.bases.get(key.job as usize)? as usize;
        let end = self.bases.get(key.job as usize + 1).map_or(self.latest.len(), |next| *next as usize);
        let place = base + key.task as usize;
        (place < end).then_some(place)
    }

    fn update(&mut self, now: Instant, framework: u32, status: &TaskStatus) {
        let Some(key) = TaskKey::parse(&status.task_id) else { return };
        let Some(place) = self.place(key) else { return };
        let Some(row) = self.record.tasks.get_mut(self.latest[place] as usize) else { return };
        if row.key != key || row.state.is_terminal() {
            return;
        }
        row.state = status.state;
        if status.state == TaskState::Running {
            row.running_at.get_or_insert(now);
        }
        if status.state.is_terminal() {
            row.ended_at = Some(now);
            if status.state != TaskState::Finished {
                self.record.frameworks[framework as usize].unsuccessful += 1;
            }
        }
    }

    pub(crate) fn container_began(&mut self, now: Instant, agent: u32, owner: &FrameworkId, used: &Amounts) {
        self.change_use(now, agent, owner, used, 1);
    }

    pub(crate) fn container_ended(&mut self, now: Instant, agent: u32, owner: &FrameworkId, used: &Amounts) {
        self.change_use(now, agent, owner, used, -1);
    }

    fn change_use(&mut self, now: Instant, agent: u32, owner: &FrameworkId, used: &Amounts, sign: i32) {
        self.advance(now);
        if let Some(row) = self.agents.get_mut(agent as usize) {
            change(&mut row.free, used, -i64::from(sign));
        }
        if let Some(framework) = self.by_framework.get(owner) {
            self.record.series.change_used(*framework, used, f64::from(sign));
        }
    }

    fn advance(&mut self, now: Instant) {
        let fragmentation = if self.record.series.is_crossed(now) { self.fragmentation() } else { 0.0 };
        self.record.series.advance(now, fragmentation);
    }

    /// The part of what is free that typical tasks could use if it lay on one agent, but cannot where it lies.
    #[allow(clippy::cast_precision_loss, reason = "numbers of tasks that fit are exact in a double")]
    fn fragmentation(&self) -> f64 {
        let fits = |free: &Amounts| {
            let each = free.iter().zip(&self.typical).filter(|(_, need)| **need > 0);
            each.map(|(free, need)| (*free).max(0) / need).min().unwrap_or(0)
        };
        let mut together: Amounts = [0; 4];
        let mut apart = 0;
        for row in &self.agents {
            change(&mut together, &row.free, 1);
            apart += fits(&row.free);
        }
        let whole = fits(&together);
        if whole > 0 { 1.0 - apart as f64 / whole as f64 } else { 0.0 }
    }
}

fn change(to: &mut Amounts, by: &Amounts, sign: i64) {
    for (to, by) in to.iter_mut().zip(by) {
        *to += sign * by;
    }
}
