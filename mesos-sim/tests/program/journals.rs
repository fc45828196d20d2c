//! What is recorded is replayed, forked, gone through and explained.

use std::fs::File;
use std::path::{Path, PathBuf};

use mesos_core::journal::{Encoder, Ending, Header, Journal};
use mesos_sched::master::{Effect, Input};

use crate::program::{mesos_sim, own, recorded, scratch, told, word};

#[test]
fn a_seed_is_recorded_and_every_journal_of_it_replays() {
    let folder = scratch("record");
    mesos_sim(&["record", "--seed", "1", "--out", word(&folder)]).fine();
    let journals: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!journals.is_empty());
    for journal in &journals {
        let said = mesos_sim(&["replay", word(journal), "--json"]).json();
        assert!(said["counts"]["different"] == 0 && said["counts"]["steps"].as_u64() > Some(0), "{said}");
    }
    let traced = mesos_sim(&["replay", word(&journals[0]), "--trace"]).fine();
    assert!(traced.lines().count() > 10, "{traced}");
}

/// The same steps with no effects: what another version would have recorded.
fn without_effects(journal: &str, to: &Path) {
    let mut read = Journal::open(File::open(journal).unwrap()).unwrap();
    let Header { machine, settings, .. } = read.header();
    let rng = mesos_core::kernel::Rng::from_state(&read.header().rng);
    let mut encoder = Encoder::new(&Header::new(machine, &rng, settings.clone()));
    while let Some(step) = read.next_step::<Input>().unwrap() {
        encoder.begin(step.now, step.input.as_ref());
        encoder.end::<Effect>(&[]);
    }
    std::fs::write(to, encoder.finish(Ending::Complete)).unwrap();
}

#[test]
fn a_journal_that_goes_another_way_is_4_and_none_at_all_is_1() {
    let folder = scratch("differs");
    let (journal, other) = (recorded(&folder), folder.join("other.journal"));
    without_effects(&journal, &other);
    let ran = mesos_sim(&["replay", word(&other)]);
    assert!(ran.code == 4 && ran.err.contains("had 0 effects when it was recorded"), "{ran:?}");
    std::fs::write(&other, "no journal").unwrap();
    let ran = mesos_sim(&["replay", word(&other)]);
    assert!(ran.code == 1 && ran.err.contains("other.journal"), "{ran:?}");
}

#[test]
fn a_torn_journal_replays_as_far_as_it_goes_and_one_without_a_step_shows_nothing() {
    let folder = scratch("torn");
    let (journal, other) = (std::fs::read(recorded(&folder)).unwrap(), folder.join("other.journal"));
    let torn = |bytes: usize| {
        std::fs::write(&other, &journal[..bytes]).unwrap();
        mesos_sim(&["replay", word(&other), "--json"])
    };
    let most = torn(journal.len() - 1).json();
    assert!(most["counts"]["steps"].as_u64() > Some(0) && most["ending"] == "torn", "{most}");
    // Magic and version, then a frame: the length of the header, its checksum, the header.
    let header: [u8; 4] = journal[12..16].try_into().unwrap();
    let header = 20 + u32::from_le_bytes(header) as usize;
    for bytes in [header, header + 100] {
        let none = torn(bytes);
        assert!(none.code == 1 && none.err.contains("nothing was compared"), "{none:?}");
        let said: serde_json::Value = serde_json::from_str(&none.out).unwrap();
        assert!(said["counts"]["steps"] == 0 && said["ending"] == "torn", "{said}");
    }
}

#[test]
fn a_journal_is_forked_with_more_agents_another_allocator_and_a_guarantee() {
    let journal = recorded(&scratch("what-if"));
    let fork = |words: &[&str]| {
        let all = [&["what-if", &journal, "--at", "60", "--backlog", "--json"], words].concat();
        mesos_sim(&all).json()
    };
    let more = fork(&["--agents", "4"]);
    let secs = |said: &serde_json::Value, future: &str| said[future]["makespan_secs"].as_f64().unwrap();
    assert!(secs(&more, "changed") < 0.8 * secs(&more, "baseline"), "{more}");
    let remark = |words: &[&str]| mesos_sim(&[&["what-if", &journal, "--at", "60"], words].concat()).err;
    assert!(remark(&[]).contains("nothing is changed"));
    assert!(remark(&["--weights", "zz=3"]).contains("role zz has no task after the fork"));
    assert_eq!(remark(&["--weights", "batch-0=3"]), "");
    let other = fork(&["--allocator", "random"]);
    assert_eq!(other["baseline"]["finished"], other["changed"]["finished"]);
    let wait =
        |said: &serde_json::Value, future: &str, role: &str| said[future]["roles"][role]["wait_secs"].as_f64().unwrap();
    let limited = fork(&["--quota", "batch-1=cpus:4", "--force"]);
    // A mean of cpus held: from the fork on nothing is added to more than four, and what runs then runs to its end.
    let held = |future: &str| limited[future]["roles"]["batch-1"]["cpus"].as_f64().unwrap();
    assert!(held("baseline") > 8.0 && held("changed") < 4.5, "{limited}");
    assert_eq!(limited["changed"]["launched"], limited["changed"]["wanted"], "{limited}");
    let promised = fork(&["--quota", "batch-1=guarantee:cpus:28"]);
    assert!(wait(&promised, "changed", "batch-1") < 0.8 * wait(&promised, "baseline", "batch-1"), "{promised}");
    assert!(wait(&promised, "changed", "batch-0") > wait(&promised, "baseline", "batch-0"), "{promised}");
    let ran = mesos_sim(&["what-if", &journal, "--at", "60", "--quota", "batch-1=guarantee:cpus:28,limit:cpus:4"]);
    assert!(ran.code != 0 && ran.err.contains("batch-1"), "{ran:?}");
}

#[test]
fn tasks_that_do_not_divide_evenly_are_all_recorded() {
    let folder = scratch("uneven");
    let words = ["record", "--out", word(&folder), "--agents", "2", "--tasks", "5", "--frameworks", "3"];
    mesos_sim(&words).fine();
    let tasks = mesos_sim(&["explain", "--journal", word(&folder.join("m0-1.journal")), "--tasks", "--json"]).fine();
    assert_eq!(tasks.lines().count(), 5, "{tasks}");
}

#[test]
fn a_candidate_is_looked_at_beside_the_allocator_that_was_recorded() {
    let journal = recorded(&scratch("shadow"));
    let same = mesos_sim(&["replay", &journal, "--shadow", "drf", "--json"]).json();
    let other = mesos_sim(&["replay", &journal, "--shadow", "packing", "--json"]).json();
    let of = |said: &serde_json::Value, name: &str| said["shadow"][name].as_u64().unwrap_or_else(|| panic!("{said}"));
    assert!(of(&same, "rounds") > 10 && of(&same, "rounds") == of(&other, "rounds"));
    assert!(of(&other, "rounds_that_differ") > 0, "{other}");
    assert!(other["shadow"]["by_role"].as_array().is_some_and(|roles| !roles.is_empty()), "{other}");
    // The shadow decides nothing: what was recorded is what is done again.
    assert!(other["counts"]["different"] == 0 && other["counts"] == same["counts"], "{other}");
    let table = mesos_sim(&["replay", &journal, "--shadow", "packing"]).fine();
    assert!(table.contains("packing") && table.contains("batch-0") && table.contains("rounds"), "{table}");
    let ran = mesos_sim(&["replay", &journal, "--shadow", "shared-state"]);
    assert!(ran.code == 1 && ran.err.contains("optimistic"), "{ran:?}");
}

#[test]
fn a_journal_is_gone_through_in_both_directions_and_explained() {
    let journal = recorded(&scratch("travel"));
    let session = "f RUN\nn 3\nb 3\ng 40s\nt\ns\nf no such thing\ne\nq\n";
    let said = told(own(), &["step", "--journal", &journal], session).fine();
    assert!(said.contains("leads in term") && said.contains("nothing after moment"), "{said}");
    assert!(said.contains("the journal ends here"), "{said}");
    let tasks = mesos_sim(&["explain", "--journal", &journal, "--tasks"]).fine();
    let task = tasks.split_whitespace().find(|word| word.starts_with("f0/"));
    let task = task.unwrap_or_else(|| panic!("no task in {tasks}"));
    let story = mesos_sim(&["explain", "--journal", &journal, "--task", task]).fine();
    assert!(story.contains("FINISHED") && story.lines().count() > 5, "{story}");
    let agent = mesos_sim(&["explain", "--journal", &journal, "--agent", "a0"]).fine();
    assert!(agent.contains("registers") && agent.lines().count() > 5, "{agent}");
    let ran = mesos_sim(&["explain", "--journal", &journal, "--agent", "a999", "--json"]);
    assert!(ran.code == 1 && ran.out.is_empty() && ran.err.contains("nothing happened to it"), "{ran:?}");
    let ran = mesos_sim(&["step", "2", "--journal", &journal]);
    assert!(ran.code == 1 && ran.err.contains("--journal"), "{ran:?}");
}
