//! What every host on tokio needs: the loop around a machine, clocks, connections, writes.
//!
//! ```text
//!   tasks that wait ──arrivals──▶ Inbox ──▶ Host ──input──▶ Machine
//!   (peers, stores, containers)              │ ◀──effects──────┘
//!        ▲                                   ▼
//!        └─────────── begun by ─────────── World
//! ```
//!
//! * [`Host`]: the loop; one per machine, the only place where its state is touched.
//! * [`World`]: performs effects. One per kind of machine, in the crate of that machine.
//! * [`Stream`]: one connection, whatever carries it. [`Directory`] carries it inside one process; a network transport
//!   implements [`Connector`] and feeds a [`Door`], and nothing else changes.
//! * [`Uplink`] and [`Peers`]: the two ends of connections inside a world.
//! * [`Writer`]: durable writes, in order, and [`Patience`]: for how long they are waited for.
//! * [`SpanSink`]: hears how long it takes until tasks run.
//! * [`Recorder`]: sees every step of a machine; `JournalFile`, with the feature `journal`, writes them down.
//!
//! Nothing here decides anything about a cluster. The simulator uses none of it.

mod backlog;
mod clock;
mod directory;
mod folder;
#[cfg(feature = "journal")]
mod journal;
mod memory;
mod patience;
mod peers;
#[cfg(feature = "redb")]
mod redb;
mod run;
mod span;
mod stream;
mod task;
mod uplink;
mod writer;

#[cfg(feature = "redb")]
pub use self::redb::RedbStore;
pub use backlog::{BacklogBounds, Weigh};
pub use clock::SystemClock;
pub use directory::{Directory, Door, DoorKeeper};
pub use folder::{Access, make_folder};
#[cfg(feature = "journal")]
pub use journal::{JournalFile, JournalSetup};
pub use memory::MemoryStore;
pub use patience::Patience;
pub use peers::{PeerArrival, Peers};
pub use run::{Ended, Flow, Host, Inbox, Mailbox, Recorder, Running, TOGETHER_MAX, Waiting, World, entropy, inbox};
pub use span::{OpenSpans, SpanSink, Stretch, TaskSpan};
pub use stream::{ConnectError, Connector, STREAM_BACKLOG_MAX, Stream, pair};
pub use task::Task;
pub use uplink::{Uplink, UplinkArrival, UplinkNews};
pub use writer::Writer;
