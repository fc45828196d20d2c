//! Sends the spans of tasks by OTLP, the protocol of OpenTelemetry, to whoever collects them.
//!
//! Master and agents need not pass on to each other which trace a task belongs to: a trace's id is drawn from the names of
//! framework, task and agent, so all of them come to the same one. The master's span is the root.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Event, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfig, BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor};

use super::read_text;
use crate::daemon::{SpanSink, Stretch, TaskSpan};
use crate::task::TaskState;
use crate::time::WallTime;

/// For one batch of spans.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// For what waits when a program ends: whoever stops a service waits longer than that.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// A daemon's flags about spans.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "OpenTelemetry", rename_all = "snake_case")]
pub struct Spans {
    /// Send how long tasks take until they run to this collector, by OTLP over gRPC: https://HOST:4317. Without it nothing
    /// is sent.
    #[arg(long, env = "MESOS_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// The authority, in PEM, that vouches for the collector.
    #[arg(long, env = "MESOS_OTLP_CA", value_name = "FILE")]
    pub otlp_ca: Option<PathBuf>,
    /// Send to an http:// endpoint: everybody on the way can read the names of frameworks, tasks and agents.
    #[arg(long = "insecure-otlp", env = "MESOS_INSECURE_OTLP")]
    pub insecure_otlp: bool,
}

impl Spans {
    /// Where spans go, if anywhere. `service` is what collectors call this program. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the flags contradict each other or cannot be used.
    pub fn begin(&self, service: &str) -> Result<Option<SpanExport>, String> {
        let Some(endpoint) = &self.otlp_endpoint else {
            return match &self.otlp_ca {
                Some(path) => Err(format!(
                    "--otlp_ca={} vouches for nobody; say with --otlp_endpoint where spans go, or leave it out",
                    path.display()
                )),
                None => Ok(None),
            };
        };
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT);
        let exporter = match (endpoint.split_once("://").map(|(scheme, _)| scheme), &self.otlp_ca) {
            (Some("http"), _) if self.insecure_otlp => exporter,
            (Some("http"), _) => {
                return Err(format!(
                    "--otlp_endpoint {endpoint} is not encrypted; use https://, or say --insecure-otlp as well"
                ));
            }
            (Some("https"), Some(path)) => {
                let pem = read_text(path).map_err(|error| format!("--otlp_ca {}: {error}", path.display()))?;
                exporter.with_tls_config(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))
            }
            (Some("https"), None) => {
                return Err(format!("--otlp_endpoint {endpoint}: say with --otlp_ca who vouches for it"));
            }
            _ => return Err(format!("--otlp_endpoint {endpoint:?} is no URL of a collector; write https://HOST:4317")),
        };
        let exporter = exporter.build().map_err(|error| format!("--otlp_endpoint {endpoint}: {error}"))?;
        // Spans that come faster than they are sent are let go, and it is logged.
        let mut processor = BatchSpanProcessor::new(exporter, BatchConfig::default());
        processor.set_resource(&Resource::builder_empty().with_service_name(service.to_owned()).build());
        let scope = InstrumentationScope::builder("mesos").build();
        Ok(Some(SpanExport(Arc::new(Otlp { processor, scope, is_over: AtomicBool::new(false) }))))
    }
}

/// Spans on their way to a collector. A program that just ends takes those with it that wait to be sent.
#[derive(Debug)]
#[must_use]
pub struct SpanExport(Arc<Otlp>);

impl SpanExport {
    /// What takes them.
    #[must_use]
    pub fn sink(&self) -> Arc<dyn SpanSink> {
        self.0.clone()
    }

    /// Sends what waits, for a few seconds at most; what comes later is let go.
    pub async fn end(self) {
        let ending = tokio::task::spawn_blocking(move || self.0.end());
        if let Err(error) = ending.await {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Sends what it takes, in batches; what waits when it ends or is dropped at once.
#[derive(Debug)]
struct Otlp {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
    is_over: AtomicBool,
}

impl Otlp {
    fn end(&self) {
        if self.is_over.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.processor.shutdown_with_timeout(END_TIMEOUT) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

impl SpanSink for Otlp {
    fn take(&self, span: TaskSpan) {
        self.processor.on_end(data(&span, self.scope.clone()));
    }
}

impl Drop for Otlp {
    fn drop(&mut self) {
        self.end();
    }
}

/// The ids that follow from what a span is about: of its trace, of the trace's root, and its own.
fn ids(span: &TaskSpan) -> (TraceId, SpanId, SpanId) {
    let names = [span.framework_id.as_str(), span.task_id.as_str(), span.agent_id.as_str()].join("/");
    let part = |of: &str| {
        let digest = ring::digest::digest(&ring::digest::SHA256, format!("{of}/{names}").as_bytes());
        <[u8; 16]>::try_from(&digest.as_ref()[..16]).expect("a digest has 32 bytes")
    };
    let short = |of: &str| SpanId::from_bytes(*part(of).first_chunk().expect("8 of 16 bytes"));
    (TraceId::from_bytes(part("trace")), short(Stretch::Task.name()), short(span.stretch.name()))
}

fn data(span: &TaskSpan, scope: InstrumentationScope) -> SpanData {
    let (trace, root, own) = ids(span);
    let at = |wall: WallTime| SystemTime::UNIX_EPOCH + Duration::from_nanos(wall.as_nanos());
    let mut events = SpanEvents::default();
    events.events.extend(span.states.iter().map(|(state, wall)| Event::new(state.name(), at(*wall), Vec::new(), 0)));
    let last = span.states.last();
    let runs = last.is_some_and(|(state, _)| matches!(state, TaskState::Running | TaskState::Finished));
    SpanData {
        span_context: SpanContext::new(trace, own, TraceFlags::SAMPLED, false, TraceState::default()),
        parent_span_id: if own == root { SpanId::INVALID } else { root },
        parent_span_is_remote: own != root,
        span_kind: SpanKind::Internal,
        name: span.stretch.name().into(),
        start_time: at(span.since_wall),
        end_time: at(last.map_or(span.since_wall, |(_, wall)| *wall).max(span.since_wall)),
        attributes: vec![
            KeyValue::new("mesos.framework_id", span.framework_id.as_str().to_owned()),
            KeyValue::new("mesos.task_id", span.task_id.as_str().to_owned()),
            KeyValue::new("mesos.agent_id", span.agent_id.as_str().to_owned()),
        ],
        dropped_attributes_count: 0,
        events,
        links: SpanLinks::default(),
        status: match last {
            Some((state, _)) if !runs => Status::error(state.name()),
            _ => Status::Ok,
        },
        instrumentation_scope: scope,
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
    use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
    use tokio::sync::mpsc;
    use tonic::{Request, Response};

    use super::*;
    use crate::id::{AgentId, FrameworkId, TaskId};

    struct Collector(mpsc::Sender<ExportTraceServiceRequest>);

    #[tonic::async_trait]
    impl TraceService for Collector {
        async fn export(
            &self,
            request: Request<ExportTraceServiceRequest>,
        ) -> Result<Response<ExportTraceServiceResponse>, tonic::Status> {
            self.0.send(request.into_inner()).await.unwrap();
            Ok(Response::new(ExportTraceServiceResponse::default()))
        }
    }

    fn span(stretch: Stretch, last: TaskState) -> TaskSpan {
        TaskSpan {
            stretch,
            framework_id: FrameworkId::new("f-1").unwrap(),
            task_id: TaskId::new("t").unwrap(),
            agent_id: AgentId::new("a-1").unwrap(),
            since_wall: WallTime::from_nanos(5_000),
            states: vec![(TaskState::Starting, WallTime::from_nanos(6_000)), (last, WallTime::from_nanos(9_000))],
        }
    }

    #[tokio::test]
    async fn a_collector_gets_spans_of_master_and_agent_in_one_trace() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, mut collected) = mpsc::channel(4);
        let router = tonic::service::Routes::new(TraceServiceServer::new(Collector(told))).into_axum_router();
        let served = crate::daemon::Task::spawn(async move { axum::serve(listener, router).await.unwrap() });

        let flags = Spans { otlp_endpoint: Some(format!("http://{address}")), otlp_ca: None, insecure_otlp: true };
        let mut spans = Vec::new();
        for (service, stretch, last) in
            [("mesos-master", Stretch::Task, TaskState::Running), ("mesos-agent", Stretch::Start, TaskState::Failed)]
        {
            let export = flags.begin(service).unwrap().unwrap();
            // Somebody may hold on to it.
            let sink = export.sink();
            sink.take(span(stretch, last));
            export.end().await;
            let mut request = collected.recv().await.unwrap();
            let mut of = request.resource_spans.remove(0);
            let named = format!("{:?}", of.resource.unwrap().attributes);
            assert!(named.contains(service), "{named}");
            spans.push(of.scope_spans.remove(0).spans.remove(0));
        }
        drop(served);
        let [task, start] = spans.try_into().unwrap();
        assert_eq!((task.name.as_str(), start.name.as_str()), ("task", "task start"));
        assert_eq!(task.trace_id, start.trace_id);
        assert_eq!((task.parent_span_id.as_slice(), &start.parent_span_id), (&[][..], &task.span_id));
        assert_eq!((task.start_time_unix_nano, task.end_time_unix_nano), (5_000, 9_000));
        let states: Vec<_> = task.events.iter().map(|event| (event.name.as_str(), event.time_unix_nano)).collect();
        assert_eq!(states, [("STARTING", 6_000), ("RUNNING", 9_000)]);
        assert_eq!(start.status.unwrap().message, "FAILED");
        assert_eq!(task.status.unwrap().message, "");
    }

    #[tokio::test]
    async fn what_is_open_or_unknown_is_refused_with_what_would_be_right() {
        for (endpoint, says) in [
            ("http://127.0.0.1:4317", "--insecure-otlp"),
            ("https://127.0.0.1:4317", "--otlp_ca"),
            ("127.0.0.1:4317", "https://HOST:4317"),
        ] {
            let flags = Spans { otlp_endpoint: Some(endpoint.to_owned()), otlp_ca: None, insecure_otlp: false };
            assert!(flags.begin("x").unwrap_err().contains(says), "{endpoint}");
        }
        assert!(Spans::default().begin("x").unwrap().is_none(), "off by default");
        let alone = Spans { otlp_ca: Some("ca.pem".into()), ..Spans::default() };
        assert!(alone.begin("x").unwrap_err().contains("--otlp_endpoint"));
    }
}
