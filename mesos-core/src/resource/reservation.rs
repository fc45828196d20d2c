//! Reservations: a stack of roles, each narrowing the one below it.
//!
//! An entry without reservations belongs to everybody; otherwise the **last** element of its stack names the owner. Only
//! the first element may be static (set by the agent's operator); every further one is dynamic and for a role strictly
//! below the previous: `a`, then `a/b`. The role `*` owns nothing. A [`Reservations`] that exists obeys these rules.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Labels;
use crate::id::Principal;
use crate::role::Role;

/// Who made a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ReservationKind {
    /// The agent's operator, in its start-up flags; it cannot be undone at run time.
    Static,
    /// A framework or an operator, at run time.
    Dynamic,
}

/// One element of the stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reservation {
    /// Static or dynamic.
    #[serde(rename = "type")]
    pub kind: ReservationKind,
    /// Who owns the resource.
    pub role: Role,
    /// Who made the reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// Free labels; reservations with different labels do not mix.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

impl Reservation {
    /// A static reservation for `role`.
    #[must_use]
    pub const fn fixed(role: Role) -> Self {
        Self { kind: ReservationKind::Static, role, principal: None, labels: Labels::new() }
    }

    /// A dynamic reservation for `role`, made by `principal` if somebody proved to be one.
    #[must_use]
    pub const fn dynamic(role: Role, principal: Option<Principal>) -> Self {
        Self { kind: ReservationKind::Dynamic, role, principal, labels: Labels::new() }
    }

    /// The same reservation with labels.
    #[must_use]
    pub fn with_labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// Whether this was made at run time.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        self.kind == ReservationKind::Dynamic
    }
}

/// Why a list of reservations is not a stack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReservations {
    /// The default role cannot own anything.
    #[error("role '*' cannot be reserved to; leave the resource unreserved instead")]
    DefaultRole,
    /// A static reservation above another one.
    #[error("the reservation for {0} refines another one, so it must be dynamic")]
    StaticRefinement(Role),
    /// The role does not lie below the one it refines.
    #[error("role {role} does not lie below {refined}, the role it refines; use one such as {refined}/x")]
    NotBelow {
        /// The role of the upper element.
        role: Role,
        /// The role of the element under it.
        refined: Role,
    },
}

/// A valid stack of reservations, shared between the entries that carry it. Cloning costs one reference count at most.
///
/// ```
/// use mesos_core::Role;
/// use mesos_core::resource::{Reservation, Reservations};
///
/// let eng = Reservations::new([Reservation::fixed(Role::new("eng")?)])?;
/// let web = eng.push(Reservation::dynamic(Role::new("eng/web")?, None))?;
/// assert_eq!(web.role(), Some(&Role::new("eng/web")?));
/// assert_eq!(web.pop(), Some(eng.clone()));
/// assert!(eng.push(Reservation::dynamic(Role::new("ops")?, None)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Reservations(Option<Arc<[Reservation]>>);

impl Reservations {
    /// The empty stack: unreserved.
    pub const NONE: Self = Self(None);

    /// Checks a list, bottom first, and makes it a stack.
    ///
    /// # Errors
    /// [`InvalidReservations`] names the element at fault.
    pub fn new(stack: impl IntoIterator<Item = Reservation>) -> Result<Self, InvalidReservations> {
        let stack: Vec<Reservation> = stack.into_iter().collect();
        let mut below = None;
        for upper in &stack {
            check(below, upper)?;
            below = Some(upper);
        }
        Ok(Self::trusted(stack))
    }

    fn trusted(stack: Vec<Reservation>) -> Self {
        Self((!stack.is_empty()).then(|| Arc::from(stack)))
    }

    /// The stack with one more element on top.
    ///
    /// # Errors
    /// [`InvalidReservations`] if the element may not lie there.
    pub fn push(&self, upper: Reservation) -> Result<Self, InvalidReservations> {
        check(self.last(), &upper)?;
        Ok(Self::trusted(self.as_slice().iter().cloned().chain([upper]).collect()))
    }

    /// The stack without its top, or nothing if there is none.
    #[must_use]
    pub fn pop(&self) -> Option<Self> {
        let (_, below) = self.as_slice().split_last()?;
        Some(Self::trusted(below.to_vec()))
    }

    /// The top: who owns the resource.
    #[must_use]
    pub fn last(&self) -> Option<&Reservation> {
        self.as_slice().last()
    }

    /// The owner's role, if reserved at all.
    #[must_use]
    pub fn role(&self) -> Option<&Role> {
        self.last().map(|reservation| &reservation.role)
    }

    /// Whether nobody owns the resource.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many elements there are; more than one is a refinement.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// The elements, bottom first.
    #[must_use]
    pub fn as_slice(&self) -> &[Reservation] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether what carries this stack may be offered to `role`: it is unreserved, or reserved to the role or to one
    /// above it.
    #[must_use]
    pub fn is_allocatable_to(&self, role: &Role) -> bool {
        self.role().is_none_or(|owner| owner == role || role.is_below(owner))
    }
}

fn check(below: Option<&Reservation>, upper: &Reservation) -> Result<(), InvalidReservations> {
    if upper.role.is_any() {
        return Err(InvalidReservations::DefaultRole);
    }
    let Some(below) = below else { return Ok(()) };
    if !upper.is_dynamic() {
        return Err(InvalidReservations::StaticRefinement(upper.role.clone()));
    }
    if !upper.role.is_below(&below.role) {
        return Err(InvalidReservations::NotBelow { role: upper.role.clone(), refined: below.role.clone() });
    }
    Ok(())
}

impl PartialEq for Reservations {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other) || own == other,
            (None, None) => true,
            _ => false,
        }
    }
}

impl Eq for Reservations {}

impl PartialOrd for Reservations {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Reservations {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Some(own), Some(other)) if Arc::ptr_eq(own, other) => Ordering::Equal,
            _ => self.as_slice().cmp(other.as_slice()),
        }
    }
}

impl Hash for Reservations {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl fmt::Debug for Reservations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

impl Serialize for Reservations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Reservations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
