//! Short names for the random ids of updates, so that a session reads the same whatever was drawn.

use mesos_core::UpdateId;

/// Ids below this are a script's own and shown as they are.
const OWN_MAX: u128 = 1_000_000;

/// The update ids of a session: `#7` is one the script chose, `u1` the first one the machine drew.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<UpdateId>);

impl Names {
    /// The short name of an id.
    pub(super) fn name(&mut self, id: UpdateId) -> String {
        if id.0 < OWN_MAX {
            return format!("#{}", id.0);
        }
        let at = self.0.iter().position(|known| *known == id).unwrap_or_else(|| {
            self.0.push(id);
            self.0.len() - 1
        });
        format!("u{}", at + 1)
    }

    /// The id behind a short name.
    pub(super) fn id(&self, name: &str) -> Result<UpdateId, String> {
        if let Some(number) = name.strip_prefix('#') {
            return number.parse().map(UpdateId).map_err(|error| format!("{name:?}: {error}"));
        }
        let at = name.strip_prefix('u').and_then(|number| number.parse::<usize>().ok());
        let known = at.and_then(|at| self.0.get(at.checked_sub(1)?));
        known.copied().ok_or_else(|| format!("no update was called {name:?} so far"))
    }
}
