//! Fewer steps that still do it.

use super::mix::Step;

/// No more histories than this are tried.
const TRIES_MAX: u32 = 2_000;

/// Takes out runs of steps, long ones first, while `fails` says that the rest still fails.
pub(super) fn shrink(mut history: Vec<Step>, mut fails: impl FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut tries = 0;
    let mut run = history.len().div_ceil(2);
    while run > 0 && tries < TRIES_MAX {
        let (mut at, mut is_shorter) = (history.len(), false);
        while at > 0 && tries < TRIES_MAX {
            let start = at.saturating_sub(run);
            let mut rest = history.clone();
            rest.drain(start..at);
            tries += 1;
            if fails(&rest) {
                history = rest;
                is_shorter = true;
            }
            at = start.min(history.len());
        }
        // A last pass of single steps is repeated until none can go: one step may only be needed for another.
        if run > 1 || !is_shorter {
            run /= 2;
        }
    }
    history
}

#[cfg(test)]
mod tests {
    use super::super::mix::Kind;
    use super::*;

    fn step(dice: u64) -> Step {
        Step { kind: Kind::Pass, dice }
    }

    #[test]
    fn what_does_not_matter_is_taken_out() {
        let history: Vec<Step> = (0..100).map(step).collect();
        let needed = [step(7), step(50), step(99)];
        let shortest = shrink(history, |rest| needed.iter().all(|step| rest.contains(step)));
        assert_eq!(shortest, needed);
    }

    #[test]
    fn steps_that_need_each_other_go_one_after_the_other() {
        let history: Vec<Step> = (0..40).map(step).collect();
        // Every step needs all before it, so only the last can go at any time.
        let is_prefix = |rest: &[Step]| (0..).zip(rest).all(|(at, own)| own.dice == at);
        let shortest = shrink(history, |rest| rest.len() >= 3 && is_prefix(rest));
        assert_eq!(shortest.len(), 3);
    }
}
