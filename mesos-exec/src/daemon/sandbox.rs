//! Where operators look for what ran: the folders of Mesos, as links to the sandboxes a containerizer makes.
//!
//! ```text
//!   <work dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container> ──▶ its sandbox
//!                                                                         └── latest ──▶ the newest of them
//!   <work dir>/standalone/<container> ──▶ the sandbox of one that no executor has
//! ```
//!
//! The links outlive the containers, so that the output of what ended can be read; they end with their sandboxes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use mesos_core::{AgentId, ContainerId, ContainerSpec, ExecutorId, FrameworkId, Purpose, WallTime};

/// The newest run of an executor.
const LATEST: &str = "latest";
/// Where the sandboxes of containers are that no executor has.
const STANDALONE: &str = "standalone";
/// The variable the agent's own id is in.
const AGENT_VARIABLE: &str = "MESOS_AGENT_ID";

/// The sandboxes of one agent.
#[derive(Debug)]
pub struct Sandboxes {
    work_dir: PathBuf,
    /// Those of containers this process started last.
    known: Mutex<Known>,
    removals: AtomicU64,
    removals_failed: AtomicU64,
}

/// Sandboxes by their containers, the oldest forgotten first.
#[derive(Debug, Default)]
struct Known {
    paths: BTreeMap<ContainerId, PathBuf>,
    order: VecDeque<ContainerId>,
}

/// How many sandboxes are known by their container alone. Others are found by their links.
const KNOWN_MAX: usize = 16_384;

impl Known {
    fn insert(&mut self, container: ContainerId, sandbox: PathBuf) {
        if self.paths.insert(container.clone(), sandbox).is_none() {
            self.order.push_back(container);
        }
        if self.order.len() > KNOWN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.paths.remove(&oldest);
        }
    }
}

impl Sandboxes {
    /// Links below this folder, which is made when it is missing.
    #[must_use]
    pub fn new(work_dir: impl Into<PathBuf>) -> Self {
        Self {
            work_dir: work_dir.into(),
            known: Mutex::default(),
            removals: AtomicU64::new(0),
            removals_failed: AtomicU64::new(0),
        }
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
        self.known.lock().unwrap_or_else(PoisonError::into_inner).paths.get(container).cloned()
    }

    /// A container was started with this sandbox.
    pub(super) fn note(&self, spec: &ContainerSpec, sandbox: &Path) {
        // Held while links are made: containers of one executor may start at the same time.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(spec.id.clone(), sandbox.to_owned());
        if let Err(problem) = self.link(spec, sandbox) {
            tracing::warn!(%problem, container = %spec.id, "a sandbox could not be linked; its files are not shown");
        }
    }

    /// The sandboxes there are by their links, each with the time something last happened to it.
    pub(super) fn list(&self) -> Vec<(WallTime, ContainerId)> {
        let time = |link: &Path| {
            let at = fs::metadata(link).and_then(|data| data.modified()).ok()?;
            let at = at.duration_since(UNIX_EPOCH).unwrap_or_default();
            Some(WallTime::from_nanos(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)))
        };
        self.links().into_iter().filter_map(|(id, link)| Some((time(&link)?, id))).collect()
    }

    /// The sandboxes there are, by the paths under which they are found.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, PathBuf> {
        let shown = |link: PathBuf| {
            let path = format!("/{}", link.strip_prefix(&self.work_dir).ok()?.to_str()?);
            Some((path, fs::canonicalize(&link).ok()?))
        };
        self.links().into_iter().filter_map(|(_, link)| shown(link)).collect()
    }

    /// Every run's link.
    fn links(&self) -> Vec<(ContainerId, PathBuf)> {
        let mut folders = vec![self.work_dir.join("slaves")];
        // Agents, then a folder of this name, then what is in it, and so on down to the runs.
        for step in [None, Some("frameworks"), None, Some("executors"), None, Some("runs")] {
            folders = match step {
                Some(name) => folders.into_iter().map(|folder| folder.join(name)).collect(),
                None => folders.iter().flat_map(|folder| entries(folder)).collect(),
            };
        }
        folders.push(self.work_dir.join(STANDALONE));
        let runs = folders.iter().flat_map(|folder| entries(folder));
        let named = |link: PathBuf| Some((ContainerId::new(link.file_name()?.to_str()?).ok()?, link));
        runs.filter(|link| link.file_name().is_some_and(|name| name != LATEST)).filter_map(named).collect()
    }

    /// Removes sandboxes and what leads to them.
    pub(super) fn remove(&self, containers: &[ContainerId]) {
        let wanted: BTreeSet<&ContainerId> = containers.iter().collect();
        for (id, link) in self.links().into_iter().filter(|(id, _)| wanted.contains(id)) {
            let count = match remove_run(&link) {
                Ok(()) => &self.removals,
                Err(error) => {
                    tracing::warn!(%error, container = %id, "a sandbox could not be removed");
                    &self.removals_failed
                }
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many this process has removed, and how many it could not: a number of the agent's port.
    #[cfg(feature = "net")]
    pub(super) fn removals(&self) -> (u64, u64) {
        (self.removals.load(Ordering::Relaxed), self.removals_failed.load(Ordering::Relaxed))
    }

    /// How full the disk is, in millionths.
    pub(super) fn used_ppm(&self) -> io::Result<u32> {
        let disk = nix::sys::statvfs::statvfs(&self.work_dir)?;
        let (all, free) = (u128::from(disk.blocks()), u128::from(disk.blocks_available()));
        let used = all.saturating_sub(free).saturating_mul(1_000_000).checked_div(all).unwrap_or(0);
        Ok(u32::try_from(used).unwrap_or(1_000_000))
    }

    fn link(&self, spec: &ContainerSpec, sandbox: &Path) -> io::Result<()> {
        if spec.purpose.is_standalone() {
            let folder = self.work_dir.join(STANDALONE);
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            return replace_link(sandbox, &folder.join(spec.id.as_str()));
        }
        let agent = spec.command.environment.get(AGENT_VARIABLE).cloned().unwrap_or_else(|| "unknown".into());
        let agent = AgentId::new(agent).map_err(io::Error::other)?;
        let runs = self.runs(&agent, &spec.framework_id, &spec.executor_id);
        DirBuilder::new().recursive(true).mode(0o700).create(&runs)?;
        replace_link(sandbox, &runs.join(spec.id.as_str()))?;
        match spec.purpose {
            Purpose::Nested { .. } | Purpose::Debug { .. } => Ok(()),
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
        if part == STANDALONE {
            let id = ContainerId::new(parts.next()?).ok()?;
            let sandbox = fs::canonicalize(self.work_dir.join(STANDALONE).join(id.as_str())).ok()?;
            return Some((sandbox, parts.collect::<Vec<_>>().join("/")));
        }
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

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Removes a sandbox, its link, the newest run's if that was this one, and the executor's folders if nothing is left.
fn remove_run(link: &Path) -> io::Result<()> {
    let sandbox = fs::read_link(link)?;
    match fs::remove_dir_all(&sandbox) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::remove_file(link)?;
    let Some(runs) = link.parent() else { return Ok(()) };
    let latest = runs.join(LATEST);
    if fs::read_link(&latest).ok().as_deref().map(Path::as_os_str) == link.file_name() {
        fs::remove_file(latest)?;
    }
    // A folder that holds something stays.
    for folder in runs.ancestors().take(5) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// Puts a link in place, instead of any other, so that nobody sees none.
fn replace_link(target: &Path, link: &Path) -> io::Result<()> {
    // Not in place of an extension: what follows a dot is what tells containers of one executor apart.
    let mut fresh = link.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
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
    fn containers_of_one_executor_that_start_at_the_same_time_keep_their_own_folders() {
        let folder = tempfile::tempdir().unwrap();
        let sandboxes = Sandboxes::new(folder.path());
        let names: Vec<String> = (0..16).map(|n| format!("e1.{n:016x}")).collect();
        std::thread::scope(|scope| {
            for name in &names {
                let own = folder.path().join("sandboxes").join(name);
                fs::create_dir_all(&own).unwrap();
                let sandboxes = &sandboxes;
                scope.spawn(move || sandboxes.note(&spec(name, Purpose::Task), &own));
            }
        });
        for name in &names {
            let (found, _) = sandboxes.find(&format!("/frameworks/f1/executors/e1/runs/{name}")).unwrap();
            assert_eq!(found.file_name().unwrap().to_str(), Some(name.as_str()));
        }
        assert!(sandboxes.find("/frameworks/f1/executors/e1/runs/latest").is_some());
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
        let listed: BTreeSet<String> = sandboxes.list().into_iter().map(|(_, id)| id.to_string()).collect();
        assert_eq!(listed, ["e1.1", "e1.2", "e1.3"].map(str::to_owned).into());
        sandboxes.remove(&["e1.2".parse().unwrap(), "e9.9".parse().unwrap()]);
        assert!(!boxes[1].exists() && boxes[0].exists());
        assert_eq!(sandboxes.find(&format!("/{runs}/latest")), None);
        sandboxes.remove(&["e1.1".parse().unwrap(), "e1.3".parse().unwrap()]);
        assert!(sandboxes.list().is_empty() && !work.path().join("slaves/a1/frameworks").exists());
        assert!(sandboxes.used_ppm().unwrap() <= 1_000_000);
    }
}
