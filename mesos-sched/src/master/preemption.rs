//! Answers to who would have to make room for somebody: the allocator knows keys, operators know ids.

use mesos_core::call::operator::{Displaced, Response, RoomMade};
use mesos_core::provider::{Preemption, Victim};
use mesos_core::resource::Quantities;
use mesos_core::{FrameworkId, Rejection, RejectionCode, Role};

use super::Master;

impl Master {
    pub(super) fn preemptions(&self, id: &FrameworkId, role: &Role, need: &Quantities) -> Response {
        let refuse = |code, what: String, remedy: &str| Response::Refused(Rejection::new(code, what, remedy));
        let Some(framework) = self.frameworks.table.find(id) else {
            let what = format!("framework {id} is not known");
            return refuse(RejectionCode::UnknownFramework, what, "name a framework of this cluster");
        };
        if !self.frameworks.table[framework].info.roles.contains(role) {
            let what = format!("framework {id} has no role {role}");
            return refuse(RejectionCode::InvalidRole, what, "name one of its roles");
        }
        match self.allocator.preemptions(framework, role, need) {
            Ok(found) => Response::Preemptions(found.and_then(|found| self.room_made(found))),
            Err(none) => {
                let remedy = "start the master with --role_priorities, or ask why there is no offer";
                refuse(RejectionCode::Unsupported, format!("{none} in this cluster"), remedy)
            }
        }
    }

    /// The same with ids; nothing if the allocator speaks of somebody the master does not know.
    fn room_made(&self, Preemption { agent, victims }: Preemption) -> Option<RoomMade> {
        let displaced = victims.into_iter().map(|Victim { framework, role, priority, resources }| {
            let framework_id = self.frameworks.table.get(framework)?.id.clone();
            Some(Displaced { framework_id, role, priority, resources })
        });
        Some(RoomMade {
            agent_id: self.agents.table.get(agent)?.id.clone(),
            displaced: displaced.collect::<Option<_>>()?,
        })
    }
}
