//! NeXosim on one thread. A message waits its latency as an event its sender scheduled, and then goes through a port.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mesos_peers::cluster::{FirstFit, Outcome, Piece, Start};
use mesos_peers::{BODY, Exchanged, LATENCY, Peer, Timer};
use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::Output;
use nexosim::simulation::{Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};

/// Shared by all models: they belong to the simulation, which hands none of them back.
static COUNT: AtomicU64 = AtomicU64::new(0);

const BEGIN: MonotonicTime = MonotonicTime::EPOCH;

fn since_begin(time: MonotonicTime) -> Duration {
    time.duration_since(BEGIN)
}

fn simulation() -> SimInit {
    SimInit::with_num_threads(1)
}

#[derive(Serialize, Deserialize)]
struct Process(Timer);

#[Model]
impl Process {
    fn arm(&mut self, cx: &Context<Self>) {
        if let Some(delay) = self.0.next() {
            let delay = Duration::from_nanos(delay);
            cx.schedule_event(delay, schedulable!(Self::fire), ()).expect("it lies ahead");
        }
    }

    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        self.arm(cx);
    }

    #[nexosim(schedulable)]
    fn fire(&mut self, (): (), cx: &Context<Self>) {
        COUNT.fetch_add(since_begin(cx.time()).as_nanos() as u64, Ordering::Relaxed);
        self.arm(cx);
    }
}

fn timers(processes: u64, each: u64) -> u64 {
    let mut bench = simulation();
    for number in 0..processes {
        bench = bench.add_model(Process(Timer::new(number, each)), Mailbox::new(), "process");
    }
    bench.init(BEGIN).expect("it begins").run().expect("every timer fires");
    COUNT.load(Ordering::Relaxed)
}

/// Either end of a pair: what it is sent, it sends back as long as it may.
#[derive(Serialize, Deserialize)]
struct End {
    other: Output<Vec<u8>>,
    left: u64,
    is_first: bool,
}

#[Model]
impl End {
    fn send(&mut self, body: Vec<u8>, cx: &Context<Self>) {
        if self.left > 0 {
            self.left -= 1;
            cx.schedule_event(LATENCY, schedulable!(Self::deliver), body).expect("it lies ahead");
        }
    }

    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        if self.is_first {
            self.send(BODY.into(), cx);
        }
    }

    #[nexosim(schedulable)]
    async fn deliver(&mut self, body: Vec<u8>) {
        self.other.send(body).await;
    }

    fn receive(&mut self, body: Vec<u8>, cx: &Context<Self>) {
        assert_eq!(body, BODY, "what comes is what was sent");
        COUNT.fetch_add(1, Ordering::Relaxed);
        self.send(body, cx);
    }
}

fn messages(pairs: u64, round_trips: u64) -> Exchanged {
    let mut bench = simulation();
    for _ in 0..pairs {
        let end = |is_first| End { other: Output::new(), left: round_trips, is_first };
        let (mut client, mut server) = (end(true), end(false));
        let (to_client, to_server) = (Mailbox::new(), Mailbox::new());
        client.other.connect(End::receive, &to_server);
        server.other.connect(End::receive, &to_client);
        bench = bench.add_model(client, to_client, "client").add_model(server, to_server, "server");
    }
    let mut simulation = bench.init(BEGIN).expect("it begins");
    simulation.run().expect("every message comes");
    Exchanged { delivered: COUNT.load(Ordering::Relaxed), lasted: Some(since_begin(simulation.time())) }
}

/// What is not written out when a simulation is saved: this one never is.
#[derive(Serialize, Deserialize)]
struct Queue {
    #[serde(skip)]
    hosts: FirstFit,
    #[serde(skip)]
    started: Vec<Start>,
    #[serde(skip)]
    shown: Arc<Mutex<Outcome>>,
}

#[Model]
impl Queue {
    fn await_arrival(&mut self, piece: usize, cx: &Context<Self>) {
        if let Some(at) = self.hosts.arrives_at(piece) {
            // Two tasks may come within a nanosecond.
            let at = (BEGIN + Duration::from_secs_f64(at)).max(cx.time() + Duration::from_nanos(1));
            cx.schedule_event(at, schedulable!(Self::arrive), piece).expect("it lies ahead");
        }
    }

    fn await_ends(&mut self, cx: &Context<Self>) {
        for Start { piece, runs_for } in self.started.drain(..) {
            let runs_for = Duration::from_secs_f64(runs_for);
            cx.schedule_event(runs_for, schedulable!(Self::end), piece).expect("it lies ahead");
        }
    }

    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        self.await_arrival(0, cx);
    }

    #[nexosim(schedulable)]
    fn arrive(&mut self, piece: usize, cx: &Context<Self>) {
        let now = since_begin(cx.time()).as_secs_f64();
        self.hosts.arrive(now, piece, &mut self.started);
        self.await_ends(cx);
        self.await_arrival(piece + 1, cx);
    }

    #[nexosim(schedulable)]
    fn end(&mut self, piece: usize, cx: &Context<Self>) {
        let now = since_begin(cx.time()).as_secs_f64();
        self.hosts.end(now, piece, &mut self.started);
        self.await_ends(cx);
        *self.shown.lock().expect("nobody panicked") = self.hosts.outcome();
    }
}

fn cluster(pieces: &[Piece]) -> Outcome {
    let shown = Arc::new(Mutex::new(Outcome::default()));
    let queue = Queue { hosts: FirstFit::new(pieces), started: Vec::new(), shown: shown.clone() };
    let mut simulation = simulation().add_model(queue, Mailbox::new(), "queue").init(BEGIN).expect("it begins");
    simulation.run().expect("every task ends");
    *shown.lock().expect("nobody panicked")
}

fn main() -> ExitCode {
    Peer { timers: Some(timers), messages: Some(messages), cluster: Some(cluster) }.run()
}
