//! What went wrong in Apache Mesos, by class, and the planted defects that stand for it here.
//!
//! A checker that was never seen to fail checks nothing. So every class of failure this kernel could have is planted, with
//! the feature `mutants`, and must be found from random seeds. The program writes the table (`mesos-sim catalogue`); the
//! tests find a sample of it again on every change.
//!
//! The classes and tickets are those of the Apache Mesos change log. Classes that need what this kernel does not have are not
//! here:
//!
//! | Class | What goes wrong | Why nothing stands for it |
//! |---|---|---|
//! | 41 | the pool of workers is exhausted, and everything waits for it | machines are handled by one thread, one input after the other; nothing in them waits, and there is no pool |
//! | 42 | recursion overflows the stack under load | handlers loop over queues and emit effects, and none calls another machine; the depth of roles is bounded by the length of their names |
//! | 49 | secrets are logged, or views show too much | no machine holds a secret: they belong to the hosts, whose types cannot print them, and whose tests ask for views as somebody who may not see them |
//!
//! Of class 3 only half is here: this kernel lends nothing out that is idle (it has no oversubscription, no estimator and no
//! quality-of-service controller, and no agent offers what is revocable unless its own resources say so), so what stands for
//! it is what a failover does to the books.
//!
#![doc = include_str!("catalogue.md")]

use mesos_core::kernel::Mutant;

/// A class of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Its number in the catalogue.
    pub number: u8,
    /// What goes wrong.
    pub name: &'static str,
    /// Tickets of Apache Mesos where it did.
    pub tickets: &'static [u16],
    /// The defects that stand for it.
    pub mutants: &'static [Mutant],
}

/// Every class that this kernel can exhibit.
pub const CLASSES: &[Class] = &[
    class(1, "a task runs twice", &[10018], &[Mutant::AllowDuplicateTaskId]),
    class(2, "more is used than there is", &[1718], &[Mutant::RecoverTwice, Mutant::KeepAcceptedOffer]),
    class(3, "more is used than there is, after a failover", &[2919, 6317], &[Mutant::ForgetReregisteredTasks]),
    class(4, "quota is exceeded in a hierarchy", &[7402, 8352, 8604], &[Mutant::CountOwnRoleOnly, Mutant::HideQuota]),
    class(6, "two agents have one identity", &[3351, 5396, 7363], &[Mutant::ShareIdentity]),
    class(7, "a task is called over before it is", &[1389, 217], &[Mutant::GiveUpAtDisconnect]),
    class(8, "updates overtake each other", &[1799, 6206, 1620], &[Mutant::SendPastHead, Mutant::AcknowledgeAnything]),
    class(9, "an end is called by another name", &[6026, 7975, 9887], &[Mutant::ExitIsSuccess]),
    class(11, "an exit is missed over a restart", &[8391], &[Mutant::MissExitOverRestart, Mutant::SwallowExit]),
    class(
        12,
        "a task on an unreachable agent is reconciled wrongly",
        &[6445, 7215, 8337],
        &[Mutant::ReconcileUnreachableAsRunning, Mutant::SilentUnreachable, Mutant::SkipUnknownInReconciliation],
    ),
    class(13, "an event is missing from the stream", &[9022, 8942], &[Mutant::OmitChange]),
    class(
        14,
        "what is over is shown as running",
        &[5930, 9750, 1161],
        &[Mutant::KeepMissingTasks, Mutant::ReviveTerminalTask],
    ),
    class(16, "a framework starves", &[3202, 1086], &[Mutant::LeakTerminalResources, Mutant::ServeOnlyFirst]),
    class(17, "what is scarce is never offered", &[9324], &[Mutant::StrandScarce]),
    class(18, "a filter is kept wrongly", &[9856, 7323, 8626], &[Mutant::EternalFilter]),
    class(19, "suppression is kept wrongly", &[9870, 8223], &[Mutant::IgnoreRevive]),
    class(21, "a new leader is not found", &[9426, 8703, 1265, 422], &[Mutant::MissLeaderChange]),
    class(22, "an agent never comes back", &[8341], &[Mutant::NeverRetryRegistration, Mutant::ReregisterWithoutTasks]),
    class(23, "the failover time is not kept", &[8171, 1575, 1219], &[Mutant::ForgetFailoverTimeout]),
    class(
        24,
        "a task hangs before it runs",
        &[2583, 4878, 5763, 8620, 8573],
        &[Mutant::SwallowLaunchFailure, Mutant::SkipReconciliation, Mutant::WaitForExecutorForever],
    ),
    class(26, "something is sent again for ever", &[9434], &[Mutant::RetryForRemoved]),
    class(27, "a stale id ends the master", &[10011, 9419, 10194, 8750], &[Mutant::TrustOfferId]),
    class(
        28,
        "the allocator's books are not the cluster's",
        &[7566, 6986, 6308, 5279, 8470, 9555, 9542, 9975],
        &[Mutant::CountConvertedTwice, Mutant::FreeAgainOnAcknowledgement],
    ),
    class(29, "the removal of a quota is lost", &[9786, 8904], &[Mutant::KeepRemovedQuota]),
    class(31, "what was out of service serves after a failover", &[10116, 10109, 7966], &[Mutant::ForgetDrain]),
    class(32, "news of a task while its framework is away", &[10146, 7991, 535], &[Mutant::ExpectFrameworkConnected]),
    class(33, "one peer takes the cluster down", &[8623], &[Mutant::StepDownOnBadPeer]),
    class(34, "a framework is somebody else from now on", &[2842, 420], &[Mutant::KeepOldRoles]),
    class(
        36,
        "an earlier version is told what it does not know",
        &[7389, 7716, 8090, 6483],
        &[Mutant::AssumeNewFramework, Mutant::KeepOldAgent, Mutant::SayKilling],
    ),
    class(37, "a torn checkpoint is trusted", &[8481, 9281, 9507, 8871, 9356], &[Mutant::TrustTornRecord]),
    class(
        38,
        "a master goes on after a failed write",
        &[1274, 841, 1376],
        &[Mutant::CarryOnAfterFencedWrite, Mutant::AdmitBeforePersisted, Mutant::AcknowledgeBeforeSaved],
    ),
    class(39, "something leaks", &[9852, 9258, 5449, 9557, 5073, 9803], &[Mutant::LeakClosedConnections]),
    class(
        43,
        "cost grows faster than the cluster",
        &[8952, 7521, 3052, 2940, 993, 9948],
        &[Mutant::ReconcileBySearch, Mutant::LookAtAgentsAgain],
    ),
    class(44, "a kill comes while something starts", &[1538, 4985, 5282, 6950, 9131], &[Mutant::ForgetEarlyKill]),
    class(46, "a helper hangs, and all wait", &[8980, 8574, 9308, 9127, 9334], &[Mutant::WaitForHelperForever]),
    class(47, "bad input ends an agent", &[8585, 7346, 9393, 8769, 7690, 7622], &[Mutant::TrustCommand]),
    class(
        48,
        "what comes twice is done twice",
        &[640, 502, 9956],
        &[Mutant::ActOnDuplicates, Mutant::NeverRetryUpdate],
    ),
];

const fn class(number: u8, name: &'static str, tickets: &'static [u16], mutants: &'static [Mutant]) -> Class {
    Class { number, name, tickets, mutants }
}

/// The class a defect stands for.
#[must_use]
pub fn class_of(mutant: Mutant) -> Option<&'static Class> {
    CLASSES.iter().find(|class| class.mutants.contains(&mutant))
}

/// How a defect was found.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Found {
    /// The defect.
    pub mutant: String,
    /// The first seed that finds it; nothing if none of those allowed did.
    pub seed: Option<u64>,
    /// What gave it away.
    pub property: String,
    /// Processor time until then, in seconds.
    pub cpu_secs: f64,
}

/// The table, as Markdown.
#[must_use]
pub fn table(found: &[Found]) -> String {
    let mut text = String::from(
        "| Class | What goes wrong | Tickets | Planted defect | Found by | Seed | CPU time |\n|---|---|---|---|---|---|---|\n",
    );
    for class in CLASSES {
        for mutant in class.mutants {
            let name = format!("{mutant:?}");
            let Some(row) = found.iter().find(|row| row.mutant == name) else { continue };
            let tickets = class.tickets.iter().map(|ticket| format!("MESOS-{ticket}")).collect::<Vec<_>>().join(", ");
            let seed = row.seed.map_or_else(|| "not found".to_owned(), |seed| seed.to_string());
            let (number, what, property, secs) = (class.number, class.name, &row.property, row.cpu_secs);
            text.push_str(&format!(
                "| {number} | {what} | {tickets} | `{name}` | `{property}` | {seed} | {secs:.1} s |\n"
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_planted_defect_stands_for_one_class() {
        for mutant in Mutant::ALL {
            let classes = CLASSES.iter().filter(|class| class.mutants.contains(mutant)).count();
            assert_eq!(classes, 1, "{mutant:?}");
        }
        assert!(CLASSES.is_sorted_by_key(|class| class.number));
    }

    #[test]
    fn the_table_has_a_row_for_each_defect_that_was_looked_for() {
        let found = Found { mutant: "SwallowExit".into(), seed: Some(7), property: "liveness".into(), cpu_secs: 1.25 };
        let text = table(&[found]);
        assert!(text.ends_with(
            "| 11 | an exit is missed over a restart | MESOS-8391 | `SwallowExit` | `liveness` | 7 | 1.2 s |\n"
        ));
        assert_eq!(text.lines().count(), 3);
    }
}
