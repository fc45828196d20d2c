//! Time travel: forwards and backwards through a run or a journal, with questions on the way.
//!
//! A *moment* of a run is one thing on the agenda that made some machine take a step; one of a journal is a step of its
//! master. Going back means beginning again and going on to an earlier moment: what happened is a function of the run's
//! description and seed, or of the journal, so it is the same moment.
//!
//! Commands are lines of text and answers are text, so that a session can be typed, piped in, or be a test.

mod journal;
mod run;

pub use journal::JournalJourney;
pub use run::RunJourney;

use std::fmt;
use std::time::Duration;

use mesos_core::{Instant, TaskId};

use crate::cluster::Cluster;

/// What the traveller can be told.
// A backslash at the end of the first line would take the spaces of the second one with it.
pub const HELP: &str =
    "  n [COUNT]    on to the next moment, or so many moments on        (an empty line does the same)
  b [COUNT]    back to the moment before, or so many moments back
  g TIME       to the first moment at or after this time: g 12.5s, or g #300 for moment 300
  f TEXT       on to the next moment with TEXT in what it says, such as f \"f0 \" or f RUNNING
  r TEXT       back to the last moment before with TEXT in what it says
  w TASK       why is this task where it is? as 3.1, or f0/3.1
  t            the tasks that frameworks wait for
  s            where every node stands
  x            the faults so far
  e            to the end: where the run settles or fails, or where the journal ends
  h            this help
  q            leaves
";

/// Between two looks at how far it is, in moments.
const SHOW_EVERY: u64 = 1_024;

/// What can be gone through.
pub trait Journey: fmt::Debug {
    /// Begins again.
    ///
    /// # Errors
    /// When what it is made from is not there any more.
    fn restart(&mut self) -> Result<(), String>;

    /// On to the next moment, and what happened in it, a line per step; nothing at the end.
    fn forward(&mut self) -> Option<String>;

    /// The time.
    fn now(&self) -> Instant;

    /// How it ended, in words, once it has.
    fn end(&self) -> Option<String>;

    /// Why is a task where it is? Without a framework the first that knows the task is meant.
    fn why(&self, framework: Option<u32>, task: &TaskId) -> String;

    /// The tasks that are under way, a line each.
    fn tasks(&self) -> Vec<String>;

    /// Where everybody stands.
    fn standing(&self) -> String;

    /// What went wrong so far.
    fn faults(&self) -> String;
}

/// Sees how far it is: which moment, and when that is.
pub type Show = Box<dyn FnMut(u64, Instant)>;

/// A run or a journal that can be gone through in both directions.
pub struct Travel<J = RunJourney> {
    journey: J,
    moment: u64,
    /// What the present moment said.
    said: String,
    show: Option<Show>,
}

impl<J: Journey> fmt::Debug for Travel<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Travel").field("journey", &self.journey).field("moment", &self.moment).finish_non_exhaustive()
    }
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
        Self::through(RunJourney::new(cluster, seed))
    }
}

impl<J: Journey> Travel<J> {
    /// At the beginning of this.
    #[must_use]
    pub const fn through(journey: J) -> Self {
        Self { journey, moment: 0, said: String::new(), show: None }
    }

    /// Lets somebody see how far it is while it goes far.
    #[must_use]
    pub fn shown(mut self, show: Show) -> Self {
        self.show = Some(show);
        self
    }

    /// The number of the present moment; 0 is the beginning.
    #[must_use]
    pub const fn moment(&self) -> u64 {
        self.moment
    }

    /// What is gone through, at this moment.
    #[must_use]
    pub const fn journey(&self) -> &J {
        &self.journey
    }

    /// What happened in this moment, a line per step.
    #[must_use]
    pub fn said(&self) -> &str {
        &self.said
    }

    /// On to the next moment; false at the end.
    pub fn forward(&mut self) -> bool {
        let Some(said) = self.journey.forward() else { return false };
        self.said = said;
        self.moment += 1;
        if self.moment.is_multiple_of(SHOW_EVERY)
            && let Some(show) = &mut self.show
        {
            show(self.moment, self.journey.now());
        }
        true
    }

    /// To this moment, or to the end if that comes before.
    ///
    /// # Errors
    /// When it cannot begin again.
    pub fn go_to(&mut self, moment: u64) -> Result<(), String> {
        if moment < self.moment {
            self.journey.restart()?;
            self.moment = 0;
            self.said.clear();
        }
        while self.moment < moment && self.forward() {}
        Ok(())
    }

    /// To this moment, and where that is.
    fn arrive(&mut self, moment: u64) -> String {
        match self.go_to(moment) {
            Ok(()) => self.here(),
            Err(why) => format!("{why}\n"),
        }
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
                let mut rows = self.journey.tasks();
                rows.push(format!("{} tasks are waited for", rows.len()));
                rows.join("\n") + "\n"
            }
            "s" | "state" => self.journey.standing(),
            "x" | "faults" => self.journey.faults(),
            "e" | "end" => self.arrive(u64::MAX),
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
            Ok(count) => self.arrive(self.moment.saturating_add(count)),
            Err(why) => why,
        }
    }

    fn back(&mut self, rest: &str) -> String {
        match count(rest) {
            Ok(count) => self.arrive(self.moment.saturating_sub(count)),
            Err(why) => why,
        }
    }

    fn go(&mut self, rest: &str) -> String {
        if let Some(number) = rest.strip_prefix('#') {
            return match number.parse() {
                Ok(moment) => self.arrive(moment),
                Err(_) => format!("{number:?} is no number of a moment, such as #300\n"),
            };
        }
        let secs = rest.strip_suffix('s').unwrap_or(rest).parse::<f64>().ok();
        let Some(after) = secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok()) else {
            return format!("{rest:?} is no time, such as 12.5s, and no moment, such as #300\n");
        };
        let at = Instant::ZERO + after;
        if self.journey.now() >= at
            && let Err(why) = self.go_to(0)
        {
            return format!("{why}\n");
        }
        while self.journey.now() < at && self.forward() {}
        self.here()
    }

    fn find(&mut self, text: &str) -> String {
        let from = self.moment;
        while self.forward() {
            if self.said.contains(text) {
                return self.here();
            }
        }
        match self.go_to(from) {
            Ok(()) => format!("nothing after moment {from} says {text:?}\n"),
            Err(why) => format!("{why}\n"),
        }
    }

    fn find_back(&mut self, text: &str) -> String {
        let (from, mut found) = (self.moment, None);
        if let Err(why) = self.go_to(0) {
            return format!("{why}\n");
        }
        while self.moment + 1 < from && self.forward() {
            if self.said.contains(text) {
                found = Some(self.moment);
            }
        }
        let here = self.arrive(found.unwrap_or(from));
        if found.is_some() { here } else { format!("nothing before moment {from} says {text:?}\n") }
    }

    fn why(&self, rest: &str) -> String {
        let (framework, task) = match rest.split_once('/') {
            Some((framework, task)) => (framework.strip_prefix('f').and_then(|n| n.parse().ok()), task),
            None => (None, rest),
        };
        match TaskId::new(task) {
            Ok(task) => self.journey.why(framework, &task),
            Err(error) => format!("{error}; write w 3.1, or w f0/3.1\n"),
        }
    }

    /// Where the traveller is.
    pub fn here(&self) -> String {
        let end = self.journey.end().unwrap_or_default();
        format!("#{} at {}\n{}{end}", self.moment, self.journey.now(), self.said)
    }
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
                && travel.journey().now() >= Instant::ZERO + Duration::from_secs(20)
        );
    }

    #[test]
    fn a_session_runs_to_the_end_and_says_what_it_does_not_understand() {
        let mut travel = Travel::new(Cluster::swarm(2).checked(), 2);
        assert!(travel.obey("e").text.contains("settled"));
        assert_eq!(travel.journey().result(), Some(&Ok(())));
        for (line, part) in
            [("zz", "no command"), ("n x", "no number"), ("g x", "no time"), ("w 0.1", "0.1"), ("s", "leads")]
        {
            assert!(travel.obey(line).text.contains(part), "{line}");
        }
        assert!(travel.obey("q").is_last);
    }
}
