//! The level of a program's log, raised for a while at an operator's wish (`SET_LOGGING_LEVEL`).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;
use tracing_subscriber::reload::Handle;
use tracing_subscriber::{EnvFilter, Registry};

use crate::daemon::Task;
use crate::net::http::Verbosity;

/// What each level adds to what the program was started with. The libraries underneath are left as they are.
const LEVELS: [&str; 3] = [
    "",
    ",mesos_core=debug,mesos_sched=debug,mesos_exec=debug",
    ",mesos_core=trace,mesos_sched=trace,mesos_exec=trace",
];

/// A level that can be raised while the program runs.
pub(super) struct LiveVerbosity {
    handle: Handle<EnvFilter, Registry>,
    /// What the program was started with.
    usual: String,
    raised: Mutex<Raised>,
    own: Weak<Self>,
}

#[derive(Debug, Default)]
struct Raised {
    level: u32,
    /// Waits to lower it again.
    _until: Option<Task>,
}

impl LiveVerbosity {
    /// Of the filter behind `handle`, which was made of `usual`.
    pub(super) fn new(handle: Handle<EnvFilter, Registry>, usual: &str) -> Arc<Self> {
        let (usual, raised) = (usual.to_owned(), Mutex::default());
        Arc::new_cyclic(|own| Self { handle, usual, raised, own: own.clone() })
    }

    fn apply(&self, level: u32) -> Result<(), String> {
        let more = usize::try_from(level).ok().and_then(|level| LEVELS.get(level)).ok_or_else(|| {
            format!("level {level} is not one of this process; say one from 0 to {}", LEVELS.len() - 1)
        })?;
        let filter = EnvFilter::try_new(format!("{}{more}", self.usual)).map_err(|error| error.to_string())?;
        self.handle.reload(filter).map_err(|error| error.to_string())?;
        tracing::info!(level, "logs at another level");
        Ok(())
    }

    fn lower(&self) {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        match self.apply(0) {
            Ok(()) => raised.level = 0,
            Err(problem) => tracing::error!(problem, "the level of logging stays as it is"),
        }
    }
}

impl fmt::Debug for LiveVerbosity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveVerbosity").field("usual", &self.usual).field("level", &self.level()).finish()
    }
}

impl Verbosity for LiveVerbosity {
    fn level(&self) -> u32 {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).level
    }

    /// Must be called inside a tokio runtime. A later call replaces an earlier one.
    fn set(&self, level: u32, duration: Duration) -> Result<(), String> {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now().checked_add(duration);
        let until = until.ok_or_else(|| format!("{duration:?} is too long; say some minutes"))?;
        self.apply(level)?;
        let own = self.own.clone();
        let until = Task::spawn(async move {
            tokio::time::sleep_until(until).await;
            if let Some(own) = own.upgrade() {
                own.lower();
            }
        });
        *raised = Raised { level, _until: (level > 0).then_some(until) };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::reload;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_level_is_raised_for_a_while() {
        let (filter, handle) = reload::Layer::new(EnvFilter::new("warn"));
        let _logging = tracing::subscriber::set_default(tracing_subscriber::registry().with(filter));
        let verbosity = LiveVerbosity::new(handle, "warn");
        let logged = || {
            (
                tracing::enabled!(target: "mesos_core", tracing::Level::DEBUG),
                tracing::enabled!(target: "mesos_core", tracing::Level::TRACE),
                tracing::enabled!(target: "hyper", tracing::Level::DEBUG),
            )
        };
        assert_eq!((verbosity.level(), logged()), (0, (false, false, false)));
        verbosity.set(1, Duration::from_secs(60)).unwrap();
        assert_eq!((verbosity.level(), logged()), (1, (true, false, false)));
        tokio::time::advance(Duration::from_secs(59)).await;
        // Once more, for as long again.
        verbosity.set(2, Duration::from_secs(60)).unwrap();
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!((verbosity.level(), logged()), (2, (true, true, false)));
        tokio::time::advance(Duration::from_secs(2)).await;
        tokio::task::yield_now().await;
        assert_eq!((verbosity.level(), logged()), (0, (false, false, false)));
        let refused = verbosity.set(3, Duration::from_secs(1)).unwrap_err();
        assert!(refused.contains("from 0 to 2"), "{refused}");
        assert_eq!(verbosity.level(), 0);
    }
}
