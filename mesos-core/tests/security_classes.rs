//! The chapter about security names tests that are there, and every class there is a list of.

use std::path::{Path, PathBuf};

/// Defects of others that have a row.
const CLASSES: [&str; 20] = [
    "CVE-2017-7687",
    "CVE-2017-9790",
    "CVE-2018-1330",
    "CVE-2018-11793",
    "CVE-2018-8023",
    "CVE-2019-0204",
    "CVE-2019-5736",
    "CVE-2021-30465",
    "CVE-2024-21626",
    "CVE-2025-31133",
    "CVE-2025-52565",
    "CVE-2025-52881",
    "CVE-2026-7474",
    "MESOS-9006",
    "MESOS-9610",
    "MESOS-7265",
    "MESOS-7422",
    "MESOS-6566",
    "MESOS-8413",
    "MESOS-2842",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn every_class_has_a_test_that_is_there() {
    let chapter = std::fs::read_to_string(root().join("mesos-core/src/docs/security.rs")).unwrap();
    for class in CLASSES {
        assert!(chapter.contains(class), "{class} has no row");
    }
    let rows = chapter.lines().filter(|line| line.starts_with("//! | ") && line.contains('`'));
    let mut count = 0;
    for row in rows {
        let quoted: Vec<_> = row.split('`').skip(1).step_by(2).collect();
        let file = root().join(quoted[0]);
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if let Some(name) = quoted.get(1) {
            assert!(text.contains(&format!("fn {name}(")), "{} has no test {name}", file.display());
        }
        count += 1;
    }
    assert!(count >= CLASSES.len(), "{count} rows");
}

/// Where unsafe code may be: what asks the system for what no library asks it for, and allocators that count.
const MAY_BE_UNSAFE: [&str; 3] =
    ["mesos-exec/src/containerizer/", "benches/src/heap.rs", "mesos-sim/src/bin/mesos-sim/heap.rs"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

#[test]
fn only_what_speaks_to_the_system_may_be_unsafe() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"deny\""));
    let mut all = Vec::new();
    sources(&root(), &mut all);
    assert!(all.len() > 300, "the sources are found");
    // Written in two parts, so that this file is not one of those it looks for.
    let allowed = concat!("allow(", "unsafe_code");
    for path in all {
        let within = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let is_unsafe = std::fs::read_to_string(&path).unwrap().contains(allowed);
        assert!(!is_unsafe || MAY_BE_UNSAFE.iter().any(|place| within.starts_with(place)), "{within}");
    }
}

/// Containers are plain processes of the machine: nothing is mounted for them and nothing of them is labelled, so there is
/// nothing that they could swap under its hands. Whoever adds that adds the tests of its races, and changes this one.
#[test]
fn nothing_is_mounted_or_labelled() {
    // Written in two parts, as above.
    let words = [
        concat!("SYS_", "mount"),
        concat!("SYS_", "move_mount"),
        concat!("MS_", "BIND"),
        concat!("nix::", "mount"),
        concat!("rustix::", "mount"),
        concat!("pivot_", "root"),
        concat!("set", "ns("),
        concat!("/attr", "/exec"),
        concat!("/attr", "/current"),
    ];
    let mut all = Vec::new();
    sources(&root().join("mesos-exec"), &mut all);
    assert!(all.len() > 80, "the sources are found");
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        for word in words {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let own = std::fs::read_to_string(root().join("mesos-exec/Cargo.toml")).unwrap();
    let nix = workspace.lines().chain(own.lines()).filter(|line| line.starts_with("nix"));
    for line in nix {
        assert!(!line.contains("mount") && !line.contains("sched"), "{line}");
    }
}

/// Where the words of others are read. Beside these the tables of generated code, which have no code of their own.
const READERS: [&str; 22] = [
    "mesos-core/src/wire/convert/mod.rs",
    "mesos-core/src/wire/json.rs",
    "mesos-core/src/wire/record_io.rs",
    "mesos-core/src/net/grpc/agent.rs",
    "mesos-core/src/net/grpc/direction.rs",
    "mesos-core/src/net/grpc/scheduler.rs",
    "mesos-core/src/net/grpc/stream.rs",
    "mesos-core/src/net/http/body.rs",
    "mesos-core/src/net/http/caller.rs",
    "mesos-core/src/net/http/media.rs",
    "mesos-core/src/net/http/records.rs",
    "mesos-core/src/net/auth/acl.rs",
    "mesos-core/src/net/auth/authenticate.rs",
    "mesos-core/src/net/auth/credential.rs",
    "mesos-core/src/net/auth/rate.rs",
    "mesos-core/src/net/auth/token.rs",
    "mesos-core/src/net/tls.rs",
    "mesos-core/src/resource/json.rs",
    "mesos-sched/src/registry/record.rs",
    "mesos-exec/src/agent/checkpoint.rs",
    "mesos-exec/src/containerizer/process/record.rs",
    "mesos-exec/src/daemon/fetch/place.rs",
];

/// The linter refuses a build in which one of them could end the process; the few that speak of our own words say so.
#[test]
fn what_reads_others_words_has_no_way_to_panic() {
    let lints = concat!(
        "#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, ",
        "clippy::panic, clippy::indexing_slicing))]"
    );
    for reader in READERS {
        let text = std::fs::read_to_string(root().join(reader)).unwrap_or_else(|error| panic!("{reader}: {error}"));
        assert!(text.lines().any(|line| line == lints), "{reader} may panic");
        let excused = text.lines().filter(|line| line.contains("allow(clippy::") && line.contains("reason"));
        assert!(excused.count() <= 3, "{reader} has many excuses");
    }
}

/// A secret has no equality of its own, so whoever compares one lays it open first, and that is seen: only what compares in a
/// time that tells nothing may be given an open one.
#[test]
fn an_open_secret_is_compared_with_nothing() {
    let mut all = Vec::new();
    sources(&root(), &mut all);
    // Written in two parts, so that this file is not one of those it looks for.
    let open = concat!(".expo", "se()");
    let mut count = 0;
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| line.contains(open) && !line.trim_start().starts_with("//")) {
            count += 1;
            let is_made = ["to_vec()", "hmac::Key::new", "write_all", ".matches(", "given_text("]
                .iter()
                .any(|what| line.contains(what));
            let compares = ["==", "!=", ".eq(", ".ne(", ".cmp(", "starts_with("].iter().any(|how| line.contains(how));
            assert!(is_made && !compares, "{}: {line}", path.display());
        }
    }
    assert!(count >= 4, "the places are found");
    // How the two that compare do it.
    let read = |file: &str| std::fs::read_to_string(root().join("mesos-core/src/net/auth").join(file)).unwrap();
    assert!(read("secret.rs").contains(".ct_eq(") && read("token.rs").contains("hmac::verify("));
}
