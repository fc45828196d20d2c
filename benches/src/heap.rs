//! Counts the bytes a program holds, to say what a task or an agent costs in memory.

#![allow(unsafe_code, reason = "a counting allocator must implement an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ffi::{c_int, c_long};

use mimalloc::MiMalloc;

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
}

/// `mi_option_purge_delay` of `mimalloc.h`.
const PURGE_DELAY: c_int = 15;

/// Keeps memory that was freed, as the command line programs do.
pub fn keep() {
    // SAFETY: the function is declared like this in `mimalloc.h`, and may be called at any time.
    unsafe { mi_option_set(PURGE_DELAY, -1) }
}

/// The allocator the command line programs use, counted. Install it with `#[global_allocator]`.
#[derive(Debug)]
pub struct Counted;

thread_local! {
    /// Of this thread alone, so that counting costs what is measured next to nothing.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// Bytes this thread allocated and did not free, as requested: without the allocator's own overhead.
#[must_use]
pub fn held() -> usize {
    HELD.get()
}

/// What another thread allocated may be freed here: the count wraps, and differences are right all the same.
fn count(more: usize, less: usize) {
    HELD.set(HELD.get().wrapping_add(more).wrapping_sub(less));
}

// SAFETY: every call is handed to the wrapped allocator unchanged; counting touches no memory of its.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { MiMalloc.dealloc(place, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { MiMalloc.realloc(place, layout, size) }
    }
}
