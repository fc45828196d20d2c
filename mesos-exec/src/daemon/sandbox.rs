//! Where operators look for what ran: the folders of Mesos, as links to the sandboxes a containerizer makes.
//!
//! ```text
//!   <work dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container> ──▶ its sandbox
//!                                                                         └── latest ──▶ the newest of them
//! ```
//!
//! The links outlive the containers, so that the output of what ended can be read; they end with their sandboxes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use mesos_core::{AgentId, ContainerId, ContainerSpec, ExecutorId, FrameworkId, Purpose};

/// The newest run of an executor.
const LATEST: &str = "latest";
/// The variable the agent's own id is in.
const AGENT_VARIABLE: &str = "MESOS_AGENT_ID";

/// The sandboxes of one agent.
#[derive(Debug)]
pub struct Sandboxes {
    work_dir: PathBuf,
    /// Those of containers this process started.
    known: Mutex<BTreeMap<ContainerId, PathBuf>>,
}

impl Sandboxes {
    /// Links below this folder, which is made when it is missing.
    #[must_use]
    pub fn new(work_dir: impl Into<PathBuf>) -> Self {
        Self { work_dir: work_dir.into(), known: Mutex::default() }
    }

    /// Where the links of an executor's runs are.
    #[must_use]
    pub fn runs(&self, agent: &AgentId, framework: &FrameworkId, executor: &ExecutorId) -> PathBuf {
        let runs = ["slaves", agent.as_str(), "frameworks", framework.as_str(), "executors", executor.as_str(), "runs"];
        runs.iter().fold(self.work_dir.clone(), |path, part| path.join(part))
    }

    /// The sandbox of a container that this process started.
    #[must_use]
    pub fn of(&self, container: &ContainerId) -> Option<PathBuf> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(container).cloned()
    }

    /// A container was started with this sandbox.
    pub(super) fn note(&self, spec: &ContainerSpec, sandbox: &Path) {
        let known = sandbox.to_owned();
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(spec.id.clone(), known);
        if let Err(problem) = self.link(spec, sandbox) {
            tracing::warn!(%problem, container = %spec.id, "a sandbox could not be linked; its files are not shown");
        }
    }

    fn link(&self, spec: &ContainerSpec, sandbox: &Path) -> io::Result<()> {
        let agent = spec.command.environment.get(AGENT_VARIABLE).cloned().unwrap_or_else(|| "unknown".into());
        let agent = AgentId::new(agent).map_err(io::Error::other)?;
        let runs = self.runs(&agent, &spec.framework_id, &spec.executor_id);
        fs::create_dir_all(&runs)?;
        replace_link(sandbox, &runs.join(spec.id.as_str()))?;
        match spec.purpose {
            Purpose::Nested { .. } => Ok(()),
            _ => replace_link(Path::new(spec.id.as_str()), &runs.join(LATEST)),
        }
    }

    /// What a virtual path means: the sandbox, and the rest of the path. Both the paths operators know are understood, with
    /// the agent in front and without it, and the folder itself as views show it.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<(PathBuf, String)> {
        let work_dir = self.work_dir.to_string_lossy();
        let path = path.strip_prefix(&*work_dir).unwrap_or(path).trim_matches('/');
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let mut part = parts.next()?;
        let mut agent = None;
        if part == "slaves" || part == "agents" {
            agent = Some(AgentId::new(parts.next()?).ok()?);
            part = parts.next()?;
        }
        let framework = FrameworkId::new((part == "frameworks").then(|| parts.next())??).ok()?;
        let executor = ExecutorId::new((parts.next()? == "executors").then(|| parts.next())??).ok()?;
        let run = ContainerId::new((parts.next()? == "runs").then(|| parts.next())??).ok()?;
        let rest = parts.collect::<Vec<_>>().join("/");
        let agents = match agent {
            Some(agent) => vec![agent],
            None => self.agents(),
        };
        let links = agents.iter().map(|agent| self.runs(agent, &framework, &executor).join(run.as_str()));
        let sandbox = links.filter_map(|link| fs::canonicalize(link).ok()).next()?;
        Some((sandbox, rest))
    }

    /// The agents that had this work directory, the newest first.
    fn agents(&self) -> Vec<AgentId> {
        let entries = fs::read_dir(self.work_dir.join("slaves")).into_iter().flatten().flatten();
        let aged = entries.filter_map(|entry| {
            let id = AgentId::new(entry.file_name().to_str()?).ok()?;
            Some((entry.metadata().and_then(|data| data.modified()).ok()?, id))
        });
        let mut aged: Vec<_> = aged.collect();
        aged.sort();
        aged.into_iter().rev().map(|(_, id)| id).collect()
    }
}

/// Puts a link in place, instead of any other, so that nobody sees none.
fn replace_link(target: &Path, link: &Path) -> io::Result<()> {
    let fresh = link.with_extension("new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    symlink(target, &fresh)?;
    fs::rename(&fresh, link)
}

#[cfg(test)]
mod tests {
    use mesos_core::{CommandInfo, Resources};

    use super::*;

    fn spec(container: &str, purpose: Purpose) -> ContainerSpec {
        let command = CommandInfo::shell("true").env(AGENT_VARIABLE, "a1");
        let (framework, executor) = ("f1".parse().unwrap(), "e1".parse().unwrap());
        let spec = ContainerSpec::new(container.parse().unwrap(), framework, executor, command, Resources::new());
        ContainerSpec { purpose, ..spec }
    }

    #[test]
    fn operators_find_a_sandbox_under_every_name_it_has() {
        let work = tempfile::tempdir().unwrap();
        let sandboxes = Sandboxes::new(work.path());
        let boxes = ["one", "two", "debug"].map(|name| {
            let path = work.path().join(name);
            fs::create_dir(&path).unwrap();
            path.canonicalize().unwrap()
        });
        sandboxes.note(&spec("e1.1", Purpose::Task), &boxes[0]);
        sandboxes.note(&spec("e1.2", Purpose::Executor), &boxes[1]);
        sandboxes.note(&spec("e1.3", Purpose::Nested { parent: "e1.2".parse().unwrap() }), &boxes[2]);
        let runs = "frameworks/f1/executors/e1/runs";
        for (path, sandbox, rest) in [
            (format!("/{runs}/latest/stdout"), &boxes[1], "stdout"),
            (format!("/{runs}/e1.1"), &boxes[0], ""),
            (format!("/slaves/a1/{runs}/e1.3/a/b/"), &boxes[2], "a/b"),
            (format!("{}/slaves/a1/{runs}/latest", work.path().display()), &boxes[1], ""),
        ] {
            assert_eq!(sandboxes.find(&path), Some((sandbox.clone(), rest.to_owned())), "{path}");
        }
        for path in
            ["/", "/frameworks/f1", "/frameworks/../../etc/runs/x", "/frameworks/f1/executors/e1/runs/..", "/etc"]
        {
            assert_eq!(sandboxes.find(path), None, "{path}");
        }
        assert_eq!(sandboxes.of(&"e1.2".parse().unwrap()), Some(boxes[1].clone()));
    }
}
