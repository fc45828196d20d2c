//! Real daemons that are told by a file, by their environment and by flags what to do, and what they write into their logs.

mod ready;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ready::Ears;
use serde_json::{Value, json};

/// No step takes so long, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process may be killed before it has written down who it is, but not again and again.
const LIVES_MAX: u32 = 20;

/// A process of ours, killed when this is dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn mesos(program: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesos"));
    // What the caller's environment says about a cluster is not meant for these.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MESOS_") {
            command.env_remove(name);
        }
    }
    command.arg(program).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// Starts a daemon and waits until it is ready; where it is.
fn start(folder: &Path, name: &str, mut command: Command) -> (Program, String) {
    let path = folder.join(format!("{name}.notify"));
    let ears = Ears::open(&path, PATIENCE);
    let program = Program(command.env("NOTIFY_SOCKET", &path).spawn().unwrap());
    let address = ears.hear().split_whitespace().last().unwrap().to_owned();
    (program, address)
}

/// What a daemon answers, once it knows.
fn get(address: &str, path: &str) -> Value {
    loop {
        let answer = ask(address, path);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        if status != "503" {
            assert_eq!(status, "200", "{path}: {answer}");
            return serde_json::from_str(body).unwrap();
        }
    }
}

fn ask(address: &str, path: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn daemons_take_their_settings_from_a_file_and_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let acls = r#"{"get_quotas": [{"principals": {"type": "ANY"}, "roles": {"type": "ANY"}}], "permissive": true}"#;
    fs::write(folder.path().join("acls.json"), acls).unwrap();
    let file = format!(
        "ip = \"127.0.0.1\"\nport = 0\nwork_dir = {:?}\nlog_dir = {:?}\nweights = [\"web=2\", \"batch=0.5\"]\n\
         cluster = \"from the file\"\nhostname = \"not-this\"\nagent_removal_rate_limit = \"1/10mins\"\n\
         acls = \"file://{}\"\nroot_submissions = false\ninsecure-plaintext = true\ninsecure-anonymous = true\n",
        path("master"),
        path("logs"),
        path("acls.json")
    );
    fs::write(folder.path().join("master.toml"), file).unwrap();
    let mut command = mesos("master");
    command.arg(format!("--config={}", path("master.toml"))).arg("--hostname=127.0.0.1");
    command.env("MESOS_CLUSTER", "from the environment");
    command.env("MESOS_RATE_LIMITS", r#"{"limits": []}"#);
    command.env("MESOS_CREDENTIALS", r#"{"credentials": [{"principal": "x", "secret": "never shown"}]}"#);
    let (_master, master) = start(folder.path(), "master", command);
    assert!(master.starts_with("127.0.0.1:"), "a flag counts before the file: {master}");
    let flags = get(&master, "/flags")["flags"].take();
    assert_eq!((&flags["agent_removal_rate_limit"], &flags["root_submissions"]), (&json!("1/10mins"), &json!("false")));
    assert_eq!(get(&master, "/state")["cluster"], "from the environment", "which counts before the file");
    let weights = get(&master, "/weights");
    assert_eq!(weights, json!([{"weight": 0.5, "role": "batch"}, {"weight": 2.0, "role": "web"}]));

    let mut command = mesos("agent");
    for (name, value) in [
        ("MASTER", master.as_str()),
        ("IP", "127.0.0.1"),
        ("PORT", "0"),
        ("HOSTNAME", "from-the-environment"),
        ("WORK_DIR", &path("agent")),
        ("LOG_DIR", &path("logs")),
        ("RESOURCES", "cpus:3;mem:512;disk:1;ports:[31000-31001]"),
        ("ATTRIBUTES", "rack:r7"),
        ("SWITCH_USER", "false"),
        ("INSECURE_PLAINTEXT", "true"),
        ("INSECURE_ANONYMOUS", "true"),
        ("LOG_FORMAT", "json"),
    ] {
        command.env(format!("MESOS_{name}"), value);
    }
    let (_agent, agent) = start(folder.path(), "agent", command);
    let state = get(&agent, "/state");
    assert_eq!((&state["hostname"], &state["attributes"]["rack"]), (&json!("from-the-environment"), &json!("r7")));
    assert_eq!((&state["resources"]["cpus"], &state["flags"]["switch_user"]), (&json!(3.0), &json!("false")));

    // Each shows its own log where clients of Mesos look for it.
    for (address, name, shown) in [
        (&master, "mesos-master.INFO", &["/master/log"][..]),
        (&agent, "mesos-agent.INFO", &["/slave/log", "/agent/log"][..]),
    ] {
        let written = fs::read_to_string(folder.path().join("logs").join(name)).unwrap();
        assert!(written.contains("whoever reaches this port is let in"), "{written}");
        assert!(!written.contains("never shown") && !written.contains('\u{1b}'), "{written}");
        for path in shown {
            let read = get(address, &format!("/files/read?path={path}&offset=0"));
            let read = read["data"].as_str().unwrap();
            assert!(read.len() > 100 && (written.starts_with(read) || read.starts_with(&written)), "{read}");
            assert_eq!(get(address, &format!("/files/browse?path={path}"))[0]["path"], **path);
            assert!(get(address, "/files/debug")[*path].as_str().unwrap().ends_with(name));
        }
    }
    let log = fs::read_to_string(folder.path().join("logs/mesos-agent.INFO")).unwrap();
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
    let metrics = get(&agent, "/metrics/snapshot");
    assert!(metrics["http/requests/state/2xx"].as_f64() >= Some(1.0), "{metrics}");
}

/// The first line of a framework's stream that holds this.
fn offered(master: &str, text: &str) -> String {
    let call = r#"{"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "root", "name": "f"}}}"#;
    let mut socket = TcpStream::connect(master).unwrap();
    write!(
        socket,
        "POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{call}",
        call.len()
    )
    .unwrap();
    let mut lines = BufReader::new(socket).lines().map(Result::unwrap);
    lines.find(|line| line.contains(text)).expect("the stream stays open")
}

#[test]
fn daemons_that_listen_on_every_address_say_where_they_are_reached() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let open = ["--port=0", "--hostname=localhost", "--insecure-plaintext", "--insecure-anonymous"];
    let mut command = mesos("master");
    command.args(open).args(["--advertise_ip=127.0.0.1", "--domain=eu/eu-1"]);
    command.arg(r#"--firewall_rules={"disabled_endpoints": {"paths": ["/master/slaves"]}}"#);
    command.arg(format!("--work_dir={}", path("master")));
    let (_master, master) = start(folder.path(), "master", command);
    let port = master.strip_prefix("localhost:").expect(&master);
    let mut command = mesos("agent");
    command.args(open).args(["--advertise_ip=127.0.0.1", "--switch_user=false", "--resources=cpus:2;mem:512"]);
    command.arg(r#"--executor_environment_variables={"GREETING": "well met"}"#);
    command.args([format!("--master={master}"), format!("--work_dir={}", path("agent"))]);
    let (_agent, agent) = start(folder.path(), "agent", command);

    let offer = offered(&master, "\"url\"");
    let port_of_agent = agent.strip_prefix("127.0.0.1:").expect(&agent);
    let url = format!(r#""address":{{"hostname":"localhost","ip":"127.0.0.1","port":{port_of_agent}}}"#);
    assert!(offer.contains(&url), "{offer}");
    let state = get(&master, "/state");
    assert_eq!((&state["leader"], &state["pid"]), (&json!(format!("master@127.0.0.1:{port}")), &state["leader"]));
    assert_eq!(state["domain"]["fault_domain"]["zone"]["name"], "eu-1");
    let pid = json!(format!("slave(1)@{agent}"));
    assert_eq!((&state["slaves"][0]["pid"], &state["slaves"][0]["hostname"]), (&pid, &json!("localhost")));
    assert_eq!(get(&agent, "/state")["pid"], pid);
    let refused = ask(&master, "/slaves.json");
    assert_eq!(refused.split(' ').nth(1), Some("403"), "{refused}");

    let flags = get(&agent, "/flags")["flags"].take();
    assert_eq!((&flags["executor_environment_variables"], &flags["gc_delay"]), (&json!("(hidden)"), &json!("1weeks")));
    let mut command = mesos("execute");
    command.args(["--master", &master, "--insecure-plaintext", "--cpus=1", "echo $GREETING"]);
    let said = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "well met", "{said:?}");
    // Its status says where it ran.
    let state = get(&master, "/state").to_string();
    assert!(state.contains(r#""ip_addresses":[{"ip_address":"127.0.0.1"}]"#), "{state}");
}

#[test]
fn an_agent_is_the_same_after_a_restart_or_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut command = mesos("master");
    command.args(["--ip=127.0.0.1", "--port=0", "--insecure-plaintext", "--insecure-anonymous"]);
    command.arg(format!("--work_dir={}", path("master")));
    let (_master, master) = start(folder.path(), "master", command);
    let agent = |port: &str, resources: &str, more: &[&str]| {
        let mut command = mesos("agent");
        command.args(["--ip=127.0.0.1", "--hostname=127.0.0.1", "--insecure-plaintext", "--insecure-anonymous"]);
        command.args([format!("--work_dir={}", path("agent")), format!("--master={master}"), format!("--port={port}")]);
        command.arg(format!("--resources={resources};mem:512;disk:1;ports:[31000-31001]"));
        command.args(["--registration_backoff_factor=1ms"]).args(more);
        command
    };
    // What it is called is on its disk once another process of it is called the same.
    let (mut port, mut id) = ("0".to_owned(), String::new());
    let is_written = (0..LIVES_MAX).any(|life| {
        let (process, address) = start(folder.path(), &format!("life-{life}"), agent(&port, "cpus:2", &[]));
        port = address.rsplit(':').next().unwrap().to_owned();
        let own = loop {
            let own = get(&address, "/state")["id"].as_str().unwrap().to_owned();
            if !own.is_empty() {
                break own;
            }
        };
        drop(process);
        let before = std::mem::replace(&mut id, own);
        before == id
    });
    assert!(is_written, "its id is another one in each of {LIVES_MAX} lives");
    let mut changed = agent(&port, "cpus:4", &[]);
    let ended = changed.stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && said.contains("resources were"), "{said}");
    let (_again, address) =
        start(folder.path(), "again", agent(&port, "cpus:4", &["--reconfiguration_policy=additive"]));
    let state = get(&address, "/state");
    assert_eq!((state["id"].as_str(), &state["resources"]["cpus"]), (Some(id.as_str()), &json!(4.0)));
}
