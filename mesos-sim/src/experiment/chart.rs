//! Charts as SVG: lines, cumulative distributions and bars, for pages and for papers.
//!
//! A chart is a text of its own: it needs no style sheet, no script and no other file, prints in grey as in colour (lines
//! differ in dashes too), and keeps its words as text. Colours: Okabe and Ito, "Color Universal Design", 2008.

use std::fmt::Write as _;

/// Told apart by everybody, also by those who see some colours alike.
const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444", "#b8a800"];
const DASHES: [&str; 4] = ["", "7 3", "2 3", "9 3 2 3"];
/// Of what others are compared with.
const REFERENCE_DASH: &str = "4 4";

const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;
/// Height of a line of the legend.
const ROW: f64 = 17.0;
/// Of a longer name a legend shows the beginning and the end.
const NAME_CHARS_MAX: usize = 40;
/// So wide is a character of a name, capitals and digits too.
const NAME_CHAR: f64 = 7.0;
/// By so many degrees names are turned where they do not fit beside each other, and so wide is a character of them.
const TURN: f64 = 60.0;
const TURNED_CHAR: f64 = 6.0;
/// Names in a legend, at most.
const NAMES_MAX: usize = 16;

/// Characters in a line of the note, and the height of one.
const NOTE_CHARS: usize = 118;
const NOTE_ROW: f64 = 12.0;

/// How points are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// By straight lines.
    #[default]
    Lines,
    /// By steps: a value holds until the next.
    Steps,
    /// By straight lines, with a mark at every point.
    MarkedLines,
    /// Not at all: only marks.
    Marks,
}

/// Named points.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points, by x.
    pub points: Vec<(f64, f64)>,
    /// How far what it is the mean of lies apart, by x: the smallest and the largest. Shaded; empty where there is but one.
    pub band: Vec<(f64, f64, f64)>,
    /// What the series before it is compared with: in the same colour, with a broken line and hollow marks.
    pub is_reference: bool,
}

/// A chart with two axes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lines {
    /// What it shows.
    pub title: String,
    /// What is along the horizontal axis, with its unit.
    pub x: String,
    /// What is along the vertical axis, with its unit.
    pub y: String,
    /// What is drawn.
    pub series: Vec<Series>,
    /// How points are joined.
    pub shape: Shape,
    /// The vertical axis ends here; at the largest value if absent.
    pub y_max: Option<f64>,
    /// Both ends of a logarithmic horizontal axis are powers of ten.
    pub is_log: bool,
    /// The same of the vertical axis.
    pub is_y_log: bool,
    /// Where the figures are from: below the chart.
    pub note: String,
}

/// A name, and its value in every group with how far it varies.
pub type BarSeries = (String, Vec<Option<(f64, f64)>>);

/// Bars, in groups.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bars {
    /// What it shows.
    pub title: String,
    /// What is along the vertical axis, with its unit.
    pub y: String,
    /// The groups.
    pub groups: Vec<String>,
    /// What is drawn.
    pub series: Vec<BarSeries>,
    /// Where the figures are from.
    pub note: String,
}

/// Keeps text apart from marks.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A number as people write it.
fn label(value: f64) -> String {
    let size = value.abs();
    let (value, unit) = match () {
        () if size >= 1e9 => (value / 1e9, "G"),
        () if size >= 1e6 => (value / 1e6, "M"),
        () if size >= 1e4 => (value / 1e3, "k"),
        () => (value, ""),
    };
    let text = format!("{value:.3}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

/// Round steps up to a largest value: 1, 2 or 5 times a power of ten.
fn ticks(low: f64, high: f64, count: f64) -> Vec<f64> {
    let span = (high - low).max(1e-12);
    let rough = span / count;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|part| part * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let mut ticks = Vec::new();
    let mut tick = (low / step).ceil() * step;
    while tick <= high + step * 1e-6 && ticks.len() < 100 {
        ticks.push(if tick.abs() < step * 1e-6 { 0.0 } else { tick });
        tick += step;
    }
    ticks
}

/// A text shortened in its middle.
pub(super) fn shorten(text: &str, most: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= most {
        return text.to_owned();
    }
    let (head, tail) = (most * 2 / 3, most - most * 2 / 3 - 1);
    letters[..head].iter().chain(['…'].iter()).chain(&letters[letters.len() - tail..]).collect()
}

/// A text in lines of so many characters at most, broken between words where it can be. Nothing of it is left out.
fn broken(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        if let Some(line) = lines.last_mut()
            && line.chars().count() + 1 + rest.len() <= most
        {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        while rest.len() > most {
            lines.push(rest.drain(..most).collect());
        }
        lines.push(rest.into_iter().collect());
    }
    lines
}

/// A drawing under way.
struct Canvas {
    text: String,
    height: f64,
    /// Where the legend begins.
    base: f64,
}

/// Room beside what every chart has.
#[derive(Debug, Clone, Copy, Default)]
struct Room {
    left: f64,
    below: f64,
}

impl Canvas {
    fn new(title: &str, note: &str, names: &[(String, Style)], room: Room) -> Self {
        let rows = legend_rows(names);
        let notes = broken(note, NOTE_CHARS);
        let base = HEIGHT + room.below;
        let height =
            base + rows.len() as f64 * ROW + if notes.is_empty() { 0.0 } else { 2.0 } + notes.len() as f64 * NOTE_ROW;
        let (left, width) = (-room.left, WIDTH + room.left);
        let mut text = String::new();
        let _ = write!(
            text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{left} 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"#222\" role=\"img\">\n\
             <title>{0}</title>\n<rect x=\"{left}\" width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
             <text x=\"{LEFT}\" y=\"20\" font-size=\"14\" font-weight=\"bold\">{0}</text>\n",
            escape(title)
        );
        let mut canvas = Self { text, height, base };
        canvas.legend(names, &rows);
        for (above, line) in notes.iter().enumerate() {
            let y = canvas.height - 5.0 - (notes.len() - 1 - above) as f64 * NOTE_ROW;
            canvas.word(LEFT, y, "start", 9.5, "#666", line);
        }
        canvas
    }

    fn word(&mut self, x: f64, y: f64, anchor: &str, size: f64, colour: &str, word: &str) {
        let _ = writeln!(
            self.text,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"{colour}\">{}</text>",
            escape(word)
        );
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        let _ = writeln!(
            self.text,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>",
            from.0, from.1, to.0, to.1
        );
    }

    fn legend(&mut self, names: &[(String, Style)], rows: &[Vec<(usize, f64)>]) {
        for (row, entries) in rows.iter().enumerate() {
            let y = self.base + row as f64 * ROW + 4.0;
            for (at, x) in entries {
                let (name, Style { colour, dash, thick, .. }) = &names[*at];
                let _ = writeln!(
                    self.text,
                    "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"{thick}\" \
                     stroke-dasharray=\"{dash}\"/>",
                    x,
                    y - 4.0,
                    x + 22.0,
                    y - 4.0
                );
                self.word(x + 27.0, y, "start", 11.5, "#222", &shorten(name, NAME_CHARS_MAX));
            }
        }
    }

    fn horizontal(&mut self, marks: &[f64], y: &str, plot_y: &dyn Fn(f64) -> f64) {
        for &tick in marks {
            let at = plot_y(tick);
            self.line((LEFT, at), (WIDTH - RIGHT, at), "#e4e4e4", 1.0);
            self.word(LEFT - 6.0, at + 4.0, "end", 11.0, "#444", &label(tick));
        }
        let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
        let _ = writeln!(
            self.text,
            "<text transform=\"translate(14 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escape(y)
        );
    }

    fn finish(mut self) -> String {
        self.line((LEFT, TOP), (LEFT, HEIGHT - BOTTOM), "#444", 1.0);
        self.line((LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM), "#444", 1.0);
        self.text.push_str("</svg>\n");
        self.text
    }
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy)]
struct Style {
    colour: &'static str,
    dash: &'static str,
    /// How thick it is in the legend.
    thick: f64,
    is_hollow: bool,
}

impl Style {
    const fn new(at: usize) -> Self {
        let dash = DASHES[(at / COLOURS.len() + at) % DASHES.len()];
        Self { colour: COLOURS[at % COLOURS.len()], dash, thick: 3.0, is_hollow: false }
    }

    /// Of bars, which are full.
    const fn solid(at: usize) -> Self {
        Self { dash: "", thick: 10.0, ..Self::new(at) }
    }

    /// Of these series, each with its name.
    fn of(series: &[Series]) -> Vec<(String, Self)> {
        let mut own = 0;
        let mut style = |series: &Series| {
            own += usize::from(!series.is_reference);
            let plain = Self::new(own.saturating_sub(1));
            if series.is_reference { Self { dash: REFERENCE_DASH, is_hollow: true, ..plain } } else { plain }
        };
        series.iter().map(|series| (series.name.clone(), style(series))).collect()
    }
}

/// Powers of ten from one to another, both of them included.
fn powers(low: f64, high: f64) -> Vec<f64> {
    let mut marks = Vec::new();
    let mut power = low;
    while power <= high {
        marks.push(10_f64.powf(power));
        power += 1.0;
    }
    marks
}

/// Which names stand in which line of the legend, and where.
fn legend_rows(names: &[(String, Style)]) -> Vec<Vec<(usize, f64)>> {
    if names.len() < 2 {
        return Vec::new();
    }
    let (mut rows, mut row, mut x) = (Vec::new(), Vec::new(), LEFT);
    for (at, (name, _)) in names.iter().enumerate().take(NAMES_MAX) {
        let wide = 44.0 + shorten(name, NAME_CHARS_MAX).chars().count() as f64 * NAME_CHAR;
        if x + wide > WIDTH - RIGHT && !row.is_empty() {
            rows.push(std::mem::take(&mut row));
            x = LEFT;
        }
        row.push((at, x));
        x += wide;
    }
    rows.push(row);
    rows
}

impl Lines {
    /// The chart as SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        let names = Style::of(&self.series);
        let mut canvas = Canvas::new(&self.title, &self.note, &names, Room::default());
        let finite = |point: &&(f64, f64)| point.0.is_finite() && point.1.is_finite();
        let points = || self.series.iter().flat_map(|series| series.points.iter()).filter(finite);
        let smallest = points().map(|point| point.0).filter(|x| !self.is_log || *x > 0.0).fold(f64::INFINITY, f64::min);
        let largest = points().map(|point| point.0).fold(f64::NEG_INFINITY, f64::max);
        if !smallest.is_finite() || largest < smallest {
            canvas.word(WIDTH / 2.0, HEIGHT / 2.0, "middle", 13.0, "#666", "there is nothing to show");
            return canvas.finish();
        }
        let bands = self.series.iter().flat_map(|series| &series.band).map(|(.., high)| *high);
        let top = points().map(|point| point.1).chain(bands.filter(|high| high.is_finite())).fold(0.0, f64::max);
        let y_max = self.y_max.unwrap_or(if top > 0.0 { top * 1.05 } else { 1.0 });
        let (x_low, x_high) = if self.is_log {
            let low = smallest.log10().floor();
            (low, largest.max(smallest).log10().ceil().max(low + 1.0))
        } else {
            (smallest.min(0.0), if largest > smallest { largest } else { smallest + 1.0 })
        };
        let scale = |x: f64| if self.is_log { x.max(10_f64.powf(x_low)).log10() } else { x };
        let plot_x = |x: f64| LEFT + (scale(x) - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT);
        let above = points().map(|point| point.1).filter(|y| *y > 0.0).fold(f64::INFINITY, f64::min);
        let is_y_log = self.is_y_log && above.is_finite();
        let y_low = if is_y_log { above.log10().floor() } else { 0.0 };
        let y_high = if is_y_log { y_max.log10().ceil().max(y_low + 1.0) } else { y_max };
        let part = |y: f64| {
            let y = if is_y_log { y.max(10_f64.powf(y_low)).log10() } else { y };
            ((y - y_low) / (y_high - y_low)).clamp(0.0, 1.0)
        };
        let plot_y = |y: f64| HEIGHT - BOTTOM - part(y) * (HEIGHT - TOP - BOTTOM);
        let y_marks = if is_y_log { powers(y_low, y_high) } else { ticks(0.0, y_max, 5.0) };
        canvas.horizontal(&y_marks, &self.y, &plot_y);
        let marks = if self.is_log { powers(x_low, x_high) } else { ticks(x_low, x_high, 8.0) };
        for mark in marks {
            let at = plot_x(mark);
            canvas.line((at, HEIGHT - BOTTOM), (at, HEIGHT - BOTTOM + 4.0), "#444", 1.0);
            canvas.word(at, HEIGHT - BOTTOM + 17.0, "middle", 11.0, "#444", &label(mark));
        }
        canvas.word((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - BOTTOM + 33.0, "middle", 12.0, "#222", &self.x);
        for (series, (_, style)) in self.series.iter().zip(&names) {
            self.shade(&mut canvas, *style, series, &plot_x, &plot_y);
        }
        for (series, (_, style)) in self.series.iter().zip(&names) {
            self.draw(&mut canvas, *style, series, &plot_x, &plot_y);
        }
        canvas.finish()
    }

    /// The band of a series, below all lines.
    fn shade(
        &self,
        canvas: &mut Canvas,
        style: Style,
        series: &Series,
        plot_x: &dyn Fn(f64) -> f64,
        plot_y: &dyn Fn(f64) -> f64,
    ) {
        let is_stepped = self.shape == Shape::Steps;
        let edge = |of: &dyn Fn(&(f64, f64, f64)) -> f64| {
            let mut edge: Vec<(f64, f64)> = Vec::new();
            for point in series.band.iter().filter(|(x, low, high)| (x + low + high).is_finite()) {
                let (x, y) = (plot_x(point.0), plot_y(of(point)));
                if let Some(before) = edge.last().map(|last| last.1).filter(|_| is_stepped) {
                    edge.push((x, before));
                }
                edge.push((x, y));
            }
            edge
        };
        let (below, mut above) = (edge(&|point| point.1), edge(&|point| point.2));
        above.reverse();
        if below.len() < 2 {
            return;
        }
        let corners: Vec<String> = below.iter().chain(&above).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            canvas.text,
            "<polygon points=\"{}\" fill=\"{}\" fill-opacity=\"0.15\"/>",
            corners.join(" "),
            style.colour
        );
    }

    fn draw(
        &self,
        canvas: &mut Canvas,
        style: Style,
        series: &Series,
        plot_x: &dyn Fn(f64) -> f64,
        plot_y: &dyn Fn(f64) -> f64,
    ) {
        let Style { colour, dash, is_hollow, .. } = style;
        let finite = series.points.iter().filter(|point| point.0.is_finite() && point.1.is_finite());
        let is_single = series.points.len() == 1;
        if is_single || matches!(self.shape, Shape::Marks | Shape::MarkedLines) {
            let fill = if is_hollow { "#fff" } else { colour };
            for (x, y) in finite.clone() {
                let (cx, cy, name) = (plot_x(*x), plot_y(*y), escape(&series.name));
                let _ = writeln!(
                    canvas.text,
                    "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3.5\" fill=\"{fill}\" stroke=\"{colour}\"><title>{name}: {} at {}\
                     </title></circle>",
                    label(*y),
                    label(*x)
                );
            }
        }
        if is_single || self.shape == Shape::Marks {
            return;
        }
        let mut path = String::new();
        let mut before: Option<f64> = None;
        for point in finite {
            let (x, y) = (plot_x(point.0), plot_y(point.1));
            match before {
                None => drop(write!(path, "M{x:.1} {y:.1}")),
                Some(last) if self.shape == Shape::Steps => drop(write!(path, "L{x:.1} {last:.1}L{x:.1} {y:.1}")),
                Some(_) => drop(write!(path, "L{x:.1} {y:.1}")),
            }
            before = Some(y);
        }
        let _ = writeln!(
            canvas.text,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\" stroke-linejoin=\"round\" \
             stroke-dasharray=\"{dash}\"/>"
        );
    }
}

impl Bars {
    /// What turned names take: they end below their group, and begin further left and further down.
    fn room(&self, group: f64) -> Room {
        let (sin, cos) = TURN.to_radians().sin_cos();
        let mut room = Room::default();
        for (at, name) in self.groups.iter().enumerate() {
            let long = name.chars().count().min(NAME_CHARS_MAX) as f64 * TURNED_CHAR;
            room.left = room.left.max(long * cos - (LEFT + (at as f64 + 0.5) * group) + 4.0);
            room.below = room.below.max(long * sin + 24.0 - BOTTOM);
        }
        Room { left: room.left.ceil(), below: room.below.ceil() }
    }

    /// The chart as SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        let names: Vec<(String, Style)> =
            self.series.iter().enumerate().map(|(at, (name, _))| (name.clone(), Style::solid(at))).collect();
        let group = (WIDTH - LEFT - RIGHT) / self.groups.len().max(1) as f64;
        // Long names under many groups are turned.
        let is_turned = self.groups.iter().any(|name| name.chars().count() as f64 * 6.3 > group);
        let room = if is_turned { self.room(group) } else { Room::default() };
        let mut canvas = Canvas::new(&self.title, &self.note, &names, room);
        let values = self.series.iter().flat_map(|(_, values)| values.iter().flatten());
        let top = values.map(|(value, spread)| value + spread).fold(0.0, f64::max);
        let y_max = if top > 0.0 { top * 1.08 } else { 1.0 };
        let plot_y = |y: f64| HEIGHT - BOTTOM - (y / y_max).clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM);
        canvas.horizontal(&ticks(0.0, y_max, 5.0), &self.y, &plot_y);
        let bar = group * 0.8 / self.series.len().max(1) as f64;
        for (at, name) in self.groups.iter().enumerate() {
            let middle = LEFT + (at as f64 + 0.5) * group;
            if is_turned {
                let _ = writeln!(
                    canvas.text,
                    "<text transform=\"translate({middle:.1} {:.1}) rotate(-{TURN})\" text-anchor=\"end\" font-size=\"10.5\">{}</text>",
                    HEIGHT - BOTTOM + 14.0,
                    escape(&shorten(name, NAME_CHARS_MAX))
                );
            } else {
                canvas.word(middle, HEIGHT - BOTTOM + 17.0, "middle", 11.0, "#222", name);
            }
            for (own, (_, values)) in self.series.iter().enumerate() {
                let Some(Some((value, spread))) = values.get(at) else { continue };
                let Style { colour, .. } = Style::new(own);
                let x = LEFT + at as f64 * group + group * 0.1 + own as f64 * bar;
                let y = plot_y(*value);
                let _ = writeln!(
                    canvas.text,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"><title>{}: {}</title></rect>",
                    (bar - 1.0).max(0.5),
                    HEIGHT - BOTTOM - y,
                    escape(name),
                    label(*value)
                );
                if *spread > 0.0 {
                    let centre = x + bar / 2.0;
                    canvas.line((centre, plot_y(value - spread)), (centre, plot_y(value + spread)), "#222", 1.2);
                }
            }
        }
        canvas.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(ticks(0.0, 1.0, 5.0).len(), 6);
        assert_eq!(ticks(0.0, 73.0, 5.0), [0.0, 20.0, 40.0, 60.0]);
        assert_eq!([0.0, 0.25, 12_000.0, 3e6].map(label), ["0", "0.25", "12k", "3M"]);
    }

    #[test]
    fn a_chart_stands_alone_and_words_cannot_break_it() {
        let series = Series {
            name: "a<b & \"c\"".into(),
            points: vec![(0.0, 1.0), (5.0, f64::NAN), (10.0, 3.0)],
            ..Series::default()
        };
        let chart = Lines { title: "<script>".into(), series: vec![series.clone(), series], ..Lines::default() };
        let svg = chart.svg();
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("a&lt;b &amp; &quot;c&quot;") && !svg.contains("<script>") && !svg.contains("NaN"));
    }

    #[test]
    fn a_note_is_whole_however_long_it_is() {
        let word = "a-path-without-a-space/".repeat(12);
        let note = format!("seeds 1 to 9 · mesos-sim · mesos-sim run {word} --out {word}");
        let lines = broken(&note, NOTE_CHARS);
        assert!(lines.len() > 4 && lines.iter().all(|line| line.chars().count() <= NOTE_CHARS), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), note.replace(' ', ""));
        let short = Lines { note: "seed 1".into(), ..Lines::default() };
        let long = Lines { note, ..Lines::default() };
        assert!(lines.iter().all(|line| long.svg().contains(line)) && short.svg().contains(">seed 1<"));
        assert!(broken("", 10).is_empty());
    }

    /// Forty cases of a sweep, each with a name as long as any is shown.
    #[test]
    fn names_of_many_groups_lie_neither_over_each_other_nor_over_the_legend_nor_outside() {
        let groups: Vec<String> = (10..50).map(|at| format!("interval {at}s, policy shared_all_or_nothing")).collect();
        let series = ["cores", "memory"].map(|name| (name.to_owned(), vec![Some((0.5, 0.0)); groups.len()]));
        let chart = Bars { groups: groups.clone(), series: series.to_vec(), ..Bars::default() };
        let (svg, group) = (chart.svg(), (WIDTH - LEFT - RIGHT) / 40.0);
        // Lines of text at this angle, so far apart, are further from each other than a line is high.
        assert!(group * TURN.to_radians().sin() > 10.5);
        let room = chart.room(group);
        let long = groups[0].chars().count().min(NAME_CHARS_MAX) as f64 * TURNED_CHAR;
        assert!(LEFT + group / 2.0 - long * TURN.to_radians().cos() > -room.left, "the first name is cut off");
        let lowest = HEIGHT - BOTTOM + 14.0 + long * TURN.to_radians().sin();
        let legend = svg.split("<text").find(|part| part.contains(">cores<")).unwrap();
        let at: f64 = legend.split("y=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        assert!(at - 12.0 >= lowest - 6.0, "the legend at {at} is below the names, which end at {lowest}");
        assert!(svg.contains(&format!("viewBox=\"-{}", room.left)) && !svg.contains("stroke-dasharray=\"7 3\""));
    }

    #[test]
    fn what_lies_apart_is_shaded_and_fits() {
        let series = Series {
            points: vec![(0.0, 1.0), (1.0, 2.0)],
            band: vec![(0.0, 0.5, 1.5), (1.0, 1.0, 40.0)],
            ..Series::default()
        };
        let svg = Lines { series: vec![series], ..Lines::default() }.svg();
        assert!(svg.contains("<polygon points=") && svg.contains(">40<"), "{svg}");
    }

    #[test]
    fn nothing_to_show_is_said() {
        assert!(Lines::default().svg().contains("there is nothing to show"));
        assert!(Bars::default().svg().ends_with("</svg>\n"));
    }

    #[test]
    fn logarithmic_axes_take_zero_for_the_smallest() {
        let points = vec![(0.0, 0.1), (0.5, 0.5), (2_000.0, 1.0)];
        let series = vec![Series { name: "wait".into(), points, ..Series::default() }];
        let svg = Lines { series, is_log: true, ..Lines::default() }.svg();
        assert!(svg.contains(">0.1<") && svg.contains(">10k<") && !svg.contains("inf"));
    }

    #[test]
    fn what_is_compared_has_one_colour_and_a_mark_at_every_point() {
        let series = |name: &str, y: f64, is_reference| Series {
            name: name.into(),
            points: vec![(1.0, y), (10.0, 1_000.0 * y)],
            is_reference,
            ..Series::default()
        };
        let all = vec![series("here", 0.2, false), series("paper", 0.3, true), series("other", 5.0, false)];
        let svg =
            Lines { series: all, shape: Shape::MarkedLines, is_log: true, is_y_log: true, ..Lines::default() }.svg();
        assert_eq!(svg.matches("<circle").count(), 6);
        let [own, next] = [COLOURS[0], COLOURS[1]].map(|colour| svg.matches(&format!("stroke=\"{colour}\"")).count());
        // Two marks, a line and a legend each.
        assert_eq!((own, next), (8, 4), "{svg}");
        assert_eq!(svg.matches("fill=\"#fff\" stroke").count(), 2);
        assert!(svg.contains(">0.1<") && svg.contains(">10k<") && !svg.contains("inf") && !svg.contains("NaN"));
    }
}
