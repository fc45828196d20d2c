//! `/metrics/snapshot` with the names of Mesos, and `/metrics` for Prometheus.
//!
//! Names: Apache Mesos, `docs/monitoring.md`, as far as this master has the numbers.

mod ending;
mod framework;
mod rounds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use mesos_core::net::http::{Response, answer_json, axum};
use mesos_core::net::metrics::{Metrics, real};
use mesos_core::resource::Quantities;
use mesos_core::{Resources, Role, Scalar, TaskState};

use super::{Context, Shared};
use crate::allocator::Tally;
use crate::daemon::view::{Snapshot, Totals};
use crate::master::{Connection, Counters, Endings, Master};
use crate::registry::Duty;

pub(super) async fn snapshot(State(context): State<Shared>) -> Response {
    let all: BTreeMap<String, f64> = context.metrics().await;
    answer_json(serde_json::to_string(&all).expect("numbers by name are JSON"))
}

pub(super) async fn prometheus(State(context): State<Shared>) -> Response {
    collect(&context).await.exposed()
}

impl Context {
    /// All numbers by their names in Mesos.
    pub(super) async fn metrics(&self) -> BTreeMap<String, f64> {
        collect(self).await.by_name()
    }
}

async fn collect(context: &Context) -> Metrics {
    let mut metrics = Metrics::default();
    let is_leading = context.leadership.is_own();
    metrics.gauge("master/elected", f64::from(u8::from(is_leading)));
    metrics.gauge("master/uptime_secs", context.uptime().as_secs_f64());
    metrics.gauge("master/http_subscriptions", real(context.sessions.len() as u64));
    metrics.add_system();
    metrics.add_requests(&context.requests);
    if !is_leading {
        return metrics;
    }
    queues(&mut metrics, context);
    let Ok(asked) = context.look(Asked::of).await else { return metrics };
    let Asked { counters, unreachable, registered, gone, quotas, unfinished, filters, endings } = asked;
    rounds::times(&mut metrics, &context.master.rounds().read());
    rounds::registry(&mut metrics, &context.master.registry().read());
    metrics.gauge("registrar/queued_operations", real(unfinished as u64));
    refusals(&mut metrics, &filters);
    if let Some(shadow) = context.master.shadow() {
        self::shadow(&mut metrics, &shadow.read());
    }
    let tallies = match context.publishes_framework_metrics {
        true => Some(framework::tallies(context).await),
        false => None,
    };
    let look = move |snapshot: Arc<Snapshot>| {
        calls(&mut metrics, &counters);
        agents(&mut metrics, &snapshot, unreachable);
        metrics.gauge("registrar/agents", real(registered as u64));
        metrics.gauge("registrar/gone_agents", real(gone as u64));
        frameworks(&mut metrics, &snapshot);
        if let Some(tallies) = tallies {
            framework::each(&mut metrics, &snapshot, &tallies);
        }
        tasks(&mut metrics, &snapshot);
        history(&mut metrics, &snapshot.totals);
        ending::tasks(&mut metrics, &snapshot.totals, &endings);
        resources(&mut metrics, &snapshot);
        allocator(&mut metrics, &snapshot, &counters, &quotas);
        metrics
    };
    context.view.look(look).await
}

/// What only the master itself knows.
struct Asked {
    counters: Counters,
    unreachable: usize,
    registered: usize,
    gone: usize,
    quotas: Arc<BTreeMap<Role, mesos_core::Quota>>,
    unfinished: usize,
    filters: BTreeMap<Role, u64>,
    endings: Endings,
}

impl Asked {
    fn of(master: &Master) -> Self {
        let registry = master.registry();
        let unreachable = registry.unreachable().len();
        Self {
            counters: *master.counters(),
            unreachable,
            registered: registry.agents().len() + unreachable,
            gone: registry.gone().len(),
            quotas: registry.shared_quotas(),
            unfinished: master.unfinished_writes(),
            filters: master.allocator().filters(),
            endings: master.endings().cloned().unwrap_or_default(),
        }
    }
}

/// What waits for the master: what its peers say, those within the process who look at it, and requests without an answer,
/// that for these numbers among them.
fn queues(metrics: &mut Metrics, context: &Context) {
    let waiting = context.master.waiting();
    metrics.gauge("master/event_queue_messages", real(waiting.arrivals as u64));
    metrics.gauge("master/event_queue_dispatches", real(waiting.looks as u64));
    metrics.gauge("master/event_queue_http_requests", real(context.requests.unanswered()));
    // The allocator is called by the master, and never waited for.
    metrics.gauge("allocator/mesos/event_queue_dispatches", 0.0);
    metrics.gauge("allocator/event_queue_dispatches", 0.0);
    let subscribers = context.subscribers_max - context.subscribers.available_permits();
    metrics.gauge("master/operator_event_stream_subscribers", real(subscribers as u64));
}

/// How many offers are refused for now.
fn refusals(metrics: &mut Metrics, filters: &BTreeMap<Role, u64>) {
    for (role, count) in filters {
        let name = format!("allocator/mesos/offer_filters/roles/{role}/active");
        let labels = [("role", role.as_str())];
        metrics.add_labelled(name, "allocator/mesos/offer_filters/active", &labels, false, real(*count));
    }
}

/// What peers of this master have no message for; tools ask for the numbers all the same.
const NEVER: [&str; 4] = [
    "master/messages_authenticate",
    "master/messages_deactivate_framework",
    "master/messages_resource_request",
    "master/messages_update_slave",
];

fn calls(metrics: &mut Metrics, counters: &Counters) {
    let of = counters;
    for (name, count) in [
        ("master/dropped_messages", of.dropped),
        ("master/messages_decline_offers", of.declines),
        ("master/messages_executor_to_framework", of.executor_messages),
        ("master/messages_exited_executor", of.executors_exited),
        ("master/messages_framework_to_executor", of.framework_messages),
        ("master/messages_kill_task", of.kills),
        ("master/messages_launch_tasks", of.accepts),
        ("master/messages_operation_status_update", of.operation_updates),
        ("master/messages_operation_status_update_acknowledgement", of.operation_acknowledgements),
        ("master/messages_reconcile_operations", of.operation_reconciliations),
        ("master/messages_reconcile_tasks", of.reconciliations),
        ("master/messages_register_framework", of.frameworks_subscribing),
        ("master/messages_register_slave", of.agents_registering),
        ("master/messages_reregister_framework", of.frameworks_resubscribing),
        ("master/messages_reregister_slave", of.agents_reregistering),
        ("master/messages_revive_offers", of.revives),
        ("master/messages_status_update", of.updates + of.updates_invalid),
        ("master/messages_status_update_acknowledgement", of.acknowledgements),
        ("master/messages_suppress_offers", of.suppresses),
        ("master/messages_unregister_framework", of.teardowns),
        ("master/messages_unregister_slave", of.agents_unregistering),
        ("master/invalid_executor_to_framework_messages", of.executor_messages_invalid),
        ("master/invalid_framework_to_executor_messages", of.framework_messages_invalid),
        ("master/invalid_status_updates", of.updates_invalid),
        ("master/invalid_status_update_acknowledgements", of.acknowledgements_invalid),
        ("master/valid_executor_to_framework_messages", of.executor_messages - of.executor_messages_invalid),
        ("master/valid_framework_to_executor_messages", of.framework_messages - of.framework_messages_invalid),
        ("master/valid_status_updates", of.updates),
        ("master/valid_status_update_acknowledgements", of.acknowledgements - of.acknowledgements_invalid),
        ("master/recovery_slave_removals", of.losses_of_absent),
        ("master/slave_removals/reason_registered", of.removals_replaced),
        ("master/slave_removals/reason_unhealthy", of.losses_completed - of.losses_of_absent),
        ("master/slave_removals/reason_unregistered", of.removals_unregistered),
        // An agent is given up in one way; Mesos has names for it from two times.
        ("master/slave_shutdowns_canceled", of.losses_canceled),
        ("master/slave_shutdowns_completed", of.losses_completed),
        ("master/slave_shutdowns_scheduled", of.losses_scheduled),
        ("master/slave_unreachable_canceled", of.losses_canceled),
        ("master/slave_unreachable_completed", of.losses_completed),
        ("master/slave_unreachable_scheduled", of.losses_scheduled),
        ("master/scheduler_calls", of.calls),
        ("master/agent_messages", of.agent_messages),
        ("master/rejected_calls", of.rejections),
        ("master/offers_sent", of.offers),
        ("master/offers_rescinded", of.rescinds),
        ("master/offer_conflicts", of.conflicts),
        ("master/tasks_launched", of.launches),
        ("master/connection_gaps", of.gaps),
        ("master/changes_published", of.published),
    ] {
        metrics.counter(name, count);
    }
    for name in NEVER {
        metrics.counter(name, 0);
    }
}

fn agents(metrics: &mut Metrics, snapshot: &Snapshot, unreachable: usize) {
    let count = |is_meant: &dyn Fn(&crate::master::AgentState) -> bool| {
        real(snapshot.agents.iter().filter(|row| is_meant(&row.state)).count() as u64)
    };
    let is_active = |state: &crate::master::AgentState| state.is_connected && state.duty.is_serving();
    metrics.gauge("master/slaves_active", count(&is_active));
    metrics.gauge("master/slaves_inactive", count(&|state| !is_active(state)));
    metrics.gauge("master/slaves_connected", count(&|state| state.is_connected));
    metrics.gauge("master/slaves_disconnected", count(&|state| !state.is_connected));
    metrics.gauge("master/slaves_unreachable", real(unreachable as u64));
    metrics.gauge("master/slaves_draining", count(&|state| matches!(state.duty, Duty::Draining(_))));
}

fn frameworks(metrics: &mut Metrics, snapshot: &Snapshot) {
    let count = |connection| {
        let rows = snapshot.frameworks.iter();
        real(rows.filter(|view| view.row.state.connection == connection).count() as u64)
    };
    let connected = count(Connection::Connected);
    let disconnected = count(Connection::Disconnected) + count(Connection::Recovered);
    metrics.gauge("master/frameworks_active", connected);
    metrics.gauge("master/frameworks_inactive", disconnected);
    metrics.gauge("master/frameworks_connected", connected);
    metrics.gauge("master/frameworks_disconnected", disconnected);
    let offers = snapshot.frameworks.iter().map(|view| view.offers.len() as u64).sum();
    metrics.gauge("master/outstanding_offers", real(offers));
}

/// States of tasks that have not ended.
const ACTIVE: [(TaskState, &str); 4] = [
    (TaskState::Staging, "staging"),
    (TaskState::Starting, "starting"),
    (TaskState::Running, "running"),
    (TaskState::Killing, "killing"),
];

/// States in which tasks end.
const ENDED: [(TaskState, &str); 8] = [
    (TaskState::Finished, "finished"),
    (TaskState::Failed, "failed"),
    (TaskState::Killed, "killed"),
    (TaskState::Lost, "lost"),
    (TaskState::Error, "error"),
    (TaskState::Dropped, "dropped"),
    (TaskState::Gone, "gone"),
    (TaskState::GoneByOperator, "gone_by_operator"),
];

fn tasks(metrics: &mut Metrics, snapshot: &Snapshot) {
    let mut counts = [0_u64; 14];
    for task in snapshot.frameworks.iter().flat_map(|view| &view.tasks) {
        counts[task.state as usize] += 1;
    }
    for (state, name) in ACTIVE {
        metrics.gauge(&format!("master/tasks_{name}"), real(counts[state as usize]));
    }
    let unreachable = snapshot.frameworks.iter().map(|view| view.unreachable.len() as u64).sum();
    metrics.gauge("master/tasks_unreachable", real(unreachable));
}

fn history(metrics: &mut Metrics, totals: &Totals) {
    metrics.counter("master/slave_registrations", totals.agents_added);
    metrics.counter("master/slave_reregistrations", totals.agents_returned);
    metrics.counter("master/slave_removals", totals.agents_removed);
    metrics.counter("master/framework_registrations", totals.frameworks_added);
    metrics.counter("master/framework_removals", totals.frameworks_removed);
}

/// In the order of [`Resources::plain_scalars`].
const NAMES: [&str; 4] = ["cpus", "mem", "disk", "gpus"];

fn amounts(resources: &Resources) -> [Scalar; 4] {
    [resources.cpus(), resources.mem(), resources.disk(), resources.gpus()]
}

fn ratio(part: Scalar, whole: Scalar) -> f64 {
    if whole.is_zero() { 0.0 } else { part.to_f64() / whole.to_f64() }
}

fn resources(metrics: &mut Metrics, snapshot: &Snapshot) {
    let (mut total, mut used) = ([[Scalar::ZERO; 4]; 2], [[Scalar::ZERO; 4]; 2]);
    for row in snapshot.agents.iter().filter(|row| row.state.is_connected) {
        let own = &snapshot.usage().of_agent(&row.state.id).used;
        for (kind, (has, uses)) in
            [(row.state.total.non_revocable(), own.non_revocable()), (row.state.total.revocable(), own.revocable())]
                .into_iter()
                .enumerate()
        {
            for slot in 0..4 {
                total[kind][slot] += amounts(&has)[slot];
                used[kind][slot] += amounts(&uses)[slot];
            }
        }
    }
    for (kind, suffix) in ["", "_revocable"].iter().enumerate() {
        for (slot, name) in NAMES.iter().enumerate() {
            let (total, used) = (total[kind][slot], used[kind][slot]);
            metrics.gauge(&format!("master/{name}{suffix}_total"), total.to_f64());
            metrics.gauge(&format!("master/{name}{suffix}_used"), used.to_f64());
            metrics.gauge(&format!("master/{name}{suffix}_percent"), ratio(used, total));
        }
    }
}

/// What a candidate beside the allocator would have done otherwise.
fn shadow(metrics: &mut Metrics, tally: &Tally) {
    metrics.counter("allocator/shadow/rounds", tally.rounds);
    metrics.counter("allocator/shadow/rounds_that_differ", tally.rounds_that_differ);
    metrics.counter("allocator/shadow/grants_agreed", tally.grants_agreed);
    metrics.counter("allocator/shadow/grants_that_differ", tally.grants_that_differ);
    for (role, own) in &tally.by_role {
        let labels = [("role", role.as_str())];
        let name = format!("allocator/shadow/roles/{role}/grants_that_differ");
        let family = "allocator/shadow/role/grants_that_differ";
        metrics.add_labelled(name, family, &labels, true, real(own.grants_that_differ));
    }
}

fn allocator(
    metrics: &mut Metrics,
    snapshot: &Snapshot,
    counters: &Counters,
    quotas: &BTreeMap<Role, mesos_core::Quota>,
) {
    metrics.counter("allocator/mesos/allocation_runs", counters.rounds);
    let roles = snapshot.roles();
    let mut total = [Scalar::ZERO; 4];
    for row in &snapshot.agents {
        for (sum, own) in total.iter_mut().zip(amounts(&row.state.total)) {
            *sum += own;
        }
    }
    let mut taken = [Scalar::ZERO; 4];
    for (role, own) in &roles {
        let allocated = amounts(&own.allocated);
        let shares = allocated.iter().zip(total).map(|(part, whole)| ratio(*part, whole));
        let dominant = shares.fold(0.0, f64::max);
        let name = format!("allocator/mesos/roles/{role}/shares/dominant");
        let labels = [("role", role.as_str())];
        metrics.add_labelled(name, "allocator/mesos/role/shares/dominant", &labels, false, dominant);
        for (sum, part) in taken.iter_mut().zip(allocated) {
            *sum += part;
        }
    }
    for (slot, name) in NAMES.iter().enumerate() {
        for (what, amount) in [("total", total[slot]), ("offered_or_allocated", taken[slot])] {
            let mesos = format!("allocator/mesos/resources/{name}/{what}");
            let family = format!("allocator/mesos/resources/{what}");
            metrics.add_labelled(mesos, &family, &[("resource", name)], false, amount.to_f64());
        }
    }
    for (role, quota) in quotas {
        let kinds = quota.guarantees().iter().map(|pair| ("guarantee", pair));
        for (kind, (name, amount)) in kinds.chain(quota.limits().iter().map(|pair| ("limit", pair))) {
            let mesos = format!("allocator/mesos/quota/roles/{role}/resources/{}/{kind}", name.as_str());
            let labels = [("role", role.as_str()), ("resource", name.as_str())];
            let family = format!("allocator/mesos/quota/{kind}");
            metrics.add_labelled(mesos, &family, &labels, false, amount.to_f64());
        }
        // What the role has, and what those below it have.
        let own = roles.iter().filter(|(other, _)| *other == role || other.is_below(role));
        let taken: Quantities = own.map(|(_, own)| own.allocated.quantities()).sum();
        let names: BTreeSet<_> = quota.guarantees().iter().chain(quota.limits().iter()).map(|(name, _)| name).collect();
        for name in names {
            let mesos = format!("allocator/mesos/quota/roles/{role}/resources/{}/offered_or_allocated", name.as_str());
            let labels = [("role", role.as_str()), ("resource", name.as_str())];
            let amount = taken.get(name).to_f64();
            metrics.add_labelled(mesos, "allocator/mesos/quota/offered_or_allocated", &labels, false, amount);
        }
    }
}

/// Seconds since 1970, with a fraction.
pub(super) fn seconds_now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
