//! TLS between the parts, and who a certificate says its holder is.
//!
//! Every part has a certificate of the cluster's own authority, which names what it is and how it is called in one URI,
//! `mesos://agent/host-7`. Both ends show theirs: a client makes sure that it speaks to a master of its cluster, not merely
//! to somebody with a certificate of it, and a server learns who asks. Clients without a certificate are let in as far as
//! the handshake goes; whether they may do anything is for [`auth`](super::auth).
//!
//! [`Authority`] issues certificates for clusters that begin on one machine and for those that keep no authority of their
//! own. Certificates of another one serve as well, if they carry the URI.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod anyone;

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::id::Principal;
use crate::net::http::Handshake;

pub use anyone::connect_to_anyone;

/// How long a certificate of an [`Authority`] of ours is good.
pub const VALID_FOR_DEFAULT: Duration = Duration::from_secs(365 * 24 * 3_600);
/// A certificate is good a little before it was made: clocks of a cluster differ.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(300);

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read as what it should be.
    #[error("{path}: {problem}")]
    File {
        /// Which.
        path: String,
        /// Why, and what it should be.
        problem: String,
    },
    /// Certificates and key do not make a configuration.
    #[error("the certificates cannot be used: {0}")]
    Config(#[from] rustls::Error),
    /// The certificates of the authority cannot be used to verify others.
    #[error("the authority's certificates cannot be used: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// A certificate could not be made.
    #[error("a certificate cannot be made: {0}")]
    Issue(#[from] rcgen::Error),
}

/// What a holder of a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A master.
    Master,
    /// An agent.
    Agent,
    /// A framework.
    Framework,
    /// A person or a tool.
    Operator,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Master, Self::Agent, Self::Framework, Self::Operator];

    /// Its name in certificates.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Agent => "agent",
            Self::Framework => "framework",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who holds a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What it is.
    pub part: Part,
    /// How it is called.
    pub principal: Principal,
}

impl Identity {
    /// A holder.
    #[must_use]
    pub const fn new(part: Part, principal: Principal) -> Self {
        Self { part, principal }
    }

    /// Who a certificate says it is; none when it carries no URI of ours.
    #[must_use]
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let names = certificate.subject_alternative_name().ok().flatten()?;
        let mut identities = names.value.general_names.iter().filter_map(|name| match name {
            GeneralName::URI(uri) => uri.parse().ok(),
            _ => None,
        });
        // One that names two holders names nobody.
        let identity = identities.next()?;
        identities.next().is_none().then_some(identity)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mesos://{}/{}", self.part, self.principal)
    }
}

impl FromStr for Identity {
    type Err = String;

    fn from_str(uri: &str) -> Result<Self, String> {
        let problem = || format!("{uri:?} names no part; write mesos://PART/NAME with one of {:?}", Part::ALL);
        let (part, name) = uri.strip_prefix("mesos://").and_then(|rest| rest.split_once('/')).ok_or_else(problem)?;
        let part = Part::ALL.into_iter().find(|own| own.name() == part).ok_or_else(problem)?;
        Ok(Self { part, principal: Principal::new(name).map_err(|error| error.to_string())? })
    }
}

/// A certificate with its key, and the authority's certificates.
pub struct Material {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

/// What of it cannot be read.
enum Pem {
    Certificate,
    Key,
    Authority,
}

impl Material {
    /// Reads PEM files.
    ///
    /// # Errors
    /// [`TlsError::File`] names the file and what is wrong with it.
    pub fn load(certificate: &Path, key: &Path, authority: &Path) -> Result<Self, TlsError> {
        Self::read(&pem(certificate)?, &pem(key)?, &pem(authority)?).map_err(|(pem, problem)| {
            let path = match pem {
                Pem::Certificate => certificate,
                Pem::Key => key,
                Pem::Authority => authority,
            };
            TlsError::File { path: path.display().to_string(), problem }
        })
    }

    /// Reads PEM texts.
    ///
    /// # Errors
    /// [`TlsError::File`] says which and why.
    pub fn from_pem(certificate: &str, key: &str, authority: &str) -> Result<Self, TlsError> {
        Self::read(certificate.as_bytes(), key.as_bytes(), authority.as_bytes()).map_err(|(pem, problem)| {
            let path = match pem {
                Pem::Certificate => "certificate",
                Pem::Key => "key",
                Pem::Authority => "authority",
            };
            TlsError::File { path: path.to_owned(), problem }
        })
    }

    fn read(certificate: &[u8], key: &[u8], authority: &[u8]) -> Result<Self, (Pem, String)> {
        let chain = certificates(certificate).map_err(|problem| (Pem::Certificate, problem))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| (Pem::Key, format!("{error}; give a private key in PEM, unencrypted")))?;
        Ok(Self { chain, key, roots: roots(authority).map_err(|problem| (Pem::Authority, problem))? })
    }

    /// Whose certificate it is.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        Identity::of_certificate(self.chain.first()?)
    }
}

fn pem(path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = super::read_text(path).map(String::into_bytes);
    read.map_err(|error| TlsError::File { path: path.display().to_string(), problem: error.to_string() })
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| error.to_string())?;
    if read.is_empty() {
        return Err("there is no certificate in it; give certificates in PEM".to_owned());
    }
    Ok(read)
}

fn roots(pem: &[u8]) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    Ok(Arc::new(roots))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The client's side.
#[derive(Clone)]
pub struct ClientTls {
    http2: TlsConnector,
    http1: TlsConnector,
    /// What the server must be.
    expected: Part,
}

impl ClientTls {
    /// Shows this certificate to masters.
    ///
    /// # Errors
    /// When certificate and key do not belong together.
    pub fn new(material: &Material) -> Result<Self, TlsError> {
        let builder = Self::builder(material.roots.clone())?;
        Ok(Self::of(builder.with_client_auth_cert(material.chain.clone(), material.key.clone_key())?))
    }

    /// Shows no certificate: somebody who will say who they are in another way. `authority` is PEM.
    ///
    /// # Errors
    /// When the authority's certificates cannot be read.
    pub fn without_certificate(authority: &[u8]) -> Result<Self, TlsError> {
        let roots = roots(authority).map_err(|problem| TlsError::File { path: "authority".to_owned(), problem })?;
        Ok(Self::of(Self::builder(roots)?.with_no_client_auth()))
    }

    fn builder(
        roots: Arc<RootCertStore>,
    ) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        Ok(builder.with_root_certificates(roots))
    }

    fn of(config: ClientConfig) -> Self {
        let with = |protocol: &[u8]| {
            let mut config = config.clone();
            config.alpn_protocols = vec![protocol.to_vec()];
            TlsConnector::from(Arc::new(config))
        };
        Self { http2: with(b"h2"), http1: with(b"http/1.1"), expected: Part::Master }
    }

    /// Expects a server of this kind instead of a master.
    #[must_use]
    pub const fn expecting(mut self, part: Part) -> Self {
        self.expected = part;
        self
    }

    /// Shakes hands for HTTP/2.
    ///
    /// # Errors
    /// When the server cannot prove that it is `host` and what is expected.
    pub async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        self.shake_hands(&self.http2, host, stream).await
    }

    /// Shakes hands for HTTP/1.1.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_http1(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        self.shake_hands(&self.http1, host, stream).await
    }

    async fn shake_hands(
        &self,
        connector: &TlsConnector,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(io::Error::other)?;
        let stream = connector.connect(name, stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let part = shown.and_then(Identity::of_certificate).map(|identity| identity.part);
        if part != Some(self.expected) {
            let what = part.map_or("no part of a cluster", Part::name);
            let problem = format!("{host} proved to be {what}, not a {}", self.expected);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
        }
        Ok(stream)
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("expected", &self.expected).finish_non_exhaustive()
    }
}

/// The server's side.
#[derive(Clone)]
pub struct ServerTls {
    acceptor: TlsAcceptor,
}

impl ServerTls {
    /// Shows this certificate, and asks for one.
    ///
    /// # Errors
    /// When certificate and key do not belong together.
    pub fn new(material: &Material) -> Result<Self, TlsError> {
        let verifier = WebPkiClientVerifier::builder_with_provider(material.roots.clone(), provider())
            .allow_unauthenticated()
            .build()?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(material.chain.clone(), material.key.clone_key())?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Shakes hands; who the client proved to be.
    ///
    /// # Errors
    /// When the client shows a certificate of another authority, or does not speak TLS.
    pub async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(tokio_rustls::server::TlsStream<TcpStream>, Option<Identity>)> {
        let stream = self.acceptor.accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let identity = shown.and_then(Identity::of_certificate);
        Ok((stream, identity))
    }
}

#[async_trait]
impl Handshake for ServerTls {
    type Io = tokio_rustls::server::TlsStream<TcpStream>;

    /// Puts the client's [`Identity`], if it showed one, into the extensions.
    async fn shake_hands(&self, stream: TcpStream, learnt: &mut http::Extensions) -> io::Result<Self::Io> {
        let (stream, identity) = self.accept(stream).await?;
        if let Some(identity) = identity {
            learnt.insert(identity);
        }
        Ok(stream)
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// An authority: makes certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    key: String,
}

/// A certificate and its key in PEM.
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its key: a secret.
    pub key: String,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").finish_non_exhaustive()
    }
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(name: &str, valid_for: Duration) -> Result<Self, TlsError> {
        let mut params = params(valid_for);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        let key_pem = key.serialize_pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate, key: key_pem })
    }

    /// One that was made before.
    ///
    /// # Errors
    /// When certificate or key cannot be read.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, TlsError> {
        let issuer = Issuer::from_ca_cert_pem(certificate, KeyPair::from_pem(key)?)?;
        Ok(Self { issuer, certificate: certificate.to_owned(), key: key.to_owned() })
    }

    /// Its certificate in PEM: what everybody in the cluster trusts.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Its key in PEM. Whoever has it can be anybody.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A certificate for `identity`, who may be reached under `names` (host names or addresses).
    ///
    /// # Errors
    /// When a name is none.
    pub fn issue(&self, identity: &Identity, names: &[String], valid_for: Duration) -> Result<Issued, TlsError> {
        let mut params = params(valid_for);
        params.distinguished_name.push(DnType::CommonName, identity.principal.as_str());
        for name in names {
            params.subject_alt_names.push(match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            });
        }
        params.subject_alt_names.push(SanType::URI(identity.to_string().try_into()?));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// [`Material`] with a new certificate, without files.
    ///
    /// # Errors
    /// As [`issue`](Self::issue).
    pub fn material(&self, identity: &Identity, names: &[String], valid_for: Duration) -> Result<Material, TlsError> {
        let issued = self.issue(identity, names, valid_for)?;
        Material::from_pem(&issued.certificate, &issued.key, &self.certificate)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

fn params(valid_for: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let now = OffsetDateTime::now_utc();
    params.not_before = now - CLOCK_SKEW_MAX;
    params.not_after = now + valid_for;
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_end_are_refused_and_the_one_at_fault_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let certificate = folder.path().join("cert.pem");
        std::fs::write(&certificate, "no certificate").unwrap();
        let load = |key: &Path| Material::load(&certificate, key, &certificate).unwrap_err().to_string();
        let endless = load(Path::new("/dev/zero"));
        assert!(endless.contains("/dev/zero") && endless.contains("neither a file nor a pipe"), "{endless}");
        let empty = load(&certificate);
        assert!(empty.contains("cert.pem"), "{empty}");
    }
}
