//! The page of the papers: what came out beside what they say, on one chart and in tables; their figures drawn again; and the
//! charts behind them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::chart::escape;
use super::expect::{Finding, Tally};
use super::outcome::Outcome;
use super::page::{begin, charts, faults, findings_table, gallery, origin, paragraphs, write_images};
use super::ratios::{Ratio, Ratios};
use super::redrawn::redrawn;
use super::{Experiment, ExperimentError};

/// What was run, and what came of it and was found.
type Judged<'a> = (&'a Experiment, &'a [Outcome], Vec<Finding>);

/// One page of several experiments: what was expected and found, and their charts.
#[must_use]
pub fn papers_page(reproduced: &[(Experiment, Vec<Outcome>)]) -> String {
    let mut page = begin("Papers reproduced", &format!("mesos-sim {} · mesos-sim papers", super::version()));
    let judged = judged(reproduced);
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
        gallery(&mut page, &redrawn);
        let charts = charts(experiment, outcomes);
        if !charts.is_empty() {
            page.push_str("<details><summary>Charts</summary>\n");
            gallery(&mut page, &charts);
            page.push_str("</details>\n");
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

/// Writes that page into a folder, and the chart of all papers as an image; returns what was written. Figures that are drawn
/// again are images of their own experiment.
///
/// # Errors
/// When a file cannot be written.
pub fn write_papers(reproduced: &[(Experiment, Vec<Outcome>)], folder: &Path) -> Result<Vec<PathBuf>, ExperimentError> {
    let chart = ratios(&judged(reproduced)).map(|svg| ("ratios".to_owned(), svg));
    let mut written = write_images(folder, &chart)?;
    let path = folder.join("report.html");
    std::fs::write(&path, papers_page(reproduced))
        .map_err(|source| ExperimentError::File { path: path.clone(), source })?;
    written.push(path);
    Ok(written)
}

fn judged(reproduced: &[(Experiment, Vec<Outcome>)]) -> Vec<Judged<'_>> {
    let own = reproduced.iter();
    own.map(|(experiment, outcomes)| (experiment, outcomes.as_slice(), experiment.findings(outcomes))).collect()
}

/// All papers on one chart and in one table.
fn overview(page: &mut String, judged: &[Judged<'_>]) {
    let all = Tally::of(judged.iter().flat_map(|(_, _, findings)| findings));
    let _ = writeln!(page, "<p><b>Of {} figures {all}.</b></p>", all.all());
    page.push_str(
        "<div class=\"wide\"><table><thead><tr><th>experiment</th><th class=\"t\">paper</th><th>hold</th><th>differ</th>\
         <th>fail</th></tr></thead><tbody>\n",
    );
    for (experiment, _, findings) in judged {
        let (description, Tally { holding, differing, failing }) = (&experiment.description, Tally::of(findings));
        let class = |count: usize, class| if count > 0 { class } else { "none" };
        let _ = writeln!(
            page,
            "<tr><td><a href=\"#{}\">{}</a></td><td class=\"t\">{}</td><td class=\"{}\">{holding}</td>\
             <td class=\"{}\">{differing}</td><td class=\"{}\">{failing}</td></tr>",
            escape(&description.name),
            escape(description.heading()),
            escape(description.paper.as_ref().map_or("", |paper| &paper.id)),
            class(holding, "good"),
            class(differing, "odd"),
            class(failing, "bad")
        );
    }
    page.push_str("</tbody></table></div>\n");
    if let Some(svg) = ratios(judged) {
        page.push_str("<h2>What comes out here, over what the papers say</h2>\n<div>");
        page.push_str(&svg);
        page.push_str("</div>\n");
    }
}

/// What was found over what papers say, all of it; nothing where they say nothing.
fn ratios(judged: &[Judged<'_>]) -> Option<String> {
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
                is_within: finding.verdict.is_within(),
            })
        })
    });
    let rows: Vec<Ratio> = rows.collect();
    if rows.is_empty() {
        return None;
    }
    let origin = judged.iter().flat_map(|(_, outcomes, _)| outcomes.iter());
    let versions: BTreeSet<&str> = origin.map(|outcome| outcome.version.as_str()).collect();
    let note = format!(
        "dot: found here; bar: the bounds that hold here; line: as in the paper · seeds as said with each · mesos-sim {} · \
         mesos-sim papers",
        Vec::from_iter(versions).join(" and ")
    );
    Some(Ratios { title: "Found here, over the paper's figure".to_owned(), rows, note }.svg())
}
