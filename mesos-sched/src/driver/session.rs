//! Where a driver stands with the master: looking for it, connecting, subscribing, subscribed.
//!
//! ```text
//!   Idle ──attempt──▶ Connecting ──Connected──▶ Subscribing ──SUBSCRIBED──▶ Subscribed
//!    ▲                    │                         │                           │
//!    └──── failed, broken, too late, another leader ┴───────────────────────────┘
//! ```
//!
//! One timer paces the attempts; each may take as long as the pause before the next one.

use std::time::Duration;

use mesos_core::Instant;
use mesos_core::call::{ConnId, Leader};
use mesos_core::kernel::{Inbound, Outbound, Rng};
use mesos_core::{Rejection, RejectionCode};

use super::Options;

/// A connection that stands.
#[derive(Debug)]
pub(super) struct Wire {
    /// Its name.
    pub(super) conn: ConnId,
    /// Numbers what is sent.
    pub(super) outbound: Outbound,
    /// Judges what comes.
    pub(super) inbound: Inbound,
    /// When the master last said something.
    pub(super) heard_at: Instant,
    /// How much was sent when the last heartbeat came.
    pub(super) sent_at_heartbeat: u64,
}

/// How far an attempt is.
#[derive(Debug)]
pub(super) enum Stage {
    /// No connection, and none asked for.
    Idle,
    /// A connection was asked for.
    Connecting,
    /// SUBSCRIBE was sent.
    Subscribing(Wire),
    /// The subscription holds.
    Subscribed {
        /// The connection.
        wire: Wire,
        /// Since when.
        since: Instant,
        /// How often the master says something at least.
        heartbeat_every: Duration,
    },
}

/// Where a driver stands with the master.
#[derive(Debug)]
pub(super) struct Session {
    /// The leader, if one is known.
    pub(super) leader: Option<Leader>,
    /// How far the attempt is.
    pub(super) stage: Stage,
    /// Attempts since the last subscription that lasted.
    attempts: u32,
    /// Counts subscriptions, so that what was said under an earlier one can be told apart.
    pub(super) subscription: u64,
}

/// Heartbeats are never taken to be closer or further apart than this, whatever the master says.
const HEARTBEAT_MIN: Duration = Duration::from_millis(10);
const HEARTBEAT_MAX: Duration = Duration::from_secs(3_600);

impl Session {
    pub(super) const fn new() -> Self {
        Self { leader: None, stage: Stage::Idle, attempts: 0, subscription: 0 }
    }

    /// The connection, if it stands.
    pub(super) const fn wire_mut(&mut self) -> Option<&mut Wire> {
        match &mut self.stage {
            Stage::Subscribing(wire) | Stage::Subscribed { wire, .. } => Some(wire),
            Stage::Idle | Stage::Connecting => None,
        }
    }

    /// The connection's name, if it stands.
    pub(super) const fn conn(&self) -> Option<ConnId> {
        match &self.stage {
            Stage::Subscribing(wire) | Stage::Subscribed { wire, .. } => Some(wire.conn),
            Stage::Idle | Stage::Connecting => None,
        }
    }

    /// Whether the subscription holds.
    pub(super) const fn is_subscribed(&self) -> bool {
        matches!(self.stage, Stage::Subscribed { .. })
    }

    /// The connection asked for stands.
    pub(super) fn observe_connected(&mut self, conn: ConnId, now: Instant) {
        self.stage = Stage::Subscribing(Wire {
            conn,
            outbound: Outbound::default(),
            inbound: Inbound::default(),
            heard_at: now,
            sent_at_heartbeat: 0,
        });
    }

    /// The master accepted the subscription.
    pub(super) fn observe_subscribed(&mut self, heartbeat_every: Duration, now: Instant) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Subscribing(wire) => Stage::Subscribed {
                wire,
                since: now,
                heartbeat_every: heartbeat_every.clamp(HEARTBEAT_MIN, HEARTBEAT_MAX),
            },
            other => other,
        };
        self.subscription += 1;
    }

    /// The connection is gone. Whether there was a subscription.
    pub(super) fn observe_disconnected(&mut self, now: Instant) -> bool {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Subscribed { since, heartbeat_every, .. } => {
                // A subscription that broke at once is another failed attempt, or two runs of one framework that take
                // the subscription from each other would do so many times a second.
                if now.since(since) >= heartbeat_every {
                    self.attempts = 0;
                }
                true
            }
            Stage::Idle | Stage::Connecting | Stage::Subscribing(_) => false,
        }
    }

    /// When the connection counts as broken unless something is heard.
    pub(super) fn silent_at(&self, options: &Options) -> Option<Instant> {
        match &self.stage {
            Stage::Subscribed { wire, heartbeat_every, .. } => {
                Some(wire.heard_at + heartbeat_every.saturating_mul(options.silent_heartbeats))
            }
            _ => None,
        }
    }

    /// Another leader: attempts begin anew.
    pub(super) fn follow(&mut self, leader: Option<Leader>) {
        self.leader = leader;
        self.attempts = 0;
    }

    /// How long to wait before the next attempt, after a subscription or another leader.
    pub(super) fn pause(&self, rng: &mut Rng, options: &Options) -> Duration {
        if self.attempts == 0 { rng.duration(options.connect_jitter_max) } else { self.backoff(rng, options) }
    }

    /// Begins an attempt; how long it may take.
    pub(super) fn begin_attempt(&mut self, rng: &mut Rng, options: &Options) -> Duration {
        self.stage = Stage::Connecting;
        self.attempts = self.attempts.saturating_add(1);
        self.backoff(rng, options)
    }

    /// Between half of and the whole bound of this attempt: random, and never too short for an answer.
    fn backoff(&self, rng: &mut Rng, options: &Options) -> Duration {
        let doublings = self.attempts.saturating_sub(1).min(31);
        let longest = options.subscribe_backoff_min.saturating_mul(1 << doublings).min(options.subscribe_backoff_max);
        rng.duration_between(longest / 2, longest)
    }
}

/// Whether a refused subscription would be refused again, however often it is repeated.
pub(super) const fn is_final(why: &Rejection) -> bool {
    use RejectionCode::{
        FrameworkRemoved, InvalidConstraint, InvalidFramework, InvalidId, InvalidResources, InvalidRole, NotYours,
        Unsupported,
    };
    matches!(
        why.code,
        FrameworkRemoved
            | InvalidConstraint
            | InvalidFramework
            | InvalidId
            | InvalidResources
            | InvalidRole
            | NotYours
            | Unsupported
    )
}
