//! The dialogue in the documentation of explanations is what the allocator says, word by word.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::Rng;
use mesos_core::provider::explain::{Change, Need, Question, Reason, Subject};
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, Round, Used};
use mesos_core::resource::Resources;
use mesos_core::{AgentId, AgentInfo, Filters, FrameworkId, FrameworkInfo, Instant, Role};
use mesos_sched::allocator::HierarchicalDrf;

const DOCUMENTATION: &str = include_str!("../../mesos-core/src/docs/offers.rs");

const REPORTS: FrameworkKey = FrameworkKey(0);
const BILLING: FrameworkKey = FrameworkKey(1);

/// What the documentation says is answered, paragraph by paragraph, as one line each.
fn documented() -> Vec<String> {
    let quoted = DOCUMENTATION.lines().filter_map(|line| line.strip_prefix("//! >"));
    let text: Vec<&str> = quoted.map(str::trim).collect();
    let paragraphs = text.split(|line| line.is_empty()).map(|lines| lines.join(" "));
    paragraphs.filter(|paragraph| !paragraph.is_empty() && !paragraph.starts_with("**")).collect()
}

/// A cluster with a history.
struct Cluster {
    allocator: HierarchicalDrf,
    rng: Rng,
    now: Instant,
    grants: Vec<Grant>,
}

fn role(path: &str) -> Role {
    Role::new(path).unwrap()
}

impl Cluster {
    fn at(&mut self, seconds: u64) {
        let until = Instant::from_nanos(seconds * 1_000_000_000);
        while let Some(due) = self.allocator.deadline().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.allocator.allocate(Round { now: self.now, rng: &mut self.rng }, &mut self.grants);
        }
        self.now = until;
    }

    fn observe(&mut self, fact: Fact) {
        self.allocator.observe(self.now, fact);
    }

    fn framework(&mut self, framework: FrameworkKey, name: &str, path: &str) {
        let id = FrameworkId::new(name).unwrap();
        let info = Arc::new(FrameworkInfo::new(name, role(path)));
        let suppressed = BTreeSet::new();
        self.observe(Fact::FrameworkAdded { framework, id, info, suppressed, is_active: true });
    }

    /// An agent comes, and whoever is to be offered something of it is; who that was.
    fn agent(&mut self, number: u32, total: &str, used: Vec<Used>) -> Option<Grant> {
        let total: Resources = total.parse().unwrap();
        let id = AgentId::new(format!("agent-{number}")).unwrap();
        let info = Arc::new(AgentInfo::new(format!("host-{number}"), total.clone()));
        let before = self.grants.len();
        self.observe(Fact::AgentAdded { agent: AgentKey(number), id, info, total, used });
        self.allocator.allocate(Round { now: self.now, rng: &mut self.rng }, &mut self.grants);
        self.grants.get(before).cloned()
    }

    fn give_back(&mut self, grant: Grant, refuse_for: Option<Duration>) {
        let Grant { framework, role, agent, resources } = grant;
        let filters = refuse_for.map(Filters::refuse_for);
        self.observe(Fact::Recovered { framework, role, agent, resources, filters });
    }

    /// What *reports* is told, as one line.
    fn ask(&self, of: Subject) -> String {
        let question = Question { framework: REPORTS, role: role("eng/web"), of };
        let answer = self.allocator.explain(self.now, &question).expect("it can tell");
        answer.to_string().replace('\n', " ")
    }
}

#[test]
fn the_allocator_says_what_is_documented() {
    let mut cluster = Cluster {
        allocator: HierarchicalDrf::default(),
        rng: Rng::new(1),
        now: Instant::from_nanos(1),
        grants: Vec::new(),
    };
    // Nobody wants agent-5.
    cluster.at(400);
    cluster.framework(REPORTS, "reports", "eng/web");
    let first = cluster.agent(5, "cpus:1;mem:1024", Vec::new()).expect("there is nobody else");
    cluster.give_back(first, Some(Duration::from_secs(3_600)));
    cluster.framework(BILLING, "billing", "ops");
    cluster.at(405);
    let second = cluster.grants.pop().filter(|grant| grant.framework == BILLING).expect("reports refused it");
    cluster.give_back(second, Some(Duration::from_secs(100_000)));
    // reports uses agent-1, billing agent-3 and then agent-7.
    cluster.at(3_600);
    let third = cluster.agent(1, "cpus:4;mem:4096", Vec::new()).expect("it is wanted");
    assert_eq!(third.framework, REPORTS, "of two who have nothing, the one that comes first by name");
    cluster.at(3_640);
    let resources: Resources = "cpus:3;mem:3072".parse().unwrap();
    let used = Used { framework: BILLING, role: role("ops"), resources: resources.clone() };
    assert_eq!(cluster.agent(3, "cpus:3;mem:3072", vec![used]), None);
    cluster.at(3_650);
    let fourth = cluster.agent(7, "cpus:4;mem:4096", Vec::new()).expect("it is wanted");
    assert_eq!(fourth.framework, BILLING, "it has less");
    // A part of agent-3 came back since.
    let resources = "cpus:1;mem:100".parse().unwrap();
    cluster.give_back(Grant { framework: BILLING, role: role("ops"), agent: AgentKey(3), resources }, None);

    let need = Need::Resources("cpus:2".parse().unwrap());
    let told = [Subject::Agent(AgentKey(7)), Subject::Need(need), Subject::Agent(AgentKey(5))]
        .map(|subject| cluster.ask(subject));
    assert_eq!(documented(), told, "documented, and told:\n{}\n", told.join("\n\n"));
}

/// A column of the table of reasons, as the codes in it.
fn codes_in_column(column: usize) -> BTreeSet<&'static str> {
    let rows = DOCUMENTATION.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let cells = rows.filter_map(|row| row.split(" | ").nth(column));
    cells.flat_map(|cell| cell.split(|own: char| !(own.is_ascii_lowercase() || own == '_'))).collect()
}

#[test]
fn every_reason_and_every_change_is_in_the_table() {
    for (column, codes) in [(0, Reason::CODES), (2, Change::CODES)] {
        let told = codes_in_column(column);
        let missing: Vec<_> = codes.iter().filter(|code| !told.contains(*code)).collect();
        assert!(missing.is_empty(), "{missing:?} are in no row");
    }
}
