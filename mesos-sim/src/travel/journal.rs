//! The journal of a master, to be gone through.

use std::fmt::{self, Write as _};
use std::io::Read;

use mesos_core::{FrameworkId, Instant, TaskId};
use mesos_sched::master::Master;

use super::Journey;
use crate::node::NodeId;
use crate::record::{Detail, Trace};
use crate::replay::{Difference, People, Replay, ReplayError};

/// Opens the journal, as often as it is begun anew.
type Open<R> = Box<dyn FnMut() -> Result<R, ReplayError>>;

/// A master's journal, step by step. Agents and frameworks go by the order in which they came.
pub struct JournalJourney<R> {
    open: Open<R>,
    replay: Replay<R>,
    trace: Trace,
    people: People,
    now: Instant,
    end: Option<String>,
}

impl<R: Read> JournalJourney<R> {
    /// At the beginning of a journal.
    ///
    /// # Errors
    /// When it cannot be opened, or is not that of a master.
    pub fn new(mut open: Open<R>) -> Result<Self, ReplayError> {
        let replay = Replay::open(open()?)?;
        let (trace, people) = (Trace::text(Detail::Brief), People::default());
        Ok(Self { open, replay, trace, people, now: Instant::ZERO, end: None })
    }

    /// The master at this moment.
    #[must_use]
    pub const fn master(&self) -> &Master {
        self.replay.master()
    }

    /// Whom a task is of.
    fn owner(&self, framework: Option<u32>, task: &TaskId) -> Option<FrameworkId> {
        match framework {
            Some(index) => self.people.framework(index).cloned(),
            None => self.master().tasks().find(|own| &own.info.id == task).map(|own| own.framework_id.clone()),
        }
    }
}

impl<R: Read> Journey for JournalJourney<R> {
    fn restart(&mut self) -> Result<(), String> {
        let again = (self.open)().and_then(Replay::open);
        self.replay = again.map_err(|error| format!("the journal cannot be read again: {error}"))?;
        (self.people, self.now, self.end) = (People::default(), Instant::ZERO, None);
        Ok(())
    }

    fn forward(&mut self) -> Option<String> {
        if self.end.is_some() {
            return None;
        }
        let step = match self.replay.next_step() {
            Ok(Some(step)) => step,
            Ok(None) => {
                let how =
                    self.replay.ending().map_or_else(String::new, |ending| format!(": {ending:?}").to_lowercase());
                self.end = Some(format!("the journal ends here{how}\n"));
                return None;
            }
            Err(error) => {
                self.end = Some(format!("the journal ends here; it cannot be read further: {error}\n"));
                return None;
            }
        };
        let (now, input) = (step.now, step.input.clone());
        let difference = self.replay.fold(step);
        self.trace.master(now, NodeId::Master(0), input.as_ref(), self.replay.effects());
        self.people.note(input.as_ref(), self.replay.effects());
        self.now = now.mono;
        if let Some(Difference { step, recorded, replayed, .. }) = difference {
            self.end = Some(format!(
                "from here on this version goes another way: step {step} had {recorded} effects when it was recorded, and \
                 has {replayed} now\n"
            ));
        }
        Some(self.trace.drain())
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn end(&self) -> Option<String> {
        self.end.clone()
    }

    fn why(&self, framework: Option<u32>, task: &TaskId) -> String {
        let found = self.owner(framework, task);
        let Some(own) = found.as_ref().and_then(|id| self.master().task(id, task)) else {
            return format!(
                "The master knows no task {task} now: it was not launched yet, or has ended and been acknowledged.\n"
            );
        };
        let (whose, on) = (self.people.framework_name(own.framework_id), self.people.agent_name(own.agent_id));
        let mut text = format!("Task {task} of {whose} ({}):\n", own.framework_id);
        // Writing to a string cannot fail.
        let mut say = |line: String| _ = writeln!(text, "  {line}");
        let told =
            if own.told == own.state { String::new() } else { format!(" (its framework was told {})", own.told) };
        let charged = if own.is_charged { "" } else { "; what it used is free" };
        say(format!("The master has it as {} on {on} ({}){told}{charged}.", own.state, own.agent_id));
        match self.master().agent_key(own.agent_id).and_then(|key| self.master().agent(key)) {
            None => say(format!("{on} is not registered.")),
            Some(agent) if agent.is_leaving => say(format!("{on} is being removed or marked unreachable.")),
            Some(agent) if !agent.is_connected => say(format!("{on} is not connected.")),
            Some(agent) => say(format!("{on} is connected; {} tasks are on it.", agent.tasks)),
        }
        let framework = self.master().frameworks().find(|row| row.id == own.framework_id);
        match framework {
            Some(row) if row.is_connected => say(format!("{whose} is connected; it has {} tasks.", row.tasks)),
            _ => say(format!("{whose} is not connected: nothing reaches it.")),
        }
        text
    }

    fn tasks(&self) -> Vec<String> {
        let open = self.master().tasks().filter(|task| !task.state.is_terminal());
        let row = |task: mesos_sched::master::TaskView<'_>| {
            let (whose, on) = (self.people.framework_name(task.framework_id), self.people.agent_name(task.agent_id));
            format!("{whose}/{} {} on {on}", task.info.id, task.state)
        };
        open.map(row).collect()
    }

    fn standing(&self) -> String {
        let master = self.master();
        let mut text = match master.leading() {
            None => "m0   waits to lead\n".to_owned(),
            Some(term) => format!(
                "m0   leads in term {}: {} agents, {} frameworks, {} tasks, {} offers\n",
                term.0,
                master.agents().count(),
                master.frameworks().count(),
                master.tasks().count(),
                master.offers().count()
            ),
        };
        for row in master.agents() {
            let how = if row.is_connected { "connected" } else { "not connected" };
            let name = self.people.agent_name(row.id);
            let _ = writeln!(text, "{name:<4} {how} as {}: {} tasks, {} offers", row.id, row.tasks, row.offers);
        }
        for row in master.frameworks() {
            let how = if row.is_connected { "subscribed" } else { "not subscribed" };
            let name = self.people.framework_name(row.id);
            let _ = writeln!(text, "{name:<4} {how} as {}: {} tasks, {} offers", row.id, row.tasks, row.offers);
        }
        text
    }

    fn faults(&self) -> String {
        "a journal tells of no faults: what went wrong shows in what the master was told\n".to_owned()
    }
}

impl<R> fmt::Debug for JournalJourney<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalJourney").field("now", &self.now).field("end", &self.end).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::Write;
    use std::rc::Rc;

    use super::*;
    use crate::recording::Recording;
    use crate::travel::Travel;
    use crate::{Cluster, Simulation};

    #[derive(Clone, Default)]
    struct Shared(Rc<RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The longest journal of a run of the swarm.
    fn journal(seed: u64) -> Rc<[u8]> {
        let sinks: Rc<RefCell<Vec<Shared>>> = Rc::default();
        let kept = sinks.clone();
        let mut run = Cluster::swarm(seed).simulate(seed).unwrap();
        run.record_into(Recording::new(Box::new(move |_| {
            kept.borrow_mut().push(Shared::default());
            kept.borrow().last().cloned().map(|sink| Box::new(sink) as Box<dyn Write>)
        })));
        run.guarded(Simulation::run).unwrap();
        run.end_recording().unwrap();
        let journals = sinks.borrow().iter().map(|sink| sink.0.take()).collect::<Vec<_>>();
        journals.into_iter().max_by_key(Vec::len).unwrap().into()
    }

    fn travel(seed: u64) -> Travel<JournalJourney<std::io::Cursor<Rc<[u8]>>>> {
        let bytes = journal(seed);
        Travel::through(JournalJourney::new(Box::new(move || Ok(std::io::Cursor::new(bytes.clone())))).unwrap())
    }

    #[test]
    fn going_back_through_a_journal_shows_the_same_moments_again() {
        let mut travel = travel(2);
        let first: Vec<String> = (0..200).map(|_| travel.obey("n").text).collect();
        let back: Vec<String> = ["b 100", "n", "g #37", "b"].map(|line| travel.obey(line).text).into();
        assert_eq!(back, [first[99].clone(), first[100].clone(), first[36].clone(), first[35].clone()]);
        assert!(travel.obey("e").text.contains("the journal ends here: complete"));
        let moments = travel.moment();
        travel.obey("g #1");
        travel.obey("e");
        assert_eq!(travel.moment(), moments, "there is one end");
    }

    #[test]
    fn a_task_of_a_journal_is_where_its_master_has_it() {
        let mut travel = travel(2);
        assert!(travel.obey("f RUN").text.contains("RUN"));
        let row = travel.obey("t").text;
        let name = row.split_whitespace().find(|word| word.starts_with('f') && word.contains('/')).unwrap();
        let why = travel.obey(&format!("w {name}")).text;
        let task = name.split_once('/').unwrap().1;
        assert!(why.contains(&format!("Task {task} of f")) && why.contains("The master has it as "), "{why}");
        assert!(why.contains("is connected"), "{why}");
        assert!(travel.obey("w no-such-task").text.contains("knows no task"));
        assert!(travel.obey("s").text.contains("leads in term") && travel.obey("x").text.contains("no faults"));
    }

    #[test]
    fn a_cut_off_journal_is_gone_through_up_to_where_it_is_cut() {
        let whole = journal(2);
        let bytes: Rc<[u8]> = whole[..whole.len() / 2].into();
        let journey = JournalJourney::new(Box::new(move || Ok(std::io::Cursor::new(bytes.clone())))).unwrap();
        let mut travel = Travel::through(journey);
        let end = travel.obey("e").text;
        assert!(travel.moment() > 10 && end.contains("the journal ends here"), "{end}");
    }
}
