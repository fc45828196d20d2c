//! Programs of the system that do a part of the fetcher's work: as the owner of the sandbox, with nothing of the agent's, for
//! so long and no longer, and only as long as what they write stays within its budget.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::budget::Budget;
use super::place::Place;

/// No program takes longer than this.
const TIMEOUT: Duration = Duration::from_secs(600);
/// How often it is looked how much a program has written.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So much of what a program complains about is told.
const COMPLAINT_BYTES_MAX: usize = 512;

/// Runs a program in the folder of a place, which writes to `watched` and what lies below.
///
/// # Errors
/// What it complained about, or that it wrote too much or took too long: then it is killed.
pub(super) async fn run(
    mut command: Command,
    place: &Place,
    watched: &Path,
    budget: &Budget,
    stdout: Stdio,
) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.current_dir(&place.folder).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    if nix::unistd::geteuid().is_root() {
        command.uid(place.uid).gid(place.gid);
    }
    command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).process_group(0);
    let failed = |error: std::io::Error| format!("{program} cannot be run: {error}");
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn().map_err(failed)?;
    let mut complaint = Vec::new();
    let stderr = child.stderr.take();
    let ending = async {
        if let Some(mut stderr) = stderr {
            let mut part = [0; 4_096];
            while let Ok(length @ 1..) = stderr.read(&mut part).await {
                let room = COMPLAINT_BYTES_MAX.saturating_sub(complaint.len());
                complaint.extend_from_slice(&part[..length.min(room)]);
            }
        }
        child.wait().await
    };
    let ended: Result<ExitStatus, String> = tokio::select! {
        status = ending => status.map_err(failed),
        problem = watch(watched, budget) => Err(problem),
        () = tokio::time::sleep(TIMEOUT) => Err(format!("it takes more than {TIMEOUT:?}")),
    };
    let status = match ended {
        Ok(status) => status,
        Err(problem) => {
            end(&mut child).await;
            return Err(problem);
        }
    };
    if !status.success() {
        return Err(format!("{program}, {status}: {}", String::from_utf8_lossy(&complaint).trim()));
    }
    budget.check(watched).await
}

/// What is wrong, as soon as something is.
async fn watch(watched: &Path, budget: &Budget) -> String {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(problem) = budget.check(watched).await {
            return problem;
        }
    }
}

/// Ends a program and what it started: archivers have helpers.
async fn end(child: &mut tokio::process::Child) {
    use nix::sys::signal::{Signal, killpg};
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()) {
        let _ = killpg(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL);
    }
    let _ = child.wait().await;
}
