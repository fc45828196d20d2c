//! What the daemons' programs share: flags with their environment and file, logs, signals, readiness.
//!
//! * [`main()`]: from the arguments to the exit status, and [`run_to_end`]: the runtime in between.
//! * [`layered`]: a flag counts before its environment variable, that before the configuration file.
//! * [`settings`]: what all of them come to, for views.
//! * [`MesosDuration`]: `75secs`, `10mins`, as operators of Mesos write them.
//! * [`MesosRate`] and [`MesosPercent`]: `1/10mins`, `75%`, likewise.
//! * [`MesosBytes`]: `512MB`, `4GB`, likewise.
//! * [`peer_address`], [`read_text`] and [`given_text`]: who and which file a flag names, and which text it gives.
//! * [`fault_domain`]: where a part of a cluster stands.
//! * [`Reach`]: where others reach a daemon.
//! * [`Logging`]: text for people, JSON for programs.
//! * [`Spans`]: how long tasks take until they run, for OpenTelemetry.
//! * [`terminated`] and [`Readiness`]: how a service manager and a program talk.
//!
//! It starts nothing: the binaries do.

mod address;
mod domain;
mod duration;
mod given;
mod layer;
mod log;
mod log_file;
mod main;
mod notify;
mod rate;
mod reach;
mod runtime;
mod security;
mod settings;
mod signal;
mod size;
mod spans;
mod verbosity;

pub use crate::net::read_text;
pub use address::peer_address;
pub use domain::fault_domain;
pub use duration::MesosDuration;
pub use given::{Hidden, given_text};
pub use layer::{LayerError, Layered, layered, parse_layered};
pub use log::{Log, LogFormat, Logging};
pub use main::main;
pub use notify::Readiness;
pub use rate::{MesosPercent, MesosRate};
pub use reach::{Reach, Reached};
pub use runtime::run_to_end;
pub use security::{ClientSecurity, SecurityError, ServerSecurity};
pub use settings::settings;
pub use signal::terminated;
pub use size::MesosBytes;
pub use spans::{SpanExport, Spans};
