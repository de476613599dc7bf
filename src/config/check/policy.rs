//! Cache policies and origin request policies, AWS's managed ones among them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use super::{Unique, response_headers, values};
use crate::config::file::{
    self, File, HeaderMode, HeaderModeWord as HeaderWord, NameMode, NameModeWord as NameWord,
};
use crate::config::problem::Problems;
use crate::config::{defaults, suggest, units};
use crate::distribution::managed::{self, Managed};
use crate::distribution::policy::{
    CachePolicy, HeaderSelection, NameSelection, OriginRequestPolicy, ResponseHeadersPolicy,
};
use crate::limits;

/// What AWS puts before the names of its managed policies in the API.
const MANAGED_PREFIX: &str = "Managed-";

/// Header fields that no policy may select: they belong to one connection, or have rules of their
/// own. spec: CDN behaviours section 3.
const NOT_SELECTABLE: &[&str] = &["connection", "cookie", "proxy-authorization", "te", "upgrade"];

/// Facts about one viewer's connection: as part of a key they would make every viewer's object
/// another.
const NOT_IN_KEYS: &[&str] = &[
    "cloudfront-viewer-address",
    "cloudfront-viewer-asn",
    "cloudfront-viewer-ja3-fingerprint",
    "cloudfront-viewer-tls",
];

/// The policies of one kind, by name and by AWS's ids.
pub(super) struct Shelf<P> {
    /// `None`: written, but at fault and reported already.
    by_name: BTreeMap<String, Option<Arc<P>>>,
    /// AWS's ids and the names they stand for.
    names_by_id: BTreeMap<&'static str, &'static str>,
    /// Whether one was written without a name, so that an unknown name may mean it.
    some_unnamed: bool,
    kind: &'static str,
}

impl<P> Shelf<P> {
    /// A shelf with AWS's policies of this kind.
    fn new(kind: &'static str, managed: Vec<Managed<P>>) -> Self {
        let mut shelf = Self {
            by_name: BTreeMap::new(),
            names_by_id: BTreeMap::new(),
            some_unnamed: false,
            kind,
        };
        for Managed { id, name, policy } in managed {
            shelf.by_name.insert(name.to_owned(), Some(Arc::new(policy)));
            shelf.names_by_id.insert(id, name);
        }
        shelf
    }

    /// Adds a written policy under its name.
    fn add(
        &mut self,
        name: Option<&String>,
        policy: Option<P>,
        at: &str,
        unique: &mut Unique,
        problems: &mut Problems,
    ) {
        let at = format!("{at}.name");
        let Some(name) = name.filter(|name| values::policy_name(name, &at, problems)) else {
            self.some_unnamed = true;
            return;
        };
        let plain = name.strip_prefix(MANAGED_PREFIX).unwrap_or(name);
        if self.names_by_id.values().any(|managed| *managed == plain) {
            let message = format!("\"{name}\" is one of AWS's managed policies");
            problems.add(at, message, "choose another name, or leave the policy out and use AWS's");
        } else if unique.take(name, &at, problems) {
            self.by_name.insert(name.clone(), policy.map(Arc::new));
        }
    }

    /// The policy that `written` names; an unknown one is a problem at `at`.
    pub(super) fn find(&self, written: &str, at: &str, problems: &mut Problems) -> Option<Arc<P>> {
        let plain = written.strip_prefix(MANAGED_PREFIX).unwrap_or(written);
        let name = self.names_by_id.get(plain).copied().unwrap_or(plain);
        match self.by_name.get(name).or_else(|| self.by_name.get(written)) {
            Some(policy) => policy.clone(),
            None => {
                if !self.some_unnamed {
                    let known: Vec<_> = self.by_name.keys().map(String::as_str).collect();
                    let message = format!("there is no {} \"{written}\"", self.kind);
                    problems.add(at, message, suggest::remedy(written, &known, "use one of"));
                }
                None
            }
        }
    }
}

/// All policies.
pub(super) struct Policies {
    pub cache: Shelf<CachePolicy>,
    pub origin_request: Shelf<OriginRequestPolicy>,
    pub response_headers: Shelf<ResponseHeadersPolicy>,
}

impl Policies {
    /// Checks the written policies and puts them beside the managed ones.
    pub(super) fn check(written: &File, problems: &mut Problems) -> Self {
        let mut cache = Shelf::new("cache policy", managed::cache_policies());
        let mut unique = Unique::default();
        for (index, one) in written.cache_policy.iter().enumerate() {
            let at = format!("cache_policy[{index}]");
            let policy = cache_policy(one, &at, problems);
            cache.add(one.name.as_ref(), policy, &at, &mut unique, problems);
        }
        let mut origin_request =
            Shelf::new("origin request policy", managed::origin_request_policies());
        let mut unique = Unique::default();
        for (index, one) in written.origin_request_policy.iter().enumerate() {
            let at = format!("origin_request_policy[{index}]");
            let policy = origin_request_policy(one, &at, problems);
            origin_request.add(one.name.as_ref(), policy, &at, &mut unique, problems);
        }
        let mut response_headers =
            Shelf::new("response headers policy", managed::response_headers_policies());
        let mut unique = Unique::default();
        for (index, one) in written.response_headers_policy.iter().enumerate() {
            let at = format!("response_headers_policy[{index}]");
            let policy = response_headers::check(one, &at, problems);
            response_headers.add(one.name.as_ref(), policy, &at, &mut unique, problems);
        }
        Self { cache, origin_request, response_headers }
    }
}

fn cache_policy(
    written: &file::CachePolicy,
    at: &str,
    problems: &mut Problems,
) -> Option<CachePolicy> {
    let (min_ttl, default_ttl, max_ttl) = lifetimes(written, at, problems);
    let headers = cache_headers(written.headers.as_ref(), at, problems);
    let cookies = names(written.cookies.as_ref(), &format!("{at}.cookies"), problems);
    let queries = names(written.query_strings.as_ref(), &format!("{at}.query_strings"), problems);
    let (headers, cookies, query_strings) = (headers?, cookies?, queries?);
    let of_headers: usize = headers.iter().map(|name| name.as_str().len()).sum();
    let spelt = of_headers + characters(&cookies) + characters(&query_strings);
    if spelt > limits::CACHE_POLICY_NAMES_CHARS_MAX {
        let message = format!("its names have {spelt} characters together");
        let remedy = format!("use at most {}", limits::CACHE_POLICY_NAMES_CHARS_MAX);
        problems.add(at, message, remedy);
    }
    Some(CachePolicy {
        name: written.name.clone()?,
        min_ttl,
        default_ttl,
        max_ttl,
        headers,
        cookies,
        query_strings,
        accept_encoding_gzip: written.accept_encoding_gzip.unwrap_or(false),
        accept_encoding_brotli: written.accept_encoding_brotli.unwrap_or(false),
    })
}

fn characters(selection: &NameSelection) -> usize {
    match selection {
        NameSelection::None | NameSelection::All => 0,
        NameSelection::Whitelist(names) | NameSelection::AllExcept(names) => {
            names.iter().map(|name| name.chars().count()).sum()
        }
    }
}

/// Minimum, default and maximum. Those that are not written give way to those that are.
fn lifetimes(
    written: &file::CachePolicy,
    at: &str,
    problems: &mut Problems,
) -> (Duration, Duration, Duration) {
    let range = || Duration::ZERO..=limits::TTL_MAX;
    let mut ttl = |word: &str, written: &Option<file::Time>, default| {
        values::time(written.as_ref(), default, range(), format!("{at}.{word}"), problems)
    };
    let min = ttl("min_ttl", &written.min_ttl, defaults::MIN_TTL);
    let mut default = ttl("default_ttl", &written.default_ttl, defaults::DEFAULT_TTL);
    let mut max = ttl("max_ttl", &written.max_ttl, defaults::MAX_TTL);
    if written.max_ttl.is_none() {
        max = max.max(default).max(min);
    }
    if written.default_ttl.is_none() {
        default = default.max(min).min(max.max(min));
    }
    let order =
        [("default_ttl", default, "min_ttl", min), ("max_ttl", max, "default_ttl", default)];
    for (word, longer, other, shorter) in order {
        if longer < shorter {
            let (longer, shorter) = (units::spell_time(longer), units::spell_time(shorter));
            let message = format!("{longer} is below `{other}`, {shorter}");
            problems.add(format!("{at}.{word}"), message, "keep min_ttl <= default_ttl <= max_ttl");
        }
    }
    (min, default, max)
}

fn cache_headers(
    written: Option<&HeaderMode>,
    at: &str,
    problems: &mut Problems,
) -> Option<Vec<HeaderName>> {
    let at = format!("{at}.headers");
    let Some(written) = written else { return Some(Vec::new()) };
    match headers(written, &at, problems)? {
        HeaderSelection::None => Some(Vec::new()),
        HeaderSelection::Whitelist(names) => {
            for name in &names {
                if values::listed(NOT_IN_KEYS, name) {
                    let message = format!("\"{name}\" cannot be part of a cache key");
                    let remedy = "forward it with an origin request policy instead";
                    problems.add(format!("{at}.names"), message, remedy);
                }
            }
            Some(names)
        }
        _ => {
            let message = "a cache policy knows none and whitelist only";
            let remedy = "name the header fields, or use an origin request policy";
            problems.add(format!("{at}.behavior"), message, remedy);
            None
        }
    }
}

fn origin_request_policy(
    written: &file::OriginRequestPolicy,
    at: &str,
    problems: &mut Problems,
) -> Option<OriginRequestPolicy> {
    let in_headers = format!("{at}.headers");
    let selected = match &written.headers {
        None => Some(HeaderSelection::None),
        Some(mode) => headers(mode, &in_headers, problems),
    };
    match &selected {
        // CloudFront refuses it because objects fetched for one viewer would be handed to others.
        Some(HeaderSelection::Whitelist(names)) if names.contains(&http::header::AUTHORIZATION) => {
            let message = "\"authorization\" cannot be named alone";
            let remedy = "put it into the cache policy, or use allViewer";
            problems.add(format!("{in_headers}.names"), message, remedy);
        }
        Some(HeaderSelection::AllViewerAndWhitelistCloudFront(names)) => {
            for name in names.iter().filter(|name| !name.as_str().starts_with("cloudfront-")) {
                let message = format!("\"{name}\" is not a CloudFront-* field");
                let remedy = "leave it out: allViewer forwards it already";
                problems.add(format!("{in_headers}.names"), message, remedy);
            }
        }
        _ => {}
    }
    let cookies = names(written.cookies.as_ref(), &format!("{at}.cookies"), problems);
    let queries = names(written.query_strings.as_ref(), &format!("{at}.query_strings"), problems);
    Some(OriginRequestPolicy {
        name: written.name.clone()?,
        headers: selected?,
        cookies: cookies?,
        query_strings: queries?,
    })
}

fn names(written: Option<&NameMode>, at: &str, problems: &mut Problems) -> Option<NameSelection> {
    let Some(written) = written else { return Some(NameSelection::None) };
    let mode = written.behavior?;
    let wants_names = matches!(mode, NameWord::Whitelist | NameWord::AllExcept);
    let all_fit = count(&written.names, wants_names, at, problems);
    let mut unique = Unique::default();
    for (index, name) in written.names.iter().enumerate() {
        let at = format!("{at}.names[{index}]");
        if name.is_empty() {
            problems.add(at, "is empty", "name a cookie or query parameter");
        } else {
            unique.take(name, &at, problems);
        }
    }
    let names = written.names.clone();
    all_fit.then_some(match mode {
        NameWord::None => NameSelection::None,
        NameWord::All => NameSelection::All,
        NameWord::Whitelist => NameSelection::Whitelist(names),
        NameWord::AllExcept => NameSelection::AllExcept(names),
    })
}

fn headers(written: &HeaderMode, at: &str, problems: &mut Problems) -> Option<HeaderSelection> {
    let mode = written.behavior?;
    let wants_names = !matches!(mode, HeaderWord::None | HeaderWord::AllViewer);
    let all_fit = count(&written.names, wants_names, at, problems);
    let mut unique = Unique::default();
    let mut names = Vec::new();
    for (index, name) in written.names.iter().enumerate() {
        let at = format!("{at}.names[{index}]");
        let Some(name) = values::header_name(name, &at, problems) else { continue };
        if values::listed(NOT_SELECTABLE, &name) {
            let remedy = "leave it out; cookies have a mode of their own";
            problems.add(at, format!("\"{name}\" cannot be selected"), remedy);
        } else if unique.take(name.as_str(), &at, problems) {
            names.push(name);
        }
    }
    all_fit.then_some(match mode {
        HeaderWord::None => HeaderSelection::None,
        HeaderWord::AllViewer => HeaderSelection::AllViewer,
        HeaderWord::Whitelist => HeaderSelection::Whitelist(names),
        HeaderWord::AllExcept => HeaderSelection::AllExcept(names),
        HeaderWord::AllViewerAndWhitelistCloudFront => {
            HeaderSelection::AllViewerAndWhitelistCloudFront(names)
        }
    })
}

/// Whether there are as many names as the mode can use.
fn count(names: &[String], wanted: bool, at: &str, problems: &mut Problems) -> bool {
    let (message, remedy) = match (wanted, names.len()) {
        (true, 0) => ("has no names".to_owned(), "add `names`, or use the behavior none or all"),
        (false, 1..) => ("this behavior takes no names".to_owned(), "leave `names` out"),
        (_, many) if many > limits::POLICY_NAMES_MAX => {
            let most = limits::POLICY_NAMES_MAX;
            (format!("{many} names, {most} are allowed"), "name fewer, or use allExcept or all")
        }
        _ => return true,
    };
    problems.add(format!("{at}.names"), message, remedy);
    false
}
