//! bach: tasks in virtual time, and UDP sockets on groups of them, each of which is a host.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bach::environment::default::Runtime;
use bach::environment::net::queue::Fixed;
use bach::ext::*;
use bach::net::UdpSocket;
use bach::time::{Instant, sleep};
use mesos_peers::{BODY, Exchanged, LATENCY, Peer, Timer};

const PORT: u16 = 1_000;

fn timers(processes: u64, each: u64) -> u64 {
    let sum = Arc::new(AtomicU64::new(0));
    let mut runtime = Runtime::new().with_seed(1);
    runtime.run(|| {
        for number in 0..processes {
            let (mut timer, sum) = (Timer::new(number, each), sum.clone());
            async move {
                while let Some(delay) = timer.next() {
                    sleep(Duration::from_nanos(delay)).await;
                    sum.fetch_add(Instant::now().elapsed_since_start().as_nanos() as u64, Ordering::Relaxed);
                }
            }
            .primary()
            .spawn();
        }
    });
    sum.load(Ordering::Relaxed)
}

fn messages(pairs: u64, round_trips: u64) -> Exchanged {
    let delivered = Arc::new(AtomicU64::new(0));
    // One message is under way at a time; room for thousands would cost more than everything else.
    let network = Fixed::default().with_net_latency(LATENCY);
    let network = network.with_tx_packet_limit(Some(16)).with_rx_packet_limit(Some(16)).with_inflight_limit(Some(16));
    let mut runtime = Runtime::new().with_seed(1).with_net_queues(Some(Box::new(network)));
    runtime.run(|| {
        for pair in 0..pairs {
            let server = format!("server-{pair}");
            let (name, heard) = (server.clone(), delivered.clone());
            async move {
                let socket = UdpSocket::bind(format!("{name}:{PORT}")).await.expect("a free port");
                let mut buffer = [0; 64];
                loop {
                    let (length, from) = socket.recv_from(&mut buffer).await.expect("the host lives");
                    heard.fetch_add(1, Ordering::Relaxed);
                    socket.send_to(&buffer[..length], from).await.expect("the host lives");
                }
            }
            .group(server.clone())
            .spawn();
            let heard = delivered.clone();
            async move {
                let socket = UdpSocket::bind("0.0.0.0:0").await.expect("a free port");
                let server = bach::net::lookup_host(format!("{server}:{PORT}")).await;
                let server = server.expect("it has a name").next().expect("and an address");
                let mut buffer = [0; 64];
                for _ in 0..round_trips {
                    socket.send_to(&BODY, server).await.expect("the host lives");
                    let (length, _) = socket.recv_from(&mut buffer).await.expect("the host lives");
                    assert_eq!(buffer[..length], BODY, "what comes back is what was sent");
                    heard.fetch_add(1, Ordering::Relaxed);
                }
            }
            .group(format!("client-{pair}"))
            .primary()
            .spawn();
        }
    });
    Exchanged { delivered: delivered.load(Ordering::Relaxed), lasted: Some(runtime.elapsed()) }
}

fn main() -> ExitCode {
    Peer { timers: Some(timers), messages: Some(messages), cluster: None }.run()
}
