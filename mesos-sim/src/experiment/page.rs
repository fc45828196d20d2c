//! One self-contained page of an experiment's results, and its charts as files of their own.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Experiment;
use super::chart::{BarSeries, Bars, Lines, Series, Shape, escape};
use super::error::ExperimentError;
use super::expect::{Finding, Verdict};
use super::figure::{meaning, shown, words};
use super::outcome::{Curve, Outcome};
use super::pooled::{Beyond, pooled};
use super::redrawn::redrawn;
use super::results::{RUN_METRICS, tables};

/// Cases that are drawn, at most: more lines cannot be told apart.
const CASES_DRAWN_MAX: usize = 12;
/// Cases that have bars, at most: the names of more cannot stand beside each other.
const GROUPS_DRAWN_MAX: usize = 40;

/// Light or dark, as the reader's system is, and light on paper. Charts have their own ground: where the page is dark they are
/// inverted, which leaves their hues as they are.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#222;--ground:#fff;--line:#e4e4e4;--edge:#444;--soft:#555;--box:#f4f4f4;--bad:#a40000;\
--good:#006000;--odd:#8a5a00}@media screen and (prefers-color-scheme:dark){:root{--ink:#ddd;--ground:#161616;--line:#3a3a3a;\
--edge:#999;--soft:#aaa;--box:#242424;--bad:#ff8a80;--good:#7fd17f;--odd:#e0b050}svg{filter:invert(1) hue-rotate(180deg)}}\
body{font:15px/1.5 Helvetica,Arial,'DejaVu Sans',sans-serif;color:var(--ink);background:var(--ground);max-width:1440px;\
margin:2rem auto;padding:0 1.5rem}h1{font-size:1.7rem;margin-bottom:.2rem}h2{margin-top:2.2rem;border-bottom:1px solid \
var(--line);font-size:1.25rem}table{border-collapse:collapse;font-size:13px}th,td{padding:.25rem .6rem;border-bottom:1px solid \
var(--line);text-align:right;white-space:nowrap}th:first-child,td:first-child,td.t,th.t{text-align:left;white-space:normal}\
thead th{border-bottom:2px solid var(--edge);background:var(--ground);position:sticky;top:0}.wide{overflow-x:auto}\
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(520px,100%),1fr));gap:1rem}.charts svg{width:100%;\
height:auto;border:1px solid #e4e4e4}svg{max-width:100%;height:auto}p{max-width:62rem}dt{font-weight:bold;float:left;clear:left;\
width:11rem}dd{margin-left:12rem}.origin,.small{color:var(--soft);font-size:13px}.bad{color:var(--bad);font-weight:bold}\
.good{color:var(--good)}.odd{color:var(--odd)}pre{background:var(--box);padding:.8rem;overflow-x:auto;font-size:12.5px}\
code{background:var(--box)}@media print{body{max-width:none;margin:0}.charts{display:block}svg{break-inside:avoid}}";

/// The name of a chart's file, and the chart.
pub(super) type Drawn = (String, String);

/// Outcomes of one choice of parameters, by seed.
struct Group<'a> {
    label: String,
    outcomes: Vec<&'a Outcome>,
}

impl Group<'_> {
    /// Mean and standard deviation over seeds.
    #[allow(clippy::cast_precision_loss, reason = "a count of seeds")]
    fn figure(&self, metric: &str, queue: Option<&str>) -> Option<(f64, f64)> {
        let values: Vec<f64> = self.outcomes.iter().filter_map(|outcome| outcome.get(metric, queue)).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let spread = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count - 1.0);
        (count > 0.0).then(|| (mean, if count > 1.0 { spread.sqrt() } else { 0.0 }))
    }
}

impl Group<'_> {
    /// The queues there are figures of, each once.
    fn queues(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        let named =
            self.outcomes.iter().flat_map(|outcome| &outcome.figures).filter_map(|figure| figure.queue.as_deref());
        named.filter(|name| seen.insert(*name)).collect()
    }

    /// A figure for people. Beside waits stands how many tasks are not in them.
    fn cell(&self, metric: &str, queue: Option<&str>) -> String {
        let mut text = self.figure(metric, queue).map_or_else(|| "-".to_owned(), |figure| shown(metric, figure));
        let never = self.figure("tasks_never_started", queue).filter(|(mean, _)| *mean > 0.0);
        if let Some(never) = never.filter(|_| metric.starts_with("wait_")) {
            let _ = write!(text, " ({} tasks never started)", shown("tasks_never_started", never));
        }
        text
    }
}

fn groups<'a>(experiment: &Experiment, outcomes: &'a [Outcome]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for outcome in outcomes {
        let label = outcome.label();
        let label = if label.is_empty() { experiment.description.name.clone() } else { label };
        match groups.iter_mut().find(|group| group.label == label) {
            Some(group) => group.outcomes.push(outcome),
            None => groups.push(Group { label, outcomes: vec![outcome] }),
        }
    }
    groups
}

/// Where figures are from: seeds, version, command.
pub(super) fn origin(experiment: &Experiment, outcomes: &[Outcome]) -> String {
    experiment.provenance(outcomes).to_string()
}

/// The page.
#[must_use]
pub fn page(experiment: &Experiment, outcomes: &[Outcome]) -> String {
    let findings = experiment.findings(outcomes);
    let redrawn = redrawn(experiment, &findings, &origin(experiment, outcomes));
    render(experiment, outcomes, &findings, &redrawn, &charts(experiment, outcomes))
}

fn render(
    experiment: &Experiment,
    outcomes: &[Outcome],
    findings: &[Finding],
    redrawn: &[Drawn],
    charts: &[Drawn],
) -> String {
    let description = &experiment.description;
    let mut page = begin(description.heading(), &origin(experiment, outcomes));
    paragraphs(&mut page, &description.about);
    if let Some(paper) = &description.paper {
        let _ = writeln!(page, "<p>Reproduces {}, {}.</p>", escape(&paper.cite), escape(&paper.place));
    }
    faults(&mut page, outcomes);
    if !findings.is_empty() {
        page.push_str("<h2>Expected and found</h2>\n");
        page.push_str(&findings_table(findings));
        gallery(&mut page, redrawn);
    }
    let groups = groups(experiment, outcomes);
    comparison(&mut page, &groups);
    if !charts.is_empty() {
        page.push_str("<h2>Charts</h2>\n");
        gallery(&mut page, charts);
    }
    queues(&mut page, &groups);
    runs(&mut page, outcomes);
    traces(&mut page, outcomes);
    let _ = write!(
        page,
        "<h2>The experiment</h2>\n<p class=\"small\">To run it again: <code>{}</code></p>\n<details><summary>Its file</summary>\
         <pre>{}</pre></details>\n</body></html>\n",
        escape(&experiment.command),
        escape(&experiment.text)
    );
    page
}

/// A page begins: its head, its title, and where its figures are from.
pub(super) fn begin(title: &str, origin: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{0}</title><style>{STYLE}</style></head><body>\n<h1>{0}</h1>\n\
         <p class=\"origin\">{1}</p>\n",
        escape(title),
        escape(origin)
    )
}

/// Charts beside each other.
pub(super) fn gallery(page: &mut String, charts: &[Drawn]) {
    if !charts.is_empty() {
        page.push_str("<div class=\"charts\">\n");
        charts.iter().for_each(|(_, svg)| page.push_str(svg));
        page.push_str("</div>\n");
    }
}

/// Paragraphs are separated by empty lines.
pub(super) fn paragraphs(page: &mut String, text: &str) {
    for paragraph in text.split("\n\n").filter(|text| !text.trim().is_empty()) {
        let _ = writeln!(page, "<p>{}</p>", escape(paragraph.trim()));
    }
}

pub(super) fn faults(page: &mut String, outcomes: &[Outcome]) {
    let bad: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.fault.is_some()).collect();
    if !bad.is_empty() {
        page.push_str("<h2 class=\"bad\">Schedulers that failed</h2>\n<ul>\n");
        for outcome in bad {
            let fault = outcome.fault.as_deref().unwrap_or_default();
            let _ =
                writeln!(page, "<li>{}: <span class=\"bad\">{}</span></li>", escape(&outcome.label()), escape(fault));
        }
        page.push_str("</ul>\n");
    }
    let open = outcomes.iter().filter(|outcome| !outcome.is_done && outcome.fault.is_none()).count();
    if open > 0 {
        let _ = writeln!(
            page,
            "<p class=\"small\">In {open} of {} runs some work was not done when the time was over; its figures are of what was.</p>",
            outcomes.len()
        );
    }
}

/// A table of findings.
pub(super) fn findings_table(findings: &[Finding]) -> String {
    let mut text = String::from(
        "<div class=\"wide\"><table><thead><tr><th>what</th><th>paper</th><th>here</th><th>bound</th><th>verdict</th>\
         <th class=\"t\">source</th></tr></thead><tbody>\n",
    );
    for finding in findings {
        let class = match finding.verdict {
            Verdict::Holds => "good",
            Verdict::Differs => "odd",
            Verdict::Fails | Verdict::Missing => "bad",
        };
        let differs = finding.differs.as_deref().map(|why| format!("<br/><b>Differs:</b> {}", escape(why)));
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"{class}\">{}</td><td class=\"t\">{}{}</td></tr>",
            escape(&finding.what),
            escape(&finding.paper),
            escape(&finding.here),
            escape(&finding.bound),
            finding.verdict,
            escape(&finding.source),
            differs.unwrap_or_default()
        );
    }
    text.push_str("</tbody></table></div>\n");
    text
}

fn comparison(page: &mut String, groups: &[Group<'_>]) {
    let metrics: Vec<&str> = RUN_METRICS
        .into_iter()
        .filter(|metric| {
            groups.iter().any(|group| group.figure(metric, None).is_some_and(|(mean, _)| mean.abs() > 0.0))
        })
        .collect();
    if metrics.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Figures of all queues together</h2>\n<p class=\"small\">Mean ± standard deviation over seeds.</p>\n",
    );
    page.push_str("<div class=\"wide\"><table><thead><tr><th>figure</th>");
    for group in groups {
        let _ = write!(page, "<th>{}</th>", escape(&group.label));
    }
    page.push_str("</tr></thead><tbody>\n");
    for &metric in &metrics {
        let _ = write!(
            page,
            "<tr><td title=\"{}\">{}</td>",
            escape(meaning(metric).unwrap_or_default()),
            escape(&words(metric))
        );
        for group in groups {
            let cell = group.cell(metric, None);
            let _ = write!(page, "<td>{cell}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
    page.push_str("<details><summary>What the figures mean</summary><dl>\n");
    for (metric, meaning) in metrics.iter().filter_map(|metric| Some((*metric, meaning(metric)?))) {
        let _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", escape(&words(metric)), escape(meaning));
    }
    page.push_str("</dl></details>\n");
}

const QUEUE_METRICS: [&str; 11] = [
    "jobs",
    "jobs_done",
    "dominant_share",
    "wait_mean_secs",
    "wait_p90_secs",
    "wait_mean_at_least_secs",
    "response_mean_secs",
    "slowdown_mean",
    "near_input",
    "deadlines_missed",
    "offers_declined",
];

/// A table of at most so many rows; more are in the CSV.
const ROWS_MAX: usize = 200;

fn queues(page: &mut String, groups: &[Group<'_>]) {
    let rows: Vec<(&Group<'_>, &str)> =
        groups.iter().flat_map(|group| group.queues().into_iter().map(move |name| (group, name))).collect();
    if rows.is_empty() {
        return;
    }
    let has = |metric: &&str| rows.iter().any(|(group, queue)| group.figure(metric, Some(queue)).is_some());
    let metrics: Vec<&str> = QUEUE_METRICS.into_iter().filter(has).chain(["tasks"].into_iter().filter(has)).collect();
    page.push_str(
        "<h2>Figures by queue</h2>\n<div class=\"wide\"><table><thead><tr><th>case</th><th class=\"t\">queue</th>",
    );
    for metric in &metrics {
        let _ = write!(page, "<th>{}</th>", words(metric));
    }
    page.push_str("</tr></thead><tbody>\n");
    for (group, queue) in rows.iter().take(ROWS_MAX) {
        let _ = write!(page, "<tr><td>{}</td><td class=\"t\">{}</td>", escape(&group.label), escape(queue));
        for metric in &metrics {
            let cell = group.cell(metric, Some(queue));
            let _ = write!(page, "<td>{cell}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
    if rows.len() > ROWS_MAX {
        let _ = writeln!(page, "<p class=\"small\">{} more rows are in figures.csv.</p>", rows.len() - ROWS_MAX);
    }
}

fn runs(page: &mut String, outcomes: &[Outcome]) {
    if outcomes.iter().all(|outcome| outcome.digest.is_empty()) {
        return;
    }
    page.push_str(
        "<h2>Runs</h2>\n<details><summary>Every run, and its digest: equal for equal runs, on any machine</summary>\
         <div class=\"wide\"><table><thead><tr><th>case</th><th>seed</th><th>steps</th><th>done</th><th class=\"t\">digest</th>\
         </tr></thead><tbody>\n",
    );
    for outcome in outcomes.iter().take(ROWS_MAX) {
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"t\">{}</td></tr>",
            escape(&outcome.label()),
            outcome.seed,
            outcome.steps,
            if outcome.is_done { "yes" } else { "no" },
            outcome.digest
        );
    }
    page.push_str("</tbody></table></div></details>\n");
}

fn traces(page: &mut String, outcomes: &[Outcome]) {
    let known: BTreeSet<&str> = outcomes.iter().filter_map(|outcome| outcome.trace.as_deref()).collect();
    if known.is_empty() {
        return;
    }
    page.push_str("<h2>What became of the trace's rows</h2>\n");
    for trace in known {
        let _ = writeln!(page, "<pre>{}</pre>", escape(trace));
    }
}

/// A curve of a kind: its metric, words, unit, and what is drawn.
struct Kind {
    metric: &'static str,
    title: &'static str,
    x: &'static str,
    y: &'static str,
    y_max: Option<f64>,
    is_log: bool,
    shape: Shape,
    beyond: Beyond,
}

const TIME: &str = "time, s";

const fn kind(metric: &'static str, title: &'static str, y: &'static str, y_max: Option<f64>) -> Kind {
    Kind { metric, title, x: TIME, y, y_max, is_log: false, shape: Shape::Lines, beyond: Beyond::Zero }
}

const fn cumulative(metric: &'static str, title: &'static str, x: &'static str) -> Kind {
    Kind {
        metric,
        title,
        x,
        y: "part of all",
        y_max: Some(1.0),
        is_log: true,
        shape: Shape::Steps,
        beyond: Beyond::Steps,
    }
}

const KINDS: [Kind; 11] = [
    kind("cpus_used", "Cores in use", "part of all", Some(1.0)),
    kind("mem_used", "Memory in use", "part of all", Some(1.0)),
    kind("gpus_used", "GPUs in use", "part of all", Some(1.0)),
    kind("backlog", "Tasks that wait", "tasks", None),
    cumulative("wait", "Waiting of tasks, from submission to running", "wait, s"),
    cumulative("response", "Completion of jobs, from submission to end", "response time, s"),
    Kind {
        beyond: Beyond::Unknown,
        ..kind("fairness", "Jain's index of dominant shares over weights", "index", Some(1.0))
    },
    Kind {
        beyond: Beyond::Unknown,
        ..kind("fragmentation", "Fragmentation: free, but of no use where it lies", "part of what is free", Some(1.0))
    },
    kind("offers_per_sec", "Offers made", "per second", None),
    kind("declines_per_sec", "Offers refused", "per second", None),
    kind("launches_per_sec", "Tasks launched", "per second", None),
];

pub(super) fn charts(experiment: &Experiment, outcomes: &[Outcome]) -> Vec<Drawn> {
    let groups = groups(experiment, outcomes);
    let origin = origin(experiment, outcomes);
    let note = note(&origin, &groups, "lines: mean over seeds, shaded from smallest to largest", CASES_DRAWN_MAX);
    let mut charts = Vec::new();
    for kind in &KINDS {
        let series: Vec<Series> = groups.iter().take(CASES_DRAWN_MAX).filter_map(|group| of_all(group, kind)).collect();
        let is_flat = series.iter().flat_map(|series| &series.points).all(|point| point.1.abs() < 1e-12);
        if series.is_empty() || is_flat {
            continue;
        }
        charts.push((kind.metric.to_owned(), draw(kind, kind.title.to_owned(), series, &note)));
    }
    for (at, group) in groups.iter().take(CASES_DRAWN_MAX).enumerate() {
        let title = |what: &str| if groups.len() > 1 { format!("{what}: {}", group.label) } else { what.to_owned() };
        let several = [
            ("share", "Dominant shares over time", kind("share", "", "dominant share, part of all", None), 1),
            ("wait", "Waiting of tasks by queue", cumulative("wait", "", "wait, s"), 2),
        ];
        for (name, what, kind, fewest) in several {
            let (queues, of) = (by_queue(group, &kind), group.queues().len());
            if queues.len() >= fewest {
                let note = if of > queues.len() {
                    format!("{note} · {} of {of} queues are drawn, all are in the tables", queues.len())
                } else {
                    note.clone()
                };
                charts.push((format!("{name}-{at}"), draw(&kind, title(what), queues, &note)));
            }
        }
    }
    if groups.len() > 1 {
        let note = self::note(&origin, &groups, "bars: mean over seeds, with the standard deviation", GROUPS_DRAWN_MAX);
        charts.extend(bars(&groups, &note));
    }
    charts
}

/// What is written below charts: where they are from, how seeds are in them, and how many cases are not.
fn note(origin: &str, groups: &[Group<'_>], of_seeds: &str, cases_max: usize) -> String {
    let mut note = origin.to_owned();
    if groups.iter().any(|group| group.outcomes.len() > 1) {
        let _ = write!(note, " · {of_seeds}");
    }
    if groups.len() > cases_max {
        let _ = write!(note, " · {cases_max} of {} cases are drawn, all are in the tables", groups.len());
    }
    note
}

/// Times are told in the largest of these units of which a run has several: seconds in it, and its name.
const TIMES: [(f64, &str); 3] = [(86_400.0, "time, days"), (3_600.0, "time, h"), (1.0, TIME)];
/// So many of a unit are several.
const SEVERAL: f64 = 3.0;

/// What is along the axis of times, which are told in a unit that leaves them readable.
fn timed(series: &mut [Series]) -> &'static str {
    let last = series.iter().flat_map(|series| &series.points).map(|point| point.0).fold(0.0, f64::max);
    let (unit, name) = TIMES.into_iter().find(|(unit, _)| last >= unit * SEVERAL).unwrap_or((1.0, TIME));
    for series in series {
        series.points.iter_mut().for_each(|(at, _)| *at /= unit);
        series.band.iter_mut().for_each(|(at, ..)| *at /= unit);
    }
    name
}

fn draw(kind: &Kind, title: String, mut series: Vec<Series>, note: &str) -> String {
    let lines = Lines {
        title,
        x: if kind.x == TIME { timed(&mut series) } else { kind.x }.to_owned(),
        y: kind.y.to_owned(),
        series,
        shape: kind.shape,
        y_max: kind.y_max,
        is_log: kind.is_log,
        note: note.to_owned(),
        ..Lines::default()
    };
    lines.svg()
}

/// The curves of a case, of whichever queue, over all its seeds.
fn of_seeds(group: &Group<'_>, kind: &Kind, queue: Option<&str>, name: &str) -> Option<Series> {
    let all = group.outcomes.iter().flat_map(|outcome| &outcome.curves);
    let own: Vec<&Curve> = all.filter(|curve| curve.metric == kind.metric && curve.queue.as_deref() == queue).collect();
    (!own.is_empty()).then(|| pooled(name.to_owned(), &own, kind.beyond))
}

fn of_all(group: &Group<'_>, kind: &Kind) -> Option<Series> {
    of_seeds(group, kind, None, &group.label)
}

/// The curves of a case by queue, as far as outcomes keep them.
fn by_queue(group: &Group<'_>, kind: &Kind) -> Vec<Series> {
    let curves = group.outcomes.iter().flat_map(|outcome| &outcome.curves);
    let mut queues: Vec<&str> = Vec::new();
    for queue in curves.filter(|curve| curve.metric == kind.metric).filter_map(|curve| curve.queue.as_deref()) {
        if !queues.contains(&queue) {
            queues.push(queue);
        }
    }
    queues.into_iter().filter_map(|queue| of_seeds(group, kind, Some(queue), queue)).collect()
}

/// A chart's file, its title, what is along its vertical axis, and the figures in it with their names.
type BarChart = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

fn bars(groups: &[Group<'_>], note: &str) -> Vec<Drawn> {
    let several: [BarChart; 5] = [
        (
            "bars-use",
            "Use between first submission and last end",
            "part of all",
            &[("cpus_used", "cores"), ("mem_used", "memory"), ("gpus_used", "GPUs")],
        ),
        ("bars-wait", "Waiting of tasks", "wait, s", &[("wait_mean_secs", "mean"), ("wait_p90_secs", "90 %")]),
        (
            "bars-response",
            "Completion of jobs",
            "response time, s",
            &[("response_mean_secs", "mean"), ("response_p90_secs", "90 %")],
        ),
        (
            "bars-fairness",
            "Fairness and fragmentation",
            "index, part of what is free",
            &[("fairness_jain", "Jain's index over weights"), ("fragmentation", "fragmentation")],
        ),
        ("bars-offers", "Offers", "offers", &[("offers", "made"), ("offers_declined", "refused")]),
    ];
    let drawn = &groups[..groups.len().min(GROUPS_DRAWN_MAX)];
    let charts = several.into_iter().map(|(name, title, y, metrics)| {
        let series: Vec<BarSeries> = metrics
            .iter()
            .map(|(metric, name)| ((*name).to_owned(), drawn.iter().map(|group| group.figure(metric, None)).collect()))
            .filter(|(_, values): &BarSeries| values.iter().any(Option::is_some))
            .collect();
        let bars = Bars {
            title: title.to_owned(),
            y: y.to_owned(),
            groups: drawn.iter().map(|group| group.label.clone()).collect(),
            series,
            note: note.to_owned(),
        };
        (name.to_owned(), bars.svg())
    });
    charts.collect()
}

pub(super) fn write(
    experiment: &Experiment,
    folder: &Path,
    outcomes: &[Outcome],
) -> Result<Vec<PathBuf>, ExperimentError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ExperimentError::File { path, source }
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    let mut written = Vec::new();
    for table in tables(outcomes) {
        written.extend(table.write(folder).map_err(failed(folder))?);
    }
    let (charts, findings) = (charts(experiment, outcomes), experiment.findings(outcomes));
    let redrawn = redrawn(experiment, &findings, &origin(experiment, outcomes));
    written.extend(write_images(folder, charts.iter().chain(&redrawn))?);
    let path = folder.join("report.html");
    std::fs::write(&path, render(experiment, outcomes, &findings, &redrawn, &charts)).map_err(failed(&path))?;
    written.push(path);
    Ok(written)
}

/// Writes charts as files of their own, for papers and slides.
pub(super) fn write_images<'a>(
    folder: &Path,
    charts: impl IntoIterator<Item = &'a Drawn>,
) -> Result<Vec<PathBuf>, ExperimentError> {
    let images = folder.join("images");
    std::fs::create_dir_all(&images).map_err(|source| ExperimentError::File { path: images.clone(), source })?;
    let write = |(name, svg): &Drawn| {
        let path = images.join(format!("{name}.svg"));
        match std::fs::write(&path, svg) {
            Ok(()) => Ok(path),
            Err(source) => Err(ExperimentError::File { path, source }),
        }
    };
    charts.into_iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_a_unit_that_leaves_them_readable() {
        let until = |last: f64| {
            let points = vec![(0.0, 1.0), (last, 1.0)];
            let mut series = [Series { points, band: vec![(last, 0.0, 1.0)], ..Series::default() }];
            let name = timed(&mut series);
            let [Series { points, band, .. }] = series;
            assert!((points[1].0 - band[0].0).abs() < 1e-12);
            (name, points[1].0)
        };
        assert_eq!([100.0, 10_000.0].map(until), [("time, s", 100.0), ("time, s", 10_000.0)]);
        assert_eq!([14_400.0, 172_800.0].map(until), [("time, h", 4.0), ("time, h", 48.0)]);
        assert_eq!([259_200.0, 34_560_000.0].map(until), [("time, days", 3.0), ("time, days", 400.0)]);
    }

    /// Curves are kept of some queues only.
    #[test]
    fn a_chart_says_how_many_queues_it_leaves_out() {
        let text = "name = \"many\"\nuntil = \"2m\"\n[[cluster.agents]]\ncount = 20\nresources = \"cpus:4;mem:8192\"\n\
                    [[queue]]\nname = \"a\"\ncopies = 20\n[[queue.work]]\nrun = 30\n";
        let experiment = Experiment::parse(text.to_owned(), PathBuf::new(), String::new()).unwrap();
        let outcomes = experiment.run(None, 1, &|_| {}).unwrap();
        let charts = charts(&experiment, &outcomes);
        for name in ["share-0", "wait-0"] {
            let (_, svg) = charts.iter().find(|(own, _)| own == name).unwrap();
            let words = svg.split("</text>").filter_map(|part| part.rsplit_once('>')).map(|(_, word)| word);
            let said = words.collect::<Vec<_>>().join(" ");
            assert!(said.contains("12 of 20 queues are drawn, all are in the tables"), "{said}");
        }
    }
}
