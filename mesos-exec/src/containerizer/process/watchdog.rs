//! A small process of its own that ends all containers when the host dies without a word.
//!
//! The kernel ends a container's leader when the host dies, but not what the leader started. The watchdog is a shell with
//! one pipe to the host. When the host lets go of the pipe, the watchdog kills every process whose session a record of this
//! containerizer names, whose environment carries the containerizer's name, or whose parent or session's leader is such a
//! process; and again, until two rounds in a row find none, nor one that is just becoming another program and has no
//! environment to tell. A new host may be at work in the same directory by then: its containers carry another name. The
//! watchdog uses nothing but the shell's own words, so it works wherever `Run::Shell` does, and it needs neither the host's
//! program nor its memory.
//!
//! It leads its own session, so a key pressed at the host's terminal does not reach it, and ignores the polite signals.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, PipeWriter};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::libc;

use super::command::OWNER_VARIABLE;
use super::spawn::{self, Plan};
use super::sys::{PidFd, above_streams};
use super::table::KERNEL_THREAD;

/// `$1` the work directory, `$2` the name of the containerizer. At most so many rounds: a hundred take several seconds,
/// and what survives so many `SIGKILL`s is stuck in the kernel.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
read -r word
dir=$1; owner=$2; round=0; clean=0; inner=' '
look() {
  stat=; while IFS= read -r line; do stat="$stat$line "; done 2>/dev/null <"$entry/stat"
  set -f; set -- ${stat##*) }; set +f
  state=$1; parent=$2; session=$4; flags=$7; code=${24}; from=${48}; to=${49}
}
while [ $round -lt 100 ]; do
  round=$((round + 1)); sessions=$inner; members=' '; others=; blank=
  for record in "$dir"/containers/* "$dir"/containers/.[!.]* "$dir"/containers/..?*; do
    form=; read -r form pid start boot by rest 2>/dev/null <"$record" || continue
    [ "$form" = v1 ] && [ "$by" = "$owner" ] && sessions="$sessions$pid "
  done
  for entry in /proc/[0-9]*; do
    pid=${entry#/proc/}; [ "$pid" = $$ ] && continue
    look
    case $state in ''|Z|X) continue;; esac
    [ $((flags & KERNEL_THREAD)) != 0 ] && continue
    case $sessions in *" $session "*) members="$members$pid "; continue;; esac
    text=; while IFS= read -r line; do text="$text$line"; done 2>/dev/null <"$entry/environ"
    case $text$line in *"VARIABLE=$owner"*)
      members="$members$pid "; [ "$pid" = "$session" ] && inner="$inner$pid "; continue;;
    esac
    if [ -z "$text$line" ] && [ -r "$entry/environ" ]; then
      look
      [ "$from" = "$to" ] && [ "$to" != 0 ] && [ "$code" != 0 ] || blank=yes
    fi
    others="$others $pid:$parent:$session"
  done
  grown=yes
  while [ -n "$grown" ]; do
    grown=
    for other in $others; do
      pid=${other%%:*}; parent=${other#*:}; parent=${parent%:*}; session=${other##*:}
      case $members in *" $pid "*) continue;; esac
      case $members in *" $parent "*) ;; *) case $inner in *" $session "*) ;; *) continue;; esac;; esac
      members="$members$pid "; grown=yes
      [ "$pid" = "$session" ] && inner="$inner$pid "
    done
  done
  [ "$members" = ' ' ] && [ -z "$blank" ] && { clean=$((clean + 1)); [ $clean = 2 ] && exit 0; continue; }
  clean=0
  for pid in $members; do kill -9 "$pid" 2>/dev/null; done
done
"#;

/// The watchdog, as its host sees it.
#[derive(Debug)]
pub(super) struct Watchdog {
    pidfd: PidFd,
    _pipe: PipeWriter,
}

impl Watchdog {
    /// Starts one.
    pub(super) fn start(work_dir: &Path, owner: &str) -> io::Result<Self> {
        let (reader, pipe) = io::pipe()?;
        let text = |text: &[u8]| CString::new(text).map_err(io::Error::from);
        let script = SCRIPT.replace("VARIABLE", OWNER_VARIABLE).replace("KERNEL_THREAD", &KERNEL_THREAD.to_string());
        let arguments = [b"mesos-watchdog", &b"-c"[..], script.as_bytes(), b"mesos-watchdog"];
        let rest = [work_dir.as_os_str().as_bytes(), owner.as_bytes()];
        let silent = || above_streams(File::options().write(true).open("/dev/null")?.into());
        let plan = Plan {
            programs: vec![c"/bin/sh".into()],
            arguments: arguments.into_iter().chain(rest).map(text).collect::<io::Result<_>>()?,
            environment: vec![c"LC_ALL=C".into()],
            directory: c"/".into(),
            stdin: above_streams(reader.into())?,
            stdout: silent()?,
            stderr: silent()?,
            has_terminal: false,
            identity: None,
            limits: Vec::new(),
            ends_with_host: false,
        };
        let spawned = spawn::spawn(&plan).map_err(|failure| failure.error)?;
        Ok(Self { pidfd: spawned.pidfd, _pipe: pipe })
    }

    /// Readable once it has died, which it does not do by itself.
    pub(super) const fn pidfd(&self) -> &PidFd {
        &self.pidfd
    }
}

impl Drop for Watchdog {
    /// Sends it home: nothing is left to be killed, or its successor will see to it.
    fn drop(&mut self) {
        // Before the pipe is let go of, which would set it off.
        let _ = self.pidfd.signal(libc::SIGKILL);
        let _ = self.pidfd.wait();
    }
}
