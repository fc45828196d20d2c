//! `/state`, `/state-summary`, `/slaves`, `/frameworks`, `/tasks`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use mesos_core::net::auth::Sight;
use mesos_core::net::http::{Caller, Hangup, OriginalPath, Overrun, Refusal, Response, axum};
use mesos_core::wire::{self, API_VERSION, v1};
use mesos_core::{AgentId, FrameworkId, TaskState, WallTime};
use serde_json::json;

use super::Asked;
use super::model::{Agent, Executor, Framework, Offer, Recovered, Task, entries};
use super::pieces::Pieces;
use crate::daemon::http::{Context, Shared};
use crate::daemon::view::{Amounts, FrameworkView, Snapshot, TaskRow};

/// What `/tasks` lists when nothing is said (as in Mesos).
const TASKS_LIMIT_DEFAULT: usize = 100;

type Path = Extension<OriginalPath>;

/// Begins an answer that goes on while its reader reads.
fn begin<F>(
    context: Shared,
    sight: Sight,
    path: &str,
    hangup: Hangup,
    write: impl FnOnce(Pieces, Shared, Arc<Snapshot>) -> F + Send + 'static,
) -> Result<Response, Refusal>
where
    F: Future<Output = Result<(), Overrun>> + Send + 'static,
{
    context.leadership.check(path)?;
    let (pieces, response) = Pieces::answer(context.pace);
    let view = context.view.clone();
    view.begin(async move {
        let snapshot = context.seen_by(&sight).await;
        if let Err(error) = write(pieces, context, snapshot).await {
            tracing::debug!(%error, "an answer was broken off");
            // Else it would look whole.
            hangup.hang_up();
        }
    });
    Ok(response)
}

pub(in crate::daemon::http) async fn state(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Path,
    caller: Caller,
    hangup: Hangup,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let sight = context.sight(caller);
    let unreachable = match sight.sees_agents() {
        true => context.look(|master| master.registry().unreachable().len()).await?,
        false => 0,
    };
    let shows_flags = sight.sees_flags();
    begin(context, sight, &path, hangup, async move |mut pieces: Pieces, context: Shared, snapshot: Arc<Snapshot>| {
        pieces.open(b'{');
        about(&mut pieces, &context, &snapshot, unreachable, shows_flags);
        pieces.key("slaves");
        pieces.open(b'[');
        for row in &snapshot.agents {
            agent(&mut pieces, &snapshot, row);
            pieces.hand_over().await?;
        }
        pieces.close(b']');
        pieces.list("recovered_slaves", snapshot.absent.iter().map(|(id, info)| Recovered { id, info }));
        pieces.hand_over().await?;
        all_frameworks(&mut pieces, &snapshot, None).await?;
        pieces.list::<()>("orphan_tasks", []);
        pieces.close(b'}');
        pieces.finish().await
    })
}

/// What a master says of itself.
fn about(pieces: &mut Pieces, context: &Context, snapshot: &Snapshot, unreachable: usize, shows_flags: bool) {
    let is_active = |row: &&Arc<crate::daemon::view::AgentRow>| row.state.is_connected && !row.state.is_leaving;
    let active = snapshot.agents.iter().filter(is_active).count();
    let flags: serde_json::Map<_, _> = context
        .flags
        .iter()
        .filter(|_| shows_flags)
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    let address = &context.address;
    pieces.members_of(&json!({
        "version": API_VERSION,
        "build_date": "",
        "build_time": 0.0,
        "build_user": "",
        "start_time": context.started,
        "elected_time": context.elected(),
        "id": context.master.id().as_str(),
        "pid": address.pid(),
        "hostname": address.hostname,
        "capabilities": ["AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2"],
        "activated_slaves": active,
        "deactivated_slaves": snapshot.agents.len() - active,
        "unreachable_slaves": unreachable,
        "leader": address.pid(),
        "leader_info": {
            "id": context.master.id().as_str(),
            "pid": address.pid(),
            "hostname": address.hostname,
            "port": address.port,
        },
        "flags": flags,
    }));
    if let Some(domain) = &address.domain {
        pieces.member("domain", &wire::json::value(&v1::DomainInfo::from(domain)));
    }
    // As in Mesos, only where it has a name.
    if let Some(cluster) = &context.cluster {
        pieces.member("cluster", cluster);
    }
}

fn agent(pieces: &mut Pieces, snapshot: &Snapshot, row: &crate::daemon::view::AgentRow) {
    let amounts = snapshot.usage().of_agent(&row.state.id);
    let total = &row.state.total;
    pieces.item_open();
    pieces.members_of(&Agent { row, amounts });
    let reserved: serde_json::Map<_, _> =
        total.reserved().iter().map(|(role, own)| (role.as_str().to_owned(), entries(own).into())).collect();
    pieces.member("reserved_resources_full", &reserved);
    pieces.member("unreserved_resources_full", &entries(&total.unreserved()));
    pieces.member("used_resources_full", &entries(&amounts.used));
    pieces.member("offered_resources_full", &entries(&amounts.offered));
    pieces.close(b'}');
}

async fn all_frameworks(pieces: &mut Pieces, snapshot: &Snapshot, only: Option<&FrameworkId>) -> Result<(), Overrun> {
    let is_meant = |view: &&Arc<FrameworkView>| only.is_none_or(|id| view.row.state.id == *id);
    pieces.key("frameworks");
    pieces.open(b'[');
    for view in snapshot.frameworks.iter().filter(is_meant) {
        framework(pieces, snapshot, view).await?;
    }
    pieces.close(b']');
    pieces.key("completed_frameworks");
    pieces.open(b'[');
    for view in snapshot.completed.iter().filter(is_meant) {
        framework(pieces, snapshot, view).await?;
    }
    pieces.close(b']');
    pieces.list::<()>("unregistered_frameworks", []);
    Ok(())
}

async fn framework(pieces: &mut Pieces, snapshot: &Snapshot, view: &FrameworkView) -> Result<(), Overrun> {
    let amounts = snapshot.usage().of_framework(&view.row.state.id);
    pieces.item_open();
    pieces.members_of(&Framework { row: &view.row, amounts });
    for (name, rows) in
        [("tasks", &view.tasks), ("unreachable_tasks", &view.unreachable), ("completed_tasks", &view.completed)]
    {
        pieces.key(name);
        pieces.open(b'[');
        for row in rows {
            pieces.item(&Task(row));
            pieces.hand_over().await?;
        }
        pieces.close(b']');
    }
    pieces.list("offers", view.offers.iter().map(|row| Offer(row)));
    pieces.list("executors", view.executors.iter().map(|row| Executor(row)));
    pieces.close(b'}');
    pieces.hand_over().await
}

pub(in crate::daemon::http) async fn slaves(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Path,
    caller: Caller,
    hangup: Hangup,
    Query(asked): Asked,
) -> Result<Response, Refusal> {
    context.leadership.check(&path)?;
    let sight = context.sight(caller);
    let only = asked.get("slave_id").cloned();
    begin(context, sight, &path, hangup, async move |mut pieces: Pieces, _: Shared, snapshot: Arc<Snapshot>| {
        pieces.open(b'{');
        pieces.key("slaves");
        pieces.open(b'[');
        let is_meant = |id: &AgentId| only.as_deref().is_none_or(|only| id.as_str() == only);
        for row in snapshot.agents.iter().filter(|row| is_meant(&row.state.id)) {
            agent(&mut pieces, &snapshot, row);
            pieces.hand_over().await?;
        }
        pieces.close(b']');
        let absent = snapshot.absent.iter().filter(|(id, _)| is_meant(id));
        pieces.list("recovered_slaves", absent.map(|(id, info)| Recovered { id, info }));
        pieces.close(b'}');
        pieces.finish().await
    })
}

pub(in crate::daemon::http) async fn frameworks(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Path,
    caller: Caller,
    hangup: Hangup,
    Query(asked): Asked,
) -> Result<Response, Refusal> {
    let (only, sight) = (framework_id(&asked)?, context.sight(caller));
    begin(context, sight, &path, hangup, async move |mut pieces: Pieces, _: Shared, snapshot: Arc<Snapshot>| {
        pieces.open(b'{');
        all_frameworks(&mut pieces, &snapshot, only.as_ref()).await?;
        pieces.close(b'}');
        pieces.finish().await
    })
}

fn framework_id(asked: &HashMap<String, String>) -> Result<Option<FrameworkId>, Refusal> {
    let given = asked.get("framework_id").map(|id| FrameworkId::new(id.as_str()));
    given.transpose().map_err(|error| Refusal::bad_request(error.to_string()))
}

/// Which tasks are asked for.
struct Selection {
    framework: Option<FrameworkId>,
    task: Option<String>,
    limit: usize,
    offset: usize,
    is_ascending: bool,
}

impl Selection {
    fn read(asked: &HashMap<String, String>) -> Result<Self, Refusal> {
        let number = |name: &str| {
            let given = asked.get(name).map(|text| text.parse::<i64>());
            let wrong = |_| Refusal::bad_request(format!("Failed to parse query parameter '{name}'; give a number"));
            given.transpose().map_err(wrong)
        };
        // Anything negative means all.
        let limit = match number("limit")? {
            None => TASKS_LIMIT_DEFAULT,
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        Ok(Self {
            framework: framework_id(asked)?,
            task: asked.get("task_id").cloned(),
            limit,
            offset: usize::try_from(number("offset")?.unwrap_or(0)).unwrap_or(0),
            is_ascending: asked.get("order").is_some_and(|order| order == "asc"),
        })
    }

    /// The tasks, by when they were first spoken of; newest first unless asked otherwise.
    fn pick(&self, snapshot: &Snapshot) -> Vec<Arc<TaskRow>> {
        let of = |view: &Arc<FrameworkView>| {
            let is_meant = self.framework.as_ref().is_none_or(|id| view.row.state.id == *id);
            let rows = if is_meant {
                view.tasks.iter().chain(&view.unreachable).chain(&view.completed)
            } else {
                [].iter().chain(&[]).chain(&[])
            };
            rows.filter(|row| self.task.as_deref().is_none_or(|id| row.id().as_str() == id))
                .cloned()
                .collect::<Vec<_>>()
        };
        let mut rows: Vec<_> = snapshot.frameworks.iter().chain(&snapshot.completed).flat_map(of).collect();
        let began = |row: &Arc<TaskRow>| row.statuses.first().map_or_else(WallTime::default, |status| status.at_wall);
        rows.sort_by_key(began);
        if !self.is_ascending {
            rows.reverse();
        }
        rows.into_iter().skip(self.offset).take(self.limit).collect()
    }
}

pub(in crate::daemon::http) async fn tasks(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Path,
    caller: Caller,
    hangup: Hangup,
    Query(asked): Asked,
) -> Result<Response, Refusal> {
    let (selection, sight) = (Selection::read(&asked)?, context.sight(caller));
    begin(context, sight, &path, hangup, async move |mut pieces: Pieces, _: Shared, snapshot: Arc<Snapshot>| {
        pieces.open(b'{');
        pieces.key("tasks");
        pieces.open(b'[');
        for row in selection.pick(&snapshot) {
            pieces.item(&Task(&row));
            pieces.hand_over().await?;
        }
        pieces.close(b']');
        pieces.close(b'}');
        pieces.finish().await
    })
}

/// How many tasks are in each state.
#[derive(Default)]
struct Tally([u64; 14]);

impl Tally {
    const STATES: [(TaskState, &'static str); 14] = [
        (TaskState::Staging, "TASK_STAGING"),
        (TaskState::Starting, "TASK_STARTING"),
        (TaskState::Running, "TASK_RUNNING"),
        (TaskState::Killing, "TASK_KILLING"),
        (TaskState::Finished, "TASK_FINISHED"),
        (TaskState::Killed, "TASK_KILLED"),
        (TaskState::Failed, "TASK_FAILED"),
        (TaskState::Lost, "TASK_LOST"),
        (TaskState::Error, "TASK_ERROR"),
        (TaskState::Unreachable, "TASK_UNREACHABLE"),
        (TaskState::Dropped, "TASK_DROPPED"),
        (TaskState::Gone, "TASK_GONE"),
        (TaskState::GoneByOperator, "TASK_GONE_BY_OPERATOR"),
        (TaskState::Unknown, "TASK_UNKNOWN"),
    ];

    fn count(&mut self, state: TaskState) {
        self.0[state as usize] += 1;
    }

    fn write(&self, pieces: &mut Pieces) {
        for (state, name) in Self::STATES {
            pieces.member(name, &self.0[state as usize]);
        }
    }
}

pub(in crate::daemon::http) async fn summary(
    State(context): State<Shared>,
    Extension(OriginalPath(path)): Path,
    caller: Caller,
    hangup: Hangup,
) -> Result<Response, Refusal> {
    let sight = context.sight(caller);
    begin(context, sight, &path, hangup, async |mut pieces: Pieces, context: Shared, snapshot: Arc<Snapshot>| {
        let mut by_agent: HashMap<&AgentId, (Tally, BTreeSet<&FrameworkId>)> = HashMap::new();
        for view in &snapshot.frameworks {
            for row in view.tasks.iter().chain(&view.completed).chain(&view.unreachable) {
                let (tally, frameworks) = by_agent.entry(&row.agent_id).or_default();
                tally.count(row.state);
                frameworks.insert(&row.framework_id);
            }
        }
        let nothing = (Tally::default(), BTreeSet::new());
        pieces.open(b'{');
        pieces.member("hostname", &context.address.hostname);
        pieces.member("cluster", &context.cluster);
        pieces.key("slaves");
        pieces.open(b'[');
        for row in &snapshot.agents {
            let amounts = snapshot.usage().of_agent(&row.state.id);
            let (tally, frameworks) = by_agent.get(&row.state.id).unwrap_or(&nothing);
            pieces.item_open();
            pieces.members_of(&Agent { row, amounts });
            tally.write(&mut pieces);
            pieces.list("framework_ids", frameworks.iter().map(|id| id.as_str()));
            pieces.close(b'}');
            pieces.hand_over().await?;
        }
        pieces.close(b']');
        pieces.key("frameworks");
        pieces.open(b'[');
        for view in &snapshot.frameworks {
            let amounts: &Amounts = snapshot.usage().of_framework(&view.row.state.id);
            let (mut tally, mut agents) = (Tally::default(), BTreeSet::new());
            for row in view.tasks.iter().chain(&view.completed).chain(&view.unreachable) {
                tally.count(row.state);
                agents.insert(row.agent_id.as_str());
            }
            pieces.item_open();
            pieces.members_of(&Framework { row: &view.row, amounts });
            tally.write(&mut pieces);
            pieces.list("slave_ids", agents);
            pieces.close(b'}');
            pieces.hand_over().await?;
        }
        pieces.close(b']');
        pieces.close(b'}');
        pieces.finish().await
    })
}
