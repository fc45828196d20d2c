//! What a new call, effect, resource, allocator or property touches, as checklists.
//!
//! Calls, events, facts, inputs and effects are non-exhaustive: a new one breaks nobody who lives in another crate. The
//! price is that the compiler points at nothing there. These lists do, in an order in which each step compiles.
//!
//! # A call or event
//!
//! 1. The variant in [`call`](crate::call), with a doc that says who sends it, when, and what it must not be used for.
//!    A call is an imperative, an event is past. New fields get a serde default, so that older peers can be read.
//! 2. Its name in `name()` of the same enum.
//! 3. Validation: what a peer may get wrong, as a [`Rejection`](crate::Rejection) with a stable
//!    [code](crate::RejectionCode) and a remedy. Bound everything that has a length.
//! 4. The handler, in the file of its verb. The machine's `mod.rs` gets one line.
//! 5. Say what happens when it is lost, comes twice, or comes from somebody who is not who he was (a framework that
//!    failed over, an agent that is unreachable). Write that as tests of the machine.
//! 6. For the driver or an executor: the verb on [`SchedulerCx`](crate::SchedulerCx) or
//!    [`ExecutorCx`](crate::ExecutorCx), if authors are to use it.
//! 7. The simulator: a workload that uses it, and a check if it promises something new.
//! 8. The changelog.
//!
//! # An effect
//!
//! 1. The variant in the machine's `effect.rs`: imperative, complete (a host must not look anything up to perform it), and
//!    with a [`Ticket`](crate::kernel::Ticket) if there is an answer.
//! 2. The answer's variant in `input.rs`, with every outcome there is. "It may or may not have happened" is one of them
//!    wherever something outside the process is asked.
//! 3. What waits for the answer, as a variant of the machine's pending work, and what becomes of that when the subject has
//!    left meanwhile.
//! 4. The daemon's world: perform it without blocking the loop, bounded, and feed the answer to the inbox.
//! 5. The simulator's node: perform it with latency, failure, and loss in a crash.
//! 6. A planted [mutant](super::glossary#the-simulator) that ignores or misreads the answer, and the check that finds it.
//!
//! # A kind of resource
//!
//! A scalar, a range or a set of another name needs nothing: every name an agent offers is a resource. For more than that:
//!
//! 1. A well-known name: a variant of [`ResourceName`](crate::resource::ResourceName). If its amount is to lie inline
//!    beside cpus and memory it needs a slot, which every bag then pays for.
//! 2. A new kind of value: [`Value`](crate::resource::Value), with adding, subtracting, containing, its quantity for
//!    shares, its text form and its JSON form.
//! 3. A new quality (as reservation, volume, sharing are): part of what decides whether two entries merge. Say whether
//!    such entries can be split, and whether they can be offered to everybody or only to frameworks that declare a
//!    [capability](crate::FrameworkCapability).
//! 4. The laws of the algebra (`tests/resource_laws.rs`): let the generator make it. That is where a wrong answer shows.
//! 5. Validation of descriptions and operations in the master, and of totals in the agent.
//!
//! # An operation
//!
//! 1. The variant of [`Operation`](crate::Operation) and its name.
//! 2. What it consumes of the offers and what it makes, as a [conversion](crate::resource::Conversion) if nothing but the
//!    form of resources changes. The allocator hears of it as [`Fact::Converted`](crate::provider::Fact::Converted).
//! 3. Who may do it and to what, in the master's validation. A failing operation is dropped and the rest of the accept
//!    goes on.
//! 4. Whether the agent must keep its result over restarts; then it is part of its total.
//! 5. What a master finds that takes over between any two of these moments.
//!
//! # An allocator
//!
//! 1. Implement [`Allocator`](crate::Allocator): fold [facts](crate::provider::Fact), grant in rounds, say when the next
//!    round is due. Agents and frameworks are named by dense handles: keep books in vectors.
//! 2. [`Fact`](crate::provider::Fact) is non-exhaustive. Let the wildcard arm stop the process in tests: books that missed
//!    a fact are wrong for ever.
//! 3. Draw from the round's [`Rng`](crate::kernel::Rng), compare without rounding, break ties by id or handle.
//! 4. Give it to the conformance suite of `mesos-sim` in a test, with all it claims: a law it breaks is told as a short history.
//! 5. Give it to a simulated cluster: conservation, no double offer and liveness are checked for any allocator.
//!
//! # A store, an election, a containerizer
//!
//! These are for hosts and may await. Their contracts are in the docs of [`Store`](crate::Store),
//! [`Contender`](crate::Contender), [`Detector`](crate::Detector) and [`Containerizer`](crate::Containerizer). What matters
//! most: a batch is atomic, an older term is refused, an unknown outcome is said to be unknown, and terms only grow.
//!
//! # A property
//!
//! 1. One file among the simulator's checks. It opens with the property in one sentence, where it comes from, and why it is
//!    looked at only where it is.
//! 2. Keep its own books: a check that reads the machine's books for the answer can only agree with them.
//! 3. A [mutant](super::glossary#the-simulator) that it alone finds, or a reason why an existing one is enough. A check
//!    that was never seen to fail proves nothing.
//!
//! # A defect
//!
//! The seed or test that showed it comes first and fails. Then ask which check should have found it, and which draw would
//! have led there.
