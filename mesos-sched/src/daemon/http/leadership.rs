//! Whether this master may answer, and who would.

use mesos_core::Detector;
use mesos_core::call::Leader;
use mesos_core::daemon::Task;
use mesos_core::net::http::Refusal;
use tokio::sync::watch;

use super::metrics::seconds_now;
use crate::daemon::Lead;

/// Who leads, as far as this process knows.
#[derive(Debug, Clone)]
pub(super) struct Leadership {
    lead: watch::Receiver<Lead>,
    leader: watch::Receiver<Option<Leader>>,
    /// In seconds since 1970.
    elected: watch::Receiver<Option<f64>>,
}

impl Leadership {
    /// Watches as long as the task lives.
    pub(super) fn watch(lead: watch::Receiver<Lead>, mut detector: Box<dyn Detector>) -> (Self, Task) {
        let (found, leader) = watch::channel(None);
        let (noted, elected) = watch::channel(None);
        let mut own = lead.clone();
        let task = Task::spawn(async move {
            let detection = async {
                loop {
                    let previous = found.borrow().clone();
                    let next = detector.detect(previous).await;
                    found.send_replace(next);
                }
            };
            let election = async {
                if own.wait_for(|lead| matches!(lead, Lead::Leading(_))).await.is_ok() {
                    noted.send_replace(Some(seconds_now()));
                }
                std::future::pending::<()>().await;
            };
            tokio::join!(detection, election);
        });
        (Self { lead, leader, elected }, task)
    }

    /// Whether this master leads.
    pub(super) fn is_own(&self) -> bool {
        matches!(*self.lead.borrow(), Lead::Leading(_))
    }

    /// When this master was elected, in seconds since 1970.
    pub(super) fn elected(&self) -> Option<f64> {
        *self.elected.borrow()
    }

    /// The leader, if one is known.
    pub(super) fn leader(&self) -> Option<Leader> {
        self.leader.borrow().clone()
    }

    /// Lets pass while this master leads; otherwise says who does.
    pub(super) fn check(&self, path_and_query: &str) -> Result<(), Refusal> {
        match *self.lead.borrow() {
            Lead::Leading(_) => Ok(()),
            Lead::Recovering => Err(Refusal::unavailable("Master has not finished recovery")),
            Lead::Waiting | Lead::Ended => Err(self.elsewhere(path_and_query)),
        }
    }

    /// Where the leader is.
    pub(super) fn elsewhere(&self, path_and_query: &str) -> Refusal {
        match self.leader() {
            Some(leader) => Refusal::redirect(&leader.address, path_and_query),
            None => Refusal::unavailable("No leader elected"),
        }
    }
}
