//! A certificate for trying HTTPS on one's own machine: signed by an authority of its own, kept under the state
//! directory, made at the first start and renewed at a later one. For real names use a real certificate.
//!
//! In the directory `tls`: `ca.pem` (what clients are told to trust), `ca.key.pem`, `cert.pem`, `key.pem`, and
//! `issued.json`, which says for which names and until when. That file goes first and comes back last, so that an
//! interrupted renewal is repeated and never taken for a finished one.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};

use crate::limits::{
    SELF_MADE_AUTHORITY_LIFETIME, SELF_MADE_CERTIFICATE_LIFETIME,
    SELF_MADE_CERTIFICATE_RENEWAL_MARGIN,
};

/// Clocks of two machines differ; a certificate is valid from a little before it was made.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(3_600);

/// Names that every self-made certificate is for.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Where the files are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificates {
    /// The authority's certificate, for `curl --cacert` and a browser's trust store. PEM.
    pub authority: PathBuf,
    /// The server's certificate. PEM.
    pub certificate: PathBuf,
    /// The server's private key. PEM, readable by its owner only.
    pub key: PathBuf,
    /// Whether this call made a new certificate.
    pub renewed: bool,
}

/// Why there is no certificate.
#[derive(Debug)]
pub enum CertificateError {
    /// A file or directory could not be read or written.
    File(PathBuf, io::Error),
    /// The names cannot be certified.
    Names(BTreeSet<String>, rcgen::Error),
}

impl std::fmt::Display for CertificateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path, error) => write!(
                f,
                "self-made certificate: {}: {error}; make its directory writable for this user, or \
                 choose another state directory",
                path.display()
            ),
            Self::Names(names, error) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                write!(
                    f,
                    "no certificate can be made for the names {}: {error}; correct the aliases",
                    names.join(", ")
                )
            }
        }
    }
}

impl std::error::Error for CertificateError {}

/// What the certificate on disk is good for.
#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
struct Issued {
    names: BTreeSet<String>,
    /// Seconds since the epoch.
    certificate_ends: u64,
    /// Seconds since the epoch.
    authority_ends: u64,
}

/// Makes sure that there is a certificate for `localhost`, the loopback addresses and `aliases` which is valid at
/// `now` for at least another thirty days.
///
/// # Errors
/// When the directory or its files cannot be used, or an alias cannot stand in a certificate.
pub fn ensure(
    state_directory: &Path,
    aliases: &[String],
    now: SystemTime,
) -> Result<Certificates, CertificateError> {
    let names: BTreeSet<String> = LOCAL_NAMES
        .into_iter()
        .map(str::to_owned)
        .chain(aliases.iter().map(|alias| alias.to_ascii_lowercase()))
        .collect();
    let store = Store::open(&state_directory.join("tls"))?;
    let renewed = !store.is_current(&names, now);
    if renewed {
        store.issue(&names, now)?;
    }
    Ok(Certificates {
        authority: store.path("ca.pem"),
        certificate: store.path("cert.pem"),
        key: store.path("key.pem"),
        renewed,
    })
}

/// The directory with the files, locked against other processes while this lives.
struct Store {
    directory: PathBuf,
    _lock: File,
}

impl Store {
    fn open(directory: &Path) -> Result<Self, CertificateError> {
        let failed = |error| CertificateError::File(directory.to_owned(), error);
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        fs::set_permissions(directory, Permissions::from_mode(0o700)).map_err(failed)?;
        let lock = File::create(directory.join("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(Self { directory: directory.to_owned(), _lock: lock })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn is_current(&self, names: &BTreeSet<String>, now: SystemTime) -> bool {
        let wanted = seconds(now + SELF_MADE_CERTIFICATE_RENEWAL_MARGIN);
        let complete = ["ca.pem", "cert.pem", "key.pem"]
            .iter()
            .all(|name| fs::metadata(self.path(name)).is_ok_and(|file| file.len() > 0));
        complete
            && self
                .issued()
                .is_some_and(|issued| issued.names == *names && issued.certificate_ends > wanted)
    }

    /// `None` when nothing usable was issued: then everything is made anew.
    fn issued(&self) -> Option<Issued> {
        serde_json::from_slice(&fs::read(self.path("issued.json")).ok()?).ok()
    }

    fn issue(&self, names: &BTreeSet<String>, now: SystemTime) -> Result<(), CertificateError> {
        let refused = |error| CertificateError::Names(names.clone(), error);
        let certificate_ends = now + SELF_MADE_CERTIFICATE_LIFETIME;
        let kept = self.kept_authority(certificate_ends);
        let path = self.path("issued.json");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(CertificateError::File(path, error));
            }
            _ => {}
        }
        let (authority_key, authority_ends) = match kept {
            Some(kept) => kept,
            None => self.make_authority(now, refused)?,
        };
        let issuer = Issuer::new(authority_params(now, now), authority_key);
        let key = KeyPair::generate().map_err(refused)?;
        let certificate = server_params(names, now, certificate_ends)
            .and_then(|params| params.signed_by(&key, &issuer))
            .map_err(refused)?;
        self.write("key.pem", key.serialize_pem().as_bytes(), 0o600)?;
        self.write("cert.pem", certificate.pem().as_bytes(), 0o644)?;
        let issued = Issued {
            names: names.clone(),
            certificate_ends: seconds(certificate_ends),
            authority_ends: seconds(authority_ends),
        };
        let text = serde_json::to_vec_pretty(&issued)
            .map_err(|error| CertificateError::File(path, error.into()))?;
        self.write("issued.json", &text, 0o644)
    }

    /// The authority's key and end, when it outlives the certificate that it is to sign.
    fn kept_authority(&self, certificate_ends: SystemTime) -> Option<(KeyPair, SystemTime)> {
        let issued = self.issued().filter(|_| self.path("ca.pem").exists())?;
        let ends = UNIX_EPOCH.checked_add(Duration::from_secs(issued.authority_ends))?;
        let key = fs::read_to_string(self.path("ca.key.pem")).ok()?;
        let key = KeyPair::from_pem(&key).ok()?;
        (ends > certificate_ends).then_some((key, ends))
    }

    fn make_authority(
        &self,
        now: SystemTime,
        refused: impl Fn(rcgen::Error) -> CertificateError,
    ) -> Result<(KeyPair, SystemTime), CertificateError> {
        let key = KeyPair::generate().map_err(&refused)?;
        let ends = now + SELF_MADE_AUTHORITY_LIFETIME;
        let certificate = authority_params(now, ends).self_signed(&key).map_err(refused)?;
        self.write("ca.key.pem", key.serialize_pem().as_bytes(), 0o600)?;
        self.write("ca.pem", certificate.pem().as_bytes(), 0o644)?;
        Ok((key, ends))
    }

    /// Writes a file so that a reader sees the old one or the new one, and nobody else ever sees a key.
    fn write(&self, name: &str, content: &[u8], mode: u32) -> Result<(), CertificateError> {
        let (path, draft) = (self.path(name), self.path(&format!("{name}.draft")));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&draft)
            .and_then(|mut file| {
                file.set_permissions(Permissions::from_mode(mode))?;
                file.write_all(content)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&draft, &path));
        written.map_err(|error| CertificateError::File(path, error))
    }
}

/// The subject is constant: together with the key it is all that a signed certificate refers to.
fn authority_params(from: SystemTime, to: SystemTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name("verge self-made test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = (from - CLOCK_TOLERANCE).into();
    params.not_after = to.into();
    params
}

fn server_params(
    names: &BTreeSet<String>,
    from: SystemTime,
    to: SystemTime,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name = distinguished_name("verge self-made certificate");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = (from - CLOCK_TOLERANCE).into();
    params.not_after = to.into();
    Ok(params)
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
#[path = "certs_tests.rs"]
mod tests;
