//! An agent of a cluster, as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = mesos_exec::containerizer::shim_main() {
        return code;
    }
    mesos_exec::program::main(std::env::args_os())
}
