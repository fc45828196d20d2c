//! Who collects spans, as OpenTelemetry's collector does.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use mesos_core::net::http::axum;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use tonic::{Request, Response, Status};

/// Batches that wait to be looked at.
const BATCHES_MAX: usize = 64;

struct Ears(mpsc::SyncSender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Ears {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.try_send(request.into_inner()).map_err(|_| Status::resource_exhausted("too many batches"))?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// A collector on this machine; it ends when this is dropped.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    batches: mpsc::Receiver<ExportTraceServiceRequest>,
    _runtime: tokio::runtime::Runtime,
}

impl Collector {
    pub(crate) fn open() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (told, batches) = mpsc::sync_channel(BATCHES_MAX);
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let router = tonic::service::Routes::new(TraceServiceServer::new(Ears(told))).into_axum_router();
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, batches, _runtime: runtime }
    }

    /// The spans of the next batch, with whose they are.
    pub(crate) fn hear(&self, patience: Duration) -> (String, Vec<Span>) {
        let batch = self.batches.recv_timeout(patience).expect("a batch of spans comes");
        let of = batch.resource_spans.into_iter().next().unwrap();
        let service = format!("{:?}", of.resource.unwrap().attributes);
        (service, of.scope_spans.into_iter().flat_map(|scope| scope.spans).collect())
    }
}
