//! Histories of facts and what is granted after each of them. Most are scenarios that the tests of Apache Mesos
//! (`src/tests/hierarchical_allocator_tests.cpp`) tell too; the figures are theirs.

mod books;
mod choices;
mod costs;
mod eligibility;
mod explain;
mod fairness;
mod policy;
mod quota;
mod refusal;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Round, Used};
use mesos_core::resource::Resources;
use mesos_core::{
    AgentId, AgentInfo, Filters, FrameworkCapability, FrameworkId, FrameworkInfo, Instant, Quota, Role, Weight,
};

use super::{HierarchicalDrf, Options};

/// An allocator and its host: tells it facts and runs the rounds it asks for.
struct Cluster {
    allocator: HierarchicalDrf,
    now: Instant,
    rng: Rng,
    frameworks: BTreeMap<&'static str, (FrameworkKey, FrameworkInfo)>,
    agents: BTreeMap<&'static str, AgentKey>,
    grants: Vec<Grant>,
}

const SECOND: Duration = Duration::from_secs(1);

fn role(path: &str) -> Role {
    Role::new(path).unwrap()
}

fn roles<const N: usize>(paths: [&str; N]) -> BTreeSet<Role> {
    paths.map(role).into()
}

fn resources(text: &str) -> Resources {
    text.parse().unwrap()
}

impl Cluster {
    fn new() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        Self {
            allocator: HierarchicalDrf::new(options),
            now: Instant::from_nanos(1),
            rng: Rng::new(7),
            frameworks: BTreeMap::new(),
            agents: BTreeMap::new(),
            grants: Vec::new(),
        }
    }

    fn observe(&mut self, fact: Fact) {
        self.allocator.observe(self.now, fact);
    }

    /// Adds a framework of one role that can deal with what new ones can.
    fn framework(&mut self, name: &'static str, path: &str) -> &mut Self {
        self.framework_with(name, FrameworkInfo::new(name, role(path)))
    }

    fn framework_with(&mut self, name: &'static str, info: FrameworkInfo) -> &mut Self {
        let framework = FrameworkKey(u32::try_from(self.frameworks.len()).unwrap());
        let id = FrameworkId::new(name).unwrap();
        self.frameworks.insert(name, (framework, info.clone()));
        let suppressed = BTreeSet::new();
        self.observe(Fact::FrameworkAdded { framework, id, info: Arc::new(info), suppressed, is_active: true });
        self
    }

    fn update(&mut self, name: &str, change: impl FnOnce(&mut FrameworkInfo)) {
        let (framework, info) = self.frameworks.get_mut(name).unwrap();
        change(info);
        let (framework, info) = (*framework, Arc::new(info.clone()));
        self.observe(Fact::FrameworkUpdated { framework, info, suppressed: BTreeSet::new() });
    }

    fn agent(&mut self, name: &'static str, total: &str) -> &mut Self {
        self.agent_with(name, AgentInfo::new(name, resources(total)), Vec::new())
    }

    fn agent_with(&mut self, name: &'static str, info: AgentInfo, used: Vec<Used>) -> &mut Self {
        let agent = AgentKey(u32::try_from(self.agents.len()).unwrap());
        self.agents.insert(name, agent);
        let (id, total) = (AgentId::new(name).unwrap(), info.resources.clone());
        self.observe(Fact::AgentAdded { agent, id, info: Arc::new(info), total, used });
        self
    }

    fn key(&self, framework: &str) -> FrameworkKey {
        self.frameworks[framework].0
    }

    /// Runs the rounds that are due now; what was granted, as `agent->framework` in order of agents.
    fn granted(&mut self) -> String {
        let before = self.grants.len();
        while self.allocator.deadline().is_some_and(|due| due <= self.now) {
            let round = Round { now: self.now, rng: &mut self.rng };
            self.allocator.allocate(round, &mut self.grants);
        }
        self.names(&self.grants[before..], |grant| grant.resources.to_string())
    }

    fn names(&self, grants: &[Grant], show: impl Fn(&Grant) -> String) -> String {
        let name_of = |key: FrameworkKey| self.frameworks.iter().find(|(_, (own, _))| *own == key).unwrap().0;
        let agent_of = |key: AgentKey| self.agents.iter().find(|(_, own)| **own == key).unwrap().0;
        let mut told: Vec<String> = Vec::new();
        for grant in grants {
            let mut line = format!("{}->{}", agent_of(grant.agent), name_of(grant.framework));
            write!(line, " {}", show(grant)).unwrap();
            told.push(line);
        }
        told.sort();
        told.join(", ")
    }

    /// Lets time pass, round by round; what was granted.
    fn pass(&mut self, time: Duration) -> String {
        let (until, before) = (self.now + time, self.grants.len());
        while let Some(due) = self.allocator.deadline().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.granted();
        }
        self.now = until;
        self.names(&self.grants[before..], |grant| grant.resources.to_string())
    }

    /// One batch round.
    fn cycle(&mut self) -> String {
        self.pass(self.allocator.options.allocation_interval)
    }

    /// Hands back everything a framework was granted on an agent, latest grant first.
    fn decline(&mut self, agent: &str, framework: &str, refuse_for: impl Into<Option<Duration>>) {
        let (agent, framework) = (self.agents[agent], self.key(framework));
        let is_it = |grant: &Grant| grant.agent == agent && grant.framework == framework;
        let place = self.grants.iter().rposition(is_it).expect("was granted");
        let Grant { role, resources, .. } = self.grants.remove(place);
        let filters = refuse_for.into().map(Filters::refuse_for);
        self.observe(Fact::Recovered { framework, role, agent, resources, filters });
    }

    fn recover(&mut self, agent: &str, framework: &str, path: &str, part: &str) {
        let (agent, framework) = (self.agents[agent], self.key(framework));
        let (role, resources) = (role(path), resources(part));
        self.observe(Fact::Recovered { framework, role, agent, resources, filters: None });
    }

    fn suppress<const N: usize>(&mut self, framework: &str, paths: [&str; N]) {
        let framework = self.key(framework);
        self.observe(Fact::RolesSuppressed { framework, roles: roles(paths) });
    }

    fn revive<const N: usize>(&mut self, framework: &str, paths: [&str; N]) {
        let framework = self.key(framework);
        self.observe(Fact::RolesRevived { framework, roles: roles(paths) });
    }

    fn resize(&mut self, agent: &str, total: &str) {
        let agent = self.agents[agent];
        self.observe(Fact::AgentResized { agent, total: resources(total) });
    }

    fn weigh(&mut self, path: &str, weight: f64) {
        self.observe(Fact::WeightSet { role: role(path), weight: Weight::new(weight).unwrap() });
    }

    /// Promises and allows; a text that is the same for both promises exactly what it allows.
    fn quota(&mut self, path: &str, guarantees: &str, limits: &str) -> &mut Self {
        let quota = Quota::new(guarantees.parse().unwrap(), limits.parse().unwrap()).unwrap();
        self.observe(Fact::QuotaSet { role: role(path), quota });
        self
    }

    fn available(&self, agent: &str) -> String {
        self.allocator.available(self.agents[agent]).unwrap().to_string()
    }

    fn dominant_share(&self, path: &str) -> f64 {
        self.allocator.shares().into_iter().find(|share| share.role == path).unwrap().dominant_share
    }
}

fn capable(name: &str, path: &str, capability: FrameworkCapability) -> FrameworkInfo {
    let mut info = FrameworkInfo::new(name, role(path));
    info.capabilities.insert(capability);
    info
}
