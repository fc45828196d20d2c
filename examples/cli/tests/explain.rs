//! `mesos explain` on a cluster of real processes: why a framework waits, and what would be enough.

use std::io::BufReader;
use std::process::{Child, Command, Stdio};

/// Killed when this is dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn line_with(reader: &mut impl std::io::BufRead, text: &str) -> String {
    let mut all = String::new();
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "no line holds {text:?}:\n{all}");
        if line.contains(text) {
            return line;
        }
        all += &line;
    }
}

#[test]
fn a_framework_that_waits_is_told_why_and_what_would_be_enough() {
    let folder = tempfile::tempdir().unwrap();
    let mesos = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mesos"));
        command.env("MESOS_LOCAL_DIR", folder.path()).stdin(Stdio::null());
        command
    };
    let local = mesos()
        .args(["local", "--json", "--agents=2", "--resources=cpus:2;mem:512", "--port=0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut local = Program(local);
    line_with(&mut BufReader::new(local.0.stdout.take().unwrap()), "master");

    // It needs more than any agent has, and so it waits.
    let waits = mesos().args(["execute", "--quiet", "--cpus=3", "--name=greedy", "--", "true"]).spawn().unwrap();
    let _waits = Program(waits);
    let id = loop {
        let listed = mesos().args(["--json", "frameworks"]).output().unwrap();
        let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
        let frameworks = listed["get_frameworks"]["frameworks"].as_array().cloned().unwrap_or_default();
        if let Some(id) = frameworks.first().and_then(|one| one["framework_info"]["id"]["value"].as_str()) {
            break id.to_owned();
        }
    };
    let explain = |words: &[&str]| {
        let said = mesos().args(words).args(["explain", &id, "--resources=cpus:3;mem:32"]).output().unwrap();
        assert!(said.status.success(), "{said:?}");
        String::from_utf8(said.stdout).unwrap()
    };
    let for_people = explain(&[]);
    assert!(for_people.contains("cpus"), "{for_people}");
    let for_programs: serde_json::Value = serde_json::from_str(&explain(&["--json"])).unwrap();
    assert!(for_programs.to_string().contains("cpus"), "{for_programs}");

    let unknown = mesos().args(["explain", "no-such-framework"]).output().unwrap();
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(!unknown.status.success() && said.contains("no-such-framework"), "{said}");
}
