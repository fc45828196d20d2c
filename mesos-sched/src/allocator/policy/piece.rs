//! What clients take at a time, each amount kept once: those who take the same are known by one number.

use std::collections::BTreeMap;

use mesos_core::resource::{Quantities, ResourceName, Scalar};

/// An amount that somebody takes at a time; used again once nobody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PieceKey(u32);

/// All that are in use: no more than there are clients.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    all: Vec<Piece>,
    vacant: Vec<PieceKey>,
    by_amounts: BTreeMap<Vec<(ResourceName, Scalar)>, PieceKey>,
}

#[derive(Debug)]
struct Piece {
    amounts: Quantities,
    /// How many clients take it.
    users: usize,
}

impl Pieces {
    pub(super) fn get(&self, piece: PieceKey) -> &Quantities {
        &self.all[piece.0 as usize].amounts
    }

    /// One client more takes this at a time.
    pub(super) fn intern(&mut self, amounts: &Quantities) -> PieceKey {
        let name = name_of(amounts);
        let known = self.by_amounts.get(&name).copied();
        let key = known.unwrap_or_else(|| {
            let key = self.place(amounts.clone());
            self.by_amounts.insert(name, key);
            key
        });
        self.all[key.0 as usize].users += 1;
        key
    }

    fn place(&mut self, amounts: Quantities) -> PieceKey {
        let piece = Piece { amounts, users: 0 };
        if let Some(key) = self.vacant.pop() {
            self.all[key.0 as usize] = piece;
            return key;
        }
        self.all.push(piece);
        PieceKey(u32::try_from(self.all.len() - 1).expect("there are fewer than 2^32 clients"))
    }

    /// One client less does.
    pub(super) fn release(&mut self, key: PieceKey) {
        let piece = &mut self.all[key.0 as usize];
        piece.users -= 1;
        if piece.users == 0 {
            let amounts = std::mem::take(&mut piece.amounts);
            self.by_amounts.remove(&name_of(&amounts));
            self.vacant.push(key);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_amounts.len()
    }
}

fn name_of(amounts: &Quantities) -> Vec<(ResourceName, Scalar)> {
    amounts.iter().map(|(name, amount)| (name.clone(), amount)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_amounts_are_one_piece_for_as_long_as_somebody_takes_it() {
        let amounts = |text: &str| text.parse::<Quantities>().unwrap();
        let mut pieces = Pieces::default();
        let [one, other] = ["cpus:1;mem:64", "cpus:1;fpgas:2"].map(|text| pieces.intern(&amounts(text)));
        assert_eq!((pieces.intern(&amounts("mem:64;cpus:1")), pieces.len()), (one, 2));
        assert_ne!(one, other);
        pieces.release(one);
        assert_eq!(pieces.get(one), &amounts("cpus:1;mem:64"));
        pieces.release(one);
        assert_eq!((pieces.len(), pieces.intern(&amounts("disk:7"))), (1, one), "its place is used again");
        assert_eq!((pieces.get(one), pieces.get(other)), (&amounts("disk:7"), &amounts("cpus:1;fpgas:2")));
    }
}
