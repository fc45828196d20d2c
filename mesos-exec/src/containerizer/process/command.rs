//! From what a framework wrote to what the kernel is asked: program, arguments, environment, user.
//!
//! Everything here comes from peers. What the kernel could not take (a NUL byte, a `=` in a variable's name) and what
//! cannot work (an unknown user) is refused with the name of the part that is wrong.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use mesos_core::{CommandInfo, ContainerSpec, Purpose, Run};
use nix::errno::Errno;
use nix::unistd::{Uid, User, geteuid, getgrouplist};

use super::sandbox;
use super::spawn::{Failure, Identity, Plan, Step};
use super::table::SANDBOX_VARIABLE;

/// The variable that names the containerizer: all its containers carry it that end with it, for the
/// [watchdog](super::watchdog).
pub(super) const OWNER_VARIABLE: &str = "MESOS_CONTAINERIZER";
/// The shell of `Run::Shell`.
const SHELL: &str = "/bin/sh";
/// Where programs are looked for when a container's `PATH` was taken away.
const FALLBACK_PATH: &str = "/usr/bin:/bin";

/// What a containerizer gives to every container.
#[derive(Debug)]
pub(super) struct Base {
    /// The containerizer's own name, in containers that end with it.
    pub(super) owner: Option<String>,
    pub(super) environment: BTreeMap<Arc<str>, Arc<str>>,
    pub(super) limits: Vec<(u32, u64)>,
}

/// Prepares the sandbox and everything the kernel needs to start the container.
pub(super) fn plan(base: &Base, spec: &ContainerSpec, sandbox: &Path) -> Result<Plan, String> {
    let command = &spec.command;
    let identity = command.user.as_deref().map(identity).transpose()?.flatten();
    let environment = environment(base, spec, sandbox)?;
    let (programs, arguments) = programs(command, &environment)?;
    let variables = environment.iter().map(|(name, value)| text("environment variable", &[name, "=", value].concat()));
    // The sandbox first: it names the container to whoever walks the table of processes.
    let tag = [SANDBOX_VARIABLE.as_bytes(), b"=", sandbox.as_os_str().as_bytes()].concat();
    let tag = CString::new(tag).map_err(|_| "the work directory's name contains a NUL byte".to_owned());
    let environment = [tag].into_iter().chain(variables).collect::<Result<_, _>>()?;
    let streams = sandbox::prepare(sandbox, identity.as_ref())?;
    let beside = match &spec.purpose {
        // A check begins where its task began, and a session where it looks.
        Purpose::Debug { parent } | Purpose::StandaloneDebug { parent } => sandbox.with_file_name(parent.as_str()),
        _ => sandbox.to_owned(),
    };
    let directory = sandbox::working_dir(&beside, command.working_dir.as_deref(), identity.as_ref())?;
    Ok(Plan {
        programs,
        arguments,
        environment,
        directory: CString::new(directory.as_os_str().as_bytes())
            .map_err(|_| "the working directory contains a NUL byte")?,
        stdin: streams.stdin,
        stdout: streams.stdout,
        stderr: streams.stderr,
        has_terminal: false,
        identity,
        limits: base.limits.clone(),
        ends_with_host: true,
    })
}

/// The paths to try and the arguments, the program's own name first.
fn programs(
    command: &CommandInfo,
    environment: &BTreeMap<Arc<str>, Arc<str>>,
) -> Result<(Vec<CString>, Vec<CString>), String> {
    match &command.run {
        Run::Shell(line) => {
            let arguments = ["sh", "-c", line].map(|argument| text("shell command", argument));
            Ok((vec![text("shell", SHELL)?], arguments.into_iter().collect::<Result<_, _>>()?))
        }
        Run::Exec { program, arguments } => {
            if program.is_empty() {
                return Err("the program has no name; give a path or a name to find along PATH".into());
            }
            let name = text("program", program)?;
            let rest = arguments.iter().map(|argument| text("argument", argument));
            let arguments = [Ok(name.clone())].into_iter().chain(rest).collect::<Result<_, _>>()?;
            if program.contains('/') {
                return Ok((vec![name], arguments));
            }
            let path = environment.get("PATH").map_or(FALLBACK_PATH, AsRef::as_ref);
            let folders = path.split(':').map(|folder| if folder.is_empty() { "." } else { folder });
            let programs = folders.map(|folder| text("program", &[folder, "/", program].concat()));
            Ok((programs.collect::<Result<_, _>>()?, arguments))
        }
    }
}

/// The base, then the containerizer's options, then the container's own, then what names the container.
fn environment(base: &Base, spec: &ContainerSpec, sandbox: &Path) -> Result<BTreeMap<Arc<str>, Arc<str>>, String> {
    let mut all: BTreeMap<Arc<str>, Arc<str>> = BTreeMap::new();
    all.insert("HOME".into(), sandbox.to_string_lossy().into());
    if let Some(user) = &spec.command.user {
        all.extend([("USER".into(), user.clone()), ("LOGNAME".into(), user.clone())]);
    }
    let given = base.environment.iter().chain(&spec.command.environment);
    for (name, value) in given {
        if name.is_empty() || name.contains('=') {
            return Err(format!("environment variable {name:?}: a name is not empty and contains no '='"));
        }
        all.insert(name.clone(), value.clone());
    }
    all.remove(SANDBOX_VARIABLE);
    all.insert("MESOS_CONTAINER_ID".into(), spec.id.as_str().into());
    all.insert("MESOS_DIRECTORY".into(), sandbox.to_string_lossy().into());
    all.remove(OWNER_VARIABLE);
    all.extend(base.owner.as_deref().map(|owner| (OWNER_VARIABLE.into(), owner.into())));
    Ok(all)
}

fn text(what: &str, text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        format!("{what} {shown:?} contains a NUL byte, which no program can be given")
    })
}

/// Whom to become; `None` for who we are.
pub(super) fn identity(user: &str) -> Result<Option<Identity>, String> {
    let advice = "create it on this agent or leave the user out";
    let entry = match User::from_name(user) {
        Ok(Some(entry)) => entry,
        Ok(None) => return Err(format!("user {user:?} does not exist; {advice}")),
        Err(errno) => return Err(format!("user {user:?} could not be looked up: {errno}; {advice}")),
    };
    let own = geteuid();
    if entry.uid == own {
        return Ok(None);
    }
    if !own.is_root() {
        let own = name_of(own);
        return Err(format!(
            "user {user:?}: the agent runs as {own} and may not change to another user; run the agent as root or leave \
             the user out"
        ));
    }
    let name = text("user", user)?;
    let groups = getgrouplist(&name, entry.gid).map_err(|errno| format!("groups of user {user:?}: {errno}"))?;
    let groups = groups.into_iter().map(nix::unistd::Gid::as_raw).collect();
    Ok(Some(Identity { uid: entry.uid.as_raw(), gid: entry.gid.as_raw(), groups }))
}

fn name_of(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| format!("uid {uid}"), |user| format!("{:?}", user.name))
}

/// What went wrong and what would be right, for whoever wrote the command.
pub(super) fn explain(failure: &Failure, plan: &Plan, command: &CommandInfo) -> String {
    let error = &failure.error;
    let user = command.user.as_deref().unwrap_or("the agent's own");
    match failure.step {
        Step::Clone => {
            format!("no process could be made: {error}; see the agent's limits on processes, open files and memory")
        }
        Step::Session | Step::Streams | Step::Terminal | Step::CloseOnExec => {
            format!("the process could not be set up ({:?}): {error}; Linux 5.11 or newer is needed", failure.step)
        }
        Step::Limit => format!("a limit could not be set: {error}"),
        Step::Directory => format!("working directory {}: {error}", shown(&plan.directory)),
        Step::Groups | Step::User => {
            format!("user {user:?} could not be taken on: {error}; the agent needs the right to change users")
        }
        Step::HostGone => "the agent ended meanwhile".into(),
        Step::Exec => explain_exec(error, plan, command, user),
    }
}

fn explain_exec(error: &io::Error, plan: &Plan, command: &CommandInfo, user: &str) -> String {
    let tried = plan.programs.iter().map(|program| shown(program)).collect::<Vec<_>>().join(", ");
    let program = match &command.run {
        Run::Shell(_) => SHELL,
        Run::Exec { program, .. } => program,
    };
    let errno = error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw);
    match errno {
        Errno::ENOENT | Errno::ENOTDIR if plan.programs.iter().any(|path| is_file(path, &plan.directory)) => {
            format!("program {program:?} is there but what should run it is not: see its first line or its loader")
        }
        Errno::ENOENT | Errno::ENOTDIR => {
            format!("program {program:?} was not found (tried {tried}); install it on this agent or give its full path")
        }
        Errno::EACCES => format!(
            "program {program:?} may not be run by user {user:?} (tried {tried}); make it executable and its folders \
             accessible"
        ),
        Errno::ENOEXEC => format!(
            "program {program:?} is in no form this machine runs; a script needs a first line such as #!/bin/sh"
        ),
        Errno::E2BIG => {
            format!("arguments and environment of {program:?} are together too long; pass large data in a file")
        }
        _ => format!("program {program:?} could not be run: {error}"),
    }
}

fn is_file(path: &CStr, directory: &CStr) -> bool {
    let path = Path::new(std::ffi::OsStr::from_bytes(path.to_bytes()));
    Path::new(std::ffi::OsStr::from_bytes(directory.to_bytes())).join(path).is_file()
}

fn shown(text: &CStr) -> String {
    text.to_string_lossy().into_owned()
}
