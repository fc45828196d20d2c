//! A thread for what takes long: folding, adding up, writing out.
//!
//! The tasks of a runtime wait for each other's turns, and a turn that goes through a hundred thousand rows is long. In a
//! thread of its own it makes nobody wait but other readers; and where there are no more cores than threads with work, the
//! system prefers the master's.

use std::future::Future;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread. It ends, with everything that runs in it, when this is dropped.
#[derive(Debug)]
pub(super) struct Thread {
    handle: Handle,
    _end: oneshot::Sender<()>,
}

impl Thread {
    /// A thread of this name.
    ///
    /// # Panics
    /// When the system has none left.
    pub(super) fn start(name: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime without sockets is memory");
        let (handle, (end, ended)) = (runtime.handle().clone(), oneshot::channel());
        let run = move || {
            yield_to_others();
            // Nothing is ever sent: the other end is dropped.
            let _ = runtime.block_on(ended);
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(run).expect("the system has a thread left");
        Self { handle, _end: end }
    }

    /// Begins something there. It takes turns with whatever else runs there.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(work);
    }

    /// Does something there. A panic in it goes on here.
    pub(super) async fn run<R: Send + 'static>(&self, work: impl Future<Output = R> + Send + 'static) -> R {
        match self.handle.spawn(work).await {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// This thread gets a tenth of what others get of a core that they compete for, and is put aside when one of them wakes.
#[cfg(target_os = "linux")]
fn yield_to_others() {
    const NICE: i32 = 10;
    // Here this is about the calling thread alone.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "views are not written with a lower priority");
    }
}

/// Elsewhere a priority is one of the whole process.
#[cfg(not(target_os = "linux"))]
fn yield_to_others() {}
