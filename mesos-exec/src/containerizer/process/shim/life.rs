//! What a shim does: start its container, see it end, write that down, end the rest, end.
//!
//! One thread, no runtime, no memory to speak of. It hears two signals, by waiting for them: a child's death, and SIGTERM,
//! which ends the container. All others but SIGKILL wait for ever.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mesos_core::Exit;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpid};

use super::super::command::{self, Base};
use super::super::exits::Exits;
use super::super::record::{Record, Records};
use super::super::spawn::{self, Spawned};
use super::super::table::{Stat, processes};
use super::{NAME, OWNER, Order, STARTED};

/// The longest order: a program can be given 6 MiB of arguments and environment, and in an order they are escaped.
const ORDER_BYTES_MAX: u64 = 64 << 20;

/// Lives the life of a shim if this program was called to be one; its exit code is then the program's.
///
/// The first thing a program calls that is named in [`ProcessOptions::shim`](super::super::ProcessOptions::shim).
#[must_use]
pub fn main() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    if arguments.next()? != NAME {
        return None;
    }
    let work_dir = arguments.next().map(PathBuf::from);
    Some(match work_dir.ok_or_else(|| "a shim is started by an agent".to_owned()).and_then(live) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Heard as long as the container does not run; afterwards nobody listens.
            let _ = io::stdout().write_all(problem.as_bytes()).and_then(|()| io::stdout().flush());
            ExitCode::FAILURE
        }
    })
}

fn live(work_dir: PathBuf) -> Result<(), String> {
    let order = read_order()?;
    let set_up = |error: Errno| format!("its shim could not be set up: {error}");
    SigSet::all().thread_block().map_err(set_up)?;
    nix::sys::prctl::set_child_subreaper(true).map_err(set_up)?;
    // So that nobody takes it for the program it is.
    nix::sys::prctl::set_name(c"mesos-shim").map_err(set_up)?;
    let on_disk = |error: io::Error| format!("its record could not be written: {error}");
    let (records, exits) = (Records::open(&work_dir).map_err(on_disk)?, Exits::open(&work_dir).map_err(on_disk)?);
    let id = order.spec.id.clone();
    let writer = format!("shim-{}", getpid());
    exits.remove(&id);
    // Before the container, so that none ever runs unseen.
    records.write(&id, &writer, &own_record(&order).map_err(on_disk)?).map_err(on_disk)?;
    let leader = match begin(order, &work_dir) {
        Ok(leader) => leader,
        Err(problem) => {
            let _ = records.remove(&id);
            return Err(problem);
        }
    };
    let _ = io::stdout().write_all(STARTED.as_bytes());
    hang_up();
    let exit = await_end(&leader);
    let written = exits.write(&id, &writer, &exit);
    end_rest();
    // The last act: whoever finds an end and no record knows that nothing is left.
    written.and_then(|()| records.remove(&id)).map_err(on_disk)
}

fn read_order() -> Result<Order, String> {
    let mut order = Vec::new();
    let read = io::stdin().take(ORDER_BYTES_MAX).read_to_end(&mut order);
    let problem = |error: &dyn std::fmt::Display| format!("its shim could not read what to do: {error}");
    read.map_err(|error| problem(&error))?;
    serde_json::from_slice(&order).map_err(|error| problem(&error))
}

fn own_record(order: &Order) -> io::Result<Record> {
    let pid = getpid().as_raw();
    let stat = Stat::read(pid)?.ok_or_else(|| io::Error::other("a process that is not in the table of processes"))?;
    Ok(Record { pid, start: stat.start, boot: order.boot.clone(), owner: OWNER.to_owned() })
}

/// Starts the container's leader, exactly as a launcher does.
fn begin(order: Order, work_dir: &Path) -> Result<Spawned, String> {
    let Order { environment, limits, spec, .. } = order;
    let base = Base { owner: None, environment, limits };
    let plan = command::plan(&base, &spec, &work_dir.join("sandboxes").join(spec.id.as_str()))?;
    spawn::spawn(&plan).map_err(|failure| command::explain(&failure, &plan, &spec.command))
}

/// Lets go of both pipes to the host, which waits for the end of one.
fn hang_up() {
    let _ = io::stdout().flush();
    if let Ok(nothing) = std::fs::File::options().read(true).write(true).open("/dev/null") {
        // What cannot be put in their place stays open, and the host waits a little longer.
        let _ = nix::unistd::dup2_stdin(&nothing);
        let _ = nix::unistd::dup2_stdout(&nothing);
    }
}

/// Waits until the leader has ended, by itself or because that was asked for, and reaps it.
fn await_end(leader: &Spawned) -> Exit {
    let mut heard = SigSet::empty();
    heard.add(Signal::SIGCHLD);
    heard.add(Signal::SIGTERM);
    let group = Pid::from_raw(leader.pid);
    loop {
        if heard.wait() == Ok(Signal::SIGTERM) {
            // The number is our unreaped child's.
            let _ = killpg(group, Signal::SIGKILL);
            let _ = leader.pidfd.signal(nix::libc::SIGKILL);
        }
        reap_others(group);
        if !matches!(leader.pidfd.is_dead(), Ok(false)) {
            // The whole group at once: no member can make a child that escapes.
            let _ = killpg(group, Signal::SIGKILL);
            return leader.pidfd.reap().ok().flatten().unwrap_or(Exit::Unknown);
        }
    }
}

/// Reaps what lost its parent and has ended, until the leader is what is found.
fn reap_others(leader: Pid) {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Some(pid) = waitid(Id::All, look).ok().and_then(|status| status.pid()).filter(|pid| *pid != leader) {
        let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
    }
}

/// Kills whatever is left, until there is nothing: what loses its parent becomes a child of this process.
fn end_rest() {
    let mut deaths = SigSet::empty();
    deaths.add(Signal::SIGCHLD);
    loop {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => break,
                Err(Errno::EINTR) | Ok(_) => {}
                Err(_) => return,
            }
        }
        // Only this process reaps them, so their numbers are their own.
        for child in children() {
            let _ = kill(child, Signal::SIGKILL);
        }
        let _ = deaths.wait();
    }
}

fn children() -> Vec<Pid> {
    let own = getpid().as_raw();
    let all = processes().unwrap_or_default().into_iter();
    let stats = all.filter_map(|(pid, _)| Some((pid, Stat::read(pid).ok().flatten()?)));
    stats.filter(|(_, stat)| stat.parent == own && !stat.is_dead()).map(|(pid, _)| Pid::from_raw(pid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_called_by_its_own_name_is_no_shim() {
        assert!(main().is_none());
    }
}
