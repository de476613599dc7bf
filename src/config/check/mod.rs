//! From what was written to what it means: every reference resolved, every range kept, all problems
//! at once. Pure.
//!
//! Each function returns `None`, or a stand-in, for what it had to report; a configuration with a
//! problem is never used, so stand-ins go no further than this folder.

mod behavior;
mod distribution;
mod environment;
mod function;
mod origin;
mod policy;
mod process;
mod response_headers;
mod store;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::file::File;
use super::load::{FunctionMaterial, Materials};
use super::problem::Problems;
use super::{Config, FunctionSource};

use function::Functions;
use policy::Policies;
use store::Stores;

/// The configuration that `written` means; `None` unless every part could be made.
pub(super) fn check(
    written: &File,
    materials: Materials,
    problems: &mut Problems,
) -> Option<Config> {
    let Materials { base, functions, stores, authorities, geo, certificates } = materials;
    let process = process::check(written, &base, certificates, problems);
    let stores = Stores::check(&written.key_value_store, stores, problems);
    let functions = Functions::check(functions, &stores, written.lint.compat, problems);
    let policies = Policies::check(written, problems);
    let surroundings = distribution::Surroundings {
        functions: &functions,
        policies: &policies,
        authorities: &authorities,
        // Before the addresses are looked at: a mistyped one is no missing listener.
        has_https: written.listeners.https.as_ref().is_none_or(|listed| !listed.is_empty()),
    };
    let distributions = distribution::check_all(&written.distribution, &surroundings, problems);
    Some(Config {
        edge: process.edge,
        geo,
        listeners: process.listeners?,
        admin: process.admin,
        explain_secret: process.explain_secret,
        state_directory: process.state_directory,
        cache: process.cache,
        access_log: process.access_log,
        log_level: process.log_level,
        demo_origin: process.demo_origin,
        threads: process.threads,
        distributions: distributions?,
        functions: functions.into_sources()?,
    })
}

/// The function that one material means.
pub(super) fn function_alone(
    mut material: FunctionMaterial,
    problems: &mut Problems,
) -> Option<FunctionSource> {
    let mut own = material.own_problems.take()?;
    let source = function::one(material, &Stores::default(), "", None, &mut own);
    problems.extend(own.into_list());
    source
}

/// Names that must differ, each with the place that took it first.
#[derive(Debug, Default)]
struct Unique(BTreeMap<String, String>);

impl Unique {
    /// Notes `name`, written at `at`; a second one is a problem.
    fn take(&mut self, name: &str, at: &str, problems: &mut Problems) -> bool {
        if let Some(first) = self.0.get(name) {
            let message = format!("\"{name}\" is taken already by {first}");
            problems.add(at, message, "choose another name, or remove one of the two");
            return false;
        }
        self.0.insert(name.to_owned(), at.to_owned());
        true
    }
}
