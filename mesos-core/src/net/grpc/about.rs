//! What tools ask a server of gRPC about itself: whether it is well, and which services there are.

use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthService;

use super::KernelService;
use super::proto::kernel::kernel_server::KernelServer;
use crate::net::http::{Site, axum};

/// The contracts of everything that is spoken here.
const DESCRIPTORS: &[u8] = include_bytes!("../../wire/generated/descriptors.bin");

/// Answers `grpc.health.v1`: the server serves while it answers.
#[must_use]
pub async fn health(site: Site) -> Site {
    let (reporter, _) = tonic_health::server::health_reporter();
    reporter.set_serving::<KernelServer<KernelService>>().await;
    let service = HealthServer::new(HealthService::from_health_reporter(reporter));
    ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/List"]
        .into_iter()
        .fold(site, |site, path| site.route(path, axum::routing::post_service(service.clone())))
}

/// Answers `grpc.reflection.v1`.
///
/// # Panics
/// Never: the descriptors were made with this library.
#[must_use]
pub fn reflection(site: Site) -> Site {
    let builder = tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS);
    let service = builder.build_v1().expect("the descriptors are whole");
    site.route("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", axum::routing::post_service(service))
}
