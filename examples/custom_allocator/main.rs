//! Another policy: priority instead of fairness, in a simulated cluster.
//!
//! ```text
//! cargo run --example custom_allocator
//! ```
//!
//! Two frameworks want the whole cluster. Under dominant resource fairness they share it; under [`priority::Priority`] the
//! one whose role weighs more finishes first.

#![allow(unreachable_pub, reason = "an example reads like the library it could become")]

mod priority;

use mesos_core::Role;
use mesos_sim::fault::{Action, OperatorAction};
use mesos_sim::workload::Sleepers;
use mesos_sim::{Cluster, Report, secs};

use crate::priority::Priority;

/// Two hundred tasks each, on room for forty.
fn contention() -> Result<Cluster, Box<dyn std::error::Error>> {
    let weight = OperatorAction::SetWeight { role: Role::new("urgent")?, milli: 10_000 };
    Ok(Cluster::builder()
        .agents(10, "cpus:4;mem:4096")
        .framework("patient", || Sleepers::new(200, secs(10)).boxed())
        .framework("urgent", || Sleepers::new(200, secs(10)).boxed())
        .fault_at(secs(1), Action::Operator(weight)))
}

/// When each framework had done its work, in the order of their names.
fn done(report: &Report) -> [f64; 2] {
    ["patient", "urgent"].map(|name| {
        let row = report.frameworks.iter().find(|row| row.name == name);
        row.and_then(|row| row.done_at_secs).unwrap_or(f64::INFINITY)
    })
}

fn run() -> Result<[Report; 2], Box<dyn std::error::Error>> {
    let fair = contention()?.simulate(7)?.run_until_done(secs(3_600))?;
    let strict = contention()?.allocator(|| Box::<Priority>::default()).simulate(7)?.run_until_done(secs(3_600))?;
    Ok([fair, strict])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{:<10}{:>14}{:>14}", "", "patient done", "urgent done");
    for (name, report) in ["fairness", "priority"].iter().zip(run()?) {
        let [patient, urgent] = done(&report);
        println!("{name:<10}{patient:>12.1} s{urgent:>12.1} s");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mesos_sim::conformance::{self, Profile};

    use super::*;

    #[test]
    fn under_priority_the_urgent_framework_is_served_first_and_the_other_loses_nothing_else() {
        let [fair, strict] = run().unwrap();
        let ([_, fair_urgent], [strict_patient, strict_urgent]) = (done(&fair), done(&strict));
        assert!(strict_urgent < fair_urgent, "{strict_urgent} {fair_urgent}");
        assert!(strict_urgent < strict_patient);
        assert_eq!(strict.tasks("FINISHED"), 400);
    }

    #[test]
    fn it_keeps_the_laws_of_allocators() {
        conformance::check(|| Box::<Priority>::default(), &Profile::default())
            .unwrap_or_else(|broken| panic!("{broken}"));
    }
}
