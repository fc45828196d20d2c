//! Orders of clients after histories of grants. A client here is a role with one framework. Where a test says so, it goes
//! through the scenario of that name in Apache Mesos, `src/tests/sorter_tests.cpp`; SplitResourceShares and
//! RevocableResources are scripts of the simulator.

use std::collections::BTreeMap;

use mesos_core::kernel::Rng;
use mesos_core::resource::Quantities;
use mesos_core::{Role, Weight};

use super::{Kind, NodeKey, SorterKind, Tree, Walk};

struct Sorter {
    tree: Tree,
    walk: Walk,
    rng: Rng,
    clients: BTreeMap<&'static str, NodeKey>,
}

fn amounts(text: &str) -> Quantities {
    text.parse().unwrap()
}

fn role(path: &str) -> Role {
    Role::new(path).unwrap()
}

impl Sorter {
    fn new(kind: SorterKind, total: &str) -> Self {
        let mut tree = Tree::new(Vec::new());
        tree.change_totals(|all| *all += &amounts(total));
        Self { tree, walk: Walk::new(kind, SorterKind::Drf), rng: Rng::new(1), clients: BTreeMap::new() }
    }

    fn drf(total: &str) -> Self {
        Self::new(SorterKind::Drf, total)
    }

    fn add(&mut self, path: &'static str) -> &mut Self {
        let client = self.tree.add_client(&role(path), "framework".into());
        self.tree.activate(client);
        self.clients.insert(path, client);
        self
    }

    fn remove(&mut self, path: &str) {
        self.tree.remove_client(self.clients.remove(path).unwrap());
    }

    fn book(&mut self, path: &str, granted: &str) -> &mut Self {
        self.tree.book(self.clients[path], &amounts(granted));
        self
    }

    fn release(&mut self, path: &str, recovered: &str) -> &mut Self {
        self.tree.release(self.clients[path], &amounts(recovered));
        self
    }

    fn weigh(&mut self, path: &str, weight: f64) {
        self.tree.set_weight(&role(path), Weight::new(weight).unwrap());
    }

    fn order(&mut self) -> String {
        let paths: BTreeMap<NodeKey, &str> = self.clients.iter().map(|(path, node)| (*node, *path)).collect();
        self.walk.start(&mut self.tree, &mut self.rng);
        let mut order = Vec::new();
        while self.walk.next_role(&mut self.tree, &mut self.rng).is_some() {
            while let Some(client) = self.walk.next_client(&mut self.tree, &mut self.rng) {
                order.push(paths[&client]);
            }
        }
        order.join(" ")
    }
}

/// DRF, its first two parts.
#[test]
fn the_smallest_dominant_share_comes_first() {
    let mut sorter = Sorter::drf("cpus:100;mem:100");
    sorter.add("a").book("a", "cpus:5;mem:5");
    sorter.add("b").book("b", "cpus:6;mem:6");
    assert_eq!(sorter.order(), "a b");
    sorter.add("c").book("c", "cpus:1;mem:1");
    sorter.add("d").book("d", "cpus:3;mem:1");
    assert_eq!(sorter.order(), "c d a b");
    sorter.remove("a");
    sorter.release("b", "cpus:4;mem:4");
    assert_eq!(sorter.order(), "c b d");
}

/// DRF, from the change of the cluster's size on.
#[test]
fn another_size_of_the_cluster_may_make_another_resource_dominant() {
    let mut sorter = Sorter::drf("cpus:100;mem:100");
    for (path, granted) in [("b", "cpus:2;mem:2"), ("c", "cpus:1;mem:1"), ("d", "cpus:3;mem:1"), ("e", "cpus:1;mem:5")]
    {
        sorter.add(path).book(path, granted);
    }
    assert_eq!(sorter.order(), "c b d e");
    sorter.tree.change_totals(|all| *all = amounts("cpus:50;mem:200"));
    sorter.add("f").book("f", "cpus:5;mem:1").book("c", "mem:15");
    assert_eq!(sorter.order(), "e b d c f");
    let count = |sorter: &Sorter| sorter.tree[NodeKey::ROOT].children().len();
    assert_eq!(count(&sorter), 5);
    sorter.tree.deactivate(sorter.clients["d"]);
    assert_eq!((sorter.order(), count(&sorter)), ("e b c f".to_owned(), 5), "who takes no part stays known");
}

/// WDRF.
#[test]
fn weights_divide_shares() {
    let mut sorter = Sorter::drf("cpus:100;mem:100");
    sorter.add("a").book("a", "cpus:5;mem:5");
    sorter.weigh("b", 2.0);
    sorter.add("b").book("b", "cpus:6;mem:6");
    assert_eq!(sorter.order(), "b a");
    sorter.add("c").book("c", "cpus:4;mem:4");
    assert_eq!(sorter.order(), "b c a");
    sorter.add("d");
    sorter.weigh("d", 10.0);
    sorter.book("d", "cpus:10;mem:20");
    assert_eq!(sorter.order(), "d b c a");
    sorter.remove("b");
    assert_eq!(sorter.order(), "d c a");
    sorter.book("d", "cpus:10;mem:25");
    assert_eq!(sorter.order(), "c d a");
    sorter.add("e").book("e", "cpus:1;mem:1");
    sorter.weigh("e", 0.1);
    assert_eq!(sorter.order(), "c d a e");
}

/// AllocationCountTieBreak.
#[test]
fn equal_shares_are_ordered_by_the_number_of_grants_then_by_name() {
    let mut sorter = Sorter::drf("cpus:100;mem:100");
    for (path, grants) in [("a", 1), ("b", 1), ("c", 3), ("d", 2), ("e", 1)] {
        sorter.add(path);
        for _ in 1..grants {
            sorter.book(path, "cpus:1;mem:1");
        }
        let rest = format!("cpus:{};mem:{}", 4 - grants, 4 - grants);
        sorter.book(path, &rest);
    }
    assert_eq!(sorter.order(), "a b e d c");
    sorter.release("c", "cpus:3;mem:3");
    assert_eq!(sorter.order(), "c a b e d");
    sorter.book("c", "cpus:3;mem:3");
    assert_eq!(sorter.order(), "a b e d c", "counts do not fall with what is returned");
    sorter.tree.deactivate(sorter.clients["d"]);
    sorter.release("d", "cpus:3;mem:3").book("d", "cpus:3;mem:3").book("d", "").book("d", "");
    sorter.tree.activate(sorter.clients["d"]);
    assert_eq!(sorter.order(), "a b e c d", "what happens to somebody who takes no part counts too");
}

#[test]
fn roles_compete_with_their_siblings_alone() {
    let mut sorter = Sorter::drf("cpus:100;mem:100");
    sorter.add("a").add("b/c").add("b/d");
    sorter.book("a", "cpus:6;mem:6").book("b/c", "cpus:4;mem:4").book("b/d", "cpus:3;mem:3");
    assert_eq!(sorter.order(), "a b/d b/c");
    sorter.book("a", "cpus:2;mem:2");
    assert_eq!(sorter.order(), "b/d b/c a");
    sorter.add("b/e/f").book("b/e/f", "cpus:3.5;mem:3.5");
    assert_eq!(sorter.order(), "a b/d b/e/f b/c");
    sorter.release("b/e/f", "cpus:3.5;mem:3.5");
    assert_eq!(sorter.order(), "b/e/f b/d b/c a");
}

/// ChangeWeightOnSubtree.
#[test]
fn a_weight_counts_for_the_whole_subtree() {
    let mut sorter = Sorter::drf("cpus:100;mem:100");
    sorter.weigh("a", 2.0);
    sorter.weigh("b", 3.0);
    sorter.add("a/x").book("a/x", "cpus:10;mem:10");
    sorter.add("b/y").book("b/y", "cpus:10;mem:10");
    assert_eq!(sorter.order(), "b/y a/x");
    sorter.add("b/z");
    assert_eq!(sorter.order(), "b/z b/y a/x");
    sorter.book("b/z", "cpus:5;mem:5");
    assert_eq!(sorter.order(), "a/x b/z b/y", "10 / 2 is exactly 15 / 3, and a had fewer grants");
    sorter.add("b").book("b", "cpus:4;mem:4");
    assert_eq!(sorter.order(), "a/x b b/z b/y");
    sorter.add("a/zz").book("a/zz", "cpus:2;mem:2");
    assert_eq!(sorter.order(), "a/zz a/x b b/z b/y");
}

#[test]
fn a_role_with_children_competes_with_them_for_its_own() {
    let mut sorter = Sorter::drf("cpus:100;mem:100");
    sorter.add("a").book("a", "cpus:5;mem:5");
    sorter.add("b").book("b", "cpus:6;mem:6");
    sorter.add("a/c");
    assert_eq!(sorter.order(), "a/c a b");
    sorter.book("a/c", "cpus:7;mem:7");
    assert_eq!(sorter.order(), "b a a/c");
    sorter.remove("a/c");
    assert_eq!(sorter.order(), "a b");
    sorter.remove("a");
    sorter.remove("b");
    assert_eq!(sorter.tree[NodeKey::ROOT].children(), [], "roles without frameworks are forgotten");
}

/// RemoveResources.
#[test]
fn a_share_grows_when_the_cluster_shrinks() {
    let mut sorter = Sorter::drf("cpus:10");
    sorter.add("a").book("a", "cpus:6");
    sorter.add("b").book("b", "cpus:4");
    assert_eq!(sorter.order(), "b a");
    sorter.tree.change_totals(|all| *all -= &amounts("cpus:5"));
    sorter.release("a", "cpus:5");
    assert_eq!(sorter.order(), "a b");
}

/// WeightedShuffle.
#[test]
fn random_order_favours_weight() {
    let mut sorter = Sorter::new(SorterKind::Random, "cpus:1");
    let paths = ["a", "b", "c", "d", "e"];
    for (path, weight) in paths.iter().zip([1.0, 2.0, 3.0, 4.0, 5.0]) {
        sorter.weigh(path, weight);
        sorter.add(path);
    }
    let (mut first, mut last) = ([0_u32; 5], [0_u32; 5]);
    for _ in 0..1_000 {
        let order = sorter.order();
        let place = |path: &str| paths.iter().position(|other| *other == path).unwrap();
        first[place(&order[..1])] += 1;
        last[place(&order[8..])] += 1;
    }
    let is_near = |seen: [u32; 5], expected: [u32; 5]| seen.iter().zip(expected).all(|(s, e)| s.abs_diff(e) <= 50);
    assert!(is_near(first, [67, 133, 200, 267, 333]), "{first:?}");
    assert!(is_near(last, [540, 230, 120, 70, 40]), "{last:?}");
}

#[test]
fn random_order_gives_a_subtree_the_chance_of_its_root() {
    let mut sorter = Sorter::new(SorterKind::Random, "cpus:1");
    sorter.add("a/x").add("a/y").add("a/z").add("b");
    let mut first = 0;
    for _ in 0..1_000 {
        let order = sorter.order();
        assert_eq!(order.split(' ').count(), 4, "{order}");
        first += u32::from(order.starts_with('b'));
    }
    assert!(first.abs_diff(500) <= 50, "{first}");
}

/// HierarchicalAllocation of Apache Mesos, `src/tests/sorter_tests.cpp`, every step of it.
#[test]
fn hierarchical_allocation() {
    let mut sorter = Sorter::drf("cpus:100;mem:100");
    sorter.add("a").add("b/c").add("b/d");
    assert_eq!(sorter.order(), "a b/c b/d");
    sorter.book("a", "cpus:6;mem:6");
    assert_eq!(sorter.order(), "b/c b/d a");
    sorter.book("b/c", "cpus:4;mem:4").book("b/d", "cpus:3;mem:3");
    assert_eq!(sorter.order(), "a b/d b/c");
    sorter.book("a", "cpus:2;mem:2");
    assert_eq!(sorter.order(), "b/d b/c a");
    sorter.add("b/e/f");
    assert_eq!(sorter.order(), "b/e/f b/d b/c a");
    sorter.book("b/e/f", "cpus:3.5;mem:3.5");
    assert_eq!(sorter.order(), "a b/d b/e/f b/c");
}

/// AddChildToLeaf and RemoveLeafCollapseParent of Apache Mesos: what a role holds of its own is one sibling among those
/// below it, and the role is a leaf again when the last of them has gone.
#[test]
fn add_child_to_leaf_and_remove_leaf_collapse_parent() {
    let mut sorter = Sorter::drf("cpus:100;mem:100");
    sorter.add("a").book("a", "cpus:10;mem:10");
    sorter.add("b").book("b", "cpus:6;mem:6");
    assert_eq!(sorter.order(), "b a");
    sorter.add("a/b").book("a/b", "cpus:5;mem:5");
    assert_eq!(sorter.order(), "b a/b a");
    sorter.release("a", "cpus:9.5;mem:9.5");
    assert_eq!(sorter.order(), "a a/b b", "together they have 5.5, and a itself has less than what lies below it");
    sorter.remove("a/b");
    assert_eq!(sorter.order(), "a b");
}

/// All clients that may be served, put in order by comparing everything there is to compare.
fn sorted_plainly(tree: &Tree, node: NodeKey) -> Vec<NodeKey> {
    let mut children: Vec<_> =
        tree[node].children().iter().filter(|child| tree[**child].is_active()).copied().collect();
    children.sort_by(|left, right| {
        let key = |node: NodeKey| (tree.share(node), tree.count(node), tree[node].name());
        key(*left).cmp(&key(*right))
    });
    if tree[node].kind == Kind::Own {
        children
    } else {
        children.iter().flat_map(|child| sorted_plainly(tree, *child)).collect()
    }
}

fn place(dice: &mut Rng, of: usize) -> usize {
    usize::try_from(dice.below(of as u64)).unwrap()
}

/// Clients come and go, are granted things and return them, and the order is asked for now and then: it is always that of
/// somebody who sorts everything anew.
#[test]
fn whoever_came_since_the_order_was_asked_for_has_his_place_in_it() {
    const ROLES: [&str; 4] = ["a", "a/b", "a/b/c", "d"];
    for seed in 0..300 {
        let mut dice = Rng::new(seed);
        let mut sorter = Sorter::drf("cpus:100;mem:100");
        let (mut clients, mut asked): (Vec<(NodeKey, i64)>, u32) = (Vec::new(), 0);
        for step in 0..120_u32 {
            let tree = &mut sorter.tree;
            let any =
                |dice: &mut Rng, clients: &[(NodeKey, i64)]| (!clients.is_empty()).then(|| place(dice, clients.len()));
            match (dice.below(12), any(&mut dice, &clients)) {
                (0..=4, _) | (_, None) => {
                    let name = format!("{}-{step}", dice.below(1_000));
                    let client = tree.add_client(&role(ROLES[place(&mut dice, 4)]), name.into());
                    if dice.below(4) > 0 {
                        tree.activate(client);
                    }
                    clients.push((client, 0));
                }
                (5, Some(one)) => tree.activate(clients[one].0),
                (6, Some(one)) => tree.deactivate(clients[one].0),
                (7, Some(one)) => tree.remove_client(clients.swap_remove(one).0),
                (8 | 9, Some(one)) => {
                    clients[one].1 += 1;
                    tree.book(clients[one].0, &amounts("cpus:1;mem:2"));
                }
                (10, Some(one)) if clients[one].1 > 0 => {
                    clients[one].1 -= 1;
                    tree.release(clients[one].0, &amounts("cpus:1;mem:2"));
                }
                (10, Some(_)) => tree.change_totals(|all| *all += &amounts("cpus:7")),
                (_, Some(_)) => tree.set_weight(&role(ROLES[place(&mut dice, 4)]), Weight::new(2.0).unwrap()),
            }
            if dice.below(5) == 0 {
                asked += 1;
                let wanted = sorted_plainly(&sorter.tree, NodeKey::ROOT);
                sorter.walk.start(&mut sorter.tree, &mut sorter.rng);
                let mut order = Vec::new();
                while sorter.walk.next_role(&mut sorter.tree, &mut sorter.rng).is_some() {
                    while let Some(client) = sorter.walk.next_client(&mut sorter.tree, &mut sorter.rng) {
                        order.push(client);
                    }
                }
                assert_eq!(order, wanted, "seed {seed}, step {step}");
                let mut few: Vec<NodeKey> = wanted.iter().copied().filter(|_| dice.below(3) == 0).collect();
                let first = few.first().copied();
                few.reverse();
                sorter.tree.bring_first(&mut few);
                assert_eq!(few.first().copied(), first, "seed {seed}, step {step}");
            }
        }
        assert!(asked > 5);
    }
}
