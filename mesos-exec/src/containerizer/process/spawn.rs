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
//! The death signal is tied to the *thread* that calls [`spawn`], so only threads that live as long as the containerizer
//! may call it.
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

/// Stack of the child until it becomes the program, in 16-byte words: 64 KiB, of which less than 2 are used.
const STACK_WORDS: usize = 4096;
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
    Limit,
    Directory,
    Groups,
    User,
    HostGone,
    CloseOnExec,
    Exec,
}

impl Step {
    const ALL: [Self; 10] = [
        Self::Clone,
        Self::Session,
        Self::Streams,
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
        identity: plan.identity.as_ref(),
        limits: &plan.limits,
        host: plan.ends_with_host.then(|| nix::unistd::getpid().as_raw()),
        step: AtomicI32::new(0),
        errno: AtomicI32::new(0),
    };
    let failed = |error| Failure { step: Step::Clone, error };
    let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK).map_err(|errno| failed(errno.into()))?;
    let cloned = clone(&frame);
    // The mask was valid a moment ago; failing to restore it has no other cause than a broken C library.
    mask.thread_set_mask().map_err(|errno| failed(errno.into()))?;
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

fn clone(frame: &Frame<'_>) -> io::Result<Spawned> {
    let mut stack = vec![0_u128; STACK_WORDS];
    let top = stack.as_mut_ptr_range().end.cast::<c_void>();
    let mut pidfd: c_int = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let argument = ptr::from_ref(frame).cast_mut().cast::<c_void>();
    // SAFETY: with CLONE_VFORK this thread sleeps until the child has left our memory (by exec or exit), so `frame`,
    // `stack` and everything they point to outlive the child's use of them. `top` is the 16-byte aligned end of a stack
    // nobody else uses. `run_child` keeps the rules of the module and never returns into a frame of ours. With
    // CLONE_PIDFD the first variadic argument is where the descriptor goes.
    let pid = unsafe { libc::clone(run_child, top, flags, argument, &raw mut pidfd) };
    drop(stack);
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
