//! Starts one process, fast and whatever the size of the host.
//!
//! An ordinary `fork` copies the page tables of the host: measured at 0.2 ms for a small host and at 19 ms for one that
//! holds 1 GB, and the host pays again at every page it writes afterwards. Therefore the child borrows the host's memory
//! (`CLONE_VM | CLONE_VFORK`) while the calling thread sleeps, exactly as `posix_spawn` does; `posix_spawn` itself cannot
//! ask for a death signal or change the user.
//!
//! Rules of the borrowed memory, which [`in_child`] keeps: everything is laid out before the child exists; the child makes
//! system calls and nothing else (no allocation, no lock, no panic, no wrapper that talks to other threads); it runs on its
//! own stack with all signals blocked until no handler of the host is left in it.
//!
//! What the child shares with the host, and what not:
//!
//! | | |
//! |---|---|
//! | memory, with the calling thread's `errno` | shared; the thread sleeps, so nobody else looks at that `errno` |
//! | whether core dumps are allowed | belongs to the memory; put back by [`spawn`] |
//! | descriptors, folder, file mask | the child's own copies: what it changes stays with it |
//! | handlers of signals | the child's own copy, so that resetting them leaves the host's alone |
//! | session, limits, user, death signal | the child's; made by raw system calls, which concern one process |
//!
//! The C library keeps two signals of its own out of every mask. It sends them to threads it knows, and the child is none.
//! The child's stack ends in a page nobody may touch: a child that outgrows it dies of that instead of writing into the
//! host. Descriptors that other threads open meanwhile, marked to be closed or not, are marked in the child's copy as its
//! last act but one; the standard streams come from above it (see [`above_streams`](super::sys::above_streams)), because
//! one that stood where another has to go would be overwritten.
//!
//! A child that fails leaves a word in the caller's frame, ends, and is reaped before [`spawn`] returns. One that is killed
//! before it became the program leaves none: it counts as started, and its end says which signal it was. One that is
//! *stopped* at that moment keeps the calling thread waiting until somebody lets it go on.
//!
//! The death signal is tied to the *thread* that calls [`spawn`], so only threads that live as long as the containerizer
//! may call it. The kernel drops it when the program is set-user-id or carries capabilities of its own.
//!
//! The layouts given to the kernel are those of 64-bit systems: elsewhere this does not compile.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow};

use super::sys::PidFd;

const _: () =
    assert!(usize::BITS == 64, "the layouts of signal actions, groups and limits are those of 64-bit systems");

/// Stack of the child until it becomes the program, of which less than 2 KiB are used.
const STACK_BYTES: usize = 64 * 1024;
/// Below the stack: one page of the largest size there is.
const GUARD_BYTES: usize = 64 * 1024;
/// One past the last signal number.
const SIGNALS_END: c_int = 65;
/// Size of the kernel's own signal set in bytes.
const KERNEL_SIGSET_BYTES: usize = 8;

/// `SIGKILL` in the width `prctl` reads.
const KILL: libc::c_long = libc::SIGKILL as libc::c_long;

/// Everything needed to start a process, ready to be handed to the kernel.
#[derive(Debug)]
pub(super) struct Plan {
    /// Paths to try, in this order.
    pub(super) programs: Vec<CString>,
    pub(super) arguments: Vec<CString>,
    pub(super) environment: Vec<CString>,
    pub(super) directory: CString,
    pub(super) stdin: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
    /// Whether its standard input is a terminal, which controls its session then.
    pub(super) has_terminal: bool,
    pub(super) identity: Option<Identity>,
    pub(super) limits: Vec<(u32, u64)>,
    /// Whether the kernel ends it when the calling thread ends.
    pub(super) ends_with_host: bool,
}

/// Whom to become.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
}

/// A started process: leader of a new session.
#[derive(Debug)]
pub(super) struct Spawned {
    pub(super) pid: i32,
    pub(super) pidfd: PidFd,
}

/// What the child was doing when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Step {
    Clone = 1,
    Session,
    Streams,
    Terminal,
    Limit,
    Directory,
    Groups,
    User,
    HostGone,
    CloseOnExec,
    Exec,
}

impl Step {
    const ALL: [Self; 11] = [
        Self::Clone,
        Self::Session,
        Self::Streams,
        Self::Terminal,
        Self::Limit,
        Self::Directory,
        Self::Groups,
        Self::User,
        Self::HostGone,
        Self::CloseOnExec,
        Self::Exec,
    ];
}

/// A failed start: at which step, and the kernel's answer.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) error: io::Error,
}

/// What the child reads and where it leaves word of a failure. Lives on the sleeping caller's stack.
struct Frame<'a> {
    programs: &'a [*const c_char],
    arguments: *const *const c_char,
    environment: *const *const c_char,
    directory: *const c_char,
    streams: [RawFd; 3],
    has_terminal: bool,
    identity: Option<&'a Identity>,
    limits: &'a [(u32, u64)],
    host: Option<c_int>,
    step: AtomicI32,
    errno: AtomicI32,
}

/// A change of user makes the kernel forbid core dumps of whoever shares the memory, which is the host until the child has
/// become the program. One such start at a time, and the host's own setting is put back.
static USER_CHANGE: Mutex<()> = Mutex::new(());

/// Starts a process. The calling thread must outlive it if `ends_with_host` is set.
pub(super) fn spawn(plan: &Plan) -> Result<Spawned, Failure> {
    let _turn = plan.identity.is_some().then(|| USER_CHANGE.lock().unwrap_or_else(PoisonError::into_inner));
    // SAFETY: reads one flag of this process.
    let dumpable = unsafe { libc::prctl(libc::PR_GET_DUMPABLE) };
    let started = start(plan);
    if plan.identity.is_some() && dumpable == 1 {
        // SAFETY: sets one flag of this process to what it was.
        unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1) };
    }
    started
}

fn start(plan: &Plan) -> Result<Spawned, Failure> {
    let programs: Vec<*const c_char> = plan.programs.iter().map(|text| text.as_ptr()).collect();
    let (arguments, environment) = (pointers(&plan.arguments), pointers(&plan.environment));
    let frame = Frame {
        programs: &programs,
        arguments: arguments.as_ptr(),
        environment: environment.as_ptr(),
        directory: plan.directory.as_ptr(),
        streams: [plan.stdin.as_raw_fd(), plan.stdout.as_raw_fd(), plan.stderr.as_raw_fd()],
        has_terminal: plan.has_terminal,
        identity: plan.identity.as_ref(),
        limits: &plan.limits,
        host: plan.ends_with_host.then(|| nix::unistd::getpid().as_raw()),
        step: AtomicI32::new(0),
        errno: AtomicI32::new(0),
    };
    let failed = |error| Failure { step: Step::Clone, error };
    let stack = Stack::new().map_err(failed)?;
    let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK).map_err(|errno| failed(errno.into()))?;
    let cloned = clone(&frame, &stack);
    // Returning here would leave a child behind that nobody knows, and a thread that hears no signal.
    mask.thread_set_mask().expect("the mask was valid a moment ago");
    let spawned = cloned.map_err(failed)?;
    let step = frame.step.load(Ordering::Acquire);
    match Step::ALL.into_iter().find(|known| *known as i32 == step) {
        None => Ok(spawned),
        Some(step) => {
            let _ = spawned.pidfd.wait();
            Err(Failure { step, error: io::Error::from_raw_os_error(frame.errno.load(Ordering::Acquire)) })
        }
    }
}

fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// Where the child runs until it becomes the program.
struct Stack {
    lowest: ptr::NonNull<c_void>,
}

impl Stack {
    fn new() -> io::Result<Self> {
        let (all, rest) = (GUARD_BYTES + STACK_BYTES, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK);
        // SAFETY: new memory where the kernel likes, of no file, that nobody may touch for now.
        let lowest = unsafe { libc::mmap(ptr::null_mut(), all, libc::PROT_NONE, rest, -1, 0) };
        if lowest == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let lowest = ptr::NonNull::new(lowest).ok_or_else(|| io::Error::other("memory at address 0"))?;
        let stack = Self { lowest };
        // SAFETY: the upper part of the mapping that was just made; nobody uses it yet.
        let done = unsafe { libc::mprotect(stack.floor(), STACK_BYTES, libc::PROT_READ | libc::PROT_WRITE) };
        if done == 0 { Ok(stack) } else { Err(io::Error::last_os_error()) }
    }

    /// Its lowest byte that may be used.
    const fn floor(&self) -> *mut c_void {
        self.lowest.as_ptr().wrapping_byte_add(GUARD_BYTES)
    }

    /// One past its highest byte, which is where a stack begins; aligned to a page.
    const fn top(&self) -> *mut c_void {
        self.floor().wrapping_byte_add(STACK_BYTES)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, made in `new` and used by nobody any more.
        unsafe { libc::munmap(self.lowest.as_ptr(), GUARD_BYTES + STACK_BYTES) };
    }
}

fn clone(frame: &Frame<'_>, stack: &Stack) -> io::Result<Spawned> {
    let mut pidfd: c_int = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let argument = ptr::from_ref(frame).cast_mut().cast::<c_void>();
    // SAFETY: with CLONE_VFORK this thread sleeps until the child has left our memory (by exec or exit), so `frame`,
    // `stack` and everything they point to outlive the child's use of them. The top is the 16-byte aligned end of a stack
    // nobody else uses. `run_child` keeps the rules of the module and never returns into a frame of ours. With
    // CLONE_PIDFD the first variadic argument is where the descriptor goes.
    let pid = unsafe { libc::clone(run_child, stack.top(), flags, argument, &raw mut pidfd) };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us and nobody else knows it.
    let pidfd = PidFd::from_owned(unsafe { OwnedFd::from_raw_fd(pidfd) });
    Ok(Spawned { pid, pidfd })
}

extern "C" fn run_child(argument: *mut c_void) -> c_int {
    // SAFETY: `clone` passes a `Frame` that lives until the parent wakes, which is after this function's end.
    let frame = unsafe { &*argument.cast::<Frame<'_>>() };
    // SAFETY: this is the child, on its own stack, with all signals blocked.
    let step = unsafe { in_child(frame) };
    // SAFETY: reads the calling thread's `errno`; the thread we share it with sleeps.
    let errno = unsafe { *libc::__errno_location() };
    frame.errno.store(errno, Ordering::Release);
    frame.step.store(step as i32, Ordering::Release);
    // SAFETY: ends this process without running anything of the host's.
    unsafe { libc::_exit(127) }
}

/// Becomes the program, or says at which step it failed with `errno` set.
///
/// # Safety
/// Only in a child made by [`clone`]. Makes raw system calls only: the C library's wrappers for users and groups would
/// signal the host's other threads.
unsafe fn in_child(frame: &Frame<'_>) -> Step {
    // SAFETY: raw system calls with integers, with pointers into `frame`, or with pointers to locals that outlive the call.
    unsafe {
        reset_signals();
        if libc::syscall(libc::SYS_setsid) < 0 {
            return Step::Session;
        }
        for (source, target) in frame.streams.iter().zip(0..) {
            if libc::syscall(libc::SYS_dup3, *source, target, 0) < 0 {
                return Step::Streams;
            }
        }
        // A new session has no terminal, and this one controls no other.
        if frame.has_terminal && libc::syscall(libc::SYS_ioctl, 0, libc::TIOCSCTTY, 0) < 0 {
            return Step::Terminal;
        }
        libc::syscall(libc::SYS_umask, 0o022);
        for &(resource, value) in frame.limits {
            if !limit(resource, value) {
                return Step::Limit;
            }
        }
        // As the host: the folders above a sandbox need not be open to the container's user.
        if libc::syscall(libc::SYS_chdir, frame.directory) < 0 {
            return Step::Directory;
        }
        if let Some(identity) = frame.identity {
            if libc::syscall(libc::SYS_setgroups, identity.groups.len(), identity.groups.as_ptr()) < 0 {
                return Step::Groups;
            }
            if libc::syscall(libc::SYS_setresgid, identity.gid, identity.gid, identity.gid) < 0 {
                return Step::Groups;
            }
            if libc::syscall(libc::SYS_setresuid, identity.uid, identity.uid, identity.uid) < 0 {
                return Step::User;
            }
        }
        if let Some(host) = frame.host {
            // After the change of user, which would clear it; and the host may have died before it was set.
            libc::syscall(libc::SYS_prctl, libc::PR_SET_PDEATHSIG, KILL);
            if libc::syscall(libc::SYS_getppid) != libc::c_long::from(host) {
                return Step::HostGone;
            }
        }
        if libc::syscall(libc::SYS_close_range, 3, c_int::MAX, libc::CLOSE_RANGE_CLOEXEC) < 0 {
            return Step::CloseOnExec;
        }
        let none = 0_u64;
        let how = libc::SIG_SETMASK;
        libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const none, ptr::null::<u64>(), KERNEL_SIGSET_BYTES);
        exec(frame);
    }
    Step::Exec
}

/// Nothing of the host's handlers, and nothing ignored, reaches the program (`SIGPIPE` is ignored in every Rust program).
///
/// # Safety
/// As [`in_child`].
unsafe fn reset_signals() {
    // The kernel's `sigaction` is at most this long, and all zeroes mean: default, no flags, empty mask.
    let default = [0_u64; 8];
    let old = ptr::null::<u64>();
    for signal in 1..SIGNALS_END {
        // SAFETY: `default` is a valid kernel `sigaction`; the table of handlers is the child's own copy.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), old, KERNEL_SIGSET_BYTES) };
    }
}

/// Sets both values of a limit; where the hard one may not be raised, it is kept and the soft one goes as near as it may.
///
/// # Safety
/// As [`in_child`].
unsafe fn limit(resource: u32, value: u64) -> bool {
    let wanted = [value, value];
    let mut current = [0_u64; 2];
    let none = ptr::null_mut::<u64>();
    // SAFETY: both arrays have the layout of the kernel's `rlimit64` and outlive the calls.
    unsafe {
        if libc::syscall(libc::SYS_prlimit64, 0, resource, wanted.as_ptr(), none) == 0 {
            return true;
        }
        if *libc::__errno_location() != libc::EPERM {
            return false;
        }
        if libc::syscall(libc::SYS_prlimit64, 0, resource, none, current.as_mut_ptr()) < 0 {
            return false;
        }
        let [_, hard] = current;
        let nearest = [if value < hard { value } else { hard }, hard];
        libc::syscall(libc::SYS_prlimit64, 0, resource, nearest.as_ptr(), none) == 0
    }
}

/// Tries each path; like the shell, a path that exists and may not be run is what is complained about.
///
/// # Safety
/// As [`in_child`].
unsafe fn exec(frame: &Frame<'_>) {
    let mut complaint = libc::ENOENT;
    for program in frame.programs {
        // SAFETY: the paths and the two null-terminated lists live in the sleeping caller's frame.
        let errno = unsafe {
            libc::syscall(libc::SYS_execve, *program, frame.arguments, frame.environment);
            *libc::__errno_location()
        };
        match errno {
            libc::ENOENT | libc::ENOTDIR => {}
            libc::EACCES => complaint = libc::EACCES,
            other => {
                complaint = other;
                break;
            }
        }
    }
    // SAFETY: sets the calling thread's `errno`; the thread we share it with sleeps.
    unsafe { *libc::__errno_location() = complaint };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `/proc/self/maps` says of the page an address lies in: the rights.
    fn rights_at(address: usize) -> Option<String> {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().find_map(|line| {
            let (range, rest) = line.split_once(' ')?;
            let (from, to) = range.split_once('-')?;
            let hex = |text| usize::from_str_radix(text, 16).unwrap();
            (hex(from)..hex(to)).contains(&address).then(|| rest[..4].to_owned())
        })
    }

    #[test]
    fn below_the_childs_stack_nobody_may_write() {
        let stack = Stack::new().unwrap();
        let floor = stack.floor() as usize;
        assert_eq!(rights_at(floor).as_deref(), Some("rw-p"));
        assert_eq!(rights_at(stack.top() as usize - 1).as_deref(), Some("rw-p"));
        assert_eq!(rights_at(floor - 1).as_deref(), Some("---p"));
        assert_eq!(rights_at(floor - GUARD_BYTES).as_deref(), Some("---p"));
        assert_eq!(stack.top() as usize % 16, 0);
    }

    fn plan(program: &str) -> Plan {
        let null = || OwnedFd::from(std::fs::OpenOptions::new().read(true).write(true).open("/dev/null").unwrap());
        Plan {
            programs: vec![CString::new(program).unwrap()],
            arguments: vec![CString::new(program).unwrap()],
            environment: Vec::new(),
            directory: CString::new("/").unwrap(),
            stdin: null(),
            stdout: null(),
            stderr: null(),
            has_terminal: false,
            identity: None,
            limits: Vec::new(),
            ends_with_host: false,
        }
    }

    #[test]
    fn the_caller_hears_signals_as_before_whether_or_not_the_child_starts() {
        let mask = || SigSet::thread_get_mask().unwrap();
        let before = mask();
        let refused = spawn(&plan("/nothing/here")).unwrap_err();
        assert_eq!((refused.step, refused.error.raw_os_error()), (Step::Exec, Some(libc::ENOENT)));
        assert_eq!(mask(), before);
        let spawned = spawn(&plan("/bin/true")).unwrap();
        assert_eq!(spawned.pidfd.wait().unwrap(), mesos_core::Exit::Status(0));
        assert_eq!(mask(), before);
    }
}
