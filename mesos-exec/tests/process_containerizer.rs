//! The process containerizer with real processes.
//!
//! Nothing here sleeps: a test waits for a container through a named pipe (which is readable once the container has opened
//! it, and at its end once everybody who had it open is dead), through its end, or through its own child.
#![cfg(all(target_os = "linux", feature = "daemon"))]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use mesos_core::container::WindowSize;
use mesos_core::provider::{ContainerError, Launch};
use mesos_core::{
    CommandInfo, ContainerId, ContainerSpec, Containerizer, ExecutorId, Exit, FrameworkId, Resources, Signal,
};
use mesos_exec::containerizer::{Process, ProcessError, ProcessOptions};
use tempfile::TempDir;

/// Far longer than anything here takes on a busy machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

const NONE: [i32; 0] = [];

struct Ground {
    folder: TempDir,
    process: Arc<Process>,
}

fn ground() -> Ground {
    ground_with(|options| options)
}

fn ground_with(change: impl FnOnce(ProcessOptions) -> ProcessOptions) -> Ground {
    let folder = tempfile::tempdir().unwrap();
    let process = Arc::new(Process::new(change(ProcessOptions::new(folder.path()))).unwrap());
    Ground { folder, process }
}

impl Ground {
    async fn launch(&self, name: &str, command: CommandInfo) -> Result<Launch, ContainerError> {
        patiently(self.process.launch(spec(name, command))).await
    }

    async fn start(&self, name: &str, command: CommandInfo) {
        let launched = self.launch(name, command).await.unwrap();
        let Launch::Started(container) = launched else { panic!("{launched:?}") };
        assert_eq!(container.sandbox, Some(self.process.sandbox(&id(name))));
    }

    async fn wait(&self, name: &str) -> Exit {
        patiently(self.process.wait(&id(name))).await.unwrap()
    }

    async fn run(&self, name: &str, command: CommandInfo) -> Exit {
        self.start(name, command).await;
        self.wait(name).await
    }

    async fn refusal(&self, command: CommandInfo) -> String {
        self.launch("refused", command).await.unwrap_err().to_string()
    }

    async fn destroy(&self, name: &str) {
        patiently(self.process.destroy(&id(name))).await.unwrap();
    }

    fn output(&self, name: &str, stream: &str) -> String {
        fs::read_to_string(self.process.sandbox(&id(name)).join(stream)).unwrap()
    }

    /// A pipe for a container to say that it is ready, and by its end that it is gone.
    fn pipe(&self, name: &str) -> PathBuf {
        pipe(&self.folder.path().join(name))
    }

    /// Processes whose environment says that they are of a container here.
    fn survivors(&self) -> Vec<i32> {
        survivors(self.folder.path())
    }
}

fn pipe(path: &Path) -> PathBuf {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    path.to_owned()
}

fn id(name: &str) -> ContainerId {
    ContainerId::new(name).unwrap()
}

fn spec(name: &str, command: CommandInfo) -> ContainerSpec {
    let (framework_id, executor_id) = (FrameworkId::new("framework").unwrap(), ExecutorId::new("executor").unwrap());
    ContainerSpec::new(id(name), framework_id, executor_id, command, Resources::default())
}

fn shell(line: &str) -> CommandInfo {
    CommandInfo::shell(line)
}

fn exec(program: &str, arguments: &[&str]) -> CommandInfo {
    CommandInfo::exec(program, arguments.iter().copied())
}

async fn patiently<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing happened for a long time")
}

/// Does what blocks on a thread that, unlike the runtime's own, a failing test does not wait for.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (reply, done) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || reply.send(work()).ok());
    patiently(done).await.unwrap()
}

/// Opens the pipe, which takes until a container has opened its end, and returns the first line.
async fn first_line(pipe: &Path) -> (String, BufReader<File>) {
    let pipe = pipe.to_owned();
    let read = aside(move || {
        let mut pipe = BufReader::new(File::open(pipe).unwrap());
        let mut line = String::new();
        pipe.read_line(&mut line).unwrap();
        (line.trim().to_owned(), pipe)
    });
    read.await
}

/// Reads until nobody has the pipe open any more.
async fn last_holder_gone(mut pipe: BufReader<File>) -> String {
    let read = aside(move || {
        let mut rest = String::new();
        pipe.read_to_string(&mut rest).unwrap();
        rest
    });
    read.await
}

fn survivors(work_dir: &Path) -> Vec<i32> {
    let tag = format!("MESOS_SANDBOX={}/", work_dir.canonicalize().unwrap().display());
    let is_ours = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|b| *b == 0).any(|variable| variable.starts_with(tag.as_bytes()))
    };
    processes().filter(is_ours).collect()
}

fn start_time(pid: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().to_owned()
}

#[tokio::test]
async fn the_exit_status_is_told() {
    let ground = ground();
    assert_eq!(ground.run("a", exec("true", &[])).await, Exit::Status(0));
    assert_eq!(ground.run("b", shell("exit 42")).await, Exit::Status(42));
    assert_eq!(ground.run("c", exec("/bin/false", &[])).await, Exit::Status(1));
}

#[tokio::test]
async fn the_ending_signal_is_told_also_a_real_time_one() {
    let ground = ground();
    assert_eq!(ground.run("a", shell("kill -TERM $$")).await, Exit::Signalled(15));
    assert_eq!(ground.run("b", shell("kill -40 $$")).await, Exit::Signalled(40));
}

#[tokio::test]
async fn the_environment_is_the_documented_one_and_nothing_of_the_host_leaks() {
    let ground = ground_with(|options| options.environment("ZONE", "a").environment("LEVEL", "agent"));
    let command = exec("env", &[]).env("LEVEL", "task").env("EMPTY", "").env("MESOS_SANDBOX", "/forged");
    assert_eq!(ground.run("e", command).await, Exit::Status(0));
    let sandbox = ground.process.sandbox(&id("e"));
    let output = ground.output("e", "stdout");
    let (owner, mut lines): (Vec<&str>, Vec<&str>) =
        output.lines().partition(|l| l.starts_with("MESOS_CONTAINERIZER="));
    lines.sort_unstable();
    assert_eq!(owner.len(), 1);
    assert_eq!(
        lines,
        [
            "EMPTY=",
            &format!("HOME={}", sandbox.display()),
            "LANG=C.UTF-8",
            "LEVEL=task",
            "MESOS_CONTAINER_ID=e",
            &format!("MESOS_DIRECTORY={}", sandbox.display()),
            &format!("MESOS_SANDBOX={}", sandbox.display()),
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "ZONE=a",
        ]
    );
}

#[tokio::test]
async fn it_starts_in_its_sandbox_or_in_a_folder_below_it() {
    let ground = ground();
    let mut below = exec("pwd", &[]);
    below.working_dir = Some("a/./b".into());
    assert_eq!(ground.run("here", exec("pwd", &[])).await, Exit::Status(0));
    assert_eq!(ground.run("below", below).await, Exit::Status(0));
    let sandbox = |name| ground.process.sandbox(&id(name));
    assert_eq!(ground.output("here", "stdout"), format!("{}\n", sandbox("here").display()));
    assert_eq!(ground.output("below", "stdout"), format!("{}\n", sandbox("below").join("a/b").display()));
}

#[tokio::test]
async fn a_working_directory_that_leaves_the_sandbox_is_refused() {
    let ground = ground();
    for escape in ["..", "/tmp", "a/../../.."] {
        let mut command = exec("true", &[]);
        command.working_dir = Some(escape.into());
        let refusal = ground.refusal(command).await;
        assert!(refusal.contains("refused") && refusal.contains("leaves the sandbox"), "{refusal}");
    }
}

#[tokio::test]
async fn both_streams_are_files_in_the_sandbox_and_are_appended_to() {
    let ground = ground();
    for _ in 0..2 {
        assert_eq!(ground.run("s", shell("echo out; echo err >&2; cat")).await, Exit::Status(0));
    }
    assert_eq!(ground.output("s", "stdout"), "out\nout\n");
    assert_eq!(ground.output("s", "stderr"), "err\nerr\n");
}

/// A container whose terminal says nothing by itself from when the pipe was written to.
async fn start_in_terminal(ground: &Ground, name: &str, line: &str) {
    let mut spec = spec(name, shell(line));
    spec.terminal = Some(WindowSize { rows: 24, columns: 80 });
    let launched = patiently(ground.process.launch(spec)).await.unwrap();
    assert!(matches!(launched, Launch::Started(_)), "{launched:?}");
}

async fn typed(ground: &Ground, name: &str, text: &str) -> Result<(), ContainerError> {
    patiently(ground.process.write_input(&id(name), text.as_bytes())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_typed_into_shows_what_is_written_and_has_a_size() {
    let ground = ground();
    let pipes = ["ready", "heard"].map(|name| ground.pipe(name));
    let [ready, heard] = &pipes;
    let line = format!(
        "test -t 0 -a -t 1 -a -t 2 || exit 9; stty -echo; stty size; echo ready > {}; read a; echo got $a
         echo heard > {}; read b; echo got $b; stty size; echo alone > /dev/tty; echo wrong >&2; read c || echo over",
        ready.display(),
        heard.display()
    );
    start_in_terminal(&ground, "c", &line).await;
    first_line(ready).await;
    typed(&ground, "c", "a\n").await.unwrap();
    first_line(heard).await;
    let larger = WindowSize { rows: 50, columns: 132 };
    patiently(ground.process.resize_terminal(&id("c"), larger)).await.unwrap();
    typed(&ground, "c", "b\n").await.unwrap();
    // Nothing ends it but what is typed.
    typed(&ground, "c", "").await.unwrap();
    typed(&ground, "c", "\u{4}").await.unwrap();
    assert_eq!(ground.wait("c").await, Exit::Status(0));
    let shown = "24 80\r\ngot a\r\ngot b\r\n50 132\r\nalone\r\nwrong\r\nover\r\n";
    assert_eq!((ground.output("c", "stdout").as_str(), ground.output("c", "stderr").as_str()), (shown, ""));
    assert!(typed(&ground, "c", "late").await.unwrap_err().to_string().contains("reads no more"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_a_terminal_showed_is_there_when_its_end_is_told() {
    let ground = ground();
    start_in_terminal(&ground, "c", "head -c 300000 /dev/zero | tr '\\0' x").await;
    assert_eq!(ground.wait("c").await, Exit::Status(0));
    let shown = ground.output("c", "stdout");
    assert!(shown.len() == 300_000 && shown.bytes().all(|byte| byte == b'x'), "{}", shown.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_types_into_a_terminal_that_nobody_reads_waits_until_its_container_has_ended() {
    let ground = ground();
    let pipe = ground.pipe("ready");
    start_in_terminal(&ground, "c", &format!("stty raw -echo; echo > {}; exec sleep 1000", pipe.display())).await;
    first_line(&pipe).await;
    let typing = tokio::spawn({
        let process = ground.process.clone();
        async move { process.write_input(&id("c"), &vec![b'x'; 4 << 20]).await }
    });
    ground.destroy("c").await;
    let refused = patiently(typing).await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("reads no more"), "{refused}");
}

#[tokio::test]
async fn what_has_no_terminal_has_no_size() {
    let ground = ground();
    ground.start("plain", exec("sleep", &["1000"])).await;
    let mut spec = spec("pipe", exec("sleep", &["1000"]));
    spec.takes_input = true;
    patiently(ground.process.launch(spec)).await.unwrap();
    for (name, says) in [("plain", "without an input"), ("pipe", "without a terminal"), ("none", "not known")] {
        let refused = ground.process.resize_terminal(&id(name), WindowSize::default()).await.unwrap_err().to_string();
        assert!(refused.contains(says), "{name}: {refused}");
    }
}

#[tokio::test]
async fn no_open_file_of_the_host_reaches_the_container() {
    let ground = ground();
    let leak = File::open("/dev/null").unwrap();
    nix::fcntl::fcntl(&leak, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).unwrap();
    assert_eq!(ground.run("fds", exec("ls", &["/proc/self/fd"])).await, Exit::Status(0));
    // The fourth is the listing itself.
    assert_eq!(ground.output("fds", "stdout"), "0\n1\n2\n3\n");
}

#[tokio::test]
async fn no_signal_is_ignored_or_blocked_and_the_session_is_its_own() {
    let ground = ground();
    assert_eq!(ground.run("s", exec("cat", &["/proc/self/status", "/proc/self/stat"])).await, Exit::Status(0));
    let output = ground.output("s", "stdout");
    for field in ["SigBlk:", "SigIgn:", "SigCgt:"] {
        let line = output.lines().find(|line| line.starts_with(field)).unwrap();
        assert_eq!(line.split_whitespace().nth(1), Some("0000000000000000"), "{line}");
    }
    let stat: Vec<&str> = output.lines().last().unwrap().split_whitespace().collect();
    assert_eq!((stat[0], stat[0]), (stat[4], stat[5]), "not the leader of its group and session: {stat:?}");
}

#[tokio::test]
async fn a_limit_beyond_what_the_host_may_set_is_clamped_and_no_failure() {
    let ground = ground_with(|options| options.open_files(u64::MAX).core_bytes(0));
    assert_eq!(ground.run("l", shell("ulimit -n; ulimit -c")).await, Exit::Status(0));
    let output = ground.output("l", "stdout");
    let (files, core) = output.trim().split_once('\n').unwrap();
    assert!(files.parse::<u64>().is_ok_and(|files| files > 0), "{output}");
    assert_eq!(core, "0");
}

#[tokio::test]
async fn a_smaller_limit_is_set() {
    let ground = ground_with(|options| options.open_files(77));
    assert_eq!(ground.run("l", shell("ulimit -n")).await, Exit::Status(0));
    assert_eq!(ground.output("l", "stdout"), "77\n");
}

#[tokio::test]
async fn as_root_the_user_is_changed_and_otherwise_the_refusal_says_what_to_do() {
    let ground = ground();
    let mut command = shell("id -un; id -G; echo $USER; touch mine");
    command.user = Some("nobody".into());
    if nix::unistd::geteuid().is_root() {
        assert_eq!(ground.run("u", command).await, Exit::Status(0), "{}", ground.output("u", "stderr"));
        let group = Command::new("id").args(["-G", "nobody"]).output().unwrap();
        let group = String::from_utf8(group.stdout).unwrap();
        assert_eq!(ground.output("u", "stdout"), format!("nobody\n{group}nobody\n"));
    } else {
        let refusal = ground.refusal(command).await;
        assert!(refusal.contains("nobody") && refusal.contains("run the agent as root"), "{refusal}");
    }
}

#[tokio::test]
async fn the_work_directory_is_closed_but_a_task_reaches_its_own_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let work_dir = folder.path().join("work");
    let process = Arc::new(Process::new(ProcessOptions::new(&work_dir)).unwrap());
    for (path, expected) in [
        ("", 0o711),
        ("sandboxes", 0o711),
        ("containers", 0o700),
        ("exits", 0o700),
        ("unfinished", 0o700),
        ("lock", 0o600),
    ] {
        assert_eq!(mode(&work_dir.join(path)), expected, "{path}");
    }
    let ground = Ground { folder, process };
    let sandbox = ground.process.sandbox(&id("u")).display().to_string();
    let line = format!("echo x > {sandbox}/mine && cat {sandbox}/mine && ! ls {} 2>/dev/null", work_dir.display());
    let mut command = shell(&line);
    if nix::unistd::geteuid().is_root() {
        command.user = Some("nobody".into());
        assert_eq!(patiently(ground.run("u", command)).await, Exit::Status(0));
        assert_eq!(fs::read_to_string(format!("{sandbox}/stdout")).unwrap(), "x\n");
        assert_eq!(mode(Path::new(&sandbox)), 0o750);
    }
}

#[tokio::test]
async fn a_refusal_names_the_part_that_is_wrong_and_leaves_the_id_free() {
    let ground = ground();
    let plain = ground.folder.path().join("plain");
    fs::write(&plain, "no program").unwrap();
    let plain = plain.to_str().unwrap();
    let script = ground.folder.path().join("script");
    fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let mut stranger = exec("true", &[]);
    stranger.user = Some("no-such-user".into());
    let long = "x".repeat(200_000);
    let cases = [
        (exec("no-such-program", &[]), vec!["no-such-program", "not found", "/usr/bin/no-such-program"]),
        (exec("/no/such/program", &[]), vec!["/no/such/program", "not found"]),
        (exec("", &[]), vec!["no name"]),
        (exec(plain, &[]), vec![plain, "make it executable"]),
        (exec(script.to_str().unwrap(), &[]), vec!["first line"]),
        (exec("true", &["a\0b"]), vec!["NUL"]),
        (exec("true", &[&long]), vec!["too long"]),
        (exec("true", &[]).env("A=B", "c"), vec!["A=B", "no '='"]),
        (exec("true", &[]).env("A", "b\0"), vec!["NUL"]),
        (stranger, vec!["no-such-user", "does not exist"]),
    ];
    for (command, words) in cases {
        let refusal = ground.refusal(command).await;
        assert!(words.iter().all(|word| refusal.contains(word)), "{refusal} lacks one of {words:?}");
    }
    assert_eq!(ground.run("refused", exec("true", &[])).await, Exit::Status(0));
}

#[tokio::test]
async fn the_longest_and_oddest_names_work() {
    let ground = ground();
    for name in ["x".repeat(255), "-rf".into(), ".hidden".into(), "ü $(id) 'a' \"b\" *;".into()] {
        assert_eq!(ground.run(&name, shell("echo \"$MESOS_CONTAINER_ID\"")).await, Exit::Status(0));
        assert_eq!(ground.output(&name, "stdout"), format!("{name}\n"));
    }
}

#[tokio::test]
async fn a_container_is_started_once() {
    let ground = ground();
    ground.start("c", exec("sleep", &["1000"])).await;
    assert_eq!(ground.launch("c", exec("true", &[])).await.unwrap(), Launch::AlreadyRunning);
    ground.destroy("c").await;
    assert_eq!(ground.wait("c").await, Exit::Signalled(9));
    assert_eq!(ground.run("c", exec("true", &[])).await, Exit::Status(0));
}

#[tokio::test]
async fn everybody_who_waits_gets_the_same_answer_however_late() {
    let ground = ground();
    let pipe = ground.pipe("go");
    ground.start("c", shell(&format!("read line < '{}'; exit 7", pipe.display()))).await;
    let early: Vec<_> = (0..5)
        .map(|_| {
            let process = ground.process.clone();
            tokio::spawn(async move { process.wait(&id("c")).await })
        })
        .collect();
    aside(move || fs::write(pipe, "go\n").unwrap()).await;
    for wait in early {
        assert_eq!(patiently(wait).await.unwrap().unwrap(), Exit::Status(7));
    }
    assert_eq!(ground.wait("c").await, Exit::Status(7));
    assert_eq!(ground.wait("c").await, Exit::Status(7));
}

#[tokio::test]
async fn what_is_not_known_is_said_to_be_and_may_be_destroyed() {
    let ground = ground();
    let unknown = id("nobody");
    assert_eq!(ground.process.wait(&unknown).await, Err(ContainerError::Unknown(unknown.clone())));
    assert_eq!(ground.process.signal(&unknown, Signal::Kill).await, Err(ContainerError::Unknown(unknown.clone())));
    assert!(ground.process.usage(&unknown).await.is_err());
    assert!(ground.process.resize(&unknown, Resources::default()).await.is_err());
    ground.destroy("nobody").await;
}

/// A child in the session, one in a session of its own, and a daemon that also lost its parent; all hold the pipe open.
fn brood(pipe: &Path, then: &str) -> CommandInfo {
    shell(&format!(
        "exec 9>'{}'; sleep 1000 & setsid sleep 1000 & (setsid sh -c 'sleep 1000 & sleep 1000' &); echo ready >&9; {then}",
        pipe.display()
    ))
}

#[tokio::test]
async fn nothing_of_a_container_outlives_its_leader() {
    let ground = ground();
    let pipe = ground.pipe("alive");
    ground.start("c", brood(&pipe, "exit 3")).await;
    let (line, pipe) = first_line(&pipe).await;
    assert_eq!(line, "ready");
    assert_eq!(ground.wait("c").await, Exit::Status(3));
    assert_eq!(ground.survivors(), NONE, "after the end was told");
    last_holder_gone(pipe).await;
}

#[tokio::test]
async fn destroy_ends_what_left_the_session_and_what_ignores_requests() {
    let ground = ground();
    let pipe = ground.pipe("alive");
    let stubborn = "trap '' TERM; (trap '' TERM HUP; sleep 1000; sleep 1000) & while :; do wait; done";
    ground.start("c", brood(&pipe, stubborn)).await;
    let (_, pipe) = first_line(&pipe).await;
    assert!(!ground.survivors().is_empty());
    ground.destroy("c").await;
    assert_eq!(ground.survivors(), NONE, "after destroy has returned");
    last_holder_gone(pipe).await;
    assert_eq!(ground.wait("c").await, Exit::Signalled(9));
    ground.destroy("c").await;
}

#[tokio::test]
async fn a_child_that_wiped_its_environment_in_a_session_of_its_own_is_found_by_its_ancestors() {
    let ground = ground();
    let pipe = ground.pipe("alive");
    let line = format!("exec 9>'{}'; env -i setsid sh -c 'echo ready >&9; sleep 1000' & wait", pipe.display());
    ground.start("c", shell(&line)).await;
    let (_, pipe) = first_line(&pipe).await;
    ground.process.signal(&id("c"), Signal::Kill).await.unwrap();
    last_holder_gone(pipe).await;
    assert_eq!(ground.wait("c").await, Exit::Signalled(9));
}

#[tokio::test]
async fn terminate_reaches_every_process_also_stopped_ones() {
    let ground = ground();
    let pipe = ground.pipe("alive");
    let child = "trap 'echo child >&9; exit' TERM; echo ready >&9; kill -STOP $$; while :; do :; done";
    let line = format!(
        "exec 9>'{}'; trap 'wait; echo parent >&9; exit 5' TERM; setsid sh -c \"{}\" & wait",
        pipe.display(),
        child.replace('$', "\\$")
    );
    ground.start("c", shell(&line)).await;
    let (_, pipe) = first_line(&pipe).await;
    let stopped = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, fields)| fields.starts_with(" T "))
    };
    patiently(async {
        while !ground.survivors().into_iter().any(stopped) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let is_stopped = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, fields)| fields.starts_with(" T "))
    };
    patiently(async {
        while !ground.survivors().into_iter().any(is_stopped) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    patiently(ground.process.signal(&id("c"), Signal::Terminate)).await.unwrap();
    assert_eq!(ground.wait("c").await, Exit::Status(5));
    assert_eq!(last_holder_gone(pipe).await, "child\nparent\n");
    patiently(ground.process.signal(&id("c"), Signal::Terminate)).await.unwrap();
}

#[tokio::test]
async fn destroy_while_a_launch_is_under_way_leaves_nothing() {
    let ground = ground();
    for n in 0..40 {
        let name = n.to_string();
        let process = &ground.process;
        let launch = process.launch(spec(&name, exec("sleep", &["1000"])));
        let id = id(&name);
        // The launch is polled first, so it is under way when the destroy comes.
        let (launched, destroyed) = patiently(async { tokio::join!(biased; launch, process.destroy(&id)) }).await;
        destroyed.unwrap();
        match launched {
            Ok(Launch::Started(_)) => assert_eq!(ground.wait(&name).await, Exit::Signalled(9)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert!(error.to_string().contains("destroyed before it started"), "{error}"),
        }
    }
    assert_eq!(ground.survivors(), NONE);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_undo_a_launch() {
    let ground = ground();
    let pipe = ground.pipe("go");
    let spec = spec("c", shell(&format!("echo ready > '{}'; exit 4", pipe.display())));
    {
        let mut launch = std::pin::pin!(ground.process.launch(spec));
        // Polled once, the launch is under way.
        std::future::poll_fn(|cx| Poll::Ready(launch.as_mut().poll(cx).is_ready())).await;
    }
    assert_eq!(first_line(&pipe).await.0, "ready");
    assert_eq!(ground.wait("c").await, Exit::Status(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once_each_keep_their_own() {
    let ground = ground();
    let runs: Vec<_> = (0..200)
        .map(|n: i32| {
            let process = ground.process.clone();
            tokio::spawn(async move {
                let name = format!("c{n}");
                process.launch(spec(&name, shell(&format!("echo {n}; exit {}", n % 100)))).await.unwrap();
                process.wait(&id(&name)).await.unwrap()
            })
        })
        .collect();
    for (run, n) in runs.into_iter().zip(0..) {
        assert_eq!(patiently(run).await.unwrap(), Exit::Status(n % 100));
        assert_eq!(ground.output(&format!("c{n}"), "stdout"), format!("{n}\n"));
    }
    assert_eq!(ground.survivors(), NONE);
    assert_eq!(
        fs::read_dir(ground.folder.path().join("containers")).unwrap().count(),
        0,
        "records of ended containers"
    );
}

#[tokio::test]
async fn usage_counts_the_whole_tree() {
    let ground = ground();
    let pipe = ground.pipe("ready");
    let burn = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
    let line = format!("{burn}; sleep 1000 & setsid sleep 1000 & echo ready > '{}'; wait", pipe.display());
    ground.start("c", shell(&line)).await;
    first_line(&pipe).await;
    let usage = ground.process.usage(&id("c")).await.unwrap();
    assert_eq!(usage.processes, 3);
    assert!(usage.memory_bytes > 100_000 && usage.cpu_nanos > 0, "{usage:?}");
    ground.process.resize(&id("c"), Resources::default()).await.unwrap();
    ground.destroy("c").await;
    assert!(ground.process.usage(&id("c")).await.is_err());
}

#[tokio::test]
async fn a_sandbox_stays_until_it_is_removed_and_is_not_removed_under_a_container() {
    let ground = ground();
    ground.start("c", exec("sleep", &["1000"])).await;
    let refused = ground.process.remove_sandbox(&id("c")).await.unwrap_err();
    assert!(refused.to_string().contains("destroy"), "{refused}");
    ground.destroy("c").await;
    let sandbox = ground.process.sandbox(&id("c"));
    assert!(sandbox.is_dir());
    ground.process.remove_sandbox(&id("c")).await.unwrap();
    assert!(!sandbox.exists());
    ground.process.remove_sandbox(&id("c")).await.unwrap();
}

#[tokio::test]
async fn a_work_directory_serves_one_containerizer_and_is_free_after_it() {
    let Ground { folder, process } = ground();
    let second = Process::new(ProcessOptions::new(folder.path())).unwrap_err();
    assert!(matches!(second, ProcessError::InUse { .. }), "{second}");
    drop(process);
    Process::new(ProcessOptions::new(folder.path())).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let not_a_folder = Process::new(ProcessOptions::new(folder.path().join("file"))).unwrap_err();
    assert!(not_a_folder.to_string().contains("file"), "{not_a_folder}");
}

#[tokio::test]
async fn shutdown_ends_everything_and_takes_nothing_more() {
    let ground = ground();
    let pipe = ground.pipe("alive");
    ground.start("c", brood(&pipe, "wait")).await;
    let (_, pipe) = first_line(&pipe).await;
    patiently(ground.process.shutdown()).await.unwrap();
    assert_eq!(ground.survivors(), NONE);
    last_holder_gone(pipe).await;
    assert_eq!(ground.wait("c").await, Exit::Signalled(9));
    assert!(ground.refusal(exec("true", &[])).await.contains("shut down"));
    patiently(ground.process.shutdown()).await.unwrap();
}

#[tokio::test]
async fn what_does_not_die_in_time_is_named_and_its_end_is_told_all_the_same() {
    let ground = ground_with(|options| options.kill_timeout(Duration::ZERO));
    ground.start("c", exec("sleep", &["1000"])).await;
    let error = patiently(ground.process.destroy(&id("c"))).await.unwrap_err().to_string();
    assert!(["container c", "survive", "(sleep, state "].iter().all(|word| error.contains(word)), "{error}");
    assert_eq!(ground.wait("c").await, Exit::Signalled(9));
    ground.destroy("c").await;
}

#[tokio::test]
async fn a_watchdog_that_was_killed_is_replaced() {
    let ground = ground();
    let first = watchdog(ground.folder.path(), None).await;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first), nix::sys::signal::SIGKILL).unwrap();
    assert_ne!(watchdog(ground.folder.path(), Some(first)).await, first);
    assert_eq!(ground.run("c", exec("true", &[])).await, Exit::Status(0));
}

#[tokio::test]
async fn dropping_the_containerizer_ends_everything() {
    let ground = ground();
    let pipe = ground.pipe("alive");
    ground.start("c", brood(&pipe, "wait")).await;
    let (_, pipe) = first_line(&pipe).await;
    let Ground { folder, process } = ground;
    drop(Arc::into_inner(process).unwrap());
    assert_eq!(survivors(folder.path()), NONE);
    last_holder_gone(pipe).await;
}

#[tokio::test]
async fn recovery_keeps_what_is_known_and_runs_here_and_ends_the_rest() {
    let ground = ground();
    for name in ["kept", "unknown"] {
        ground.start(name, exec("sleep", &["1000"])).await;
    }
    let known = BTreeSet::from([id("kept"), id("never-seen")]);
    let kept = patiently(ground.process.recover(known)).await.unwrap();
    assert_eq!(kept, BTreeSet::from([id("kept")]));
    assert_eq!(ground.wait("unknown").await, Exit::Signalled(9));
    assert_eq!(ground.launch("kept", exec("true", &[])).await.unwrap(), Launch::AlreadyRunning);
}

/// A process of the test's own, which does not survive it however that ends.
struct Bystander(Child);

impl Bystander {
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        // The group too, of those that lead one; not reaped, the number is still theirs.
        if matches!(self.0.try_wait(), Ok(None)) {
            let group = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
            let _ = nix::sys::signal::killpg(group, nix::sys::signal::SIGKILL);
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// A process that leads its own session, and a record that says it was a container's.
fn leftover(
    work_dir: &Path,
    name: &str,
    boot: Option<&str>,
    start_is: fn(String) -> String,
) -> (Bystander, BufReader<ChildStdout>) {
    let child = Command::new("setsid").args(["sh", "-c", "sleep 1000 & echo up; wait"]).stdout(Stdio::piped()).spawn();
    let mut child = Bystander(child.unwrap());
    let mut output = BufReader::new(child.0.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    let pid = child.0.id();
    let own_boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let record =
        format!("v1 {pid} {} {} earlier\n", start_is(start_time(pid)), boot.unwrap_or_else(|| own_boot.trim()));
    fs::create_dir_all(work_dir.join("containers")).unwrap();
    fs::write(work_dir.join("containers").join(name), record).unwrap();
    (child, output)
}

#[tokio::test]
async fn recovery_ends_leftovers_but_not_who_has_their_number_today() {
    let ground = ground();
    let work_dir = ground.folder.path();
    let (mut ours, output) = leftover(work_dir, "ours", None, |start| start);
    let (mut later, _output) = leftover(work_dir, "later", None, |start| format!("{start}0"));
    let (mut rebooted, _output) = leftover(work_dir, "rebooted", Some("another-boot"), |start| start);
    fs::write(work_dir.join("containers/torn"), "v1 1").unwrap();
    let mut tagged = Command::new("sleep")
        .arg("1000")
        .env("MESOS_SANDBOX", work_dir.canonicalize().unwrap().join("sandboxes/tagged"))
        .spawn()
        .unwrap();
    let known = BTreeSet::from([id("ours")]);
    let kept = patiently(ground.process.recover(known)).await.unwrap();
    assert_eq!(kept, BTreeSet::new());
    assert_eq!(ours.0.wait().unwrap().signal(), Some(9));
    // Its child had the stream open too.
    assert_eq!(aside(move || output.lines().count()).await, 0);
    assert_eq!(tagged.wait().unwrap().signal(), Some(9));
    assert_eq!(fs::read_dir(work_dir.join("containers")).unwrap().count(), 0);
    for foreign in [&mut later, &mut rebooted] {
        assert_eq!(foreign.0.try_wait().unwrap(), None, "a foreign process was killed");
    }
}

/// The kernel gives a new program its environment only after it has let the maker of the process go on.
#[tokio::test]
async fn recovery_finds_who_is_just_becoming_another_program() {
    let ground = ground();
    let sandbox = ground.folder.path().canonicalize().unwrap().join("sandboxes/tagged");
    for _ in 0..100 {
        let sleeper = Command::new("sleep").arg("1000").env("MESOS_SANDBOX", &sandbox).spawn().unwrap();
        let mut sleeper = Bystander(sleeper);
        patiently(ground.process.recover(BTreeSet::new())).await.unwrap();
        let exit = sleeper.0.try_wait().unwrap();
        assert_eq!(exit.and_then(|exit| exit.signal()), Some(9), "it was not found");
    }
}

/// Set for the process that plays the host in the next tests.
const HOST: &str = "MESOS_TEST_HOST_WORK_DIR";

/// Not a test by itself: what the host that is killed does.
#[tokio::test]
async fn host_that_will_be_killed() {
    let Some(work_dir) = std::env::var_os(HOST) else { return };
    let work_dir = PathBuf::from(work_dir);
    let process = Process::new(ProcessOptions::new(&work_dir)).unwrap();
    for name in ["plain", ".odd name*"] {
        process.launch(spec(name, brood(&work_dir.join("alive"), "wait"))).await.unwrap();
    }
    let _ = process.wait(&id("plain")).await;
}

/// The test's own program as a host, with containers that are ready, and the pipe they hold open.
async fn host(work_dir: &Path) -> (Bystander, BufReader<File>) {
    let pipe = pipe(&work_dir.join("alive"));
    let host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host_that_will_be_killed"])
        .env(HOST, work_dir)
        .stdout(Stdio::null())
        .spawn();
    let host = Bystander(host.unwrap());
    let (line, mut pipe) = first_line(&pipe).await;
    assert_eq!(line, "ready");
    let second = aside(move || {
        let mut line = String::new();
        pipe.read_line(&mut line).unwrap();
        (line, pipe)
    });
    let (line, pipe) = second.await;
    assert_eq!(line, "ready\n");
    (host, pipe)
}

#[tokio::test]
async fn a_host_that_is_killed_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    let (mut host, pipe) = host(folder.path()).await;
    assert!(!survivors(folder.path()).is_empty());
    host.kill();
    last_holder_gone(pipe).await;
    assert_eq!(survivors(folder.path()), NONE);
}

#[tokio::test]
async fn what_a_host_left_that_died_with_its_watchdog_is_ended_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (mut host, pipe) = host(folder.path()).await;
    // Stopped, the host cannot replace the watchdog.
    let host_pid = nix::unistd::Pid::from_raw(host.0.id().cast_signed());
    nix::sys::signal::kill(host_pid, nix::sys::signal::SIGSTOP).unwrap();
    let watchdog = watchdog(folder.path(), None).await;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(watchdog), nix::sys::signal::SIGKILL).unwrap();
    host.kill();
    assert!(!survivors(folder.path()).is_empty(), "the watchdog was not what ended them");
    let process = Process::new(ProcessOptions::new(folder.path())).unwrap();
    assert_eq!(patiently(process.recover(BTreeSet::new())).await.unwrap(), BTreeSet::new());
    assert_eq!(survivors(folder.path()), NONE);
    last_holder_gone(pipe).await;
}

/// The process that looks after the containers of a work directory, by its command line, which a new process does not have
/// at once; another one than `old`.
async fn watchdog(work_dir: &Path, old: Option<i32>) -> i32 {
    let work_dir = work_dir.canonicalize().unwrap();
    let is_one = |pid: &i32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with("mesos-watchdog\0") && line.split('\0').any(|argument| Path::new(argument) == work_dir)
    };
    let seen = async {
        loop {
            if let Some(pid) = processes().find(|pid| is_one(pid) && Some(*pid) != old) {
                return pid;
            }
            tokio::task::yield_now().await;
        }
    };
    patiently(seen).await
}

fn processes() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
}
