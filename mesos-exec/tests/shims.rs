//! Containers that outlive their host, with real processes: each under a shim, which is the agent's program.
//!
//! Nothing here sleeps: a test waits for a container through a named pipe, which is readable once the container has opened
//! it, and at its end once everybody who had it open is dead.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::future::Future;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mesos_core::provider::{ContainerError, Launch};
use mesos_core::{
    CommandInfo, ContainerId, ContainerSpec, Containerizer as _, ExecutorId, Exit, FrameworkId, Resources, Signal,
};
use mesos_exec::containerizer::{Process, ProcessOptions};
use tempfile::TempDir;

/// Far longer than anything here takes on a busy machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

const NONE: [i32; 0] = [];

async fn patiently<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing happened for a long time")
}

/// Does what blocks on a thread that, unlike the runtime's own, a failing test does not wait for.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (reply, done) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || reply.send(work()).ok());
    patiently(done).await.unwrap()
}

fn id(name: &str) -> ContainerId {
    ContainerId::new(name).unwrap()
}

fn known(names: &[&str]) -> BTreeSet<ContainerId> {
    names.iter().map(|name| id(name)).collect()
}

/// A container that is to outlive its host.
fn spec(name: &str, line: &str) -> ContainerSpec {
    let (framework_id, executor_id) = (FrameworkId::new("framework").unwrap(), ExecutorId::new("executor").unwrap());
    let command = CommandInfo::shell(line);
    let mut spec = ContainerSpec::new(id(name), framework_id, executor_id, command, Resources::default());
    spec.is_checkpointed = true;
    spec
}

/// One machine with one work directory, and hosts that come and go.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn options(&self) -> ProcessOptions {
        ProcessOptions::new(self.0.path()).shim(env!("CARGO_BIN_EXE_mesos-agent"))
    }

    fn host(&self) -> Process {
        Process::new(self.options()).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A pipe for a container to say that it is ready, and by its end that it is gone.
    fn pipe(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        path
    }

    /// The number of the process that a container's record names: its shim.
    fn shim(&self, name: &str) -> i32 {
        let record = fs::read_to_string(self.path("containers").join(name)).unwrap();
        assert!(record.ends_with(" shim\n"), "{record}");
        record.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Machine {
    /// A failed test leaves nothing behind either.
    fn drop(&mut self) {
        for pid in self.tagged() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGKILL);
        }
    }
}

impl Machine {
    /// Processes whose environment says that they are of a container here, and shims.
    fn tagged(&self) -> Vec<i32> {
        let tag = format!("MESOS_SANDBOX={}/sandboxes/", self.0.path().canonicalize().unwrap().display());
        let all = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        let is_tagged = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|b| *b == 0).any(|variable| variable.starts_with(tag.as_bytes()))
        };
        all.filter(is_tagged).collect()
    }
}

async fn start(host: &Process, spec: ContainerSpec) {
    let launched = patiently(host.launch(spec)).await.unwrap();
    assert!(matches!(launched, Launch::Started(_)), "{launched:?}");
}

/// Opens a pipe a container holds open, once that has opened it and said a line.
async fn ready(pipe: &Path) -> File {
    let pipe = pipe.to_owned();
    aside(move || {
        let mut file = File::open(pipe).unwrap();
        let mut byte = [0];
        file.read_exact(&mut byte).unwrap();
        file
    })
    .await
}

/// Waits until nobody has the pipe open for writing any more.
async fn gone(mut pipe: File) {
    aside(move || {
        let mut rest = Vec::new();
        pipe.read_to_end(&mut rest).unwrap();
    })
    .await;
}

/// Says that it is ready, and ends with this when told to by the other pipe.
fn waits(alive: &Path, end: &Path, then: &str) -> String {
    format!("exec 3>{}; echo x >&3; read -r word <{}; {then}", alive.display(), end.display())
}

fn let_end(pipe: &Path) {
    fs::write(pipe, "end\n").unwrap();
}

#[tokio::test]
async fn a_container_outlives_its_host_and_the_next_one_hears_how_it_ends() {
    let machine = Machine::new();
    let (alive, end) = (machine.pipe("alive"), machine.pipe("end"));
    let host = machine.host();
    start(&host, spec("c", &waits(&alive, &end, "exit 7"))).await;
    let alive = ready(&alive).await;
    drop(host);

    let host = machine.host();
    assert_eq!(patiently(host.recover(known(&["c"]))).await.unwrap(), known(&["c"]));
    assert_eq!(patiently(host.launch(spec("c", "true"))).await.unwrap(), Launch::AlreadyRunning, "it is that very one");
    let usage = patiently(host.usage(&id("c"))).await.unwrap();
    assert_eq!(usage.processes, 1, "the shim is not of the container");
    let_end(&end);
    assert_eq!(patiently(host.wait(&id("c"))).await.unwrap(), Exit::Status(7));
    gone(alive).await;
    assert_eq!(machine.tagged(), NONE);
}

#[tokio::test]
async fn how_containers_ended_meanwhile_is_known_to_the_next_host() {
    let machine = Machine::new();
    let ends = [("good", "exit 0"), ("bad", "exit 3"), ("killed", "kill -9 $$"), ("deserter", "sleep 1000 & exit 4")];
    let pipes = ends.map(|(name, _)| (machine.pipe(name), machine.pipe(&format!("{name}-end"))));
    let host = machine.host();
    let mut alive = Vec::new();
    for ((name, then), (pipe, end)) in ends.iter().zip(&pipes) {
        start(&host, spec(name, &waits(pipe, end, then))).await;
        alive.push(ready(pipe).await);
    }
    drop(host);
    for ((_, end), alive) in pipes.iter().zip(alive) {
        let_end(end);
        // What it left behind too.
        gone(alive).await;
    }
    // The last act of a shim is to forget its container.
    let folder = machine.path("containers");
    aside(move || {
        while fs::read_dir(&folder).unwrap().count() > 0 {
            std::thread::yield_now();
        }
    })
    .await;

    let names = ends.map(|(name, _)| name);
    for _ in 0..2 {
        // A host that died again before it could say so hears it once more.
        let host = machine.host();
        assert_eq!(patiently(host.recover(known(&names))).await.unwrap(), known(&names));
        let mut exits = Vec::new();
        for name in names {
            exits.push(patiently(host.wait(&id(name))).await.unwrap());
        }
        assert_eq!(exits, [Exit::Status(0), Exit::Status(3), Exit::Signalled(9), Exit::Status(4)]);
    }
    let host = machine.host();
    assert_eq!(patiently(host.recover(known(&["good"]))).await.unwrap(), known(&["good"]));
    assert_eq!(fs::read_dir(machine.path("exits")).unwrap().count(), 1, "nobody will ask for the others");
}

/// Leaves the session, loses its parent and wipes its environment, which escapes whoever looks from outside.
const ESCAPE: &str = "setsid sh -c 'env -i sh -c \"exec sleep 1000\" & exit' & ";

#[tokio::test]
async fn what_the_next_host_does_not_know_ends_with_all_that_belongs_to_it() {
    let machine = Machine::new();
    let (alive, end) = (machine.pipe("alive"), machine.pipe("end"));
    let host = machine.host();
    start(
        &host,
        spec("c", &format!("exec 3>{}; {ESCAPE} echo x >&3; read -r word <{}", alive.display(), end.display())),
    )
    .await;
    let alive = ready(&alive).await;
    drop(host);
    let host = machine.host();
    assert_eq!(patiently(host.recover(BTreeSet::new())).await.unwrap(), BTreeSet::new());
    gone(alive).await;
    assert_eq!(patiently(host.wait(&id("c"))).await.unwrap_err(), ContainerError::Unknown(id("c")));
    assert_eq!(machine.tagged(), NONE);
    for folder in ["containers", "exits"] {
        assert_eq!(fs::read_dir(machine.path(folder)).unwrap().count(), 0, "{folder}");
    }
}

#[tokio::test]
async fn destroying_reaches_what_escaped_and_shutting_down_ends_what_would_outlive() {
    let machine = Machine::new();
    let host = machine.host();
    for name in ["destroyed", "shut-down"] {
        let alive = machine.pipe(name);
        start(&host, spec(name, &format!("exec 3>{}; {ESCAPE} echo x >&3; sleep 1000", alive.display()))).await;
        let alive = ready(&alive).await;
        match name {
            "destroyed" => patiently(host.destroy(&id(name))).await.unwrap(),
            _ => patiently(host.shutdown()).await.unwrap(),
        }
        gone(alive).await;
        assert_eq!(patiently(host.wait(&id(name))).await.unwrap(), Exit::Signalled(9));
    }
    assert_eq!(machine.tagged(), NONE);
}

#[tokio::test]
async fn signals_reach_the_container_and_not_its_shim() {
    let machine = Machine::new();
    let (alive, end) = (machine.pipe("alive"), machine.pipe("end"));
    let host = machine.host();
    start(&host, spec("polite", &format!("trap 'exit 5' TERM; {}", waits(&alive, &end, "exit 1")))).await;
    let alive = ready(&alive).await;
    patiently(host.signal(&id("polite"), Signal::Terminate)).await.unwrap();
    assert_eq!(patiently(host.wait(&id("polite"))).await.unwrap(), Exit::Status(5));
    gone(alive).await;
    start(&host, spec("rude", "sleep 1000")).await;
    patiently(host.signal(&id("rude"), Signal::Kill)).await.unwrap();
    assert_eq!(patiently(host.wait(&id("rude"))).await.unwrap(), Exit::Signalled(9));
}

#[tokio::test]
async fn a_container_ends_with_its_shim_and_nobody_knows_how() {
    let machine = Machine::new();
    let host = machine.host();
    let alive = machine.pipe("alive");
    start(&host, spec("c", &format!("exec 3>{}; setsid sleep 1000 & echo x >&3; sleep 1000", alive.display()))).await;
    let alive = ready(&alive).await;
    let shim = nix::unistd::Pid::from_raw(machine.shim("c"));
    nix::sys::signal::kill(shim, nix::sys::signal::SIGKILL).unwrap();
    assert_eq!(patiently(host.wait(&id("c"))).await.unwrap(), Exit::Unknown);
    gone(alive).await;
    assert_eq!(machine.tagged(), NONE);
}

#[tokio::test]
async fn what_is_not_checkpointed_ends_with_its_host() {
    let machine = Machine::new();
    let host = machine.host();
    let alive = machine.pipe("alive");
    let mut bound = spec("c", &format!("exec 3>{}; echo x >&3; sleep 1000", alive.display()));
    bound.is_checkpointed = false;
    start(&host, bound).await;
    let alive = ready(&alive).await;
    drop(host);
    gone(alive).await;
}

#[tokio::test]
async fn after_the_machine_was_started_anew_nothing_is_taken_back_that_had_not_ended() {
    let machine = Machine::new();
    let (alive, end) = (machine.pipe("alive"), machine.pipe("end"));
    let host = machine.host();
    start(&host, spec("running", &waits(&alive, &end, ""))).await;
    start(&host, spec("ended", "exit 6")).await;
    assert_eq!(patiently(host.wait(&id("ended"))).await.unwrap(), Exit::Status(6));
    let _alive = ready(&alive).await;
    drop(host);
    // Another boot's number means nothing, whoever has it today.
    let record = machine.path("containers/running");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let text = fs::read_to_string(&record).unwrap();
    assert!(text.contains(boot.trim()));
    fs::write(&record, text.replace(boot.trim(), "00000000-0000-0000-0000-000000000000")).unwrap();

    let host = machine.host();
    let kept = patiently(host.recover(known(&["running", "ended"]))).await.unwrap();
    assert_eq!(kept, known(&["ended"]));
    assert_eq!(patiently(host.wait(&id("ended"))).await.unwrap(), Exit::Status(6));
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_in_the_same_words_as_without_a_shim() {
    let machine = Machine::new();
    let host = machine.host();
    let mut wrong = spec("c", "true");
    wrong.command = CommandInfo::exec("no-such-program", [] as [&str; 0]);
    let refused = patiently(host.launch(wrong.clone())).await.unwrap_err().to_string();
    wrong.is_checkpointed = false;
    assert_eq!(refused, patiently(host.launch(wrong)).await.unwrap_err().to_string());
    assert!(refused.contains("was not found"), "{refused}");
    assert_eq!(fs::read_dir(machine.path("containers")).unwrap().count(), 0);
    assert_eq!(machine.tagged(), NONE);
}

#[tokio::test]
async fn a_program_that_is_no_shim_is_named() {
    let machine = Machine::new();
    let host = Process::new(machine.options().shim("/bin/true")).unwrap();
    let refused = patiently(host.launch(spec("c", "true"))).await.unwrap_err().to_string();
    assert!(refused.contains("/bin/true"), "{refused}");
    let host = Process::new(ProcessOptions::new(machine.path("other")).shim("/nothing/here")).unwrap();
    let refused = patiently(host.launch(spec("c", "true"))).await.unwrap_err().to_string();
    assert!(refused.contains("/nothing/here"), "{refused}");
}

/// Set for the process that plays the host in the next test.
const HOST: &str = "MESOS_TEST_SHIM_HOST";

/// Not a test by itself: what the host that is killed does.
#[tokio::test]
async fn host_that_will_be_killed() {
    let Some(work_dir) = std::env::var_os(HOST) else { return };
    let work_dir = PathBuf::from(work_dir);
    let host = Process::new(ProcessOptions::new(&work_dir).shim(env!("CARGO_BIN_EXE_mesos-agent"))).unwrap();
    let kept = spec("kept", &waits(&work_dir.join("kept"), &work_dir.join("kept-end"), "exit 8"));
    host.launch(kept).await.unwrap();
    let mut bound = spec("bound", &waits(&work_dir.join("bound"), &work_dir.join("bound-end"), ""));
    bound.is_checkpointed = false;
    host.launch(bound).await.unwrap();
    let _ = host.wait(&id("kept")).await;
}

#[tokio::test]
async fn a_host_that_is_killed_takes_along_what_is_bound_to_it_and_nothing_else() {
    let machine = Machine::new();
    let [kept, end, bound, _] = ["kept", "kept-end", "bound", "bound-end"].map(|name| machine.pipe(name));
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host_that_will_be_killed"])
        .env(HOST, machine.0.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (kept, bound) = (ready(&kept).await, ready(&bound).await);
    host.kill().unwrap();
    host.wait().unwrap();
    gone(bound).await;

    let host = machine.host();
    assert_eq!(patiently(host.recover(known(&["kept", "bound"]))).await.unwrap(), known(&["kept"]));
    let_end(&end);
    assert_eq!(patiently(host.wait(&id("kept"))).await.unwrap(), Exit::Status(8));
    gone(kept).await;
}

/// Neither by the link of a process that runs it, nor by an open file of that, nor by its path; as whoever the task runs.
/// Each try is a shell of its own, which ends when it is refused.
#[tokio::test]
async fn a_task_cannot_write_the_program_of_its_agent() {
    let machine = Machine::new();
    fs::set_permissions(machine.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = machine.path("program");
    fs::copy(env!("CARGO_BIN_EXE_mesos-agent"), &program).unwrap();
    let before = fs::read(&program).unwrap();
    let host = Process::new(ProcessOptions::new(machine.0.path()).shim(&program)).unwrap();
    let users = if nix::unistd::geteuid().is_root() { vec![None, Some("nobody")] } else { vec![None] };
    for (n, user) in users.into_iter().enumerate() {
        let links = format!("/proc/$PPID/exe /proc/{}/exe {}", std::process::id(), program.display());
        let line = format!(
            "for exe in {links}; do (exec 3<>$exe) && echo wrote $exe; (exec 4<$exe && exec 3<>/proc/self/fd/4) && echo wrote an open $exe; done; \
             tr '\\0' ' ' </proc/$PPID/cmdline; echo tried"
        );
        let name = format!("c{n}");
        let mut spec = spec(&name, &line);
        spec.command.user = user.map(Into::into);
        start(&host, spec).await;
        patiently(host.wait(&id(&name))).await.unwrap();
        let said = fs::read_to_string(machine.path("sandboxes").join(&name).join("stdout")).unwrap();
        assert!(said.ends_with("tried\n") && !said.contains("wrote"), "as {user:?}: {said}");
        assert!(said.contains("mesos-shim"), "the task's parent runs the agent's program: {said}");
    }
    assert!(fs::read(&program).unwrap() == before, "the program is another");
}
