//! The machines of a trace: what they have, what is said about them, and when they were there.
//!
//! What is told of a machine may stand in any order: its comings and goings are put into the order of their times when the
//! last file was read.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos_core::attribute::AttributeValue;
use mesos_core::{Attributes, Resources, Scalar};

use super::judge::{AMOUNT_MIN, uncountable};
use super::rule::{Refusal, Rule};
use crate::workload::Machine;

/// Where a row stands: the number of its file, and its line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) file: u32,
    pub(super) line: u64,
}

/// What became of the size that a row tells of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// It is the first that is told.
    New,
    /// It was told before.
    Same,
    /// Another was told before, and stays.
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Event {
    at: f64,
    is_up: bool,
    place: Place,
}

#[derive(Debug, Default)]
struct Draft {
    resources: Option<[f64; 4]>,
    attributes: Vec<(String, String)>,
    events: Vec<Event>,
    /// From when until when it failed.
    failures: Vec<(f64, f64)>,
    /// How many rows speak of it besides those that tell its size, and where the first of them stands.
    told: u64,
    first: Place,
}

/// A machine with the times at which it was away; what has no end lasts.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) machine: Machine,
    pub(super) absences: Vec<(f64, Option<f64>)>,
}

/// Gathers what is told of machines.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    places: BTreeMap<String, usize>,
    drafts: Vec<(String, Draft)>,
}

impl Fleet {
    fn draft(&mut self, name: &str) -> &mut Draft {
        let place = match self.places.get(name) {
            Some(place) => *place,
            None => {
                self.places.insert(name.to_owned(), self.drafts.len());
                self.drafts.push((name.to_owned(), Draft::default()));
                self.drafts.len() - 1
            }
        };
        &mut self.drafts[place].1
    }

    /// The size of a machine: cores, MB, MB of disk, GPUs. The first one counts.
    pub(super) fn size(
        &mut self,
        name: &str,
        resources: [f64; 4],
        attributes: Vec<(String, String)>,
    ) -> Result<Size, Refusal> {
        let absurd = uncountable(resources);
        if let Some(absurd) = absurd.or_else(|| resources[..2].iter().copied().find(|amount| *amount < AMOUNT_MIN)) {
            return Err(Refusal::new(Rule::AbsurdSize, "amount", &absurd.to_string()));
        }
        let draft = self.draft(name);
        for (name, value) in attributes {
            say(&mut draft.attributes, name, value);
        }
        Ok(match draft.resources {
            None => {
                draft.resources = Some(resources);
                Size::New
            }
            Some(known) if known.iter().zip(resources).all(|(own, other)| (own - other).abs() < AMOUNT_MIN) => {
                Size::Same
            }
            Some(_) => Size::Other,
        })
    }

    /// Something is said about a machine.
    pub(super) fn attribute(&mut self, machine: &str, name: String, value: String, place: Place) {
        let draft = self.draft(machine);
        draft.tell(place);
        say(&mut draft.attributes, name, value);
    }

    /// A machine comes or goes.
    pub(super) fn event(&mut self, name: &str, at: f64, is_up: bool, place: Place) {
        let draft = self.draft(name);
        draft.tell(place);
        draft.events.push(Event { at, is_up, place });
    }

    /// A machine that is there fails for a while.
    pub(super) fn failure(&mut self, name: &str, from: f64, until: f64) {
        self.draft(name).failures.push((from, until));
    }

    /// Whether its size is known.
    pub(super) fn is_sized(&self, name: &str) -> bool {
        self.places.get(name).is_some_and(|place| self.drafts[*place].1.resources.is_some())
    }

    /// The machines whose sizes were told so far.
    pub(super) fn names(&self) -> Vec<String> {
        self.drafts.iter().filter(|(_, draft)| draft.resources.is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// The machines, and rows that broke a rule: how many of them at once, and where the first of them stands.
    pub(super) fn finish(self, begins: f64) -> (Vec<Known>, Vec<(Rule, u64, Place)>) {
        let (mut machines, mut broken) = (Vec::new(), Vec::new());
        for (name, draft) in self.drafts {
            let Some(amounts) = draft.resources else {
                broken.push((Rule::OutOfNowhere, draft.told, draft.first));
                continue;
            };
            let absences = draft.absences(begins, &mut broken);
            let machine = Machine {
                name: name.into(),
                resources: Resources::from_plain(amounts.map(|value| Scalar::from_f64(value).unwrap_or(Scalar::ZERO))),
                attributes: draft.attributes.into_iter().map(spoken).collect::<Attributes>(),
            };
            machines.push(Known { machine, absences });
        }
        (machines, broken)
    }
}

impl Draft {
    fn tell(&mut self, place: Place) {
        if self.told == 0 {
            self.first = place;
        }
        self.told += 1;
    }

    fn absences(&self, begins: f64, broken: &mut Vec<(Rule, u64, Place)>) -> Vec<(f64, Option<f64>)> {
        let mut events = self.events.clone();
        events.sort_by(|one, other| one.at.total_cmp(&other.at));
        let mut absences: Vec<(f64, Option<f64>)> =
            self.failures.iter().map(|(from, until)| (*from, Some(*until))).collect();
        // What comes for the first time was not there before.
        let mut away = events.first().filter(|first| first.is_up && first.at > begins).map(|_| begins);
        let mut is_first = true;
        for Event { at, is_up, place } in events {
            match (is_up, away) {
                (true, Some(since)) => {
                    absences.push((since, Some(at)));
                    away = None;
                }
                (false, None) => away = Some(at),
                (true, None) if is_first => {}
                // It is there already, or away already.
                _ => broken.push((Rule::ToldAgain, 1, place)),
            }
            is_first = false;
        }
        absences.extend(away.map(|since| (since, None)));
        merged(absences, begins)
    }
}

/// Absences one after the other, and none that ends before the beginning.
fn merged(mut absences: Vec<(f64, Option<f64>)>, begins: f64) -> Vec<(f64, Option<f64>)> {
    absences.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut kept: Vec<(f64, Option<f64>)> = Vec::new();
    for (from, until) in absences {
        match kept.last_mut() {
            Some((_, last)) if last.is_none_or(|last| from <= last) => {
                *last = last.zip(until).map(|(last, until)| last.max(until));
            }
            _ => kept.push((from, until)),
        }
    }
    kept.retain(|(_, until)| until.is_none_or(|until| until > begins));
    kept
}

/// The first word counts.
fn say(said: &mut Vec<(String, String)>, name: String, value: String) {
    if !said.iter().any(|(known, _)| *known == name) && !name.is_empty() && !value.is_empty() {
        said.push((name, value));
    }
}

/// An attribute as agents have it: a number, or a text whatever it looks like.
fn spoken((name, value): (String, String)) -> (Arc<str>, AttributeValue) {
    let spoken = value.parse().map_or_else(|_| AttributeValue::Text(value.as_str().into()), AttributeValue::Scalar);
    (name.into(), spoken)
}
