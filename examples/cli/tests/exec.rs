//! `mesos exec` on a real cluster, with and without a terminal.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use serde_json::Value;

/// A process of ours, killed when this is dropped; what it says is heard until then.
struct Program(Child, #[expect(dead_code, reason = "it is kept open")] Option<BufReader<ChildStdout>>);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A cluster, and a task on it that has written `it` to the file `mark`.
struct Ground {
    folder: tempfile::TempDir,
    task: String,
    _task: Program,
    _cluster: Program,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let begin = |words: &[&str], said: &str| {
            let child = mesos(&folder).args(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
            let mut child = child.unwrap();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            let is_said = stdout.by_ref().lines().any(|line| line.is_ok_and(|line| line.contains(said)));
            assert!(is_said, "{words:?} did not say {said}");
            Program(child, Some(stdout))
        };
        let cluster = begin(&["local", "--json", "--port=0"], "master");
        let task = begin(&["execute", "--json", "--quiet", "echo it > mark; sleep 1000"], "RUNNING");
        let tasks = mesos(&folder).args(["tasks", "--json"]).output().unwrap();
        let tasks: Value = serde_json::from_slice(&tasks.stdout).unwrap();
        let id = tasks["get_tasks"]["tasks"][0]["task_id"]["value"].as_str().unwrap().to_owned();
        let ground = Self { folder, task: id, _task: task, _cluster: cluster };
        while ground.exec(&[], &["cat", "mark"]).output().unwrap().stdout != b"it\n" {}
        ground
    }

    fn exec(&self, flags: &[&str], words: &[&str]) -> Command {
        let mut command = mesos(&self.folder);
        command.arg("exec").args(flags).arg(&self.task).arg("--").args(words);
        command
    }
}

fn mesos(folder: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesos"));
    command.env("MESOS_LOCAL_DIR", folder.path()).env_remove("MESOS_MASTER").stdin(Stdio::null());
    command
}

#[test]
fn a_command_runs_beside_a_task_reads_what_it_is_given_and_ends_as_it_ends() {
    let ground = Ground::new();
    let ended = ground.exec(&[], &["cat mark; echo wrong >&2; exit 7"]).output().unwrap();
    assert_eq!((&*ended.stdout, &*ended.stderr, ended.status.code()), (&b"it\n"[..], &b"wrong\n"[..], Some(7)));
    let ended = ground.exec(&[], &["kill -TERM $$"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(143));
    // Nothing is given to one that is not asked to read.
    assert_eq!(ground.exec(&[], &["cat"]).output().unwrap().status.code(), Some(0));

    let mut child = ground.exec(&["-i"], &["cat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!((&*ended.stdout, ended.status.code()), (&b"typed\n"[..], Some(0)));

    let refused = ground.exec(&["--tty"], &["true"]).output().unwrap();
    let problem = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && problem.contains("not started in a terminal"), "{problem}");
    let nobody = mesos(&ground.folder).args(["exec", "nobody", "true"]).output().unwrap();
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no task is called nobody"), "{nobody:?}");
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// Reads until one of these was shown; which.
fn see(screen: &mut File, seen: &mut String, texts: &[&str]) -> usize {
    let mut piece = [0; 4_096];
    loop {
        if let Some(which) = texts.iter().position(|text| seen.contains(text)) {
            return which;
        }
        let length = screen.read(&mut piece).unwrap();
        *seen += &String::from_utf8_lossy(&piece[..length]);
    }
}

#[test]
fn a_command_has_a_terminal_that_is_shown_in_this_one_and_follows_its_size() {
    let ground = Ground::new();
    let host = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&host).unwrap();
    unlockpt(&host).unwrap();
    let path = ptsname(&host, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal: OwnedFd = rustix::fs::open(&path, flags, Mode::empty()).unwrap();
    tcsetwinsize(&host, size(24, 80)).unwrap();
    let stream = || Stdio::from(terminal.try_clone().unwrap());

    let mut command = ground.exec(&["--tty"], &["stty size; while read line; do stty size; done; exit 3"]);
    let mut child = Program(command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap(), None);
    let (mut screen, mut seen) = (File::from(host), String::new());
    see(&mut screen, &mut seen, &["24 80\r\n"]);
    tcsetwinsize(&screen, size(50, 132)).unwrap();
    let id = child.0.id().to_string();
    assert!(Command::new("kill").args(["-WINCH", &id]).status().unwrap().success());
    // What is typed may be there before the size is.
    loop {
        seen.clear();
        screen.write_all(b"\r").unwrap();
        if see(&mut screen, &mut seen, &["24 80\r\n", "50 132\r\n"]) == 1 {
            break;
        }
    }
    screen.write_all(b"\x04").unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(3));
    let modes = tcgetattr(&terminal).unwrap().local_modes;
    assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO), "it is as it was: {modes:?}");
}
