//! What is said to the master about offers: which are used, kept or refused, and when there should be more.

use mesos_core::{Instant, SchedulerCx};

use super::JobScheduler;
use crate::scheduler::options::{Discipline, Options};

impl JobScheduler {
    /// Answers all offers, and says whether it wants more.
    pub(super) fn answer(&mut self, cx: &mut SchedulerCx<'_>) {
        self.holding_until = None;
        if self.options.keeps_offers {
            return self.hand.launch(cx, self.options.refuse_for, true);
        }
        self.room.forget();
        if !self.hand.is_empty() {
            // A slow thinker was about one job; what is left over may suit the next.
            let is_rest_wanted = self.options.per_offer.is_some() || !self.options.think_per_job.is_zero();
            self.note_refusal();
            self.hand.answer(cx, self.options.refuse_for, is_rest_wanted);
        }
        if !self.queue.is_waiting() && !self.is_suppressed && self.is_subscribed {
            self.is_suppressed = true;
            cx.suppress();
        }
    }

    /// Keeps what it was offered for a job that needs more, but not for ever.
    pub(super) fn hold(&mut self, cx: &mut SchedulerCx<'_>) {
        self.hand.launch(cx, self.options.refuse_for, false);
        if self.hand.is_empty() {
            return;
        }
        self.holding_until.get_or_insert(cx.now.mono + self.options.hold_for);
    }

    pub(super) fn note_refusal(&mut self) {
        let mut before = None;
        for _ in 0..self.options.depth.min(8) {
            let Some(rank) = self.queue.next_waiting(before) else { break };
            let need = &self.queue.job(rank.1).need;
            if !self.refused_for.iter().any(|refused| need.contains(refused)) {
                self.refused_for.push(need.clone());
            }
            before = Some(rank);
            if self.options.discipline == Discipline::Fifo {
                break;
            }
        }
    }

    /// A job has to wait. What is refused at different times is offered again at different times: one that starts all at
    /// once might never see enough together, so that all of it is asked for. Not sooner than the refusal of today runs out.
    pub(super) fn note_lack(&mut self, now: Instant, index: u32) {
        let Options { discipline, refuse_for, keeps_offers, .. } = self.options;
        let is_refusing = !(keeps_offers || refuse_for.is_zero() || discipline == Discipline::Gang);
        let job = self.queue.job(index);
        if is_refusing && job.is_gang && self.ready(index, job) > 1 {
            self.gather_at.get_or_insert(now + refuse_for);
        }
    }

    /// Whether a job may fit on what was refused for others.
    pub(super) fn is_news(&self, index: u32) -> bool {
        let need = &self.queue.job(index).need;
        !self.refused_for.iter().any(|refused| need.contains(refused))
    }

    /// Wants offers, whatever it refused before.
    pub(super) fn ask(&mut self, cx: &mut SchedulerCx<'_>) {
        self.refused_for.clear();
        if self.is_subscribed && self.queue.is_waiting() {
            self.is_suppressed = false;
            cx.revive();
        }
    }
}
