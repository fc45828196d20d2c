//! Time travel: forwards and backwards through a run, with questions on the way.
//!
//! A *moment* is one thing on the agenda that made some machine take a step. Going back means running again from the
//! beginning to an earlier moment: a run is a function of its description and seed, so it is the same moment.
//!
//! Commands are lines of text and answers are text, so that a session can be typed, piped in, or be a test.

use std::fmt::Write as _;
use std::time::Duration;

use mesos_core::{Instant, TaskId};

use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::record::{Detail, Trace};
use crate::simulation::Simulation;
use crate::story::{standing, waited_for, why};
use crate::world::{Stage, World};

/// What the traveller can be told.
pub const HELP: &str = "\
  n [COUNT]    on to the next moment, or so many moments on        (an empty line does the same)
  b [COUNT]    back to the moment before, or so many moments back
  g TIME       to the first moment at or after this time: g 12.5s, or g #300 for moment 300
  f TEXT       on to the next moment with TEXT in what it says, such as f \"f0 \" or f RUNNING
  r TEXT       back to the last moment before with TEXT in what it says
  w TASK       why is this task where it is? as 3.1, or f0/3.1
  t            the tasks that frameworks wait for
  s            where every node stands
  x            the faults so far
  e            to the end: where the run settles or fails
  h            this help
  q            leaves
";

/// A run that can be gone through in both directions.
#[derive(Debug)]
pub struct Travel {
    cluster: Cluster,
    seed: u64,
    run: Simulation,
    limit: Instant,
    moment: u64,
    /// What the present moment said.
    said: String,
    end: Option<Result<(), Failure>>,
}

/// An answer, and whether the traveller wants to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What to show.
    pub text: String,
    /// Whether it was the last.
    pub is_last: bool,
}

impl Travel {
    /// At the beginning of a run, before the first moment.
    ///
    /// # Panics
    /// When the description cannot be.
    #[must_use]
    pub fn new(cluster: Cluster, seed: u64) -> Self {
        let faults = cluster.conditions().faults.until + cluster.conditions().settle_within;
        let run = begin(&cluster, seed);
        Self { cluster, seed, run, limit: Instant::ZERO + faults, moment: 0, said: String::new(), end: None }
    }

    /// The number of the present moment; 0 is the beginning.
    #[must_use]
    pub const fn moment(&self) -> u64 {
        self.moment
    }

    /// The world at this moment.
    #[must_use]
    pub const fn world(&self) -> &World {
        self.run.world()
    }

    /// What happened in this moment, a line per step.
    #[must_use]
    pub fn said(&self) -> &str {
        &self.said
    }

    /// How the run ended, once it has.
    #[must_use]
    pub const fn end(&self) -> Option<&Result<(), Failure>> {
        self.end.as_ref()
    }

    /// On to the next moment; false at the end.
    pub fn forward(&mut self) -> bool {
        while self.end.is_none() {
            if self.run.world().stage() == Stage::Settled {
                self.end = Some(self.run.last_word());
                break;
            }
            let limit = self.limit;
            match self.run.guarded(|run| run.step(limit)) {
                Ok(true) => {}
                Ok(false) => {
                    let why = self.run.world().unsettled().unwrap_or_else(|| "it was not looked at".into());
                    let failure = crate::FailureKind::NotLive;
                    self.end = Some(Err(self.run.world().failure(failure, "liveness", why)));
                }
                Err(failure) => self.end = Some(Err(failure)),
            }
            let said = self.run.trace_mut().map(Trace::drain).unwrap_or_default();
            if !said.is_empty() {
                self.said = said;
                self.moment += 1;
                return true;
            }
        }
        false
    }

    /// To this moment, or to the end if that comes before.
    pub fn go_to(&mut self, moment: u64) {
        if moment < self.moment {
            self.run = begin(&self.cluster, self.seed);
            self.moment = 0;
            self.said.clear();
            self.end = None;
        }
        while self.moment < moment && self.forward() {}
    }

    /// Does what a line of text says; see [`HELP`].
    pub fn obey(&mut self, line: &str) -> Answer {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let mut is_last = false;
        let text = match word {
            "" | "n" | "next" => self.on(rest),
            "b" | "back" => self.back(rest),
            "g" | "go" => self.go(rest),
            "f" | "find" => self.find(rest.trim_matches('"')),
            "r" | "rfind" => self.find_back(rest.trim_matches('"')),
            "w" | "why" => self.why(rest),
            "t" | "tasks" => {
                let mut rows = waited_for(self.world());
                rows.push(format!("{} tasks are waited for", rows.len()));
                rows.join("\n") + "\n"
            }
            "s" | "state" => standing(self.world()),
            "x" | "faults" => self.faults(),
            "e" | "end" => {
                self.go_to(u64::MAX);
                self.here()
            }
            "h" | "help" | "?" => HELP.to_owned(),
            "q" | "quit" => {
                is_last = true;
                String::new()
            }
            other => format!("{other:?} is no command; h lists them\n"),
        };
        Answer { text, is_last }
    }

    fn on(&mut self, rest: &str) -> String {
        match count(rest) {
            Ok(count) => {
                self.go_to(self.moment.saturating_add(count));
                self.here()
            }
            Err(why) => why,
        }
    }

    fn back(&mut self, rest: &str) -> String {
        match count(rest) {
            Ok(count) => {
                self.go_to(self.moment.saturating_sub(count));
                self.here()
            }
            Err(why) => why,
        }
    }

    fn go(&mut self, rest: &str) -> String {
        if let Some(number) = rest.strip_prefix('#') {
            return match number.parse() {
                Ok(moment) => {
                    self.go_to(moment);
                    self.here()
                }
                Err(_) => format!("{number:?} is no number of a moment, such as #300\n"),
            };
        }
        let secs = rest.strip_suffix('s').unwrap_or(rest).parse::<f64>().ok();
        let Some(after) = secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok()) else {
            return format!("{rest:?} is no time, such as 12.5s, and no moment, such as #300\n");
        };
        let at = Instant::ZERO + after;
        if self.world().now().mono >= at {
            self.go_to(0);
        }
        while self.world().now().mono < at && self.forward() {}
        self.here()
    }

    fn find(&mut self, text: &str) -> String {
        let from = self.moment;
        while self.forward() {
            if self.said.contains(text) {
                return self.here();
            }
        }
        self.go_to(from);
        format!("nothing after moment {from} says {text:?}\n")
    }

    fn find_back(&mut self, text: &str) -> String {
        let (from, mut found) = (self.moment, None);
        self.go_to(0);
        while self.moment + 1 < from && self.forward() {
            if self.said.contains(text) {
                found = Some(self.moment);
            }
        }
        self.go_to(found.unwrap_or(from));
        if found.is_some() { self.here() } else { format!("nothing before moment {from} says {text:?}\n") }
    }

    fn why(&self, rest: &str) -> String {
        let (framework, task) = match rest.split_once('/') {
            Some((framework, task)) => (framework.strip_prefix('f').and_then(|n| n.parse().ok()), task),
            None => (None, rest),
        };
        match TaskId::new(task) {
            Ok(task) => why(self.world(), framework, &task),
            Err(error) => format!("{error}; write w 3.1, or w f0/3.1\n"),
        }
    }

    fn faults(&self) -> String {
        let struck = self.world().struck();
        let mut text = String::new();
        for (after, action) in struck {
            let _ = writeln!(text, "{:>10.3} s  {action}", after.as_secs_f64());
        }
        let _ = writeln!(text, "{} faults so far", struck.len());
        text
    }

    /// Where the traveller is.
    pub fn here(&self) -> String {
        let mut text = format!("#{} at {}\n{}", self.moment, self.world().now().mono, self.said);
        match &self.end {
            None => {}
            Some(Ok(())) => text.push_str("the run has settled: this is its end\n"),
            Some(Err(failure)) => text.push_str(&format!("the run ends here\n{failure}\n")),
        }
        text
    }
}

fn begin(cluster: &Cluster, seed: u64) -> Simulation {
    let run = cluster.simulate_into(seed, Some(Trace::text(Detail::Brief)));
    run.unwrap_or_else(|invalid| panic!("this cluster cannot be: {invalid}"))
}

fn count(rest: &str) -> Result<u64, String> {
    if rest.is_empty() {
        return Ok(1);
    }
    rest.parse().map_err(|_| format!("{rest:?} is no number of moments\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(travel: &mut Travel, commands: &[&str]) -> Vec<String> {
        commands.iter().map(|command| travel.obey(command).text).collect()
    }

    #[test]
    fn going_back_shows_the_same_moments_again() {
        let mut travel = Travel::new(Cluster::swarm(2), 2);
        let first: Vec<String> = (0..200).map(|_| travel.obey("n").text).collect();
        let back = session(&mut travel, &["b 100", "n", "g #37", "b"]);
        assert_eq!(back, [first[99].clone(), first[100].clone(), first[36].clone(), first[35].clone()]);
        assert_eq!(travel.moment(), 36);
    }

    #[test]
    fn what_is_looked_for_is_found_in_both_directions() {
        let mut travel = Travel::new(Cluster::swarm(2), 2);
        let found = session(&mut travel, &["f REGISTERED", "f ACCEPT", "r REGISTERED"]);
        assert!(found.iter().zip(["REGISTERED", "ACCEPT", "REGISTERED"]).all(|(text, word)| text.contains(word)));
        assert!(travel.obey("f no such thing").text.contains("nothing after"));
        assert!(
            travel.obey("g 20s").text.contains('#')
                && travel.world().now().mono >= Instant::ZERO + Duration::from_secs(20)
        );
    }

    #[test]
    fn a_session_runs_to_the_end_and_says_what_it_does_not_understand() {
        let mut travel = Travel::new(Cluster::swarm(2).checked(), 2);
        assert!(travel.obey("e").text.contains("settled"));
        assert_eq!(travel.end(), Some(&Ok(())));
        for (line, part) in
            [("zz", "no command"), ("n x", "no number"), ("g x", "no time"), ("w 0.1", "0.1"), ("s", "leads")]
        {
            assert!(travel.obey(line).text.contains(part), "{line}");
        }
        assert!(travel.obey("q").is_last);
    }
}
