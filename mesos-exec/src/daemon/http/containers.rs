//! Containers that operators and executors ask for, beside those that run: launched, waited for, killed, and watched while
//! they write.
//!
//! What a container writes is in two files of its sandbox; a session reads them as they grow and tells them as ProcessIO
//! records. Whoever opened a session and leaves ends its container with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use mesos_core::net::http::axum::http::HeaderMap;
use mesos_core::net::http::axum::http::header::{CONTENT_TYPE, HeaderValue};
use mesos_core::net::http::{
    Form, Media, RECORD_IO, RecordSender, Refusal, Response, accepted, done, encode, record_stream,
};
use mesos_core::wire::convert::{check_plain_container, limits_from_wire, resources_from_wire, terminal_from_wire};
use mesos_core::wire::v1;
use mesos_core::{CommandInfo, ContainerId, Exit, Rejection, Signal};
use v1::agent::{Call, Response as Answered, process_io};

use super::{Context, Shared};
use crate::agent::{Answer, ContainerAsk, Nest};
use crate::daemon::ExecutorDoor;

/// How often it is looked whether a container wrote something.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A stream says this often that it lives.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(30);
/// The most of an output that is told in one record.
const PIECE_BYTES: usize = 64 << 10;

pub(super) fn part<T>(part: Option<T>) -> Result<T, Refusal> {
    part.ok_or_else(|| Refusal::bad_request("Expecting the part of the call that its type names to be present"))
}

/// Which container is meant. The agent calls one that lies beside another by both names, and so on.
pub(super) fn nest(id: v1::ContainerId) -> Result<Nest, Refusal> {
    let read = |value: String| ContainerId::new(value).map_err(|error| Refusal::bad_request(error.to_string()));
    let (name, mut outer) = (read(id.value)?, id.parent);
    let mut innermost_first = Vec::new();
    while let Some(parent) = outer {
        innermost_first.push(read(parent.value)?);
        outer = parent.parent;
    }
    let outermost_first: Vec<&str> = innermost_first.iter().rev().map(ContainerId::as_str).collect();
    let parent = if outermost_first.is_empty() { None } else { Some(read(outermost_first.join("."))?) };
    Ok(Nest { parent, name })
}

fn signal(number: Option<i32>) -> Result<Signal, Refusal> {
    let number = number.unwrap_or(9);
    Signal::of(number)
        .ok_or_else(|| Refusal::bad_request(format!("there is no signal {number}; send one from 1 to 64")))
}

/// A launch: by the old name, by the new one, or as a session.
fn wish(call: Call) -> Result<(Nest, ContainerAsk), Refusal> {
    let is_session = call.launch_nested_container_session.is_some();
    let (mut resources, mut limits) = (Vec::new(), BTreeMap::new());
    let (id, command, mut container) =
        match (call.launch_container, call.launch_nested_container, call.launch_nested_container_session) {
            (Some(launch), ..) => {
                (resources, limits) = (launch.resources, launch.limits);
                (launch.container_id, launch.command, launch.container)
            }
            (_, Some(launch), _) => (launch.container_id, launch.command, launch.container),
            (.., Some(launch)) => (launch.container_id, launch.command, launch.container),
            _ => return part(None),
        };
    // Others outlive the agent's process, which holds the other end.
    let terminal = container.as_mut().filter(|_| is_session).and_then(|container| container.tty_info.take());
    let terminal = terminal.map(terminal_from_wire).transpose()?;
    container.as_ref().map_or(Ok(()), check_plain_container)?;
    let limits = limits_from_wire(limits)?;
    let command = CommandInfo::try_from(part(command)?)?;
    let (resources, _) = resources_from_wire(resources)?;
    Ok((nest(id)?, ContainerAsk::Launch { command: Box::new(command), resources, limits, is_session, terminal }))
}

pub(super) async fn launch(context: &Context, call: Call) -> Result<Response, Refusal> {
    let (nest, ask) = wish(call)?;
    Ok(match context.executors.ask(nest, ask).await? {
        Answer::Already => accepted(),
        _ => done(),
    })
}

pub(super) async fn kill(context: &Context, call: Call) -> Result<Response, Refusal> {
    let (id, number) = match (call.kill_container, call.kill_nested_container) {
        (Some(kill), _) => (kill.container_id, kill.signal),
        (_, Some(kill)) => (kill.container_id, kill.signal),
        _ => return part(None),
    };
    context.executors.ask(nest(id)?, ContainerAsk::Signal(signal(number)?)).await?;
    Ok(done())
}

pub(super) async fn remove(context: &Context, call: Call) -> Result<Response, Refusal> {
    let id = match (call.remove_container, call.remove_nested_container) {
        (Some(remove), _) => remove.container_id,
        (_, Some(remove)) => remove.container_id,
        _ => return part(None),
    };
    context.executors.ask(nest(id)?, ContainerAsk::Remove).await?;
    Ok(done())
}

pub(super) async fn wait(context: &Context, call: Call) -> Result<Answered, Refusal> {
    use v1::agent::response::{Type, WaitContainer, WaitNestedContainer};
    let mut answered = Answered::default();
    match (call.wait_container, call.wait_nested_container) {
        (Some(wait), _) => {
            let exit = ended(&context.executors, nest(wait.container_id)?).await?;
            let (exit_status, message) = (status(&exit), Some(exit.to_string()));
            answered.wait_container = Some(WaitContainer { exit_status, message, ..Default::default() });
            answered.set_type(Type::WaitContainer);
        }
        (_, Some(wait)) => {
            let exit = ended(&context.executors, nest(wait.container_id)?).await?;
            let (exit_status, message) = (status(&exit), Some(exit.to_string()));
            answered.wait_nested_container = Some(WaitNestedContainer { exit_status, message, ..Default::default() });
            answered.set_type(Type::WaitNestedContainer);
        }
        _ => return part(None),
    }
    Ok(answered)
}

fn status(exit: &Exit) -> Option<i32> {
    Some(exit.wait_status()).filter(|status| *status >= 0)
}

async fn ended(executors: &ExecutorDoor, nest: Nest) -> Result<Exit, Rejection> {
    Ok(match executors.ask(nest, ContainerAsk::Wait).await? {
        Answer::Ended(exit) => exit,
        _ => Exit::Unknown,
    })
}

/// Starts a container and tells what it writes until it ends.
pub(super) async fn session(context: &Shared, headers: &HeaderMap, call: Call) -> Result<Response, Refusal> {
    let form = Form::of_answer(headers)?;
    let (nest, ask) = wish(call)?;
    if context.executors.ask(nest.clone(), ask).await? == Answer::Already {
        return Err(Refusal::conflict(format!("container {nest} exists already; name the session differently")));
    }
    watch(context, form, nest, true).await
}

/// Tells what a container that runs writes from now on.
pub(super) async fn attach_output(context: &Shared, headers: &HeaderMap, call: Call) -> Result<Response, Refusal> {
    let form = Form::of_answer(headers)?;
    watch(context, form, nest(part(call.attach_container_output)?.container_id)?, false).await
}

async fn watch(context: &Shared, form: Form, nest: Nest, is_session: bool) -> Result<Response, Refusal> {
    let Answer::Named(id) = context.executors.ask(nest.clone(), ContainerAsk::Find).await? else {
        return Err(Refusal::not_found(format!("container {nest} is not known")));
    };
    let folder = context.sandboxes.as_ref().and_then(|sandboxes| sandboxes.of(&id));
    let Some(folder) = folder else {
        return Err(Refusal::not_implemented("what containers of this agent write cannot be read while they run"));
    };
    let (media, name) = match form {
        Form::Message(media) => (media, media.name()),
        Form::Records(media) => (media, RECORD_IO),
    };
    let (sender, body) = record_stream();
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(name));
    if name == RECORD_IO {
        response.headers_mut().insert("Message-Content-Type", HeaderValue::from_static(media.name()));
    }
    let output = Output::open(folder, is_session);
    tokio::spawn(tell(context.executors.clone(), nest, output, sender, media, is_session));
    Ok(response)
}

/// Tells what a container writes until it has ended or nobody listens.
async fn tell(
    executors: ExecutorDoor,
    nest: Nest,
    mut output: Output,
    sender: RecordSender,
    media: Media,
    is_session: bool,
) {
    // Whichever way this ends, nobody waits any more then.
    let mut end = std::pin::pin!(ended(&executors, nest.clone()));
    let mut beat_at = tokio::time::Instant::now() + HEARTBEAT_EVERY;
    loop {
        let has_ended = tokio::select! {
            biased;
            () = sender.closed() => break,
            waited = &mut end => match waited {
                Ok(_) => true,
                Err(rejection) => {
                    tracing::warn!(%rejection, %nest, "nobody can say when a container ends; it is watched no more");
                    break;
                }
            },
            () = tokio::time::sleep(LOOK_EVERY) => false,
        };
        loop {
            let pieces = output.next();
            if pieces.is_empty() {
                break;
            }
            for piece in pieces {
                if sender.send(&encode(media, &piece)).await.is_err() {
                    return hang_up(&executors, nest, is_session).await;
                }
            }
        }
        if has_ended {
            return;
        }
        if beat_at <= tokio::time::Instant::now() {
            beat_at += HEARTBEAT_EVERY;
            if sender.send(&encode(media, &heartbeat())).await.is_err() {
                break;
            }
        }
    }
    hang_up(&executors, nest, is_session).await;
}

/// A session ends with whoever opened it.
async fn hang_up(executors: &ExecutorDoor, nest: Nest, is_session: bool) {
    if is_session && let Err(rejection) = executors.ask(nest, ContainerAsk::Signal(Signal::Kill)).await {
        tracing::debug!(%rejection, "a session's container is gone already");
    }
}

fn heartbeat() -> v1::agent::ProcessIo {
    let interval = Some(HEARTBEAT_EVERY.into());
    let mut control =
        process_io::Control { heartbeat: Some(process_io::control::Heartbeat { interval }), ..Default::default() };
    control.set_type(process_io::control::Type::Heartbeat);
    let mut written = v1::agent::ProcessIo { control: Some(control), ..Default::default() };
    written.set_type(process_io::Type::Control);
    written
}

/// The two files a container writes to.
struct Output {
    folder: PathBuf,
    files: [Option<File>; 2],
}

const NAMES: [(&str, process_io::data::Type); 2] =
    [("stdout", process_io::data::Type::Stdout), ("stderr", process_io::data::Type::Stderr)];

impl Output {
    /// From the beginning, or from what is there now on.
    fn open(folder: PathBuf, is_whole: bool) -> Self {
        let mut output = Self { folder, files: [None, None] };
        if !is_whole {
            for at in 0..NAMES.len() {
                if let Some(file) = output.file(at) {
                    let _ = io::Seek::seek(file, io::SeekFrom::End(0));
                }
            }
        }
        output
    }

    /// A regular file of the sandbox, never a link or a pipe that a task put in its place.
    fn file(&mut self, at: usize) -> Option<&mut File> {
        use std::os::unix::fs::OpenOptionsExt;
        if self.files[at].is_none() {
            let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC;
            let path = self.folder.join(NAMES[at].0);
            let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
            if !file.metadata().ok()?.is_file() {
                return None;
            }
            self.files[at] = Some(file);
        }
        self.files[at].as_mut()
    }

    /// What was written since the last time, a bounded piece of each file.
    fn next(&mut self) -> Vec<v1::agent::ProcessIo> {
        let mut pieces = Vec::new();
        for (at, (_, kind)) in NAMES.iter().enumerate() {
            let mut bytes = vec![0; PIECE_BYTES];
            let Some(Ok(length @ 1..)) = self.file(at).map(|file| file.read(&mut bytes)) else { continue };
            bytes.truncate(length);
            let mut data = process_io::Data { data: Some(bytes), ..Default::default() };
            data.set_type(*kind);
            let mut piece = v1::agent::ProcessIo { data: Some(data), ..Default::default() };
            piece.set_type(process_io::Type::Data);
            pieces.push(piece);
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::container::WindowSize;
    use mesos_core::wire::json;

    use super::*;

    #[test]
    fn a_container_lies_beside_one_that_lies_beside_another() {
        let named = |text: &str| nest(json::read(text.as_bytes()).unwrap()).map(|nest| (nest.parent, nest.name));
        let id = |text: &str| ContainerId::new(text).unwrap();
        assert_eq!(named(r#"{"value": "c"}"#).unwrap(), (None, id("c")));
        let third = r#"{"value": "c", "parent": {"value": "b", "parent": {"value": "a"}}}"#;
        assert_eq!(named(third).unwrap(), (Some(id("a.b")), id("c")));
        for wrong in [r#"{"value": "c", "parent": {"value": "b", "parent": {"value": ""}}}"#, r#"{"value": "a/b"}"#] {
            assert_eq!(named(wrong).unwrap_err().status.as_u16(), 400, "{wrong}");
        }
        let long =
            format!(r#"{{"value": "c", "parent": {{"value": "{0}", "parent": {{"value": "{0}"}}}}}}"#, "x".repeat(200));
        assert_eq!(named(&long).unwrap_err().status.as_u16(), 400);
    }

    #[test]
    fn a_container_that_would_be_more_than_a_process_is_refused_by_the_name_of_what_it_wants() {
        let plain = r#""container": {"type": "MESOS", "mesos": {}, "network_infos": [{}]}"#;
        let asked = [
            (r#""container": {"type": "DOCKER"}"#, "container.type"),
            (r#""container": {"type": "MESOS", "docker": {"image": "i"}}"#, "container.docker"),
            (r#""container": {"type": "MESOS", "mesos": {"image": {"type": "APPC"}}}"#, "container.mesos.image"),
            (
                r#""container": {"type": "MESOS", "volumes": [{"mode": "RW", "container_path": "v"}]}"#,
                "container.volumes",
            ),
            (r#""container": {"type": "MESOS", "hostname": "h"}"#, "container.hostname"),
            (r#""container": {"type": "MESOS", "linux_info": {}}"#, "container.linux_info"),
            (r#""container": {"type": "MESOS", "rlimit_info": {}}"#, "container.rlimit_info"),
            (r#""container": {"type": "MESOS", "network_infos": [{"name": "n"}]}"#, "container.network_infos"),
            (
                r#""container": {"type": "MESOS", "network_infos": [{"port_mappings": [{"host_port": 1, "container_port": 2}]}]}"#,
                "container.network_infos",
            ),
        ];
        for launch in ["launch_container", "launch_nested_container", "launch_nested_container_session"] {
            let wish = |more: &str| {
                let id = r#""container_id": {"value": "c", "parent": {"value": "p"}}, "command": {"value": "true"}"#;
                let text = format!(r#"{{"type": "{}", "{launch}": {{{id}, {more}}}}}"#, launch.to_uppercase());
                wish(json::read::<Call>(text.as_bytes()).unwrap())
            };
            let terminal =
                r#""container": {"type": "MESOS", "tty_info": {"window_size": {"rows": 24, "columns": 80}}}"#;
            match (wish(terminal), launch) {
                (Ok((_, ContainerAsk::Launch { terminal, .. })), "launch_nested_container_session") => {
                    assert_eq!(terminal, Some(WindowSize { rows: 24, columns: 80 }));
                }
                (Ok(_), "launch_nested_container_session") => panic!("it is a launch"),
                (asked, _) => {
                    let refused = asked.unwrap_err();
                    assert!(refused.text.contains("container.tty_info"), "{launch}: {}", refused.text);
                }
            }
            wish(plain).unwrap_or_else(|refused| panic!("{launch}: {refused:?}"));
            for (more, name) in asked {
                let refused = wish(more).unwrap_err();
                assert_eq!(refused.status.as_u16(), 501, "{launch} {more}");
                assert!(refused.text.contains(name), "{launch} {more}: {}", refused.text);
            }
        }
        let text = r#"{"type": "LAUNCH_CONTAINER", "launch_container": {"container_id": {"value": "c"},
            "command": {"value": "true"}, "limits": {"disk": {"value": 64}}}}"#;
        let refused = wish(json::read(text.as_bytes()).unwrap()).unwrap_err();
        assert!(
            refused.status.as_u16() == 400 && refused.text.contains("nothing but cpus and mem"),
            "{}",
            refused.text
        );
    }
}
