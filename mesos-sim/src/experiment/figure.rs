//! What figures are called, in which unit they are shown, and what they mean: for people. Tables of results keep the names and
//! plain numbers.

use super::expect::show;

/// How a figure is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Seconds.
    Secs,
    /// A part of a whole, as percent.
    Part,
    /// A number of things, or a ratio.
    Number,
}

/// A figure, for people.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) metric: &'static str,
    pub(super) words: &'static str,
    pub(super) unit: Unit,
    pub(super) meaning: &'static str,
}

const fn named(metric: &'static str, words: &'static str, unit: Unit, meaning: &'static str) -> Named {
    Named { metric, words, unit, meaning }
}

/// Figures that appear on pages.
const NAMED: &[Named] = &[
    named("makespan_secs", "makespan", Unit::Secs, "from the first submission to the last end of a task"),
    named(
        "cpus_used",
        "cores in use",
        Unit::Part,
        "core-seconds of tasks over those of the cluster within the makespan",
    ),
    named("mem_used", "memory in use", Unit::Part, "the same of memory"),
    named("gpus_used", "GPUs in use", Unit::Part, "the same of GPUs"),
    named("cpus_offered", "cores on offer", Unit::Part, "core-seconds that lay in offers nobody had answered"),
    named("dominant_share", "dominant share", Unit::Part, "the largest of a queue's shares of the cluster's resources"),
    named(
        "fairness_jain",
        "fairness",
        Unit::Number,
        "Jain's index over the dominant shares of queues that use something, each over what it is entitled to by the weight of \
         its role, which the queues of a role share: 1 when shares are as weights say",
    ),
    named(
        "fragmentation",
        "fragmentation",
        Unit::Part,
        "typical tasks that fit into all that is free together, but not where it lies",
    ),
    named("jobs", "jobs", Unit::Number, "submitted"),
    named("jobs_done", "jobs done", Unit::Number, "of which all tasks have ended as they should"),
    named("jobs_late", "jobs after the end", Unit::Number, "that would have been submitted after the end of the run"),
    named("tasks", "tasks", Unit::Number, "of all jobs"),
    named("tasks_finished", "tasks finished", Unit::Number, "that ended well"),
    named(
        "tasks_never_started",
        "tasks never started",
        Unit::Number,
        "that were submitted and did not run before the run was over: they are in no wait but the last",
    ),
    named("tasks_unfinished", "tasks unfinished", Unit::Number, "that have an end and had not come to it"),
    named("tasks_given_up", "tasks given up", Unit::Number, "that were unfinished when nothing more was to come"),
    named("tries_unsuccessful", "tries that failed", Unit::Number, "launches that ended otherwise, and were repeated"),
    named("wait_mean_secs", "wait, mean", Unit::Secs, "of tasks that ran, from the submission of the job to running"),
    named(
        "wait_mean_at_least_secs",
        "wait, mean at least",
        Unit::Secs,
        "of all tasks submitted; those that never started have waited until the end of the run, and would have longer",
    ),
    named("wait_p90_secs", "wait, 90 %", Unit::Secs, "nine of ten tasks that ran waited less"),
    named(
        "response_mean_secs",
        "response, mean",
        Unit::Secs,
        "of jobs that were done, from submission to the end of the last task",
    ),
    named("response_p90_secs", "response, 90 %", Unit::Secs, "nine of ten jobs that were done took less"),
    named(
        "slowdown_mean",
        "slowdown, mean",
        Unit::Number,
        "response over the longest run of a task of the job, which counts as at least 10 s (Feitelson's bounded slowdown)",
    ),
    named("near_input", "tasks near their input", Unit::Part, "that ran on an agent with a copy of what they read"),
    named(
        "busyness",
        "busyness",
        Unit::Part,
        "of its time a scheduler thought about jobs of which it then launched some",
    ),
    named("used_of_held", "use of what is held", Unit::Part, "cores in use over those in use or in unanswered offers"),
    named("deadlines_missed", "deadlines missed", Unit::Number, "jobs done after their deadline, or not at all"),
    named("offers", "offers", Unit::Number, "made"),
    named("offers_declined", "offers declined", Unit::Number, "without launching anything on them"),
];

/// Figures that do not appear on pages: of tables, and of what is reckoned on paper.
const OTHERS: [&str; 39] = [
    "agents_filled",
    "away_from_input",
    "disk_offered",
    "disk_used",
    "fails_bottleneck_fairness",
    "fails_envy_freeness",
    "fails_pareto_efficiency",
    "fails_population_monotonicity",
    "fails_resource_monotonicity",
    "fails_sharing_incentive",
    "fails_single_resource_fairness",
    "fails_strategy_proofness",
    "gpus_offered",
    "job_wait_first_mean_secs",
    "job_wait_full_mean_secs",
    "mem_offered",
    "offers_accepted",
    "offers_rescinded",
    "reconnected_max_secs",
    "reconnected_mean_secs",
    "reconnected_peers",
    "response_p50_secs",
    "response_p99_secs",
    "share_0",
    "share_1",
    "share_2",
    "share_3",
    "slowdown_p90",
    "span_secs",
    "tasks_useful",
    "tries",
    "used_0",
    "used_1",
    "used_2",
    "used_3",
    "wait_max_secs",
    "wait_p50_secs",
    "wait_p99_secs",
    "work_of_top_percent",
];

/// Whether some run may come to a figure of this name.
pub(super) fn is_figure(metric: &str) -> bool {
    let by_size = metric.strip_prefix("response_mean_secs_of_").is_some_and(|size| size.parse::<u32>().is_ok());
    of(metric).is_some() || OTHERS.contains(&metric) || by_size
}

fn of(metric: &str) -> Option<&'static Named> {
    NAMED.iter().find(|named| named.metric == metric)
}

/// A figure's name for people, with its unit.
pub(super) fn words(metric: &str) -> String {
    match of(metric) {
        Some(Named { words, unit: Unit::Secs, .. }) => format!("{words}, s"),
        Some(Named { words, .. }) => (*words).to_owned(),
        None => match metric.strip_suffix("_secs") {
            Some(name) => format!("{}, s", name.replace('_', " ")),
            None => metric.replace('_', " "),
        },
    }
}

/// What a figure means, in words.
pub(super) fn meaning(metric: &str) -> Option<&'static str> {
    of(metric).map(|named| named.meaning)
}

/// A figure in its unit; a spread of nothing is not shown.
pub(super) fn shown(metric: &str, (mean, spread): (f64, f64)) -> String {
    let is_part = of(metric).is_some_and(|named| named.unit == Unit::Part);
    let text = |value: f64| if is_part { format!("{:.1}", value * 100.0) } else { show(value) };
    let unit = if is_part { " %" } else { "" };
    if spread > 0.0 { format!("{} ± {}{unit}", text(mean), text(spread)) } else { format!("{}{unit}", text(mean)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_in_their_units() {
        assert_eq!((words("wait_mean_secs"), words("cpus_used")), ("wait, mean, s".into(), "cores in use".into()));
        assert_eq!(words("something_new_secs"), "something new, s");
        assert_eq!(shown("cpus_used", (0.8064, 0.0)), "80.6 %");
        assert_eq!(shown("wait_mean_secs", (12.5, 0.25)), "12.5 ± 0.25");
    }

    #[test]
    fn every_figure_of_a_comparison_is_explained() {
        for metric in super::super::results::RUN_METRICS {
            assert!(meaning(metric).is_some(), "{metric}");
        }
    }
}
