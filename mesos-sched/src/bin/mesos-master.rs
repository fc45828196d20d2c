//! The master of a cluster, as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    mesos_sched::program::main(std::env::args_os())
}
