//! Distributions: ids, host names, error pages, and what binds origins and behaviors together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::function::Functions;
use super::origin::Targets;
use super::policy::Policies;
use super::{Unique, behavior, values};
use crate::config::defaults;
use crate::config::file;
use crate::config::problem::Problems;
use crate::distribution::{CustomErrorResponse, Distribution, Network, Semantics};
use crate::limits;

/// Errors that may get another page. spec: CDN behaviours section 6.
const ERROR_CODES: &[u16] = &[400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];

/// What distributions refer to.
pub(super) struct Surroundings<'a> {
    pub functions: &'a Functions,
    pub policies: &'a Policies,
    /// By positions of distribution and origin.
    pub authorities: &'a BTreeMap<(usize, usize), Arc<[u8]>>,
    /// Whether anything listens for HTTPS.
    pub has_https: bool,
}

/// All distributions, `None` unless all of them could be made.
pub(super) fn check_all(
    written: &[file::Distribution],
    around: &Surroundings<'_>,
    problems: &mut Problems,
) -> Option<Vec<Arc<Distribution>>> {
    if written.is_empty() {
        problems.add("distribution", "there is none", "add a [[distribution]]");
    }
    let mut names = Names::default();
    let numbered = written.iter().enumerate();
    let all: Vec<_> =
        numbered.map(|(index, one)| check(one, index, around, &mut names, problems)).collect();
    all.into_iter().map(|one| one.map(Arc::new)).collect()
}

/// What distributions must not share.
#[derive(Default)]
struct Names {
    ids: Unique,
    hosts: Unique,
    /// The distribution that answers for any host.
    for_any_host: Option<usize>,
}

fn check(
    written: &file::Distribution,
    index: usize,
    around: &Surroundings<'_>,
    names: &mut Names,
    problems: &mut Problems,
) -> Option<Distribution> {
    let at = format!("distribution[{index}]");
    let (id, domain_name) = identity(written, index, &at, names, problems);
    let aliases = aliases(written, &at, names, problems);
    if written.aliases.is_empty() {
        match names.for_any_host {
            None => names.for_any_host = Some(index),
            Some(first) => {
                let message = format!("distribution[{first}] answers for any host already");
                problems.add(format!("{at}.aliases"), message, "add `aliases` to one of the two");
            }
        }
    }
    let targets = Targets::check(written, index, around, problems);
    let semantics = match written.semantics {
        None | Some(file::Semantics::Cloudfront) => Semantics::CloudFront,
        Some(file::Semantics::Rfc9111) => Semantics::Rfc9111,
    };
    behavior::order(&written.behavior, &at, problems);
    let behaviors: Vec<_> = written
        .behavior
        .iter()
        .enumerate()
        .map(|(index, one)| {
            let at = format!("{at}.behavior[{index}]");
            behavior::check(one, semantics, &targets, around, &at, problems)
        })
        .collect();
    let custom_error_responses = error_responses(&written.custom_error_response, &at, problems);
    let default_root_object = root_object(written, &at, problems);
    let at_tags = format!("{at}.cache_tag_header");
    let tags = written.cache_tag_header.as_deref().unwrap_or(defaults::CACHE_TAG_HEADER);
    let cache_tag_header = values::header_name(tags, &at_tags, problems);
    let purge_from = networks(&written.purge_from, &format!("{at}.purge_from"), problems);
    let behaviors = behaviors.into_iter().map(|one| one.map(Arc::new)).collect::<Option<_>>();
    let (origins, origin_groups) = targets.into_parts()?;
    Some(Distribution {
        id: id.into(),
        domain_name,
        aliases,
        default_root_object,
        semantics,
        cache_status: written.cache_status.unwrap_or(semantics == Semantics::Rfc9111),
        cache_tag_header: cache_tag_header?,
        purge_from,
        origins,
        origin_groups,
        behaviors: behaviors?,
        custom_error_responses: custom_error_responses?,
    })
}

/// Id and domain name. Those that are made up depend on the position alone, so that cache keys
/// survive a reload.
fn identity(
    written: &file::Distribution,
    index: usize,
    at: &str,
    names: &mut Names,
    problems: &mut Problems,
) -> (String, String) {
    let at_id = format!("{at}.id");
    let id = written.id.clone().unwrap_or_else(|| format!("EVERGE{:08}", index + 1));
    if values::identifier(&id, &at_id, problems) {
        names.ids.take(&id, &at_id, problems);
    }
    let at_name = format!("{at}.domain_name");
    let name = written.domain_name.as_deref().map(str::to_ascii_lowercase);
    let name = name
        .unwrap_or_else(|| format!("{}.cloudfront.net", id.to_ascii_lowercase().replace('_', "-")));
    if values::is_host(&name) {
        names.hosts.take(&name, &at_name, problems);
    } else {
        let remedy = "use a DNS name, such as d111111abcdef8.cloudfront.net";
        problems.add(at_name, format!("\"{name}\" is not a host name"), remedy);
    }
    (id, name)
}

/// The aliases, lower case.
fn aliases(
    written: &file::Distribution,
    at: &str,
    names: &mut Names,
    problems: &mut Problems,
) -> Vec<String> {
    let mut aliases = Vec::new();
    for (index, alias) in written.aliases.iter().enumerate() {
        let at = format!("{at}.aliases[{index}]");
        let alias = alias.to_ascii_lowercase();
        if !values::is_host(alias.strip_prefix("*.").unwrap_or(&alias)) {
            let message = format!("\"{alias}\" is not a host name");
            let remedy = "write it without scheme and port; a star may be its first label only";
            problems.add(at, message, remedy);
        } else if names.hosts.take(&alias, &at, problems) {
            aliases.push(alias);
        }
    }
    aliases
}

/// The networks that could be read.
fn networks(written: &[String], at: &str, problems: &mut Problems) -> Vec<Network> {
    let numbered = written.iter().enumerate();
    let read = numbered.filter_map(|(index, text)| {
        let network = Network::parse(text);
        if network.is_none() {
            let remedy = "write address/bits, such as 127.0.0.1/32, 10.0.0.0/8 or fd00::/8";
            problems.add(format!("{at}[{index}]"), format!("\"{text}\" is not a network"), remedy);
        }
        network
    });
    read.collect()
}

fn root_object(written: &file::Distribution, at: &str, problems: &mut Problems) -> Option<String> {
    let object = written.default_root_object.as_deref()?;
    let visible =
        object.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'));
    let fits = (1..=limits::PATH_PATTERN_CHARS_MAX).contains(&object.len());
    if !(visible && fits && !object.starts_with('/')) {
        let remedy = "write a path without leading slash, such as \"index.html\"";
        problems.add(
            format!("{at}.default_root_object"),
            format!("{object:?} cannot be it"),
            remedy,
        );
    }
    Some(object.to_owned())
}

fn error_responses(
    written: &[file::CustomErrorResponse],
    at: &str,
    problems: &mut Problems,
) -> Option<Vec<CustomErrorResponse>> {
    let mut unique = Unique::default();
    let numbered = written.iter().enumerate();
    let all = numbered.map(|(index, one)| {
        let at = format!("{at}.custom_error_response[{index}]");
        error_response(one, &at, &mut unique, problems)
    });
    // Collected twice: the first `None` must not hide the problems behind it.
    all.collect::<Vec<_>>().into_iter().collect()
}

fn error_response(
    written: &file::CustomErrorResponse,
    at: &str,
    unique: &mut Unique,
    problems: &mut Problems,
) -> Option<CustomErrorResponse> {
    let listed: Vec<_> = ERROR_CODES.iter().map(ToString::to_string).collect();
    let error_caching_min_ttl = values::time(
        written.error_caching_min_ttl.as_ref(),
        defaults::ERROR_CACHING_MIN_TTL,
        Duration::ZERO..=limits::TTL_MAX,
        format!("{at}.error_caching_min_ttl"),
        problems,
    );
    let at_code = format!("{at}.error_code");
    if let Some(code) = written.error_code {
        if !ERROR_CODES.contains(&code) {
            let message = format!("{code} cannot be replaced");
            problems.add(&at_code, message, format!("use {}", listed.join(", ")));
        }
        unique.take(&code.to_string(), &at_code, problems);
    }
    if let Some(code) = written.response_code
        && code != 200
        && !ERROR_CODES.contains(&code)
    {
        let remedy = format!("use 200 or {}", listed.join(", "));
        problems.add(format!("{at}.response_code"), format!("{code} cannot be sent"), remedy);
    }
    let page = match (written.response_code, &written.response_page_path) {
        (None, None) => None,
        (Some(code), Some(path)) => {
            if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
                let message = format!("{path:?} is not a path");
                let remedy = "begin with a slash, such as \"/errors/404.html\"";
                problems.add(format!("{at}.response_page_path"), message, remedy);
            }
            Some((code, path.clone()))
        }
        (Some(_), None) => {
            problems.add(
                format!("{at}.response_page_path"),
                "is missing",
                "add it, or leave `response_code` out",
            );
            None
        }
        (None, Some(_)) => {
            problems.add(
                format!("{at}.response_code"),
                "is missing",
                "add it, or leave `response_page_path` out",
            );
            None
        }
    };
    Some(CustomErrorResponse { error_code: written.error_code?, page, error_caching_min_ttl })
}
