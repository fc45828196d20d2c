//! What a disk entry says beyond its size: where it comes from, and the volume made of it.
//!
//! Two infos are the same disk when source and persistence id agree. Where a container mounts the volume and who created
//! it do not take part in equality, order or hash: one task may mount a volume elsewhere than the next.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::Labels;
use crate::id::{PersistenceId, Principal};

/// Source, persistence and mount of a disk entry.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Disk {
    /// What makes it a persistent volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistence: Option<Persistence>,
    /// How a container sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Volume>,
    /// Which disk of the agent it lies on; the default disk if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<DiskSource>,
}

/// The identity of a persistent volume.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Persistence {
    /// Unique per role on its agent.
    pub id: PersistenceId,
    /// Who created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
}

/// Whether a container may write to a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum VolumeMode {
    /// Read and write.
    Rw,
    /// Read only.
    Ro,
}

/// Where a container finds a volume.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Volume {
    /// The path inside the container.
    pub container_path: String,
    /// A path of the host; persistent volumes may not name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<String>,
    /// Whether it may be written to.
    pub mode: VolumeMode,
}

/// The kinds of disks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskKind {
    /// A folder, shared by everybody who has a part of it.
    Path {
        /// The folder, absolute or relative to the agent's work folder.
        root: Option<String>,
    },
    /// A mounted file system, given out as a whole.
    Mount {
        /// Where it is mounted.
        root: Option<String>,
    },
    /// A block device, given out as a whole.
    Block,
    /// Space of a storage pool if it has no id, an existing unformatted disk if it has one.
    Raw,
}

/// Which disk of an agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskSource {
    /// The kind.
    pub kind: DiskKind,
    /// Who made the storage system.
    pub vendor: Option<String>,
    /// The disk's name in its storage system.
    pub id: Option<String>,
    /// What the disk is good for.
    pub profile: Option<String>,
    /// What the storage system wants to be told again.
    pub metadata: Labels,
}

impl DiskSource {
    /// A source of this kind that says nothing more.
    #[must_use]
    pub const fn new(kind: DiskKind) -> Self {
        Self { kind, vendor: None, id: None, profile: None, metadata: Labels::new() }
    }

    /// A folder.
    #[must_use]
    pub fn path(root: impl Into<String>) -> Self {
        Self::new(DiskKind::Path { root: Some(root.into()) })
    }

    /// A mounted file system.
    #[must_use]
    pub fn mount(root: impl Into<String>) -> Self {
        Self::new(DiskKind::Mount { root: Some(root.into()) })
    }

    /// A block device.
    #[must_use]
    pub fn block(id: Option<String>, profile: Option<String>) -> Self {
        Self { id, profile, ..Self::new(DiskKind::Block) }
    }

    /// A storage pool, or, with an id, an unformatted disk.
    #[must_use]
    pub fn raw(id: Option<String>, profile: Option<String>) -> Self {
        Self { id, profile, ..Self::new(DiskKind::Raw) }
    }

    /// Whether the disk is given out as a whole or not at all.
    #[must_use]
    pub const fn is_exclusive(&self) -> bool {
        match self.kind {
            DiskKind::Path { .. } => false,
            DiskKind::Mount { .. } | DiskKind::Block => true,
            DiskKind::Raw => self.id.is_some(),
        }
    }
}

impl Disk {
    /// A disk of this source.
    #[must_use]
    pub fn from_source(source: DiskSource) -> Self {
        Self { source: Some(source), ..Self::default() }
    }

    /// A persistent volume on the default disk, mounted read-write at `container_path`.
    #[must_use]
    pub fn volume(id: PersistenceId, principal: Option<Principal>, container_path: impl Into<String>) -> Self {
        let volume = Volume { container_path: container_path.into(), host_path: None, mode: VolumeMode::Rw };
        Self { persistence: Some(Persistence { id, principal }), volume: Some(volume), source: None }
    }

    /// The same disk from this source.
    #[must_use]
    pub fn on(mut self, source: DiskSource) -> Self {
        self.source = Some(source);
        self
    }

    /// The name of the persistent volume, if it is one.
    #[must_use]
    pub fn persistence_id(&self) -> Option<&PersistenceId> {
        self.persistence.as_ref().map(|persistence| &persistence.id)
    }

    /// Whether an entry with this info can only be taken as a whole: persistent volumes and exclusive sources.
    #[must_use]
    pub fn is_indivisible(&self) -> bool {
        self.persistence.is_some() || self.source.as_ref().is_some_and(DiskSource::is_exclusive)
    }

    /// The disk under the volume: without persistence and mount, nothing if that leaves nothing to say.
    #[must_use]
    pub fn stripped(&self) -> Option<Self> {
        self.source.clone().map(Self::from_source)
    }

    /// Whether it says nothing at all.
    pub(super) const fn is_blank(&self) -> bool {
        self.persistence.is_none() && self.volume.is_none() && self.source.is_none()
    }

    fn identity(&self) -> (Option<&DiskSource>, Option<&PersistenceId>) {
        (self.source.as_ref(), self.persistence_id())
    }
}

impl PartialEq for Disk {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Disk {}

impl PartialOrd for Disk {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Disk {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for Disk {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}
