//! Shims: one small process for each container that is to outlive its host, as the parent of what runs in it.
//!
//! ```text
//!   launcher ── order, on a pipe ──▶ shim ── starts ──▶ the container's leader ── starts ──▶ ...
//!      ◀──── started, or refused ────┘  │
//!   keeper ── SIGTERM: end it ─────────▶│  └─ the leader dies ─▶ its status on disk ─▶ the rest is killed ─▶ the shim ends
//!      ◀──── the shim's own end ────────┘
//! ```
//!
//! A process can be waited for by its parent alone, so what is to be known of a container whose host was away must be seen
//! by a parent that was not. The shim is that and nothing more: a process in a session of its own, that collects whatever
//! loses its parent in the container (`PR_SET_CHILD_SUBREAPER`), writes down how the leader ended before anybody is told,
//! kills what is left and ends. Whoever waits for the container waits for the shim. A host that comes back finds the shim by
//! its record, number and start time together, and takes it for its own.
//!
//! A shim that is killed takes the leader along (the kernel's death signal); the rest is found by its environment like
//! everything else, and how the container ended is not known.
//!
//! Shims are the host's own program, called by another name: [`main`] is the first thing such a program calls.

mod life;

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use mesos_core::ContainerSpec;
use serde::{Deserialize, Serialize};

use super::spawn::{self, Plan, Spawned};
use super::sys::above_streams;
use super::table::SANDBOX_VARIABLE;

pub use life::main;

/// The name a shim is called by.
const NAME: &str = "mesos-shim";
/// In a container's record in the place of its containerizer: no particular one.
pub(super) const OWNER: &str = "shim";
/// What a shim says when its container runs.
const STARTED: &str = "started";
/// The most a shim says: a refusal names one part of a command.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// What a shim is to do.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    boot: String,
    environment: BTreeMap<Arc<str>, Arc<str>>,
    limits: Vec<(u32, u64)>,
    spec: ContainerSpec,
}

/// What is the same in all orders.
#[derive(Debug)]
pub(super) struct Ordering<'a> {
    /// The program to call.
    pub(super) program: &'a Path,
    pub(super) work_dir: &'a Path,
    pub(super) sandboxes: &'a Path,
    pub(super) boot: &'a str,
    pub(super) environment: &'a BTreeMap<Arc<str>, Arc<str>>,
    pub(super) limits: &'a [(u32, u64)],
}

/// Has a container started by a shim; the shim, once the container's program runs and a record of it is on disk.
pub(super) fn start(ordering: &Ordering<'_>, spec: &ContainerSpec) -> Result<Spawned, String> {
    let order = Order {
        boot: ordering.boot.to_owned(),
        environment: ordering.environment.clone(),
        limits: ordering.limits.to_vec(),
        spec: spec.clone(),
    };
    let order = serde_json::to_vec(&order).map_err(|error| format!("the container cannot be described: {error}"))?;
    let failed = |error: io::Error| format!("no pipe to a shim could be made: {error}");
    let (orders, mut pen) = io::pipe().map_err(failed)?;
    let (mut answers, answering) = io::pipe().map_err(failed)?;
    let plan = plan(ordering, spec, orders, answering).map_err(failed)?;
    let spawned = spawn::spawn(&plan).map_err(|failure| {
        let program = ordering.program.display();
        format!("no shim could be started ({program}, {:?}): {}", failure.step, failure.error)
    })?;
    // Its ends of the pipes are the shim's alone now: what it says ends with it.
    drop(plan);
    let written = pen.write_all(&order);
    drop(pen);
    let mut answer = String::new();
    let read = answers.by_ref().take(ANSWER_BYTES_MAX).read_to_string(&mut answer);
    match written.and(read) {
        Ok(_) if answer == STARTED => return Ok(spawned),
        Err(error) => tracing::debug!(%error, container = %spec.id, "a shim did not listen"),
        Ok(_) => {}
    }
    end(&spawned);
    if answer.is_empty() {
        let program = ordering.program.display();
        answer = format!("its shim ended without a word; {program} must begin by being one when it is called {NAME}");
    }
    Err(answer)
}

/// Ends a shim that nobody was told of, with its container.
pub(super) fn end(spawned: &Spawned) {
    // It may have ended by itself.
    let _ = spawned.pidfd.signal(nix::libc::SIGTERM);
    let _ = spawned.pidfd.wait();
}

fn plan(
    ordering: &Ordering<'_>,
    spec: &ContainerSpec,
    orders: io::PipeReader,
    answers: io::PipeWriter,
) -> io::Result<Plan> {
    let text = |text: &[u8]| CString::new(text).map_err(io::Error::from);
    let sandbox = ordering.sandboxes.join(spec.id.as_str());
    let tag = [SANDBOX_VARIABLE.as_bytes(), b"=", sandbox.as_os_str().as_bytes()].concat();
    let arguments = [NAME.as_bytes(), ordering.work_dir.as_os_str().as_bytes(), spec.id.as_str().as_bytes()];
    Ok(Plan {
        programs: vec![text(ordering.program.as_os_str().as_bytes())?],
        arguments: arguments.into_iter().map(text).collect::<io::Result<_>>()?,
        environment: vec![text(&tag)?],
        directory: c"/".into(),
        stdin: above_streams(orders.into())?,
        stdout: above_streams(answers.into())?,
        stderr: above_streams(File::options().write(true).open("/dev/null")?.into())?,
        has_terminal: false,
        identity: None,
        limits: Vec::new(),
        ends_with_host: false,
    })
}
