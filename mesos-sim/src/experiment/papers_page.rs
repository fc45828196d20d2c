//! The page of the papers: what came out beside what they say, on one chart and in tables; their figures drawn again; and the
//! charts behind them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Experiment;
use super::chart::escape;
use super::expect::{Finding, Verdict};
use super::outcome::Outcome;
use super::page::{begin, charts, faults, findings_table, origin, paragraphs};
use super::ratios::{Ratio, Ratios};
use super::redrawn::redrawn;

/// One page of several experiments: what was expected and found, and their charts.
#[must_use]
pub fn papers_page(reproduced: &[(Experiment, Vec<Outcome>)]) -> String {
    let mut page = begin("Papers reproduced", &format!("mesos-sim {} · mesos-sim papers", super::version()));
    let judged: Vec<(&Experiment, &[Outcome], Vec<Finding>)> = reproduced
        .iter()
        .map(|(experiment, outcomes)| (experiment, outcomes.as_slice(), experiment.findings(outcomes)))
        .collect();
    overview(&mut page, &judged);
    for (experiment, outcomes, findings) in &judged {
        let description = &experiment.description;
        let _ = writeln!(page, "<h2 id=\"{0}\">{1}</h2>", escape(&description.name), escape(description.heading()));
        if let Some(paper) = &description.paper {
            let _ = writeln!(page, "<p>{}: {}, {}.</p>", escape(&paper.id), escape(&paper.cite), escape(&paper.place));
        }
        paragraphs(&mut page, &description.about);
        faults(&mut page, outcomes);
        page.push_str(&findings_table(findings));
        let redrawn = redrawn(experiment, findings, &origin(experiment, outcomes));
        if !redrawn.is_empty() {
            page.push_str("<div class=\"charts\">\n");
            redrawn.iter().for_each(|svg| page.push_str(svg));
            page.push_str("</div>\n");
        }
        let charts = charts(experiment, outcomes);
        if !charts.is_empty() {
            page.push_str("<details><summary>Charts</summary><div class=\"charts\">\n");
            charts.iter().for_each(|(_, svg)| page.push_str(svg));
            page.push_str("</div></details>\n");
        }
        let _ = writeln!(
            page,
            "<details><summary>The experiment's file</summary><pre>{}</pre></details>\n<p class=\"small\">{}</p>",
            escape(&experiment.text),
            escape(&origin(experiment, outcomes))
        );
    }
    page.push_str("</body></html>\n");
    page
}

/// All papers on one chart and in one table.
fn overview(page: &mut String, judged: &[(&Experiment, &[Outcome], Vec<Finding>)]) {
    let holds = |findings: &[Finding]| findings.iter().filter(|finding| finding.verdict == Verdict::Holds).count();
    let (held, all): (usize, usize) =
        judged.iter().fold((0, 0), |(held, all), (_, _, findings)| (held + holds(findings), all + findings.len()));
    let _ = writeln!(page, "<p><b>{held} of {all} figures are within their bounds.</b></p>");
    page.push_str(
        "<div class=\"wide\"><table><thead><tr><th>experiment</th><th class=\"t\">paper</th><th>within bounds</th></tr></thead>\
         <tbody>\n",
    );
    for (experiment, _, findings) in judged {
        let (description, held) = (&experiment.description, holds(findings));
        let class = if held == findings.len() { "good" } else { "bad" };
        let _ = writeln!(
            page,
            "<tr><td><a href=\"#{}\">{}</a></td><td class=\"t\">{}</td><td class=\"{class}\">{held} of {}</td></tr>",
            escape(&description.name),
            escape(description.heading()),
            escape(description.paper.as_ref().map_or("", |paper| &paper.id)),
            findings.len()
        );
    }
    page.push_str("</tbody></table></div>\n");
    let rows = judged.iter().flat_map(|(experiment, _, findings)| {
        let id = experiment.description.paper.as_ref().map_or("", |paper| paper.id.as_str());
        findings.iter().filter_map(move |finding| {
            let (paper, here) = finding.paper_value.zip(finding.here_value)?;
            // Of nothing there is no ratio, and what has to be equal is said in the tables.
            (paper > 0.0 && here > 0.0).then(|| Ratio {
                name: format!("{id}: {}", finding.what),
                here: here / paper,
                low: finding.low.map(|low| low / paper),
                high: finding.high.map(|high| high / paper),
                is_within: finding.verdict == Verdict::Holds,
            })
        })
    });
    let rows: Vec<Ratio> = rows.collect();
    if !rows.is_empty() {
        page.push_str("<h2>What comes out here, over what the papers say</h2>\n<div>");
        let origin = judged.iter().flat_map(|(_, outcomes, _)| outcomes.iter());
        let versions: BTreeSet<&str> = origin.map(|outcome| outcome.version.as_str()).collect();
        let note = format!(
            "dot: found here; bar: the bounds that hold here; line: as in the paper · seeds as said below · mesos-sim {} · \
             mesos-sim papers",
            Vec::from_iter(versions).join(" and ")
        );
        page.push_str(&Ratios { title: "Found here, over the paper's figure".to_owned(), rows, note }.svg());
        page.push_str("</div>\n");
    }
}
