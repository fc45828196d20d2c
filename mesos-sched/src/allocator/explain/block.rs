//! What can stand in the way, as bits: judging ten thousand agents allocates nothing.

use std::ops::{BitOr, BitOrAssign};

/// A set of things that stand in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Blocks(u32);

macro_rules! blocks {
    ($($name:ident = $code:literal,)*) => {
        impl Blocks {
            blocks!(@bits 0, $($name,)*);

            /// Every bit with the code of its reason.
            const CODES: &[&'static str] = &[$($code),*];
        }
    };
    (@bits $at:expr, $name:ident, $($rest:ident,)*) => {
        pub(super) const $name: Self = Self(1 << ($at));
        blocks!(@bits $at + 1, $($rest,)*);
    };
    (@bits $at:expr,) => {};
}

// In the order in which a round looks.
blocks! {
    FRAMEWORK_UNKNOWN = "framework_unknown",
    NOT_SUBSCRIBED = "not_subscribed",
    FRAMEWORK_INACTIVE = "framework_inactive",
    SUPPRESSED = "suppressed",
    HOLD_OFF = "recovery_hold_off",
    DEACTIVATED = "agent_deactivated",
    NOT_LISTED = "not_whitelisted",
    NOTHING_FREE = "nothing_free",
    DEMANDS = "capability_missing",
    CONSTRAINT = "constraint",
    SHOWN = "shown",
    RESERVED = "reserved",
    STRIPPED = "capability_missing",
    LIMIT = "quota_limit",
    HEADROOM = "headroom",
    MAXIMUM = "own_maximum",
    BELOW_MINIMUM = "below_minimum",
    FILTERED = "filtered",
    TOO_SMALL = "too_small",
    AWAITING_ROUND = "awaiting_round",
}

impl Blocks {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// How many there are.
    pub(super) const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The codes of those in it, by place.
    pub(super) fn places(self) -> impl Iterator<Item = usize> {
        (0..Self::CODES.len()).filter(move |place| self.0 & (1 << place) != 0)
    }

    /// The code of a place.
    pub(super) const fn code(place: usize) -> &'static str {
        Self::CODES[place]
    }

    /// Adds `other` if `holds`.
    pub(super) fn set(&mut self, other: Self, holds: bool) {
        if holds {
            *self |= other;
        }
    }
}

impl BitOr for Blocks {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Blocks {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
