//! A chart of what was found over what was expected: a row per figure, on one logarithmic axis.

use std::fmt::Write as _;

use super::chart::{escape, shorten};

const WIDTH: f64 = 1_180.0;
/// Names are to the left of this.
const LEFT: f64 = 560.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 34.0;
/// Height of a row.
const ROW: f64 = 18.0;
/// The axis: from a tenth to ten times.
const SPAN: f64 = 10.0;

/// A figure found, with the bounds within which it should be; all of them over what was expected.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ratio {
    pub(super) name: String,
    pub(super) here: f64,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
    pub(super) is_within: bool,
}

/// The chart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ratios {
    pub(super) title: String,
    pub(super) rows: Vec<Ratio>,
    pub(super) note: String,
}

impl Ratios {
    #[allow(clippy::cast_precision_loss, reason = "a count of rows")]
    pub(super) fn svg(&self) -> String {
        let bottom = TOP + self.rows.len() as f64 * ROW;
        let height = bottom + 40.0;
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
             font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"#222\" role=\"img\">\n\
             <title>{0}</title>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
             <text x=\"8\" y=\"20\" font-size=\"14\" font-weight=\"bold\">{0}</text>\n",
            escape(&self.title)
        );
        for tick in [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0] {
            let (x, is_one) = (place(tick), (0.99..1.01).contains(&tick));
            let (colour, width) = if is_one { ("#222", 1.4) } else { ("#e4e4e4", 1.0) };
            let _ = writeln!(
                text,
                "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>\n\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#444\">{tick}</text>",
                bottom + 15.0
            );
        }
        for (at, row) in self.rows.iter().enumerate() {
            let y = TOP + (at as f64 + 0.5) * ROW;
            let (low, high) = (place(row.low.unwrap_or(0.0)), place(row.high.unwrap_or(f64::INFINITY)));
            let colour = if row.is_within { "#0072b2" } else { "#d55e00" };
            let _ = writeln!(
                text,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"11\">{}</text>\n\
                 <rect x=\"{low:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"7\" fill=\"#cfe3f1\"/>\n\
                 <circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"3.6\" fill=\"{colour}\"><title>{}: {:.3}</title></circle>",
                LEFT - 10.0,
                y + 4.0,
                escape(&shorten(&row.name, 92)),
                y - 3.5,
                (high - low).max(2.0),
                place(row.here),
                escape(&row.name),
                row.here
            );
        }
        let _ = writeln!(
            text,
            "<text x=\"8\" y=\"{:.1}\" font-size=\"10\" fill=\"#666\">{}</text>\n</svg>",
            height - 8.0,
            escape(&self.note)
        );
        text
    }
}

/// Where a ratio is along the axis; those beyond its ends are at its ends.
fn place(ratio: f64) -> f64 {
    let part = ratio.clamp(1.0 / SPAN, SPAN).log(SPAN).midpoint(1.0);
    LEFT + part * (WIDTH - RIGHT - LEFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_of_one_is_in_the_middle_and_extremes_are_at_the_ends() {
        assert!((place(1.0) - f64::midpoint(LEFT, WIDTH - RIGHT)).abs() < 1e-9);
        assert!((place(1e9) - (WIDTH - RIGHT)).abs() < 1e-9 && (place(0.0) - LEFT).abs() < 1e-9);
    }

    #[test]
    fn every_row_is_named_and_drawn() {
        let row = Ratio { name: "a < b".into(), here: 1.2, low: None, high: Some(2.0), is_within: true };
        let svg = Ratios { title: "t".into(), rows: vec![row.clone(), row], note: String::new() }.svg();
        assert_eq!((svg.matches("<circle").count(), svg.matches("a &lt; b</text>").count()), (2, 2));
    }
}
