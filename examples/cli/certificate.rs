//! Certificates for clusters that have no authority of their own.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use mesos_core::net::tls::{Authority, Identity, Part};
use mesos_core::program::MesosDuration;

/// The parts that have certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A master.
    Master,
    /// An agent.
    Agent,
    /// A framework.
    Framework,
    /// A person or a tool.
    Operator,
}

impl From<Kind> for Part {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Master => Self::Master,
            Kind::Agent => Self::Agent,
            Kind::Framework => Self::Framework,
            Kind::Operator => Self::Operator,
        }
    }
}

/// Makes a certificate. The authority is kept in the folder and made with the first certificate: keep ca.key to yourself,
/// since whoever has it can be anybody; give every part ca.pem and its own two files.
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
#[command(after_help = "mesos certificate master m1 --host master.example.com --folder pki\n\
    mesos certificate agent a1 --host a1.example.com --folder pki\n\
    mesos certificate framework web --folder pki")]
pub(crate) struct Certificate {
    /// What the certificate is for.
    kind: Kind,
    /// How the part is called: its principal.
    name: String,
    /// Names and addresses under which it is reached; masters and agents need them.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    host: Vec<String>,
    /// The folder with the authority.
    #[arg(long, default_value = "pki")]
    folder: PathBuf,
    /// How long the certificate is good.
    #[arg(long, default_value = "365days")]
    valid: MesosDuration,
}

impl Certificate {
    pub(crate) fn make(&self) -> anyhow::Result<()> {
        let part = Part::from(self.kind);
        anyhow::ensure!(
            !self.host.is_empty() || !matches!(self.kind, Kind::Master | Kind::Agent),
            "say with --host under which names or addresses the {part} is reached; its peers make sure of them"
        );
        fs::create_dir_all(&self.folder).with_context(|| self.folder.display().to_string())?;
        let authority = authority(&self.folder)?;
        let identity = Identity::new(part, self.name.parse()?);
        let issued = authority.issue(&identity, &self.host, self.valid.into())?;
        let stem = format!("{part}-{}", self.name);
        let (certificate, key) = (self.folder.join(format!("{stem}.pem")), self.folder.join(format!("{stem}.key")));
        write_secret(&key, &issued.key)?;
        fs::write(&certificate, issued.certificate)?;
        println!(
            "--tls_cert={} --tls_key={} --tls_ca={}",
            certificate.display(),
            key.display(),
            self.folder.join("ca.pem").display()
        );
        Ok(())
    }
}

/// The authority of a folder, made if it is not there.
pub(crate) fn authority(folder: &Path) -> anyhow::Result<Authority> {
    const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);
    let (certificate, key) = (folder.join("ca.pem"), folder.join("ca.key"));
    if certificate.exists() {
        let read = |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
        return Ok(Authority::from_pem(&read(&certificate)?, &read(&key)?)?);
    }
    let authority = Authority::new("mesos", TEN_YEARS)?;
    write_secret(&key, authority.key())?;
    fs::write(&certificate, authority.certificate())?;
    Ok(authority)
}

/// Writes what nobody else may read.
pub(crate) fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    // Anew, so that what was there keeps no looser permissions.
    let _ = fs::remove_file(path);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| path.display().to_string())?;
    Ok(file.write_all(text.as_bytes())?)
}
