//! What an author sees of a test of one line: its seed when it fails, and that seed again when it is asked for.

use std::process::Command;

use mesos_sim::secs;
use mesos_sim::workload::Sleepers;

mesos_sim::cluster_test! {
    /// Passes, unless it is told to ask for more than there is: then it fails with whatever seed.
    fn somebody_may_ask_for_too_much(agents = 3, seeds = 2, faults_for = secs(10)) {
        let cpus = if std::env::var_os(TOO_MUCH).is_some() { "cpus:99" } else { "cpus:1" };
        Sleepers::new(1, secs(1)).needing(cpus.parse().expect("a constant")).boxed()
    }
}

mesos_sim::cluster_test! {
    /// As large as clusters are that frameworks are written for, and everything goes wrong in it.
    fn a_thousand_agents_under_the_standard_faults(agents = 1_000, faults_for = secs(30)) {
        Sleepers::new(1_000, secs(20)).boxed()
    }
}

/// Has that test fail.
const TOO_MUCH: &str = "MESOS_SIM_TEST_TOO_MUCH";

/// Runs that test alone, as cargo does, under these settings; what it printed.
fn failing(settings: &[(&str, &str)]) -> String {
    let own = std::env::current_exe().expect("a test is a program");
    let mut command = Command::new(own);
    command.args(["--exact", "somebody_may_ask_for_too_much", "--nocapture"]).env(TOO_MUCH, "1");
    command.env_remove("MESOS_SIM_SEED").env_remove("MESOS_SIM_SEEDS").envs(settings.iter().copied());
    let output = command.output().expect("it can be started");
    assert!(!output.status.success(), "it fails");
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

/// The lines that tell what went wrong.
fn story(said: &str) -> Vec<String> {
    let told = said.lines().skip_while(|line| !line.contains("fails with seed"));
    told.take_while(|line| !line.contains("to see it again")).map(str::to_owned).collect()
}

#[test]
fn a_failing_test_prints_its_seed_and_that_seed_fails_in_the_same_way() {
    let first = failing(&[]);
    let (_, rest) = first.split_once("MESOS_SIM_SEED=").expect("it says how to see it again");
    assert!(rest.starts_with("0 cargo test"), "{first}");
    assert!(first.contains("somebody-may-ask-for-too-much fails with seed 0: liveness"), "{first}");
    assert_eq!(story(&failing(&[("MESOS_SIM_SEED", "0")])), story(&first), "the same seed is the same run");
    let other = failing(&[("MESOS_SIM_SEED", "7")]);
    assert!(other.contains("fails with seed 7") && other.contains("MESOS_SIM_SEED=7 cargo test"), "{other}");
    let wrong = failing(&[("MESOS_SIM_SEED", "seven")]);
    assert!(wrong.contains("MESOS_SIM_SEED is \"seven\", and should be a number"), "{wrong}");
}
