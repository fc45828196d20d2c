//! What tasks write, read from their agents.

use std::time::Duration;

use anyhow::Context as _;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::Args;
use mesos_core::net::client::{ApiClient, ClientError};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cluster::Cluster;

/// So much is read at a time.
const PART_BYTES: u64 = 256 << 10;
/// How often more is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Shows what a task wrote.
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
pub(crate) struct Logs {
    /// The task, or the beginning of its id.
    task: String,
    /// Standard error instead of standard output; another name is another file of the sandbox.
    #[arg(long, default_value = "stdout", value_name = "FILE")]
    file: String,
    /// Go on showing what is added.
    #[arg(long, short)]
    follow: bool,
}

impl Logs {
    pub(crate) async fn run(self, cluster: &Cluster, json: bool) -> anyhow::Result<()> {
        let state = cluster.api().call("/api/v1", &json!({ "type": "GET_STATE" })).await?;
        let Place { agent, folder, .. } = locate(&state["get_state"], &self.task)?;
        let mut file = File::new(cluster.agent(&agent), format!("{folder}/{}", self.file));
        let mut pieces = Pieces { task: self.task.clone(), file: self.file.clone(), out: std::io::stdout() };
        loop {
            let read = match json {
                true => file.show_more(&mut pieces).await?,
                false => file.show_more(&mut std::io::stdout()).await?,
            };
            if read == 0 {
                if !self.follow {
                    return Ok(());
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

/// Writes each piece of a file as an object of JSON on a line of its own, for programs.
struct Pieces<W> {
    task: String,
    file: String,
    out: W,
}

impl<W: std::io::Write> std::io::Write for Pieces<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if !bytes.is_empty() {
            let piece = json!({ "task": self.task, "file": self.file, "data": String::from_utf8_lossy(bytes) });
            writeln!(self.out, "{piece}")?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Where a task runs or ran.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its agent, as `host:port`.
    pub(crate) agent: String,
    /// Its sandbox, as the agent's files are named.
    folder: String,
    /// Its container, as the agent calls it, once it was started.
    pub(crate) container: Option<String>,
}

/// Where the one task is whose id begins so.
pub(crate) fn locate(state: &Value, task: &str) -> anyhow::Result<Place> {
    let kinds = ["tasks", "completed_tasks", "unreachable_tasks"];
    let all = kinds.iter().flat_map(|kind| state["get_tasks"][kind].as_array().into_iter().flatten());
    let found: Vec<&Value> = all.filter(|row| id(row, "task_id").starts_with(task)).collect();
    let exact = found.iter().find(|row| id(row, "task_id") == task);
    let row = match (exact, found.as_slice()) {
        (Some(row), _) => row,
        (None, [row]) => row,
        (None, []) => anyhow::bail!("no task is called {task}; see `mesos tasks`"),
        (None, several) => {
            let names: Vec<_> = several.iter().take(5).map(|row| id(row, "task_id")).collect();
            anyhow::bail!("several tasks begin with {task}: {} …", names.join(", "))
        }
    };
    let agent_id = id(row, "agent_id");
    let agents = state["get_agents"]["agents"].as_array().into_iter().flatten();
    let info = agents.map(|agent| &agent["agent_info"]).find(|info| id(info, "id") == agent_id);
    let info = info.with_context(|| format!("the task's agent {agent_id} is not here"))?;
    let hostname = info["hostname"].as_str().context("the agent has no name")?;
    let port = info["port"].as_u64().unwrap_or(5_051);
    let executor = row["executor_id"]["value"].as_str().unwrap_or_else(|| id(row, "task_id"));
    // Tasks of a group share an executor, and have each a container of their own.
    let statuses = row["statuses"].as_array().into_iter().flatten().rev();
    let run = statuses.filter_map(|status| status["container_status"]["container_id"]["value"].as_str()).next();
    let folder =
        format!("/frameworks/{}/executors/{executor}/runs/{}", id(row, "framework_id"), run.unwrap_or("latest"));
    Ok(Place { agent: format!("{hostname}:{port}"), folder, container: run.map(str::to_owned) })
}

fn id<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name]["value"].as_str().unwrap_or_default()
}

/// One file of a sandbox, read from its beginning on.
struct File {
    agent: ApiClient,
    path: String,
    offset: u64,
}

impl File {
    const fn new(agent: ApiClient, path: String) -> Self {
        Self { agent, path, offset: 0 }
    }

    /// Shows what was added; how many bytes.
    async fn show_more(&mut self, out: &mut impl std::io::Write) -> anyhow::Result<u64> {
        let answer = match self.read(self.offset, PART_BYTES).await {
            Err(error) if is_refused(&error, 400) && self.offset > 0 => self.read_from_its_new_beginning(error).await?,
            other => other?,
        };
        let data = answer["data"].as_str().unwrap_or_default();
        let data = BASE64_STANDARD.decode(data).context("the agent's answer cannot be understood")?;
        out.write_all(&data)?;
        out.flush()?;
        self.offset += data.len() as u64;
        Ok(data.len() as u64)
    }

    /// Its task made the file shorter than what was shown of it: as `tail -f`, says so and begins again.
    async fn read_from_its_new_beginning(&mut self, refused: ClientError) -> Result<Value, ClientError> {
        let size = self.read(0, 0).await?["size"].as_u64();
        if size.is_none_or(|size| size >= self.offset) {
            return Err(refused);
        }
        eprintln!("{}: the file was truncated", self.path);
        self.offset = 0;
        self.read(0, PART_BYTES).await
    }

    /// Files are bytes: /files/read answers text, and puts signs in the place of what is none.
    async fn read(&self, offset: u64, length: u64) -> Result<Value, ClientError> {
        let read = json!({ "path": self.path, "offset": offset, "length": length });
        let mut answer = self.agent.call("/api/v1", &json!({ "type": "READ_FILE", "read_file": read })).await?;
        Ok(answer["read_file"].take())
    }
}

fn is_refused(error: &ClientError, with: u16) -> bool {
    matches!(error, ClientError::Refused { status, .. } if status.as_u16() == with)
}

pub(crate) fn escaped(path: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(byte);
    path.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Follows a task's output in the background.
pub(crate) struct Follower {
    task: JoinHandle<anyhow::Result<()>>,
    is_over: watch::Sender<bool>,
}

impl Follower {
    /// Follows what is in this folder; each line begins with the prefix, if there is one.
    pub(crate) fn begin(agent: ApiClient, folder: &str, prefix: Option<String>) -> Self {
        let (is_over, over) = watch::channel(false);
        let files =
            [File::new(agent.clone(), format!("{folder}/stdout")), File::new(agent, format!("{folder}/stderr"))];
        Self { task: tokio::spawn(follow(files, prefix, over)), is_over }
    }

    /// Shows the rest.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        self.is_over.send_replace(true);
        self.task.await?
    }
}

async fn follow(mut files: [File; 2], prefix: Option<String>, mut over: watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut stdout = Lines::new(prefix.clone(), std::io::stdout());
    let mut stderr = Lines::new(prefix, std::io::stderr());
    loop {
        // What is written before the end was written before this is read.
        let is_over = *over.borrow();
        let [out, err] = &mut files;
        let mut read = shown(out.show_more(&mut stdout).await)?;
        read += shown(err.show_more(&mut stderr).await)?;
        if read == 0 {
            if is_over {
                return stdout.end().and_then(|()| stderr.end()).map_err(Into::into);
            }
            // Whichever comes first; the sender lives until the end.
            let _ = tokio::time::timeout(LOOK_EVERY, over.wait_for(|is_over| *is_over)).await;
        }
    }
}

/// The longest line that is held back until it is whole.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Writes whole lines with a prefix each, so that those of several tasks can be told apart; without one, as it comes.
struct Lines<W> {
    prefix: Option<String>,
    /// The line that is not whole yet.
    line: Vec<u8>,
    out: W,
}

impl<W: std::io::Write> Lines<W> {
    const fn new(prefix: Option<String>, out: W) -> Self {
        Self { prefix, line: Vec::new(), out }
    }

    /// What is left is a line too.
    fn end(&mut self) -> std::io::Result<()> {
        if self.line.is_empty() { Ok(()) } else { std::io::Write::write_all(self, b"\n") }
    }
}

impl<W: std::io::Write> std::io::Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let Some(prefix) = &self.prefix else { return self.out.write(bytes) };
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if !part.ends_with(b"\n") {
                if self.line.len() < LINE_BYTES_MAX {
                    continue;
                }
                self.line.push(b'\n');
            }
            self.out.write_all(&[prefix.as_bytes(), &self.line].concat())?;
            self.line.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// A file that is not there yet has nothing in it.
fn shown(read: anyhow::Result<u64>) -> anyhow::Result<u64> {
    match read {
        Err(error) if error.downcast_ref().is_some_and(|error| is_refused(error, 404)) => Ok(0),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_found_by_the_beginning_of_its_id() {
        let state = json!({
            "get_tasks": { "tasks": [
                { "task_id": { "value": "web-1" }, "framework_id": { "value": "f" }, "agent_id": { "value": "a" } },
                { "task_id": { "value": "web-12" }, "framework_id": { "value": "f" }, "agent_id": { "value": "a" },
                  "executor_id": { "value": "e" },
                  "statuses": [{ "state": "TASK_RUNNING", "container_status": { "container_id": { "value": "c" } } },
                               { "state": "TASK_FINISHED" }] },
            ]},
            "get_agents": { "agents": [{ "agent_info": { "id": { "value": "a" }, "hostname": "h", "port": 7 } }] },
        });
        let expected = |run: &str, container: Option<&str>| Place {
            agent: "h:7".to_owned(),
            folder: format!("/frameworks/f/executors/{run}"),
            container: container.map(str::to_owned),
        };
        assert_eq!(locate(&state, "web-12").unwrap(), expected("e/runs/c", Some("c")));
        let whole = expected("web-1/runs/latest", None);
        assert_eq!(locate(&state, "web-1").unwrap(), whole, "the whole id counts before a beginning");
        assert!(locate(&state, "web").unwrap_err().to_string().contains("web-12"));
        assert!(locate(&state, "x").unwrap_err().to_string().contains("mesos tasks"));
    }

    #[test]
    fn lines_of_several_tasks_are_told_apart() {
        use std::io::Write as _;
        let mut lines = Lines::new(Some("a | ".into()), Vec::new());
        for part in ["one\ntw", "o\n", "\nthr"] {
            lines.write_all(part.as_bytes()).unwrap();
        }
        lines.end().unwrap();
        lines.end().unwrap();
        assert_eq!(String::from_utf8(lines.out).unwrap(), "a | one\na | two\na | \na | thr\n");
        let mut plain = Lines::new(None, Vec::new());
        plain.write_all(b"one\ntw").unwrap();
        plain.end().unwrap();
        assert_eq!(plain.out, b"one\ntw");
    }

    #[test]
    fn paths_are_escaped() {
        assert_eq!(escaped("/a b/c&d"), "/a%20b/c%26d");
    }
}
