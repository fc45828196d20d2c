//! The driver with an agent played by hand.

use mesos_core::health::{Check, Checked};
use mesos_core::kernel::Rng;
use mesos_core::{AgentId, CommandInfo, Exit, KillPolicy, Now, Resources, TaskState};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Runs everything and reports it; ends when told to and done.
#[derive(Debug, Default)]
struct Runner {
    heard: Vec<String>,
}

impl Executor for Runner {
    fn launch(&mut self, cx: &mut ExecutorCx<'_>, tasks: Vec<Arc<TaskInfo>>) {
        for task in tasks {
            cx.report(&task.id, TaskState::Running);
        }
    }

    fn kill(&mut self, cx: &mut ExecutorCx<'_>, task: &TaskId, _: KillPolicy) {
        cx.report(task, TaskState::Killed);
    }

    fn launched(&mut self, _: &mut ExecutorCx<'_>, _: &ContainerId) {}

    fn exited(&mut self, _: &mut ExecutorCx<'_>, _: &ContainerId, _: Result<Exit, Arc<str>>) {}

    fn shutdown(&mut self, cx: &mut ExecutorCx<'_>, _: Duration) {
        cx.emit(Call::Exit);
    }

    fn recovered(&mut self, _: &mut ExecutorCx<'_>, _: Vec<(Arc<TaskInfo>, TaskState)>, _: &[ContainerId]) {}

    fn checked(&mut self, cx: &mut ExecutorCx<'_>, check: &ContainerId, found: Checked) {
        let problem = found.problem.as_deref().unwrap_or("no problem");
        cx.emit(Call::Message(format!("{check}: {problem}").into_bytes().into()));
    }

    fn message(&mut self, cx: &mut ExecutorCx<'_>, data: &[u8]) {
        self.heard.push(String::from_utf8_lossy(data).into_owned());
        cx.emit(Call::Message(data.into()));
    }
}

/// Never ends by itself.
#[derive(Debug, Default)]
struct Stubborn;

impl Executor for Stubborn {
    fn launch(&mut self, _: &mut ExecutorCx<'_>, _: Vec<Arc<TaskInfo>>) {}
    fn kill(&mut self, _: &mut ExecutorCx<'_>, _: &TaskId, _: KillPolicy) {}
    fn launched(&mut self, _: &mut ExecutorCx<'_>, _: &ContainerId) {}
    fn exited(&mut self, _: &mut ExecutorCx<'_>, _: &ContainerId, _: Result<Exit, Arc<str>>) {}
    fn shutdown(&mut self, _: &mut ExecutorCx<'_>, _: Duration) {}
    fn recovered(&mut self, _: &mut ExecutorCx<'_>, _: Vec<(Arc<TaskInfo>, TaskState)>, _: &[ContainerId]) {}
}

struct World {
    driver: Driver,
    now: Now,
    rng: Rng,
    /// Names of updates, in the order they were said.
    uuids: Vec<UpdateId>,
    attempt: u64,
}

impl World {
    fn started(checkpoint: bool, executor: Box<dyn Executor>) -> (Self, Vec<String>) {
        let options = Options { checkpoint, ..Options::default() };
        let driver = Driver::new(options, executor);
        let mut world = Self { driver, now: Now::default(), rng: Rng::new(3), uuids: Vec::new(), attempt: 0 };
        let lines = world.input(Input::Started);
        (world, lines)
    }

    fn subscribed(checkpoint: bool) -> Self {
        let (mut world, _) = Self::started(checkpoint, Box::<Runner>::default());
        world.subscribe();
        world
    }

    fn input(&mut self, input: Input) -> Vec<String> {
        let mut out = Vec::new();
        self.driver.handle(&mut Cx::new(self.now, &mut self.rng, &mut out), input);
        self.lines(out)
    }

    fn hear(&mut self, event: Event) -> Vec<String> {
        self.input(Input::Heard { attempt: self.attempt, event })
    }

    fn lose(&mut self, refused: Option<RejectionCode>) -> Vec<String> {
        let refused = refused.map(|code| Rejection::new(code, "what", "remedy"));
        self.input(Input::Lost { attempt: self.attempt, refused })
    }

    fn pass(&mut self, time: Duration) -> Vec<String> {
        let until = self.now.mono + time;
        let mut lines = Vec::new();
        while let Some(due) = self.driver.deadline().filter(|due| *due <= until) {
            self.now.mono = due;
            let mut out = Vec::new();
            self.driver.tick(&mut Cx::new(self.now, &mut self.rng, &mut out));
            lines.extend(self.lines(out));
        }
        self.now.mono = until;
        lines
    }

    fn subscribe(&mut self) -> Vec<String> {
        let info = || mesos_core::FrameworkInfo::new("f", mesos_core::Role::any());
        let agent = AgentId::new("a1").unwrap();
        let executor =
            mesos_core::ExecutorInfo::custom("e1".parse().unwrap(), CommandInfo::shell("run"), Resources::new());
        self.hear(Event::Subscribed(Box::new(mesos_core::call::executor::Subscribed {
            executor: Arc::new(executor),
            framework_id: "f1".parse().unwrap(),
            framework: Arc::new(info()),
            agent_id: agent,
            agent: Arc::new(mesos_core::AgentInfo::new("host", Resources::new())),
            container_id: "e1.1".parse().unwrap(),
        })))
    }

    fn launch(&mut self, name: &str) -> Vec<String> {
        let agent = AgentId::new("a1").unwrap();
        let task = TaskInfo::shell(TaskId::new(name).unwrap(), agent, Resources::new(), "true");
        self.hear(Event::Launch(Arc::new(task)))
    }

    fn acknowledge(&mut self, name: &str, index: usize) -> Vec<String> {
        let uuid = self.uuids[index];
        self.hear(Event::Acknowledged { task_id: TaskId::new(name).unwrap(), uuid })
    }

    fn lines(&mut self, effects: Vec<Effect>) -> Vec<String> {
        effects.into_iter().map(|effect| self.line(effect)).collect()
    }

    fn line(&mut self, effect: Effect) -> String {
        match effect {
            Effect::Subscribe { attempt, subscription, .. } => {
                self.attempt = attempt;
                let updates: Vec<String> = subscription.updates.iter().map(|update| self.name(update)).collect();
                let tasks: Vec<&str> = subscription.tasks.iter().map(TaskId::as_str).collect();
                format!("subscribe [{}] [{}]", updates.join(", "), tasks.join(", "))
            }
            Effect::Subscribed { .. } => "subscribed".into(),
            Effect::Say { said: Said::Update(update) } => self.name(&update),
            Effect::Say { said: Said::Message(data) } => format!("message {}", String::from_utf8_lossy(&data)),
            Effect::Stop { why } => format!("stop: {why}"),
            other => format!("{other:?}"),
        }
    }

    fn name(&mut self, update: &TaskUpdate) -> String {
        let uuid = update.uuid.expect("every update has a name");
        assert!(update.at_wall.is_some(), "every update has a time");
        let known = self.uuids.iter().position(|own| *own == uuid);
        let index = known.unwrap_or_else(|| {
            self.uuids.push(uuid);
            self.uuids.len() - 1
        });
        format!("{} {} #{index}", update.task_id, update.state)
    }
}

#[test]
fn updates_are_kept_until_the_agent_has_taken_them_over_and_said_again() {
    let (mut world, lines) = World::started(true, Box::<Runner>::default());
    assert_eq!(lines, ["subscribe [] []"]);
    assert_eq!(world.subscribe(), ["subscribed"]);
    assert_eq!(world.launch("t1"), ["t1 RUNNING #0"]);
    assert_eq!(world.launch("t2"), ["t2 RUNNING #1"]);
    assert!(world.acknowledge("t1", 0).is_empty());
    assert!(world.lose(None).is_empty());
    assert_eq!(world.pass(2 * SECOND), ["subscribe [t2 RUNNING #1] [t2]"]);
    world.subscribe();
    world.acknowledge("t2", 1);
    assert_eq!(world.driver.unacknowledged_updates(), 0);
}

#[test]
fn a_check_is_asked_of_the_host_and_its_answer_told() {
    let mut world = World::subscribed(true);
    let name = |text: &str| ContainerId::new(text).unwrap();
    let what = Check::Command(Box::new(CommandInfo::shell("exit 3")));
    let call = Call::Check { check: name("look"), container: name("t1"), what: what.clone(), timeout: SECOND };
    let asked = Effect::Check { check: name("look"), container: name("t1"), what, timeout: SECOND };
    assert_eq!(world.input(Input::Asked { call }), [format!("{asked:?}")]);
    let found = Checked::by_command(Ok(Exit::Status(3)));
    let told = world.input(Input::Checked { check: name("look"), found });
    assert_eq!(told, ["message look: Command exited with status 3"]);
}

#[test]
fn what_is_said_while_the_agent_is_away_is_said_when_it_is_back() {
    let mut world = World::subscribed(true);
    world.launch("t1");
    world.acknowledge("t1", 0);
    world.lose(None);
    // The task is killed by what was told before the connection broke.
    let mut out = Vec::new();
    let mut cx = Cx::new(world.now, &mut world.rng, &mut out);
    world.driver.consult(&mut cx, |executor, cx| executor.kill(cx, &"t1".parse().unwrap(), KillPolicy::default()));
    assert_eq!(out, []);
    assert_eq!(world.pass(2 * SECOND), ["subscribe [t1 KILLED #1] []"]);
}

#[test]
fn what_is_said_while_a_subscription_is_under_way_is_said_right_after_it() {
    let mut world = World::subscribed(true);
    world.launch("t1");
    world.acknowledge("t1", 0);
    world.lose(None);
    assert_eq!(world.pass(2 * SECOND), ["subscribe [] []"]);
    let mut out = Vec::new();
    let mut cx = Cx::new(world.now, &mut world.rng, &mut out);
    world.driver.consult(&mut cx, |executor, cx| executor.kill(cx, &"t1".parse().unwrap(), KillPolicy::default()));
    assert_eq!(out, []);
    assert_eq!(world.subscribe(), ["subscribed", "t1 KILLED #1"]);
}

#[test]
fn without_checkpoints_the_loss_of_the_agent_is_the_end() {
    let mut world = World::subscribed(false);
    assert_eq!(world.lose(None), ["stop: the executor has nothing left to do"]);
}

#[test]
fn a_checkpointed_executor_gives_up_when_its_time_is_over() {
    let mut world = World::subscribed(true);
    world.lose(None);
    for _ in 0..10_000 {
        let lines = world.pass(2 * SECOND);
        if lines.iter().any(|line| line.starts_with("stop")) {
            assert_eq!(world.now.mono.since(Instant::ZERO).as_secs() / 60, 15);
            return;
        }
        world.lose(None);
    }
    panic!("it never gave up");
}

#[test]
fn an_executor_that_its_agent_does_not_know_ends_and_one_that_must_wait_asks_again() {
    let mut world = World::subscribed(true);
    assert!(world.lose(Some(RejectionCode::NotReady)).is_empty());
    assert_eq!(world.pass(2 * SECOND), ["subscribe [] []"]);
    let lines = world.lose(Some(RejectionCode::UnknownExecutor));
    assert!(lines[0].starts_with("stop: refused"), "{lines:?}");
}

#[test]
fn an_executor_leaves_once_its_last_update_is_taken_over() {
    let mut world = World::subscribed(true);
    world.launch("t1");
    assert!(world.hear(Event::Shutdown { grace: 5 * SECOND }).is_empty());
    assert_eq!(world.acknowledge("t1", 0), ["stop: the executor has nothing left to do"]);
}

#[test]
fn a_stubborn_executor_ends_with_its_grace() {
    let (mut world, _) = World::started(true, Box::new(Stubborn));
    world.subscribe();
    assert!(world.hear(Event::Shutdown { grace: 5 * SECOND }).is_empty());
    assert!(world.pass(4 * SECOND).is_empty());
    assert_eq!(world.pass(SECOND), ["stop: the executor did not end within its grace period"]);
}

#[test]
fn an_agent_that_is_silent_for_too_long_is_lost() {
    let mut world = World::subscribed(true);
    for _ in 0..4 {
        assert!(world.pass(Duration::from_secs(30 * 60)).is_empty());
        world.hear(Event::Heartbeat);
    }
    let lines = world.pass(Duration::from_secs(66 * 60));
    assert_eq!(lines.first().map(String::as_str), Some("subscribe [] []"));
}

#[test]
fn what_belongs_to_an_earlier_connection_is_void() {
    let mut world = World::subscribed(true);
    world.lose(None);
    world.pass(2 * SECOND);
    world.subscribe();
    let old = world.attempt - 1;
    assert!(world.input(Input::Lost { attempt: old, refused: None }).is_empty());
    assert!(world.driver.is_subscribed());
    assert_eq!(world.hear(Event::Message(b"hi".as_slice().into())), ["message hi"]);
}
