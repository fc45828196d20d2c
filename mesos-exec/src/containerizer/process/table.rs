//! The kernel's table of processes (`/proc`): which processes belong to which container.
//!
//! A process belongs to a container when
//!
//! 1. its session was made by the container's leader, or is led, or was led a moment ago, by a process that belongs to
//!    it, or
//! 2. its environment carries the container's `MESOS_SANDBOX`, or
//! 3. an ancestor belongs to it.
//!
//! The second rule finds daemons that left the session and lost their parent. Only a process that did both *and* wiped its
//! environment is not found; finding that one needs control groups and is not this containerizer's business.
//!
//! Walking the table is only done when something ends, is signalled or is measured, never on a timer. Asking for a
//! process' session costs a fraction of a microsecond, reading its files several; so sessions that were found to be
//! foreign are remembered for a moment, and a walk over a hundred foreign processes costs little more than the listing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::{Pid, getsid};

/// The variable that names a container's sandbox, and by that the container.
pub(super) const SANDBOX_VARIABLE: &str = "MESOS_SANDBOX";
/// How long it is remembered whose a session is. Far less than it takes to use up all process numbers and come back to one.
const SESSION_KEPT_FOR: Duration = Duration::from_secs(1);
/// How long a process is believed to be becoming another program. A program on a disk that does not answer takes for ever.
pub(super) const BLANK_FOR: Duration = Duration::from_secs(1);
/// How often an environment is read that is there and cannot be read, since its process becomes program after program.
const ENVIRONMENT_TRIES: u32 = 3;
/// How much of an environment is read. The kernel lets a program start with at most 6 MiB of arguments and environment.
const ENVIRONMENT_BYTES_MAX: u64 = 6 << 20;
/// The flag of a thread of the kernel, `PF_KTHREAD` in Linux' `include/linux/sched.h`.
pub(super) const KERNEL_THREAD: u64 = 0x0020_0000;

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) name: String,
    pub(super) state: char,
    pub(super) parent: i32,
    /// 0 is the session of the kernel's threads, but also of the first process, and of everybody whose session began outside
    /// the space of process numbers we see.
    pub(super) session: i32,
    pub(super) is_kernel_thread: bool,
    /// Processor time in clock ticks, its reaped children's included.
    pub(super) ticks: u64,
    pub(super) threads: u32,
    /// In clock ticks since boot; together with the number it names a process for good.
    pub(super) start: u64,
    pub(super) resident_pages: u64,
    /// How long its environment is; `None` while it is becoming another program, and where we may not look.
    pub(super) environment_bytes: Option<u64>,
}

impl Stat {
    /// The process of this number; `None` when there is none.
    pub(super) fn read(pid: i32) -> io::Result<Option<Self>> {
        match fs::read(format!("/proc/{pid}/stat")) {
            Ok(text) => {
                let odd = || io::Error::other(format!("/proc/{pid}/stat has an unknown form"));
                Self::parse(&text).ok_or_else(odd).map(Some)
            }
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Fields as in the kernel's `Documentation/filesystems/proc.rst`; the name may hold any byte, parentheses included.
    fn parse(text: &[u8]) -> Option<Self> {
        let (open, close) = (text.iter().position(|b| *b == b'(')?, text.iter().rposition(|b| *b == b')')?);
        let name = String::from_utf8_lossy(text.get(open + 1..close)?).into_owned();
        let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
        let count = |field: usize| u64::try_from(number(field)?).ok();
        let place = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            name,
            state: fields.first()?.chars().next()?,
            parent: i32::try_from(number(4)?).ok()?,
            session: i32::try_from(number(6)?).ok()?,
            is_kernel_thread: count(9)? & KERNEL_THREAD != 0,
            ticks: count(14)?.saturating_add(count(15)?).saturating_add(count(16)?).saturating_add(count(17)?),
            threads: u32::try_from(number(20)?).ok()?,
            start: place(22)?,
            resident_pages: count(24)?,
            // The kernel lays out the environment first and tells where the code is last.
            environment_bytes: place(51)
                .filter(|end| *end != 0 && place(26) != Some(0))
                .zip(place(50))
                .map(|(end, start)| end.saturating_sub(start)),
        })
    }

    /// Dead and only waiting to be reaped. A first thread may be dead while others of its process go on.
    pub(super) const fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X') && self.threads <= 1
    }
}

/// Which containers there are, for a walk.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The session of each run whose leader's number cannot have been given away.
    pub(super) sessions: HashMap<i32, u64>,
    /// The run of each container, by the name of its sandbox.
    pub(super) names: HashMap<Vec<u8>, u64>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Every process of a known run, its leader included, dead ones too.
    pub(super) members: Vec<(u64, i32)>,
    /// Names of sandboxes below ours for which there is no known run, and whose processes are alive.
    pub(super) unclaimed: BTreeSet<Vec<u8>>,
    /// Whether every process could say whose it is; otherwise another walk may find more.
    pub(super) is_certain: bool,
    /// The same but for this process' own children, which belong to nobody yet or are in a leader's session.
    pub(super) is_settled: bool,
}

impl Found {
    pub(super) fn of(&self, run: u64) -> impl Iterator<Item = i32> {
        self.members.iter().filter(move |(owner, _)| *owner == run).map(|(_, pid)| *pid)
    }
}

/// Processes by number, with their start times and when they were first seen so.
type Blank = HashMap<i32, (u64, Instant)>;

/// Walks the table.
#[derive(Debug)]
pub(super) struct Walker {
    /// `MESOS_SANDBOX=<work dir>/sandboxes/`.
    tag: Vec<u8>,
    own: i32,
    /// Sessions of nobody's.
    foreign: HashMap<i32, Instant>,
    /// Sessions that processes of containers made: a killed leader's last child has perhaps nothing else to be known by.
    inner: HashMap<i32, (u64, Instant)>,
    /// Processes that were becoming another program at the last walk.
    blank: Blank,
}

/// What a process outside all known sessions says about itself.
enum Origin {
    Run(u64),
    Unclaimed(Vec<u8>),
    Unsaid { parent: i32, is_certain: bool },
}

/// A process that says nothing about itself.
#[derive(Debug)]
struct Other {
    parent: i32,
    session: i32,
    /// Its environment was seen.
    is_certain: bool,
}

impl Walker {
    pub(super) fn new(sandboxes: &Path) -> Self {
        let tag = [SANDBOX_VARIABLE.as_bytes(), b"=", sandboxes.as_os_str().as_bytes(), b"/"].concat();
        let own = nix::unistd::getpid().as_raw();
        Self { tag, own, foreign: HashMap::new(), inner: HashMap::new(), blank: HashMap::new() }
    }

    /// A session of a run whose leader has died this moment, and whose number is free to be given away.
    pub(super) fn remember_session(&mut self, session: i32, run: u64) {
        self.inner.insert(session, (run, Instant::now()));
    }

    /// Takes no session for foreign any more, so that the next walk asks every process.
    pub(super) fn forget_foreign(&mut self) {
        self.foreign.clear();
    }

    /// One walk over all processes.
    pub(super) fn walk(&mut self, known: &Known) -> io::Result<Found> {
        let now = Instant::now();
        let is_fresh = |seen: &Instant| now.saturating_duration_since(*seen) < SESSION_KEPT_FOR;
        self.foreign.retain(|_, seen| is_fresh(seen));
        self.inner.retain(|_, (_, seen)| is_fresh(seen));
        let blank = std::mem::take(&mut self.blank);
        let mut found = Found::default();
        let mut others: BTreeMap<i32, Other> = BTreeMap::new();
        let mut owner: HashMap<i32, u64> = HashMap::new();
        let mut claimed: HashSet<i32> = HashSet::new();
        for (pid, session) in processes()? {
            if let Some(run) = known.sessions.get(&session) {
                owner.insert(pid, *run);
            } else if let Some((run, _)) = self.inner.get(&session) {
                self.own_process(&mut owner, pid, session, *run, now);
            } else if pid != self.own && !self.foreign.contains_key(&session) {
                match self.origin(pid, known, &blank, now) {
                    Some(Origin::Run(run)) => {
                        self.own_process(&mut owner, pid, session, run, now);
                        claimed.insert(session);
                    }
                    Some(Origin::Unclaimed(name)) => {
                        found.unclaimed.insert(name);
                        claimed.insert(session);
                    }
                    Some(Origin::Unsaid { parent, is_certain }) => {
                        others.insert(pid, Other { parent, session, is_certain });
                    }
                    None => {}
                }
            }
        }
        self.adopt(&mut owner, &others, now);
        found.is_certain = others.values().all(|other| other.is_certain);
        found.is_settled = others.values().all(|other| other.is_certain || other.parent == self.own);
        self.remember(&owner, &others, claimed, now);
        found.members = owner.into_iter().map(|(pid, run)| (run, pid)).collect();
        found.members.sort_unstable();
        Ok(found)
    }

    /// A session is foreign when every process of it is.
    fn remember(
        &mut self,
        owner: &HashMap<i32, u64>,
        others: &BTreeMap<i32, Other>,
        mut claimed: HashSet<i32>,
        now: Instant,
    ) {
        let ours = others.iter().filter(|(pid, other)| !other.is_certain || owner.contains_key(*pid));
        claimed.extend(ours.map(|(_, other)| other.session));
        let foreign = others.values().map(|other| other.session).filter(|session| !claimed.contains(session));
        self.foreign.extend(foreign.map(|session| (session, now)));
    }

    fn origin(&mut self, pid: i32, known: &Known, blank: &Blank, now: Instant) -> Option<Origin> {
        let stat = Stat::read(pid).ok().flatten()?;
        if stat.is_dead() {
            return None;
        }
        if stat.is_kernel_thread {
            return Some(Origin::Unsaid { parent: stat.parent, is_certain: true });
        }
        let Some(environment) = environment(pid) else {
            let before = blank.get(&pid).filter(|(start, _)| *start == stat.start);
            let since = before.map_or(now, |(_, since)| *since);
            self.blank.insert(pid, (stat.start, since));
            let is_certain = now.saturating_duration_since(since) >= BLANK_FOR;
            return Some(Origin::Unsaid { parent: stat.parent, is_certain });
        };
        let sandbox = environment.split(|b| *b == 0).find_map(|variable| variable.strip_prefix(&self.tag[..]));
        Some(match sandbox {
            Some(name) => match known.names.get(name) {
                Some(run) => Origin::Run(*run),
                None => Origin::Unclaimed(name.to_vec()),
            },
            None => Origin::Unsaid { parent: stat.parent, is_certain: true },
        })
    }

    /// Enters a process as a run's, and its session too if it leads one.
    fn own_process(&mut self, owner: &mut HashMap<i32, u64>, pid: i32, session: i32, run: u64, now: Instant) {
        owner.insert(pid, run);
        if pid == session {
            self.inner.insert(session, (run, now));
        }
    }

    /// Gives every process the run of its nearest ancestor that has one, or of its session's leader.
    fn adopt(&mut self, owner: &mut HashMap<i32, u64>, others: &BTreeMap<i32, Other>, now: Instant) {
        loop {
            let before = owner.len();
            for (pid, other) in others {
                let inner = self.inner.get(&other.session).map(|(run, _)| *run);
                let run = inner.or_else(|| owner.get(&other.parent).copied());
                if let Some(run) = run.filter(|_| !owner.contains_key(pid)) {
                    self.own_process(owner, *pid, other.session, run, now);
                }
            }
            if owner.len() == before {
                return;
            }
        }
    }
}

/// All processes with their sessions.
pub(super) fn processes() -> io::Result<Vec<(i32, i32)>> {
    let mut all = Vec::with_capacity(256);
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // One that has none has ended since it was listed.
        if let Ok(session) = getsid(Some(Pid::from_raw(pid))) {
            all.push((pid, session.as_raw()));
        }
    }
    Ok(all)
}

/// The environment of a process, empty if we may not look; `None` if it is just becoming another program.
fn environment(pid: i32) -> Option<Vec<u8>> {
    for _ in 0..ENVIRONMENT_TRIES {
        let mut environment = Vec::new();
        let file = File::open(format!("/proc/{pid}/environ"));
        let read = file.and_then(|file| file.take(ENVIRONMENT_BYTES_MAX).read_to_end(&mut environment));
        if read.is_err() || !environment.is_empty() {
            return Some(environment);
        }
        // Nothing is also what is read of the memory a process has just left behind.
        match Stat::read(pid).ok().flatten()?.environment_bytes {
            Some(0) => return Some(environment),
            Some(_) => {}
            None => return None,
        }
    }
    None
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::ESRCH as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_parentheses_and_spaces_does_not_shift_the_fields() {
        let line =
            b"42 (a) S 1 (b\n) R 7 8 9 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 5 0 123456 1000 77 18446744073709551615";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.name.as_str(), stat.state), ("a) S 1 (b\n", 'R'));
        assert_eq!((stat.parent, stat.session, stat.threads), (7, 9, 5));
        assert!(!stat.is_kernel_thread);
        assert_eq!((stat.ticks, stat.start, stat.resident_pages), (100, 123_456, 77));
    }

    #[test]
    fn threads_of_the_kernel_are_told_by_their_flag_not_by_their_session() {
        let line = |flags: u64| {
            let text = format!("42 (a) S 2 0 0 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 123 0 0");
            Stat::parse(text.as_bytes()).unwrap().is_kernel_thread
        };
        assert!(line(69_238_880));
        assert!(!line(4_194_560), "the first process");
    }

    #[test]
    fn a_cut_line_is_no_process() {
        assert_eq!(Stat::parse(b"42 (a) S 1 2"), None);
        assert_eq!(Stat::parse(b""), None);
        assert_eq!(Stat::parse(b")("), None);
    }

    #[test]
    fn this_process_is_in_the_table_and_number_zero_is_not() {
        let own = Stat::read(i32::try_from(std::process::id()).unwrap()).unwrap().unwrap();
        assert!(!own.is_dead() && own.threads >= 1 && own.resident_pages > 0, "{own:?}");
        assert_eq!(Stat::read(0).unwrap(), None);
    }

    #[test]
    fn an_environment_is_told_of_only_when_the_program_is_there() {
        let line = |code: u64, start: u64, end: u64| {
            let zeros = "0 ".repeat(23);
            let text =
                format!("42 (a) R 7 8 9 0 -1 0 1 2 3 4 0 0 0 0 20 0 1 0 123 0 1 0 {code} {zeros}{start} {end} 0");
            Stat::parse(text.as_bytes()).unwrap().environment_bytes
        };
        assert_eq!(line(4096, 100, 120), Some(20));
        assert_eq!(line(4096, 100, 100), Some(0), "a program may have none");
        assert_eq!(line(0, 100, 100), None, "being laid out");
        assert_eq!(line(0, 0, 0), None, "not begun");
    }

    #[test]
    fn a_dead_first_thread_is_not_a_dead_process() {
        let line = b"42 (a) Z 7 8 9 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 2 0 123456 1000 77 1";
        assert!(!Stat::parse(line).unwrap().is_dead());
    }
}
