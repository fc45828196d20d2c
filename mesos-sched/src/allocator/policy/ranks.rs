//! Which of many places are still taken, and which of these comes after so many others: partial sums in the manner of Fenwick
//! (1994).

/// Places from nothing up, some of which are free by now.
#[derive(Debug, Default)]
pub(super) struct Ranks {
    /// At `i`, counted from one: how many of the places that end there are taken, as many as its lowest bit says.
    sums: Vec<usize>,
}

const fn low_bit(place: usize) -> usize {
    place & place.wrapping_neg()
}

impl Ranks {
    /// So many places, all of them taken.
    pub(super) fn fill(&mut self, count: usize) {
        self.sums.clear();
        self.sums.extend((0..=count).map(low_bit));
    }

    /// A taken place is free.
    pub(super) fn remove(&mut self, place: usize) {
        let mut at = place + 1;
        while let Some(sum) = self.sums.get_mut(at) {
            *sum -= 1;
            at += low_bit(at);
        }
    }

    /// The taken place before which so many are taken, if there are more than that.
    pub(super) fn find(&self, mut before: usize) -> Option<usize> {
        let count = self.sums.len().saturating_sub(1);
        let mut place = 0;
        let mut step = count.checked_ilog2().map_or(0, |bits| 1_usize << bits);
        while step > 0 {
            if let Some(sum) = self.sums.get(place + step).filter(|sum| **sum <= before) {
                before -= sum;
                place += step;
            }
            step /= 2;
        }
        (place < count).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::kernel::Rng;

    use super::*;

    #[test]
    fn what_is_left_is_found_by_its_rank() {
        for count in [0, 1, 2, 7, 8, 9, 100] {
            let (mut ranks, mut left): (Ranks, Vec<usize>) = (Ranks::default(), (0..count).collect());
            ranks.fill(count);
            let mut rng = Rng::new(count as u64);
            loop {
                for (rank, place) in left.iter().enumerate() {
                    assert_eq!(ranks.find(rank), Some(*place), "of {count}");
                }
                assert_eq!(ranks.find(left.len()), None, "of {count}");
                if left.is_empty() {
                    break;
                }
                ranks.remove(left.remove(rng.index(left.len())));
            }
        }
    }
}
