//! An agent of a cluster, as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    mesos_exec::program::main(std::env::args_os())
}
