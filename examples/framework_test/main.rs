//! An author's unit test: does my framework survive the loss of its scheduler and of the leading master, on a thousand
//! agents?
//!
//! ```text
//! cargo test --example framework_test     the test
//! cargo run --example framework_test      the same, with the report
//! ```

use mesos_core::kernel::Record;
use mesos_core::{Ack, FrameworkId, Offer, Scheduler, SchedulerCx, TaskId, TaskInfo, TaskState, TaskStatus};
use mesos_sim::{Cluster, Report, secs};

/// Under this key stands the number of the last task started: a new run must never use an id again.
const STARTED: &str = "started";

/// Keeps so many web servers up, each on an agent that has room.
#[derive(Debug)]
struct KeepUp {
    wanted: usize,
    up: Vec<TaskId>,
    started: u64,
}

impl KeepUp {
    fn boxed(wanted: usize) -> Box<dyn Scheduler> {
        Box::new(Self { wanted, up: Vec::new(), started: 0 })
    }
}

impl Scheduler for KeepUp {
    fn recovered(&mut self, records: &[Record]) {
        for record in records {
            match TaskId::new(&*record.key) {
                Ok(id) if *record.key != *STARTED => self.up.push(id),
                _ => self.started = record.decode().unwrap_or_default(),
            }
        }
    }

    fn subscribed(&mut self, cx: &mut SchedulerCx<'_>, _: &FrameworkId) {
        cx.reconcile(self.up.clone());
    }

    fn offers(&mut self, cx: &mut SchedulerCx<'_>, offers: Vec<Offer>) {
        for offer in offers {
            if self.up.len() >= self.wanted {
                cx.decline(&offer);
                continue;
            }
            self.started += 1;
            let id = TaskId::new(format!("web-{}", self.started)).expect("a valid id");
            cx.remember(STARTED, &self.started);
            cx.remember(id.as_str(), &());
            let resources = "cpus:1;mem:256".parse().expect("valid resources");
            self.up.push(id.clone());
            cx.launch(&offer, [TaskInfo::shell(id, offer.agent_id.clone(), resources, "sleep 100000")]);
        }
    }

    fn update(&mut self, cx: &mut SchedulerCx<'_>, status: &TaskStatus) -> Ack {
        if status.state.is_terminal() || status.state == TaskState::Unknown {
            self.up.retain(|id| *id != status.task_id);
            cx.forget(status.task_id.as_str());
            cx.revive();
        }
        Ack::Auto
    }
}

/// Two hundred servers on a thousand agents; everything that decides is lost once.
fn two_losses(seed: u64) -> Result<Report, Box<dyn std::error::Error>> {
    let mut simulation = Cluster::builder()
        .masters(3)
        .agents(1_000, "cpus:4;mem:8192")
        .service("web", || KeepUp::boxed(200))
        .crash_framework_at(secs(20), 0)
        .crash_leader_at(secs(40))
        .checked()
        .simulate(seed)?;
    simulation.run_until(secs(120))?;
    Ok(simulation.report())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", two_losses(7)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_outlives_the_scheduler_and_the_master() {
        let report = two_losses(7).unwrap();
        assert_eq!(report.containers_at_once_max, 200, "{report}");
        assert_eq!(report.launched(), 200, "nothing was started twice: {report}");
    }
}
