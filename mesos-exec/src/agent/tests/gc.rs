//! Sandboxes of what ended.

use std::time::Duration;

use mesos_core::WallTime;

use super::agent::{GcOptions, Input, Options};
use super::world::{World, command};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn collecting(gc: GcOptions) -> World {
    World::registered_with(Options { sandbox_gc: Some(gc), ..Options::default() })
}

fn ended(w: &mut World, name: &str) {
    w.run(command(name));
    w.launched(name);
    w.exited(name, 0);
    for _ in 0..3 {
        w.ack(name);
    }
    w.log.clear();
}

fn seen(w: &mut World, used_ppm: u32) {
    w.log.clear();
    w.input(Input::DiskSeen { used_ppm });
}

#[test]
fn a_sandbox_goes_when_it_is_too_old_for_how_full_the_disk_is() {
    let mut w = collecting(GcOptions::default());
    ended(&mut w, "t1");
    w.pass(Duration::from_secs(60));
    assert!(w.log.contains(&"look at the disk".to_owned()), "{:?}", w.log);
    seen(&mut w, 0);
    w.expect([]);
    w.now.wall = w.now.wall + 2 * DAY;
    ended(&mut w, "t2");
    seen(&mut w, 700_000);
    w.expect(["remove t1"]);
    seen(&mut w, 900_000);
    w.expect(["remove t2"]);
}

#[test]
fn nobody_looks_at_the_disk_while_there_is_nothing_to_remove() {
    let mut w = collecting(GcOptions::default());
    w.run(command("t1"));
    w.launched("t1");
    w.log.clear();
    w.pass(Duration::from_secs(70));
    assert!(!w.log.contains(&"look at the disk".to_owned()), "{:?}", w.log);
}

#[test]
fn sandboxes_that_were_found_age_too_and_those_in_use_stay() {
    let mut w = collecting(GcOptions::default());
    w.run(command("t1"));
    w.launched("t1");
    w.now.wall = w.now.wall + 30 * DAY;
    let own = w.containers["t1"].id.clone();
    let sandboxes = vec![(WallTime::default(), own), (WallTime::default(), "old.1".parse().unwrap())];
    w.input(Input::SandboxesFound { sandboxes });
    seen(&mut w, 0);
    w.expect(["remove old"]);
    w.exited("t1", 0);
    seen(&mut w, 900_000);
    w.expect(["remove t1"]);
}

#[test]
fn beyond_the_bound_the_oldest_go_at_once() {
    let mut w = collecting(GcOptions { sandboxes_max: 1, ..GcOptions::default() });
    ended(&mut w, "t1");
    w.run(command("t2"));
    w.launched("t2");
    w.log.clear();
    w.exited("t2", 0);
    assert!(w.log.contains(&"remove t1".to_owned()), "{:?}", w.log);
}
