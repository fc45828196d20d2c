//! A scheduler that does what the script says and writes down what it hears.

use std::cell::RefCell;
use std::collections::BTreeMap;

use mesos_core::kernel::{Change, Record};
use mesos_core::provider::Action;
use mesos_core::{
    Ack, AgentId, ExecutorId, FrameworkId, Instant, InverseOffer, Offer, OfferId, OperationStatus, Rejection,
    Scheduler, SchedulerCx, TaskStatus,
};

use super::super::argument::{Arguments, read};
use super::super::master::scheduler_call;
use super::super::names::Names;
use super::super::show;

/// What the script holds the puppet by.
#[derive(Debug, Default)]
pub(super) struct Strings {
    /// What it heard since somebody last looked.
    pub(super) heard: Vec<String>,
    /// What it does as soon as it is called.
    pub(super) due: Option<Vec<Action>>,
    /// What it does with the next update.
    pub(super) planned: Vec<Action>,
    /// Whether it acknowledges itself.
    pub(super) is_manual: bool,
    /// Whether its work is done.
    pub(super) is_done: bool,
    pub(super) names: Names,
}

/// The scheduler of a session.
#[derive(Debug, Default)]
pub(super) struct Puppet(RefCell<Strings>);

impl Puppet {
    pub(super) const fn strings(&self) -> &RefCell<Strings> {
        &self.0
    }

    fn hear(&mut self, what: String) {
        self.0.get_mut().heard.push(format!("scheduler: {what}"));
    }
}

impl Scheduler for Puppet {
    fn recovered(&mut self, records: &[Record]) {
        let show = |record: &Record| format!("{}={}", record.key, String::from_utf8_lossy(&record.value));
        self.hear(format!("recovered {}", records.iter().map(show).collect::<Vec<_>>().join(" ")));
    }

    fn subscribed(&mut self, _cx: &mut SchedulerCx<'_>, id: &FrameworkId) {
        self.hear(format!("subscribed {id}"));
    }

    fn offers(&mut self, _cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in offers {
            self.hear(format!("offer {} {} {} {}", offer.id, offer.agent_id, offer.role, offer.resources));
        }
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        let line = show::status(&mut self.0.get_mut().names, status);
        self.hear(format!("update {line}"));
        let strings = self.0.get_mut();
        for action in std::mem::take(&mut strings.planned) {
            cx.emit(action);
        }
        if strings.is_manual { Ack::Manual } else { Ack::Auto }
    }

    fn operation_updated(&mut self, _cx: &mut SchedulerCx<'_>, status: &OperationStatus) -> Ack {
        let line = show::operation_status(&mut self.0.get_mut().names, status);
        self.hear(format!("operation {line}"));
        if self.0.borrow().is_manual { Ack::Manual } else { Ack::Auto }
    }

    fn rescinded(&mut self, _cx: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.hear(format!("rescinded {offer}"));
    }

    fn inverse_offers(&mut self, _cx: &mut SchedulerCx<'_>, offers: Vec<InverseOffer>) {
        for offer in offers {
            self.hear(format!("asked for {} by {}", offer.agent_id, offer.id));
        }
    }

    fn inverse_offer_rescinded(&mut self, _cx: &mut SchedulerCx<'_>, offer: &OfferId) {
        self.hear(format!("not asked any more by {offer}"));
    }

    fn message(&mut self, _cx: &mut SchedulerCx<'_>, agent: &AgentId, executor: &ExecutorId, data: &[u8]) {
        self.hear(format!("message from {executor} on {agent}: {}", String::from_utf8_lossy(data)));
    }

    fn agent_lost(&mut self, _cx: &mut SchedulerCx<'_>, agent: &AgentId) {
        self.hear(format!("agent lost {agent}"));
    }

    fn executor_lost(&mut self, _cx: &mut SchedulerCx<'_>, agent: &AgentId, executor: &ExecutorId) {
        self.hear(format!("executor lost {executor} on {agent}"));
    }

    fn refused(&mut self, _cx: &mut SchedulerCx<'_>, why: &Rejection) {
        self.hear(format!("refused {why}"));
    }

    fn disconnected(&mut self, _cx: &mut SchedulerCx<'_>) {
        self.hear("disconnected".into());
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.borrow().due.is_some().then_some(Instant::ZERO)
    }

    fn tick(&mut self, cx: &mut SchedulerCx<'_>) {
        for action in self.0.get_mut().due.take().unwrap_or_default() {
            cx.emit(action);
        }
    }

    fn is_done(&self) -> bool {
        self.0.borrow().is_done
    }
}

/// What a scheduler may ask for: `save(KEY VALUE)`, `forget(KEY)` and every call.
pub(super) fn actions(
    arguments: &mut Arguments,
    names: &Names,
    offers: &BTreeMap<OfferId, AgentId>,
) -> Result<Vec<Action>, String> {
    let mut actions = Vec::new();
    while let Some(word) = arguments.next_word() {
        let (verb, mut part) = Arguments::nested(&word)?;
        actions.push(match verb.as_str() {
            "save" => {
                let (key, value): (String, String) = (part.word("a key")?, read(&part.word("a value")?)?);
                Action::Save(Change::Put(Record::encode(key, &value)))
            }
            "forget" => Action::Save(Change::Delete(part.word("a key")?.into())),
            verb => Action::Call(scheduler_call(verb, &mut part, names, offers)?),
        });
        part.finish()?;
    }
    Ok(actions)
}
