//! What is counted of each framework, under the names of Mesos (`src/master/metrics.cpp`, `FrameworkMetrics`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mesos_core::{FrameworkId, Role};

use super::{ACTIVE, Context, ENDED, Metrics, NAMES, real};
use crate::daemon::http::asking::AT_ONCE;
use crate::daemon::view::Snapshot;
use crate::master::{Connection, Tally};

/// What is counted of one, and the roles it wants no offers for.
pub(super) type Counted = (Tally, BTreeSet<Role>);

/// What the master has counted; nothing when it leads no more.
pub(super) async fn tallies(context: &Context) -> BTreeMap<FrameworkId, Counted> {
    let counted = context.look_through(|master, last| {
        let some = master.tallies_after(last.copied()).take(AT_ONCE);
        some.map(|(key, id, tally, suppressed)| (key, (id.clone(), (tally.clone(), suppressed.clone())))).collect()
    });
    counted.await.unwrap_or_default().into_iter().collect()
}

/// The numbers of each framework.
pub(super) fn each(metrics: &mut Metrics, snapshot: &Snapshot, tallies: &BTreeMap<FrameworkId, Counted>) {
    let none = Counted::default();
    for view in &snapshot.frameworks {
        let state = &view.row.state;
        let (id, name) = (state.id.as_str(), &*state.info.name);
        let prefix = format!("master/frameworks/{}/{id}/", encoded(name));
        let labels = [("framework_id", id), ("framework", name)];
        let mut add = |what: &str, is_counter: bool, value: f64| {
            metrics.add_labelled(
                format!("{prefix}{what}"),
                &format!("master/framework/{what}"),
                &labels,
                is_counter,
                value,
            );
        };
        add("subscribed", false, f64::from(u8::from(state.connection == Connection::Connected)));
        for (task_state, what) in ACTIVE {
            let count = view.tasks.iter().filter(|task| task.state == task_state).count();
            add(&format!("tasks/active/task_{what}"), false, real(count as u64));
        }
        add("offers/outstanding", false, real(view.offers.len() as u64));
        for (slot, amount) in NAMES.iter().zip(snapshot.usage().of_framework(&state.id).used.plain_scalars()) {
            add(&format!("allocated/{slot}"), false, amount.to_f64());
        }
        let (tally, suppressed) = tallies.get(&state.id).unwrap_or(&none);
        for (what, counted) in [("calls", &tally.calls), ("events", &tally.events), ("operations", &tally.operations)] {
            add(what, true, real(counted.sum()));
            for (name, count) in counted.iter() {
                add(&format!("{what}/{}", name.to_ascii_lowercase()), true, real(count));
            }
        }
        for (what, count) in [
            ("sent", tally.offers_sent),
            ("accepted", tally.offers_accepted),
            ("declined", tally.offers_declined),
            ("rescinded", tally.offers_rescinded),
        ] {
            add(&format!("offers/{what}"), true, real(count));
        }
        for (task_state, what) in ENDED {
            add(&format!("tasks/terminal/task_{what}"), true, real(tally.ended(task_state)));
        }
        for role in &state.info.roles {
            let is_suppressed = suppressed.contains(role);
            let labels = [("framework_id", id), ("framework", name), ("role", role.as_str())];
            let mesos = format!("{prefix}roles/{role}/suppressed");
            let value = f64::from(u8::from(is_suppressed));
            metrics.add_labelled(mesos, "master/framework/roles/suppressed", &labels, false, value);
        }
    }
}

/// A name within a name, as Mesos writes it: what has a meaning in addresses is escaped.
fn encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_look_like_a_part_of_the_path() {
        assert_eq!(encoded("web-1.x_y~"), "web-1.x_y~");
        assert_eq!(encoded("a/b c%"), "a%2Fb%20c%25");
        assert_eq!(encoded("ü"), "%C3%BC");
    }
}
