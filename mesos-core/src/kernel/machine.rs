//! The machine contract.

use super::Cx;
use crate::time::Instant;

/// A deterministic state machine.
///
/// Same state, same input, same [`Now`](crate::time::Now), same draws: same effects, in the same order. A *step* is one
/// input or one tick together with everything it entails; the host drains the effects after it.
///
/// Implemented by `Master`, `Agent` and `Driver`; called by the tokio loop and by the simulator, by nobody else.
pub trait Machine {
    /// Something that happened.
    type Input;
    /// Something the machine wants done.
    type Effect;

    /// Folds one thing that happened.
    fn handle(&mut self, cx: &mut Cx<'_, Self::Effect>, input: Self::Input);

    /// When [`tick`](Self::tick) is next due, if ever. Must be cheap: hosts ask after every step.
    fn deadline(&self) -> Option<Instant>;

    /// Does everything due at `cx.now.mono`. A call that comes early or twice changes nothing.
    fn tick(&mut self, cx: &mut Cx<'_, Self::Effect>);
}
