//! `/api/v1`: what operators and tools ask of an agent.
//!
//! Views are made of a [`Snapshot`], taken between two steps of the machine and shared by all who ask meanwhile. What this agent cannot do is refused with a
//! sentence, never answered as if it had been done. Calls: Apache Mesos, `docs/operator-http-api.md`.

use std::sync::Arc;
use std::time::Duration;

use mesos_core::Rejection;
use mesos_core::net::auth::Sight;
use mesos_core::net::http::axum::extract::State;
use mesos_core::net::http::axum::http::{HeaderMap, StatusCode};
use mesos_core::net::http::{
    Answering, BODY_BYTES_MAX, Body, Caller, Form, Media, RECORD_IO, RecordReader, Refusal, Response, answer, decode,
    done, read_body,
};
use mesos_core::net::layer::LongAnswer;
use mesos_core::wire::v1;
use v1::agent::call::Type;
use v1::agent::response::{self, Type as Kind};
use v1::agent::{Call, Response as Answered};

use super::{Context, Shared, VERSION, containers, input, wire};
use crate::agent::Snapshot;

/// The largest record of a streamed call.
const RECORD_BYTES_MAX: usize = 1 << 20;

pub(super) async fn ask(
    State(context): State<Shared>,
    caller: Caller,
    answering: Answering,
    long: LongAnswer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let (call, rest) = match Form::of_body(&headers)? {
        Form::Message(media) => (decode::<Call>(media, &read_body(body, BODY_BYTES_MAX).await?)?, None),
        Form::Records(media) => {
            let mut records = RecordReader::new(body, RECORD_BYTES_MAX);
            let first = records.next_record().await?;
            let first = decode(media, &first.ok_or_else(|| Refusal::bad_request("the stream holds no call"))?)?;
            (first, Some((media, records)))
        }
    };
    let is_stream = matches!(call.r#type(), Type::LaunchNestedContainerSession | Type::AttachContainerOutput);
    answering.check(call.r#type().as_str_name(), is_stream)?;
    context.judge.call(&caller, &call).await?;
    if is_long(call.r#type()) {
        long.announce();
    }
    match call.r#type() {
        Type::LaunchNestedContainerSession => containers::session(&context, &headers, call).await,
        Type::AttachContainerOutput => containers::attach_output(&context, &headers, call).await,
        Type::AttachContainerInput => match rest {
            Some((media, records)) => input::attach(&context, media, call, records).await,
            None => {
                let text = format!("Expecting 'Content-Type' to be {RECORD_IO}: input is a stream of records");
                Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
            }
        },
        Type::LaunchContainer | Type::LaunchNestedContainer => containers::launch(&context, call).await,
        Type::KillContainer | Type::KillNestedContainer => containers::kill(&context, call).await,
        Type::RemoveContainer | Type::RemoveNestedContainer => containers::remove(&context, call).await,
        Type::WaitContainer | Type::WaitNestedContainer => {
            let media = Media::of_answer(&headers)?;
            containers::wait(&context, call).await.map(|waited| answer(media, &waited))
        }
        Type::SetLoggingLevel => {
            let set = part(call.set_logging_level, "set_logging_level")?;
            let wrong = |why: Rejection| {
                Refusal::bad_request(format!("set_logging_level.duration: {}; {}", why.what, why.remedy))
            };
            let duration = Duration::try_from(set.duration).map_err(wrong)?;
            context.verbosity.set(set.level, duration).map_err(Refusal::bad_request)?;
            Ok(done())
        }
        _ => {
            let media = Media::of_answer(&headers)?;
            context.answer(call, &context.sight(caller)).await.map(|answered| answer(media, &answered))
        }
    }
}

/// Whether the answer begins when something has ended, or was brought and started: that takes as long as it takes.
const fn is_long(kind: Type) -> bool {
    matches!(
        kind,
        Type::WaitContainer
            | Type::WaitNestedContainer
            | Type::LaunchContainer
            | Type::LaunchNestedContainer
            | Type::LaunchNestedContainerSession
            | Type::AttachContainerInput
    )
}

fn part<T>(part: Option<T>, name: &str) -> Result<T, Refusal> {
    part.ok_or_else(|| Refusal::bad_request(format!("Expecting '{name}' to be present")))
}

impl Context {
    /// The agent at this moment.
    pub(super) async fn snapshot(&self) -> Result<Arc<Snapshot>, Refusal> {
        let snapshot = self.executors.snapshot().await;
        let snapshot = snapshot.ok_or_else(|| Refusal::unavailable("the agent has ended"))?;
        match snapshot.is_recovered {
            true => Ok(snapshot),
            false => Err(Refusal::unavailable("the agent is finding out what runs on its machine")),
        }
    }

    /// The agent at this moment, as far as it may be seen. Executors see nothing.
    pub(super) async fn seen_by(&self, sight: &Sight) -> Result<Arc<Snapshot>, Refusal> {
        if super::judge::proven(sight.caller())?.is_some() {
            return Err(Refusal::forbidden("an executor's credentials are not good for views"));
        }
        Ok(super::sight::seen(self.snapshot().await?, sight))
    }

    async fn answer(&self, call: Call, sight: &Sight) -> Result<Answered, Refusal> {
        let mut answered = Answered::default();
        let kind = match call.r#type() {
            Type::GetHealth => {
                answered.get_health = Some(response::GetHealth { healthy: true });
                Kind::GetHealth
            }
            Type::GetFlags => {
                let flag =
                    |(name, value): &(String, String)| v1::Flag { name: name.clone(), value: Some(value.clone()) };
                answered.get_flags = Some(response::GetFlags { flags: self.flags.iter().map(flag).collect() });
                Kind::GetFlags
            }
            Type::GetVersion => {
                let version_info = v1::VersionInfo { version: VERSION.to_owned(), ..Default::default() };
                answered.get_version = Some(response::GetVersion { version_info });
                Kind::GetVersion
            }
            Type::GetMetrics => {
                let metrics = super::metrics::collect(self).await?.by_name().into_iter();
                let metrics = metrics.map(|(name, value)| v1::Metric { name, value: Some(value) }).collect();
                answered.get_metrics = Some(response::GetMetrics { metrics });
                Kind::GetMetrics
            }
            Type::GetLoggingLevel => {
                answered.get_logging_level = Some(response::GetLoggingLevel { level: self.verbosity.level() });
                Kind::GetLoggingLevel
            }
            Type::GetState => {
                answered.get_state = Some(wire::state(&*self.seen_by(sight).await?));
                Kind::GetState
            }
            Type::GetAgent => {
                // Whether it is being drained is its master's to say: an agent is told to kill tasks, and not why.
                let agent_info = Some(wire::agent(&*self.snapshot().await?));
                answered.get_agent = Some(response::GetAgent { agent_info, ..Default::default() });
                Kind::GetAgent
            }
            Type::GetFrameworks => {
                answered.get_frameworks = Some(wire::frameworks(&*self.seen_by(sight).await?));
                Kind::GetFrameworks
            }
            Type::GetExecutors => {
                answered.get_executors = Some(wire::executors(&*self.seen_by(sight).await?));
                Kind::GetExecutors
            }
            Type::GetTasks => {
                answered.get_tasks = Some(wire::tasks(&*self.seen_by(sight).await?));
                Kind::GetTasks
            }
            Type::GetOperations => {
                answered.get_operations = Some(wire::operations(&*self.seen_by(sight).await?));
                Kind::GetOperations
            }
            Type::GetContainers => {
                let wanted = call.get_containers.unwrap_or_default();
                let seen = self.seen_by(sight).await?;
                let containers =
                    super::statistics::containers(self, &seen, wanted.show_nested(), wanted.show_standalone()).await;
                answered.get_containers = Some(response::GetContainers { containers });
                Kind::GetContainers
            }
            Type::GetResourceProviders => {
                answered.get_resource_providers = Some(response::GetResourceProviders::default());
                Kind::GetResourceProviders
            }
            Type::ListFiles => {
                let path = part(call.list_files, "list_files")?.path;
                let file_infos = self.files.list(&path).await?;
                answered.list_files = Some(response::ListFiles { file_infos });
                Kind::ListFiles
            }
            Type::ReadFile => {
                let wanted = part(call.read_file, "read_file")?;
                let (size, data) = self.files.read(&wanted.path, wanted.offset, wanted.length).await?;
                answered.read_file = Some(response::ReadFile { size, data });
                Kind::ReadFile
            }
            Type::Unknown => return Err(Refusal::not_implemented("the call has no type, or one not known")),
            other => {
                let text = format!("{} is not something this agent can do; it has no such part", other.as_str_name());
                return Err(Refusal::not_implemented(text));
            }
        };
        answered.set_type(kind);
        Ok(answered)
    }
}
