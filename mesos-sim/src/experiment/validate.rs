//! What of a file can be told to be wrong before anything is run.

use std::collections::BTreeSet;
use std::time::Duration;

use super::case::{CASES_MAX, show};
use super::description::{Description, Seeds};
use super::error::ExperimentError;
use super::expect::{At, Expect};
use super::figure::is_figure;

/// Whether it may be in the name of a file.
const fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '-' || letter == '_'
}

impl Description {
    pub(super) fn validate(&self) -> Result<(), ExperimentError> {
        if self.name.is_empty() || !self.name.chars().all(is_plain) {
            let remedy = "use letters, digits, - and _: results are kept in a folder of this name";
            return Err(ExperimentError::invalid("name", format!("{:?} is no name", self.name), remedy));
        }
        self.validate_seeds()?;
        self.validate_figures()?;
        if self.division.is_some() || self.properties.is_some() {
            return Ok(());
        }
        if self.cluster.agents.iter().all(|part| part.count == 0) && !self.cluster.from_trace {
            let remedy = "add [[cluster.agents]] with count and resources, or cluster.from_trace = true";
            return Err(ExperimentError::invalid("cluster", "it has no agents", remedy));
        }
        if self.trace.is_none() && self.queue.iter().all(|queue| queue.work.is_empty()) {
            let remedy = "add [[queue]] with [[queue.work]], or [trace] with files";
            return Err(ExperimentError::invalid("queue", "there is nothing to run", remedy));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = self.queue.iter().find(|queue| !names.insert(&queue.name)) {
            let problem = format!("there are two queues {:?}", twice.name);
            return Err(ExperimentError::invalid("queue.name", problem, "figures are by name: give each its own"));
        }
        self.validate_times()
    }

    fn validate_seeds(&self) -> Result<(), ExperimentError> {
        let (count, is_distinct) = match &self.seeds {
            Seeds::Count(count) => (*count as usize, true),
            Seeds::List(list) => (list.len(), list.iter().collect::<BTreeSet<_>>().len() == list.len()),
        };
        match count {
            0 => Err(ExperimentError::invalid("seeds", "there are none", "write a number of them, or a list")),
            1..=CASES_MAX if is_distinct => Ok(()),
            1..=CASES_MAX => {
                let remedy = "name each once: the same seed is the same run";
                Err(ExperimentError::invalid("seeds", "one of them is there twice", remedy))
            }
            _ => Err(ExperimentError::invalid("seeds", "there are too many", format!("at most {CASES_MAX} cases"))),
        }
    }

    fn validate_times(&self) -> Result<(), ExperimentError> {
        if self.cluster.masters == Some(0) {
            return Err(ExperimentError::invalid(
                "cluster.masters",
                "a cluster of none has no leader",
                "write 1 or more",
            ));
        }
        if self.warm_up.0 >= self.until.0 {
            let (until, warm_up) = (self.until.0.as_secs_f64(), self.warm_up.0.as_secs_f64());
            let problem =
                format!("a run of {until} s is over before the first job comes after a warm-up of {warm_up} s");
            return Err(ExperimentError::invalid(
                "until",
                problem,
                "let it be later than warm_up, which is 10 s if absent",
            ));
        }
        if self.faults.machine_fails_every.is_some_and(|every| every.0 < Duration::from_secs(1)) {
            let problem = "no machine fails more than once a second";
            return Err(ExperimentError::invalid("faults.machine_fails_every", problem, "write 1s or more"));
        }
        Ok(())
    }

    /// What is expected can be told from what comes out: it is a figure there may be, of a queue and cases there are, with a
    /// bound. Of a whole file, with its sweep.
    pub(super) fn validate_expectations(&self) -> Result<(), ExperimentError> {
        self.expect.iter().try_for_each(|expect| {
            let wrong = |problem: String, remedy: &str| {
                Err(ExperimentError::invalid(format!("expect {:?}", expect.what), problem, remedy))
            };
            let over = expect.over.as_ref();
            if expect.launches.is_none() {
                let metrics = [expect.metric.as_deref(), over.and_then(|over| over.metric.as_deref())];
                if let Some(unknown) = metrics.into_iter().flatten().find(|metric| !is_figure(metric)) {
                    return wrong(format!("there is no figure {unknown:?}"), "figures.csv names all there are");
                }
                if expect.metric.is_none() {
                    return wrong("it is about no figure".to_owned(), "write metric, or launches");
                }
                let bounds = [expect.low, expect.high];
                if bounds == [None, None] || bounds.into_iter().flatten().any(f64::is_nan) {
                    return wrong("without a bound anything would hold".to_owned(), "write low, high or both");
                }
                if expect.low.zip(expect.high).is_some_and(|(low, high)| low > high) {
                    return wrong("nothing is both".to_owned(), "let low be no larger than high");
                }
            }
            match (expect.excludes_paper(), expect.differs.as_deref().map(str::trim)) {
                (true, None | Some("")) => {
                    return wrong(
                        "what the paper says is outside the bounds".to_owned(),
                        "say why, as differs = \"..\"",
                    );
                }
                (false, Some(_)) => {
                    return wrong("the bounds exclude nothing the paper says".to_owned(), "leave out differs");
                }
                _ => {}
            }
            if let Some(queue) = self.unknown_queue(expect) {
                return wrong(format!("there is no queue {queue:?}"), "write the name of a [[queue]], or leave it out");
            }
            let cases = expect.cases.iter().chain(over.and_then(|over| over.cases.as_ref()).into_iter().flatten());
            for (name, value) in cases {
                let swept = self.sweep.get(name).into_iter().flatten();
                if swept.into_iter().all(|own| show(own) != show(value)) {
                    return wrong(format!("no case has {name} = {value}"), "write a name and a value of [sweep]");
                }
            }
            Ok(())
        })
    }

    /// A queue that something is expected of and nobody described. Queues of traces are not known here.
    fn unknown_queue<'a>(&self, expect: &'a Expect) -> Option<&'a str> {
        let is_swept = self.sweep.keys().any(|path| path.ends_with(".name") || path.ends_with(".copies"));
        if self.trace.is_some() || self.division.is_some() || self.properties.is_some() || is_swept {
            return None;
        }
        let is_known = |name: &str| {
            self.queue.iter().any(|queue| match queue.copies {
                None => queue.name == name,
                Some(copies) => (0..copies).any(|copy| format!("{}-{copy}", queue.name) == name),
            })
        };
        let over = expect.over.as_ref().and_then(|over| over.queue.as_deref()).filter(|name| !name.is_empty());
        [expect.queue.as_deref(), over].into_iter().flatten().find(|name| !is_known(name))
    }

    /// What is expected stands on figures there are, and no figure is empty or has both values and names along its axis.
    fn validate_figures(&self) -> Result<(), ExperimentError> {
        let figures = self.paper.as_ref().map_or(&[][..], |paper| paper.figure.as_slice());
        let places = || self.expect.iter().filter_map(|expect| expect.on.as_ref());
        if let Some(place) = places().find(|place| figures.iter().all(|figure| figure.name != place.figure)) {
            let problem = format!("there is no figure {:?}", place.figure);
            return Err(ExperimentError::invalid("expect.on", problem, "describe it under [[paper.figure]]"));
        }
        for figure in figures {
            if figure.name.is_empty() || !figure.name.chars().all(is_plain) {
                let problem = format!("{:?} is no name", figure.name);
                let remedy = "use letters, digits, - and _: its image is kept under this name";
                return Err(ExperimentError::invalid("paper.figure.name", problem, remedy));
            }
            let own = || places().filter(|place| place.figure == figure.name);
            let numbers = own().filter(|place| matches!(place.at, At::Number(_))).count();
            if own().count() == 0 || (numbers > 0 && numbers < own().count()) {
                let problem = format!("on {:?} stands nothing, or numbers beside names", figure.name);
                let remedy = "write on = { figure = .., series = .., at = .. } beside what is expected";
                return Err(ExperimentError::invalid("paper.figure", problem, remedy));
            }
        }
        Ok(())
    }
}
