//! Finds the leading master among addresses, and keeps looking.
//!
//! Every address is asked who leads and says so again after every change, for as long as the connection stands. Masters may
//! disagree for a moment; the answer of the highest term counts. What cannot be reached is asked again, after a time that
//! doubles from a tenth of a second to five seconds, plus chance, so that a crowd does not come back as one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio_stream::StreamExt as _;

use super::connector::{Dialer, client};
use super::proto::kernel;
use crate::call::Leader;
use crate::daemon::{Task, entropy};
use crate::error::Rejection;
use crate::id::MasterId;
use crate::kernel::Term;
use crate::provider::Detector;

const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// What a master says about who leads, for its [service](super::KernelService).
#[must_use]
pub fn leadership(first: Option<Leader>) -> (watch::Sender<Option<Leader>>, watch::Receiver<Option<Leader>>) {
    watch::channel(first)
}

impl From<Option<&Leader>> for kernel::Leadership {
    fn from(leader: Option<&Leader>) -> Self {
        let leader = leader.map(|leader| kernel::Leader {
            master_id: leader.id.as_str().to_owned(),
            address: (*leader.address).to_owned(),
            term: leader.term.0,
        });
        Self { leader }
    }
}

impl TryFrom<kernel::Leader> for Leader {
    type Error = Rejection;

    fn try_from(leader: kernel::Leader) -> Result<Self, Rejection> {
        let id = MasterId::new(leader.master_id).map_err(|error| {
            Rejection::new(crate::error::RejectionCode::InvalidId, error.to_string(), "correct the master's id")
        })?;
        Ok(Self { id, address: leader.address.into(), term: Term(leader.term) })
    }
}

type Opinions = BTreeMap<usize, Leader>;

/// Asks masters at known addresses who leads.
#[derive(Debug)]
pub struct RemoteDetector {
    opinions: watch::Receiver<Opinions>,
    _asking: Vec<Task>,
}

impl RemoteDetector {
    /// Begins to ask. Must be called inside a tokio runtime. Addresses are `host:port`.
    #[must_use]
    pub fn new(addresses: impl IntoIterator<Item = impl Into<Arc<str>>>, dialer: Dialer) -> Self {
        let (told, opinions) = watch::channel(Opinions::new());
        let ask = |(index, address): (usize, Arc<str>)| {
            let (dialer, told) = (dialer.clone(), told.clone());
            Task::spawn(async move { keep_asking(index, &address, &dialer, &told).await })
        };
        let asking = addresses.into_iter().map(Into::into).enumerate().map(ask).collect();
        Self { opinions, _asking: asking }
    }
}

#[async_trait]
impl Detector for RemoteDetector {
    async fn detect(&mut self, previous: Option<Leader>) -> Option<Leader> {
        let newest = |opinions: &Opinions| opinions.values().max_by_key(|leader| leader.term).cloned();
        let found = self.opinions.wait_for(|opinions| newest(opinions) != previous).await;
        let Ok(found) = found.map(|opinions| newest(&opinions)) else {
            // Nobody asks any more: there were no addresses.
            return std::future::pending().await;
        };
        found
    }
}

async fn keep_asking(index: usize, address: &Arc<str>, dialer: &Dialer, told: &watch::Sender<Opinions>) {
    let mut wait = RETRY_MIN;
    let mut known = None;
    loop {
        match ask(index, address, dialer, told).await {
            Ok(()) => (wait, known) = (RETRY_MIN, None),
            // It is asked for as long as it takes, and said once what is wrong.
            Err(problem) if known.as_ref() != Some(&problem) => {
                tracing::warn!(master = %address, problem, "cannot be asked who leads; it is tried again");
                known = Some(problem);
            }
            Err(_) => {}
        }
        told.send_if_modified(|opinions| opinions.remove(&index).is_some());
        let chance = Duration::from_millis(entropy() % 1_000).min(wait);
        tokio::time::sleep(wait + chance).await;
        wait = (wait * 2).min(RETRY_MAX);
    }
}

/// Hears who leads until the connection ends; whether anything was heard.
async fn ask(index: usize, address: &Arc<str>, dialer: &Dialer, told: &watch::Sender<Opinions>) -> Result<(), String> {
    let mut client = client(dialer, address).await.map_err(|error| error.problem)?;
    let answer = client.watch_leader(kernel::WatchLeaderRequest {}).await.map_err(|status| status.to_string())?;
    let mut answers = answer.into_inner();
    while let Some(Ok(answer)) = answers.next().await {
        let leader = answer.leader.map(Leader::try_from).transpose().map_err(|rejection| rejection.to_string())?;
        told.send_if_modified(|opinions| match leader {
            Some(leader) => opinions.insert(index, leader.clone()) != Some(leader),
            None => opinions.remove(&index).is_some(),
        });
    }
    Ok(())
}
