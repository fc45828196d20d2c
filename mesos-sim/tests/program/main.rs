//! The program `mesos-sim` does what its help says, started as people start it: every command, every exit status.
#![cfg(feature = "cli")]

mod commands;
mod exit_status;
mod journals;
mod output;
mod program;
mod results;
