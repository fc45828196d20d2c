//! The allocator of this program. A run is many small messages: this one simulates a good part faster than the system's.

#![allow(unsafe_code, reason = "the allocator's option is set by a function of C")]

use std::ffi::{c_int, c_long};

#[global_allocator]
static HEAP: mimalloc::MiMalloc = mimalloc::MiMalloc;

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
}

/// `mi_option_purge_delay` of `mimalloc.h`.
const PURGE_DELAY: c_int = 15;

/// Keeps memory that was freed: the next moment of a run needs it again, and handing it back to the system in between costs
/// a tenth of the time.
pub(crate) fn keep() {
    // SAFETY: the function is declared like this in `mimalloc.h`, and may be called at any time.
    unsafe { mi_option_set(PURGE_DELAY, -1) }
}
