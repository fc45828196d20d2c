//! What the one who asks may see of an agent: views leave out the rest, as those of masters do.

use std::sync::Arc;

use mesos_core::FrameworkInfo;
use mesos_core::net::auth::Sight;
use mesos_core::net::http::Caller;

use super::Context;
use crate::agent::{PastFramework, Snapshot};

/// What of a framework may be seen.
struct Visible {
    tasks: bool,
    executors: bool,
}

impl Context {
    /// What `caller` may see.
    pub(super) fn sight(&self, caller: Caller) -> Sight {
        Sight::new(self.judge.authorizer.clone(), caller)
    }
}

/// What may be seen of a framework, if it may be seen.
fn visible(info: &FrameworkInfo, sight: &Sight) -> Option<Visible> {
    let principal = info.principal.as_ref();
    let visible = || Visible { tasks: sight.sees_tasks(principal), executors: sight.sees_executors(principal) };
    sight.sees_framework(principal).then(visible)
}

/// The agent as far as it may be seen.
pub(super) fn seen(snapshot: Arc<Snapshot>, sight: &Sight) -> Arc<Snapshot> {
    if sight.sees_all() {
        return snapshot;
    }
    let mut snapshot = Arc::unwrap_or_clone(snapshot);
    snapshot.frameworks.retain_mut(|framework| {
        let Some(visible) = framework.info.as_ref().and_then(|info| visible(info, sight)) else { return false };
        if !visible.tasks {
            framework.tasks.clear();
        }
        if !visible.executors {
            framework.executors.clear();
        }
        true
    });
    let shown: Vec<_> = snapshot.frameworks.iter().map(|framework| framework.id.clone()).collect();
    snapshot.operations.retain(|operation| shown.contains(&operation.framework_id));
    for past in [&mut snapshot.past, &mut snapshot.completed] {
        past.retain(|_, framework| is_left(framework, sight));
    }
    snapshot.standalone.clear();
    Arc::new(snapshot)
}

/// Leaves of what is over of a framework what may be seen; whether anything may.
fn is_left(framework: &mut PastFramework, sight: &Sight) -> bool {
    let Some(visible) = visible(&framework.info, sight) else { return false };
    if !visible.tasks {
        framework.tasks.clear();
        for executor in &mut framework.executors {
            Arc::make_mut(executor).tasks.clear();
        }
    }
    if !visible.executors {
        framework.executors.clear();
    }
    true
}
