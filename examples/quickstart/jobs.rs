//! The jobs of a build: read from a file, started when their needs are met, tried again when they fail.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use mesos_core::kernel::Record;
use mesos_core::{AgentId, CommandInfo, Resources, SchedulerCx, TaskId, TaskInfo, TaskState, TaskStatus};
use mesos_sim::container::DURATION_ENV;
use serde::{Deserialize, Serialize};

/// Longest a job may take when it is simulated: half of the time after which the simulation is given up.
const SECONDS_MAX: f64 = 1_800.0;

/// A job as the file describes it, and how far it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub name: String,
    run: String,
    cpus: f64,
    mem: f64,
    #[serde(default)]
    retries: u32,
    #[serde(default)]
    needs: Vec<String>,
    seconds: f64,
    #[serde(skip)]
    pub resources: Resources,
    #[serde(skip)]
    folder: Arc<str>,
    #[serde(skip)]
    pub progress: Progress,
}

/// What must outlive the framework.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How often it was started.
    pub attempt: u32,
    /// How often an attempt failed by its own fault, not because its agent was lost.
    pub failures: u32,
    pub state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    #[default]
    Waiting,
    Running,
    Done,
    Failed,
}

/// All jobs of a build.
#[derive(Debug, Clone)]
pub struct Jobs(Vec<Job>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    job: Vec<Job>,
}

impl Jobs {
    /// Reads a file of jobs, each of which must fit `room`. They share `folder`, which they find as `$BUILD`.
    pub fn read(path: &Path, folder: &Path, room: &Resources) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let File { mut job } = toml::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        let names: Vec<String> = job.iter().map(|job| job.name.clone()).collect();
        for (n, job) in job.iter_mut().enumerate() {
            let at = || format!("job {:?} in {}", job.name, path.display());
            TaskId::new(job.name.as_str()).with_context(at)?;
            ensure!(!names[..n].contains(&job.name), "{}: the name is used twice", at());
            // Needs name jobs further up, so they cannot form a circle.
            for need in &job.needs {
                ensure!(
                    names[..n].contains(need),
                    "{}: it needs {need:?}, which is not described above it; needs cannot go in circles",
                    at()
                );
            }
            ensure!(
                (0.0..=SECONDS_MAX).contains(&job.seconds),
                "{}: seconds must be a number from 0 to {SECONDS_MAX}, not {}",
                at(),
                job.seconds
            );
            job.resources = format!("cpus:{};mem:{}", job.cpus, job.mem).parse().with_context(at)?;
            ensure!(!job.resources.is_empty(), "{}: it has neither cpus nor mem; a task needs some", at());
            ensure!(room.contains(&job.resources), "{}: {} is more than an agent has, {room}", at(), job.resources);
            job.folder = folder.display().to_string().into();
        }
        Ok(Self(job))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn restore(&mut self, records: &[Record]) {
        for record in records {
            let job = self.0.iter_mut().find(|job| *job.name == *record.key);
            if let (Some(job), Ok(progress)) = (job, record.decode()) {
                job.progress = progress;
            }
        }
    }

    /// The tasks under way.
    pub fn running(&self) -> Vec<TaskId> {
        self.0.iter().filter(|job| job.progress.state == State::Running).map(Job::task_id).collect()
    }

    /// The job this task is the present attempt of.
    pub fn running_as(&mut self, task: &TaskId) -> Option<&mut Job> {
        self.0.iter_mut().find(|job| job.progress.state == State::Running && job.task_id() == *task)
    }

    /// A job whose needs are met and whose resources are in `left`.
    pub fn next_that_fits(&mut self, left: &Resources) -> Option<&mut Job> {
        let done = |need: &String| self.0.iter().any(|job| job.name == *need && job.progress.state == State::Done);
        let is_ready = |job: &Job| job.progress.state == State::Waiting && job.needs.iter().all(done);
        let place = self.0.iter().position(|job| is_ready(job) && left.contains(&job.resources))?;
        self.0.get_mut(place)
    }

    /// Whether nothing is left to do: all is done, or what failed can never be done.
    pub fn is_over(&self) -> bool {
        self.0.iter().all(|job| job.progress.state == State::Done) || {
            let is_running = self.0.iter().any(|job| job.progress.state == State::Running);
            !is_running && self.0.iter().any(|job| job.progress.state == State::Failed)
        }
    }
}

impl Job {
    fn task_id(&self) -> TaskId {
        TaskId::new(format!("{}.{}", self.name, self.progress.attempt)).expect("the name was checked when it was read")
    }

    /// The next attempt, as a task for this agent. It is launched only when it is remembered, so no attempt is made twice.
    pub fn start(&mut self, cx: &mut SchedulerCx<'_>, agent: &AgentId) -> TaskInfo {
        self.progress.attempt += 1;
        self.progress.state = State::Running;
        cx.remember(self.name.as_str(), &self.progress);
        let seconds = self.seconds.to_string();
        let command = CommandInfo::shell(self.run.as_str()).env("BUILD", &*self.folder).env(DURATION_ENV, seconds);
        TaskInfo::command(self.task_id(), agent.clone(), self.resources.clone(), command)
    }

    /// The present attempt is over. Its update is acknowledged only when that is remembered.
    pub fn end(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) {
        self.progress.failures += u32::from(status.state == TaskState::Failed);
        self.progress.state = match status.state {
            TaskState::Finished => State::Done,
            TaskState::Error => State::Failed,
            _ if self.progress.failures > self.retries => State::Failed,
            _ => State::Waiting,
        };
        cx.remember(self.name.as_str(), &self.progress);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(lines: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.toml");
        std::fs::write(&path, format!("[[job]]\nname = \"a\"\nrun = \"true\"\n{lines}\n")).unwrap();
        format!("{:#}", Jobs::read(&path, folder.path(), &"cpus:4;mem:64".parse().unwrap()).unwrap_err())
    }

    #[test]
    fn what_cannot_run_is_refused_with_its_name() {
        for (lines, why) in [
            ("cpus = 1\nmem = 1\nseconds = inf", "not inf"),
            ("cpus = 1\nmem = 1\nseconds = nan", "not NaN"),
            ("cpus = 1\nmem = 1\nseconds = 1e30", "from 0 to 1800"),
            ("cpus = 1\nmem = 1\nseconds = -5", "from 0 to 1800"),
            ("cpus = 0\nmem = 0\nseconds = 1", "neither cpus nor mem"),
            ("cpus = 5\nmem = 1\nseconds = 1", "more than an agent has"),
            ("cpus = 1\nmem = 1\nseconds = 1\nneeds = [\"b\"]", "circles"),
        ] {
            let refusal = refusal(lines);
            assert!(refusal.contains("job \"a\"") && refusal.contains(why), "{lines}: {refusal}");
        }
    }
}
