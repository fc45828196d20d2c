//! A command on a cluster, with its output here.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use mesos_core::daemon::MemoryStore;
use mesos_core::kernel::Rng;
use mesos_core::net::grpc::{GrpcConnector, RemoteDetector};
use mesos_core::{
    Ack, CommandInfo, FrameworkId, FrameworkInfo, Offer, Resources, Role, Scheduler, SchedulerCx, TaskId, TaskInfo,
    TaskState, TaskStatus,
};
use mesos_sched::daemon::{SchedulerDriver, SchedulerSetup};
use mesos_sched::driver::StopReason;
use tokio::sync::mpsc;

use crate::cluster::Cluster;
use crate::sandbox::Follower;

/// Runs a command on the cluster and follows its output; ends as the command ends.
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
pub(crate) struct Execute {
    /// The role to run under.
    #[arg(long, default_value = "*")]
    role: String,
    /// Processors.
    #[arg(long, default_value_t = 0.1)]
    cpus: f64,
    /// Memory in MiB.
    #[arg(long, default_value_t = 32.0)]
    mem: f64,
    /// A name for the task.
    #[arg(long)]
    name: Option<String>,
    /// More environment, as NAME=VALUE.
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// The user to run as; without it, the agent's.
    #[arg(long)]
    user: Option<String>,
    /// Do not follow the output.
    #[arg(long)]
    quiet: bool,
    /// The program and its arguments; one word is a shell line.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// What the scheduler tells the terminal.
#[derive(Debug)]
enum News {
    Subscribed(FrameworkId),
    Waits,
    Placed { hostname: Arc<str>, port: u16 },
    Status(Box<TaskStatus>),
    Refused(String),
}

/// Launches one task once.
struct Once {
    task_id: TaskId,
    name: Arc<str>,
    resources: Resources,
    command: CommandInfo,
    is_launched: bool,
    is_done: bool,
    news: mpsc::Sender<News>,
}

impl Once {
    fn tell(&self, news: News) {
        // So few are told that there is always room; and a terminal that is gone needs nothing.
        let _ = self.news.try_send(news);
    }
}

impl Scheduler for Once {
    fn subscribed(&mut self, _: &mut SchedulerCx<'_>, id: &FrameworkId) {
        self.tell(News::Subscribed(id.clone()));
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in offers {
            if self.is_launched || !offer.resources.unreserved().contains(&self.resources) {
                if !self.is_launched {
                    self.tell(News::Waits);
                }
                cx.decline(&offer);
                continue;
            }
            let (agent_id, resources) = (offer.agent_id.clone(), self.resources.clone());
            let mut task = TaskInfo::command(self.task_id.clone(), agent_id, resources, self.command.clone());
            task.name = self.name.clone();
            cx.launch(&offer, [task]);
            self.is_launched = true;
            self.tell(News::Placed { hostname: offer.agent.hostname.clone(), port: offer.agent.port });
            cx.suppress();
        }
    }

    fn update(&mut self, _: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        if status.task_id == self.task_id {
            self.is_done |= status.state.is_terminal();
            self.tell(News::Status(Box::new(status.clone())));
        }
        Ack::Auto
    }

    fn refused(&mut self, _: &mut SchedulerCx<'_>, why: &mesos_core::Rejection) {
        self.tell(News::Refused(why.to_string()));
    }

    fn is_done(&self) -> bool {
        self.is_done
    }
}

impl Execute {
    pub(crate) async fn run(self, cluster: &Cluster, json: bool) -> anyhow::Result<ExitCode> {
        let (news, mut told) = mpsc::channel(1_024);
        let driver = SchedulerDriver::start(self.setup(cluster, news)?).await?;
        let mut terminal = Terminal::new(&self, json);
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let last = loop {
            tokio::select! {
                news = told.recv() => match news {
                    Some(news) => if let Some(last) = terminal.show(cluster, news).await {
                        break last;
                    },
                    // The driver has ended without the task having done so.
                    None => match driver.join().await?.why {
                        StopReason::Requested => return Ok(ExitCode::from(130)),
                        why => anyhow::bail!("{why}"),
                    },
                },
                _ = &mut interrupted => {
                    eprintln!("interrupted: ends the task");
                    driver.stop(true).await;
                    driver.join().await?;
                    return Ok(ExitCode::from(130));
                }
            }
        };
        terminal.end(&last).await;
        // The end is acknowledged before the framework is gone for good.
        driver.stop(true).await;
        driver.join().await?;
        Ok(code_of(&last))
    }

    fn setup(&self, cluster: &Cluster, news: mpsc::Sender<News>) -> anyhow::Result<SchedulerSetup<Once>> {
        let mut rng = Rng::new(mesos_core::daemon::entropy());
        let task_id = TaskId::new(format!("execute-{}", &rng.update_id().to_string()[..12]))?;
        let mut command = match self.command.as_slice() {
            [line] => CommandInfo::shell(line.as_str()),
            [program, arguments @ ..] => {
                CommandInfo::exec(program.as_str(), arguments.iter().map(String::as_str).collect::<Vec<_>>())
            }
            [] => anyhow::bail!("say what to run"),
        };
        for pair in &self.env {
            let (name, value) = pair.split_once('=').with_context(|| format!("--env {pair:?}: write NAME=VALUE"))?;
            command = command.env(name, value);
        }
        command.user = self.user.as_deref().map(Into::into);
        let name: Arc<str> = self.name.clone().unwrap_or_else(|| self.command.join(" ")).into();
        let mut info = FrameworkInfo::new(format!("mesos execute: {name}"), Role::new(self.role.as_str())?);
        // Nobody comes back for it.
        info.failover_timeout = Duration::ZERO;
        let resources: Resources = format!("cpus:{};mem:{}", self.cpus, self.mem).parse()?;
        let once = Once { task_id, name, resources, command, is_launched: false, is_done: false, news };
        let detector = Box::new(RemoteDetector::new(cluster.masters.clone(), cluster.dialer.clone()));
        let connector = Arc::new(GrpcConnector::new(cluster.dialer.clone()));
        Ok(SchedulerSetup::new(info, Box::new(once), Arc::new(MemoryStore::new()), detector, connector))
    }
}

/// Shows what happens, and the task's output.
struct Terminal {
    json: bool,
    follows: bool,
    has_waited: bool,
    framework: Option<FrameworkId>,
    agent: Option<String>,
    follower: Option<Follower>,
}

impl Terminal {
    fn new(execute: &Execute, json: bool) -> Self {
        let follows = !execute.quiet;
        Self { json, follows, has_waited: false, framework: None, agent: None, follower: None }
    }

    fn say(&self, kind: &str, text: &str) {
        if self.json {
            println!("{}", serde_json::json!({ "event": kind, "text": text }));
        } else {
            eprintln!("{text}");
        }
    }

    /// The last status, when it is the task's end.
    async fn show(&mut self, cluster: &Cluster, news: News) -> Option<TaskStatus> {
        match news {
            News::Subscribed(id) => self.framework = Some(id),
            News::Waits if !self.has_waited => {
                self.has_waited = true;
                self.say("waits", "no offer is large enough yet; waits (Ctrl-C gives up)");
            }
            News::Waits => {}
            News::Placed { hostname, port } => {
                self.say("placed", &format!("goes to {hostname}"));
                self.agent = Some(format!("{hostname}:{port}"));
            }
            News::Refused(why) => self.say("refused", &why),
            News::Status(status) => {
                let message = status.message.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
                self.say("status", &format!("{}{message}", status.state));
                if status.state.is_terminal() {
                    return Some(*status);
                }
                if status.state == TaskState::Running && self.follows && self.follower.is_none() {
                    self.follow(cluster, &status);
                }
            }
        }
        None
    }

    fn follow(&mut self, cluster: &Cluster, status: &TaskStatus) {
        let (Some(framework), Some(agent)) = (&self.framework, &self.agent) else { return };
        let executor = status.executor_id.as_ref().map_or(status.task_id.as_str(), |id| id.as_str());
        let folder = format!("/frameworks/{framework}/executors/{executor}/runs/latest");
        self.follower = Some(Follower::begin(cluster.agent(agent), &folder));
    }

    /// Shows the rest of the output.
    async fn end(&mut self, last: &TaskStatus) {
        let Some(follower) = self.follower.take() else {
            return;
        };
        if let Err(problem) = follower.finish().await {
            self.say("output", &format!("the output of {} cannot be shown: {problem}", last.task_id));
        }
    }
}

/// The task's own status where it has one.
fn code_of(status: &TaskStatus) -> ExitCode {
    if status.state == TaskState::Finished {
        return ExitCode::SUCCESS;
    }
    let said = status.message.as_deref().unwrap_or_default();
    let number = |before: &str| said.split(before).nth(1)?.split_whitespace().next()?.parse::<u8>().ok();
    match (number("exited with status "), number("terminated with signal ")) {
        (Some(code), _) if code != 0 => ExitCode::from(code),
        (_, Some(signal)) => ExitCode::from(signal.saturating_add(128)),
        _ => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::{Source, WallTime};

    use super::*;

    fn ended(state: TaskState, said: &str) -> String {
        let status = TaskStatus::new("t".parse().unwrap(), state, Source::Executor, WallTime::default()).saying(said);
        format!("{:?}", code_of(&status))
    }

    #[test]
    fn the_command_ends_as_its_task_ended() {
        let code = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(ended(TaskState::Finished, ""), code(0));
        assert_eq!(ended(TaskState::Failed, "Command exited with status 3"), code(3));
        assert_eq!(ended(TaskState::Killed, "Command terminated with signal 15"), code(143));
        assert_eq!(ended(TaskState::Failed, "no room"), code(1));
        assert_eq!(ended(TaskState::Failed, "Command exited with status 0"), code(1));
    }
}
