//! simcore, the kernel of DSLab, by callbacks. A message is an event with its body on the heap: there are no sockets.

use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use mesos_peers::cluster::{FirstFit, Outcome, Piece, Start};
use mesos_peers::{BODY, Exchanged, LATENCY, Peer, Timer};
use serde::Serialize;
use simcore::{Event, EventHandler, Id, Simulation, SimulationContext};

#[derive(Clone, Serialize)]
struct Fire;

struct Process {
    timer: Timer,
    cx: SimulationContext,
    sum: Rc<RefCell<u64>>,
}

impl Process {
    /// The simulator's unit is ours to choose: whole nanoseconds stay whole in a double.
    fn arm(&mut self) {
        if let Some(delay) = self.timer.next() {
            self.cx.emit_self(Fire, delay as f64);
        }
    }
}

impl EventHandler for Process {
    fn on(&mut self, event: Event) {
        let mut sum = self.sum.borrow_mut();
        *sum = sum.wrapping_add(event.time as u64);
        drop(sum);
        self.arm();
    }
}

fn timers(processes: u64, each: u64) -> u64 {
    let mut simulation = Simulation::new(1);
    let sum = Rc::new(RefCell::new(0));
    for number in 0..processes {
        let name = number.to_string();
        let cx = simulation.create_context(&name);
        let mut process = Process { timer: Timer::new(number, each), cx, sum: sum.clone() };
        process.arm();
        simulation.add_handler(&name, Rc::new(RefCell::new(process)));
    }
    simulation.step_until_no_events();
    *sum.borrow()
}

#[derive(Clone, Serialize)]
struct Message(Box<[u8]>);

/// Either end of a pair: what it is sent, it sends back as long as it may.
struct End {
    cx: SimulationContext,
    other: Id,
    left: u64,
    delivered: Rc<RefCell<u64>>,
}

impl End {
    /// In seconds, and without `emit_ordered`, which only a network with the same latency everywhere could use.
    fn send(&mut self, body: Box<[u8]>) {
        if self.left > 0 {
            self.left -= 1;
            self.cx.emit(Message(body), self.other, LATENCY.as_secs_f64());
        }
    }
}

impl EventHandler for End {
    fn on(&mut self, event: Event) {
        let Ok(message) = event.data.downcast::<Message>() else { return };
        assert_eq!(*message.0, BODY, "what comes is what was sent");
        *self.delivered.borrow_mut() += 1;
        self.send(message.0[..].into());
    }
}

fn messages(pairs: u64, round_trips: u64) -> Exchanged {
    let mut simulation = Simulation::new(1);
    let delivered = Rc::new(RefCell::new(0));
    for pair in 0..pairs {
        let names = [format!("client-{pair}"), format!("server-{pair}")];
        let [client, server] = names.each_ref().map(|name| simulation.create_context(name));
        let (client_id, server_id) = (client.id(), server.id());
        let mut client = End { cx: client, other: server_id, left: round_trips, delivered: delivered.clone() };
        let server = End { cx: server, other: client_id, left: round_trips, delivered: delivered.clone() };
        client.send(BODY.into());
        simulation.add_handler(&names[0], Rc::new(RefCell::new(client)));
        simulation.add_handler(&names[1], Rc::new(RefCell::new(server)));
    }
    simulation.step_until_no_events();
    let delivered = *delivered.borrow();
    // A double adds a millisecond to itself with an error in the last digits.
    let millis = (simulation.time() * 1e3).round() as u64;
    Exchanged { delivered, lasted: Some(Duration::from_millis(millis)) }
}

#[derive(Clone, Serialize)]
struct Arrival(usize);

#[derive(Clone, Serialize)]
struct Completion(usize);

struct Queue {
    cx: SimulationContext,
    hosts: FirstFit,
    started: Vec<Start>,
}

impl Queue {
    fn await_arrival(&self, piece: usize) {
        if let Some(at) = self.hosts.arrives_at(piece) {
            self.cx.emit_self(Arrival(piece), at - self.cx.time());
        }
    }
}

impl EventHandler for Queue {
    fn on(&mut self, event: Event) {
        if let Some(&Arrival(piece)) = event.data.downcast_ref() {
            self.hosts.arrive(event.time, piece, &mut self.started);
            self.await_arrival(piece + 1);
        } else if let Some(&Completion(piece)) = event.data.downcast_ref() {
            self.hosts.end(event.time, piece, &mut self.started);
        }
        for Start { piece, runs_for } in self.started.drain(..) {
            self.cx.emit_self(Completion(piece), runs_for);
        }
    }
}

fn cluster(pieces: &[Piece]) -> Outcome {
    let mut simulation = Simulation::new(1);
    let cx = simulation.create_context("queue");
    let queue = Rc::new(RefCell::new(Queue { cx, hosts: FirstFit::new(pieces), started: Vec::new() }));
    simulation.add_handler("queue", queue.clone());
    queue.borrow().await_arrival(0);
    simulation.step_until_no_events();
    queue.borrow().hosts.outcome()
}

fn main() -> ExitCode {
    Peer { timers: Some(timers), messages: Some(messages), cluster: Some(cluster) }.run()
}
