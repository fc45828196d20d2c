//! What is printed arrives, or the program says so: a pipe that was closed, a disk that is full.

#[cfg(target_os = "linux")]
use std::fs::File;

use crate::program::{into, recorded, scratch, word, write};

/// One of each kind of output there is: tables, JSON, lines that come while something runs, help.
fn each(name: &str, what: impl Fn(&[&str])) {
    let folder = scratch(name);
    let journal = recorded(&folder);
    let swf = write(&folder, "empty.swf", "1 0 0 10 1 -1 -1 1 -1 -1 1 1 1 1 1 1 -1 -1\n");
    for words in [
        &["run", "2"][..],
        &["run", "2", "--json"],
        &["run", "2", "--describe"],
        &["run", "2", "--trace"],
        &["sweep", "--seeds", "0..1"],
        &["meta", "--seeds", "0..1"],
        &["shrink", "2"],
        &["explain", "2", "--agent", "a0"],
        &["explain", "2", "--tasks"],
        &["explain", "--journal", &journal, "--tasks"],
        &["record", "--agents", "2", "--tasks", "2", "--out", word(&folder.join("other"))],
        &["replay", &journal],
        &["replay", &journal, "--json"],
        &["what-if", &journal, "--at", "60", "--agents", "1"],
        &["what-if", &journal, "--at", "60", "--agents", "1", "--json"],
        &["night", "--secs", "0", "--jobs", "1"],
        &["speed", "--agents", "2", "--tasks", "2"],
        &["scale", "memory", "--agents", "2"],
        &["scale", "curve", "--agents-max", "1000"],
        &["trace", &swf],
        &["trace", "--tables"],
        &["papers", "--list"],
        &["experiment", "example"],
        &["--help"],
        &["run", "--help"],
        &["--version"],
    ] {
        what(words);
    }
}

#[test]
fn where_nobody_reads_on_the_program_ends_quietly() {
    each("closed", |words| {
        let (reader, writer) = std::io::pipe().expect("there are pipes");
        drop(reader);
        let ran = into(writer, words);
        assert!(ran.code == 141 && ran.err.is_empty(), "{words:?}: {ran:?}");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn what_does_not_fit_on_a_disk_is_said() {
    each("full", |words| {
        let full = File::options().write(true).open("/dev/full").expect("this is Linux");
        let ran = into(full, words);
        assert!(ran.code == 1 && ran.err.contains("standard output: "), "{words:?}: {ran:?}");
    });
}
