//! A paper's figures, drawn again: what was found here, and the paper's points beside it.

use super::Experiment;
use super::chart::{BarSeries, Bars, Lines, Series, Shape};
use super::description::FigurePart;
use super::expect::{At, Finding, Place};
use super::page::Drawn;

/// What was found, and where it stands.
type Point<'a> = (&'a Place, &'a Finding);

/// Every figure of the experiment's paper, as SVG, with the name of its file. The findings are those of its expectations, in
/// their order.
pub(super) fn redrawn(experiment: &Experiment, findings: &[Finding], note: &str) -> Vec<Drawn> {
    let description = &experiment.description;
    let all = || {
        let pairs = description.expect.iter().zip(findings);
        pairs.filter_map(|(expect, finding)| Some((expect.on.as_ref()?, finding)))
    };
    let figures = description.paper.iter().flat_map(|paper| &paper.figure);
    let draw = |figure: &FigurePart| {
        let points: Vec<Point<'_>> = all().filter(|(place, _)| place.figure == figure.name).collect();
        let has_numbers = points.iter().any(|(place, _)| matches!(place.at, At::Number(_)));
        let svg = if has_numbers { lines(figure, &points, note) } else { bars(figure, &points, note) };
        // What an experiment's own charts are called begins otherwise.
        (format!("paper-{}", figure.name), svg)
    };
    figures.map(draw).collect()
}

/// Without repetitions, in their order.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

fn lines(figure: &FigurePart, points: &[Point<'_>], note: &str) -> String {
    let mut series = Vec::new();
    for name in distinct(points.iter().map(|(place, _)| place.series.as_str())) {
        let curve = |of: &dyn Fn(&Finding) -> Option<f64>| {
            let own = points.iter().filter(|(place, _)| place.series == name);
            let mut curve: Vec<(f64, f64)> = own
                .filter_map(|(place, finding)| match place.at {
                    At::Number(at) => Some((at, of(finding)?)),
                    At::Name(_) => None,
                })
                .collect();
            curve.sort_by(|a, b| a.0.total_cmp(&b.0));
            curve
        };
        series.push(Series {
            name: format!("{name}, here"),
            points: curve(&|finding| finding.here_value),
            ..Series::default()
        });
        let paper = curve(&|finding| finding.paper_value);
        if !paper.is_empty() {
            series.push(Series {
                name: format!("{name}, paper"),
                points: paper,
                is_reference: true,
                ..Series::default()
            });
        }
    }
    let chart = Lines {
        title: figure.title.clone(),
        x: figure.x.clone(),
        y: figure.y.clone(),
        series,
        shape: Shape::MarkedLines,
        y_max: None,
        is_log: figure.is_log,
        is_y_log: figure.is_y_log,
        note: note.to_owned(),
    };
    chart.svg()
}

fn bars(figure: &FigurePart, points: &[Point<'_>], note: &str) -> String {
    let name_of = |place: &'_ Place| match &place.at {
        At::Name(name) => name.clone(),
        At::Number(number) => number.to_string(),
    };
    let names: Vec<String> = points.iter().map(|(place, _)| name_of(place)).collect();
    let groups = distinct(names.iter().map(String::as_str));
    let mut series: Vec<BarSeries> = Vec::new();
    for name in distinct(points.iter().map(|(place, _)| place.series.as_str())) {
        let row = |of: &dyn Fn(&Finding) -> Option<f64>| -> Vec<Option<(f64, f64)>> {
            let at = |group: &&str| {
                let own = points.iter().find(|(place, _)| place.series == name && name_of(place) == **group);
                own.and_then(|(_, finding)| of(finding)).map(|value| (value, 0.0))
            };
            groups.iter().map(at).collect()
        };
        series.push((format!("{name}, here"), row(&|finding| finding.here_value)));
        let paper = row(&|finding| finding.paper_value);
        if paper.iter().any(Option::is_some) {
            series.push((format!("{name}, paper"), paper));
        }
    }
    let chart = Bars {
        title: figure.title.clone(),
        y: figure.y.clone(),
        groups: groups.into_iter().map(str::to_owned).collect(),
        series,
        note: note.to_owned(),
    };
    chart.svg()
}
