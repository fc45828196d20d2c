//! What tools ask a server of gRPC about itself: whether it is well, and which services there are.

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthService;

use super::proto::kernel::{agent_operator_server, agent_server, kernel_server, master_operator_server};
use crate::net::http::{Site, axum};

/// The contracts of everything that is spoken here.
const DESCRIPTORS: &[u8] = include_bytes!("../../wire/generated/descriptors.bin");

/// What a master speaks.
pub const MASTER_SERVICES: &[&str] = &[kernel_server::SERVICE_NAME, master_operator_server::SERVICE_NAME];
/// What an agent speaks.
pub const AGENT_SERVICES: &[&str] = &[agent_server::SERVICE_NAME, agent_operator_server::SERVICE_NAME];
/// What both speak.
const OF_ALL: [&str; 2] = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"];

/// Answers `grpc.health.v1` for these services: the server serves while it answers.
#[must_use]
pub async fn health(site: Site, services: &[&str]) -> Site {
    let (reporter, _) = tonic_health::server::health_reporter();
    for service in services {
        reporter.set_service_status(service, ServingStatus::Serving).await;
    }
    let service = HealthServer::new(HealthService::from_health_reporter(reporter));
    ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/List"]
        .into_iter()
        .fold(site, |site, path| site.route(path, axum::routing::post_service(service.clone())))
}

/// Answers `grpc.reflection.v1`, which lists these services beside those every server has.
///
/// # Panics
/// Never: the descriptors were made with this library.
#[must_use]
pub fn reflection(site: Site, services: &[&str]) -> Site {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    let builder = services.iter().chain(&OF_ALL).fold(builder, |builder, service| builder.with_service_name(*service));
    let service = builder.build_v1().expect("the descriptors are whole");
    site.route("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", axum::routing::post_service(service))
}
