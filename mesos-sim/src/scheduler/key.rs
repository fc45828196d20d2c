//! Which task of which job a task id means, and the how manieth try it is.

use mesos_core::TaskId;
use mesos_core::text::{Part, joined};

/// A try of a task of a job, written `job.task.attempt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskKey {
    /// An index into the workload's jobs.
    pub job: u32,
    /// Which of the job's tasks.
    pub task: u32,
    /// Counted from 0.
    pub attempt: u32,
}

impl TaskKey {
    /// The id of such a task.
    ///
    /// # Panics
    /// Never: digits and points make an id.
    #[must_use]
    pub fn id(self) -> TaskId {
        let [job, task, attempt] = [self.job, self.task, self.attempt].map(|number| Part::Number(number.into()));
        let point = Part::Text(".");
        TaskId::new(joined([job, point, task, point, attempt])).expect("digits and points make an id")
    }

    /// What an id means, if it is of this form.
    #[must_use]
    pub fn parse(id: &TaskId) -> Option<Self> {
        let mut numbers = [0_u32; 3];
        let mut parts = id.as_str().split('.');
        for number in &mut numbers {
            *number = parts.next()?.parse().ok()?;
        }
        let [job, task, attempt] = numbers;
        parts.next().is_none().then_some(Self { job, task, attempt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_means_what_it_was_made_of() {
        let key = TaskKey { job: 7, task: 0, attempt: 12 };
        assert_eq!((key.id().as_str(), TaskKey::parse(&key.id())), ("7.0.12", Some(key)));
        for foreign in ["7.0", "7.0.1.2", "a.0.1", "7.-1.0"] {
            assert_eq!(TaskKey::parse(&TaskId::new(foreign).unwrap()), None, "{foreign}");
        }
    }
}
