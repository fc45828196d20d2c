//! Clusters of real processes on loopback: what becomes of tasks when any of them dies.

mod collector;
mod ready;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use collector::Collector;
use ready::Ears;

/// No step takes so long, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process of ours, killed when this is dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    fn kill_9(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn lines(&mut self) -> Lines {
        Lines(BufReader::new(self.0.stdout.take().unwrap()))
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    fn stop(mut self) {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }

    fn code(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

struct Lines(BufReader<ChildStdout>);

impl Lines {
    /// The first line that holds this; the programs end when the test ends, so this never waits for ever.
    fn wait_for(&mut self, text: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "no line holds {text:?}:\n{all}");
            if line.contains(text) {
                return line;
            }
            all += &line;
        }
    }
}

fn mesos() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesos"));
    // What the caller's environment says about a cluster is not meant for these.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MESOS_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// A folder with an authority and everybody's certificates.
struct Bench {
    folder: tempfile::TempDir,
    notified: AtomicU32,
}

impl Drop for Bench {
    /// A failed test leaves nothing running either: containers outlive their agent.
    fn drop(&mut self) {
        for record in std::fs::read_dir(self.path("agent/containers")).into_iter().flatten().flatten() {
            let record = std::fs::read_to_string(record.path()).unwrap_or_default();
            if let Some(shim) = record.split(' ').nth(1) {
                let _ = Command::new("kill").arg(shim).status();
            }
        }
    }
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap(), notified: AtomicU32::new(0) };
        for (part, name) in [("master", "m"), ("agent", "a"), ("framework", "f"), ("operator", "o")] {
            let made = mesos()
                .args(["certificate", part, name, "--host=127.0.0.1", "--folder"])
                .arg(bench.path("pki"))
                .output()
                .unwrap();
            assert!(made.status.success(), "{made:?}");
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn identify(&self, command: &mut Command, who: &str) {
        let pki = self.path("pki");
        command.arg(format!("--tls_cert={}", pki.join(format!("{who}.pem")).display()));
        command.arg(format!("--tls_key={}", pki.join(format!("{who}.key")).display()));
        command.arg(format!("--tls_ca={}", pki.join("ca.pem").display()));
    }

    /// Starts a daemon and waits until it says that it is ready; what it says.
    fn daemon(&self, mut command: Command) -> (Program, String) {
        let path = self.path(&format!("notify-{}", self.notified.fetch_add(1, Ordering::Relaxed)));
        let ears = Ears::open(&path, PATIENCE);
        let child = command.env("NOTIFY_SOCKET", &path).stderr(Stdio::inherit()).spawn().unwrap();
        let program = Program(child);
        (program, ears.hear())
    }

    /// A master at this port, 0 for any; its address.
    fn master(&self, port: u16) -> (Program, String) {
        let (program, said) = self.daemon(self.master_command(port));
        let address = said.split_whitespace().last().unwrap().to_owned();
        (program, address)
    }

    fn master_command(&self, port: u16) -> Command {
        let mut command = mesos();
        command.args(["master", "--ip=127.0.0.1", "--logging_level=warn", "--agent_reregister_timeout=10mins"]);
        command.args([format!("--port={port}"), format!("--work_dir={}", self.path("master").display())]);
        self.identify(&mut command, "master-m");
        command
    }

    /// An agent at this port, 0 for any; its address.
    fn agent(&self, master: &str, port: u16) -> (Program, String) {
        let (program, said) = self.daemon(self.agent_command(master, port));
        let address = said.split_whitespace().last().unwrap().to_owned();
        (program, address)
    }

    fn agent_command(&self, master: &str, port: u16) -> Command {
        let mut command = mesos();
        command.args(["agent", "--ip=127.0.0.1", "--hostname=127.0.0.1", "--logging_level=warn"]);
        command.arg(format!("--port={port}"));
        command.args(["--resources=cpus:2;mem:512;disk:1;ports:[31000-31001]", "--registration_backoff_factor=10ms"]);
        command.args([format!("--master={master}"), format!("--work_dir={}", self.path("agent").display())]);
        self.identify(&mut command, "agent-a");
        command
    }

    /// How many containers run under a process that outlives the agent.
    fn containers(&self) -> usize {
        std::fs::read_dir(self.path("agent/containers")).unwrap().count()
    }

    /// A task that ends when the file is there.
    fn execute(&self, master: &str, until: &Path) -> Program {
        let mut command = mesos();
        command.args(["execute", "--json", "--quiet", "--master", master]);
        self.identify(&mut command, "framework-f");
        let (until, begun) = (until.display(), until.with_extension("begun"));
        command.arg(format!("echo begun >> {}; while [ ! -e {until} ]; do sleep 0.05; done; exit 7", begun.display()));
        Program(command.stdout(Stdio::piped()).spawn().unwrap())
    }
}

fn port_of(address: &str) -> u16 {
    address.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn a_task_outlives_the_death_of_its_master() {
    let bench = Bench::new();
    let (master, address) = bench.master(0);
    let _agent = bench.agent(&address, 0);
    let end = bench.path("end");
    let mut execute = bench.execute(&address, &end);
    let mut lines = execute.lines();
    lines.wait_for("RUNNING");

    master.kill_9();
    let (_master, again) = bench.master(port_of(&address));
    assert_eq!(again, address);
    std::fs::write(&end, "").unwrap();
    lines.wait_for("exited with status 7");
    assert_eq!(execute.code(), Some(7), "the command ends as its task ended");
}

#[test]
fn tasks_outlive_the_death_of_their_agent() {
    let bench = Bench::new();
    let (_master, address) = bench.master(0);
    let (agent, at) = bench.agent(&address, 0);
    let ends = ["later", "meanwhile"].map(|name| bench.path(name));
    let mut running = ends.each_ref().map(|end| {
        let mut execute = bench.execute(&address, end);
        let mut lines = execute.lines();
        lines.wait_for("RUNNING");
        (execute, lines)
    });
    assert_eq!(bench.containers(), 2);
    agent.kill_9();
    std::fs::write(&ends[1], "").unwrap();
    while bench.containers() > 1 {
        std::thread::yield_now();
    }

    let _agent = bench.agent(&address, port_of(&at));
    running[1].1.wait_for("exited with status 7");
    std::fs::write(&ends[0], "").unwrap();
    running[0].1.wait_for("exited with status 7");
    for ((execute, _), end) in running.into_iter().zip(ends) {
        assert_eq!(execute.code(), Some(7), "{}", end.display());
        assert_eq!(std::fs::read_to_string(end.with_extension("begun")).unwrap(), "begun\n", "it ran once");
    }
}

#[test]
fn an_agent_that_cleans_up_ends_what_an_earlier_one_left_and_then_itself() {
    let bench = Bench::new();
    let (_master, address) = bench.master(0);
    let (agent, at) = bench.agent(&address, 0);
    let mut execute = bench.execute(&address, &bench.path("never"));
    let mut lines = execute.lines();
    lines.wait_for("RUNNING");
    agent.kill_9();
    assert_eq!(bench.containers(), 1);
    let mut command = bench.agent_command(&address, port_of(&at));
    command.arg("--recover=cleanup");
    let (agent, _) = bench.daemon(command);
    assert_eq!(agent.code(), Some(0));
    assert_eq!(bench.containers(), 0, "what an agent left runs on");
}

#[test]
fn whoever_is_no_part_of_the_cluster_gets_nowhere() {
    let bench = Bench::new();
    let (_master, address) = bench.master(0);
    let mut execute = mesos();
    execute.args(["execute", "--json", "--quiet", "--master", &address, "true"]);
    let no_identity = execute.output().unwrap();
    let said = String::from_utf8_lossy(&no_identity.stderr).into_owned();
    assert!(!no_identity.status.success() && said.contains("--tls_ca"), "{said}");
}

#[test]
fn a_daemon_that_cannot_be_what_it_is_asked_to_be_says_why() {
    let bench = Bench::new();
    let says = |arguments: &[&str], text: &str| {
        let ended = mesos().args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && said.contains(text), "{arguments:?}: {said}");
    };
    let work_dir = format!("--work_dir={}", bench.path("x").display());
    says(&["master", &work_dir], "--insecure-plaintext");
    says(&["master", &work_dir, "--insecure-plaintext", "--zk=zk://h/mesos"], "without --zk");
    says(&["master", &work_dir, "--insecure-plaintext", "--quorum=2"], "--quorum=2");
    says(&["master", &work_dir, "--insecure-plaintext", "--allocation_interval=5"], "75secs");
    says(&["master", &work_dir, "--insecure-plaintext", "--weights=web"], "role=2.5");
    says(&["agent", &work_dir, "--insecure-plaintext"], "--master");
    says(&["agent", &work_dir, "--insecure-plaintext", "--master=zk://h/mesos"], "host:port");
    says(&["agent", &work_dir, "--insecure-plaintext", "--master=h:1", "--resources=cpus"], "--resources");
    let agents = bench.path("pki/agent-a");
    let [certificate, key] = ["pem", "key"].map(|kind| agents.with_extension(kind).display().to_string());
    let authority = bench.path("pki/ca.pem").display().to_string();
    let (certificate, key, authority) =
        (format!("--tls_cert={certificate}"), format!("--tls_key={key}"), format!("--tls_ca={authority}"));
    says(&["master", &work_dir, &certificate, &key, &authority], "mesos://master/");
    for program in ["master", "agent"] {
        let help = mesos().args([program, "--help"]).output().unwrap();
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(help.contains("--work_dir") && help.contains("Try it on one machine"), "{help}");
    }
}

#[test]
fn daemons_that_end_send_their_last_spans() {
    let collector = Collector::open();
    let traced = |mut command: Command| {
        command.args([format!("--otlp_endpoint=http://{}", collector.address), "--insecure-otlp".to_owned()]);
        command
    };
    let bench = Bench::new();
    let (master, said) = bench.daemon(traced(bench.master_command(0)));
    let address = said.split_whitespace().last().unwrap().to_owned();
    let (agent, _) = bench.daemon(traced(bench.agent_command(&address, 0)));
    let end = bench.path("end");
    std::fs::write(&end, "").unwrap();
    assert_eq!(bench.execute(&address, &end).code(), Some(7));

    // Both wait for more before they send a batch.
    agent.stop();
    let (service, starts) = collector.hear(PATIENCE);
    assert!(service.contains("mesos-agent"), "{service}");
    master.stop();
    let (service, tasks) = collector.hear(PATIENCE);
    assert!(service.contains("mesos-master"), "{service}");
    let [start] = &starts[..] else { panic!("one task was started: {starts:?}") };
    let [task] = &tasks[..] else { panic!("one task was launched: {tasks:?}") };
    assert_eq!((task.name.as_str(), start.name.as_str()), ("task", "task start"));
    assert_eq!((&task.trace_id, &task.span_id), (&start.trace_id, &start.parent_span_id));
}

/// What tasks write is shown while they run and can be read afterwards: of one, of several, of a group.
fn shows_output(local: &dyn Fn() -> Command, folder: &Path) {
    let run = |arguments: &[&str]| {
        let ended = local().args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (ended.status.code(), text(ended.stdout), text(ended.stderr))
    };
    let (code, out, err) = run(&["execute", "--env=WHO=you", "echo hello $WHO; echo oops >&2; exit 4"]);
    assert_eq!((code, out.as_str()), (Some(4), "hello you\n"), "{err}");
    assert!(err.contains("oops"), "{err}");

    let (code, out, err) = run(&["execute", "--instances=3", "--name=web", "echo I am $MESOS_TASK_ID"]);
    assert_eq!(code, Some(0), "{err}");
    let mut lines: Vec<_> = out.lines().map(|line| line.split_once(" | I am execute-").unwrap()).collect();
    lines.sort_unstable();
    assert_eq!(lines.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["web #0", "web #1", "web #2"]);
    assert!(lines.iter().enumerate().all(|(n, (_, id))| id.ends_with(&format!("-{n}"))), "{out}");

    let group = |name: &str, good: &str, bad: &str| {
        let cpus = r#""resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                                    {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}]"#;
        let task = |task: &str, command: &str| {
            let id = format!("{name}-{task}");
            format!(
                r#"{{"name": "{task}", "task_id": {{"value": "{id}"}}, {cpus}, "command": {{"value": "{command}"}}}}"#
            )
        };
        let path = folder.join(name);
        std::fs::write(&path, format!(r#"{{"tasks": [{}, {}]}}"#, task("good", good), task("bad", bad))).unwrap();
        run(&["execute", &format!("--task_group={}", path.display())])
    };
    let (code, out, err) = group("fine", "echo one", "echo two");
    assert_eq!(code, Some(0), "{err}");
    let mut lines: Vec<_> = out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["bad | two", "good | one"], "{err}");
    let (code, _, err) = group("failing", "sleep 1000", "exit 9");
    assert_eq!(code, Some(9), "{err}");
    assert!(err.contains("bad: FAILED") && err.contains("good: KILLED"), "{err}");

    // A check begins in the sandbox of its task.
    let checked = |name: &str, task: &str, check: &str| {
        let path = folder.join(name);
        let times =
            r#""delay_seconds": 0, "interval_seconds": 0.05, "grace_period_seconds": 0, "consecutive_failures": 2"#;
        let text = format!(
            r#"{{"tasks": [{{"name": "{name}", "command": {{"value": "{task}"}}, "health_check": {{{check}, {times}}},
                "resources": [{{"name": "cpus", "type": "SCALAR", "scalar": {{"value": 0.1}}}},
                              {{"name": "mem", "type": "SCALAR", "scalar": {{"value": 32}}}}]}}]}}"#
        );
        std::fs::write(&path, text).unwrap();
        run(&["execute", &format!("--task_group={}", path.display())])
    };
    let by_command = r#""type": "COMMAND", "command": {"value": "test -e up && touch stop"}"#;
    let (code, _, err) = checked("well", "touch up; while [ ! -e stop ]; do sleep 0.05; done", by_command);
    assert_eq!(code, Some(0), "{err}");
    for check in [r#""type": "TCP", "tcp": {"port": 1}"#, r#""type": "COMMAND", "command": {"value": "exit 3"}"#] {
        let (code, _, err) = checked("sick", "sleep 1000", check);
        assert!(code == Some(143) && err.contains("Health check failed"), "{code:?} {err}");
    }

    let brought = folder.join("brought");
    std::fs::write(&brought, "from outside").unwrap();
    let uri = format!("--uri=file://{}", brought.display());
    let (code, out, err) = run(&["execute", &uri, "cat brought"]);
    assert_eq!((code, out.as_str()), (Some(0), "from outside"), "{err}");
    let (code, _, err) = run(&["execute", &format!("{uri}-not"), "cat brought"]);
    assert!(code == Some(1) && err.contains("could not be fetched: No such file"), "{err}");

    // Bytes that are no text, and characters that lie across the end of what is read at once.
    let written: Vec<u8> = [0xff; 3].into_iter().chain("é\n".bytes().cycle().take(200_000)).collect();
    let write = r"printf '\377\377\377'; yes é | head -c 200000";
    let shown = |arguments: &[&str]| local().args(arguments).output().unwrap().stdout;
    assert!(shown(&["execute", write]) == written, "what a command writes is shown as it is");
    let (code, _, err) = group("bytes", &write.replace('\\', r"\\"), "true");
    assert_eq!(code, Some(0), "{err}");
    assert!(shown(&["logs", "bytes-good"]) == written, "what a task wrote is shown as it is");

    let (code, out, err) = run(&["logs", "fine-good"]);
    assert_eq!((code, out.as_str()), (Some(0), "one\n"), "{err}");
    let (code, _, err) = run(&["logs", "never-was"]);
    assert!(code == Some(1) && err.contains("mesos tasks"), "{err}");
}

#[test]
fn a_cluster_in_one_command_runs_commands_and_ends_with_everything_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let local = || {
        let mut command = mesos();
        command.env("MESOS_LOCAL_DIR", folder.path());
        command
    };
    let began = local().args(["local", "--json", "--agents=2", "--port=0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut cluster = Program(began);
    let said = cluster.lines().wait_for("master");
    assert!(said.contains("\"agents\":2"), "{said}");
    let execute = |words: &[&str]| {
        let ended = local().args(["execute", "--quiet", "--"]).args(words).output().unwrap();
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    let (code, said) = execute(&["true"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("FINISHED"), "{said}");
    assert_eq!(execute(&["sh", "-c", "exit 3"]).0, Some(3));
    shows_output(&local, folder.path());

    let pid = i32::try_from(cluster.0.id()).unwrap();
    let interrupted = Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(cluster.code(), Some(0));
    assert!(!folder.path().join("cluster.json").exists());
    let (code, said) = execute(&["true"]);
    assert!(code == Some(1) && said.contains("mesos local"), "{said}");
}

#[test]
fn a_cluster_that_is_kept_elsewhere_says_how_it_is_found() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("else where");
    let mesos = || {
        let mut command = mesos();
        command.env_remove("MESOS_LOCAL_DIR").env_remove("XDG_STATE_HOME").env("HOME", home.path());
        command
    };
    let mut began = mesos();
    began.args(["local", "--agents=1", "--port=0", "--work_dir"]).arg(&folder);
    let mut cluster = Program(began.stdout(Stdio::piped()).spawn().unwrap());
    let said = cluster.lines().wait_for("export ");
    assert_eq!(said.trim(), format!("export MESOS_LOCAL_DIR='{}'", folder.display()));
    let ended = mesos().args(["execute", "--quiet", "--", "true"]).output().unwrap();
    let error = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(1) && error.contains("MESOS_LOCAL_DIR"), "{error}");
    let ended = mesos().env("MESOS_LOCAL_DIR", &folder).args(["execute", "--quiet", "--", "true"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// Every key below a folder, line by line: each is enough to know much of the key.
fn keys(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            keys(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "key") {
            match String::from_utf8(std::fs::read(path).unwrap()) {
                Ok(text) => {
                    let lines = text.lines().filter(|line| !line.starts_with("-----") && line.len() > 8);
                    found.extend(lines.map(str::to_owned));
                }
                // A key of bytes, as logs could have it.
                Err(bytes) => {
                    let bytes = bytes.into_bytes();
                    found.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
                    found.push(STANDARD.encode(&bytes).trim_end_matches('=').to_owned());
                    found.push(format!("{bytes:?}"));
                }
            }
        }
    }
}

/// Whatever goes well or wrong, and however much is logged.
#[test]
fn a_whole_cluster_says_no_secret_in_its_log_or_on_a_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let mesos = || {
        let mut command = mesos();
        command.env("MESOS_LOCAL_DIR", folder.path());
        command
    };
    let log = folder.path().join("log");
    let mut began = mesos();
    began.args(["local", "--json", "--agents=1", "--port=0", "--logging_level=debug"]);
    let began = began.stdout(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    let mut cluster = Program(began);
    cluster.lines().wait_for("master");
    let secret = format!("hunter2-{}", std::process::id());
    let environment = format!("--env=PASSWORD={secret}");
    let commands = [
        ("the environment is there", r#"test -n "$PASSWORD""#, 0),
        ("no process says it", r"for process in /proc/[0-9]*; do tr '\0' ' ' <$process/cmdline; done 2>/dev/null", 0),
        ("it fails", "exit 3", 3),
    ];
    for (name, line, code) in commands {
        let ended = mesos().args(["execute", &environment, line]).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{name}: {ended:?}");
        let said = [ended.stdout, ended.stderr].concat();
        // Who asks for a task may say so on a command line of its own.
        let said = String::from_utf8_lossy(&said).replace(&environment, "");
        assert!(!said.contains(&secret), "{name}: {said}");
    }
    let uri = format!("--uri=http://user:{secret}@127.0.0.1:1/file");
    let ended = mesos().args(["execute", &uri, "true"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(1), "nothing listens there: {ended:?}");
    assert!(!String::from_utf8_lossy(&ended.stderr).contains(&secret), "{ended:?}");
    // Whoever is not let in is logged too.
    let stranger = mesos().args(["agents", "--master=127.0.0.1:1"]).output().unwrap();
    assert_ne!(stranger.status.code(), Some(0));
    cluster.stop();

    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("leads") && log.contains("DEBUG"), "the log is one: {log}");
    let mut secrets = vec![secret];
    keys(folder.path(), &mut secrets);
    assert!(secrets.len() > 2, "the cluster has keys");
    // Tokens begin with the same letters, whatever they claim: {\"
    secrets.push("eyJ".to_owned());
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}
