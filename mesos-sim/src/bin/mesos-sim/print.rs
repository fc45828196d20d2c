//! What commands print.

use std::io::Write as _;
use std::time::Instant;

use mesos_sim::Report;

/// Prints what a reader wants; a closed pipe is no reason to fail.
pub(crate) fn print(text: &str) {
    if !text.is_empty() && std::io::stdout().write_all(text.as_bytes()).is_err() {
        std::process::exit(0);
    }
}

/// Prints how fast a run was.
#[allow(clippy::cast_precision_loss, reason = "rates for people")]
pub(crate) fn print_pace(report: &Report, started: Instant) {
    let real = started.elapsed().as_secs_f64();
    let (steps, pace) = (report.steps as f64 / real, report.at_secs / real);
    println!("{real:.3} real seconds, {steps:.0} steps/s, {pace:.0} virtual seconds per second");
}

/// Many runs that may fail show one line each, not a backtrace.
pub(crate) fn quiet_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}
