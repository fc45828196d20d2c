//! How soon somebody who runs `mesos local` sees a task run.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// From the start of `mesos local` until it is up, and from then until the first task's output is there.
///
/// # Errors
/// When the program `mesos` is not beside this one, or does not do as it should.
pub fn measure() -> Result<(Duration, Duration), String> {
    let program = program()?;
    let folder = std::env::temp_dir().join(format!("mesos-first-task-{}", std::process::id()));
    let measured = run(&program, &folder);
    std::fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    measured
}

fn run(program: &PathBuf, folder: &PathBuf) -> Result<(Duration, Duration), String> {
    let began = Instant::now();
    let mut local = Command::new(program)
        .args(["--json", "local", "--port=0", "--work_dir"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let mut line = String::new();
    let stdout = local.stdout.take().ok_or("no output")?;
    let said = BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string());
    let up = began.elapsed();
    let local = Ended(local);
    if said? == 0 {
        return Err("mesos local ended at once".to_owned());
    }
    let asked = Instant::now();
    let output = Command::new(program)
        .args(["execute", "--", "sh", "-c", "echo it runs"])
        .env("MESOS_LOCAL_DIR", folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let took = asked.elapsed();
    drop(local);
    if !output.status.success() || !String::from_utf8_lossy(&output.stdout).contains("it runs") {
        return Err(format!("mesos execute: {output:?}"));
    }
    Ok((up, took))
}

/// Ends when this is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `mesos`, built beside this program.
fn program() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = own.with_file_name("mesos");
    if program.is_file() {
        return Ok(program);
    }
    Err(format!("{} is not there; build it with: cargo build --release -p mesos-cli", program.display()))
}
