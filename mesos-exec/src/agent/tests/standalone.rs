//! Containers of their own.

use mesos_core::call::operator::ReplyTo;
use mesos_core::container::WindowSize;
use mesos_core::{CommandInfo, ContainerId, ContainerLimits, Limit, Purpose, Resources, Signal};

use super::agent::{ContainerAsk, Input, Nest, Options, WAITS_PER_CONTAINER_MAX};
use super::world::{SECOND, World};

fn launch() -> ContainerAsk {
    let (command, limits) = (Box::new(CommandInfo::shell("ps")), ContainerLimits::default());
    ContainerAsk::Launch { command, resources: Resources::new(), limits, is_session: false, terminal: None }
}

fn ask(w: &mut World, ask: ContainerAsk) {
    ask_as(w, None, "alone", ask);
}

fn ask_as(w: &mut World, parent: Option<&str>, name: &str, ask: ContainerAsk) {
    let parent = parent.map(|parent| ContainerId::new(parent).unwrap());
    let nest = Nest { parent, name: ContainerId::new(name).unwrap() };
    w.input(Input::ContainerAsked { nest, ask, reply: ReplyTo(2) });
}

/// One named so that what lies beside it is told apart.
const OUTER: &str = "outer.1";

/// One, another beside it, and a session that looks into that.
fn three() -> World {
    let mut w = World::registered();
    ask_as(&mut w, None, OUTER, launch());
    w.launched("outer");
    ask_as(&mut w, Some(OUTER), "inner", launch());
    assert_eq!(w.spec.as_ref().unwrap().purpose, Purpose::Standalone);
    w.launched("inner");
    let (command, limits) = (Box::new(CommandInfo::shell("sh")), ContainerLimits::default());
    let terminal = Some(WindowSize { rows: 24, columns: 80 });
    let session = ContainerAsk::Launch { command, resources: Resources::new(), limits, is_session: true, terminal };
    ask_as(&mut w, Some("outer.1.inner"), "shell", session);
    let spec = w.spec.as_ref().unwrap();
    assert_eq!(spec.purpose, Purpose::StandaloneDebug { parent: ContainerId::new("outer.1.inner").unwrap() });
    assert!((spec.terminal, spec.takes_input, spec.is_checkpointed) == (terminal, true, false), "{spec:?}");
    w.launched("inner.shell");
    w.log.clear();
    w
}

#[test]
fn what_lies_beside_one_ends_with_it() {
    let mut w = three();
    assert_eq!(w.keys(), ["agent", "standalone/outer.1", "standalone/outer.1.inner"]);
    ask_as(&mut w, Some(OUTER), "inner", ContainerAsk::Wait);
    w.exited("outer", 0);
    w.expect(["destroy inner"]);
    ask_as(&mut w, Some(OUTER), "late", launch());
    w.expect(["refused: unknown_container"]);
    w.exited("inner", 137);
    w.expect(["ended: Command exited with status 137", "destroy inner.shell"]);
    w.exited("inner.shell", 137);
    w.log.clear();
    assert!(w.keys() == ["agent"] && w.agent.snapshot().standalone.is_empty(), "{:?}", w.keys());
    ask_as(&mut w, Some(OUTER), "inner", ContainerAsk::Wait);
    ask_as(&mut w, None, OUTER, ContainerAsk::Wait);
    w.expect(["refused: unknown_container", "ended: Command exited with status 0"]);
}

#[test]
fn what_lies_beside_one_survives_with_it_alone() {
    for survivors in [&["outer", "inner"][..], &["inner"][..]] {
        let mut w = three();
        w.restart();
        w.survive(survivors);
        let is_destroyed = w.log.contains(&"destroy inner".to_owned());
        assert_eq!(is_destroyed, survivors.len() == 1, "{:?}", w.log);
        w.log.clear();
        ask_as(&mut w, Some(OUTER), "inner", ContainerAsk::Wait);
        w.exited("inner", 3);
        w.expect(["ended: Command exited with status 3"]);
    }
}

#[test]
fn so_many_wait_for_one_and_who_left_waits_no_more() {
    let mut w = running();
    let nest = Nest { parent: None, name: ContainerId::new("alone").unwrap() };
    let most = w.wait_beyond_the_most(&nest);
    w.input(Input::AskerLeft { nest: nest.clone(), reply: ReplyTo(3) });
    w.wait_for(&nest, most + 1);
    w.expect([]);
    w.exited("alone", 0);
    assert_eq!(w.log.iter().filter(|line| line.starts_with("ended")).count(), WAITS_PER_CONTAINER_MAX);
}

fn running() -> World {
    let mut w = World::registered();
    ask(&mut w, launch());
    w.launched("alone");
    w.log.clear();
    w
}

#[test]
fn one_is_started_waited_for_and_removed() {
    let mut w = World::registered();
    ask(&mut w, launch());
    w.expect(["launch alone"]);
    assert_eq!(w.spec.as_ref().unwrap().purpose, Purpose::Standalone);
    assert_eq!(w.keys(), ["agent", "standalone/alone"]);
    w.launched("alone");
    w.expect(["taken", "wait alone"]);
    ask(&mut w, launch());
    ask(&mut w, ContainerAsk::Wait);
    ask(&mut w, ContainerAsk::Remove);
    w.expect(["already", "refused: invalid_operation"]);
    assert_eq!(w.agent.snapshot().standalone.len(), 1);
    w.exited("alone", 7);
    w.expect(["ended: Command exited with status 7"]);
    assert_eq!(w.keys(), ["agent"]);
    ask(&mut w, ContainerAsk::Wait);
    ask(&mut w, ContainerAsk::Remove);
    ask(&mut w, ContainerAsk::Wait);
    w.expect(["ended: Command exited with status 7", "taken", "refused: unknown_container"]);
}

#[test]
fn its_limits_are_no_less_than_what_it_is_given() {
    let mut w = World::registered();
    let limited = |mem| {
        let limits = ContainerLimits { cpus: None, mem: Some(mem) };
        let command = Box::new(CommandInfo::shell("ps"));
        ContainerAsk::Launch {
            command,
            resources: "cpus:1;mem:64".parse().unwrap(),
            limits,
            is_session: false,
            terminal: None,
        }
    };
    ask(&mut w, limited(Limit::Amount("63".parse().unwrap())));
    w.expect(["refused: invalid_operation"]);
    ask(&mut w, limited(Limit::Infinite));
    w.expect(["launch alone"]);
    assert_eq!(w.spec.as_ref().unwrap().limits.mem, Some(Limit::Infinite));
}

#[test]
fn signals_reach_it_and_the_last_one_destroys_it() {
    let mut w = running();
    ask(&mut w, ContainerAsk::Signal(Signal::of(10).unwrap()));
    ask(&mut w, ContainerAsk::Signal(Signal::Kill));
    w.expect(["signal alone Other(10)", "taken", "destroy alone", "taken"]);
    // It is destroyed again until it is gone, and who waits is not held up for ever.
    ask(&mut w, ContainerAsk::Wait);
    w.pass(Options::default().container_destroy_timeout * 3 + SECOND);
    let again = w.log.iter().filter(|line| *line == "destroy alone").count();
    assert!(again >= 3 && w.log.iter().any(|line| line.starts_with("ended: ")), "{:?}", w.log);
}

#[test]
fn one_that_cannot_be_started_is_said_to_whoever_asked_and_leaves_nothing() {
    let mut w = World::registered();
    ask(&mut w, launch());
    w.launch_failed("alone");
    w.expect(["launch alone", "refused: invalid_operation"]);
    assert_eq!(w.keys(), ["agent"]);
    ask(&mut w, ContainerAsk::Wait);
    w.expect(["refused: unknown_container"]);
}

#[test]
fn one_outlives_its_agents_process_or_is_known_to_have_ended() {
    for survives in [true, false] {
        let mut w = running();
        w.restart();
        w.expect(["recover alone"]);
        w.survive(if survives { &["alone"] } else { &[] });
        assert_eq!(w.log.contains(&"wait alone".to_owned()), survives, "{:?}", w.log);
        w.log.clear();
        ask(&mut w, ContainerAsk::Wait);
        if survives {
            w.exited("alone", 0);
        }
        assert!(w.log.last().is_some_and(|line| line.starts_with("ended: ")), "{:?}", w.log);
        assert_eq!(w.keys(), ["agent"]);
    }
}

#[test]
fn an_agent_that_ends_for_good_ends_it_first() {
    let mut w = running();
    w.input(Input::Stop);
    w.expect(["destroy alone"]);
    ask(&mut w, launch());
    ask(&mut w, ContainerAsk::Wait);
    w.exited("alone", 137);
    assert!(w.log.iter().any(|line| line.starts_with("ended: ")), "{:?}", w.log);
    assert!(w.log.iter().any(|line| line.contains("unregister")), "{:?}", w.log);
    assert_eq!(w.keys(), [""; 0]);
}

#[test]
fn no_two_containers_have_one_name() {
    let mut w = running();
    w.run(super::world::command("t1"));
    w.launched("t1");
    let taken = w.agent.snapshot().frameworks[0].executors[0].containers[0].clone();
    w.log.clear();
    let nest = Nest { parent: None, name: taken };
    w.input(Input::ContainerAsked { nest, ask: launch(), reply: ReplyTo(2) });
    w.expect(["already"]);
}
