//! The papers, reproduced: every figure within its bounds, and the page that shows them.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use mesos_sim::experiment::{Experiment, LARGE, Outcome, PAPERS, Paper, Tally, Verdict, papers_page};

/// Each with what came out. Run once, whichever test comes first.
fn reproduced() -> &'static [(Experiment, Vec<Outcome>)] {
    static ALL: OnceLock<Vec<(Experiment, Vec<Outcome>)>> = OnceLock::new();
    let run = |paper: &Paper| {
        let experiment = read(paper);
        let outcomes = experiment.run(None, 2, &|_| {}).unwrap_or_else(|error| panic!("{}: {error}", paper.name));
        (experiment, outcomes)
    };
    ALL.get_or_init(|| PAPERS.iter().map(run).collect())
}

fn read(paper: &Paper) -> Experiment {
    let experiment = paper.experiment().unwrap_or_else(|error| panic!("{}: {error}", paper.name));
    assert_eq!(experiment.description.name, paper.name);
    experiment
}

#[test]
fn every_paper_is_reproduced_within_its_bounds() {
    let mut outside = Vec::new();
    for (experiment, outcomes) in reproduced() {
        let name = &experiment.description.name;
        for finding in experiment.findings(outcomes) {
            if !finding.verdict.is_within() {
                outside.push(format!("{name}: {}: {} not in {}", finding.what, finding.here, finding.bound));
            }
        }
        for outcome in outcomes {
            assert_eq!(outcome.fault, None, "{name}: {}", outcome.label());
        }
    }
    assert!(outside.is_empty(), "{}", outside.join("\n"));
}

/// A file says which paper it is of; of everything expected, which figure it is of which cases, in bounds at least on one
/// side, and why these.
#[test]
fn every_file_says_what_it_is_of_and_what_bounds_it() {
    let mut names = BTreeSet::new();
    for paper in PAPERS.iter().chain(LARGE) {
        assert!(names.insert(paper.name), "{} twice", paper.name);
        let experiment = read(paper);
        let description = &experiment.description;
        let cited = description.paper.as_ref().expect("it says which paper it is of");
        assert!(!cited.cite.is_empty() && !cited.place.is_empty() && !description.expect.is_empty(), "{}", paper.name);
        let cases = experiment.cases().unwrap();
        for expect in &description.expect {
            let has_bound = expect.low.is_some() || expect.high.is_some() || expect.launches.is_some();
            assert!(has_bound, "{}: {} is not bounded", paper.name, expect.what);
            assert!(!expect.source.is_empty(), "{}: {} does not say why", paper.name, expect.what);
            // A typing error would leave a case out, and the mean of the rest within the bounds.
            for name in expect.cases.keys() {
                let is_known = |case: &mesos_sim::experiment::Case| case.parameters.iter().any(|(own, _)| own == name);
                assert!(cases.iter().all(is_known), "{}: {}: nothing is called {name}", paper.name, expect.what);
            }
        }
    }
}

/// Where it is not, it is said why, in the table, on the page and in the sum.
#[test]
fn no_bound_excludes_the_papers_figure_without_a_reason() {
    let mut reasons = 0;
    for paper in PAPERS.iter().chain(LARGE) {
        for expect in &read(paper).description.expect {
            let why = expect.differs.as_deref().unwrap_or_default();
            assert_eq!(expect.excludes_paper(), !why.trim().is_empty(), "{}: {}", paper.name, expect.what);
            reasons += usize::from(!why.is_empty());
        }
    }
    assert!(reasons > 0, "nothing differs anywhere");
    let reproduced = reproduced();
    let page = papers_page(reproduced);
    let found: Vec<_> = reproduced.iter().flat_map(|(experiment, outcomes)| experiment.findings(outcomes)).collect();
    let odd = found.iter().filter(|finding| finding.verdict == Verdict::Differs);
    assert_eq!(odd.clone().count(), Tally::of(&found).differing);
    assert!(page.contains(&format!("Of {} figures {}.", found.len(), Tally::of(&found))));
    for finding in odd {
        assert!(page.contains(&escaped(finding.differs.as_deref().unwrap())), "{}", finding.what);
    }
}

#[test]
fn the_page_shows_every_paper_its_figures_and_nothing_that_is_no_number() {
    let reproduced = reproduced();
    let page = papers_page(reproduced);
    check_balance(&page);
    let charts = charts(&page);
    for (experiment, outcomes) in reproduced {
        let description = &experiment.description;
        assert!(page.contains(&format!("<h2 id=\"{}\">", description.name)), "{}", description.name);
        assert!(page.contains(&format!("<a href=\"#{}\">", description.name)), "{}", description.name);
        let findings = experiment.findings(outcomes);
        for finding in &findings {
            assert!(page.contains(&escaped(&finding.what)), "{}", finding.what);
        }
        for figure in &description.paper.as_ref().unwrap().figure {
            let title = format!("<title>{}</title>", escaped(&figure.title));
            let drawn: Vec<&&str> = charts.iter().filter(|chart| chart.contains(&title)).collect();
            assert_eq!(drawn.len(), 1, "{}: {}", description.name, figure.title);
            let points: usize = description
                .expect
                .iter()
                .zip(&findings)
                .filter(|(expect, _)| expect.on.as_ref().is_some_and(|place| place.figure == figure.name))
                .map(|(_, finding)| 1 + usize::from(finding.paper_value.is_some()))
                .sum();
            // A mark each, or a bar beside the ground of the chart.
            let marks = drawn[0].matches("<circle").count() + drawn[0].matches("<rect").count() - 1;
            assert_eq!(marks, points, "{}: {}", description.name, figure.title);
        }
    }
    let with_figures = reproduced
        .iter()
        .filter(|(experiment, _)| experiment.description.paper.as_ref().is_some_and(|paper| !paper.figure.is_empty()));
    assert!(with_figures.count() >= 12);
    for chart in charts {
        for (name, value) in numbers(chart) {
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{name}=\"{value}\" in {chart}");
        }
        assert!(!chart.contains("NaN") && !chart.contains(">inf<"), "{chart}");
    }
}

#[test]
fn an_expectation_stands_on_a_figure_there_is_and_no_figure_is_empty() {
    let whole = PAPERS.iter().find(|paper| paper.name == "drf-d4-sharing-incentive").unwrap().text;
    let read = |text: String| Experiment::parse(text, std::path::PathBuf::new(), String::new());
    assert!(read(whole.to_owned()).is_ok());
    let elsewhere = read(whole.replacen("figure = \"shares\"", "figure = \"nowhere\"", 1)).unwrap_err().to_string();
    assert!(elsewhere.contains("nowhere"), "{elsewhere}");
    let mixed = read(whole.replacen("at = \"DRF\"", "at = 2", 1)).unwrap_err().to_string();
    assert!(mixed.contains("numbers beside names"), "{mixed}");
    let empty = "[[paper.figure]]\nname = \"other\"\ntitle = \"t\"\nx = \"x\"\ny = \"y\"\n\n[division]";
    let empty = read(whole.replacen("[division]", empty, 1)).unwrap_err().to_string();
    assert!(empty.contains("other"), "{empty}");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Every tag that is opened is closed, in the right order, and every text in quotes ends.
fn check_balance(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').expect("a tag ends");
        let (tag, inner) = (&rest[at..=end], &rest[at + 1..end]);
        assert!(!inner.contains('<') && inner.matches('"').count() % 2 == 0, "{tag}");
        let name = inner.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap();
        if inner.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{tag} before {}", &rest[end..(end + 80).min(rest.len())]);
        } else if !inner.ends_with('/') && !matches!(name, "!doctype" | "meta") {
            open.push(name);
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty() && !rest.contains('>'), "{open:?}");
}

/// The drawings of a page.
fn charts(page: &str) -> Vec<&str> {
    let parts = page.split("<svg ").skip(1);
    parts.map(|part| part.split_once("</svg>").expect("a drawing ends").0).collect()
}

/// Attributes that are numbers, and the numbers of paths.
fn numbers(chart: &str) -> Vec<(&'static str, &str)> {
    let mut all = Vec::new();
    for name in ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "font-size", "stroke-width"] {
        let begin = format!(" {name}=\"");
        all.extend(chart.split(&begin).skip(1).map(|part| (name, part.split('"').next().unwrap())));
    }
    for path in chart.split(" d=\"").skip(1) {
        let words = path.split('"').next().unwrap().split([' ', 'M', 'L']).filter(|word| !word.is_empty());
        all.extend(words.map(|word| ("d", word)));
    }
    all
}
