//! AWS's managed policies, under their names and ids, with the values of AWS's documentation
//! (spec: CDN behaviours section 4).

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::policy::{
    CachePolicy, CorsPolicy, HeaderSelection, NameSelection, OriginRequestPolicy, PolicyHeader,
    ResponseHeadersPolicy,
};

/// A policy that everybody has.
#[derive(Clone, PartialEq, Debug)]
pub struct Managed<P> {
    /// AWS's id, the same in every account.
    pub id: &'static str,
    /// Its name, without the prefix `Managed-`.
    pub name: &'static str,
    /// What it says.
    pub policy: P,
}

/// What most policies let an object live for at most, seconds: a year.
const YEAR: u64 = 31_536_000;
/// What most policies let an object live for when the origin says nothing, seconds.
const DAY: u64 = 86_400;

/// Names in a table: [`NameSelection`] without its vectors.
enum Names {
    None,
    All,
    These(&'static [&'static str]),
}

impl Names {
    fn selection(&self) -> NameSelection {
        match self {
            Self::None => NameSelection::None,
            Self::All => NameSelection::All,
            Self::These(names) => {
                NameSelection::Whitelist(names.iter().map(ToString::to_string).collect())
            }
        }
    }
}

/// Id, name, lifetimes in seconds, header fields, cookies, query parameters, gzip and brotli.
type CacheRow = (
    &'static str,
    &'static str,
    (u64, u64, u64),
    &'static [&'static str],
    Names,
    Names,
    (bool, bool),
);

/// What origins commonly answer by: their own name, the page that asks, and a method in disguise.
const BY_ORIGIN: &[&str] =
    &["host", "origin", "x-http-method-override", "x-http-method", "x-method-override"];

const CACHE: &[CacheRow] = &[
    (
        "658327ea-f89d-4fab-a63d-7e88639e58f6",
        "CachingOptimized",
        (1, DAY, YEAR),
        &[],
        Names::None,
        Names::None,
        (true, true),
    ),
    (
        "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
        "CachingOptimizedForUncompressedObjects",
        (1, DAY, YEAR),
        &[],
        Names::None,
        Names::None,
        (false, false),
    ),
    (
        "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        "CachingDisabled",
        (0, 0, 0),
        &[],
        Names::None,
        Names::None,
        (false, false),
    ),
    (
        "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
        "UseOriginCacheControlHeaders",
        (0, 0, YEAR),
        BY_ORIGIN,
        Names::All,
        Names::None,
        (true, true),
    ),
    (
        "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
        "UseOriginCacheControlHeaders-QueryStrings",
        (0, 0, YEAR),
        BY_ORIGIN,
        Names::All,
        Names::All,
        (true, true),
    ),
    (
        "2e54312d-136d-493c-8eb9-b001f22f67d2",
        "Amplify",
        (2, 2, 600),
        &["authorization", "cloudfront-viewer-country", "host"],
        Names::All,
        Names::All,
        (true, true),
    ),
    (
        "08627262-05a9-4f76-9ded-b50ca2e3a84f",
        "Elemental-MediaPackage",
        (0, DAY, YEAR),
        &["origin"],
        Names::None,
        Names::These(&["aws.manifestfilter", "start", "end"]),
        (true, false),
    ),
];

/// The managed cache policies.
#[must_use]
pub fn cache_policies() -> Vec<Managed<CachePolicy>> {
    let policies = CACHE.iter().map(|(id, name, ttls, headers, cookies, queries, encodings)| {
        let policy = CachePolicy {
            name: (*name).to_owned(),
            min_ttl: Duration::from_secs(ttls.0),
            default_ttl: Duration::from_secs(ttls.1),
            max_ttl: Duration::from_secs(ttls.2),
            headers: fields(headers),
            cookies: cookies.selection(),
            query_strings: queries.selection(),
            accept_encoding_gzip: encodings.0,
            accept_encoding_brotli: encodings.1,
        };
        Managed { id, name, policy }
    });
    policies.collect()
}

/// Header fields in a table: [`HeaderSelection`] without its vectors.
enum Fields {
    These(&'static [&'static str]),
    Viewer,
    ViewerBut(&'static [&'static str]),
    ViewerAnd(&'static [&'static str]),
}

/// Id, name, header fields, cookies and query parameters.
const ORIGIN_REQUEST: &[(&str, &str, Fields, Names, Names)] = &[
    ("216adef6-5c7f-47e4-b989-5492eafa07d3", "AllViewer", Fields::Viewer, Names::All, Names::All),
    (
        "b689b0a8-53d0-40ab-baf2-68738e2966ac",
        "AllViewerExceptHostHeader",
        Fields::ViewerBut(&["host"]),
        Names::All,
        Names::All,
    ),
    (
        "33f36d7e-f396-46d9-90e0-52428a34d9dc",
        "AllViewerAndCloudFrontHeaders-2022-06",
        Fields::ViewerAnd(CLOUDFRONT_2022_06),
        Names::All,
        Names::All,
    ),
    (
        "bf0718e1-ba1e-49d1-88b1-f726733018ae",
        "HostHeaderOnly",
        Fields::These(&["host"]),
        Names::None,
        Names::None,
    ),
    (
        "59781a5b-3903-41f3-afcb-af62929ccde1",
        "CORS-CustomOrigin",
        Fields::These(&["origin"]),
        Names::None,
        Names::None,
    ),
    (
        "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
        "CORS-S3Origin",
        Fields::These(&[
            "origin",
            "access-control-request-headers",
            "access-control-request-method",
        ]),
        Names::None,
        Names::None,
    ),
    (
        "acba4595-bd28-49b8-b9fe-13317c0390fa",
        "UserAgentRefererHeaders",
        Fields::These(&["user-agent", "referer"]),
        Names::None,
        Names::None,
    ),
    (
        "775133bc-15f2-49f9-abea-afb2e0bf67d2",
        "Elemental-MediaTailor-PersonalizedManifests",
        Fields::These(&[
            "origin",
            "access-control-request-headers",
            "access-control-request-method",
            "user-agent",
            "x-forwarded-for",
        ]),
        Names::None,
        Names::All,
    ),
];

/// The managed origin request policies.
#[must_use]
pub fn origin_request_policies() -> Vec<Managed<OriginRequestPolicy>> {
    let policies = ORIGIN_REQUEST.iter().map(|(id, name, headers, cookies, queries)| {
        let policy = OriginRequestPolicy {
            name: (*name).to_owned(),
            headers: match headers {
                Fields::These(names) => HeaderSelection::Whitelist(fields(names)),
                Fields::Viewer => HeaderSelection::AllViewer,
                Fields::ViewerBut(names) => HeaderSelection::AllExcept(fields(names)),
                Fields::ViewerAnd(names) => {
                    HeaderSelection::AllViewerAndWhitelistCloudFront(fields(names))
                }
            },
            cookies: cookies.selection(),
            query_strings: queries.selection(),
        };
        Managed { id, name, policy }
    });
    policies.collect()
}

/// The header fields that CloudFront could add in June 2022.
const CLOUDFRONT_2022_06: &[&str] = &[
    "cloudfront-forwarded-proto",
    "cloudfront-is-android-viewer",
    "cloudfront-is-desktop-viewer",
    "cloudfront-is-ios-viewer",
    "cloudfront-is-mobile-viewer",
    "cloudfront-is-smarttv-viewer",
    "cloudfront-is-tablet-viewer",
    "cloudfront-viewer-address",
    "cloudfront-viewer-asn",
    "cloudfront-viewer-city",
    "cloudfront-viewer-country",
    "cloudfront-viewer-country-name",
    "cloudfront-viewer-country-region",
    "cloudfront-viewer-country-region-name",
    "cloudfront-viewer-http-version",
    "cloudfront-viewer-latitude",
    "cloudfront-viewer-longitude",
    "cloudfront-viewer-metro-code",
    "cloudfront-viewer-postal-code",
    "cloudfront-viewer-time-zone",
    "cloudfront-viewer-tls",
];

/// The managed response headers policies. All but `X-Content-Type-Options` leave what the origin
/// sent.
#[must_use]
pub fn response_headers_policies() -> Vec<Managed<ResponseHeadersPolicy>> {
    let respond = |id, name, cors, set| {
        let policy = ResponseHeadersPolicy {
            name: String::from(name),
            remove: Vec::new(),
            set,
            cors,
            server_timing_percent: None,
        };
        Managed { id, name, policy }
    };
    vec![
        respond(
            "60669652-455b-4ae9-85a4-c4c02393f86c",
            "SimpleCORS",
            Some(cors(&[], &[])),
            Vec::new(),
        ),
        respond(
            "5cc3b908-e619-4b99-88e5-2cf7f45965bd",
            "CORS-With-Preflight",
            Some(cors(ALL_METHODS, &["*"])),
            Vec::new(),
        ),
        respond("67f7725c-6f97-4210-82d7-5512b31e9d03", "SecurityHeadersPolicy", None, security()),
        respond(
            "e61eb60c-9c35-4d20-a928-2b84e02af89c",
            "CORS-and-SecurityHeadersPolicy",
            Some(cors(&[], &[])),
            security(),
        ),
        respond(
            "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
            "CORS-with-preflight-and-SecurityHeadersPolicy",
            Some(cors(ALL_METHODS, &["*"])),
            security(),
        ),
    ]
}

/// What a preflight answer allows, in the order of AWS's documentation.
const ALL_METHODS: &[&str] = &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

fn cors(methods: &[&str], exposed: &[&str]) -> CorsPolicy {
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    CorsPolicy {
        allow_origins: vec!["*".to_owned()],
        allow_methods: owned(methods),
        allow_headers: Vec::new(),
        expose_headers: owned(exposed),
        allow_credentials: false,
        max_age: None,
        replace: false,
    }
}

fn security() -> Vec<PolicyHeader> {
    let header = |name, value, replace| PolicyHeader {
        name: HeaderName::from_static(name),
        value: HeaderValue::from_static(value),
        replace,
    };
    vec![
        header("x-xss-protection", "1; mode=block", false),
        header("x-frame-options", "SAMEORIGIN", false),
        header("referrer-policy", "strict-origin-when-cross-origin", false),
        header("x-content-type-options", "nosniff", true),
        header("strict-transport-security", "max-age=31536000", false),
    ]
}

fn fields(names: &[&'static str]) -> Vec<HeaderName> {
    names.iter().map(|name| HeaderName::from_static(name)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_and_names_are_unique() {
        let cache = cache_policies().into_iter().map(|one| (one.id, one.name, one.policy.name));
        let request = origin_request_policies();
        let request = request.into_iter().map(|one| (one.id, one.name, one.policy.name));
        let response = response_headers_policies();
        let response = response.into_iter().map(|one| (one.id, one.name, one.policy.name));
        let all: Vec<_> = cache.chain(request).chain(response).collect();
        let ids: BTreeSet<_> = all.iter().map(|(id, ..)| id).collect();
        let names: BTreeSet<_> = all.iter().map(|(_, name, _)| name).collect();
        assert_eq!((all.len(), ids.len(), names.len()), (20, 20, 20));
        assert!(all.iter().all(|(id, name, inner)| id.len() == 36 && name == inner));
    }
}
