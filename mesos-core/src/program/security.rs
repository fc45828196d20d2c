//! Flags about who is who: of servers, and of those who connect to them.
//!
//! What is open must be asked for under a name with `insecure` in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::{Hidden, given_text, read_text};
use crate::net::auth::{Acls, Authenticator, Authorizer, Credentials, Open, Parts, Secret, TokenKey};
use crate::net::grpc::Dialer;
use crate::net::tls::{ClientTls, Material, Part, ServerTls};
use crate::provider::Clock;

/// Why the flags cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SecurityError(String);

fn refuse(problem: impl ToString) -> SecurityError {
    SecurityError(problem.to_string())
}

fn read(path: &Path) -> Result<String, SecurityError> {
    read_text(path).map_err(|error| refuse(format!("{}: {error}", path.display())))
}

/// A daemon's flags.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Security", rename_all = "snake_case")]
pub struct ServerSecurity {
    /// This daemon's certificate, in PEM. It must name the daemon as `mesos://master/NAME` or `mesos://agent/NAME`;
    /// `mesos certificate` makes such ones.
    #[arg(long, env = "MESOS_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, env = "MESOS_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// The certificates of the cluster's authority, in PEM: whom this daemon trusts.
    #[arg(long, env = "MESOS_TLS_CA", value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Who has which secret, for frameworks and tools that say them by HTTP basic authentication: JSON as in Mesos, or the
    /// path of a file with it, file:// before it or not. In a file they may be lines of a name and a secret as well.
    #[arg(long, env = "MESOS_CREDENTIALS", value_name = "FILE|JSON", hide_env_values = true)]
    pub credentials: Option<Hidden>,
    /// The secret that signs bearer tokens (JWT, HS256).
    #[arg(long, env = "MESOS_TOKEN_KEY", value_name = "FILE")]
    pub token_key: Option<PathBuf>,
    /// Access lists: JSON as in Mesos, or the path of a file with it, file:// before it or not, which may be TOML as well.
    /// What they do not allow is forbidden. Without them operators may do everything, frameworks what is theirs, agents
    /// register.
    #[arg(long, env = "MESOS_ACLS", value_name = "FILE|JSON")]
    pub acls: Option<String>,
    /// Speak without TLS: everybody on the way can read and change what is said.
    #[arg(long = "insecure-plaintext", env = "MESOS_INSECURE_PLAINTEXT")]
    pub insecure_plaintext: bool,
    /// Let in whoever comes, as Mesos does, without asking who they are, to do everything. Clients that know no
    /// authentication need it.
    #[arg(long = "insecure-anonymous", env = "MESOS_INSECURE_ANONYMOUS")]
    pub insecure_anonymous: bool,
}

impl ServerSecurity {
    /// Certificate, key and authority; none with `--insecure-plaintext`.
    ///
    /// # Errors
    /// When neither is said, or the files cannot be used, or the certificate does not name this kind of part.
    pub fn material(&self, part: Part) -> Result<Option<Material>, SecurityError> {
        match (&self.tls_cert, &self.tls_key, &self.tls_ca, self.insecure_plaintext) {
            (Some(certificate), Some(key), Some(authority), false) => {
                let material = Material::load(certificate, key, authority).map_err(refuse)?;
                match material.identity() {
                    Some(identity) if identity.part == part => Ok(Some(material)),
                    other => {
                        let named = other.map_or_else(|| "no part of a cluster".to_owned(), |other| other.to_string());
                        Err(refuse(format!(
                            "{} names {named}; it must name mesos://{part}/NAME (mesos certificate makes such ones)",
                            certificate.display()
                        )))
                    }
                }
            }
            (None, None, None, true) => Ok(None),
            (None, None, None, false) => Err(refuse(
                "say who this daemon is with --tls_cert, --tls_key and --tls_ca (mesos certificate makes them), or \
                 speak without TLS with --insecure-plaintext",
            )),
            (_, _, _, true) => Err(refuse("--insecure-plaintext contradicts --tls_cert, --tls_key and --tls_ca")),
            _ => Err(refuse("--tls_cert, --tls_key and --tls_ca belong together; give all three")),
        }
    }

    /// TLS of a server with this material.
    ///
    /// # Errors
    /// When certificate and key do not belong together.
    pub fn server_tls(material: &Material) -> Result<ServerTls, SecurityError> {
        ServerTls::new(material).map_err(refuse)
    }

    /// TLS towards masters with this material, or none.
    ///
    /// # Errors
    /// When certificate and key do not belong together.
    pub fn dialer(material: Option<&Material>) -> Result<Dialer, SecurityError> {
        Ok(match material {
            Some(material) => Dialer::tls(ClientTls::new(material).map_err(refuse)?),
            None => Dialer::plaintext(),
        })
    }

    /// Who is known, and what they may do. Says in the log what is open.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn doors(&self, clock: Arc<dyn Clock>) -> Result<(Authenticator, Arc<dyn Authorizer>), SecurityError> {
        let mut authenticator = Authenticator::new(clock);
        if let Some(given) = &self.credentials {
            let wrong = |problem: &dyn std::fmt::Display| refuse(format!("--credentials: {problem}"));
            let text = given_text(given.expose()).map_err(|error| wrong(&error))?;
            let credentials = Credentials::parse(&text).map_err(|error| wrong(&error))?;
            authenticator = authenticator.with_credentials(credentials);
        }
        if let Some(path) = &self.token_key {
            let secret = read(path)?;
            let secret = secret.trim();
            if secret.len() < 32 {
                return Err(refuse(format!("{}: a key has at least 32 bytes", path.display())));
            }
            authenticator = authenticator.with_tokens(TokenKey::new(&Secret::new(secret.as_bytes().to_vec())));
        }
        let mut authorizer: Arc<dyn Authorizer> = Arc::new(Parts);
        if let Some(given) = &self.acls {
            let wrong = |problem: &dyn std::fmt::Display| refuse(format!("--acls: {problem}"));
            let text = given_text(given).map_err(|error| wrong(&error))?;
            let acls = Acls::parse(&text).map_err(|error| wrong(&error))?;
            if acls.is_permissive() && !self.insecure_anonymous {
                let problem =
                    "permissive allows whatever no list speaks of; leave it out, or give --insecure-anonymous";
                return Err(wrong(&problem));
            }
            authorizer = Arc::new(acls);
        }
        if self.insecure_plaintext {
            tracing::warn!("insecure: no TLS; everybody on the way can read and change what is said");
        }
        if self.insecure_anonymous {
            tracing::warn!("insecure: whoever reaches this port is let in without saying who they are");
            authenticator = authenticator.admitting_anonymous();
            if self.acls.is_none() {
                tracing::warn!("insecure: and may do everything, running programs on every agent among it");
                authorizer = Arc::new(Open);
            }
        }
        Ok((authenticator, authorizer))
    }
}

/// Flags of those who connect to a master: frameworks and tools.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Security", rename_all = "snake_case")]
pub struct ClientSecurity {
    /// The certificates of the cluster's authority, in PEM.
    #[arg(long, env = "MESOS_TLS_CA", value_name = "FILE", global = true)]
    pub tls_ca: Option<PathBuf>,
    /// One's own certificate, in PEM.
    #[arg(long, env = "MESOS_TLS_CERT", value_name = "FILE", requires = "tls_key", global = true)]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, env = "MESOS_TLS_KEY", value_name = "FILE", requires = "tls_cert", global = true)]
    pub tls_key: Option<PathBuf>,
    /// Who one is, for HTTP basic authentication; the secret comes from --secret_file.
    #[arg(long, env = "MESOS_PRINCIPAL", value_name = "NAME", requires = "secret_file", global = true)]
    pub principal: Option<String>,
    /// A file with the principal's secret and nothing else.
    #[arg(long, env = "MESOS_SECRET_FILE", value_name = "FILE", requires = "principal", global = true)]
    pub secret_file: Option<PathBuf>,
    /// A file with a bearer token and nothing else.
    #[arg(long, env = "MESOS_TOKEN_FILE", value_name = "FILE", conflicts_with = "principal", global = true)]
    pub token_file: Option<PathBuf>,
    /// Speak without TLS: everybody on the way can read and change what is said, secrets among it.
    #[arg(long = "insecure-plaintext", env = "MESOS_INSECURE_PLAINTEXT", global = true)]
    pub insecure_plaintext: bool,
}

impl ClientSecurity {
    /// How to reach masters.
    ///
    /// # Errors
    /// When neither TLS nor plain text is asked for, or a file cannot be used.
    pub fn dialer(&self) -> Result<Dialer, SecurityError> {
        let dialer = match (&self.tls_ca, self.insecure_plaintext) {
            (Some(_), true) => return Err(refuse("--insecure-plaintext contradicts --tls_ca")),
            (None, false) => {
                return Err(refuse(
                    "give the certificates of the cluster's authority with --tls_ca, or speak without TLS with \
                     --insecure-plaintext",
                ));
            }
            (None, true) => Dialer::plaintext(),
            (Some(authority), false) => Dialer::tls(match (&self.tls_cert, &self.tls_key) {
                (Some(certificate), Some(key)) => {
                    let material = Material::load(certificate, key, authority).map_err(refuse)?;
                    ClientTls::new(&material).map_err(refuse)?
                }
                _ => ClientTls::without_certificate(read(authority)?.as_bytes()).map_err(refuse)?,
            }),
        };
        let credential = match (&self.principal, &self.secret_file, &self.token_file) {
            (Some(principal), Some(secret), _) => {
                Some(format!("Basic {}", STANDARD.encode(format!("{principal}:{}", read(secret)?.trim()))))
            }
            (_, _, Some(token)) => Some(format!("Bearer {}", read(token)?.trim())),
            _ => None,
        };
        Ok(match credential {
            Some(credential) => dialer.with_credential(
                HeaderValue::try_from(credential).map_err(|_| refuse("the secret or token cannot be sent"))?,
            ),
            None => dialer,
        })
    }
}
