//! The parts, who may depend on whom, and what holds throughout.
//!
//! # The idea
//!
//! A cluster kernel of this kind is hard to trust because its interesting behaviour lies between processes: a master dies
//! after a write and before the answer, an agent comes back that everybody gave up. So the parts that decide are written
//! as plain state machines, and the parts that act are kept so thin that nothing is decided in them. The same machines
//! then run in two worlds: as daemons on tokio, and by the thousand in one process in virtual time, under faults that a
//! seed draws. There is no second copy of any decision, and so nothing the simulator finds is about a model.
//!
//! # Crates
//!
//! ```text
//!   examples, benches            programs; they use public items only
//!        │
//!        ▼
//!   mesos-sim ───────────┐       virtual time, network, disks, faults, checks; [live] the same cluster for real
//!        │               │
//!        ▼               ▼
//!   mesos-sched      mesos-exec
//!   master           agent       pure
//!   allocator        executors
//!   registry         updates
//!   driver           recovery
//!   ───────────────────────────
//!   daemon/          daemon/     tokio; stores, streams, containerizers     [daemon]
//!        │               │
//!        └───────┬───────┘
//!                ▼
//!   mesos-core                   ids, resources, tasks, calls, kernel, provider
//! ```
//!
//! Arrows point down only.
//!
//! * `mesos-sched` and `mesos-exec` do not know each other. What they have in common are messages
//!   ([`call::agent`](crate::call::agent)), so either may be replaced by something that speaks the same.
//! * `mesos-core` needs no runtime. With its feature `daemon` it has the one loop that hosts any
//!   [`Machine`](crate::kernel::Machine), so that neither side copies it.
//! * Pure code and its host share a crate; between them stand a feature (`daemon`) and a folder (`daemon/`). Everything
//!   outside `daemon/`, `containerizer/`, `checkpoint/fs.rs`, `bin/` and `live` compiles without tokio.
//! * `mesos-sim` uses the two others without their default features. tokio is not in its dependency tree, and
//!   `scripts/test purity` proves it.
//!
//! # A step
//!
//! ```text
//!          ┌───────────────────────────── host ──────────────────────────────┐
//!          │  inbox, deadline()                                    performs  │
//!          │       │                                                   ▲     │
//!          │       ▼                                                   │     │
//!          │   handle(cx, input)  or  tick(cx)  ───────────▶  effects, in order
//!          │                 the machine                                     │
//!          └─────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A [machine](crate::kernel::Machine) is told one thing that happened, or that its deadline has come. It changes its
//! state and appends effects to its [context](crate::kernel::Cx); when it has returned, the host performs them. Nothing
//! interrupts a step and nothing else changes the state. Four machines exist: the master, the agent, the driver in which
//! a framework lives, and the one in which an executor lives that is a process of its own. Schedulers, executors and allocators are guests of these: called within a step, told the
//! time, and limited to a narrower set of things to ask for.
//!
//! | Effect of | asks for | Live | Simulated |
//! |---|---|---|---|
//! | all | telling a peer | bounded stream; a full one is closed | delay, and perhaps loss, a copy or a cut |
//! | all | closing a connection | the stream ends after what was sent | the same |
//! | all | a durable batch of [records](crate::kernel::Record) | [`Store::commit`](crate::Store::commit), then an input | latency; a crash takes what was not yet confirmed |
//! | agent | starting, signalling, ending containers | a [`Containerizer`](crate::Containerizer), then an input | a model of containers, then an input |
//! | master | stepping down | the process ends and contends again | the node does |
//!
//! # Persist, then say
//!
//! What others may rely on is durable before they hear of it. A machine that needs a write asks for it under a
//! [ticket](crate::kernel::Ticket), files what it will do next as a plain value, and goes on with other things. When the
//! write's completion comes back, that value is taken up in one place, and it meets the cluster as it has become
//! meanwhile. An agent that was being admitted may have left; then there is nothing left to say to it. Three rules follow:
//!
//! * An agent is told that it is registered, and serves offers, after its admission is in the registry.
//! * A status update leaves its agent after it is checkpointed there.
//! * A framework's calls leave its driver after everything it asked to be remembered before them is durable.
//!
//! A write has three ends: done, refused because a newer term fenced it off, and unknown. The machine that does not know
//! gives up: a master that goes on after an unknown write is one of two that disagree.
//!
//! # Links
//!
//! Every message on a connection is [numbered](crate::kernel::Seq). A number seen before is dropped, a skipped one ends the
//! connection, and pings and heartbeats carry how much arrived, so that a loss at the very end shows too. A handler can
//! therefore rely on having heard everything up to some point. What was said after that point is what registering and
//! subscribing anew is for, and that path has to work anyway.
//!
//! # What does not exist
//!
//! Absences carry as much as features do, and are easier to lose.
//!
//! * No clock, no entropy from the system and no iteration over hashed maps in any machine: see
//!   [`determinism`](super::determinism).
//! * No handler awaits, blocks, locks or spawns.
//! * No two writes of one master's registry are under way at once, and there is no way to undo one: a master either goes
//!   on with what is durable or ends.
//! * No master leads twice. A new leadership is a new machine with a new id and a larger [term](crate::kernel::Term).
//! * Frameworks, tasks and offers are not in the registry. Those who know them report them when they come back.
//! * No offer holds resources of two agents, two roles, or a resource that is in another offer.
//! * No message from a peer, and no description in one, makes a process panic. What is wrong with it is answered by a
//!   [`Rejection`](crate::Rejection) that says what would be right. Only a broken invariant of our own panics.
//! * No queue is without a bound, and its doc says what happens at it.
//! * No state becomes another by the passing of calendar time. [`WallTime`](crate::WallTime) is shown and stored; only
//!   [`Instant`](crate::Instant) decides.
//!
//! # Where the cost is
//!
//! One machine is one thread, and its throughput is a matter of what a step touches. Ids are shared text and cheap to
//! clone; infos travel as [`Arc`](std::sync::Arc)s; the books and the allocator name agents and frameworks by
//! [dense handles](crate::kernel::Table); the amounts of cpus, memory, disk and gpus lie
//! [inline](crate::Resources). Decoding, encoding and storage are the host's and run beside the machine.
