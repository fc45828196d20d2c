//! What is on the table, and what it will cost to take it back.

use mesos_core::handles;
use mesos_core::kernel::Table;
use mesos_core::provider::{AgentKey, FrameworkKey};
use mesos_core::text::{Part, joined};
use mesos_core::{OfferId, Resources, Role};

handles! {
    /// An outstanding offer.
    OfferKey;
}

/// An outstanding offer's row.
#[derive(Debug, Clone)]
pub(in crate::master) struct Offered {
    pub framework: FrameworkKey,
    pub agent: AgentKey,
    pub role: Role,
    pub resources: Resources,
}

/// All outstanding offers.
#[derive(Debug, Default)]
pub(in crate::master) struct Offers {
    pub table: Table<OfferId, OfferKey, Offered>,
    numbered: u64,
}

impl Offers {
    /// The next id of this master; never used twice.
    pub(in crate::master) fn next_id(&mut self, master: &str) -> OfferId {
        let id = OfferId::new(joined([Part::Text(master), Part::Text("-O"), Part::Number(self.numbered)]))
            .expect("a master id leaves room");
        self.numbered += 1;
        id
    }
}
