//! Whole small clusters, each with one kind of scheduler.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::Resources;

use super::{Chooser, Discipline, InHand, JobScheduler, Options, Placement, WaitingJob};
use crate::metric::{Record, Recorder, Summary};
use crate::workload::{Constraint, Job, Relation, Runs, Workload};
use crate::{Cluster, secs};

fn job(at: u64, tasks: u32, need: &str, run: u64) -> Job {
    Job::new(secs(at), tasks, need.parse().unwrap(), Runs::Equal(secs(run)))
}

/// Runs these jobs as one queue.
fn run(agents: usize, each: &str, jobs: Vec<Job>, options: Options) -> (Record, Summary) {
    run_as(agents, each, jobs, options, |scheduler| scheduler)
}

/// The same by a scheduler that something is made of before.
fn run_as(
    agents: usize,
    each: &str,
    jobs: Vec<Job>,
    options: Options,
    dress: impl Fn(JobScheduler) -> JobScheduler + Send + Sync + 'static,
) -> (Record, Summary) {
    let mut workload = Workload { queues: vec!["batch".into()], jobs, ..Workload::default() };
    workload.sort();
    let workload = Arc::new(workload);
    let options = Options { agents: u32::try_from(agents).unwrap(), ..options };
    let make = {
        let workload = workload.clone();
        move || dress(JobScheduler::new(workload.clone(), 0, options.clone())).boxed()
    };
    let cluster = Cluster::builder().agents(agents, each).framework("batch", make);
    let mut simulation = cluster.simulate(1).unwrap();
    let typical: Resources = "cpus:1;mem:128".parse().unwrap();
    let spec = cluster.spec();
    simulation.record(Recorder::new(
        spec.agents.iter().map(|agent| (agent.info.hostname.clone(), &agent.info.resources)),
        spec.frameworks.iter().map(|framework| framework.info.name.clone()),
        workload.jobs.iter().map(|job| job.tasks),
        &typical,
    ));
    simulation.run_until_done(secs(100_000)).unwrap();
    let record = simulation.take_record().unwrap();
    let summary = Summary::of(&workload, &record);
    (record, summary)
}

fn with(discipline: Discipline) -> Options {
    Options { discipline, ..Options::default() }
}

/// When the first task of a job ran, in seconds from the beginning.
fn started(record: &Record, job: u32) -> f64 {
    let row = record.tasks.iter().find(|row| row.key.job == job).unwrap();
    row.running_at.unwrap().since(mesos_core::Instant::ZERO).as_secs_f64()
}

/// One long task leaves two of four cores; then a job that needs all four, then short and long small ones.
fn blocked_head() -> Vec<Job> {
    vec![
        job(10, 1, "cpus:2;mem:128", 100),
        job(20, 1, "cpus:4;mem:128", 10),
        job(21, 1, "cpus:1;mem:128", 30),
        job(22, 1, "cpus:1;mem:128", 500),
    ]
}

#[test]
fn first_in_first_out_waits_for_the_head_and_first_fit_does_not() {
    let (fifo, _) = run(1, "cpus:4;mem:4096", blocked_head(), with(Discipline::Fifo));
    let (first_fit, _) = run(1, "cpus:4;mem:4096", blocked_head(), with(Discipline::FirstFit));
    assert!(started(&fifo, 2) > started(&fifo, 1));
    assert!(started(&first_fit, 3) < 40.0 && started(&first_fit, 1) > 500.0);
}

#[test]
fn backfilling_starts_only_what_does_not_delay_the_head() {
    let (record, _) = run(1, "cpus:4;mem:4096", blocked_head(), with(Discipline::Backfill));
    assert!(started(&record, 2) < 40.0, "the short one fits before the head");
    assert!((110.0..120.0).contains(&started(&record, 1)), "the head starts when the first job ends");
    assert!(started(&record, 3) > started(&record, 1), "the long one would delay it");
}

#[test]
fn a_gang_starts_together_or_not_at_all() {
    let jobs = vec![job(10, 3, "cpus:2;mem:128", 60), job(15, 6, "cpus:2;mem:128", 20)];
    let (record, summary) = run(3, "cpus:4;mem:4096", jobs, with(Discipline::Gang));
    let starts: Vec<f64> = record
        .tasks
        .iter()
        .filter(|row| row.key.job == 1)
        .map(|row| row.launched_at.since(mesos_core::Instant::ZERO).as_secs_f64())
        .collect();
    assert_eq!(starts.len(), 6);
    assert!(starts.iter().all(|at| (at - starts[0]).abs() < 1e-9), "{starts:?}");
    assert_eq!(summary.get("jobs_done", None), Some(2.0));
}

/// Four tasks of one agent each end at four different moments of the five seconds for which an offer is refused. From then on
/// the agents are offered one after the other, never together.
#[test]
fn a_gang_is_offered_everything_at_once_however_refusals_run_out() {
    for discipline in [Discipline::Fifo, Discipline::FirstFit, Discipline::Backfill] {
        let mut jobs: Vec<Job> = (0..4).map(|n| job(10, 1, "cpus:4;mem:128", 20 + 7 * n)).collect();
        jobs.push(Job { is_gang: true, ..job(12, 4, "cpus:4;mem:128", 10) });
        let (record, summary) = run(4, "cpus:4;mem:4096", jobs, with(discipline));
        assert_eq!(summary.get("jobs_done", None), Some(5.0));
        // The last of the four ends after 51 seconds; then it takes one refusal, or one look at all that was refused.
        assert!((48.0..60.0).contains(&started(&record, 4)), "{discipline:?}: {}", started(&record, 4));
    }
}

#[test]
fn waiting_a_little_brings_tasks_to_their_input() {
    let jobs =
        || (0..4).map(|index| Job { replicas: 3, ..job(10 + index, 300, "cpus:1;mem:128", 10) }).collect::<Vec<_>>();
    let near = |discipline| run(60, "cpus:4;mem:4096", jobs(), with(discipline)).1.get("near_input", None).unwrap();
    let (without, with_delay) = (near(Discipline::FirstFit), near(Discipline::Delay(secs(10))));
    assert!(with_delay > 0.9 && with_delay > without, "{without} without, {with_delay} with delay");
}

#[test]
fn with_two_machines_drawn_for_each_task_a_job_finds_room_and_with_one_it_waits() {
    // The first job takes twelve of thirty machines. Of 24 that are drawn for the second, at least twelve are free.
    let jobs = || vec![job(10, 12, "cpus:1;mem:128", 60), job(20, 12, "cpus:1;mem:128", 100)];
    let late = |probes| {
        let options = Options { keeps_offers: true, ..with(Discipline::Sampling(probes)) };
        let (record, summary) = run(30, "cpus:1;mem:256", jobs(), options);
        assert_eq!(summary.get("jobs_done", None), Some(2.0));
        let second = record.tasks.iter().filter(|row| row.key.job == 1);
        second.filter(|row| row.launched_at.since(mesos_core::Instant::ZERO) > secs(60)).count()
    };
    assert_eq!(late(2), 0);
    assert!((1..12).contains(&late(1)), "{} of 12 wait for the first job", late(1));
}

#[test]
fn the_earliest_deadline_first_misses_fewer() {
    let due = |at: u64, due: u64| Job { deadline: Some(secs(due)), ..job(at, 1, "cpus:4;mem:128", 30) };
    let jobs = || vec![due(10, 45), due(11, 400), due(12, 300), due(13, 85), due(14, 120)];
    let missed = |discipline| run(1, "cpus:4;mem:4096", jobs(), with(discipline)).1.get("deadlines_missed", None);
    assert_eq!(missed(Discipline::EarliestDeadline), Some(0.0));
    assert_eq!(missed(Discipline::Fifo), Some(2.0));
}

#[test]
fn who_follows_waits_for_whom_it_follows() {
    let mut jobs = vec![job(10, 2, "cpus:1;mem:128", 30), job(10, 1, "cpus:1;mem:128", 5)];
    jobs[1].after = Box::from([0]);
    jobs[1].think = secs(7);
    let (record, _) = run(1, "cpus:4;mem:4096", jobs, Options::default());
    assert!((47.0..50.0).contains(&started(&record, 1)), "{}", started(&record, 1));
}

#[test]
fn thinking_takes_time_and_keeps_offers_off_the_table() {
    let jobs = || (0..10).map(|at| job(10 + at, 1, "cpus:1;mem:128", 5)).collect::<Vec<_>>();
    let quick = run(2, "cpus:4;mem:4096", jobs(), Options::default()).1;
    let slow = run(2, "cpus:4;mem:4096", jobs(), Options { think_per_job: secs(4), ..Options::default() }).1;
    let wait = |summary: &Summary| summary.get("wait_mean_secs", None).unwrap();
    assert!(wait(&quick) < 2.0 && wait(&slow) > 10.0, "{} and {}", wait(&quick), wait(&slow));
    let offered = |summary: &Summary| summary.get("cpus_offered", None).unwrap();
    assert!(offered(&slow) > 10.0 * offered(&quick), "{} and {}", offered(&quick), offered(&slow));
}

#[test]
fn every_task_of_a_spread_job_has_an_agent_of_its_own() {
    let spread = Job { is_spread: true, ..job(10, 4, "cpus:1;mem:128", 60) };
    let (record, _) = run(4, "cpus:4;mem:4096", vec![spread], Options::default());
    let mut agents: Vec<u32> = record.tasks.iter().map(|row| row.agent).collect();
    agents.sort_unstable();
    assert_eq!(agents, [0, 1, 2, 3]);
}

#[test]
fn what_fails_by_plan_is_done_and_not_tried_again() {
    let fails = Job { fails: true, ..job(10, 3, "cpus:1;mem:128", 5) };
    let (record, summary) = run(1, "cpus:4;mem:4096", vec![fails], Options::default());
    assert_eq!(record.tasks.len(), 3);
    assert_eq!((summary.get("jobs_done", None), summary.get("tasks_finished", None)), (Some(1.0), Some(0.0)));
}

#[test]
fn the_figures_are_those_of_the_jobs() {
    let (record, summary) = run(1, "cpus:4;mem:4096", vec![job(10, 8, "cpus:1;mem:128", 60)], Options::default());
    let get = |metric| summary.get(metric, None).unwrap();
    assert_eq!((get("jobs"), get("jobs_done"), get("tasks"), get("tasks_finished")), (1.0, 1.0, 8.0, 8.0));
    assert!((120.0..130.0).contains(&get("makespan_secs")), "{}", get("makespan_secs"));
    assert!((get("cpus_used") - 480.0 / (4.0 * get("makespan_secs"))).abs() < 0.01);
    assert!((get("wait_mean_secs") - 30.0).abs() < 3.0 && get("slowdown_mean") > 1.9);
    assert_eq!(record.series.width(), Duration::from_secs(1));
}

#[test]
fn a_scheduler_that_panics_is_named() {
    use mesos_core::provider::Ack;
    use mesos_core::{Offer, Scheduler, SchedulerCx, TaskStatus};
    struct Clumsy;
    impl Scheduler for Clumsy {
        fn offers(&mut self, _cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
            assert!(offers.is_empty(), "no idea what to do with {} offers", offers.len());
        }
        fn update(&mut self, _cx: &mut SchedulerCx<'_>, _status: &TaskStatus) -> Ack {
            Ack::Auto
        }
    }
    let make = || Box::new(super::Guarded::new("clumsy", Box::new(Clumsy))) as Box<dyn Scheduler>;
    let mut simulation = Cluster::builder().agents(1, "cpus:1;mem:512").framework("clumsy", make).simulate(1).unwrap();
    let run = std::panic::AssertUnwindSafe(|| simulation.run_until_done(secs(60)).map(drop));
    let panic = std::panic::catch_unwind(run).unwrap_err();
    let fault = panic.downcast_ref::<super::SchedulerFault>().expect("the guard says whose fault it is");
    assert_eq!((&*fault.framework, fault.callback), ("clumsy", "offers"));
    assert!(fault.message.contains("no idea what to do with 1 offers"), "{fault}");
}

#[test]
fn somebodys_own_rule_places_tasks_and_its_mistakes_are_its_own() {
    /// The youngest job first, on the emptiest agent.
    #[derive(Debug)]
    struct Youngest {
        is_careless: bool,
    }
    impl Chooser for Youngest {
        fn choose(
            &mut self,
            _now: mesos_core::Instant,
            jobs: &[WaitingJob<'_>],
            offers: &[InHand<'_>],
        ) -> Vec<Placement> {
            let Some(last) = jobs.last() else { return Vec::new() };
            let best = (0..offers.len()).max_by_key(|at| offers[*at].resources.cpus());
            let fits = |at: &usize| self.is_careless || offers[*at].resources.contains(&last.job.need);
            best.filter(fits).map(|offer| Placement { job: last.index, offer, tasks: 1 }).into_iter().collect()
        }
    }
    let run = |is_careless| {
        let jobs =
            vec![job(10, 1, "cpus:4;mem:128", 30), job(11, 2, "cpus:4;mem:128", 5), job(12, 2, "cpus:4;mem:128", 5)];
        let workload = Arc::new(Workload { queues: vec!["own".into()], jobs, ..Workload::default() });
        let make = move || {
            let scheduler = JobScheduler::new(workload.clone(), 0, Options::default());
            let own = scheduler.choosing(Box::new(Youngest { is_careless })).boxed();
            Box::new(super::Guarded::new("own", own)) as Box<dyn mesos_core::Scheduler>
        };
        let mut simulation =
            Cluster::builder().agents(1, "cpus:4;mem:4096").agents(1, "cpus:1;mem:64").framework("own", make);
        simulation = simulation.weight("own", 1.0);
        let mut simulation = simulation.simulate(1).unwrap();
        let done =
            std::panic::AssertUnwindSafe(|| simulation.run_until_done(secs(600)).map(|report| report.launched()));
        std::panic::catch_unwind(done)
    };
    assert_eq!(run(false).unwrap().unwrap(), 5);
    let fault = run(true).unwrap_err();
    let fault = fault.downcast_ref::<super::SchedulerFault>().unwrap();
    assert!(fault.message.contains("has no room for job"), "{fault}");
}

/// What a chooser says to what it is shown.
type Says = fn(&[WaitingJob<'_>], &[InHand<'_>]) -> Vec<Placement>;

#[derive(Debug)]
struct Saying(Says);

impl Chooser for Saying {
    fn choose(&mut self, _now: mesos_core::Instant, jobs: &[WaitingJob<'_>], offers: &[InHand<'_>]) -> Vec<Placement> {
        (self.0)(jobs, offers)
    }
}

/// How many tasks are launched of a job by a chooser that says so, on an agent in each of two racks; or its fault.
fn launched_by(says: Says, job: Job) -> Result<u64, String> {
    let workload = Arc::new(Workload { queues: vec!["own".into()], jobs: vec![job], ..Workload::default() });
    let make = move || {
        let own = JobScheduler::new(workload.clone(), 0, Options::default()).choosing(Box::new(Saying(says))).boxed();
        Box::new(super::Guarded::new("own", own)) as Box<dyn mesos_core::Scheduler>
    };
    let cluster = Cluster::builder()
        .agents_with(1, "cpus:4;mem:4096", "rack:r0")
        .agents_with(1, "cpus:4;mem:4096", "rack:r1")
        .framework("own", make);
    let mut simulation = cluster.simulate(1).unwrap();
    let run = std::panic::AssertUnwindSafe(|| simulation.run_until_done(secs(600)).map(|report| report.launched()));
    std::panic::catch_unwind(run)
        .map(Result::unwrap)
        .map_err(|panic| panic.downcast_ref::<super::SchedulerFault>().unwrap().message.clone())
}

/// All that waits on the offer of this agent.
fn all_on(agent: u32, jobs: &[WaitingJob<'_>], offers: &[InHand<'_>]) -> Vec<Placement> {
    let offer = offers.iter().position(|offer| offer.agent == agent);
    let place = |offer| jobs.iter().map(move |own| Placement { job: own.index, offer, tasks: own.waiting });
    offer.into_iter().flat_map(place).collect()
}

/// One task of every job on each offer that its constraints admit, as far as tasks wait.
fn one_on_each(jobs: &[WaitingJob<'_>], offers: &[InHand<'_>]) -> Vec<Placement> {
    let each = |own: &WaitingJob<'_>| {
        let admitted: Vec<usize> = (0..offers.len()).filter(|at| own.admits(&offers[*at])).collect();
        let (job, most) = (own.index, own.waiting as usize);
        admitted.into_iter().take(most).map(move |offer| Placement { job, offer, tasks: 1 })
    };
    jobs.iter().flat_map(each).collect()
}

#[test]
fn a_choice_that_breaks_what_a_job_demands_of_agents_is_the_choosers_fault() {
    let constraint = Constraint { attribute: "rack".into(), relation: Relation::Equal, value: "r1".into() };
    let picky = || Job { constraints: Arc::from([constraint.clone()]), ..job(10, 2, "cpus:1;mem:128", 5) };
    assert_eq!(launched_by(|jobs, offers| all_on(1, jobs, offers), picky()), Ok(2));
    assert_eq!(launched_by(one_on_each, picky()), Ok(2), "one after the other");
    let fault = launched_by(|jobs, offers| all_on(0, jobs, offers), picky()).unwrap_err();
    assert!(fault.contains("job 0 may not run on agent-0, of which it is not true that rack = r1"), "{fault}");
}

#[test]
fn two_tasks_of_a_job_that_spreads_on_one_agent_are_the_choosers_fault() {
    let spread = || Job { is_spread: true, ..job(10, 2, "cpus:1;mem:128", 5) };
    assert_eq!(launched_by(one_on_each, spread()), Ok(2));
    let fault = launched_by(|jobs, offers| all_on(0, jobs, offers), spread()).unwrap_err();
    assert!(fault.contains("a task of job 0, which spreads, is on agent-0 already"), "{fault}");
    // Also when the first of them was placed before, and runs.
    let slow = || Job { is_spread: true, ..job(10, 2, "cpus:1;mem:128", 300) };
    let one_by_one: Says = |jobs, offers| {
        let all = all_on(0, jobs, offers);
        all.into_iter().map(|own| Placement { tasks: 1, ..own }).collect()
    };
    let fault = launched_by(one_by_one, slow()).unwrap_err();
    assert!(fault.contains("a task of job 0, which spreads, is on agent-0 already"), "{fault}");
}

#[test]
fn a_part_of_a_gang_is_the_choosers_fault() {
    let gang = |tasks| Job { is_gang: true, ..job(10, tasks, "cpus:1;mem:128", 5) };
    assert_eq!(launched_by(|jobs, offers| all_on(0, jobs, offers), gang(3)), Ok(3));
    let fault = launched_by(one_on_each, gang(3)).unwrap_err();
    assert!(fault.contains("waiting tasks of job 0 are placed, which start together or not at all"), "{fault}");
}

/// Places a job when the offers in hand have room for all of it, each task on an offer of its own.
#[derive(Debug)]
struct Gathering {
    is_holding: bool,
}

impl Chooser for Gathering {
    fn choose(&mut self, _now: mesos_core::Instant, jobs: &[WaitingJob<'_>], offers: &[InHand<'_>]) -> Vec<Placement> {
        let (mut free, mut placed): (Vec<usize>, _) = ((0..offers.len()).collect(), Vec::new());
        for own in jobs {
            let has_room = |at: &usize| offers[*at].resources.contains(&own.job.need);
            let fits: Vec<usize> = free.iter().copied().filter(has_room).take(own.waiting as usize).collect();
            if fits.len() == own.waiting as usize {
                free.retain(|at| !fits.contains(at));
                placed.extend(fits.into_iter().map(|offer| Placement { job: own.index, offer, tasks: 1 }));
            }
        }
        placed
    }

    fn is_holding(&mut self, _now: mesos_core::Instant) -> bool {
        self.is_holding
    }
}

/// Two agents are free at 30 s and at 42 s; what is refused is not offered again for a minute.
#[test]
fn a_chooser_that_holds_offers_gathers_what_a_gang_needs_and_uses_it_for_others_meanwhile() {
    let all = |secs: u64, tasks, run| job(secs, tasks, "cpus:4;mem:128", run);
    let jobs = |more: Option<Job>| {
        let gang = Job { is_gang: true, ..all(25, 2, 10) };
        [all(10, 1, 20), all(10, 1, 32), gang].into_iter().chain(more).collect::<Vec<Job>>()
    };
    let options = Options { refuse_for: secs(60), ..Options::default() };
    let record = |is_holding, more| {
        let dress = move |scheduler: JobScheduler| scheduler.choosing(Box::new(Gathering { is_holding }));
        run_as(2, "cpus:4;mem:4096", jobs(more), options.clone(), dress).0
    };
    let small = |secs| Some(job(secs, 1, "cpus:1;mem:128", 1));
    let gang = started(&record(true, None), 2);
    assert!((42.0..46.0).contains(&gang), "{gang}");
    // Without, both agents are there together when somebody else asks for all that was refused.
    let gang = started(&record(false, small(200)), 2);
    assert!(gang > 200.0, "{gang}");
    // One that comes while an agent is held runs on it, and the gang does not wait for that any longer.
    let both = record(true, small(35));
    let (gang, small) = (started(&both, 2), started(&both, 3));
    assert!((42.0..46.0).contains(&gang) && (35.0..36.0).contains(&small), "{gang} and {small}");
}
