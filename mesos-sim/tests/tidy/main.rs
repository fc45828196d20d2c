//! What the compiler cannot say about this repository: the kernel stays pure, queues bounded, tests awake, files honest.
//!
//! Reads the sources as text, comments and literals blanked out where a rule is about code. It guards no lengths and no
//! taste. Each rule has a name, which is in its message together with what to do instead, and a sample it must find.

use std::collections::BTreeSet;
use std::fs;

use source::{Source, imports, repository, root, words};

mod source;

/// One breach: which file and line, which rule, what was found, what to do instead.
type Breach = String;

/// What pure code must not name: a rule, the names, and what to do instead.
const IMPURE: &[(&str, &[&str], &str)] = &[
    ("no-runtime", &["tokio"], "emit an effect and take its completion as an input; runtimes belong to daemon/"),
    (
        "no-await",
        &["async", "await", "async_trait"],
        "emit an effect with a ticket and take its completion as an input",
    ),
    ("no-clock", &["std::time::Instant", "SystemTime", "UNIX_EPOCH"], "use cx.now, or mesos_core::Instant handed in"),
    (
        "no-entropy",
        &["rand::", "thread_rng", "OsRng", "getrandom", "from_os_rng", "from_entropy", "RandomState", "DefaultHasher"],
        "draw from cx.rng, or from an Rng handed in",
    ),
    ("no-unordered-map", &["HashMap", "HashSet"], "use BTreeMap, BTreeSet, Vec or mesos_core::kernel::Table"),
    (
        "no-thread",
        &["std::thread", "thread::spawn", "thread_local!"],
        "one loop owns the machine; ask its host with an effect",
    ),
    ("no-lock", &["Mutex", "RwLock", "Condvar"], "state is owned by its machine; hand out values"),
    (
        "no-outside-world",
        &["std::fs", "std::net", "std::env", "std::process"],
        "emit an effect; files, sockets, processes and the environment belong to hosts",
    ),
];

fn impurities(source: &Source) -> Vec<Breach> {
    if !source.is_pure() {
        return Vec::new();
    }
    let imports = imports(&source.code);
    let mut breaches = Vec::new();
    for (rule, names, instead) in IMPURE {
        for name in *names {
            let inside = format!("{name}::");
            let imported =
                imports.iter().filter(|(_, path)| path == name || path.starts_with(&inside)).map(|(at, _)| *at);
            // An import may be found both ways: it is one breach.
            let found = words(&source.code, name).chain(imported).map(|at| source.breach(at, rule, name, instead));
            breaches.extend(found.collect::<BTreeSet<Breach>>());
        }
    }
    // With the whole module in scope, `time::Instant` reads a clock and looks like ours.
    let whole =
        imports.iter().filter(|(_, path)| ["std::time", "std::time::self", "std::time::*"].contains(&path.as_str()));
    breaches.extend(whole.map(|(at, path)| source.breach(*at, "no-clock", path, "import std::time::Duration alone")));
    breaches
}

fn unbounded_queues(source: &Source) -> Vec<Breach> {
    const INSTEAD: &str = "give the queue a bound, and say in its doc what happens at it";
    let names = ["unbounded", "unbounded_channel", "UnboundedSender", "UnboundedReceiver"];
    let mut breaches: Vec<Breach> = names
        .iter()
        .flat_map(|name| words(&source.code, name).map(move |at| source.breach(at, "bounded-queues", name, INSTEAD)))
        .collect();
    // The one of std takes no bound; tokio's takes one, and a oneshot holds one value anyway.
    let is_std = |path: &str| path.starts_with("std::sync::mpsc");
    if imports(&source.code).iter().any(|(_, path)| is_std(path)) || source.code.contains("std::sync::mpsc::channel") {
        let takes_no_bound =
            |at: &usize| source.code[*at..].split_once('(').is_some_and(|(_, rest)| rest.starts_with(')'));
        let is_oneshot = |at: &usize| source.code[..*at].ends_with("oneshot::");
        let made = words(&source.code, "channel").filter(|at| !is_oneshot(at));
        let made = made.filter(|at| source.code[*at + 7..].starts_with(['(', ':']) && takes_no_bound(at));
        breaches.extend(made.map(|at| source.breach(at, "bounded-queues", "std's channel", "use sync_channel")));
    }
    breaches
}

fn sleeping_tests(source: &Source) -> Vec<Breach> {
    const INSTEAD: &str = "advance virtual time (for tokio: start_paused = true), or wait for the event itself";
    let ranges = source.test_code();
    // In a runtime whose clock is paused, tokio's sleep takes no time.
    let mut tests = source.code.match_indices("#[tokio::test").map(|(at, _)| &source.code[at..]).peekable();
    let is_paused = tests.peek().is_some()
        && tests.all(|test| test.split(']').next().is_some_and(|attribute| attribute.contains("start_paused = true")));
    words(&source.code, "sleep")
        .filter(|at| ranges.iter().any(|range| range.contains(at)))
        .filter(|at| source.code[at + "sleep".len()..].starts_with('('))
        .filter(|at| !(is_paused && source.code[..*at].ends_with("tokio::time::")))
        .map(|at| source.breach(at, "tests-do-not-sleep", "sleep", INSTEAD))
        .collect()
}

fn leftovers(source: &Source) -> Vec<Breach> {
    const IN_CODE: &[&str] = &["dbg!", "todo!", "unimplemented!", "#[ignore"];
    // Put together here, so that this file does not break its own rule.
    const IN_TEXT: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("```", "ignore")];
    const INSTEAD: &str = "finish it, or leave it out and say so in the doc";
    let code = IN_CODE.iter().flat_map(|name| words(&source.code, name).map(move |at| (at, *name)));
    let text = IN_TEXT.iter().flat_map(|name| words(&source.text, name).map(move |at| (at, *name)));
    code.chain(text).map(|(at, name)| source.breach(at, "nothing-left-over", name, INSTEAD)).collect()
}

fn missing_module_docs(source: &Source) -> Vec<Breach> {
    let first = source.text.lines().next().unwrap_or_default();
    let says_something = first.strip_prefix("//! ").is_some_and(|doc| doc.split_whitespace().count() >= 2);
    if !source.is_rust() || says_something {
        return Vec::new();
    }
    const INSTEAD: &str = "open with `//!`: what it is, what it is not, who calls it";
    vec![source.breach(0, "module-doc", "the first line is not a module doc", INSTEAD)]
}

fn drawers(source: &Source) -> Vec<Breach> {
    const NAMES: &[&str] = &["util", "utils", "helper", "helpers", "misc"];
    let parts = source.path.trim_end_matches(".rs").split('/');
    let found = parts.filter(|part| source.is_rust() && NAMES.contains(part));
    found.map(|part| source.breach(0, "no-drawers", part, "name the file after the concept, or inline it")).collect()
}

/// `docs::chapter` and `docs::chapter#heading` must exist, and so must what Markdown links to.
fn dead_references(
    source: &Source,
    read: &dyn Fn(&str) -> Option<String>,
    exists: &dyn Fn(&str) -> bool,
) -> Vec<Breach> {
    const INSTEAD: &str = "name a chapter, and a heading in it, of mesos-core/src/docs";
    let mut breaches = Vec::new();
    for at in words(&source.text, "docs::") {
        let rest = &source.text[at + "docs::".len()..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_-#".contains(c))).unwrap_or(rest.len());
        let (name, heading) = rest[..end].split_once('#').unwrap_or((&rest[..end], ""));
        let is_there = read(name).is_some_and(|text| heading.is_empty() || headings(&text).any(|own| own == heading));
        if !is_there && !name.is_empty() {
            breaches.push(source.breach(at, "live-references", &rest[..end], INSTEAD));
        }
    }
    if source.path.ends_with(".md") {
        let folder = source.path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        for (at, _) in source.text.match_indices("](") {
            let target = source.text[at + 2..].split([')', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !exists(&format!("{folder}{target}")) {
                breaches.push(source.breach(at, "live-references", target, "link to a file of the repository"));
            }
        }
    }
    breaches
}

/// The headings of a chapter as rustdoc names their anchors.
fn headings(chapter: &str) -> impl Iterator<Item = String> + '_ {
    let titles = chapter.lines().filter_map(|line| line.trim_start_matches("//! ").strip_prefix('#'));
    titles.map(|title| {
        let title = title.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    })
}

fn lax_manifests(source: &Source) -> Vec<Breach> {
    if !source.path.ends_with("/Cargo.toml") {
        return Vec::new();
    }
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    // A workspace of its own has nobody to inherit from.
    if lines.contains(&"[workspace]") {
        return Vec::new();
    }
    let inherits_lints = lines.windows(2).any(|pair| pair == ["[lints]", "workspace = true"]);
    let has = |line: &str| lines.contains(&line);
    let wanted = [
        (inherits_lints, "[lints] workspace = true"),
        (has("rust-version.workspace = true"), "rust-version.workspace = true"),
        (has("edition.workspace = true"), "edition.workspace = true"),
        (has("license.workspace = true"), "license.workspace = true"),
    ];
    let missing = wanted.iter().filter(|(is_there, _)| !is_there);
    missing
        .map(|(_, line)| source.breach(0, "one-manifest-policy", line, "every package inherits it; add the line"))
        .collect()
}

#[track_caller]
fn assert_none(breaches: impl Iterator<Item = Breach>) {
    let breaches: Vec<Breach> = breaches.collect();
    assert!(breaches.is_empty(), "{} of the repository's rules broken:\n{}\n", breaches.len(), breaches.join("\n"));
}

#[test]
fn the_kernel_is_pure() {
    assert_none(repository().iter().flat_map(impurities));
}

#[test]
fn every_queue_is_bounded() {
    assert_none(repository().iter().flat_map(unbounded_queues));
}

#[test]
fn tests_do_not_sleep() {
    assert_none(repository().iter().flat_map(sleeping_tests));
}

#[test]
fn nothing_is_left_over() {
    assert_none(repository().iter().flat_map(leftovers));
}

#[test]
fn every_file_opens_with_its_doc() {
    assert_none(repository().iter().flat_map(missing_module_docs));
}

#[test]
fn there_are_no_drawers() {
    assert_none(repository().iter().flat_map(drawers));
}

#[test]
fn every_reference_leads_somewhere() {
    let read = |name: &str| fs::read_to_string(root().join(format!("mesos-core/src/docs/{name}.rs"))).ok();
    let exists = |path: &str| root().join(path).exists();
    // The samples below are dead on purpose.
    let sources = repository().into_iter().filter(|source| !source.path.contains("/tidy/"));
    assert_none(sources.flat_map(|source| dead_references(&source, &read, &exists)));
}

#[test]
fn every_package_inherits_the_workspace() {
    assert_none(repository().iter().flat_map(lax_manifests));
}

/// A rule that finds nothing anywhere is no rule: each gets a line it must find and one it must let through.
#[test]
fn each_rule_finds_its_breach_and_only_that() {
    let pure = |code: &str| impurities(&Source::new("mesos-sched/src/master/mod.rs", code)).len();
    for breach in [
        "use tokio::sync::mpsc;",
        "async fn f() {}",
        "use std::time::{Duration, Instant};",
        "use std::{collections::{BTreeMap, HashMap}, time};",
        "let t = std::time::Instant::now();",
        "let x: u8 = rand::random();",
        "use std::{fs, sync::Arc};",
        "static LOCK: std::sync::Mutex<u8>;",
        "std::thread::yield_now();",
        "let home = std::env::var(NAME);",
    ] {
        assert!(pure(breach) > 0, "not found: {breach}");
    }
    for fine in [
        "//! tokio, std::fs and HashMap are named in a comment /* async */",
        "let s = \"std::net \\\" tokio\"; let r = r#\"a \"HashMap\" b\"#; let c = '\"'; let d = '\\''; // async",
        "fn f<'a>(x: &'a str) -> Instant { use crate::time::Instant; x.into() }",
        "use rand_chacha::rand_core::SeedableRng; use std::time::Duration; let v = env!(\"CARGO_PKG_VERSION\");",
    ] {
        assert_eq!(pure(fine), 0, "found something in: {fine}");
    }
    assert!(impurities(&Source::new("mesos-sched/src/daemon/world.rs", "use tokio::net;")).is_empty());

    let at = |path: &str, code: &str| Source::new(path, code);
    assert_eq!(unbounded_queues(&at("a/src/b.rs", "let q = mpsc::unbounded_channel();")).len(), 1);
    assert_eq!(unbounded_queues(&at("a/src/b.rs", "use std::sync::mpsc; let q = mpsc::channel();")).len(), 1);
    let bounded =
        "use {std::sync::mpsc as std_mpsc, tokio::sync::{mpsc, oneshot}}; mpsc::channel(8); oneshot::channel();";
    assert!(unbounded_queues(&at("a/src/b.rs", bounded)).is_empty());
    let naps = "fn f() { sleep(1) } #[cfg(test)] mod tests { fn g() { thread::sleep(1); run(\"sleep 9\") } } fn h() { sleep(2) }";
    assert_eq!(sleeping_tests(&at("a/src/b.rs", naps)).len(), 1);
    assert_eq!(sleeping_tests(&at("a/tests/b.rs", naps)).len(), 3);
    let paused =
        "#[tokio::test(start_paused = true)] async fn f(sleep: u8) { tokio::time::sleep(A).await; thread::sleep(A) }";
    assert_eq!(sleeping_tests(&at("a/tests/b.rs", paused)).len(), 1);
    assert_eq!(sleeping_tests(&at("a/tests/b.rs", &format!("{paused} #[tokio::test] async fn g() {{}}"))).len(), 2);
    assert_eq!(leftovers(&at("a/src/b.rs", &format!("// {}: later\ntodo!(); \"dbg!\"", concat!("TO", "DO")))).len(), 2);
    assert_eq!(missing_module_docs(&at("a/src/b.rs", "//!\nfn f() {}")).len(), 1);
    assert_eq!(drawers(&at("a/src/utils.rs", "")).len() + drawers(&at("a/src/misc/b.rs", "")).len(), 2);
    assert_eq!(lax_manifests(&at("a/Cargo.toml", "[lints]\nworkspace = true\nedition.workspace = true")).len(), 2);
    assert_eq!(lax_manifests(&at("a/b/Cargo.toml", "[workspace]\n[package]\nedition = \"2024\"")).len(), 0);
    let read = |name: &str| (name == "one").then(|| "//! # Two words".to_owned());
    let dead = |path: &str, text: &str| dead_references(&at(path, text), &read, &|file| file == "a/b.rs").len();
    assert_eq!(dead("a/b.rs", "// docs::one, docs::one#two-words, docs::two, docs::one#three"), 2);
    assert_eq!(dead("README.md", "[a](a/b.rs) [b](https://x.org) [c](#here) [d](a/c.rs)"), 1);
    assert_eq!(dead("a/c.md", "[a](b.rs#l3) [b](a/b.rs)"), 1);
}
