//! Programs that use the public API only; see the folders beside this one.
