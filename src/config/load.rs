//! Reads `verge.toml` and every file it names. All input and output of the configuration is here.

mod folder;
mod secret;
mod store;

use std::collections::BTreeMap;
use std::fs::File as Handle;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{File, FunctionFolder};
use super::problem::{Problem, Problems};
use super::{Config, FunctionSource, Runtime, check, reader};
use crate::geo::Geo;
use crate::kv::Store;
use crate::limits;

/// Where `${NAME}` is looked up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A certificate chain and its key, both PEM.
pub(super) type ChainAndKey = (Arc<[u8]>, Arc<[u8]>);

/// What the files named in the configuration hold. Positions are those of the file types.
#[derive(Debug, Default)]
pub(super) struct Materials {
    /// The folder that relative paths start from.
    pub base: PathBuf,
    /// By position of `[[function]]`.
    pub functions: Vec<Option<FunctionMaterial>>,
    /// By position of `[[key_value_store]]`. `None`: reported already.
    pub stores: Vec<Option<Store>>,
    /// By positions of `[[distribution]]` and `[[distribution.origin]]`.
    pub authorities: BTreeMap<(usize, usize), Arc<[u8]>>,
    /// Where viewers are.
    pub geo: Arc<Geo>,
    /// Chain and key, by position of `[[listeners.certificate]]`.
    pub certificates: Vec<Option<ChainAndKey>>,
}

/// A function's description and code.
#[derive(Debug)]
pub(super) struct FunctionMaterial {
    /// What was written about it, here or in its folder.
    pub described: FunctionFolder,
    /// The problems of its own `function.toml`; `None` if it is described in the configuration
    /// file.
    pub own_problems: Option<Problems>,
    /// The code; `None` if it could not be read.
    pub code: Option<Vec<u8>>,
    /// Its environment variables, in the order of their names.
    pub variables: Vec<(String, String)>,
    /// Where the code came from.
    pub file: PathBuf,
    /// The function's own folder; `None` if it is described in the configuration file.
    pub folder: Option<PathBuf>,
}

/// Reads and checks the configuration in `file`, with the process's environment.
///
/// # Errors
/// Every problem of the file and of the files it names.
pub fn load(file: &Path) -> Result<Config, Vec<Problem>> {
    let text = read_text(file, limits::CONFIG_FILE_BYTES_MAX).map_err(|error| {
        let mut problems = Problems::new(file);
        problems.add("", error, "name another file with --config");
        problems.into_list()
    })?;
    load_text(file, &text, &|name| std::env::var(name).ok())
}

/// Reads and checks one function without a configuration: a folder with its `function.toml`, or a
/// file with its code, which then runs on `runtime` and is named after the file.
///
/// # Errors
/// Every problem of the description and of the code.
pub fn load_function(path: &Path, runtime: Runtime) -> Result<FunctionSource, Vec<Problem>> {
    let mut problems = Problems::new(path);
    let environment: Environment<'_> = &|name| std::env::var(name).ok();
    let material = folder::alone(path, runtime, environment, &mut problems);
    let source = material.and_then(|material| check::function_alone(material, &mut problems));
    match source {
        Some(source) if problems.is_empty() => Ok(source),
        _ => Err(problems.into_list()),
    }
}

/// Checks `text` as if it were the content of `file`: relative paths start from that file's folder.
///
/// # Errors
/// Every problem of the text and of the files it names.
pub fn load_text(
    file: &Path,
    text: &str,
    environment: Environment<'_>,
) -> Result<Config, Vec<Problem>> {
    let (written, mut problems) = reader::read::<File>(file, text);
    let Some(mut written) = written else { return Err(problems.into_list()) };
    let base = file.parent().unwrap_or(Path::new("")).to_owned();
    secret::expand(&mut written, &base, environment, &mut problems);
    let materials = Materials {
        functions: folder::functions(file, &base, &written, environment, &mut problems),
        stores: store::stores(file, &base, &written, &mut problems),
        authorities: authorities(&base, &written, &mut problems),
        geo: geo(&base, &written, &mut problems),
        certificates: certificates(&base, &written, &mut problems),
        base,
    };
    let checked = check::check(&written, materials, &mut problems);
    match checked {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(problems.into_list()),
    }
}

fn authorities(
    base: &Path,
    written: &File,
    problems: &mut Problems,
) -> BTreeMap<(usize, usize), Arc<[u8]>> {
    let mut found = BTreeMap::new();
    for (outer, distribution) in written.distribution.iter().enumerate() {
        for (inner, origin) in distribution.origin.iter().enumerate() {
            let Some(path) = &origin.ca else { continue };
            let at = format!("distribution[{outer}].origin[{inner}].ca");
            if let Some(content) = pem(base, path, at, problems) {
                found.insert((outer, inner), content);
            }
        }
    }
    found
}

fn geo(base: &Path, written: &File, problems: &mut Problems) -> Arc<Geo> {
    let mut read = |path: &Option<String>, at| {
        let content = read_bytes(&base.join(path.as_ref()?), limits::GEO_DATABASE_BYTES_MAX);
        let remedy = "name a file that can be read, relative to this one";
        content.map_err(|error| problems.add(at, error, remedy)).ok()
    };
    let (city, asn) = (read(&written.geo.city, "geo.city"), read(&written.geo.asn, "geo.asn"));
    let geo = Geo::new(city, asn).map_err(|(word, error)| {
        let message = format!("is no database in MaxMind's format: {error}");
        problems.add(format!("geo.{word}"), message, "name a .mmdb file");
    });
    geo.unwrap_or_default().into()
}

fn certificates(base: &Path, written: &File, problems: &mut Problems) -> Vec<Option<ChainAndKey>> {
    let numbered = written.listeners.certificate.iter().enumerate();
    let pairs = numbered.map(|(index, certificate)| {
        let at = |word| format!("listeners.certificate[{index}].{word}");
        let chain = pem(base, certificate.cert.as_ref()?, at("cert"), problems);
        let key = pem(base, certificate.key.as_ref()?, at("key"), problems);
        Some((chain?, key?))
    });
    pairs.collect()
}

fn pem(base: &Path, path: &str, at: String, problems: &mut Problems) -> Option<Arc<[u8]>> {
    match read_bytes(&base.join(path), limits::CONFIG_MATERIAL_BYTES_MAX) {
        Ok(content) if String::from_utf8_lossy(&content).contains("-----BEGIN ") => {
            Some(content.into())
        }
        Ok(_) => {
            let message = format!("{path} has no PEM block");
            problems.add(at, message, "name a file with -----BEGIN lines");
            None
        }
        Err(error) => {
            problems.add(at, error, "name a file that can be read, relative to this one");
            None
        }
    }
}

/// A file's content, or a sentence why not.
fn read_bytes(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let sentence = |error: io::Error| format!("cannot read {}: {error}", path.display());
    let mut content = Vec::new();
    let handle = Handle::open(path).map_err(sentence)?;
    // One byte more than allowed tells "full" from "too much" without reading an endless file.
    handle.take(bytes_max + 1).read_to_end(&mut content).map_err(sentence)?;
    if content.len() as u64 > bytes_max {
        return Err(format!("{} is longer than {bytes_max} bytes", path.display()));
    }
    Ok(content)
}

fn read_text(path: &Path, bytes_max: u64) -> Result<String, String> {
    let content = read_bytes(path, bytes_max)?;
    String::from_utf8(content).map_err(|_| format!("{} is not UTF-8 text", path.display()))
}
