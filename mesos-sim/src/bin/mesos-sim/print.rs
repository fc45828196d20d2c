//! What commands print. All of it goes through here: what becomes of it is the same for every command.
//!
//! Where nobody reads on, as `mesos-sim run 42 --trace | head` has it, the program ends at once and quietly, with status 141:
//! the one that shells give to a program that SIGPIPE ended. It is not 0, since whether the run was fine is not known.
//! Any other trouble with standard output, such as a disk that is full, is said, and ends the program with status 1: what was
//! asked for is not there.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::process::exit;
use std::time::Instant;

use mesos_sim::{ExitStatus, Report};
use serde::Serialize;

/// Prints what a reader wants. It is with the reader when this returns.
pub(crate) fn print(text: &str) {
    if !text.is_empty() {
        let mut out = io::stdout().lock();
        or_end(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }
}

/// Prints this as a line, or as several.
pub(crate) fn print_line(what: impl Display) {
    print(&format!("{what}\n"));
}

/// Prints figures as JSON for a reader who is a program or a person.
pub(crate) fn print_json(figures: &impl Serialize) {
    print_line(serde_json::to_string_pretty(figures).expect("figures are plain data"));
}

/// Goes on if what was written got out; ends the program otherwise.
pub(crate) fn or_end(written: io::Result<()>) {
    let Err(error) = written else { return };
    if error.kind() == ErrorKind::BrokenPipe {
        exit(ExitStatus::Closed.code().into());
    }
    // Standard error may be gone too; then the status has to do.
    let _ = writeln!(io::stderr(), "mesos-sim: standard output: {error}");
    exit(ExitStatus::Unusable.code().into());
}

/// Prints how fast a run was.
#[allow(clippy::cast_precision_loss, reason = "rates for people")]
pub(crate) fn print_pace(report: &Report, started: Instant) {
    let real = started.elapsed().as_secs_f64();
    let (steps, pace) = (report.steps as f64 / real, report.at_secs / real);
    print_line(format_args!("{real:.3} real seconds, {steps:.0} steps/s, {pace:.0} virtual seconds per second"));
}

/// Many runs that may fail show one line each, not a backtrace.
pub(crate) fn quiet_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}
