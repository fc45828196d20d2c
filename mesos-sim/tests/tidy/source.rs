//! The repository as text: which files there are, what of them is code, what is pure, what only tests run.
//!
//! No parser: blanking comments and literals, finding whole words and writing `use` trees out is enough for the rules.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the repository.
pub(crate) struct Source {
    /// Its path from the root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and literals blanked out, line by line the same (for `.rs` files).
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { code_of(text) } else { String::new() };
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the file is kernel or data: told the time, handed its randomness, owned by one machine.
    pub(crate) fn is_pure(&self) -> bool {
        const PURE: [&str; 4] = ["mesos-core/src/", "mesos-sched/src/", "mesos-exec/src/", "mesos-sim/src/"];
        const HOSTS: [&str; 21] = [
            "mesos-core/src/daemon/",
            "mesos-core/src/daemon.rs",
            "mesos-core/src/net/",
            "mesos-core/src/program/",
            "mesos-core/src/provider/clock.rs",
            "mesos-core/src/provider/containerizer.rs",
            "mesos-core/src/provider/election.rs",
            "mesos-core/src/provider/store.rs",
            "mesos-sched/src/bin/",
            "mesos-sched/src/daemon/",
            "mesos-sched/src/program/",
            "mesos-exec/src/bin/",
            "mesos-exec/src/checkpoint/fs.rs",
            "mesos-exec/src/containerizer/",
            "mesos-exec/src/daemon/",
            "mesos-exec/src/program/",
            "mesos-sim/src/bin/",
            "mesos-sim/src/experiment/",
            "mesos-sim/src/live.rs",
            "mesos-sim/src/live/",
            "mesos-sim/src/trial.rs",
        ];
        let under = |folders: &[&str]| folders.iter().any(|folder| self.path.starts_with(folder));
        self.is_rust() && under(&PURE) && !under(&HOSTS)
    }

    /// The parts of the code that only tests run, as byte ranges.
    pub(crate) fn test_code(&self) -> Vec<std::ops::Range<usize>> {
        if self.path.contains("/tests/") || self.path.ends_with("/tests.rs") {
            return std::iter::once(0..self.code.len()).collect();
        }
        let starts = self.code.match_indices("#[cfg(test)]").map(|(at, _)| at);
        starts.map(|at| at..end_of_item(&self.code, at)).collect()
    }

    /// Says where which rule is broken by what, and what to do instead.
    pub(crate) fn breach(&self, at: usize, rule: &str, found: &str, instead: &str) -> String {
        let line = self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|&&b| b == b'\n').count() + 1;
        format!("{}:{line}: [{rule}] {found}: {instead}", self.path)
    }
}

/// Blanks comments, strings and character literals; every other byte stays where it is.
fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = end_of_blank(text, at);
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(code).expect("whole comments and literals were blanked")
}

/// Where the comment or literal that starts at `at` ends; `at` itself when none does.
fn end_of_blank(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let rest = &text.as_bytes()[at..];
    let until = |needle: &str, from: usize| find(bytes, needle, from).map_or(bytes.len(), |found| found + needle.len());
    if rest.starts_with(b"//") {
        return find(bytes, "\n", at).unwrap_or(bytes.len());
    }
    if rest.starts_with(b"/*") {
        return end_of_block_comment(bytes, at);
    }
    let starts_word = at == 0 || !is_word(bytes[at - 1]);
    if starts_word && matches!(rest[0], b'r' | b'b' | b'c') {
        let prefix = rest.iter().take_while(|b| matches!(b, b'r' | b'b' | b'c')).count();
        let hashes = rest[prefix..].iter().take_while(|&&b| b == b'#').count();
        if prefix <= 2 && rest[..prefix].ends_with(b"r") && rest.get(prefix + hashes) == Some(&b'"') {
            return until(&format!("\"{}", "#".repeat(hashes)), at + prefix + hashes + 1);
        }
    }
    match rest {
        [b'"', ..] => end_of_quoted(bytes, at, b'"'),
        [b'\'', b'\\', ..] => end_of_quoted(bytes, at, b'\''),
        [b'\'', ..] => match text[at + 1..].chars().next() {
            // A quote after one character makes it a literal; otherwise it is a lifetime.
            Some(c) if bytes.get(at + 1 + c.len_utf8()) == Some(&b'\'') => at + 2 + c.len_utf8(),
            _ => at,
        },
        _ => at,
    }
}

fn end_of_quoted(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn end_of_block_comment(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_u32);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Where the item with the attribute at `at` ends: its closing brace, or its semicolon if that comes before any brace.
fn end_of_item(code: &str, at: usize) -> usize {
    let mut depth = 0_u32;
    for (offset, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return offset,
            b'}' => depth -= 1,
            b';' if depth == 0 => return offset,
            _ => {}
        }
    }
    code.len()
}

fn find(bytes: &[u8], needle: &str, from: usize) -> Option<usize> {
    let found = bytes.get(from..)?.windows(needle.len()).position(|window| window == needle.as_bytes())?;
    Some(from + found)
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where `needle` stands as whole words.
pub(crate) fn words<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    let is_edge =
        move |at: Option<usize>, own: u8| !is_word(own) || !at.and_then(|i| bytes.get(i)).is_some_and(|&b| is_word(b));
    let (first, last) = (needle.as_bytes()[0], needle.as_bytes()[needle.len() - 1]);
    code.match_indices(needle)
        .map(|(at, _)| at)
        .filter(move |&at| is_edge(at.checked_sub(1), first) && is_edge(Some(at + needle.len()), last))
}

/// Every path a `use` brings in, written out: `use a::{b, c::d};` gives `a::b` and `a::c::d`.
pub(crate) fn imports(code: &str) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for at in words(code, "use") {
        let statement = code[at + 3..].split(';').next().unwrap_or_default();
        let tree: String = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        expand(&tree, "", &mut |path| all.push((at, path)));
    }
    all
}

fn expand(tree: &str, prefix: &str, each: &mut impl FnMut(String)) {
    let tree = tree.trim();
    let Some((head, tail)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree);
        return each(format!("{prefix}{path}"));
    };
    let (prefix, body) = (format!("{prefix}{}", head.trim()), tail.strip_suffix('}').unwrap_or(tail));
    let (mut depth, mut start) = (0_i32, 0);
    for (at, c) in body.char_indices().chain([(body.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 || at == body.len() => {
                if !body[start..at].trim().is_empty() {
                    expand(&body[start..at], &prefix, each);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// The repository's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is inside the workspace").to_path_buf()
}

/// Every Rust, Markdown and manifest file of the repository, in the order of their paths.
pub(crate) fn repository() -> Vec<Source> {
    let mut paths = BTreeSet::new();
    collect(&root(), &mut paths);
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.strip_prefix(root()).expect("it was found under the root").to_string_lossy().replace('\\', "/");
        Source::new(&name, &text)
    };
    let sources: Vec<Source> = paths.iter().map(read).collect();
    assert!(
        sources.iter().filter(|source| source.is_pure()).count() > 20,
        "the sources were not found under {:?}",
        root()
    );
    sources
}

fn collect(folder: &Path, paths: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a folder lists its entries").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // What is generated is judged by the test that keeps it fresh.
        let is_foreign = name == "target" || name == "generated" || name.starts_with('.');
        if path.is_dir() && !is_foreign {
            collect(&path, paths);
        } else if name.ends_with(".rs") || name.ends_with(".md") || name == "Cargo.toml" {
            paths.insert(path);
        }
    }
}
