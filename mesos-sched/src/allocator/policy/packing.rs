//! Multi-resource packing: agents go, piece by piece, to the frameworks whose demands they suit best.
//!
//! For a framework with demand `d` and an agent with `a` left of its capacity `c`, the alignment is the dot product
//! `Σ (d/c)·(a/c)` over all names: large for demands that use much of what there is much of. The pieces are handed out by
//! decreasing alignment, so that what is left of an agent stays useful. Alignment alone may starve a framework; the knob of
//! fairness bounds that: of the `n` frameworks that could take a piece, only the `⌈(1-f)·n⌉` that are furthest below their
//! share compete, in the order of the sorters. With `f` near 1 the fairest alone is left, with 0 all compete.
//!
//! How many compete depends on how many could take a piece, and the best of them is known only once all were compared: an agent
//! that changed is held against every client that takes part, once, and its rest before every piece against every different
//! demand (see [`candidates`](super::candidates)). An agent that did not change costs a look at those who can have more than
//! before. Only where frameworks all demand different amounts does a piece cost as much as there are frameworks: of a product
//! that changes with what is left, no order of demands can be kept from one piece to the next.
//!
//! A demand is what a framework says it is: for each role the first of its minimal amounts, else the most it wants in an
//! offer. Of one that says nothing it is the mean of what it used of its latest offers; until something is known, all there is.
//!
//! Grandl, Ananthanarayanan, Kandula, Rao, Akella: "Multi-Resource Packing for Cluster Schedulers", SIGCOMM 2014. Their score
//! also favours jobs with little work left, of which an allocator of offers knows nothing.

use mesos_core::kernel::Handle;
use mesos_core::provider::AgentKey;
use mesos_core::resource::{Quantities, Resources, Scalar};
use mesos_core::{FrameworkInfo, Role};
use serde::{Deserialize, Serialize};

use super::piece::{PieceKey, Pieces};
use crate::allocator::sorter::NodeKey;

/// Settings of packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Packing {
    /// At most [`WHOLE_PPM`].
    fairness_ppm: u32,
}

/// Settings as somebody wrote them.
#[derive(Deserialize)]
struct Written {
    fairness_ppm: u32,
}

impl TryFrom<Written> for Packing {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { fairness_ppm } = written;
        let is_part = fairness_ppm <= WHOLE_PPM;
        is_part
            .then_some(Self { fairness_ppm })
            .ok_or_else(|| format!("a fairness_ppm of {fairness_ppm} is more than all, which is {WHOLE_PPM}"))
    }
}

/// All of it, in millionths.
const WHOLE_PPM: u32 = 1_000_000;

/// What a share of an agent is counted in; two of them multiplied and summed over all names fit 64 bits.
const ALIGNMENT_ONE: u128 = 1 << 20;

/// How much an older offer counts beside the latest, in the mean.
const OLDER_PARTS: i64 = 3;

impl Packing {
    /// Packing with this knob of fairness: 0 packs as well as it can, 1 is fair and packs among equals.
    ///
    /// ```
    /// use mesos_sched::allocator::Packing;
    ///
    /// assert!(Packing::new(0.25).is_some() && Packing::new(1.5).is_none() && Packing::new(f64::NAN).is_none());
    /// ```
    #[must_use]
    pub fn new(fairness: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and 10^6")]
        let ppm = |fairness: f64| (fairness * f64::from(WHOLE_PPM)).round() as u32;
        (0.0..=1.0).contains(&fairness).then(|| Self { fairness_ppm: ppm(fairness) })
    }

    /// Of so many candidates so many compete.
    pub(super) fn competitors(self, candidates: usize) -> usize {
        let share = u128::from(WHOLE_PPM - self.fairness_ppm) * candidates as u128;
        usize::try_from(share.div_ceil(u128::from(WHOLE_PPM))).unwrap_or(candidates).max(1)
    }
}

impl Default for Packing {
    /// A quarter, which the paper found to cost little of either goal.
    fn default() -> Self {
        Self { fairness_ppm: WHOLE_PPM / 4 }
    }
}

/// How well a demand suits what is left of a capacity.
pub(super) fn alignment(demand: &Quantities, left: &Quantities, capacity: &Quantities) -> u128 {
    let share = |amount: Scalar, whole: u128| milli(amount).min(whole) * ALIGNMENT_ONE / whole;
    let parts = capacity.iter().map(|(name, whole)| {
        let whole = milli(whole);
        share(demand.get(name), whole) * share(left.get(name), whole)
    });
    parts.sum()
}

fn milli(amount: Scalar) -> u128 {
    u128::try_from(amount.as_milli()).unwrap_or(0)
}

/// What one client asks for at a time.
#[derive(Debug, Clone, Default, PartialEq)]
struct Appetite {
    stated: Option<Quantities>,
    used: Option<Quantities>,
    /// What follows of both.
    piece: Option<PieceKey>,
}

/// What clients ask for at a time: what they say, and what they were seen to use.
#[derive(Debug, Default)]
pub(super) struct Appetites {
    /// By client slot.
    clients: Vec<Appetite>,
    pieces: Pieces,
    /// By agent slot: grants of which it is not known yet how much was used.
    open: Vec<Vec<(NodeKey, Quantities)>>,
}

impl Appetites {
    /// Takes over what a framework says about one of its roles.
    pub(super) fn describe(&mut self, client: NodeKey, info: &FrameworkInfo, role: &Role) {
        let least = info.min_allocatable.get(role).and_then(|minimums| minimums.first());
        let most = info.max_offer.get(role).map(|limits| {
            limits.iter().fold(Quantities::new(), |mut all, (name, limit)| {
                all.set(name.clone(), limit);
                all
            })
        });
        let stated = least.cloned().or(most).filter(|stated| !stated.is_empty());
        if self.clients.len() <= client.slot() {
            self.clients.resize_with(client.slot() + 1, Appetite::default);
        }
        self.clients[client.slot()].stated = stated;
        self.settle(client);
    }

    /// A client is gone; its place may be used again.
    pub(super) fn forget_client(&mut self, client: NodeKey) {
        if let Some(own) = self.clients.get_mut(client.slot()) {
            (own.stated, own.used) = (None, None);
            self.settle(client);
        }
    }

    /// What a client takes at a time follows from what is known of it.
    fn settle(&mut self, client: NodeKey) {
        let own = &mut self.clients[client.slot()];
        let amounts = own.stated.as_ref().or(own.used.as_ref()).filter(|amounts| !amounts.is_empty());
        if own.piece.map(|piece| self.pieces.get(piece)) == amounts {
            return;
        }
        let before = own.piece.take();
        own.piece = amounts.map(|amounts| self.pieces.intern(amounts));
        if let Some(before) = before {
            self.pieces.release(before);
        }
    }

    pub(super) fn forget_agent(&mut self, agent: AgentKey) {
        if let Some(open) = self.open.get_mut(agent.slot()) {
            open.clear();
        }
    }

    pub(super) fn granted(&mut self, client: NodeKey, agent: AgentKey, resources: &Resources) {
        if self.open.len() <= agent.slot() {
            self.open.resize_with(agent.slot() + 1, Vec::new);
        }
        let granted = resources.scalar_quantities();
        let open = &mut self.open[agent.slot()];
        // What was granted before and never came back was used.
        match open.iter_mut().find(|(other, _)| *other == client) {
            Some((_, before)) => {
                let used = std::mem::replace(before, granted);
                self.learn(client, &used);
            }
            None => open.push((client, granted)),
        }
    }

    /// A client returned something; with `is_refusal`, it is what it did not use of an offer.
    pub(super) fn returned(&mut self, client: NodeKey, agent: AgentKey, resources: &Resources, is_refusal: bool) {
        let Some(open) = self.open.get_mut(agent.slot()) else { return };
        let Some(place) = open.iter().position(|(other, _)| *other == client) else { return };
        let (_, granted) = open.swap_remove(place);
        let returned = resources.scalar_quantities();
        let used = if is_refusal || returned.contains(&granted) { granted - &returned } else { granted };
        self.learn(client, &used);
    }

    fn learn(&mut self, client: NodeKey, used: &Quantities) {
        let Some(own) = self.clients.get_mut(client.slot()).filter(|_| !used.is_empty()) else { return };
        own.used = Some(match &own.used {
            None => used.clone(),
            Some(mean) => {
                let names = mean.iter().chain(used.iter()).map(|(name, _)| name);
                names.fold(Quantities::new(), |mut all, name| {
                    let parts = mean.get(name).as_milli().saturating_mul(OLDER_PARTS);
                    let sum = parts.saturating_add(used.get(name).as_milli());
                    all.set(name.clone(), Scalar::from_milli(sum / (OLDER_PARTS + 1)));
                    all
                })
            }
        });
        self.settle(client);
    }

    /// What a client was seen to use; nothing while nothing is known.
    pub(super) fn used(&self, client: NodeKey) -> Option<&Quantities> {
        let own = self.clients.get(client.slot())?;
        own.used.as_ref().filter(|demand| !demand.is_empty())
    }

    /// What a client asks for at a time; nothing while nothing is known.
    pub(super) fn of(&self, client: NodeKey) -> Option<&Quantities> {
        self.piece(client).map(|piece| self.pieces.get(piece))
    }

    /// The same by its key.
    pub(super) fn piece(&self, client: NodeKey) -> Option<PieceKey> {
        self.clients.get(client.slot())?.piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(text: &str) -> Quantities {
        text.parse().unwrap()
    }

    #[test]
    fn demands_align_with_what_there_is_much_of() {
        let (capacity, left) = (amounts("cpus:10;mem:100"), amounts("cpus:8;mem:20"));
        let of = |demand: &str| alignment(&amounts(demand), &left, &capacity);
        assert!(of("cpus:2;mem:5") > of("cpus:1;mem:10"));
        assert!(of("cpus:2;mem:5") > of("cpus:1;mem:5"), "of two in one direction the larger");
        assert_eq!(of("fpgas:1"), 0);
    }

    #[test]
    fn the_largest_amounts_do_not_overflow() {
        let most = Quantities::from_common([Scalar::from_milli(i64::MAX); 4]);
        assert_eq!(alignment(&most, &most, &most), 4 * ALIGNMENT_ONE * ALIGNMENT_ONE);
    }

    #[test]
    fn the_knob_says_how_many_compete() {
        let competitors = |fairness| [1, 2, 10].map(|of| Packing::new(fairness).unwrap().competitors(of));
        assert_eq!((competitors(0.0), competitors(0.25)), ([1, 2, 10], [1, 2, 8]));
        assert_eq!((competitors(0.9), competitors(1.0)), ([1, 1, 1], [1, 1, 1]));
    }

    #[test]
    fn what_was_used_of_the_latest_offers_is_the_demand() {
        let (client, agent) = (NodeKey::ROOT, AgentKey(3));
        let resources = |text: &str| text.parse::<Resources>().unwrap();
        let mut appetites = Appetites::default();
        appetites.describe(client, &FrameworkInfo::new("f", Role::any()), &Role::any());
        appetites.granted(client, agent, &resources("cpus:8;mem:80"));
        appetites.returned(client, agent, &resources("cpus:6;mem:40"), true);
        assert_eq!(appetites.of(client), Some(&amounts("cpus:2;mem:40")));
        appetites.granted(client, agent, &resources("cpus:6;mem:40"));
        appetites.granted(client, agent, &resources("cpus:1"));
        assert_eq!(appetites.of(client), Some(&amounts("cpus:3;mem:40")));
        appetites.returned(client, agent, &resources("cpus:1"), true);
        assert_eq!(appetites.of(client), Some(&amounts("cpus:3;mem:40")), "a refusal says nothing");
        let mut info = FrameworkInfo::new("f", Role::any());
        info.max_offer.insert(Role::any(), "cpus:4".parse().unwrap());
        appetites.describe(client, &info, &Role::any());
        assert_eq!(appetites.of(client), Some(&amounts("cpus:4")));
        info.min_allocatable.insert(Role::any(), vec![amounts("cpus:0.5")]);
        appetites.describe(client, &info, &Role::any());
        assert_eq!(appetites.of(client), Some(&amounts("cpus:0.5")));
    }
}
