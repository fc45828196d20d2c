//! The words, each with one meaning.
//!
//! They are those of Apache Mesos wherever it has one. Identifiers use them unchanged.
//!
//! # Parts
//!
//! | Word | Meaning |
//! |---|---|
//! | master | The machine that keeps the cluster's books and makes offers. Several contend, one leads |
//! | agent | The part on every node that offers its resources and runs tasks there |
//! | framework | Somebody who takes offers and runs tasks: a scheduler and its executors |
//! | scheduler | A framework's brain; see [`Scheduler`](crate::Scheduler) |
//! | driver | The machine a scheduler lives in: subscribes, acknowledges, reconciles, fails over |
//! | executor | What runs a framework's tasks on an agent; see [`Executor`](crate::Executor) |
//! | command executor | The executor an agent makes itself for a task that is one command |
//! | default executor | The executor an agent makes itself for groups of tasks |
//! | custom executor | An executor that is a program: the agent starts it, and it connects |
//! | task group | Tasks that start whole or not at all, and end together when one of them ends badly |
//! | containerizer | Starts, limits and ends containers; see [`Containerizer`](crate::Containerizer) |
//! | allocator | Decides who is offered what; see [`Allocator`](crate::Allocator) |
//! | sorter | The part of an allocator that orders roles and frameworks by how much they have |
//! | registry | What a new leader must know and can ask nobody for: admitted, unreachable and gone agents, weights |
//! | registrar | Batches changes of the registry into one write at a time |
//! | contender | Tries to lead; see [`Contender`](crate::Contender) |
//! | detector | Finds who leads; see [`Detector`](crate::Detector) |
//! | operator | A person or tool that asks the master for something outside any framework |
//! | machine | A state machine that keeps the contract of [`kernel`](crate::kernel) |
//! | host | What drives a machine: a daemon or the simulator |
//! | daemon | The host that lives on tokio |
//! | guest | A scheduler, executor or allocator: called within a step of somebody else's machine |
//!
//! # Resources
//!
//! | Word | Meaning |
//! |---|---|
//! | resource | An amount of something an agent has, with its reservations, volume and sharing; see [`resource`](crate::resource) |
//! | offer | Resources of one agent, for one framework under one role, until answered or rescinded |
//! | accept | Uses offers: operations in order; what is left over is free again |
//! | decline | Refuses offers |
//! | filters | For how long what was refused is not offered to the same framework again |
//! | suppress, revive | Wants no offers, and wants them again with all filters dropped |
//! | rescind | The master takes an offer back; using it after that is an error of no consequence |
//! | recover | Makes granted resources free again |
//! | grant | What an allocation round gives to a framework; the master makes an offer of it |
//! | round | One run of the allocator over the agents that are due |
//! | fact | Something that became true, as the allocator is told |
//! | role | A path under which frameworks subscribe, and by which they are weighed against each other |
//! | weight | How much a role counts beside its siblings |
//! | dominant share | The largest fraction, over all kinds of resource, that a client has of the cluster, divided by its weight |
//! | reservation | Says which role alone may use a resource; a stack, each finer than the one before |
//! | persistent volume | Reserved disk that keeps what is on it when its task has ended |
//! | shared | Several tasks may use the same volume at once |
//! | revocable | May be taken away at any time |
//!
//! # Tasks
//!
//! | Word | Meaning |
//! |---|---|
//! | task | The unit of work; see [`TaskInfo`](crate::TaskInfo) |
//! | status update | News of a task; see [`TaskStatus`](crate::TaskStatus) |
//! | acknowledge | Says that an update was taken note of; until then it is sent again |
//! | update stream | The updates of one task in order, the head of which is under way |
//! | terminal | A state after which a task holds nothing and says nothing more |
//! | reconcile | Asks what has become of tasks; the answer is a status update without a uuid |
//! | kill policy | How long a task may take to end after the polite signal |
//! | sandbox | The folder a container runs in |
//! | checkpoint | What an agent writes so that a restart finds its tasks again |
//!
//! # Lives
//!
//! | Word | Meaning |
//! |---|---|
//! | register | An agent that has no id asks for one |
//! | reregister | An agent that has one comes back, and says what runs on it |
//! | admission | Writing a new agent into the registry, after which it may serve offers |
//! | disconnected | The connection broke and may come back; tasks run on |
//! | unreachable | Given up for now, durably; its tasks may still run and may turn up again |
//! | gone | Given up for ever, by an operator |
//! | failover | A framework or master continues where another run of it ended |
//! | failover timeout | How long a framework may be away before it is removed |
//! | teardown | Ends a framework and all its tasks; its id is never used again |
//! | term | The number of a leadership, larger than any before; see [`Term`](crate::kernel::Term) |
//! | fence | A store's refusal to take writes of an older term |
//! | step down | A master ends because it leads no longer, or cannot know |
//!
//! # The kernel
//!
//! | Word | Meaning |
//! |---|---|
//! | step | One input or one tick, with everything it entails |
//! | input | What happened, as a machine is told; named in the past or by a noun |
//! | effect | What a machine wants done; named in the imperative |
//! | call, event | What somebody asks of a peer, and what the peer tells them |
//! | deadline | When a machine wants its next tick |
//! | ticket | Ties a request to the input that answers it |
//! | pending | What a machine will do when a ticket comes back, as a value |
//! | record | A key and a small value: the one form of anything durable |
//! | link, gap | A connection with numbered messages, and a number that was skipped on it |
//! | rejection | A refusal, as a value: the caller's fault, and what would be right |
//!
//! # The simulator
//!
//! | Word | Meaning |
//! |---|---|
//! | seed | The number a whole run is a function of |
//! | agenda | What is to happen, ordered by time and then by when it was put there |
//! | world | Everything simulated: nodes, network, disks, containers, the election |
//! | nemesis | Draws the faults of one kind |
//! | check | A property a run is watched for |
//! | mutant | A planted defect a check must find; only with the feature `mutants` |
//! | swarm | Drawing the configuration of a run from its seed too |
