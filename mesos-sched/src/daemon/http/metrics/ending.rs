//! How tasks ended, under the names of Mesos: by state, and by who said so and why (`docs/monitoring.md`,
//! `master/task_<state>/source_*/reason_*`).

use mesos_core::net::metrics::{Metrics, real};
use mesos_core::wire::v1::task_status::{Reason, Source};

use super::ENDED;
use crate::daemon::view::Totals;
use crate::master::Endings;

pub(super) fn tasks(metrics: &mut Metrics, totals: &Totals, endings: &Endings) {
    for (state, name) in ENDED {
        let count = totals.ended[state as usize] + endings.unbooked(state);
        metrics.counter(&format!("master/tasks_{name}"), count);
    }
    for (state, source, reason, count) in endings.by_reason() {
        let state = state.name().to_ascii_lowercase();
        let source = Source::from(source).as_str_name().to_ascii_lowercase();
        let reason = Reason::from(reason).as_str_name().to_ascii_lowercase();
        // The masters of Mesos write the names of their first API here, in which agents are slaves.
        let name = format!("master/task_{state}/{source}/{reason}").replace("agent", "slave");
        let word = |text: &str, before: &str| text.strip_prefix(before).unwrap_or(text).to_owned();
        let (source, reason) = (word(&source, "source_"), word(&reason, "reason_"));
        let labels = [("state", state.as_str()), ("source", source.as_str()), ("reason", reason.as_str())];
        metrics.add_labelled(name, "master/tasks_ended", &labels, true, real(count));
    }
}
