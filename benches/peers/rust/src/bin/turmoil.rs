//! turmoil: UDP sockets on hosts of their own, in ticks of a millisecond.
//!
//! No `W1`: its clock knows no time between two ticks.

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use mesos_peers::{BODY, Exchanged, LATENCY, Peer};
use turmoil::net::UdpSocket;

const PORT: u16 = 1_000;

fn messages(pairs: u64, round_trips: u64) -> Exchanged {
    let delivered = Rc::new(Cell::new(0));
    let lasted = Rc::new(Cell::new(Duration::ZERO));
    let mut simulation = turmoil::Builder::new()
        .tick_duration(LATENCY)
        .min_message_latency(LATENCY)
        .max_message_latency(LATENCY)
        .simulation_duration(Duration::MAX)
        .rng_seed(1)
        .build();
    for pair in 0..pairs {
        let server = format!("server-{pair}");
        let heard = delivered.clone();
        simulation.host(server.as_str(), move || {
            let heard = heard.clone();
            async move {
                let socket = UdpSocket::bind(("0.0.0.0", PORT)).await?;
                let mut buffer = [0; 64];
                loop {
                    let (length, from) = socket.recv_from(&mut buffer).await?;
                    heard.set(heard.get() + 1);
                    socket.send_to(&buffer[..length], from).await?;
                }
            }
        });
        let (heard, last) = (delivered.clone(), lasted.clone());
        simulation.client(format!("client-{pair}"), async move {
            let socket = UdpSocket::bind(("0.0.0.0", 0)).await?;
            let mut buffer = [0; 64];
            let begin = turmoil::elapsed();
            for _ in 0..round_trips {
                socket.send_to(&BODY, (server.as_str(), PORT)).await?;
                let (length, _) = socket.recv_from(&mut buffer).await?;
                assert_eq!(buffer[..length], BODY, "what comes back is what was sent");
                heard.set(heard.get() + 1);
            }
            last.set(last.get().max(turmoil::elapsed() - begin));
            Ok(())
        });
    }
    simulation.run().expect("every message comes back");
    Exchanged { delivered: delivered.get(), lasted: Some(lasted.get()) }
}

fn main() -> ExitCode {
    Peer { timers: None, messages: Some(messages), cluster: None }.run()
}
