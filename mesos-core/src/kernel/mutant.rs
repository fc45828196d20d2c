//! Planted defects, for the tests that prove the checkers find them.
//!
//! Each names a real class of failure (many from the history of Apache Mesos). A machine's options carry at most one; the
//! code asks for it where the defect would sit. This module exists only with the feature `mutants`.

use serde::{Deserialize, Serialize};

/// One planted defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Mutant {
    /// Master: an agent serves offers before its admission is durable.
    AdmitBeforePersisted,
    /// Master: a fenced or failed write is shrugged off and the master carries on.
    CarryOnAfterFencedWrite,
    /// Master: resources of a declined offer are handed back twice.
    RecoverTwice,
    /// Master: resources of a terminal task are never handed back.
    LeakTerminalResources,
    /// Master: resources of a task that ended are handed back again when its update is acknowledged.
    FreeAgainOnAcknowledgement,
    /// Master: an accepted offer stays on the table.
    KeepAcceptedOffer,
    /// Master: tasks of an agent that became unreachable are dropped without a word to their framework.
    SilentUnreachable,
    /// Master: a second task with a known id is let through.
    AllowDuplicateTaskId,
    /// Master: the answer to an explicit reconciliation of an unknown task is left out.
    SkipUnknownInReconciliation,
    /// Master: a re-registering agent's tasks are not merged into the books.
    ForgetReregisteredTasks,
    /// Master: a task that the master holds and a re-registering agent does not report stays for ever.
    KeepMissingTasks,
    /// Master: a late update of a finished task brings it back to running.
    ReviveTerminalTask,
    /// Master: a new quota is durable and answered, but the allocator never hears of it.
    HideQuota,
    /// Agent: updates behind the head of a stream are sent before the head is acknowledged.
    SendPastHead,
    /// Agent: an unacknowledged update is not sent again.
    NeverRetryUpdate,
    /// Agent: an acknowledgement removes the head whatever update it names.
    AcknowledgeAnything,
    /// Agent: the exit of a container is not reported.
    SwallowExit,
    /// Agent: a re-registration leaves out the tasks that run.
    ReregisterWithoutTasks,
    /// Agent: a kill of a task that is still starting is forgotten.
    ForgetEarlyKill,
    /// Driver: tasks in doubt after a reconnection are not reconciled.
    SkipReconciliation,
    /// Driver: an update is acknowledged before the framework's memory of it is durable.
    AcknowledgeBeforeSaved,
    /// Allocator: a filter never expires.
    EternalFilter,
    /// Allocator: resources converted by a reservation are counted in both forms.
    CountConvertedTwice,
    /// Allocator: a framework that revives stays suppressed.
    IgnoreRevive,
    /// Master: what an agent that comes back was taken out of service for is forgotten: it is offered again.
    ForgetDrain,
    /// Master: the tasks of an agent whose connection breaks are called gone at once.
    GiveUpAtDisconnect,
    /// Master: a framework of an earlier version is told of lost tasks in words it does not know.
    AssumeNewFramework,
    /// Master: the answer about a task on an unreachable agent is that it runs.
    ReconcileUnreachableAsRunning,
    /// Master: a message that comes twice is acted upon twice.
    ActOnDuplicates,
    /// Master: a framework that disconnects is removed at once.
    ForgetFailoverTimeout,
    /// Master: an accept of an offer that is not on the table any more is taken for impossible.
    TrustOfferId,
    /// Master: the allocator never hears of the removal of a quota.
    KeepRemovedQuota,
    /// Master: a connection that is closed stays in the books.
    LeakClosedConnections,
    /// Master: a new agent at the address of an old one gets the identity of that one, with all it had.
    ShareIdentity,
    /// Master: a peer that leaves out a message ends the term.
    StepDownOnBadPeer,
    /// Master: an update for a framework that is away is taken for impossible.
    ExpectFrameworkConnected,
    /// Agent: a new leader is not looked for when the old one was lost before.
    MissLeaderChange,
    /// Agent: a registration nobody answers is not repeated.
    NeverRetryRegistration,
    /// Agent: a container that could not be started is not reported.
    SwallowLaunchFailure,
    /// Agent: a container whose start is never answered is waited for without end.
    WaitForHelperForever,
    /// Agent: every exit of a container is taken for a good one.
    ExitIsSuccess,
    /// Agent: what ended while the agent was down is not reported.
    MissExitOverRestart,
    /// Agent: updates of a removed framework are kept and sent for ever.
    RetryForRemoved,
    /// Agent: a record that cannot be read is passed over.
    TrustTornRecord,
    /// Allocator: a limit of a role counts nothing of the roles below it.
    CountOwnRoleOnly,
    /// Master: a task's new state is not published.
    OmitChange,
    /// Agent: a command that cannot be started is taken for impossible.
    TrustCommand,
    /// Master: the allocator never hears that a framework describes itself anew.
    KeepOldRoles,
    /// Allocator: an agent whose turn it is goes to the role that comes first, or to nobody.
    ServeOnlyFirst,
    /// Allocator: ports and gpus are left out of what is granted.
    StrandScarce,
    /// Agent: an executor whose process never connects is waited for without end.
    WaitForExecutorForever,
    /// Master: for each task that a reconciliation asks about, the tasks of the framework are gone through.
    ReconcileBySearch,
    /// Allocator: a round looks at an agent once for every client instead of once.
    LookAtAgentsAgain,
    /// Master: an agent that is known stays what it was, whatever it comes back as.
    KeepOldAgent,
    /// Master: a framework that went back to an earlier version is told of kills in a word it does not know any more.
    SayKilling,
}

impl Mutant {
    /// Every planted defect.
    pub const ALL: &'static [Self] = &[
        Self::AdmitBeforePersisted,
        Self::CarryOnAfterFencedWrite,
        Self::RecoverTwice,
        Self::LeakTerminalResources,
        Self::FreeAgainOnAcknowledgement,
        Self::KeepAcceptedOffer,
        Self::SilentUnreachable,
        Self::AllowDuplicateTaskId,
        Self::SkipUnknownInReconciliation,
        Self::ForgetReregisteredTasks,
        Self::KeepMissingTasks,
        Self::ReviveTerminalTask,
        Self::HideQuota,
        Self::SendPastHead,
        Self::NeverRetryUpdate,
        Self::AcknowledgeAnything,
        Self::SwallowExit,
        Self::ReregisterWithoutTasks,
        Self::ForgetEarlyKill,
        Self::SkipReconciliation,
        Self::AcknowledgeBeforeSaved,
        Self::EternalFilter,
        Self::CountConvertedTwice,
        Self::IgnoreRevive,
        Self::ForgetDrain,
        Self::GiveUpAtDisconnect,
        Self::AssumeNewFramework,
        Self::ReconcileUnreachableAsRunning,
        Self::ActOnDuplicates,
        Self::ForgetFailoverTimeout,
        Self::TrustOfferId,
        Self::KeepRemovedQuota,
        Self::LeakClosedConnections,
        Self::ShareIdentity,
        Self::StepDownOnBadPeer,
        Self::ExpectFrameworkConnected,
        Self::MissLeaderChange,
        Self::NeverRetryRegistration,
        Self::SwallowLaunchFailure,
        Self::WaitForHelperForever,
        Self::ExitIsSuccess,
        Self::MissExitOverRestart,
        Self::RetryForRemoved,
        Self::TrustTornRecord,
        Self::CountOwnRoleOnly,
        Self::OmitChange,
        Self::TrustCommand,
        Self::KeepOldRoles,
        Self::ServeOnlyFirst,
        Self::StrandScarce,
        Self::WaitForExecutorForever,
        Self::ReconcileBySearch,
        Self::LookAtAgentsAgain,
        Self::KeepOldAgent,
        Self::SayKilling,
    ];
}
