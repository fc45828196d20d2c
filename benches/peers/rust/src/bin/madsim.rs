//! madsim: UDP sockets on nodes of their own. It refuses a latency without a spread and adds some of its own.
//!
//! No `W1`: every step of a task takes it a random time, so that nothing fires when it should.

#[cfg(madsim)]
mod simulated {
    use std::net::Ipv4Addr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use madsim::net::UdpSocket;
    use madsim::runtime::Runtime;
    use mesos_peers::{BODY, Exchanged, LATENCY};

    const PORT: u16 = 1_000;

    /// A host's address in `10.net.0.0/16`.
    fn address(net: u8, pair: u64) -> Ipv4Addr {
        let [.., high, low] = (pair as u16 + 1).to_be_bytes();
        Ipv4Addr::new(10, net, high, low)
    }

    pub(crate) fn messages(pairs: u64, round_trips: u64) -> Exchanged {
        let mut config = madsim::Config::default();
        config.net.send_latency = LATENCY..LATENCY + Duration::from_micros(1);
        let runtime = Runtime::with_seed_and_config(1, config);
        let delivered = Arc::new(AtomicU64::new(0));
        let mut clients = Vec::new();
        for pair in 0..pairs {
            let server = address(1, pair);
            let heard = delivered.clone();
            runtime.create_node().ip(server.into()).build().spawn(async move {
                let socket = UdpSocket::bind((server, PORT)).await.expect("a free port");
                let mut buffer = [0; 64];
                loop {
                    let (length, from) = socket.recv_from(&mut buffer).await.expect("the node lives");
                    heard.fetch_add(1, Ordering::Relaxed);
                    socket.send_to(from, &buffer[..length]).await.expect("the node lives");
                }
            });
            let client = address(2, pair);
            let heard = delivered.clone();
            clients.push(runtime.create_node().ip(client.into()).build().spawn(async move {
                // Servers bind first.
                madsim::time::sleep(Duration::from_millis(10)).await;
                let socket = UdpSocket::bind((client, PORT)).await.expect("a free port");
                let mut buffer = [0; 64];
                for _ in 0..round_trips {
                    socket.send_to((server, PORT), &BODY).await.expect("the node lives");
                    let (length, _) = socket.recv_from(&mut buffer).await.expect("the node lives");
                    assert_eq!(buffer[..length], BODY, "what comes back is what was sent");
                    heard.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        runtime.block_on(async {
            for client in clients {
                client.await.expect("every message comes back");
            }
        });
        drop(runtime);
        Exchanged { delivered: delivered.load(Ordering::Relaxed), lasted: None }
    }
}

fn main() -> std::process::ExitCode {
    #[cfg(madsim)]
    let messages: Option<fn(u64, u64) -> mesos_peers::Exchanged> = Some(simulated::messages);
    #[cfg(not(madsim))]
    let messages = None;
    mesos_peers::Peer { messages, ..Default::default() }.run()
}
