//! A command beside a task that runs: in its sandbox, given what is typed here, shown here.
//!
//! ```text
//!   keyboard ──▶ attach_input ──▶ agent: a session beside the task's container
//!     screen ◀── attach_output ◀──┘
//! ```
//!
//! * [`keyboard`]: this program's own terminal.

mod keyboard;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use mesos_core::CommandInfo;
use mesos_core::kernel::Rng;
use mesos_core::net::grpc::proto::kernel::agent_operator_client::AgentOperatorClient;
use mesos_core::net::grpc::tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use mesos_core::net::grpc::tonic::transport::Channel;
use mesos_core::net::grpc::tonic::{Code, Streaming};
use mesos_core::net::grpc::{Dialer, channel};
use mesos_core::wire::convert::terminal_to_wire;
use mesos_core::wire::v1;
use serde_json::json;
use tokio::sync::mpsc;
use v1::agent::call::{self, Type, attach_container_input};
use v1::agent::{Call, ProcessIo, process_io};

use self::keyboard::{Keyboard, Typed};
use crate::cluster::Cluster;
use crate::sandbox::locate;

/// What is typed and was not sent yet: more is not read.
const TYPED_MAX: usize = 16;

/// Runs a command in the sandbox of a task, and ends as it ends.
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
pub(crate) struct Exec {
    /// Give the command what is given to this program to read.
    #[arg(long, short)]
    interactive: bool,
    /// Give the command a terminal, which this one shows and types into.
    #[arg(long, short)]
    tty: bool,
    /// The task, or the beginning of its id.
    task: String,
    /// The program and its arguments; one word is a shell line.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Exec {
    pub(crate) async fn run(self, cluster: &Cluster) -> anyhow::Result<ExitCode> {
        let state = cluster.api().call("/api/v1", &json!({ "type": "GET_STATE" })).await?;
        let place = locate(&state["get_state"], &self.task)?;
        let parent = place.container.with_context(|| format!("task {} runs in no container", self.task))?;
        let dialer = cluster.towards_agents().clone();
        let mut agent = AgentOperatorClient::new(channel(&dialer, &place.agent).await?);
        let (typing, typed) = mpsc::channel(TYPED_MAX);
        let keyboard = match (self.tty, self.interactive) {
            (true, _) => Some(Keyboard::of_terminal(typing)?),
            (false, true) => Some(Keyboard::of_text(typing)),
            (false, false) => {
                // There is room, and the other end is ours: what it reads is at its end from the beginning.
                typing.send(Typed::Bytes(Vec::new())).await?;
                None
            }
        };
        let id = name_beside(parent);
        let launch = call::LaunchNestedContainerSession {
            container_id: id.clone(),
            command: Some((&self.command()).into()),
            container: keyboard.as_ref().and_then(Keyboard::size).map(|size| v1::ContainerInfo {
                r#type: v1::container_info::Type::Mesos.into(),
                tty_info: Some(terminal_to_wire(size)),
                ..Default::default()
            }),
        };
        let launch = Call { launch_nested_container_session: Some(launch), ..Default::default() };
        let output = agent.attach_output(dialer.request(of(Type::LaunchNestedContainerSession, launch))).await?;
        tokio::spawn(type_into(agent.clone(), dialer.clone(), id.clone(), typed));
        show(output.into_inner()).await?;
        let status = wait(&mut agent, &dialer, id).await?;
        drop(keyboard);
        Ok(ExitCode::from(code_of(status)))
    }

    fn command(&self) -> CommandInfo {
        match self.command.as_slice() {
            [line] => CommandInfo::shell(line.as_str()),
            words => {
                let arguments: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
                CommandInfo::exec(words.first().map_or("", String::as_str), arguments)
            }
        }
    }
}

fn of(kind: Type, mut call: Call) -> Call {
    call.set_type(kind);
    call
}

/// A session that nobody else has, beside this container.
fn name_beside(parent: String) -> v1::ContainerId {
    let mut rng = Rng::new(mesos_core::daemon::entropy());
    let value = format!("exec-{}", &rng.update_id().to_string()[..12]);
    v1::ContainerId { value, parent: Some(Box::new(v1::ContainerId { value: parent, parent: None })) }
}

/// Shows what the command writes until it has ended.
async fn show(mut output: Streaming<ProcessIo>) -> anyhow::Result<()> {
    while let Some(piece) = output.message().await? {
        let Some(data) = piece.data else { continue };
        let bytes = data.data.as_deref().unwrap_or_default();
        if data.r#type() == process_io::data::Type::Stderr {
            std::io::stderr().write_all(bytes)?;
        } else {
            std::io::stdout().write_all(bytes)?;
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}

/// Gives the command what is typed until that ends, or the command has.
async fn type_into(
    mut agent: AgentOperatorClient<Channel>,
    dialer: Dialer,
    id: v1::ContainerId,
    mut typed: mpsc::Receiver<Typed>,
) {
    let (say, calls) = mpsc::channel(1);
    let attach = |attach: call::AttachContainerInput| {
        of(Type::AttachContainerInput, Call { attach_container_input: Some(attach), ..Default::default() })
    };
    let mut first = call::AttachContainerInput { container_id: Some(id), ..Default::default() };
    first.set_type(attach_container_input::Type::ContainerId);
    let attached = tokio::spawn(async move { agent.attach_input(dialer.request(ReceiverStream::new(calls))).await });
    let mut next = Some(attach(first));
    while let Some(call) = next {
        if say.send(call).await.is_err() {
            break;
        }
        next = typed.recv().await.map(|typed| {
            let mut io = call::AttachContainerInput { process_io: Some(written(typed)), ..Default::default() };
            io.set_type(attach_container_input::Type::ProcessIo);
            attach(io)
        });
    }
    drop(say);
    if let Ok(Err(refused)) = attached.await {
        // What comes when the command has ended, as it mostly has then, is nobody's mistake.
        if matches!(refused.code(), Code::PermissionDenied | Code::Unauthenticated | Code::Unimplemented) {
            eprintln!("mesos: the command is given nothing to read: {}", refused.message());
        } else {
            tracing::debug!(%refused, "the command was not given all that was typed");
        }
    }
}

fn written(typed: Typed) -> ProcessIo {
    let mut io = ProcessIo::default();
    match typed {
        Typed::Bytes(bytes) => {
            let mut data = process_io::Data { data: Some(bytes), ..Default::default() };
            data.set_type(process_io::data::Type::Stdin);
            io.data = Some(data);
            io.set_type(process_io::Type::Data);
        }
        Typed::Size(size) => {
            let tty_info = Some(terminal_to_wire(size));
            let mut control = process_io::Control { tty_info, ..Default::default() };
            control.set_type(process_io::control::Type::TtyInfo);
            io.control = Some(control);
            io.set_type(process_io::Type::Control);
        }
    }
    io
}

/// How the command ended, as the system writes it.
async fn wait(
    agent: &mut AgentOperatorClient<Channel>,
    dialer: &Dialer,
    container_id: v1::ContainerId,
) -> anyhow::Result<i32> {
    let wait = call::WaitContainer { container_id };
    let call = of(Type::WaitContainer, Call { wait_container: Some(wait), ..Default::default() });
    let answer = agent.ask(dialer.request(call)).await?.into_inner();
    let status = answer.wait_container.and_then(|wait| wait.exit_status);
    status.context("nobody saw how the command ended")
}

/// As a shell says it: the status, or 128 and the number of the signal.
fn code_of(status: i32) -> u8 {
    let code = if status & 0x7f == 0 { status >> 8 } else { 128 + (status & 0x7f) };
    u8::try_from(code).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_ends_this_program_as_a_shell_would() {
        for (status, code) in [(0, 0), (7 << 8, 7), (9, 137), (255 << 8, 255)] {
            assert_eq!(code_of(status), code, "{status}");
        }
    }
}
