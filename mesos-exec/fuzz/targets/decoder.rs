//! Feeds the decoder that this program is named after.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mesos_core::net::corpus::Target;
use mesos_exec::daemon::decoders::TARGETS;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let program = std::env::current_exe().expect("programs have a path");
    let name = program.file_stem().and_then(|name| name.to_str()).expect("a name");
    *TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no decoder {name}"))
});

fuzz_target!(|bytes: &[u8]| (TARGET.read)(bytes));
