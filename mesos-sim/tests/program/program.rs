//! The program, run as people run it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The standard output, of a run that went well.
    #[track_caller]
    pub(crate) fn fine(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// The standard output, read as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        let text = self.fine();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

/// The program cargo built.
pub(crate) fn own() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_mesos-sim"))
}

/// Runs it with these words.
pub(crate) fn mesos_sim(words: &[&str]) -> Ran {
    told(own(), words, "")
}

/// Runs a program with these words and this on its standard input.
pub(crate) fn told(program: &Path, words: &[&str], input: &str) -> Ran {
    ran(program, words, input, Stdio::piped())
}

/// Runs the program cargo built with these words; what it prints goes there.
pub(crate) fn into(out: impl Into<Stdio>, words: &[&str]) -> Ran {
    ran(own(), words, "", out.into())
}

fn ran(program: &Path, words: &[&str], input: &str, out: Stdio) -> Ran {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped()).stdout(out).stderr(Stdio::piped());
    // A backtrace of each planted panic would be written into what is compared.
    command.env_remove("RUST_BACKTRACE").current_dir(env!("CARGO_TARGET_TMPDIR"));
    let mut child = command.spawn().expect("the program can be started");
    // A program that reads nothing closes the pipe.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it speaks UTF-8");
    Ran { code: output.status.code().expect("no signal ended it"), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder of a test's own, empty.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("program-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the folder of tests can be written to");
    folder
}

/// A path as a word of a command.
pub(crate) fn word(path: &Path) -> &str {
    path.to_str().expect("the paths of tests are UTF-8")
}

/// Writes a file into a folder and names it.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the folder of tests can be written to");
    word(&path).to_owned()
}

/// The journal of a master that two frameworks of a hundred tasks each kept busy for some minutes.
pub(crate) fn recorded(folder: &Path) -> String {
    let words = ["record", "--out", word(folder), "--agents", "4", "--tasks", "200", "--frameworks", "2"];
    let said = mesos_sim(&words).fine();
    assert!(said.contains("m0-1.journal") && said.contains("bytes"), "{said}");
    word(&folder.join("m0-1.journal")).to_owned()
}
