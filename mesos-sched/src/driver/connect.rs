//! Finding the leader, connecting, subscribing, and noticing that it is over.

use mesos_core::Scheduler;
use mesos_core::call::scheduler::Call;
use mesos_core::call::{CloseReason, ConnId, Leader};

use super::session::Stage;
use super::{Driver, DriverCx, Effect, Phase, Timer};

impl<S: Scheduler + ?Sized> Driver<S> {
    /// Another master leads, or none.
    pub(super) fn follow(&mut self, cx: &mut DriverCx<'_>, leader: Option<Leader>) {
        if self.session.leader == leader {
            return;
        }
        if self.session.conn().is_some() {
            self.lose(cx, CloseReason::NotLeading);
        }
        self.session.follow(leader);
        self.session.stage = Stage::Idle;
        self.schedule_attempt(cx);
    }

    /// Plans the next attempt, if there is somebody to connect to.
    pub(super) fn schedule_attempt(&mut self, cx: &mut DriverCx<'_>) {
        if self.session.leader.is_none() || self.phase == Phase::Recovering {
            self.timers.cancel(&Timer::Attempt);
            return;
        }
        let pause = self.session.pause(cx.rng, &self.options);
        self.timers.set(Timer::Attempt, cx.now.mono + pause);
    }

    /// Begins an attempt; the timer runs on until the subscription holds, and then begins the next one.
    pub(super) fn attempt(&mut self, cx: &mut DriverCx<'_>) {
        let Some(leader) = self.session.leader.clone() else { return };
        if self.is_overrun && !self.outbox.is_settled() {
            self.timers.set(Timer::Attempt, cx.now.mono + self.options.subscribe_backoff_min);
            return;
        }
        self.is_overrun = false;
        let patience = self.session.begin_attempt(cx.rng, &self.options);
        self.timers.set(Timer::Attempt, cx.now.mono + patience);
        cx.emit(Effect::Connect { leader });
    }

    /// The connection stands: subscribes on it.
    pub(super) fn connected(&mut self, cx: &mut DriverCx<'_>, conn: ConnId) {
        if !matches!(self.session.stage, Stage::Connecting) {
            if self.session.conn() != Some(conn) {
                cx.emit(Effect::Close { conn, why: CloseReason::Superseded });
            }
            return;
        }
        self.session.observe_connected(conn, cx.now.mono);
        let (info, suppressed) = (Box::new(self.info.clone()), self.suppressed.clone());
        let constraints = self.constraints.clone();
        self.send(cx, Call::Subscribe { info, suppressed, constraints });
    }

    /// The connection broke, or could not be made.
    pub(super) fn disconnected(&mut self, cx: &mut DriverCx<'_>, conn: Option<ConnId>) {
        match conn {
            Some(_) if conn == self.session.conn() => self.observe_loss(cx),
            None if matches!(self.session.stage, Stage::Connecting) => self.observe_loss(cx),
            _ => {}
        }
    }

    /// Gives the connection up.
    pub(super) fn lose(&mut self, cx: &mut DriverCx<'_>, why: CloseReason) {
        if let Some(conn) = self.session.conn() {
            tracing::debug!(%conn, %why, "gives the connection up");
            cx.emit(Effect::Close { conn, why });
            self.observe_loss(cx);
        }
    }

    /// The connection is gone. Before the subscription held, the running attempt's timer begins the next one.
    fn observe_loss(&mut self, cx: &mut DriverCx<'_>) {
        if !self.session.observe_disconnected(cx.now.mono) {
            return;
        }
        self.timers.cancel(&Timer::Silence);
        if self.torn_down_in == Some(self.session.subscription) && !std::mem::replace(&mut self.has_made_sure, true) {
            // A master that was told of the teardown ends the connection and says no more: most likely this was it.
            self.timers.set(Timer::Attempt, cx.now.mono);
        } else {
            self.schedule_attempt(cx);
        }
        if self.phase == Phase::Running {
            self.consult(cx, |scheduler, cx| scheduler.disconnected(cx));
        }
    }

    /// Whether the master was silent for too long. Nothing is set anew with every event: the timer looks when it fires.
    pub(super) fn check_silence(&mut self, cx: &mut DriverCx<'_>) {
        match self.session.silent_at(&self.options) {
            Some(at) if at <= cx.now.mono => self.lose(cx, CloseReason::Silent),
            Some(at) => self.timers.set(Timer::Silence, at),
            None => {}
        }
    }
}
