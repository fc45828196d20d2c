//! Numbers of a daemon: by the names Mesos gave them, and as the text Prometheus reads.
//!
//! What Mesos writes into a name (a framework, a role) is a label for Prometheus. Which numbers there are is for the daemons.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::header::{CONTENT_TYPE, HeaderValue};

use super::http::{Body, Response};
use super::layer::RequestTotals;

/// What Prometheus calls its text.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One number.
#[derive(Debug, Clone, PartialEq)]
struct Metric {
    /// Its name in Mesos.
    name: String,
    /// Its name for Prometheus, without `mesos_`.
    family: String,
    labels: Vec<(&'static str, String)>,
    is_counter: bool,
    value: f64,
}

/// The numbers of a daemon at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics(Vec<Metric>);

/// A count as a metric: metrics are doubles.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "metrics are doubles")]
pub const fn real(count: u64) -> f64 {
    count as f64
}

impl Metrics {
    fn add(&mut self, name: &str, is_counter: bool, value: f64) {
        self.add_labelled(name.to_owned(), name, &[], is_counter, value);
    }

    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &str, value: f64) {
        self.add(name, false, value);
    }

    /// A number that only grows.
    pub fn counter(&mut self, name: &str, count: u64) {
        self.add(name, true, real(count));
    }

    /// One of several numbers that are one family to Prometheus, told apart by labels.
    pub fn add_labelled(
        &mut self,
        name: String,
        family: &str,
        labels: &[(&'static str, &str)],
        is_counter: bool,
        value: f64,
    ) {
        let family = family.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let labels = labels.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        self.0.push(Metric { name, family, labels, is_counter, value });
    }

    /// What a layer around a site counted.
    pub fn add_requests(&mut self, totals: &RequestTotals) {
        for (path, of_path) in totals.read() {
            for (class, count) in of_path.by_class.iter().enumerate().filter(|(_, count)| **count > 0) {
                let class = format!("{class}xx");
                let labels = [("path", path.as_str()), ("status", class.as_str())];
                let name = format!("http/requests{path}/{class}");
                self.add_labelled(name, "http/requests", &labels, true, real(*count));
            }
            let took = of_path.took.as_secs_f64();
            let name = format!("http/requests{path}/secs");
            self.add_labelled(name, "http/request_secs", &[("path", path.as_str())], true, took);
        }
    }

    /// What the machine is and how busy it is.
    pub fn add_system(&mut self) {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        self.gauge("system/cpus_total", real(cpus as u64));
        if let Ok(load) = std::fs::read_to_string("/proc/loadavg") {
            for (name, value) in ["load_1min", "load_5min", "load_15min"].iter().zip(load.split(' ')) {
                self.gauge(&format!("system/{name}"), value.parse().unwrap_or_default());
            }
        }
        if let Ok(memory) = std::fs::read_to_string("/proc/meminfo") {
            for (name, key) in [("mem_total_bytes", "MemTotal:"), ("mem_free_bytes", "MemFree:")] {
                let line = memory.lines().find_map(|line| line.strip_prefix(key));
                let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
                self.gauge(&format!("system/{name}"), real(kibibytes.unwrap_or(0) * 1_024));
            }
        }
    }

    /// All numbers by their names in Mesos.
    #[must_use]
    pub fn by_name(self) -> BTreeMap<String, f64> {
        self.0.into_iter().map(|metric| (metric.name, metric.value)).collect()
    }

    /// The text Prometheus reads: families in order, each with its type once.
    #[must_use]
    pub fn exposition(&self) -> String {
        let mut families: BTreeMap<&str, Vec<&Metric>> = BTreeMap::new();
        for metric in &self.0 {
            families.entry(&metric.family).or_default().push(metric);
        }
        let mut text = String::new();
        for (family, metrics) in families {
            let is_counter = metrics[0].is_counter;
            let (kind, suffix) = if is_counter { ("counter", "_total") } else { ("gauge", "") };
            let _ = writeln!(text, "# TYPE mesos_{family}{suffix} {kind}");
            for metric in metrics {
                let labels: Vec<String> =
                    metric.labels.iter().map(|(key, value)| format!("{key}=\"{}\"", label_value(value))).collect();
                let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
                let _ = writeln!(text, "mesos_{family}{suffix}{labels} {}", metric.value);
            }
        }
        text
    }

    /// That text, as an answer.
    #[must_use]
    pub fn exposed(&self) -> Response {
        let mut response = Response::new(Body::from(self.exposition()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(EXPOSITION));
        response
    }
}

fn label_value(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_cannot_break_out_of_a_label() {
        let mut metrics = Metrics::default();
        metrics.add_labelled("a/b".into(), "a/b", &[("framework", "x\"} 1\nevil 2 \\")], false, 1.5);
        metrics.counter("master/tasks_finished", 2);
        let text = metrics.exposition();
        assert_eq!(
            text,
            "# TYPE mesos_a_b gauge\nmesos_a_b{framework=\"x\\\"} 1\\nevil 2 \\\\\"} 1.5\n\
             # TYPE mesos_master_tasks_finished_total counter\nmesos_master_tasks_finished_total 2\n"
        );
    }
}
