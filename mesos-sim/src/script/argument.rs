//! The words of a command as values: taken one by one, and nothing may be left over.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::health::{Check, CheckInfo, HealthCheck, Probe, Question};
use mesos_core::resource::{Disk, DiskSource, Quantities, Reservation, Reservations, Resource};
use mesos_core::task::TaskRun;
use mesos_core::{
    AgentCapability, AgentId, AgentInfo, CommandInfo, ExecutorId, ExecutorInfo, FaultDomain, Filters,
    FrameworkCapability, FrameworkInfo, KillPolicy, PersistenceId, Principal, Quota, Reason, Resources, Role, Source,
    TaskId, TaskInfo, TaskState,
};
use serde::de::DeserializeOwned;

use super::Command;

/// The words of a command that were not used yet.
#[derive(Debug)]
pub(super) struct Arguments {
    words: VecDeque<String>,
    named: Vec<(String, String)>,
}

impl Arguments {
    pub(super) fn of(command: &Command) -> Self {
        Self { words: command.words.iter().cloned().collect(), named: command.named.clone() }
    }

    /// The words between the brackets of `verb(...)`.
    pub(super) fn nested(word: &str) -> Result<(String, Self), String> {
        let (verb, rest) = word.split_once('(').ok_or_else(|| format!("{word:?} is not of the form verb(...)"))?;
        let inner = rest.strip_suffix(')').ok_or_else(|| format!("{word:?} does not end with ')'"))?;
        let command = Command::parse(0, &format!("{verb} {inner}"))?;
        Ok((command.verb.clone(), Self::of(&command)))
    }

    /// The next word without a name.
    pub(super) fn word(&mut self, what: &str) -> Result<String, String> {
        self.words.pop_front().ok_or_else(|| format!("{what} is missing"))
    }

    /// The next word without a name, if there is one.
    pub(super) fn next_word(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// Whether the next word without a name is this one; takes it then.
    pub(super) fn has_next(&mut self, word: &str) -> bool {
        self.words.pop_front_if(|next| next == word).is_some()
    }

    /// The next word without a name, read.
    pub(super) fn next<T: FromStr<Err: Display>>(&mut self, what: &str) -> Result<T, String> {
        read(&self.word(what)?)
    }

    /// The value of this name.
    pub(super) fn named(&mut self, name: &str) -> Option<String> {
        let at = self.named.iter().position(|(own, _)| own == name)?;
        Some(self.named.remove(at).1)
    }

    /// The value of this name, read.
    pub(super) fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<Option<T>, String> {
        self.named(name).map(|text| read(&text)).transpose()
    }

    /// The time span of this name.
    pub(super) fn span(&mut self, name: &str) -> Result<Option<Duration>, String> {
        self.named(name).map(|text| span(&text)).transpose()
    }

    /// The roles of this name, with commas between them.
    pub(super) fn roles(&mut self, name: &str) -> Result<BTreeSet<Role>, String> {
        list(self.named(name).as_deref().unwrap_or_default())
    }

    /// `refuse=5s`, the default if it is absent.
    pub(super) fn filters(&mut self) -> Result<Filters, String> {
        Ok(self.span("refuse")?.map_or_else(Filters::default, Filters::refuse_for))
    }

    /// `grace=5s` as a kill policy.
    pub(super) fn policy(&mut self) -> Result<Option<KillPolicy>, String> {
        Ok(self.span("grace")?.map(|grace| KillPolicy { grace: Some(grace) }))
    }

    /// Everything must have been used.
    pub(super) fn finish(self) -> Result<(), String> {
        match (self.words.front(), self.named.first()) {
            (None, None) => Ok(()),
            (Some(word), _) => Err(format!("{word:?} is too much")),
            (_, Some((name, _))) => Err(format!("{name}= is not known here")),
        }
    }

    /// `name= roles= id= failover= capabilities= principal= checkpoint=`.
    pub(super) fn framework(&mut self) -> Result<FrameworkInfo, String> {
        let roles = self.roles("roles")?;
        let mut info = FrameworkInfo::new(self.named("name").unwrap_or_else(|| "test".into()), Role::any());
        info.roles = roles;
        info.id = self.optional("id")?;
        info.failover_timeout = self.span("failover")?.unwrap_or(info.failover_timeout);
        info.principal = self.optional::<Principal>("principal")?;
        info.checkpoint = self.optional("checkpoint")?.unwrap_or(true);
        match self.named("capabilities").as_deref() {
            None => {}
            Some("none") => info.capabilities.clear(),
            Some(names) => info
                .capabilities
                .extend(names.split(',').map(keyword::<FrameworkCapability>).collect::<Result<Vec<_>, String>>()?),
        }
        Ok(info)
    }

    /// `HOST RESOURCES port= capabilities= attributes= domain=`.
    pub(super) fn agent(&mut self) -> Result<AgentInfo, String> {
        let mut info = AgentInfo::new(self.word("a host")?, resources(&self.word("resources")?)?);
        info.port = self.optional("port")?.unwrap_or(info.port);
        self.describe_agent(&mut info)?;
        Ok(info)
    }

    /// `capabilities= attributes= domain=REGION/ZONE principal=`.
    pub(super) fn describe_agent(&mut self, info: &mut AgentInfo) -> Result<(), String> {
        match self.named("capabilities").as_deref() {
            None => {}
            Some("none") => info.capabilities.clear(),
            Some(names) => {
                info.capabilities =
                    names.split(',').map(keyword::<AgentCapability>).collect::<Result<BTreeSet<_>, String>>()?;
            }
        }
        if let Some(attributes) = self.named("attributes") {
            info.attributes = read(&attributes)?;
        }
        if let Some(domain) = self.named("domain") {
            let (region, zone) = domain.split_once('/').ok_or_else(|| format!("{domain:?} is not region/zone"))?;
            info.domain = Some(FaultDomain { region: region.into(), zone: zone.into() });
        }
        info.principal = self.optional::<Principal>("principal")?;
        Ok(())
    }

    /// `TASK RESOURCES run= executor=ID executor_uses= kind= exec= shutdown_grace= grace= health= check=`.
    pub(super) fn task(&mut self, agent_id: AgentId) -> Result<TaskInfo, String> {
        let id = self.next::<TaskId>("a task id")?;
        let uses = resources(&self.word("resources")?)?;
        let line = self.named("run").unwrap_or_else(|| "sleep 1000".into());
        let run = match self.optional::<ExecutorId>("executor")? {
            None => TaskRun::Command(CommandInfo::shell(line)),
            Some(id) => TaskRun::Executor(Arc::new(self.executor(id)?)),
        };
        let mut task = TaskInfo::new(id, agent_id, uses, run);
        task.kill_policy = self.policy()?.unwrap_or_default();
        let health = self.named("health").map(|text| check(&text)).transpose()?;
        task.health_check = health.map(|what| Arc::new(HealthCheck::new(what)));
        let other = self.named("check").map(|text| check(&text)).transpose()?;
        task.check = other.map(|what| Arc::new(CheckInfo::new(what)));
        Ok(task)
    }

    /// `EXECUTOR TASK RESOURCES TASK RESOURCES .. run= executor_uses= kind= exec= shutdown_grace= grace=`.
    pub(super) fn group(&mut self, agent_id: AgentId) -> Result<Vec<Arc<TaskInfo>>, String> {
        let executor = self.next("an executor id")?;
        let executor = self.executor(executor)?;
        let line = self.named("run").unwrap_or_else(|| "sleep 1000".into());
        let policy = self.policy()?.unwrap_or_default();
        let mut tasks = Vec::new();
        while let Some(id) = self.next_word() {
            let uses = resources(&self.word("resources")?)?;
            let mut task = TaskInfo::shell(read(&id)?, agent_id.clone(), uses, line.clone());
            task.kill_policy = policy;
            tasks.push(task);
        }
        Ok(TaskInfo::group(executor, tasks))
    }

    /// `guarantee= limit= exactly=`; nothing of it is no quota.
    pub(super) fn quota(&mut self) -> Result<Quota, String> {
        let quota = match self.optional::<Quantities>("exactly")? {
            Some(amounts) => Quota::exactly(amounts),
            None => {
                let (guarantees, limits) = (self.optional("guarantee")?, self.optional("limit")?);
                Quota::new(guarantees.unwrap_or_default(), limits.unwrap_or_default())
            }
        };
        quota.map_err(|error| error.to_string())
    }

    /// `executor_uses= kind= exec= shutdown_grace=`; with `exec=` it is that command, with `kind=default` for groups.
    pub(super) fn executor(&mut self, id: ExecutorId) -> Result<ExecutorInfo, String> {
        let uses = self.named("executor_uses").map(|text| resources(&text)).transpose()?;
        let uses = uses.unwrap_or_default();
        let kind = self.named("kind").unwrap_or_else(|| "test".into());
        let mut info = match self.named("exec") {
            Some(line) => ExecutorInfo::custom(id, CommandInfo::shell(line), uses),
            None if kind == ExecutorInfo::DEFAULT => ExecutorInfo::for_groups(id, uses),
            None => ExecutorInfo::new(id, kind, uses),
        };
        info.shutdown_grace = self.span("shutdown_grace")?;
        Ok(info)
    }
}

/// A value from its text.
pub(super) fn read<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| format!("{text:?}: {error}"))
}

/// Values with commas between them.
pub(super) fn list<T: FromStr<Err: Display>, C: FromIterator<T>>(text: &str) -> Result<C, String> {
    text.split(',').filter(|part| !part.is_empty()).map(read).collect()
}

/// One of the protocol's names in capitals.
pub(super) fn keyword<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|_| format!("{text:?} is not known"))
}

pub(super) fn state(text: &str) -> Result<TaskState, String> {
    keyword(text)
}

pub(super) fn reason(text: Option<String>) -> Result<Option<Reason>, String> {
    text.map(|text| keyword(&text)).transpose()
}

pub(super) fn source(text: Option<String>) -> Result<Source, String> {
    text.map_or(Ok(Source::Executor), |text| keyword(&text))
}

/// `500ms`, `75s`, `10m`, `2h`, `7d`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().map_err(|_| format!("{text:?} is not a time span such as 75s"))?;
    let millis = match &text[end..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("{text:?} is not a time span: end it with ms, s, m, h or d")),
    };
    Ok(Duration::from_millis(number.saturating_mul(millis)))
}

/// Resources as they are displayed: the text form, and besides it dynamic reservations `(DYNAMIC web by ops)`, volumes
/// `[volume v1 by ops at path]` (whose principal is not displayed), disks `[MOUNT /root]` and `[PATH /root]`, and
/// `{shared}`, `{revocable}`.
pub(super) fn resources(text: &str) -> Result<Resources, String> {
    let mut all = Resources::new();
    for part in parts(text, ';') {
        all.add(entry(part)?).map_err(|error| format!("{part:?}: {error}"))?;
    }
    Ok(all)
}

fn entry(text: &str) -> Result<Resource, String> {
    let end = text.find(['(', '[', '{', ':']).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let (mut reservations, mut disk, mut marks) = (Reservations::NONE, None, Vec::new());
    while let Some(close) = closing(rest) {
        let at = rest.find(close).ok_or_else(|| format!("{text:?}: '{close}' is missing"))?;
        let inner = &rest[1..at];
        match close {
            ')' => reservations = stack(inner)?,
            ']' => disk = Some(volume(inner)?),
            _ => marks.push(inner.to_owned()),
        }
        rest = &rest[at + 1..];
    }
    let plain: Resources = read(&format!("{name}{rest}"))?;
    let mut entry = plain.iter().next().ok_or_else(|| format!("{text:?} is nothing"))?.with_reservations(reservations);
    if let Some(disk) = disk {
        entry = entry.with_disk(disk);
    }
    for mark in marks {
        entry = match mark.as_str() {
            "shared" => entry.shared(),
            "revocable" => entry.revocable(),
            other => return Err(format!("{other:?} is not a mark of a resource")),
        };
    }
    Ok(entry)
}

fn closing(text: &str) -> Option<char> {
    match text.chars().next()? {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        _ => None,
    }
}

fn stack(text: &str) -> Result<Reservations, String> {
    let reservation = |part: &str| {
        let words: Vec<&str> = part.split_whitespace().collect();
        match words[..] {
            ["DYNAMIC", role] => Ok(Reservation::dynamic(read(role)?, None)),
            ["DYNAMIC", role, "by", principal] => Ok(Reservation::dynamic(read(role)?, Some(read(principal)?))),
            [role] | ["STATIC", role] => Ok(Reservation::fixed(read(role)?)),
            _ => Err(format!("{part:?} is not a reservation")),
        }
    };
    let stack: Vec<Reservation> = text.split(',').map(str::trim).map(reservation).collect::<Result<_, String>>()?;
    Reservations::new(stack).map_err(|error| format!("{text:?}: {error}"))
}

fn volume(text: &str) -> Result<Disk, String> {
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        ["volume", id, "at", path] => Ok(Disk::volume(read::<PersistenceId>(id)?, None, path)),
        ["volume", id, "by", principal, "at", path] => {
            Ok(Disk::volume(read::<PersistenceId>(id)?, Some(read(principal)?), path))
        }
        ["MOUNT", root] => Ok(Disk::from_source(DiskSource::mount(root))),
        ["PATH", root] => Ok(Disk::from_source(DiskSource::path(root))),
        _ => Err(format!("{text:?} is not a disk")),
    }
}

/// Splits at `separator` outside of brackets.
fn parts(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |c: char| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        depth == 0 && c == separator
    })
    .filter(|part| !part.is_empty())
}

/// What the edge of the kernel makes of a text: the value, or why it is none.
pub(super) fn read_at_edge(kind: &str, text: &str) -> Result<String, String> {
    fn shown<T: FromStr<Err: Display> + Display>(text: &str) -> Result<String, String> {
        Ok(text.parse::<T>().map_or_else(|error| format!("refused: {error}"), |value| format!("read: {value}")))
    }
    match kind {
        "resources" => shown::<Resources>(text),
        "role" => shown::<Role>(text),
        "task-id" => shown::<TaskId>(text),
        "agent-id" => shown::<AgentId>(text),
        "executor-id" => shown::<ExecutorId>(text),
        "weight" => {
            let number: f64 = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
            let weight = mesos_core::Weight::new(number);
            Ok(weight.map_or_else(|error| format!("refused: {error}"), |weight| format!("read: {weight}")))
        }
        "refuse-seconds" => {
            let number: f64 = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
            Ok(format!("read: {:?}", Filters::from_secs_lenient(number).refuse_for))
        }
        other => Err(format!("{other:?} is not a kind of value")),
    }
}

/// `tcp:80`, `http:80/path`, `command:LINE`.
fn check(text: &str) -> Result<Check, String> {
    let wrong = || format!("{text:?} is no check: write tcp:80, http:80/path or command:LINE");
    let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
    let probe = |port: &str, question| Ok(Check::Probe(Probe { port: read(port)?, is_ipv6: false, question }));
    match kind {
        "tcp" => probe(rest, Question::Connects),
        "http" => {
            let (port, _) = rest.split_once('/').ok_or_else(wrong)?;
            probe(port, Question::Gets(rest[port.len()..].into()))
        }
        "command" => Ok(Check::Command(Box::new(CommandInfo::shell(rest)))),
        _ => Err(wrong()),
    }
}
