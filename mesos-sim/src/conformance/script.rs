//! Facts in the words of the sessions with an allocator.

use std::collections::BTreeSet;
use std::fmt::Write;

use mesos_core::provider::{AgentKey, Fact, FrameworkKey};
use mesos_core::{FrameworkCapability, FrameworkInfo, Role};

fn list(roles: &BTreeSet<Role>) -> String {
    roles.iter().map(Role::as_str).collect::<Vec<_>>().join(",")
}

fn framework(key: FrameworkKey) -> String {
    format!("f{}", key.0)
}

fn agent(key: AgentKey) -> String {
    format!("a{}", key.0)
}

/// `ROLES suppressed= capabilities=`; minimal amounts have no word and go into a remark.
fn described(info: &FrameworkInfo, suppressed: &BTreeSet<Role>) -> String {
    let mut line = list(&info.roles);
    if !suppressed.is_empty() {
        let _ = write!(line, " suppressed={}", list(suppressed));
    }
    let own = FrameworkInfo::new("", Role::any()).capabilities;
    let capabilities: Vec<String> = info.capabilities.difference(&own).filter_map(keyword).collect();
    if !capabilities.is_empty() {
        let _ = write!(line, " capabilities={}", capabilities.join(","));
    }
    line
}

/// A capability as sessions and the wire write it.
fn keyword(capability: &FrameworkCapability) -> Option<String> {
    serde_json::to_value(capability).ok()?.as_str().map(str::to_owned)
}

/// Minimal amounts have no word in sessions.
fn remark(info: &FrameworkInfo) -> String {
    info.min_allocatable.values().next().map_or_else(String::new, |own| format!("# its minimal amounts: {own:?}\n"))
}

fn named(verb: &str, key: FrameworkKey, roles: &BTreeSet<Role>) -> String {
    match roles.is_empty() {
        true => format!("{verb} {}", framework(key)),
        false => format!("{verb} {} roles={}", framework(key), list(roles)),
    }
}

/// One line for a fact; a remark for what sessions have no word for.
pub(super) fn line(fact: &Fact) -> String {
    match fact {
        Fact::FrameworkAdded { framework: key, info, suppressed, is_active, .. } => {
            let inactive = if *is_active { "" } else { " inactive=true" };
            format!("{}framework {} {}{inactive}", remark(info), framework(*key), described(info, suppressed))
        }
        Fact::FrameworkUpdated { framework: key, info, suppressed } => {
            format!("{}update {} {}", remark(info), framework(*key), described(info, suppressed))
        }
        Fact::FrameworkActivated { framework: key } => format!("activate {}", framework(*key)),
        Fact::FrameworkDeactivated { framework: key } => format!("deactivate {}", framework(*key)),
        Fact::FrameworkRemoved { framework: key } => format!("remove {}", framework(*key)),
        Fact::RolesSuppressed { framework, roles } => named("suppress", *framework, roles),
        Fact::RolesRevived { framework, roles } => named("revive", *framework, roles),
        Fact::AgentAdded { agent: key, total, used, .. } => {
            let used = used.iter().fold(String::new(), |mut all, own| {
                let _ = write!(all, " used({} {} {})", framework(own.framework), own.role, own.resources);
                all
            });
            format!("agent {} {total}{used}", agent(*key))
        }
        Fact::AgentResized { agent: key, total } => format!("resize {} {total}", agent(*key)),
        Fact::AgentActivated { agent: key } => format!("open {}", agent(*key)),
        Fact::AgentDeactivated { agent: key } => format!("close {}", agent(*key)),
        Fact::AgentRemoved { agent: key } => format!("remove-agent {}", agent(*key)),
        Fact::Converted { framework: key, role, agent: on, from, to } => {
            format!("convert {} {} {role} {from} {to}", framework(*key), agent(*on))
        }
        Fact::Claimed { framework: key, role, agent: on, resources } => {
            format!("claim {} {} {role} {resources}", framework(*key), agent(*on))
        }
        Fact::Recovered { framework: key, role, agent: on, resources, filters } => {
            let refuse = filters.map(|filters| format!(" refuse={}ms", filters.refuse_for.as_millis()));
            let refuse = refuse.unwrap_or_default();
            format!("give-back {} {} {role} {resources}{refuse}", framework(*key), agent(*on))
        }
        Fact::Lapsed { framework: key, role, agent: on, resources, filters } => {
            let refuse = filters.map_or(0, |filters| filters.refuse_for.as_millis());
            format!("# {} leaves {resources} of {} under {role} for {refuse}ms", framework(*key), agent(*on))
        }
        Fact::WeightSet { role, weight } => format!("weight {role} {weight}"),
        Fact::AgentsExpected { count } => format!("expect {count}"),
        other => format!("# {other:?}"),
    }
}
