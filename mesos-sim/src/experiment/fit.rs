//! Which jobs a cluster could ever run.

use std::collections::BTreeSet;

use crate::Cluster;
use crate::cluster::AgentSpec;
use crate::trace::{Rule, TraceReport};
use crate::workload::{Job, Workload};

/// Leaves out jobs that no machine could ever run.
pub(super) fn refuse_what_fits_nowhere(cluster: &Cluster, workload: &mut Workload, report: &mut TraceReport) {
    let agents = &cluster.spec().agents;
    // Machines with GPUs are only offered to frameworks that say they use them, and only queues with such jobs do.
    let wants_gpus: BTreeSet<u32> =
        workload.jobs.iter().filter(|job| job.need.gpus().is_positive()).map(|job| job.queue).collect();
    let slots = |job: &Job| {
        let mut room = 0_u32;
        let is_offered = |agent: &&AgentSpec| {
            job.admits(&agent.info.attributes)
                && (wants_gpus.contains(&job.queue) || !agent.info.resources.gpus().is_positive())
        };
        for agent in agents.iter().filter(is_offered) {
            let mut left = agent.info.resources.clone();
            while room < job.tasks && left.contains(&job.need) {
                left -= &job.need;
                room += 1;
                if job.is_spread {
                    break;
                }
            }
            let is_enough = if job.is_gang || job.is_spread { room >= job.tasks } else { room > 0 };
            if is_enough {
                return true;
            }
        }
        false
    };
    // Most jobs are like one before them.
    let mut known: Vec<(Job, bool)> = Vec::new();
    let mut fits = |job: &Job| {
        let is_like = |other: &Job| {
            other.need == job.need
                && wants_gpus.contains(&other.queue) == wants_gpus.contains(&job.queue)
                && other.constraints == job.constraints
                && other.is_spread == job.is_spread
                && other.is_gang == job.is_gang
                && (other.tasks == job.tasks || !(job.is_gang || job.is_spread))
        };
        if let Some((_, fits)) = known.iter().find(|(other, _)| is_like(other)) {
            return *fits;
        }
        let fits = slots(job);
        if known.len() < 256 {
            known.push((job.clone(), fits));
        }
        fits
    };
    let keep: Vec<bool> = workload.jobs.iter().map(&mut fits).collect();
    let left_out = keep.iter().filter(|keep| !**keep).count();
    if left_out == 0 {
        return;
    }
    for (job, _) in workload.jobs.iter().zip(&keep).filter(|(_, keep)| !**keep) {
        let queue = workload.queues.get(job.queue as usize).map_or("", |name| name);
        report.count(Rule::FitsNowhere, &format!("queue {queue}, job {}", job.name), 0);
    }
    let mut place = Vec::with_capacity(keep.len());
    let mut next = 0_u32;
    for keep in &keep {
        place.push(keep.then_some(next));
        next += u32::from(*keep);
    }
    let mut at = 0;
    workload.jobs.retain(|_| {
        at += 1;
        keep[at - 1]
    });
    for job in &mut workload.jobs {
        job.after = job.after.iter().filter_map(|index| place[*index as usize]).collect();
    }
    report.jobs = workload.jobs.len() as u64;
    report.tasks = workload.tasks();
}
