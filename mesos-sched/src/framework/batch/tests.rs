//! A batch with a master made of a few lines: offers in, actions out as lines.

use std::collections::BTreeMap;

use mesos_core::kernel::{Change, Rng};
use mesos_core::provider::Action;
use mesos_core::{AgentInfo, OfferId, Role, Source, WallTime};
use proptest::prelude::*;

use super::*;

struct Bench {
    batch: Batch,
    rng: Rng,
    now: Now,
    offers: u32,
    memory: BTreeMap<Arc<str>, Record>,
    actions: Vec<Action>,
}

impl Bench {
    fn new(jobs: Vec<Job>) -> Self {
        Self {
            batch: Batch::new(jobs).unwrap(),
            rng: Rng::new(1),
            now: Now::default(),
            offers: 0,
            memory: BTreeMap::new(),
            actions: Vec::new(),
        }
    }

    /// The framework starts again, with what it remembers.
    fn restart(&mut self) {
        let jobs = self.batch.plan.jobs.clone();
        self.batch = Batch::new(jobs).unwrap();
        let records: Vec<Record> = self.memory.values().cloned().collect();
        self.batch.recovered(&records);
    }

    fn with(&mut self, ask: impl FnOnce(&mut Batch, &mut SchedulerCx<'_>)) -> Vec<String> {
        self.actions.clear();
        ask(&mut self.batch, &mut SchedulerCx::new(self.now, &mut self.rng, &mut self.actions));
        let mut lines = Vec::new();
        for action in &self.actions {
            match action {
                Action::Save(Change::Put(record)) => {
                    self.memory.insert(record.key.clone(), record.clone());
                }
                Action::Save(Change::Delete(key)) => {
                    self.memory.remove(key);
                }
                Action::Call(call) => lines.push(line(call)),
                other => panic!("{other:?}"),
            }
        }
        lines
    }

    fn subscribed(&mut self) -> Vec<String> {
        self.with(|batch, cx| batch.subscribed(cx, &FrameworkId::new("f1").unwrap()))
    }

    fn offer(&mut self, resources: &str) -> Vec<String> {
        self.offers += 1;
        let resources: Resources = resources.parse().unwrap();
        let agent = AgentInfo::new("h1", resources.clone());
        let offer = Offer::new(
            OfferId::new(format!("o{}", self.offers)).unwrap(),
            FrameworkId::new("f1").unwrap(),
            AgentId::new("a1").unwrap(),
            Role::new("web").unwrap(),
            resources,
            Arc::new(agent),
        );
        self.with(|batch, cx| batch.offers(cx, vec![offer]))
    }

    fn update(&mut self, task: &str, state: TaskState) -> Vec<String> {
        let status = TaskStatus::new(TaskId::new(task).unwrap(), state, Source::Agent, WallTime::default());
        self.with(|batch, cx| assert_eq!(batch.update(cx, &status), Ack::Auto))
    }

    fn advance_secs(&mut self, secs: u64) -> Vec<String> {
        self.now.mono = self.now.mono + Duration::from_secs(secs);
        self.with(Scheduler::tick)
    }

    fn state(&self, job: &str) -> JobState {
        self.batch.report(job).unwrap().state
    }
}

fn line(call: &Call) -> String {
    let names = |ids: Vec<String>| ids.join(" ");
    match call {
        Call::Accept { operations, .. } => {
            let Operation::Launch(tasks) = &operations[0] else { panic!("{operations:?}") };
            format!("launch {}", names(tasks.iter().map(|task| format!("{}={}", task.id, task.resources)).collect()))
        }
        Call::Kill { task_id, .. } => format!("kill {task_id}"),
        Call::Reconcile { tasks } => {
            format!("reconcile {}", names(tasks.iter().map(|(id, _)| id.to_string()).collect()))
        }
        other => other.name().to_lowercase(),
    }
}

fn job(name: &str) -> Job {
    Job::shell(name, "true", "cpus:1".parse().unwrap())
}

#[test]
fn jobs_are_placed_first_fit_and_offers_are_wanted_only_while_something_waits() {
    let mut bench = Bench::new(vec![job("a"), job("b"), job("c")]);
    assert!(bench.subscribed().is_empty());
    assert_eq!(bench.offer("cpus:2"), ["launch a.1=cpus:1 b.1=cpus:1"]);
    assert_eq!(bench.offer("mem:2"), ["decline"]);
    assert_eq!(bench.batch.why_waiting("c").unwrap().to_string(), "wants 1 of cpus, 0 is left");
    assert_eq!(bench.offer("cpus:2"), ["launch c.1=cpus:1", "suppress"]);
    assert!(bench.update("a.1", TaskState::Running).is_empty());
    for task in ["a.1", "b.1", "c.1"] {
        bench.update(task, TaskState::Finished);
    }
    assert!(bench.batch.is_done() && bench.batch.is_success());
}

#[test]
fn a_job_waits_until_those_before_it_have_ended_well() {
    let mut bench = Bench::new(vec![job("test").after("build").after("lint"), job("build"), job("lint")]);
    assert_eq!(bench.offer("cpus:9"), ["launch build.1=cpus:1 lint.1=cpus:1", "suppress"]);
    assert!(bench.update("build.1", TaskState::Finished).is_empty());
    assert_eq!(bench.update("lint.1", TaskState::Finished), ["revive"]);
    assert_eq!(bench.offer("cpus:9"), ["launch test.1=cpus:1", "suppress"]);
}

#[test]
fn a_failed_job_runs_again_as_often_as_it_may_and_those_behind_it_are_skipped() {
    let mut bench = Bench::new(vec![job("a").retries(1), job("b").after("a"), job("c").after("b")]);
    bench.offer("cpus:1");
    assert_eq!(bench.update("a.1", TaskState::Failed), ["revive"]);
    assert_eq!(bench.offer("cpus:1"), ["launch a.2=cpus:1", "suppress"]);
    bench.update("a.2", TaskState::Failed);
    assert_eq!(
        [bench.state("a"), bench.state("b"), bench.state("c")],
        [JobState::Failed, JobState::Skipped, JobState::Skipped]
    );
    assert!(bench.batch.is_done() && !bench.batch.is_success());
}

#[test]
fn a_job_that_can_never_run_is_not_tried_again() {
    let mut bench = Bench::new(vec![job("a").retries(9)]);
    bench.offer("cpus:1");
    bench.update("a.1", TaskState::Error);
    assert_eq!(bench.state("a"), JobState::Failed);
}

#[test]
fn a_lost_task_is_no_failure_of_its_job() {
    let mut bench = Bench::new(vec![job("a")]);
    for (n, state) in [TaskState::Dropped, TaskState::Gone, TaskState::Unknown, TaskState::Lost].into_iter().enumerate()
    {
        assert_eq!(bench.offer("cpus:1")[0], format!("launch a.{}=cpus:1", n + 1));
        assert_eq!(bench.update(&format!("a.{}", n + 1), state), ["revive"]);
    }
    assert_eq!(bench.batch.totals().losses, 4);
    assert_eq!(bench.batch.report("a").unwrap().failures, 0);
}

#[test]
fn an_unreachable_task_is_given_time_then_given_up_and_killed_when_it_turns_up() {
    let mut bench = Bench::new(vec![job("a")]);
    bench.offer("cpus:1");
    bench.update("a.1", TaskState::Running);
    bench.update("a.1", TaskState::Unreachable);
    assert!(bench.advance_secs(299).is_empty());
    assert_eq!(bench.advance_secs(1), ["revive"]);
    assert_eq!(bench.offer("cpus:1")[0], "launch a.2=cpus:1");
    assert_eq!(bench.update("a.1", TaskState::Running), ["kill a.1"]);
    assert!(bench.update("a.1", TaskState::Killed).is_empty());
    bench.update("a.2", TaskState::Finished);
    assert!(bench.batch.is_success());
}

#[test]
fn an_unreachable_task_that_comes_back_in_time_goes_on() {
    let mut bench = Bench::new(vec![job("a")]);
    bench.offer("cpus:1");
    bench.update("a.1", TaskState::Unreachable);
    bench.update("a.1", TaskState::Running);
    assert!(bench.advance_secs(1_000).is_empty());
    assert_eq!(bench.state("a"), JobState::Running);
}

#[test]
fn a_later_run_goes_on_where_the_earlier_one_stopped() {
    let mut bench = Bench::new(vec![job("a"), job("b").after("a"), job("c"), job("d")]);
    bench.offer("cpus:2");
    bench.update("a.1", TaskState::Finished);
    bench.restart();
    assert_eq!(bench.state("a"), JobState::Done);
    assert_eq!(bench.subscribed(), ["reconcile c.1"]);
    assert!(bench.subscribed().is_empty(), "later the driver asks by itself");
    assert_eq!(bench.offer("cpus:1"), ["launch b.1=cpus:1"]);
    assert_eq!(bench.update("c.1", TaskState::Unknown), Vec::<String>::new());
    assert_eq!(bench.offer("cpus:2"), ["launch c.2=cpus:1 d.1=cpus:1", "suppress"], "under a name not used before");
}

#[test]
fn a_failed_job_stays_failed_in_a_later_run() {
    let mut bench = Bench::new(vec![job("a"), job("b").after("a")]);
    bench.offer("cpus:1");
    bench.update("a.1", TaskState::Failed);
    bench.restart();
    assert_eq!([bench.state("a"), bench.state("b")], [JobState::Failed, JobState::Skipped]);
    assert!(bench.batch.is_done());
}

#[test]
fn an_unreadable_memory_fails_the_job_instead_of_running_it_twice() {
    let mut bench = Bench::new(vec![job("a"), job("b")]);
    bench.memory.insert("job/a".into(), Record::encode("job/a", &"what?"));
    bench.restart();
    assert_eq!(bench.state("a"), JobState::Failed);
    assert!(bench.batch.report("a").unwrap().trouble.as_ref().unwrap().contains("job/a"));
    assert_eq!(bench.offer("cpus:2"), ["launch b.1=cpus:1", "suppress"]);
}

#[test]
fn tasks_say_how_long_they_run_in_a_simulation() {
    let mut bench = Bench::new(vec![job("a").sim_duration(Duration::from_millis(1_500))]);
    bench.offer("cpus:1");
    let Some(Action::Call(Call::Accept { operations, .. })) =
        bench.actions.iter().find(|action| matches!(action, Action::Call(Call::Accept { .. })))
    else {
        panic!("{:?}", bench.actions)
    };
    let Operation::Launch(tasks) = &operations[0] else { panic!("{operations:?}") };
    assert_eq!(&*tasks[0].labels[SIM_DURATION_LABEL], "1.5");
    let TaskRun::Command(command) = &tasks[0].run else { panic!("a job is a command") };
    assert_eq!(&*command.environment[SIM_DURATION_ENV], "1.5");
}

#[test]
fn a_list_that_is_no_batch_is_refused_with_the_reason() {
    let refused = |jobs: Vec<Job>| Batch::new(jobs).unwrap_err();
    assert_eq!(refused(vec![job("a"), job("a")]), InvalidBatch::DuplicateName("a".into()));
    assert!(matches!(refused(vec![job("a/b")]), InvalidBatch::BadName { .. }));
    assert!(matches!(refused(vec![job(&"x".repeat(245))]), InvalidBatch::BadName { .. }));
    assert!(matches!(refused(vec![job("a").after("b")]), InvalidBatch::UnknownJob { .. }));
    assert!(matches!(refused(vec![job("a").after("b"), job("b").after("a"), job("c")]), InvalidBatch::Cycle(_)));
    assert!(matches!(refused(vec![Job::shell("a", "true", Resources::new())]), InvalidBatch::NoResources(_)));
}

#[test]
fn a_long_chain_is_skipped_without_recursion() {
    let mut jobs = vec![job("0")];
    jobs.extend((1..50_000).map(|n| job(&n.to_string()).after((n - 1).to_string())));
    let mut bench = Bench::new(jobs);
    bench.offer("cpus:1");
    bench.update("0.1", TaskState::Failed);
    assert_eq!(bench.batch.totals().skipped, 49_999);
}

proptest! {
    /// Whatever is said about which task, and wherever the framework restarts: the totals add up, no name is launched twice,
    /// and every job is over once every launched task has ended well.
    #[test]
    fn the_books_balance_and_the_batch_comes_to_its_end(
        steps in prop::collection::vec((0..14_u8, 0..6_usize), 0..80),
        edges in prop::collection::vec((0..6_usize, 0..6_usize), 0..8),
    ) {
        let mut jobs: Vec<Job> = (0..6).map(|n| job(&format!("j{n}")).retries(2)).collect();
        for (a, b) in edges.into_iter().filter(|(a, b)| a < b) {
            jobs[b] = jobs[b].clone().after(format!("j{a}"));
        }
        let mut bench = Bench::new(jobs);
        let mut launched = std::collections::BTreeSet::new();
        for (kind, n) in steps {
            let lines = match kind {
                0..=4 => bench.offer("cpus:2"),
                5 => { bench.restart(); bench.subscribed() }
                6 => bench.advance_secs(200),
                _ => {
                    let launches = bench.batch.report(&format!("j{n}")).unwrap().launches.max(1);
                    let states = [TaskState::Running, TaskState::Finished, TaskState::Failed, TaskState::Unreachable,
                        TaskState::Lost, TaskState::Killed, TaskState::Staging];
                    bench.update(&format!("j{n}.{launches}"), states[usize::from(kind - 7)])
                }
            };
            note(&lines, &mut launched);
            let t = bench.batch.totals();
            prop_assert_eq!(t.blocked + t.ready + t.out + t.done + t.failed + t.skipped, t.jobs);
            prop_assert_eq!(t.out, bench.batch.runs.len());
        }
        for _ in 0..20 {
            let lines = bench.offer("cpus:9");
            note(&lines, &mut launched);
            for n in 0..6 {
                let report = bench.batch.report(&format!("j{n}")).unwrap();
                if report.state.is_out() {
                    bench.update(&format!("j{n}.{}", report.launches), TaskState::Finished);
                }
            }
        }
        prop_assert!(bench.batch.is_done(), "{:?}", bench.batch.totals());
    }
}

fn note(lines: &[String], launched: &mut std::collections::BTreeSet<String>) {
    for line in lines.iter().filter_map(|line| line.strip_prefix("launch ")) {
        for task in line.split(' ') {
            assert!(launched.insert(task.to_owned()), "{task} was launched twice");
        }
    }
}
