//! Batch systems and grids: the Standard Workload Format 2.2 and the Grid Workload Format.
//!
//! SWF: 18 fields between blanks, `;` before comments, -1 for unknown; times in seconds, memory in KB per processor. A job
//! of n processors is n tasks of one core that start together ([`Options::is_parallel_gang`](super::Options)); field 17
//! names the job it follows, field 18 how long its user thought in between. States 2 to 4 are of parts of a job that was
//! stopped in between: a row of the whole job tells all of it, and theirs are left out. `MaxNodes` and `MaxProcs` of the header
//! describe the machines. Chapin et al., "Benchmarks and Standards for the Evaluation of Parallel Job Schedulers", JSSPP
//! 1999.
//!
//! GWF: a header, then workflow, job, submission, run time, processors, processors asked for, and the jobs it depends on.

use super::builder::{Builder, Row};
use super::fields::{Fields, Separator, count, number};
use super::rule::{Refusal, Rule};
use super::table::Reader;

/// SWF's states: done, failed, partial runs, cancelled, unknown.
const STATES: std::ops::RangeInclusive<i64> = -1..=5;
const FAILED: i64 = 0;
const PARTS: std::ops::RangeInclusive<i64> = 2..=4;
const KB_PER_MB: f64 = 1_024.0;
/// No cluster has more processors.
const PROCESSORS_MAX: f64 = 1e8;
/// Nor more machines.
const MACHINES_MAX: f64 = 1e6;
/// Memory of a machine of which the header says nothing, in MB.
const NODE_MEM: f64 = 262_144.0;

#[derive(Debug, Default)]
pub(super) struct Swf {
    nodes: Option<f64>,
    processors: Option<f64>,
}

impl Swf {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "job",
        "submit",
        "wait",
        "run",
        "allocated",
        "cpu_time",
        "used_mem",
        "requested",
        "requested_time",
        "requested_mem",
        "status",
        "user",
        "group",
        "executable",
        "queue",
        "partition",
        "preceding",
        "think",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Blanks;
}

impl Reader for Swf {
    fn comment(&mut self, text: &str, line: u64, builder: &mut Builder<'_>) {
        let Some((name, value)) = text.trim_start_matches([';', ' ']).split_once(':') else { return };
        let own = match name.trim() {
            "MaxNodes" => &mut self.nodes,
            "MaxProcs" => &mut self.processors,
            _ => return,
        };
        match value.split_whitespace().next().and_then(number) {
            Some(count) if count > PROCESSORS_MAX => builder.count(Rule::BadHeader, line),
            // -1 is not known.
            Some(count) => *own = Some(count).filter(|count| *count >= 1.0),
            None => builder.count(Rule::BadHeader, line),
        }
    }

    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        if fields.len() < Self::COLUMNS.len() {
            return Err(Refusal::new(Rule::MissingField, "think", ""));
        }
        let status = fields.code(10)?;
        if !STATES.contains(&status) {
            return Err(Refusal::new(Rule::UnknownState, "status", &status.to_string()));
        }
        if PARTS.contains(&status) {
            return Err(Refusal::new(Rule::ToldAgain, "status", &status.to_string()));
        }
        let run = fields.known(3)?.ok_or_else(|| Refusal::new(Rule::NeverRan, "run", "-1"))?;
        let processors = match (fields.known(4)?, fields.known(7)?) {
            (Some(allocated), _) if allocated > 0.0 => allocated,
            (_, Some(requested)) if requested > 0.0 => requested,
            _ => return Err(Refusal::new(Rule::AsksForNothing, "processors", "")),
        };
        let mem = fields.known(9)?.or(fields.known(6)?).map(|kb| kb / KB_PER_MB);
        let is_gang = builder.options.is_parallel_gang;
        let preceding = fields.known(16)?;
        let row = Row {
            name: fields.name(0)?.into_owned(),
            user: fields.text(11).unwrap_or_default().into_owned(),
            class: fields.text(14).unwrap_or_default().into_owned(),
            submit: fields.required(1)?,
            run: Some(run),
            tasks: count(processors),
            cpus: 1.0,
            mem,
            estimate: fields.known(8)?,
            is_gang,
            fails: status == FAILED,
            after: preceding.map(|job| format!("{job}")).into_iter().collect(),
            think: fields.known(17)?.unwrap_or(0.0),
            ..Row::default()
        };
        builder.job(row, line)
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        let (Some(nodes), Some(processors)) = (self.nodes.or(self.processors), self.processors.or(self.nodes)) else {
            return;
        };
        if nodes > MACHINES_MAX {
            builder.count(Rule::BadHeader, 0);
            return;
        }
        let each = (processors / nodes.max(1.0)).max(1.0);
        let mut at = 0.0;
        while at < nodes {
            if builder.machine(&format!("node-{at}"), [each, NODE_MEM, 0.0, 0.0], Vec::new()).is_err() {
                // What the header says of all nodes alike, or another file said before.
                builder.count(Rule::BadHeader, 0);
                return;
            }
            at += 1.0;
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Gwf;

impl Gwf {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["WorkflowID", "JobID", "SubmitTime", "RunTime", "NProcs", "ReqNProcs", "Dependencies"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Gwf {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let run = fields.known(3)?.ok_or_else(|| Refusal::new(Rule::NeverRan, "RunTime", "-1"))?;
        let processors = fields.known(4)?.filter(|count| *count > 0.0).or(fields.known(5)?).unwrap_or(0.0);
        let after = fields.text(6).unwrap_or_default();
        let workflow = fields.name(0)?.into_owned();
        // Jobs are numbered anew in every workflow.
        let of = |job: &str| format!("{workflow}/{job}");
        let row = Row {
            name: of(fields.name(1)?.as_ref()),
            user: workflow.clone(),
            class: workflow.clone(),
            submit: fields.required(2)?,
            run: Some(run),
            tasks: count(processors),
            cpus: 1.0,
            is_gang: builder.options.is_parallel_gang,
            after: after.split_whitespace().filter(|name| *name != "-1").map(of).collect(),
            ..Row::default()
        };
        builder.job(row, line)
    }
}
