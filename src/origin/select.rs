//! Which origin is asked next. spec: CDN behaviours section 6, "Origin groups". Pure.

use http::Method;

use crate::distribution::{Distribution, Origin, Target};
use crate::error::OriginFailure;

/// Which member of a target is being asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Member {
    /// The only one, or the first of a group. Every request starts here: a group has no memory.
    #[default]
    Primary,
    /// The second of a group.
    Secondary,
}

/// The origin that `member` of `target` stands for.
#[must_use]
pub fn origin(distribution: &Distribution, target: Target, member: Member) -> Option<&Origin> {
    let index = match target {
        Target::Origin(index) => index,
        Target::Group(index) => {
            let group = distribution.origin_groups.get(index.0)?;
            match member {
                Member::Primary => group.primary,
                Member::Secondary => group.secondary,
            }
        }
    };
    distribution.origins.get(index.0)
}

/// What the primary did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PrimaryResult {
    /// It answered with this status.
    Status(u16),
    /// It could not be asked.
    Failure(OriginFailure),
}

/// Whether the secondary is to be asked after `result` from the primary.
#[must_use]
pub fn fails_over(codes: &[u16], method: &Method, result: PrimaryResult) -> bool {
    if !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return false;
    }
    let listed = |status| codes.contains(&status);
    match result {
        PrimaryResult::Status(status) => listed(status),
        PrimaryResult::Failure(OriginFailure::ConnectTimeout | OriginFailure::ReadTimeout) => {
            listed(504)
        }
        PrimaryResult::Failure(_) => listed(503),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failover_follows_the_listed_codes_and_safe_methods() {
        let codes = [500, 503];
        let cases = [
            (Method::GET, PrimaryResult::Status(500), true),
            (Method::GET, PrimaryResult::Status(404), false),
            (Method::POST, PrimaryResult::Status(500), false),
            (Method::HEAD, PrimaryResult::Failure(OriginFailure::Connect), true),
            (Method::GET, PrimaryResult::Failure(OriginFailure::ReadTimeout), false),
        ];
        for (method, result, expected) in cases {
            assert_eq!(fails_over(&codes, &method, result), expected, "{method} {result:?}");
        }
    }
}
