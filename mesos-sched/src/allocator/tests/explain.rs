//! Answers about rounds that are not those of the plain policy.

use mesos_core::provider::explain::{Explanation, Order, Question, Reason, Subject, Verdict};

use super::super::{Packing, Policy, Priorities, SorterKind};
use super::*;

impl Cluster {
    fn ask(&self, framework: &str, path: &str, agent: &str) -> Explanation {
        let of = Subject::Agent(self.agents[agent]);
        let question = Question { framework: self.key(framework), role: role(path), of };
        self.allocator.explain(self.now, &question).unwrap()
    }

    /// Why somebody else went first.
    fn order(&self, framework: &str, path: &str, agent: &str) -> Option<Order> {
        let answer = self.ask(framework, path, agent);
        answer.reasons.into_iter().find_map(|reason| match reason {
            Reason::ShareOrder { order, .. } => Some(order),
            _ => None,
        })
    }
}

fn random() -> Options {
    Options { role_sorter: SorterKind::Random, framework_sorter: SorterKind::Random, ..Options::default() }
}

#[test]
fn a_guarantee_is_what_put_somebody_first_whatever_the_order() {
    let packing = Policy::Packing(Packing::new(0.0).unwrap());
    let priority = Policy::Priority(Priorities::from_iter([(role("r"), 1)]));
    let policies = [Policy::Hierarchical, packing, priority];
    let all = policies
        .into_iter()
        .flat_map(|policy| [Options { policy: policy.clone(), ..Options::default() }, Options { policy, ..random() }]);
    for options in all {
        let mut cluster = Cluster::with(options.clone());
        cluster.quota("q", "cpus:1;mem:64", "").framework("f1", "q").framework("f2", "r");
        assert_eq!(cluster.agent("a1", "cpus:1;mem:64").granted(), "a1->f1 cpus:1;mem:64");
        let order = cluster.order("f2", "r", "a1");
        assert!(matches!(&order, Some(Order::Guarantee { role }) if role.as_str() == "q"), "{options:?}: {order:?}");
    }
}

#[test]
fn of_two_with_guarantees_the_order_decides() {
    let mut cluster = Cluster::new();
    cluster.quota("p", "cpus:2;mem:128", "").quota("q", "cpus:2;mem:128", "");
    cluster.framework("f1", "p").framework("f2", "q");
    assert_eq!(cluster.agent("a1", "cpus:1;mem:64").granted(), "a1->f1 cpus:1;mem:64");
    let order = cluster.order("f2", "q", "a1");
    assert!(matches!(order, Some(Order::Shares { .. })), "{order:?}");
}

#[test]
fn priority_is_named_only_where_it_decided() {
    for options in [Options::default(), random()] {
        let policy = Policy::Priority(Priorities::from_iter([(role("p"), 1)]));
        let mut cluster = Cluster::with(Options { policy, ..options });
        cluster.framework("f1", "p").framework("f2", "q").framework("f3", "r");
        assert_eq!(cluster.agent("a1", "cpus:1;mem:64").granted(), "a1->f1 cpus:1;mem:64");
        assert!(matches!(cluster.order("f2", "q", "a1"), Some(Order::Policy { .. })));
        cluster.suppress("f1", []);
        let granted = cluster.agent("a2", "cpus:1;mem:64").granted();
        let (loser, path) = if granted.contains("f2") { ("f3", "r") } else { ("f2", "q") };
        let order = cluster.order(loser, path, "a2");
        assert!(matches!(order, Some(Order::Shares { .. } | Order::Drawn { .. })), "{order:?}");
    }
}

#[test]
fn waiting_is_named_where_it_put_somebody_first() {
    let mut cluster = Cluster::with(Options { starvation_batches: Some(5), ..Options::default() });
    cluster.framework("greedy", "r1").agent("a1", "cpus:1;mem:64");
    cluster.granted();
    cluster.framework("picky", "r2").agent("a2", "cpus:1;mem:64");
    assert_eq!(cluster.granted(), "a2->picky cpus:1;mem:64");
    let is_served = (1..=20).any(|_| {
        cluster.decline("a2", "picky", None);
        cluster.cycle() == "a2->greedy cpus:1;mem:64"
    });
    assert!(is_served);
    let order = cluster.order("picky", "r2", "a2");
    assert_eq!(order, Some(Order::Waited { batches: 5 }));
}

#[test]
fn what_everybody_was_shown_was_offered() {
    let mut cluster = Cluster::with(Options { policy: Policy::SharedState(Default::default()), ..Options::default() });
    cluster.framework("f1", "r1").framework("f2", "r2").agent("a1", "cpus:2;mem:128");
    assert_eq!(cluster.granted(), "a1->f1 cpus:2;mem:128, a1->f2 cpus:2;mem:128");
    for (framework, path) in [("f1", "r1"), ("f2", "r2")] {
        let answer = cluster.ask(framework, path, "a1");
        let all = resources("cpus:2;mem:128");
        assert!(matches!(&answer.verdict, Verdict::Offered { resources, .. } if *resources == all), "{answer}");
    }
    // A later round shows the same to nobody again, and no round is awaited either.
    cluster.agent("a2", "cpus:1;mem:64");
    cluster.granted();
    let answer = cluster.ask("f1", "r1", "a1");
    assert!(matches!(answer.verdict, Verdict::Held { .. }), "{answer:?}");
    assert!(!answer.has("awaiting_round"), "{answer}");
}

#[test]
fn a_guarantee_is_shown_to_whom_it_is_promised() {
    let policy = Policy::SharedState(Default::default());
    let mut cluster = Cluster::with(Options { policy, ..Options::default() });
    cluster.quota("q", "cpus:2;mem:128", "").framework("f1", "q").framework("f2", "r").agent("a1", "cpus:2;mem:128");
    assert_eq!(cluster.granted(), "a1->f1 cpus:2;mem:128", "the other one would take what is promised");
    let answer = cluster.ask("f2", "r", "a1");
    assert!(answer.has("headroom"), "{answer}");
    assert_eq!(cluster.pass(5 * SECOND), "", "it was shown all there is");
}

#[test]
fn who_would_take_what_comes_free_is_told_to_stand_back() {
    let mut cluster = Cluster::new();
    cluster.framework("f1", "eng").agent("a1", "cpus:4;mem:4096");
    assert_eq!(cluster.granted(), "a1->f1 cpus:4;mem:4096");
    cluster.framework("f2", "ops").agent("a2", "cpus:2;mem:2048");
    assert_eq!(cluster.granted(), "a2->f2 cpus:2;mem:2048");
    let text = |cluster: &Cluster| cluster.ask("f1", "eng", "a2").to_string();
    let wanted = "get cpus:0.01 from f2 (ops) back, and let f2 (ops) want no offers for now, who would be served first";
    assert!(text(&cluster).contains(wanted), "{}", text(&cluster));
    // With the smaller share afterwards, nobody has to.
    cluster.weigh("eng", 3.0);
    assert!(!text(&cluster).contains("no offers"), "{}", text(&cluster));
}

/// Products of amounts and weights that are let in need more than 128 bits.
#[test]
fn the_largest_amounts_and_weights_have_an_order_too() {
    let mut cluster = Cluster::new();
    cluster.weigh("r1", 10.0);
    cluster.weigh("r2", 10.0);
    cluster.framework("f1", "r1").framework("f2", "r2");
    for (name, path, agent, total) in
        [("f1", "r1", "a1", "disk:1000000000000"), ("f2", "r2", "a2", "disk:2199023255552")]
    {
        let used = vec![Used { framework: cluster.key(name), role: role(path), resources: resources(total) }];
        cluster.agent_with(agent, AgentInfo::new(agent, resources(total)), used);
    }
    assert_eq!(cluster.agent("a3", "cpus:1;mem:64").granted(), "a3->f1 cpus:1;mem:64");
    let order = cluster.order("f2", "r2", "a3");
    assert!(matches!(&order, Some(Order::Shares { .. })), "{order:?}");
    let five =
        "disk(a):2199023255552;disk(b):2199023255552;disk(c):2199023255552;disk(d):2199023255552;disk:2199023255552";
    let used = vec![Used { framework: cluster.key("f2"), role: role("r2"), resources: resources(five) }];
    cluster.agent_with("a4", AgentInfo::new("a4", resources(five)), used);
    let reasons = cluster.ask("f1", "r1", "a4").reasons;
    assert!(reasons.iter().any(|reason| matches!(reason, Reason::NothingFree { .. })), "{reasons:?}");
}
