//! Framework and master.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::constraint::OfferConstraints;
use crate::error::Rejection;
use crate::feedback::OperationStatus;
use crate::framework::FrameworkInfo;
use crate::id::{AgentId, ExecutorId, FrameworkId, MasterId, OfferId, OperationId, TaskId, UpdateId};
use crate::maintenance::InverseOffer;
use crate::offer::{Filters, Offer};
use crate::operation::Operation;
use crate::role::Role;
use crate::task::{KillPolicy, TaskStatus};

/// What a framework asks of the master.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Call {
    /// First on a connection: makes it the framework's. With an id, the framework fails over and the new connection wins.
    Subscribe {
        /// Who subscribes.
        info: Box<FrameworkInfo>,
        /// Roles it wants no offers for until it revives them; replaces what was suppressed before.
        suppressed: BTreeSet<Role>,
        /// What it demands of agents; replaces what it demanded before.
        #[serde(default)]
        constraints: Arc<OfferConstraints>,
    },
    /// Changes the description. Who the framework is (its id and principal), its user and whether agents checkpoint its tasks
    /// stay as they are; of roles that are given up the offers are rescinded, what runs stays.
    UpdateFramework {
        /// The whole new description.
        info: Box<FrameworkInfo>,
        /// Roles it wants no offers for; replaces what was suppressed before.
        suppressed: BTreeSet<Role>,
        /// What it demands of agents; replaces what it demanded before.
        #[serde(default)]
        constraints: Arc<OfferConstraints>,
    },
    /// Ends the framework: its tasks are killed and its id can never be used again.
    Teardown,
    /// Uses offers.
    Accept {
        /// Offers of one agent and one role.
        offers: Vec<OfferId>,
        /// What to do with them, in order.
        operations: Vec<Operation>,
        /// For what is left over.
        filters: Filters,
    },
    /// Refuses offers; unknown ids are ignored.
    Decline {
        /// Which.
        offers: Vec<OfferId>,
        /// For how long not to offer the same again.
        filters: Filters,
    },
    /// Will let go of agents in time; unknown ids are ignored.
    AcceptInverseOffers {
        /// Which requests.
        offers: Vec<OfferId>,
        /// For how long not to ask again.
        filters: Filters,
    },
    /// Will not, or cannot, let go of agents; unknown ids are ignored.
    DeclineInverseOffers {
        /// Which requests.
        offers: Vec<OfferId>,
        /// For how long not to ask again.
        filters: Filters,
    },
    /// Wants offers again and drops its filters; no roles means all.
    Revive {
        /// For which roles.
        roles: BTreeSet<Role>,
    },
    /// Wants no offers; those out stay valid. No roles means all.
    Suppress {
        /// For which roles.
        roles: BTreeSet<Role>,
    },
    /// Ends a task. Best effort: ask again, or reconcile, when no update comes.
    Kill {
        /// Which.
        task_id: TaskId,
        /// Where it is thought to be; a wrong agent makes the call void.
        agent_id: Option<AgentId>,
        /// Instead of the task's own policy.
        policy: Option<KillPolicy>,
    },
    /// Ends an executor and its tasks.
    Shutdown {
        /// Which.
        executor_id: ExecutorId,
        /// Where.
        agent_id: AgentId,
    },
    /// Has taken note of an update that carried a uuid.
    Acknowledge {
        /// Whose update.
        task_id: TaskId,
        /// From which agent.
        agent_id: AgentId,
        /// Which update.
        uuid: UpdateId,
    },
    /// Asks for the state of tasks; none named means all the master knows.
    Reconcile {
        /// Which, and where they are thought to be.
        tasks: Vec<(TaskId, Option<AgentId>)>,
    },
    /// Has taken note of what was said of an operation, if it carried a uuid.
    AcknowledgeOperation {
        /// Which operation.
        operation_id: OperationId,
        /// From which agent.
        agent_id: AgentId,
        /// Which status.
        uuid: UpdateId,
    },
    /// Asks what became of operations; none named means all the master knows.
    ReconcileOperations {
        /// Which, and where they are thought to be.
        operations: Vec<(OperationId, Option<AgentId>)>,
    },
    /// Bytes for an executor, best effort.
    Message {
        /// For which executor.
        executor_id: ExecutorId,
        /// On which agent.
        agent_id: AgentId,
        /// The bytes.
        data: Arc<[u8]>,
    },
}

impl Call {
    /// Its name, for messages and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Subscribe { .. } => "SUBSCRIBE",
            Self::UpdateFramework { .. } => "UPDATE_FRAMEWORK",
            Self::Teardown => "TEARDOWN",
            Self::Accept { .. } => "ACCEPT",
            Self::Decline { .. } => "DECLINE",
            Self::AcceptInverseOffers { .. } => "ACCEPT_INVERSE_OFFERS",
            Self::DeclineInverseOffers { .. } => "DECLINE_INVERSE_OFFERS",
            Self::Revive { .. } => "REVIVE",
            Self::Suppress { .. } => "SUPPRESS",
            Self::Kill { .. } => "KILL",
            Self::Shutdown { .. } => "SHUTDOWN",
            Self::Acknowledge { .. } => "ACKNOWLEDGE",
            Self::Reconcile { .. } => "RECONCILE",
            Self::AcknowledgeOperation { .. } => "ACKNOWLEDGE_OPERATION_STATUS",
            Self::ReconcileOperations { .. } => "RECONCILE_OPERATIONS",
            Self::Message { .. } => "MESSAGE",
        }
    }
}

/// What the master tells a framework.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Event {
    /// The subscription holds.
    Subscribed {
        /// The framework's id: keep it, to fail over.
        framework_id: FrameworkId,
        /// Which master.
        master_id: MasterId,
        /// How often a [`Heartbeat`](Self::Heartbeat) comes.
        heartbeat_every: Duration,
    },
    /// Resources to use or refuse.
    Offers(Vec<Offer>),
    /// An offer that cannot be used any more.
    Rescind(OfferId),
    /// Requests to give agents back, to accept or decline.
    InverseOffers(Vec<InverseOffer>),
    /// A request that needs no answer any more.
    RescindInverseOffer(OfferId),
    /// News of a task.
    Update(Arc<TaskStatus>),
    /// News of an operation that has an id.
    OperationUpdate(Box<OperationStatus>),
    /// Bytes from an executor.
    Message {
        /// From which executor.
        executor_id: ExecutorId,
        /// On which agent.
        agent_id: AgentId,
        /// The bytes.
        data: Arc<[u8]>,
    },
    /// An agent is lost, or an executor on it ended. A hint: what counts are the updates of the tasks.
    Failure {
        /// Which agent.
        agent_id: AgentId,
        /// Which executor; none when the whole agent is meant.
        executor_id: Option<ExecutorId>,
        /// How the executor ended, as a wait status of the system; -1 when nobody knows. None for an agent.
        status: Option<i32>,
    },
    /// A call was refused. Followed by the end of the connection when the subscription itself was.
    Error(Rejection),
    /// The connection lives.
    Heartbeat {
        /// How many calls the master has received on this connection: fewer than were sent some time ago means that
        /// calls were lost.
        received: u64,
    },
}

impl Event {
    /// Its name, for messages and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Subscribed { .. } => "SUBSCRIBED",
            Self::Offers(_) => "OFFERS",
            Self::Rescind(_) => "RESCIND",
            Self::InverseOffers(_) => "INVERSE_OFFERS",
            Self::RescindInverseOffer(_) => "RESCIND_INVERSE_OFFER",
            Self::Update(_) => "UPDATE",
            Self::OperationUpdate(_) => "UPDATE_OPERATION_STATUS",
            Self::Message { .. } => "MESSAGE",
            Self::Failure { .. } => "FAILURE",
            Self::Error(_) => "ERROR",
            Self::Heartbeat { .. } => "HEARTBEAT",
        }
    }
}
