//! Planted defects, for the tests that prove the checkers find them.
//!
//! Each names a real class of failure (many from the history of Apache Mesos). A machine's options carry at most one; the
//! code asks for it where the defect would sit. This module exists only with the feature `mutants`.

/// One planted defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    ];
}
