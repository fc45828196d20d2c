//! How a [`Process`](super::Process) containerizer is set up.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// `PATH` of containers unless told otherwise: the usual one of Linux systems.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Language of containers unless told otherwise: bytes and messages are the same on every agent.
const LANG: &str = "C.UTF-8";
/// How long killed processes may take to vanish. Only a process stuck in the kernel, for example on a dead network disk,
/// takes longer than a few milliseconds.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);
/// Threads that start processes. Two keep two cores busy; more only help when a start hangs.
const LAUNCHERS: usize = 3;

/// The kernel's number of the limit on core files (`include/uapi/asm-generic/resource.h` of Linux).
const RLIMIT_CORE: u32 = 4;
/// The kernel's number of the limit on open files.
const RLIMIT_NOFILE: u32 = 7;

/// How a [`Process`](super::Process) containerizer is set up.
///
/// ```
/// # use mesos_exec::containerizer::ProcessOptions;
/// let options = ProcessOptions::new("/var/lib/mesos/agent").environment("TZ", "UTC").open_files(4096);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct ProcessOptions {
    pub(super) work_dir: PathBuf,
    pub(super) environment: BTreeMap<Arc<str>, Arc<str>>,
    pub(super) kill_timeout: Duration,
    pub(super) launchers: usize,
    pub(super) limits: Vec<(u32, u64)>,
    pub(super) shim: Option<PathBuf>,
}

impl ProcessOptions {
    /// Keeps everything below `work_dir`, which is made when it is missing and belongs to one containerizer at a time.
    #[must_use]
    pub fn new(work_dir: impl Into<PathBuf>) -> Self {
        let base = [("PATH", PATH), ("LANG", LANG)];
        Self {
            work_dir: work_dir.into(),
            environment: base.map(|(name, value)| (name.into(), value.into())).into(),
            kill_timeout: KILL_TIMEOUT,
            launchers: LAUNCHERS,
            limits: Vec::new(),
            shim: None,
        }
    }

    /// Adds a variable to every container's environment, or replaces `PATH`, `LANG` or `HOME`. A container's own wins.
    #[must_use]
    pub fn environment(mut self, name: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Lets checkpointed containers outlive the containerizer: each is started by a shim, which is this program, called by
    /// another name. The first thing the program does must be to call [`shim_main`](crate::containerizer::shim_main). A
    /// program that gives itself says `/proc/self/exe`. Without one, all containers end with their containerizer.
    #[must_use]
    pub fn shim(mut self, program: impl Into<PathBuf>) -> Self {
        self.shim = Some(program.into());
        self
    }

    /// How long killed processes may take to vanish before `destroy` reports which survive. 10 s unless told otherwise.
    #[must_use]
    pub const fn kill_timeout(mut self, timeout: Duration) -> Self {
        self.kill_timeout = timeout;
        self
    }

    /// How many containers may be in the act of starting at once. At least one; 3 unless told otherwise.
    #[must_use]
    pub const fn launchers(mut self, launchers: usize) -> Self {
        self.launchers = if launchers == 0 { 1 } else { launchers };
        self
    }

    /// How many files a container's process may have open; otherwise the host's own limit holds. Where the host may not
    /// raise its limit so far, containers get as much as the host may have.
    #[must_use]
    pub fn open_files(mut self, count: u64) -> Self {
        self.limits.push((RLIMIT_NOFILE, count));
        self
    }

    /// The largest core file a container's process may leave, in bytes; otherwise the host's own limit holds.
    #[must_use]
    pub fn core_bytes(mut self, bytes: u64) -> Self {
        self.limits.push((RLIMIT_CORE, bytes));
        self
    }
}
