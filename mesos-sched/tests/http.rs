//! The master's HTTP side over real sockets, with an agent of a few lines behind it.

#[macro_use]
#[path = "http/client.rs"]
mod client;

#[path = "http/authorization.rs"]
mod authorization;
#[path = "http/calls.rs"]
mod calls;
#[path = "http/cluster.rs"]
mod cluster;
#[path = "http/framework.rs"]
mod framework;
#[path = "http/grpc.rs"]
mod grpc;
#[path = "http/hostile.rs"]
mod hostile;
#[path = "http/metrics.rs"]
mod metrics;
#[path = "http/operator.rs"]
mod operator;
#[path = "http/scheduler.rs"]
mod scheduler;
#[path = "http/shadow.rs"]
mod shadow;
#[path = "http/state.rs"]
mod state;
