//! What the benches share: machines wired to each other without a network, and a memory counter.
//!
//! Two ways to measure use it: Criterion's benches under `benches/`, for statistics, and the program `figures`, for one line
//! per figure.

pub mod allocator;
pub mod figures;
pub mod heap;
pub mod kernel;
pub mod live;
pub mod mark;
pub mod measure;
pub mod network;
pub mod peer;
pub mod report;
pub mod resources;
pub mod results;
pub mod simulated;
pub mod sorter;
pub mod workload;
