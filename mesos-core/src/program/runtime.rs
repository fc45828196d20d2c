//! The runtime of a program, which ends when the program does.

use std::io;
use std::time::Duration;

use tokio::runtime::Runtime;

/// What still blocks a thread when everything else has ended gets so long: enough for what is nearly written. What takes
/// longer hangs, and a supervisor waits for nothing else than this process to end.
const BLOCKED_MAX: Duration = Duration::from_secs(5);

/// Runs a program's future on a runtime of its own, to its end. Threads that block then, at a disk that hangs for example,
/// are left behind after five seconds: they end with the process.
///
/// # Errors
/// When the system refuses the runtime its threads.
pub fn run_to_end<T>(program: impl Future<Output = T>) -> io::Result<T> {
    run(program, BLOCKED_MAX)
}

fn run<T>(program: impl Future<Output = T>, blocked_max: Duration) -> io::Result<T> {
    let runtime = Runtime::new()?;
    let ended = runtime.block_on(program);
    runtime.shutdown_timeout(blocked_max);
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn a_thread_that_hangs_does_not_keep_a_program_from_its_end() {
        let (release, hangs) = sync_channel::<()>(0);
        let (begins, begun) = sync_channel(0);
        let program = async move {
            drop(tokio::task::spawn_blocking(move || {
                begins.send(()).unwrap();
                hangs.recv()
            }));
            begun.recv().unwrap();
            "it says why it ended"
        };
        assert_eq!(run(program, Duration::ZERO).unwrap(), "it says why it ended");
        // Until here it hung.
        release.send(()).unwrap();
    }
}
