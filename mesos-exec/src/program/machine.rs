//! What this machine has, for agents whose operator says nothing.
//!
//! As in Apache Mesos (`src/slave/containerizer/containerizer.cpp`): all processors; memory and disk less what the system
//! itself needs, which is 1 GiB and 5 GiB, or half of what little there is; ports 31000 to 32000.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use mesos_core::program::read_text;
use mesos_core::resource::{Reservation, Reservations};
use mesos_core::{Resources, Role};

const MIB: u64 = 1 << 20;
const SYSTEM_MEM_MIB: u64 = 1_024;
const SYSTEM_DISK_MIB: u64 = 5 * 1_024;
const PORTS: &str = "[31000-32000]";

/// What the operator says, and what the machine has of the usual kinds the operator does not name; what is for nobody is for
/// this role.
pub(super) fn resources(said: Option<&str>, role: &Role, work_dir: &Path) -> anyhow::Result<Resources> {
    let said: Resources = match said {
        Some(text) => {
            let named = || format!("--resources={text}");
            let listed =
                text.strip_prefix("file://").map(|path| read_text(path.as_ref()).with_context(named)).transpose()?;
            listed.as_deref().unwrap_or(text).trim().parse().with_context(named)?
        }
        None => Resources::new(),
    };
    let mut all = said.clone();
    for (name, amount) in detected(work_dir)? {
        if said.iter().all(|entry| entry.name().as_str() != name) {
            let found: Resources = format!("{name}:{amount}").parse().expect("what is detected can be written");
            all += &found;
        }
    }
    if *role == Role::any() {
        return Ok(all);
    }
    let stack = Reservations::new([Reservation::fixed(role.clone())])?;
    let reserved = all.iter().map(|entry| match entry.is_unreserved() {
        true => entry.with_reservations(stack.clone()),
        false => entry,
    });
    Ok(Resources::from_entries(reserved)?)
}

fn detected(work_dir: &Path) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let meminfo = std::fs::read_to_string("/proc/meminfo").context("this machine's memory cannot be found out")?;
    let mem = memory_mib(&meminfo).context("/proc/meminfo names no MemTotal; say --resources=mem:…")?;
    let disk =
        nix::sys::statvfs::statvfs(work_dir).context("the size of the work directory's disk cannot be found out")?;
    let disk = disk.blocks() as u64 * disk.fragment_size() as u64 / MIB;
    Ok(BTreeMap::from([
        ("cpus", cpus.to_string()),
        ("mem", spare(mem, SYSTEM_MEM_MIB).to_string()),
        ("disk", spare(disk, SYSTEM_DISK_MIB).to_string()),
        ("ports", PORTS.to_owned()),
    ]))
}

fn memory_mib(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1_024)
}

const fn spare(total: u64, system: u64) -> u64 {
    if total > 2 * system { total - system } else { total / 2 }
}

/// This machine's name, as the system knows it.
pub(super) fn hostname() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    let name = name.to_string_lossy();
    if name.is_empty() { "localhost".to_owned() } else { name.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_detected() {
        let all = resources(Some("cpus:3;gpus:1"), &Role::any(), Path::new("/")).unwrap();
        let names: Vec<_> = all.iter().map(|entry| entry.name().as_str().to_owned()).collect();
        for name in ["cpus", "mem", "disk", "ports", "gpus"] {
            assert_eq!(names.iter().filter(|own| *own == name).count(), 1, "{name} in {all}");
        }
        assert!(all.to_string().contains("cpus:3"), "{all}");
        assert!(resources(Some("cpus"), &Role::any(), Path::new("/")).unwrap_err().to_string().contains("--resources"));
    }

    #[test]
    fn what_is_for_nobody_is_for_the_default_role() {
        let ops = Role::new("ops").unwrap();
        let all = resources(Some("cpus:3;mem(web):64;disk:5"), &ops, Path::new("/")).unwrap().reserved();
        let of = |role: &str| all[&Role::new(role).unwrap()].to_string();
        assert_eq!(of("web"), "mem(web):64");
        assert!(of("ops").contains("cpus(ops):3") && of("ops").contains("ports(ops):"), "{}", of("ops"));
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn what_a_file_says_counts_like_a_flag() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resources");
        let said = || resources(Some(&format!("file://{}", path.display())), &Role::any(), Path::new("/"));
        let missing = format!("{:#}", said().unwrap_err());
        assert!(missing.contains("--resources=file:///") && missing.contains("No such file"), "{missing}");
        for text in ["cpus:3;mem:7\n", r#"[{"name": "cpus", "type": "SCALAR", "scalar": {"value": 3}}]"#] {
            std::fs::write(&path, text).unwrap();
            assert!(said().unwrap().to_string().contains("cpus:3"), "{text}");
        }
    }

    #[test]
    fn the_system_keeps_its_share() {
        assert_eq!(memory_mib("MemTotal:       8388608 kB\nMemFree: 1 kB\n"), Some(8_192));
        assert_eq!((spare(8_192, 1_024), spare(1_500, 1_024)), (7_168, 750));
    }
}
