//! Futures look like what was recorded, unless something was changed.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use super::*;
use crate::cluster::DecisionCost;
use crate::recording::Recording;
use crate::workload::Sleepers;
use crate::{Cluster, secs};

#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The journal of a master of 10 agents of 4 cores, with two frameworks of 200 tasks of one core and 20 s each.
fn journal() -> Vec<u8> {
    let sleepers = || Sleepers::new(200, secs(20)).boxed();
    let cluster =
        Cluster::builder().agents(10, "cpus:4;mem:8192").framework("web", sleepers).framework("batch", sleepers);
    let mut run = cluster.simulate(5).unwrap();
    let sink = Shared::default();
    let kept = sink.clone();
    run.record_into(Recording::new(Box::new(move |_| Some(Box::new(sink.clone())))));
    run.run_until_done(secs(3_600)).unwrap();
    run.end_recording().unwrap();
    kept.0.take()
}

fn future(journal: &[u8], change: &Change, arrivals: Arrivals) -> Result<Comparison, WhatIfError> {
    let plan = Plan { at: secs(60), arrivals, patience: secs(600) };
    what_if(&mut || Ok::<_, ReplayError>(journal), plan, change)
}

#[test]
fn a_future_without_a_change_looks_like_what_was_recorded() {
    let same = future(&journal(), &Change::default(), Arrivals::AsLaunched).unwrap();
    let (recorded, baseline) = (&same.recorded, &same.baseline);
    assert_eq!(recorded.wanted, baseline.wanted);
    assert!(baseline.wanted > 100 && baseline.launched == baseline.wanted, "{same}");
    assert!((baseline.makespan_secs - recorded.makespan_secs).abs() < 15.0, "{same}");
    assert_eq!(baseline.finished, same.changed.finished, "the same change gives the same future");
    assert!((baseline.cpu_utilisation - same.changed.cpu_utilisation).abs() < 1e-12);
}

#[test]
fn more_agents_end_a_backlog_sooner() {
    let more = Change { agents: 10, ..Change::default() };
    let faster = future(&journal(), &more, Arrivals::Backlog).unwrap();
    // However the wishes are moved, what was recorded stays what it was.
    let recorded = future(&journal(), &Change::default(), Arrivals::AsLaunched).unwrap().recorded;
    assert_eq!(faster.recorded.wanted, recorded.wanted);
    assert!((faster.recorded.cpu_utilisation - recorded.cpu_utilisation).abs() < 1e-9, "{faster}");
    assert!((0.5..=1.0).contains(&recorded.cpu_utilisation), "{faster}");
    assert_eq!(faster.baseline.finished, faster.changed.finished);
    assert!(faster.changed.makespan_secs < 0.75 * faster.baseline.makespan_secs, "{faster}");
    let mean = |own: &Figures| own.wait_secs.unwrap()[0];
    assert!(mean(&faster.changed) < mean(&faster.baseline), "{faster}");
    // Twice the cluster does the same work in about half of the time: it is as busy while it does, and not half as busy
    // because it is looked at for as long as the other took.
    let (base, changed) = (&faster.baseline, &faster.changed);
    assert!(changed.cpu_utilisation > 0.8 * base.cpu_utilisation && changed.cpu_utilisation <= 1.0, "{faster}");
    let cores = |own: &Figures| own.roles.values().map(|role| role.cpus).sum::<f64>();
    assert!(cores(changed) > 1.5 * cores(base), "{faster}");
    // What tasks had in all is what they had, however long it is looked at.
    let work = |own: &Figures| cores(own) * own.makespan_secs;
    assert!((work(changed) - work(base)).abs() < 0.05 * work(base), "{faster}");
}

#[test]
fn a_weight_moves_what_roles_have() {
    let weights = vec![(Role::new("web").unwrap(), Weight::new(8.0).unwrap())];
    let shifted = future(&journal(), &Change { weights, ..Change::default() }, Arrivals::Backlog).unwrap();
    let wait = |figures: &Figures, role: &str| figures.roles[role].wait_secs.unwrap();
    assert!(wait(&shifted.changed, "web") < wait(&shifted.baseline, "web"), "{shifted}");
    assert!(wait(&shifted.changed, "batch") > wait(&shifted.baseline, "batch"), "{shifted}");
}

#[test]
fn a_limit_holds_a_role_back_and_a_guarantee_lets_it_pass() {
    use mesos_core::resource::Limits;
    let bytes = journal();
    let try_with = |quota: Quota, is_forced: bool| {
        let quotas = vec![(Role::new("web").unwrap(), quota)];
        future(&bytes, &Change { quotas, is_forced, ..Change::default() }, Arrivals::Backlog)
    };
    let with = |quota: Quota| try_with(quota, true).unwrap();
    let wait = |figures: &Figures, role: &str| figures.roles[role].wait_secs.unwrap();
    let limits: Limits = "cpus:6".parse().unwrap();
    let held = with(Quota::new(Default::default(), limits).unwrap());
    let cpus = |figures: &Figures| figures.roles["web"].cpus;
    // Six at a time end in time, too.
    assert_eq!(held.changed.launched, held.changed.wanted, "{held}");
    assert!(cpus(&held.baseline) > 6.0 && cpus(&held.changed) <= 6.0, "{held}");
    assert!(wait(&held.changed, "batch") < wait(&held.baseline, "batch"), "{held}");
    let promised = with(Quota::new("cpus:34".parse().unwrap(), Limits::default()).unwrap());
    assert!(wait(&promised.changed, "web") < 0.8 * wait(&promised.baseline, "web"), "{promised}");
    assert!(wait(&promised.changed, "batch") > wait(&promised.baseline, "batch"), "{promised}");
    // Unless it is forced, the master says what it would say to an operator.
    let too_much = Quota::new("cpus:4000".parse().unwrap(), Limits::default()).unwrap();
    let too_little = Quota::new(Default::default(), "cpus:6".parse().unwrap()).unwrap();
    for quota in [too_much, too_little] {
        assert!(matches!(try_with(quota, false), Err(WhatIfError::Refused(_))));
    }
}

#[test]
fn another_allocator_takes_over_with_the_right_books() {
    for name in ["random", "packing"] {
        let allocator = Some(Options::named(name).unwrap().into());
        let other = future(&journal(), &Change { allocator, ..Change::default() }, Arrivals::Backlog).unwrap();
        assert_eq!(
            (other.changed.launched, other.changed.finished),
            (other.baseline.launched, other.baseline.finished)
        );
    }
    let optimistic = Change { allocator: Some(Options::named("shared-state").unwrap().into()), ..Change::default() };
    assert!(matches!(future(&journal(), &optimistic, Arrivals::Backlog), Err(WhatIfError::Allocator(_))));
}

#[test]
fn an_allocator_of_somebodys_own_takes_over_and_decides_by_its_own_rule() {
    let change = |allocator| Change { allocator: Some(allocator), ..Change::default() };
    let with = |allocator| future(&journal(), &change(allocator), Arrivals::Backlog).unwrap();
    let usual = with(Candidate::new(|| Box::new(HierarchicalDrf::new(Options::default()))));
    let slow = with(Candidate::new(|| {
        let cost = DecisionCost { per_round: secs(10), ..DecisionCost::default() };
        cost.charge(Box::new(HierarchicalDrf::new(Options::default())))
    }));
    let wait = |own: &Figures| own.wait_secs.unwrap()[0];
    assert_eq!((slow.changed.launched, slow.changed.finished), (usual.changed.launched, usual.changed.finished));
    assert!(wait(&slow.changed) > wait(&usual.changed) + 3.0, "{slow}");
    assert!((wait(&slow.baseline) - wait(&usual.baseline)).abs() < 1e-9, "the other future has the old one");
}

#[test]
fn what_no_journal_tells_is_not_stated() {
    let same = future(&journal(), &Change::default(), Arrivals::AsLaunched).unwrap();
    let (recorded, baseline) = (&same.recorded, &same.baseline);
    assert!(recorded.launched > 100 && recorded.wait_secs.is_none());
    assert_eq!((recorded.offers, recorded.declines, recorded.rescinds), (None, None, None));
    assert!(recorded.roles["web"].launched > 0 && recorded.roles["web"].wait_secs.is_none());
    assert!(baseline.wait_secs.is_some() && baseline.roles["web"].wait_secs.is_some() && baseline.offers > Some(0));
    let said = serde_json::to_value(&same).unwrap();
    assert!(said["recorded"]["wait_secs"].is_null() && said["recorded"]["offers"].is_null(), "{said}");
    let text = same.to_string();
    let row =
        |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(row("offers")[1], "-", "{text}");
    assert_eq!(row("role web: wait, mean, s")[5], "-", "{text}");
}

#[test]
fn more_agents_than_a_fork_can_have_are_refused() {
    let many = Change { agents: 99_999_999, ..Change::default() };
    let refused = future(&journal(), &many, Arrivals::AsLaunched).unwrap_err();
    assert!(matches!(refused, WhatIfError::TooManyAgents(99_999_999)));
    assert!(refused.to_string().contains("at most 1000000 can be added"), "{refused}");
}

#[test]
fn a_fork_outside_of_the_journal_is_refused() {
    let bytes = journal();
    let plan = Plan { at: secs(100_000), arrivals: Arrivals::Backlog, patience: secs(1) };
    let refused = what_if(&mut || Ok::<_, ReplayError>(bytes.as_slice()), plan, &Change::default());
    assert!(matches!(refused, Err(WhatIfError::NotCovered { .. })));
}
