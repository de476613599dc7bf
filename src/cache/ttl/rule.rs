//! Why a response is kept or not, and for how long: names and sections, for `Cache-Status` and `verge explain`.

use std::time::Duration;

/// What decided how long a response is fresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Where the lifetime comes from.
    pub source: Source,
    /// The bound that changed it.
    pub bound: Option<Bound>,
}

/// Where a lifetime comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// `s-maxage` of `Cache-Control`.
    SMaxage,
    /// `max-age` of `Cache-Control`.
    MaxAge,
    /// `max-age` or `s-maxage` of `CDN-Cache-Control`.
    Targeted,
    /// `Expires`.
    Expires,
    /// `no-cache`: kept, and never used without asking.
    NoCache,
    /// A tenth of the time since `Last-Modified`.
    Heuristic,
    /// The cache policy's default TTL.
    DefaultTtl,
    /// The error caching minimum TTL.
    ErrorMinTtl,
}

impl Source {
    /// Its name and where that is written down.
    #[must_use]
    pub const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::SMaxage => ("s-maxage", "RFC 9111 section 5.2.2.10"),
            Self::MaxAge => ("max-age", "RFC 9111 section 5.2.2.1"),
            Self::Targeted => ("CDN-Cache-Control", "RFC 9213 section 2.2"),
            Self::Expires => ("Expires", "RFC 9111 section 5.3"),
            Self::NoCache => ("no-cache", "RFC 9111 section 5.2.2.4"),
            Self::Heuristic => {
                ("a tenth of the time since Last-Modified", "RFC 9111 section 4.2.2")
            }
            Self::DefaultTtl => ("the cache policy's default TTL", "CloudFront: Expiration"),
            Self::ErrorMinTtl => ("the error caching minimum TTL", "CloudFront: HTTPStatusCodes"),
        }
    }
}

/// What bounds a lifetime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// Raised to the cache policy's minimum TTL.
    MinTtl,
    /// Cut to the cache policy's maximum TTL.
    MaxTtl,
    /// Raised to the error caching minimum TTL.
    ErrorMinTtl,
}

impl Bound {
    /// What it does, and where that is written down.
    #[must_use]
    pub const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::MinTtl => ("raised to the cache policy's minimum TTL", "CloudFront: Expiration"),
            Self::MaxTtl => ("cut to the cache policy's maximum TTL", "CloudFront: Expiration"),
            Self::ErrorMinTtl => {
                ("raised to the error caching minimum TTL", "CloudFront: HTTPStatusCodes")
            }
        }
    }
}

/// A lifetime and what decided it.
pub(super) type Ruled = (Duration, Rule);

impl Rule {
    pub(super) const fn of(source: Source) -> Self {
        Self { source, bound: None }
    }
}

pub(super) fn at_least((lifetime, rule): Ruled, least: Duration, bound: Bound) -> Ruled {
    if lifetime >= least { (lifetime, rule) } else { (least, Rule { bound: Some(bound), ..rule }) }
}

pub(super) fn at_most((lifetime, rule): Ruled, most: Duration) -> Ruled {
    let bound = Some(Bound::MaxTtl);
    if lifetime <= most { (lifetime, rule) } else { (most, Rule { bound, ..rule }) }
}

/// Why a response is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reason {
    /// The policy's maximum TTL is zero: caching is switched off.
    PolicyDisabled,
    /// Not a method whose answers are kept.
    Method,
    /// Not a status whose answers are kept.
    Status,
    /// `no-store`
    NoStore,
    /// `private`
    Private,
    /// `Vary: *`
    VaryAny,
    /// The request was authorized and the response does not say that others may see it.
    Authorization,
    /// Stale on arrival, with nothing to revalidate it by and no permission to serve it stale.
    NothingToReuse,
    /// Larger than the largest object.
    TooLarge,
}

impl Reason {
    /// For logs and `explain`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PolicyDisabled => "the cache policy's maximum TTL is 0",
            Self::Method => "the method's answers are not kept",
            Self::Status => "the status is not kept without explicit freshness",
            Self::NoStore => "the origin said no-store",
            Self::Private => "the origin said private",
            Self::VaryAny => "the origin said Vary: *",
            Self::Authorization => "the request was authorized and the answer is not public",
            Self::NothingToReuse => "stale on arrival and without validator",
            Self::TooLarge => "larger than object_max",
        }
    }

    /// A token (RFC 8941 section 3.3.4) for `detail` of `Cache-Status`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::PolicyDisabled => "max-ttl-0",
            Self::Method => "method",
            Self::Status => "status",
            Self::NoStore => "no-store",
            Self::Private => "private",
            Self::VaryAny => "vary-any",
            Self::Authorization => "authorization",
            Self::NothingToReuse => "stale-on-arrival",
            Self::TooLarge => "too-large",
        }
    }

    /// Where it is written down.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::PolicyDisabled => "CloudFront: Expiration",
            Self::Method | Self::Status | Self::NothingToReuse => "RFC 9111 section 3",
            Self::NoStore => "RFC 9111 section 5.2.2.5",
            Self::Private => "RFC 9111 section 5.2.2.7",
            Self::VaryAny => "RFC 9111 section 4.1",
            Self::Authorization => "RFC 9111 section 3.5",
            Self::TooLarge => "[cache] object_max",
        }
    }
}
