//! Counts the bytes a program holds, to say what a task or an agent costs in memory.

#![allow(unsafe_code, reason = "a counting allocator must implement an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicUsize, Ordering};

use mimalloc::MiMalloc;

/// The allocator the command line programs use, counted. Install it with `#[global_allocator]`.
#[derive(Debug)]
pub struct Counted;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// Bytes allocated and not freed, as requested: without the allocator's own overhead.
#[must_use]
pub fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

// SAFETY: every call is handed to the wrapped allocator unchanged; counting touches no memory of its.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { MiMalloc.dealloc(place, layout) }
    }
}
