//! What two futures are compared by.

use std::collections::BTreeMap;
use std::fmt;

use mesos_core::{FrameworkId, Instant, Resources, Role, TaskState};
use serde::Serialize;

use super::secs_since;

/// The figures of one future, from the fork to its own end: that of its last task, or when it was looked at last if tasks ran
/// or were waited for then. What a future took longer for than another shows in its makespan; its means are its own.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    #[serde(skip)]
    from: Instant,
    /// The last moment at which a task is known to have had something.
    #[serde(skip)]
    last: Instant,
    /// Tasks that were wanted after the fork.
    pub wanted: u64,
    /// Of these, launched.
    pub launched: u64,
    /// Tasks that finished.
    pub finished: u64,
    /// Tasks that ended otherwise.
    pub failed: u64,
    /// From the fork to the last end of a task, in seconds.
    pub makespan_secs: f64,
    /// From wish to launch: mean, median, 95th percentile, longest; in seconds. Nothing where nothing was launched, and of
    /// what was recorded: since when a task was wanted is in no journal.
    pub wait_secs: Option<[f64; 4]>,
    /// Part of all cores that was given to tasks, between the fork and the future's end.
    pub cpu_utilisation: f64,
    /// Part of all memory.
    pub mem_utilisation: f64,
    /// Jain's index over what frameworks had of their dominant resource: 1 when all had the same. See Jain, Chiu and Hawe,
    /// DEC-TR-301, 1984.
    pub fairness: f64,
    /// Offers made; nothing of what was recorded.
    pub offers: Option<u64>,
    /// Offers refused; nothing of what was recorded.
    pub declines: Option<u64>,
    /// Offers taken back; nothing of what was recorded.
    pub rescinds: Option<u64>,
    /// By role.
    pub roles: BTreeMap<String, RoleFigures>,
    #[serde(skip)]
    waits: Vec<f64>,
    #[serde(skip)]
    capacity: Vec<(Instant, [f64; 2])>,
    /// Core and megabyte seconds per framework.
    #[serde(skip)]
    had: BTreeMap<FrameworkId, [f64; 2]>,
}

/// What one role had.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RoleFigures {
    /// Tasks launched after the fork.
    pub launched: u64,
    /// Mean number of cores, between the fork and the future's end.
    pub cpus: f64,
    /// Mean wait, in seconds; nothing where it is not known.
    pub wait_secs: Option<f64>,
    #[serde(skip)]
    waits: Option<f64>,
}

impl Figures {
    pub(super) fn new(from: Instant) -> Self {
        Self {
            from,
            last: from,
            wanted: 0,
            launched: 0,
            finished: 0,
            failed: 0,
            makespan_secs: 0.0,
            wait_secs: None,
            cpu_utilisation: 0.0,
            mem_utilisation: 0.0,
            fairness: 1.0,
            offers: None,
            declines: None,
            rescinds: None,
            roles: BTreeMap::new(),
            waits: Vec::new(),
            capacity: Vec::new(),
            had: BTreeMap::new(),
        }
    }

    fn role(&mut self, role: &Role) -> &mut RoleFigures {
        self.roles.entry(role.as_str().to_owned()).or_default()
    }

    pub(super) fn wanted(&mut self, framework: &FrameworkId, role: &Role) {
        self.wanted += 1;
        self.role(role);
        self.had.entry(framework.clone()).or_default();
    }

    /// A task was launched, after this time if that is known.
    pub(super) fn launched(&mut self, role: &Role, wait_secs: Option<f64>) {
        self.launched += 1;
        self.waits.extend(wait_secs);
        let role = self.role(role);
        role.launched += 1;
        if let Some(wait) = wait_secs {
            *role.waits.get_or_insert_default() += wait;
        }
    }

    pub(super) fn ended(&mut self, at: Instant, state: TaskState) {
        if state == TaskState::Finished {
            self.finished += 1
        } else {
            self.failed += 1
        }
        self.makespan_secs = self.makespan_secs.max(secs_since(at, self.from));
    }

    /// A task had these resources between two times; what was before the fork does not count.
    pub(super) fn used(
        &mut self,
        framework: &FrameworkId,
        role: &Role,
        what: &Resources,
        since: Instant,
        until: Instant,
    ) {
        self.last = self.last.max(until);
        let secs = secs_since(until, since.max(self.from));
        let amounts = [what.cpus().to_f64() * secs, what.mem().to_f64() * secs];
        self.role(role).cpus += amounts[0];
        let had = self.had.entry(framework.clone()).or_default();
        had[0] += amounts[0];
        had[1] += amounts[1];
    }

    /// The future goes on until then at least.
    pub(super) fn lasted_until(&mut self, at: Instant) {
        self.last = self.last.max(at);
    }

    /// From here on the cluster has so many cores and megabytes.
    pub(super) fn set_capacity(&mut self, at: Instant, capacity: [f64; 2]) {
        self.capacity.push((at.max(self.from), capacity));
    }

    /// Counts up.
    pub(super) fn sum_up(&mut self) {
        let span = secs_since(self.last, self.from).max(1e-9);
        let mut whole = [0.0; 2];
        for (index, (at, capacity)) in self.capacity.iter().enumerate() {
            let until = self.capacity.get(index + 1).map_or(self.last, |(next, _)| *next).min(self.last);
            let secs = secs_since(until, *at);
            whole[0] += capacity[0] * secs;
            whole[1] += capacity[1] * secs;
        }
        let had = |index: usize| self.had.values().fold(0.0, |sum, had| sum + had[index]);
        let part = |index: usize| had(index) / whole[index].max(1e-9);
        (self.cpu_utilisation, self.mem_utilisation) = (part(0), part(1));
        let shares: Vec<f64> =
            self.had.values().map(|had| (had[0] / whole[0].max(1e-9)).max(had[1] / whole[1].max(1e-9))).collect();
        self.fairness = jain(&shares);
        for role in self.roles.values_mut() {
            role.cpus /= span;
            role.wait_secs = role.waits.map(|waits| waits / (role.launched as f64).max(1.0));
        }
        self.waits.sort_by(f64::total_cmp);
        let Some(last) = self.waits.len().checked_sub(1) else { return };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
        let at = |part: f64| self.waits[(last as f64 * part).round() as usize];
        // The sum of nothing has a sign, which is not to be seen.
        let mean = self.waits.iter().fold(0.0, |sum, wait| sum + wait) / self.waits.len() as f64;
        self.wait_secs = Some([mean, at(0.5), at(0.95), at(1.0)]);
    }
}

/// The square of the sum over the sum of the squares, by their number.
fn jain(shares: &[f64]) -> f64 {
    let (sum, squares) = shares.iter().fold((0.0, 0.0), |(sum, squares), share| (sum + share, squares + share * share));
    if squares == 0.0 { 1.0 } else { sum * sum / (squares * shares.len() as f64) }
}

/// Three futures side by side: what was recorded, the models without a change, the models with it.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Where the fork is, in seconds from the beginning of the journal.
    pub fork_secs: f64,
    /// What was recorded.
    pub recorded: Figures,
    /// The future without a change: next to what was recorded it shows how good the models are.
    pub baseline: Figures,
    /// The future with the change.
    pub changed: Figures,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<26} {:>12} {:>12} {:>12} {:>12}", "", "recorded", "as it was", "changed", "difference")?;
        self.counts(f, "tasks wanted", |own| Some(own.wanted))?;
        self.counts(f, "tasks launched", |own| Some(own.launched))?;
        self.counts(f, "tasks finished", |own| Some(own.finished))?;
        self.counts(f, "tasks failed or killed", |own| Some(own.failed))?;
        let mut row = |name: &str, get: &dyn Fn(&Figures) -> Option<f64>| {
            let (base, changed) = (get(&self.baseline), get(&self.changed));
            let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
            let difference = base.zip(changed).map_or_else(|| "-".to_owned(), |(a, b)| format!("{:+.3}", b - a));
            let (recorded, base, changed) = (cell(get(&self.recorded)), cell(base), cell(changed));
            writeln!(f, "{name:<26} {recorded:>12} {base:>12} {changed:>12} {difference:>12}")
        };
        let wait = |at: usize| move |own: &Figures| own.wait_secs.map(|waits| waits[at]);
        row("makespan, s", &|own| Some(own.makespan_secs))?;
        row("wait, mean, s", &wait(0))?;
        row("wait, median, s", &wait(1))?;
        row("wait, 95 %, s", &wait(2))?;
        row("wait, longest, s", &wait(3))?;
        row("cores in use", &|own| Some(own.cpu_utilisation))?;
        row("memory in use", &|own| Some(own.mem_utilisation))?;
        row("fairness (Jain)", &|own| Some(own.fairness))?;
        let names: std::collections::BTreeSet<&String> =
            self.recorded.roles.keys().chain(self.baseline.roles.keys()).chain(self.changed.roles.keys()).collect();
        for name in names {
            row(&format!("role {name}: cores"), &|own| Some(own.roles.get(name).map_or(0.0, |role| role.cpus)))?;
            row(&format!("role {name}: wait, mean, s"), &|own| own.roles.get(name)?.wait_secs)?;
        }
        self.counts(f, "offers", |own| own.offers)?;
        self.counts(f, "declines", |own| own.declines)?;
        self.counts(f, "rescinds", |own| own.rescinds)?;
        writeln!(f, "cores, memory and fairness: from the fork to the end of each future's own last task")?;
        let unlaunched = |own: &Figures| own.wanted.saturating_sub(own.launched);
        for (name, own) in [("as it was", &self.baseline), ("changed", &self.changed)] {
            if unlaunched(own) > 0 {
                writeln!(f, "{name}: {} of the wanted tasks were not launched before the end", unlaunched(own))?;
            }
        }
        Ok(())
    }
}

impl Comparison {
    fn counts(&self, f: &mut fmt::Formatter<'_>, name: &str, get: fn(&Figures) -> Option<u64>) -> fmt::Result {
        let (base, changed) = (get(&self.baseline), get(&self.changed));
        let cell = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let difference = |(a, b): (u64, u64)| format!("{:+}", i128::from(b) - i128::from(a));
        let difference = base.zip(changed).map_or_else(|| "-".to_owned(), difference);
        let (recorded, base, changed) = (cell(get(&self.recorded)), cell(base), cell(changed));
        writeln!(f, "{name:<26} {recorded:>12} {base:>12} {changed:>12} {difference:>12}")
    }
}
