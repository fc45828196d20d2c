//! What the tree of quotas says after changes, against what one would add up by hand.

use mesos_core::resource::{Quantities, ResourceName, Scalar};
use mesos_core::{Quota, Role};

use super::{QuotaTree, RoleKey};
use crate::allocator::sorter::{NodeKey, Tree};

struct Books {
    tree: QuotaTree,
    clients: Tree,
}

fn amounts(text: &str) -> Quantities {
    text.parse().unwrap()
}

fn role(path: &str) -> Role {
    Role::new(path).unwrap()
}

impl Books {
    fn new() -> Self {
        Self { tree: QuotaTree::default(), clients: Tree::new(Vec::new()) }
    }

    fn client(&mut self, path: &str) -> (RoleKey, NodeKey) {
        let node = self.clients.add_client(&role(path), "any".into());
        (self.tree.add_client(&role(path), node), node)
    }

    fn set(&mut self, path: &str, guarantees: &str, limits: &str) {
        let quota = Quota::new(amounts(guarantees), limits.parse().unwrap()).unwrap();
        self.tree.set_quota(&role(path), quota);
    }

    fn required(&self) -> String {
        self.tree.required().to_string()
    }
}

#[test]
fn a_guarantee_below_is_part_of_the_one_above() {
    let mut books = Books::new();
    books.set("a", "cpus:6", "");
    books.set("a/b", "cpus:2;mem:5", "");
    assert_eq!(books.required(), "cpus:6;mem:5");
    books.set("a/c", "cpus:5", "");
    assert_eq!(books.required(), "cpus:7;mem:5", "the roles below ask for more than the one above");
    books.set("a/b", "", "");
    assert_eq!(books.required(), "cpus:6");
    books.set("a", "", "");
    books.set("a/c", "", "");
    assert_eq!((books.required(), books.tree.roles().count()), (String::new(), 0));
}

#[test]
fn consumption_counts_along_the_path_and_once() {
    let mut books = Books::new();
    let (deep, _) = books.client("a/b/c");
    books.set("a", "cpus:6", "");
    books.set("a/b", "cpus:2", "");
    books.tree.consume(deep, &amounts("cpus:3"));
    assert_eq!(books.required(), "cpus:3", "two were for a/b, one more for a");
    books.tree.release(deep, &amounts("cpus:2"));
    assert_eq!(books.required(), "cpus:5");
    books.tree.reserve(&role("a/d"), &ResourceName::Cpus, Scalar::from_units(4));
    assert_eq!(books.required(), "cpus:1", "one for a/b, which a/d cannot satisfy");
    books.tree.unreserve(&role("a/d"), &ResourceName::Cpus, Scalar::from_units(4));
    assert_eq!(books.required(), "cpus:5");
}

#[test]
fn a_grant_counts_on_what_no_sibling_asks_for() {
    let mut books = Books::new();
    let (own, _) = books.client("a");
    let (below, _) = books.client("a/b");
    let (beside, _) = books.client("a/c");
    books.set("a", "cpus:6", "");
    books.set("a/b", "cpus:4", "");
    let promised = |books: &Books, role| books.tree.promised(role).to_string();
    assert_eq!([own, below, beside].map(|role| promised(&books, role)), ["cpus:2", "cpus:6", "cpus:2"]);
    books.tree.consume(beside, &amounts("cpus:2"));
    assert_eq!([own, below, beside].map(|role| promised(&books, role)), ["", "cpus:4", ""]);
    assert_eq!(books.required(), "cpus:4");
    books.tree.consume(below, &amounts("cpus:4"));
    assert!(!books.tree.is_hungry());
}

#[test]
fn every_limit_along_the_path_holds() {
    let mut books = Books::new();
    let (deep, _) = books.client("a/b/c");
    let (beside, _) = books.client("a/d");
    books.set("a", "", "cpus:6");
    books.set("a/b/c", "", "cpus:5;mem:1");
    let room = |books: &Books, role| books.tree.room(role).to_limits().to_string();
    assert_eq!(room(&books, deep), "cpus:5;mem:1");
    books.tree.consume(beside, &amounts("cpus:4"));
    assert_eq!((room(&books, deep), room(&books, beside)), ("cpus:2;mem:1".into(), "cpus:2".into()));
}

#[test]
fn who_was_cut_is_named_once_when_less_is_consumed_below_a_quota() {
    let mut books = Books::new();
    let (deep, node) = books.client("a/b");
    let (other, _) = books.client("c");
    books.set("a", "", "cpus:6");
    books.tree.consume(deep, &amounts("cpus:6"));
    let grown = |books: &mut Books| {
        let mut clients = Vec::new();
        books.tree.drain_growth(&mut clients);
        clients
    };
    books.tree.release(deep, &amounts("cpus:1"));
    assert_eq!(grown(&mut books), [], "nobody was cut");
    books.tree.note_cut(deep);
    books.tree.note_cut(other);
    books.tree.release(deep, &amounts("cpus:1"));
    assert!(books.tree.has_growth());
    assert_eq!(grown(&mut books), [node]);
    books.tree.release(deep, &amounts("cpus:1"));
    books.tree.release(other, &amounts("cpus:1"));
    assert_eq!(grown(&mut books), []);
}

#[test]
fn roles_are_forgotten_when_nobody_needs_them() {
    let mut books = Books::new();
    let (deep, node) = books.client("a/b/c");
    books.set("a/b", "cpus:1", "");
    books.tree.remove_client(deep, node);
    assert_eq!(books.tree.roles().map(|book| book.role().to_string()).collect::<Vec<_>>(), ["a", "a/b"]);
    books.set("a/b", "", "");
    assert_eq!((books.tree.roles().count(), books.tree.has_quota(), books.tree.is_hungry()), (0, false, false));
}
