//! Records the masters of a run, each process into a journal of its own, as the daemon records a live one.
//!
//! What comes out is the same format and can be replayed the same way: a run is a source of journals of any size and kind.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use mesos_core::Now;
use mesos_core::journal::{Encoder, Ending, Header};
use mesos_core::kernel::Rng;
use mesos_sched::master::{Effect, Input, Master, Recipe};

use crate::node::NodeId;

/// One process of a master: its node, and which of its processes, from 1.
pub type Life = (NodeId, u32);

/// Makes the place where the journal of a process goes; `None` leaves it out.
pub type Sinks = Box<dyn FnMut(Life) -> Option<Box<dyn Write>>>;

/// The journals of a run.
pub struct Recording {
    sinks: Sinks,
    open: BTreeMap<NodeId, Open>,
    failed: Option<io::Error>,
}

/// A journal being written.
struct Open {
    life: u32,
    to: Option<(Encoder, Box<dyn Write>)>,
}

impl Recording {
    /// Records every process of a master that `sinks` has a place for.
    #[must_use]
    pub fn new(sinks: Sinks) -> Self {
        Self { sinks, open: BTreeMap::new(), failed: None }
    }

    pub(crate) fn begin(&mut self, life: Life, machine: &Master, rng: &Rng, now: Now, input: Option<&Input>) {
        let (node, number) = life;
        if self.open.get(&node).is_none_or(|open| open.life != number) {
            if let Some(before) = self.open.remove(&node) {
                self.close(before);
            }
            let to = (self.sinks)(life).map(|sink| {
                let settings = serde_json::to_value(machine.recipe()).expect("a recipe is plain data");
                (Encoder::new(&Header::new(Recipe::MACHINE, rng, settings)), sink)
            });
            self.open.insert(node, Open { life: number, to });
        }
        if let Some(Open { to: Some((encoder, _)), .. }) = self.open.get_mut(&node) {
            encoder.begin(now, input);
        }
    }

    pub(crate) fn end(&mut self, node: NodeId, effects: &[Effect]) {
        let Some(Open { to: Some((encoder, sink)), .. }) = self.open.get_mut(&node) else { return };
        encoder.end(effects);
        if encoder.has_frames()
            && let Err(error) = sink.write_all(&encoder.take())
        {
            self.failed.get_or_insert(error);
        }
    }

    fn close(&mut self, open: Open) {
        let Some((encoder, mut sink)) = open.to else { return };
        if let Err(error) = sink.write_all(&encoder.finish(Ending::Complete)).and_then(|()| sink.flush()) {
            self.failed.get_or_insert(error);
        }
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        for (_, open) in std::mem::take(&mut self.open) {
            self.close(open);
        }
        self.failed.map_or(Ok(()), Err)
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lives: Vec<_> = self.open.iter().map(|(node, open)| (node, open.life)).collect();
        f.debug_struct("Recording").field("lives", &lives).finish_non_exhaustive()
    }
}
