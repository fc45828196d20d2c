//! The simulated network between masters and those who connect to them.
//!
//! ```text
//!   client ══ connection ══ master        per direction: first in, first out, each message delayed
//!             Cut   drops or holds what one group sends to another, until it heals
//!             loss, duplication, clogs    per message
//! ```
//!
//! A connection has two ends; each end is open until its machine closes it, its process dies or it hears that the other end
//! is gone. What a message meets at a closed end is a reset, which travels back: that is how a half-open connection is
//! found out. A machine without power answers nothing.
//!
//! This module decides *when* something arrives, if at all; the world puts it on the agenda.

use std::time::Duration;

use mesos_core::Instant;
use mesos_core::call::ConnId;
use mesos_core::kernel::Rng;
use serde::{Deserialize, Serialize};

use crate::node::NodeId;

/// Some nodes, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Group(Vec<NodeId>);

impl Group {
    /// These nodes.
    #[must_use]
    pub fn new(nodes: impl IntoIterator<Item = NodeId>) -> Self {
        let mut nodes: Vec<NodeId> = nodes.into_iter().collect();
        nodes.sort_unstable();
        nodes.dedup();
        Self(nodes)
    }

    /// Whether `node` is one of them.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.0.binary_search(&node).is_ok()
    }

    /// The nodes in order.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.0.iter().copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a cut does to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutMode {
    /// It is gone: a later message on the same connection shows the gap.
    Drop,
    /// It waits until the cut heals, as under TCP when the outage is short.
    Hold,
}

/// Keeps one group from talking to another for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The ones who are cut off.
    pub from: Group,
    /// From these.
    pub to: Group,
    /// Whether answers are cut too.
    pub is_both_ways: bool,
    /// What happens to messages.
    pub mode: CutMode,
}

impl Cut {
    fn blocks(&self, from: NodeId, to: NodeId) -> bool {
        (self.from.contains(from) && self.to.contains(to))
            || (self.is_both_ways && self.from.contains(to) && self.to.contains(from))
    }
}

/// Everything to and from a group takes longer for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clog {
    /// Whose messages.
    pub group: Group,
    /// The longest extra delay; each message draws its own.
    pub extra: Duration,
}

/// How the network is when nothing is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetModel {
    /// Shortest and longest way of a message.
    pub latency: (Duration, Duration),
    /// How long a client tries to connect.
    pub connect_timeout: Duration,
}

impl Default for NetModel {
    /// Round trips of one data centre, and the connect timeout of the daemons.
    fn default() -> Self {
        Self {
            latency: (Duration::from_micros(100), Duration::from_millis(1)),
            connect_timeout: Duration::from_secs(3),
        }
    }
}

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Client,
    Master,
}

impl End {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Client => Self::Master,
            Self::Master => Self::Client,
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

#[derive(Debug)]
pub(crate) struct Conn {
    nodes: [NodeId; 2],
    lives: [u32; 2],
    is_open: [bool; 2],
    /// The last arrival per sending end: what is sent later arrives later.
    last_arrival: [Instant; 2],
}

impl Conn {
    pub(crate) const fn node(&self, end: End) -> NodeId {
        self.nodes[end.index()]
    }

    pub(crate) const fn life(&self, end: End) -> u32 {
        self.lives[end.index()]
    }

    pub(crate) const fn is_open(&self, end: End) -> bool {
        self.is_open[end.index()]
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Arrives(Instant),
    Twice(Instant, Instant),
    Lost,
}

/// What the network did, for reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetStats {
    /// Messages sent.
    pub sent: u64,
    /// Messages lost, by loss or by a cut.
    pub lost: u64,
    /// Messages delivered twice.
    pub duplicated: u64,
    /// Connections made.
    pub connections: u64,
}

/// The network.
#[derive(Debug)]
pub struct Net {
    model: NetModel,
    /// The shortest way of a message, and how much longer the longest is, in nanoseconds.
    shortest: u64,
    span: u64,
    rng: Rng,
    conns: Vec<Conn>,
    cuts: Vec<(u32, Instant, Cut)>,
    clogs: Vec<(u32, Clog)>,
    loss_ppm: u32,
    duplicate_ppm: u32,
    stats: NetStats,
}

impl Net {
    pub(crate) fn new(model: NetModel, rng: Rng) -> Self {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX - 1);
        let (low, high) = model.latency;
        Self {
            model,
            shortest: nanos(low),
            span: nanos(high.saturating_sub(low)),
            rng,
            conns: Vec::new(),
            cuts: Vec::new(),
            clogs: Vec::new(),
            loss_ppm: 0,
            duplicate_ppm: 0,
            stats: NetStats { sent: 0, lost: 0, duplicated: 0, connections: 0 },
        }
    }

    /// What it did so far.
    #[must_use]
    pub const fn stats(&self) -> NetStats {
        self.stats
    }

    /// Whether `from` can reach `to` now.
    #[must_use]
    pub fn reaches(&self, from: NodeId, to: NodeId) -> bool {
        self.cut_between(from, to).is_none()
    }

    /// Whether two nodes can talk to each other now.
    #[must_use]
    pub fn connects(&self, a: NodeId, b: NodeId) -> bool {
        self.reaches(a, b) && self.reaches(b, a)
    }

    fn cut_between(&self, from: NodeId, to: NodeId) -> Option<(CutMode, Instant)> {
        let mut worst: Option<(CutMode, Instant)> = None;
        for (_, until, cut) in self.cuts.iter().filter(|(_, _, cut)| cut.blocks(from, to)) {
            worst = match worst {
                Some((CutMode::Drop, _)) => worst,
                Some((CutMode::Hold, held)) if cut.mode == CutMode::Hold => Some((CutMode::Hold, held.max(*until))),
                _ => Some((cut.mode, *until)),
            };
        }
        worst
    }

    pub(crate) fn set_loss(&mut self, ppm: u32) {
        self.loss_ppm = ppm;
    }

    pub(crate) fn set_duplication(&mut self, ppm: u32) {
        self.duplicate_ppm = ppm;
    }

    /// How many messages are lost and how many come twice, per million.
    #[cfg(test)]
    pub(crate) const fn ills(&self) -> (u32, u32) {
        (self.loss_ppm, self.duplicate_ppm)
    }

    /// Cuts until `until`; the world lifts it then.
    pub(crate) fn cut(&mut self, id: u32, until: Instant, cut: Cut) {
        self.cuts.push((id, until, cut));
    }

    pub(crate) fn clog(&mut self, id: u32, clog: Clog) {
        self.clogs.push((id, clog));
    }

    /// Lifts the cut or clog that was put up under `id`.
    pub(crate) fn lift(&mut self, id: u32) {
        self.cuts.retain(|(own, _, _)| *own != id);
        self.clogs.retain(|(own, _)| *own != id);
    }

    /// One way between two nodes; `None` when it is cut for good (as far as this message is concerned).
    pub(crate) fn way(&mut self, now: Instant, from: NodeId, to: NodeId) -> Option<Instant> {
        let mut at = self.undisturbed(now);
        if !self.cuts.is_empty() {
            match self.cut_between(from, to) {
                None => {}
                Some((CutMode::Drop, _)) => return None,
                Some((CutMode::Hold, until)) => at = until + at.since(now),
            }
        }
        for (_, clog) in &self.clogs {
            if clog.group.contains(from) || clog.group.contains(to) {
                at = at + self.rng.duration(clog.extra);
            }
        }
        Some(at)
    }

    /// When what is sent now arrives if nothing stands in its way.
    fn undisturbed(&mut self, now: Instant) -> Instant {
        let way = self.shortest.saturating_add(self.rng.between(0, self.span));
        Instant::from_nanos(now.as_nanos().saturating_add(way))
    }

    /// Whether messages arrive as they should.
    const fn is_undisturbed(&self) -> bool {
        self.cuts.is_empty() && self.clogs.is_empty() && self.loss_ppm == 0 && self.duplicate_ppm == 0
    }

    /// A new connection: open at the master's end from its first message on, and at the client's once it hears of it.
    pub(crate) fn open(&mut self, client: (NodeId, u32), master: (NodeId, u32)) -> ConnId {
        self.stats.connections += 1;
        self.conns.push(Conn {
            nodes: [client.0, master.0],
            lives: [client.1, master.1],
            is_open: [true, true],
            last_arrival: [Instant::ZERO; 2],
        });
        ConnId(self.conns.len() as u64)
    }

    pub(crate) fn conn(&self, id: ConnId) -> Option<&Conn> {
        self.conns.get(usize::try_from(id.0).ok()?.checked_sub(1)?)
    }

    fn conn_mut(&mut self, id: ConnId) -> Option<&mut Conn> {
        self.conns.get_mut(usize::try_from(id.0).ok()?.checked_sub(1)?)
    }

    /// Closes one end; whether it was open.
    pub(crate) fn close(&mut self, id: ConnId, end: End) -> bool {
        self.conn_mut(id).is_some_and(|conn| std::mem::replace(&mut conn.is_open[end.index()], false))
    }

    /// All connections with an open end at this process.
    pub(crate) fn open_at(&self, node: NodeId, life: u32) -> Vec<(ConnId, End)> {
        let is_own = |conn: &Conn, end| conn.is_open(end) && conn.node(end) == node && conn.life(end) == life;
        (1_u64..)
            .zip(&self.conns)
            .filter_map(|(id, conn)| {
                let end = [End::Client, End::Master].into_iter().find(|end| is_own(conn, *end))?;
                Some((ConnId(id), end))
            })
            .collect()
    }

    /// All connections that are open at both ends, for faults that break one.
    pub(crate) fn standing(&self) -> Vec<ConnId> {
        let standing = (1_u64..).zip(&self.conns).filter(|(_, conn)| conn.is_open == [true, true]);
        standing.map(|(id, _)| ConnId(id)).collect()
    }

    /// Judges a message sent from `end`. Nothing sent on a closed end goes anywhere.
    pub(crate) fn send(&mut self, now: Instant, id: ConnId, end: End) -> Verdict {
        let Some(conn) = self.conn(id) else { return Verdict::Lost };
        if !conn.is_open(end) {
            return Verdict::Lost;
        }
        if self.is_undisturbed() {
            self.stats.sent += 1;
            let at = self.undisturbed(now);
            return Verdict::Arrives(self.in_order(id, end, at));
        }
        let (from, to) = (conn.node(end), conn.node(end.other()));
        self.stats.sent += 1;
        let Some(at) = self.way(now, from, to) else {
            self.stats.lost += 1;
            return Verdict::Lost;
        };
        if self.loss_ppm > 0 && self.rng.chance(self.loss_ppm) {
            self.stats.lost += 1;
            return Verdict::Lost;
        }
        let at = self.in_order(id, end, at);
        if self.duplicate_ppm > 0 && self.rng.chance(self.duplicate_ppm) {
            self.stats.duplicated += 1;
            let again = at + self.rng.duration(self.model.latency.1 * 4);
            return Verdict::Twice(at, again);
        }
        Verdict::Arrives(at)
    }

    /// The end of a connection, or a reset, travels behind what was sent before; `None` when it is cut off.
    pub(crate) fn send_end(&mut self, now: Instant, id: ConnId, end: End) -> Option<Instant> {
        let conn = self.conn(id)?;
        let (from, to) = (conn.node(end), conn.node(end.other()));
        let at = self.way(now, from, to)?;
        Some(self.in_order(id, end, at))
    }

    fn in_order(&mut self, id: ConnId, end: End, at: Instant) -> Instant {
        let conn = self.conn_mut(id).expect("the connection was just looked at");
        let last = &mut conn.last_arrival[end.index()];
        *last = at.max(*last);
        *last
    }

    /// Everything is well again.
    pub(crate) fn heal(&mut self) {
        self.cuts.clear();
        self.clogs.clear();
        self.loss_ppm = 0;
        self.duplicate_ppm = 0;
    }

    pub(crate) const fn connect_timeout(&self) -> Duration {
        self.model.connect_timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId::Agent(0);
    const M: NodeId = NodeId::Master(0);

    fn net() -> Net {
        Net::new(NetModel::default(), Rng::new(1))
    }

    fn at(n: u64) -> Instant {
        Instant::from_nanos(n)
    }

    #[test]
    fn what_is_sent_later_on_a_connection_never_arrives_earlier() {
        let mut net = net();
        let conn = net.open((A, 1), (M, 1));
        let mut last = at(0);
        for n in 0..1_000 {
            let Verdict::Arrives(arrival) = net.send(at(n), conn, End::Client) else { panic!("lost without loss") };
            assert!(arrival >= last);
            last = arrival;
        }
    }

    #[test]
    fn a_one_way_cut_leaves_the_other_way_open() {
        let mut net = net();
        let cut = Cut { from: Group::new([A]), to: Group::new([M]), is_both_ways: false, mode: CutMode::Drop };
        net.cut(7, at(1_000), cut);
        assert!(!net.reaches(A, M) && net.reaches(M, A) && !net.connects(A, M));
        net.lift(7);
        assert!(net.connects(A, M));
    }

    #[test]
    fn a_holding_cut_delays_and_keeps_the_order() {
        let mut net = net();
        let conn = net.open((A, 1), (M, 1));
        let until = Instant::ZERO + Duration::from_secs(5);
        let cut = Cut { from: Group::new([A]), to: Group::new([M]), is_both_ways: true, mode: CutMode::Hold };
        net.cut(1, until, cut);
        let Verdict::Arrives(held) = net.send(at(0), conn, End::Client) else { panic!("a holding cut lost it") };
        assert!(held > until);
        net.heal();
        let Verdict::Arrives(next) = net.send(at(1), conn, End::Client) else { panic!("lost without a cut") };
        assert!(next >= held);
    }

    #[test]
    fn nothing_leaves_a_closed_end() {
        let mut net = net();
        let conn = net.open((A, 1), (M, 1));
        assert!(net.close(conn, End::Client) && !net.close(conn, End::Client));
        assert_eq!(net.send(at(0), conn, End::Client), Verdict::Lost);
        assert_eq!(net.open_at(M, 1), [(conn, End::Master)]);
        assert_eq!(net.open_at(A, 1), []);
    }
}
