//! The algebra's inner loops.

use mesos_core::Resources;

/// An agent's resources: the four common scalars and a range of ports.
#[must_use]
pub fn agent() -> Resources {
    "cpus:16;mem:65536;disk:1000000;ports:[31000-32000]".parse().expect("resources")
}

/// A task's resources: two scalars.
#[must_use]
pub fn task() -> Resources {
    "cpus:0.5;mem:128".parse().expect("resources")
}

/// What an accept does to an offer: is the task contained, and what is left? Returns something that depends on all of it.
#[must_use]
pub fn carve(offer: &Resources, task: &Resources, tasks: u32) -> Resources {
    let mut left = offer.clone();
    for _ in 0..tasks {
        if left.contains(task) {
            left -= task;
        } else {
            left.clone_from(offer);
        }
    }
    left
}
