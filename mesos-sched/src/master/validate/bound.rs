//! How much of everything a peer may send, and the checks against it.
//!
//! Mesos leaves most of these open and lives with what clients happen to send. A master keeps every task's description until
//! its end is acknowledged, so one framework without bounds could fill it. The bounds are generous: no client seen in the
//! field comes near.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::resource::{Disk, Label, Reservation, Resource, Value};
use mesos_core::{Rejection, RejectionCode, Resources};

/// Names, users, host names and pages of one description together: they are for people, who do not read more.
pub const NAME_BYTES_MAX: usize = 4 * 1024;

/// Labels of one task or framework: as much as etcd or Kubernetes users put there at most, a quarter of a usual value.
pub const LABELS_BYTES_MAX: usize = 64 * 1024;

/// Bytes for an executor in one task or executor. Large inputs belong to the fetcher, not into every copy of a description.
pub const DATA_BYTES_MAX: usize = 256 * 1024;

/// One argument or environment entry: Linux refuses strings of 128 KiB or more (`MAX_ARG_STRLEN`).
pub const ARGUMENT_BYTES_MAX: usize = 128 * 1024 - 1;

/// All of one command: a quarter of what Linux takes with its usual stack of 8 MiB (`ARG_MAX`).
pub const COMMAND_BYTES_MAX: usize = 512 * 1024;

/// One collection of resources, roughly as JSON: more than two thousand separate ranges of ports.
pub const RESOURCES_BYTES_MAX: usize = 256 * 1024;

/// A DNS name has at most 253 bytes; Mesos accepts any name the host has, Linux up to 64.
pub const HOSTNAME_BYTES_MAX: usize = 253;

/// Attributes and fault domain of an agent: every offer carries them.
pub const AGENT_TEXT_BYTES_MAX: usize = 64 * 1024;

/// Roles of one framework: each is a place of its own in the allocator's order.
pub const ROLES_MAX: usize = 1_024;

/// Alternatives for the smallest offer a framework wants in one role, and names in each: they are tried at every offer.
pub const MIN_ALLOCATABLE_MAX: usize = 32;

/// Longest time a task or an executor may take to end once it was told to. Mesos leaves it open, and then a kill need never
/// come true. A day is enough for what is drained in an orderly way; what takes longer asks its tasks by messages first.
pub const GRACE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// What an agent may bring along when it comes back: frameworks, tasks and executors together, five times the tasks an agent
/// takes unless its options say otherwise.
pub const REPORT_ENTRIES_MAX: usize = 500_000;

/// Longest part of what a peer sent that a refusal repeats.
const EXCERPT_BYTES_MAX: usize = 256;

/// A text that takes no more than fits.
struct Excerpt(String);

impl Write for Excerpt {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = EXCERPT_BYTES_MAX - self.0.len();
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        let fitting = (0..=room).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        self.0.push_str(&text[..fitting]);
        Err(fmt::Error)
    }
}

/// The readable form of what a peer sent, cut where it gets long.
pub(super) fn excerpt(thing: &impl Display) -> String {
    let mut cut = Excerpt(String::new());
    let is_whole = write!(cut, "{thing}").is_ok();
    if !is_whole {
        cut.0.push('…');
    }
    cut.0
}

/// Refuses `found` bytes of `what` if that is more than `max`.
pub(super) fn check_bytes(
    code: RejectionCode,
    who: &impl Display,
    what: &str,
    found: usize,
    max: usize,
) -> Result<(), Rejection> {
    if found <= max {
        return Ok(());
    }
    let what = format!("{}: {what} take {found} bytes", excerpt(who));
    Err(Rejection::new(code, what, format!("send at most {max} bytes")))
}

/// Refuses a text with a byte that ends texts for the system.
pub(super) fn check_no_nul(code: RejectionCode, who: &impl Display, what: &str, text: &str) -> Result<(), Rejection> {
    if text.as_bytes().contains(&0) {
        let what = format!("{}: {what} holds a NUL byte", excerpt(who));
        return Err(Rejection::new(code, what, "leave it out; texts for the system end there"));
    }
    Ok(())
}

/// Refuses a time that does not fit the protocol's signed nanoseconds.
pub(super) fn check_duration(
    code: RejectionCode,
    who: &impl Display,
    what: &str,
    duration: Duration,
) -> Result<(), Rejection> {
    if i64::try_from(duration.as_nanos()).is_ok() {
        return Ok(());
    }
    let what = format!("{}: {what} of {} s is too long", excerpt(who), duration.as_secs());
    Err(Rejection::new(code, what, "give at most 9223372036 seconds, which is 292 years"))
}

/// Refuses a time to end in that is longer than [`GRACE_MAX`].
pub(super) fn check_grace(
    code: RejectionCode,
    who: &impl Display,
    what: &str,
    grace: Option<Duration>,
) -> Result<(), Rejection> {
    match grace.filter(|grace| *grace > GRACE_MAX) {
        None => Ok(()),
        Some(grace) => {
            let what = format!("{}: {what} of {} s is too long", excerpt(who), grace.as_secs());
            Err(Rejection::new(code, what, format!("give at most {} s", GRACE_MAX.as_secs())))
        }
    }
}

pub(super) fn check_resources_bytes(
    code: RejectionCode,
    who: &impl Display,
    resources: &Resources,
) -> Result<(), Rejection> {
    if resources.is_plain() {
        return Ok(());
    }
    check_entries_bytes(code, who, &resources.iter().collect::<Vec<_>>())
}

pub(super) fn check_entries_bytes(
    code: RejectionCode,
    who: &impl Display,
    entries: &[Resource],
) -> Result<(), Rejection> {
    let bytes = entries.iter().map(entry_bytes).fold(0, usize::saturating_add);
    check_bytes(code, who, "the resources", bytes, RESOURCES_BYTES_MAX)
}

pub(super) fn labels_bytes(labels: &BTreeMap<Arc<str>, Arc<str>>) -> usize {
    labels.iter().map(|(key, value)| key.len() + value.len()).sum()
}

/// About as many bytes as the entry takes as JSON.
fn entry_bytes(entry: &Resource) -> usize {
    /// Names of fields and punctuation around one thing.
    const FRAME: usize = 48;
    let label = |label: &Label| label.key.len() + label.value.as_ref().map_or(0, String::len) + FRAME;
    let reservation = |reservation: &Reservation| {
        let principal = reservation.principal.as_ref().map_or(0, |principal| principal.as_str().len());
        let labels = reservation.labels.as_slice().iter().map(label).sum::<usize>();
        reservation.role.as_str().len() + principal + labels + FRAME
    };
    let disk = |disk: &Disk| {
        let volume = disk.volume.as_ref();
        let paths = volume.map_or(0, |v| v.container_path.len() + v.host_path.as_ref().map_or(0, String::len));
        let source = disk.source.as_ref().map_or(0, |source| {
            let texts = [&source.vendor, &source.id, &source.profile].into_iter().flatten().map(String::len);
            texts.sum::<usize>() + source.metadata.as_slice().iter().map(label).sum::<usize>() + FRAME
        });
        paths + source + FRAME
    };
    let value = match entry.value() {
        Value::Scalar(_) => FRAME,
        Value::Ranges(ranges) => ranges.as_slice().len() * FRAME,
        Value::Set(set) => set.as_slice().iter().map(|item| item.len() + FRAME).sum(),
    };
    let stack = entry.reservations().as_slice().iter().map(reservation).sum::<usize>();
    entry.name().as_str().len() + value + stack + entry.disk_info().map_or(0, disk) + FRAME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_repeats_only_so_much() {
        assert_eq!(excerpt(&"short"), "short");
        let long = excerpt(&"é".repeat(10_000));
        assert!(long.len() <= EXCERPT_BYTES_MAX + '…'.len_utf8() && long.ends_with("é…"), "{long}");
    }

    #[test]
    fn the_longest_time_of_the_protocol_is_the_limit() {
        let check = |duration| check_duration(RejectionCode::InvalidTask, &"t", "grace", duration).is_ok();
        assert!(check(Duration::from_nanos(i64::MAX.unsigned_abs())));
        assert!(!check(Duration::from_nanos(i64::MAX.unsigned_abs() + 1)));
        assert!(!check(Duration::MAX));
    }

    #[test]
    fn a_grace_is_a_day_at_most() {
        let check = |grace| check_grace(RejectionCode::InvalidTask, &"t", "grace", grace).is_ok();
        assert!(check(None) && check(Some(GRACE_MAX)));
        assert!(!check(Some(GRACE_MAX + Duration::from_nanos(1))));
        assert!(!check(Some(Duration::MAX)));
    }

    #[test]
    fn many_ranges_are_many_bytes() {
        let ports = |count: u64| -> Resources {
            let ranges: Vec<String> = (0..count).map(|n| format!("{}-{}", n * 10, n * 10 + 1)).collect();
            format!("ports:[{}]", ranges.join(",")).parse().unwrap()
        };
        let check = |resources: &Resources| check_resources_bytes(RejectionCode::InvalidAgent, &"a", resources).is_ok();
        assert!(check(&ports(2_000)));
        assert!(!check(&ports(6_000)));
    }
}
