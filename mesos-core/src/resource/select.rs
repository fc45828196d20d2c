//! Parts of a bag, and bags with other reservations.
//!
//! Every selection keeps the copies of shared entries. None of them allocates on a plain bag, or where all entries are kept.

use super::{
    Entry, InvalidResource, Reservation, Reservations, Resource, ResourceProblem, Resources, Rest, Scalar, Value,
};
use crate::role::Role;

impl Resources {
    /// Only the entries for which `is_kept` says so; a shared entry is asked about once.
    #[must_use]
    pub fn filter(&self, mut is_kept: impl FnMut(&Resource) -> bool) -> Self {
        let mut kept = self.plain_only(true);
        for entry in self.plain_entries().filter(|entry| !is_kept(entry)) {
            if let Some((slot, _)) = entry.as_plain() {
                kept.plain[slot] = Scalar::ZERO;
            }
        }
        kept.rest = self.rest.filtered(is_kept);
        kept
    }

    fn plain_only(&self, is_kept: bool) -> Self {
        Self { plain: if is_kept { self.plain } else { [Scalar::ZERO; 4] }, rest: Rest::EMPTY }
    }

    fn select(&self, keeps_plain: bool, is_kept: impl FnMut(&Resource) -> bool) -> Self {
        Self { rest: self.rest.filtered(is_kept), ..self.plain_only(keeps_plain) }
    }

    /// What nobody owns.
    #[must_use]
    #[inline]
    pub fn unreserved(&self) -> Self {
        self.select(true, Resource::is_unreserved)
    }

    /// What belongs to exactly this role.
    #[must_use]
    #[inline]
    pub fn reserved_to(&self, role: &Role) -> Self {
        self.select(false, |entry| entry.reservations().role() == Some(role))
    }

    /// What may be offered to `role`: unreserved, or reserved to it or to a role above it.
    #[must_use]
    pub fn allocatable_to(&self, role: &Role) -> Self {
        self.select(true, |entry| entry.reservations().is_allocatable_to(role))
    }

    /// What its holder may lose at any moment.
    #[must_use]
    #[inline]
    pub fn revocable(&self) -> Self {
        self.select(false, Resource::is_revocable)
    }

    /// What its holder keeps.
    #[must_use]
    #[inline]
    pub fn non_revocable(&self) -> Self {
        self.select(true, |entry| !entry.is_revocable())
    }

    /// What several tasks may use at once.
    #[must_use]
    #[inline]
    pub fn shared(&self) -> Self {
        self.select(false, Resource::is_shared)
    }

    /// What one task uses alone.
    #[must_use]
    #[inline]
    pub fn non_shared(&self) -> Self {
        self.select(true, |entry| !entry.is_shared())
    }

    /// The persistent volumes.
    #[must_use]
    pub fn persistent_volumes(&self) -> Self {
        self.select(false, Resource::is_persistent_volume)
    }

    /// What is an amount.
    #[must_use]
    pub fn scalars(&self) -> Self {
        self.select(true, |entry| matches!(entry.value(), Value::Scalar(_)))
    }

    /// What is ranges or a set.
    #[must_use]
    pub fn non_scalars(&self) -> Self {
        self.select(false, |entry| !matches!(entry.value(), Value::Scalar(_)))
    }

    /// The same resources as if nobody owned them.
    #[must_use]
    pub fn to_unreserved(&self) -> Self {
        let mut all = self.plain_only(true);
        for Entry { resource, copies } in self.rest.iter() {
            all.insert(resource.clone().with_reservations(Reservations::NONE), *copies);
        }
        all
    }

    /// The same resources with one more reservation on every entry.
    ///
    /// # Errors
    /// [`InvalidResource`] names an entry whose owner is not above the new one.
    pub fn push_reservation(&self, reservation: &Reservation) -> Result<Self, InvalidResource> {
        self.with_stacks(|entry| entry.reservations().push(reservation.clone()).map_err(|error| entry.refuse(error)))
    }

    /// The same resources without the top reservation of every entry.
    ///
    /// # Errors
    /// [`InvalidResource`] names an entry that is not reserved.
    pub fn pop_reservation(&self) -> Result<Self, InvalidResource> {
        self.with_stacks(|entry| entry.reservations().pop().ok_or_else(|| entry.refuse(ResourceProblem::NotReserved)))
    }

    fn with_stacks(
        &self,
        mut stack_of: impl FnMut(&Resource) -> Result<Reservations, InvalidResource>,
    ) -> Result<Self, InvalidResource> {
        let mut all = Self::new();
        for entry in self.plain_entries() {
            let stack = stack_of(&entry)?;
            all.insert(entry.with_reservations(stack), 1);
        }
        for Entry { resource, copies } in self.rest.iter() {
            let stack = stack_of(resource)?;
            all.insert(resource.clone().with_reservations(stack), *copies);
        }
        Ok(all)
    }
}
