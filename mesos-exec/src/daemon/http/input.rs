//! ATTACH_CONTAINER_INPUT: what somebody says is given to a container to read.
//!
//! ```text
//!   record 1: the call, naming the container
//!   record 2..: the call, each with data, with the size of a terminal, or with a heartbeat that keeps the connection from
//!               looking idle
//!   empty data: the end of the input; a terminal has none
//! ```
//!
//! The answer comes when the stream ends. A stream that breaks ends no input: somebody may attach again. One at a time
//! does. Rules: Apache Mesos, `docs/operator-http-api.md` and `src/slave/containerizer/mesos/io/switchboard.cpp`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use mesos_core::ContainerId;
use mesos_core::container::WindowSize;
use mesos_core::net::http::{Media, RecordReader, Refusal, Response, decode, done};
use mesos_core::provider::ContainerError;
use mesos_core::wire::convert::terminal_from_wire;
use mesos_core::wire::v1;
use v1::agent::call::{AttachContainerInput, attach_container_input};
use v1::agent::{Call, ProcessIo, process_io};

use super::Context;
use super::containers::{nest, part};
use crate::agent::{Answer, ContainerAsk};

/// The containers somebody is attached to. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Inputs(Arc<Mutex<BTreeSet<ContainerId>>>);

/// A place at the input of a container, until it is dropped.
struct Place {
    inputs: Inputs,
    container: ContainerId,
}

impl Inputs {
    fn claim(&self, container: &ContainerId) -> Option<Place> {
        let is_free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(container.clone());
        is_free.then(|| Place { inputs: self.clone(), container: container.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inputs.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.container);
    }
}

/// Gives a container what comes after the first record, which is `call`.
pub(super) async fn attach(
    context: &Context,
    media: Media,
    call: Call,
    mut records: RecordReader,
) -> Result<Response, Refusal> {
    let attach = part(call.attach_container_input)?;
    if attach.r#type() != attach_container_input::Type::ContainerId {
        return Err(Refusal::bad_request(
            "Expecting 'attach_container_input.type' to be CONTAINER_ID in the first record",
        ));
    }
    let nest = nest(part(attach.container_id)?)?;
    let Answer::Named(id) = context.executors.ask(nest.clone(), ContainerAsk::Find).await? else {
        return Err(Refusal::not_found(format!("container {nest} is not known")));
    };
    let Some(_place) = context.inputs.claim(&id) else {
        let text = format!("somebody else is attached to the input of container {nest}; wait until they have left");
        return Err(Refusal::conflict(text));
    };
    while let Some(record) = records.next_record().await? {
        let call: Call = decode(media, &record)?;
        match typed(part(call.attach_container_input)?)? {
            Typed::Data(data) => context.containerizer.write_input(&id, &data).await.map_err(refuse)?,
            Typed::Resize(size) => context.containerizer.resize_terminal(&id, size).await.map_err(refuse)?,
            Typed::Heartbeat => {}
        }
    }
    Ok(done())
}

/// What a record carries for the container.
enum Typed {
    /// Something to read; nothing is the end of it.
    Data(Vec<u8>),
    /// Its terminal is shown in another size.
    Resize(WindowSize),
    /// Nothing.
    Heartbeat,
}

fn typed(attach: AttachContainerInput) -> Result<Typed, Refusal> {
    if attach.r#type() != attach_container_input::Type::ProcessIo {
        return Err(Refusal::bad_request(
            "Expecting 'attach_container_input.type' to be PROCESS_IO after the first record",
        ));
    }
    let ProcessIo { data, control, .. } = part(attach.process_io)?;
    match (data, control) {
        (Some(data), None) if data.r#type() == process_io::data::Type::Stdin => {
            Ok(Typed::Data(data.data.unwrap_or_default()))
        }
        (Some(_), None) => Err(Refusal::bad_request("Expecting 'process_io.data.type' to be STDIN")),
        (None, Some(control)) if control.r#type() == process_io::control::Type::Heartbeat => Ok(Typed::Heartbeat),
        (None, Some(control)) if control.r#type() == process_io::control::Type::TtyInfo => {
            let terminal = part(control.tty_info)?;
            if terminal.window_size.is_none() {
                return Err(Refusal::bad_request("Expecting 'tty_info.window_size' to be present"));
            }
            Ok(Typed::Resize(terminal_from_wire(terminal)?))
        }
        _ => Err(Refusal::bad_request("Expecting 'process_io' to carry either data or control")),
    }
}

fn refuse(error: ContainerError) -> Refusal {
    match error {
        ContainerError::Unknown(_) => Refusal::not_found(error.to_string()),
        _ => Refusal::conflict(error.to_string()),
    }
}
