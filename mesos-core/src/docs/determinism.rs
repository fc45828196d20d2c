//! Every way chance could get into a run, and how each is closed.
//!
//! # The claim
//!
//! The same state, input, [`Now`](crate::Now) and draws give the same effects in the same order, on every platform and in
//! every build of the same source. So a run of the simulator is a function of its seed, a failure is one number that
//! anybody can repeat, and what a daemon was told can be told again to another copy of the machine.
//!
//! # The list
//!
//! | Source of chance | How it is closed | What holds it closed |
//! |---|---|---|
//! | The clock | Handed in with every step as [`Now`](crate::Now). [`Instant`](crate::Instant) and [`WallTime`](crate::WallTime) cannot read one, and [`Clock`](crate::Clock) is for hosts | clippy's banned types and methods; the tidy test |
//! | Jumps of the calendar | Decisions compare `Instant`s only; `WallTime` is for people and peers | the simulator's skew fault |
//! | When a timer fires | Due times are state, in a [`TimerTable`](crate::kernel::TimerTable); the host asks for the earliest. A late, early or repeated tick changes nothing that is not due | the contract of [`Machine::tick`](crate::kernel::Machine::tick) |
//! | Several timers at once | Ordered by time, then by key | its type, an ordered set |
//! | Random draws | One [`Rng`](crate::kernel::Rng) per machine, handed in with the step: a named algorithm with a pinned stream. Nothing asks the system | the tidy test; a test that pins the first draws |
//! | Draws of neighbours | Each node has a stream of its own, split by number, so another node more changes nobody's draws | [`Rng::of_node`](crate::kernel::Rng::of_node) |
//! | Order of iteration | Ordered maps and sets, vectors, and [`Table`](crate::kernel::Table), whose rows are walked in slot order, which is the history of insertions and removals | clippy's banned types; the tidy test |
//! | Hashing | `Table` looks ids up by hash and never walks the index. Its hash function is named and its seed fixed or [handed in](crate::kernel::Table::seeded) | the type has no way to walk the index |
//! | Ids | Made of the giver's own id and a counter, or drawn from the machine's stream; never from the system | [`Rng::update_id`](crate::kernel::Rng::update_id), the id types |
//! | Order of messages | Numbered per connection and direction: a copy is dropped, a gap ends the connection, so what a machine hears is always the beginning of what was said | [`Inbound::arrive`](crate::kernel::Inbound::arrive) |
//! | Order among connections | Real, and therefore an input: the host decides it and the simulator draws it | |
//! | Completions of writes and containers | Inputs with the [`Ticket`](crate::kernel::Ticket) of their request; nothing that depends on one is said before it came | the simulator loses unconfirmed writes in crashes |
//! | Threads | One per machine, the host's; the machine is moved in and never shared | no locks and no threads in pure code; the tidy test |
//! | Async scheduling | No future exists in pure code. A host has one place where it awaits, and picks among what is ready in a fixed order | the tidy test |
//! | Rounding | Amounts are whole thousandths, shares are compared by multiplying across, weights are converted once where they come in | [`Scalar`](crate::Scalar), [`Weight`](crate::Weight) |
//! | Logarithms and their kin | Workloads and faults draw with `libm`, the same code everywhere; the standard library's are those of the platform | clippy's banned methods; a test that pins draws |
//! | Environment, files, network | Not named in pure code. Options are plain values given to a machine's constructor | the tidy test |
//! | Addresses in memory | Nothing compares, hashes or prints one | review |
//! | The version of a dependency | `Cargo.lock`; the generator of random numbers is pinned by a test | that test |
//!
//! # What may stay ambient
//!
//! Tracing. A log line cannot come back as an input, so it cannot change a run; the simulator stamps it with virtual time.
//! Nothing may *depend* on whether a level is enabled, which includes drawing a random number in a log argument.
//!
//! # How it is proved
//!
//! Bans are proved by text: clippy's lists in `clippy.toml`, denied at the top of every pure module, and the tidy test of
//! `mesos-sim`, which reads what clippy does not (imports of whole modules, runtimes, sleeping tests). That the tree is
//! free of a runtime is proved by cargo (`scripts/test purity`). That a run is a function of its seed is proved by doing it
//! twice and comparing everything that happened.
//!
//! # What it is good for: journals
//!
//! A master that wrote down what it was told can live again. Its journal (feature `journal`) holds, before anything else, what
//! the machine was made of and the state of its random stream; then every step: the [`Now`](crate::Now) it was handed, its
//! input if it was no tick, and a digest of each effect, in order. Nothing else can make a difference, so nothing else is
//! kept: no state, no timers, no draws. `mesos-sim replay` feeds the steps to a fresh master of the same version and compares
//! digests: the first that differs is a source of chance that is missing in the list above, or another version that decides
//! otherwise. `mesos-sim what-if` goes the same way up to a moment, and on from there with models for the peers.
//!
//! Journals are recorded by hosts, live (`MasterSetup::journal`) and simulated (`mesos-sim record`), in frames with checksums:
//! what a crash cut off is missing at the end and spoils nothing before it.
//!
//! # Writing pure code
//!
//! * To wait: set a timer, or file what comes next under a ticket. To retry: set the timer again.
//! * To be random: draw from `cx.rng`, as late as possible and always the same number of times for the same input. A draw
//!   made in one arm of a branch only is fine: the branch is a function of the state. A draw made for a log line is not.
//! * To iterate while removing: collect the keys first; the order is that of the keys.
//! * To hash something for a good reason: use [`Table`](crate::kernel::Table).
//! * To measure: count. How long something took is for hosts to know.
//! * To read a setting: take it in the machine's options.
