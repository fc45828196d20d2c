//! Ids: texts on the wire, checked in the domain.

use crate::error::{Rejection, RejectionCode};
use crate::id::{AgentId, ExecutorId, FrameworkId, OfferId, OperationId, TaskId, UpdateId};
use crate::wire::v1;

macro_rules! ids {
    ($($wire:ident = $domain:ident;)*) => {$(
        impl TryFrom<v1::$wire> for $domain {
            type Error = Rejection;

            fn try_from(id: v1::$wire) -> Result<Self, Rejection> {
                Self::new(id.value).map_err(|error| {
                    Rejection::new(RejectionCode::InvalidId, error.to_string(), "choose another id")
                })
            }
        }

        impl From<&$domain> for v1::$wire {
            fn from(id: &$domain) -> Self {
                Self { value: id.as_str().to_owned() }
            }
        }
    )*};
}

ids! {
    FrameworkId = FrameworkId;
    OfferId = OfferId;
    AgentId = AgentId;
    TaskId = TaskId;
    ExecutorId = ExecutorId;
    OperationId = OperationId;
}

impl TryFrom<&[u8]> for UpdateId {
    type Error = Rejection;

    fn try_from(bytes: &[u8]) -> Result<Self, Rejection> {
        let bytes = bytes.try_into().map_err(|_| {
            let what = format!("uuid has {} bytes", bytes.len());
            Rejection::new(RejectionCode::InvalidId, what, "repeat the 16 bytes of the update's uuid")
        })?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

impl From<UpdateId> for Vec<u8> {
    fn from(id: UpdateId) -> Self {
        id.0.to_be_bytes().to_vec()
    }
}
