//! Results as tables with fixed schemas. Every row of each says from which seed, version and command it is: a row that was cut
//! out of its table, or put beside those of another run, still can be had again.

use super::outcome::Outcome;
use super::table::{Column, Table};

/// `runs`: a row per case. `figures`: a row per case, queue and figure. `curves`: a row per point.
#[must_use]
pub fn tables(outcomes: &[Outcome]) -> Vec<Table> {
    vec![runs(outcomes), figures(outcomes), curves(outcomes)]
}

fn text(value: impl Into<String>) -> Option<String> {
    Some(value.into())
}

fn runs(outcomes: &[Outcome]) -> Table {
    let texts = |of: &dyn Fn(&Outcome) -> Option<String>| Column::Text(outcomes.iter().map(of).collect());
    let numbers = |metric: &str| Column::Number(outcomes.iter().map(|row| row.get(metric, None)).collect());
    let parameters = |row: &Outcome| {
        let pairs: Vec<String> = row.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        text(pairs.join(";"))
    };
    let mut columns = vec![
        ("key", texts(&|row| text(&row.key))),
        ("parameters", texts(&parameters)),
        ("seed", Column::Whole(outcomes.iter().map(|row| Some(row.seed)).collect())),
        ("version", texts(&|row| text(&row.version))),
        ("command", texts(&|row| text(&row.command))),
        ("digest", texts(&|row| text(&row.digest))),
        ("steps", Column::Whole(outcomes.iter().map(|row| Some(row.steps)).collect())),
        ("is_done", Column::Whole(outcomes.iter().map(|row| Some(u64::from(row.is_done))).collect())),
        ("fault", texts(&|row| row.fault.clone())),
    ];
    for metric in RUN_METRICS {
        columns.push((metric, numbers(metric)));
    }
    Table { name: "runs", columns }
}

/// Figures of all queues together that have a column of their own.
pub(super) const RUN_METRICS: [&str; 22] = [
    "makespan_secs",
    "cpus_used",
    "mem_used",
    "gpus_used",
    "cpus_offered",
    "fairness_jain",
    "fragmentation",
    "jobs",
    "jobs_done",
    "tasks_finished",
    "tasks_never_started",
    "tasks_unfinished",
    "tasks_given_up",
    "tries_unsuccessful",
    "wait_mean_secs",
    "wait_p90_secs",
    "wait_mean_at_least_secs",
    "response_mean_secs",
    "response_p90_secs",
    "slowdown_mean",
    "offers",
    "offers_declined",
];

fn figures(outcomes: &[Outcome]) -> Table {
    let rows = || outcomes.iter().flat_map(|row| row.figures.iter().map(move |figure| (row, figure)));
    Table {
        name: "figures",
        columns: vec![
            ("key", Column::Text(rows().map(|(row, _)| text(&row.key)).collect())),
            ("case", Column::Text(rows().map(|(row, _)| text(row.label())).collect())),
            ("seed", Column::Whole(rows().map(|(row, _)| Some(row.seed)).collect())),
            ("version", Column::Text(rows().map(|(row, _)| text(&row.version)).collect())),
            ("command", Column::Text(rows().map(|(row, _)| text(&row.command)).collect())),
            ("queue", Column::Text(rows().map(|(_, figure)| figure.queue.clone()).collect())),
            ("metric", Column::Text(rows().map(|(_, figure)| text(&figure.metric)).collect())),
            ("value", Column::Number(rows().map(|(_, figure)| Some(figure.value)).collect())),
        ],
    }
}

fn curves(outcomes: &[Outcome]) -> Table {
    let rows = || {
        let curves = outcomes.iter().flat_map(|row| row.curves.iter().map(move |curve| (row, curve)));
        curves.flat_map(|(row, curve)| curve.points.iter().map(move |point| (row, curve, point)))
    };
    Table {
        name: "curves",
        columns: vec![
            ("key", Column::Text(rows().map(|(row, ..)| text(&row.key)).collect())),
            ("case", Column::Text(rows().map(|(row, ..)| text(row.label())).collect())),
            ("seed", Column::Whole(rows().map(|(row, ..)| Some(row.seed)).collect())),
            ("version", Column::Text(rows().map(|(row, ..)| text(&row.version)).collect())),
            ("command", Column::Text(rows().map(|(row, ..)| text(&row.command)).collect())),
            ("queue", Column::Text(rows().map(|(_, curve, _)| curve.queue.clone()).collect())),
            ("metric", Column::Text(rows().map(|(_, curve, _)| text(&curve.metric)).collect())),
            ("x", Column::Number(rows().map(|(.., point)| Some(point.0)).collect())),
            ("y", Column::Number(rows().map(|(.., point)| Some(point.1)).collect())),
        ],
    }
}
