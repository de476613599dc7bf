//! The `CloudFront-*` request header fields that the edge adds where a behavior's policies name them (spec: CDN behaviours
//! section 11). What a viewer sends under these names is not passed on.

use http::HeaderName;

use super::device::Device;
use super::policy::{CachePolicy, HeaderSelection, OriginRequestPolicy};

/// A field that the edge adds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Added {
    /// `CloudFront-Is-*-Viewer`: `true` or `false`.
    Is(Device),
    /// `CloudFront-Forwarded-Proto`: `http` or `https`.
    ForwardedProto,
    /// `CloudFront-Viewer-Address`: address, colon, port.
    ViewerAddress,
    /// `CloudFront-Viewer-Header-Count`.
    ViewerHeaderCount,
    /// `CloudFront-Viewer-Header-Order`: names as sent, with colons between them.
    ViewerHeaderOrder,
    /// `CloudFront-Viewer-Http-Version`: `1.0`, `1.1` or `2.0`.
    ViewerHttpVersion,
    /// Where the viewer is.
    Geo(GeoField),
    /// `CloudFront-Viewer-TLS`: version, cipher suite, kind of handshake.
    ViewerTls,
}

/// What is told about where a viewer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GeoField {
    /// `CloudFront-Viewer-ASN`
    Asn,
    /// `CloudFront-Viewer-City`
    City,
    /// `CloudFront-Viewer-Country`
    Country,
    /// `CloudFront-Viewer-Country-Name`
    CountryName,
    /// `CloudFront-Viewer-Country-Region`
    Region,
    /// `CloudFront-Viewer-Country-Region-Name`
    RegionName,
    /// `CloudFront-Viewer-Latitude`
    Latitude,
    /// `CloudFront-Viewer-Longitude`
    Longitude,
    /// `CloudFront-Viewer-Metro-Code`
    MetroCode,
    /// `CloudFront-Viewer-Postal-Code`
    PostalCode,
    /// `CloudFront-Viewer-Time-Zone`
    TimeZone,
}

const ALL: [(&str, Added); 23] = [
    ("cloudfront-is-android-viewer", Added::Is(Device::Android)),
    ("cloudfront-is-desktop-viewer", Added::Is(Device::Desktop)),
    ("cloudfront-is-ios-viewer", Added::Is(Device::Ios)),
    ("cloudfront-is-mobile-viewer", Added::Is(Device::Mobile)),
    ("cloudfront-is-smarttv-viewer", Added::Is(Device::SmartTv)),
    ("cloudfront-is-tablet-viewer", Added::Is(Device::Tablet)),
    ("cloudfront-forwarded-proto", Added::ForwardedProto),
    ("cloudfront-viewer-address", Added::ViewerAddress),
    ("cloudfront-viewer-header-count", Added::ViewerHeaderCount),
    ("cloudfront-viewer-header-order", Added::ViewerHeaderOrder),
    ("cloudfront-viewer-http-version", Added::ViewerHttpVersion),
    ("cloudfront-viewer-asn", Added::Geo(GeoField::Asn)),
    ("cloudfront-viewer-city", Added::Geo(GeoField::City)),
    ("cloudfront-viewer-country", Added::Geo(GeoField::Country)),
    ("cloudfront-viewer-country-name", Added::Geo(GeoField::CountryName)),
    ("cloudfront-viewer-country-region", Added::Geo(GeoField::Region)),
    ("cloudfront-viewer-country-region-name", Added::Geo(GeoField::RegionName)),
    ("cloudfront-viewer-latitude", Added::Geo(GeoField::Latitude)),
    ("cloudfront-viewer-longitude", Added::Geo(GeoField::Longitude)),
    ("cloudfront-viewer-metro-code", Added::Geo(GeoField::MetroCode)),
    ("cloudfront-viewer-postal-code", Added::Geo(GeoField::PostalCode)),
    ("cloudfront-viewer-time-zone", Added::Geo(GeoField::TimeZone)),
    ("cloudfront-viewer-tls", Added::ViewerTls),
];

/// What names of these fields begin with.
pub const PREFIX: &str = "cloudfront-";

/// The fields that requests of a behavior with these policies get, with their names.
#[must_use]
pub fn of_policies(
    cache: &CachePolicy,
    origin_request: Option<&OriginRequestPolicy>,
) -> Vec<(HeaderName, Added)> {
    let forwarded = match origin_request.map(|policy| &policy.headers) {
        Some(
            HeaderSelection::Whitelist(names)
            | HeaderSelection::AllViewerAndWhitelistCloudFront(names),
        ) => names.as_slice(),
        _ => &[],
    };
    let named = |name: &str| cache.headers.iter().chain(forwarded).any(|listed| listed == name);
    let wanted = ALL.iter().filter(|(name, _)| named(name));
    wanted.map(|(name, added)| (HeaderName::from_static(name), *added)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::managed;

    #[test]
    fn a_behavior_gets_what_its_policies_name() {
        let mut cache = managed::cache_policies().swap_remove(0).policy;
        assert_eq!(of_policies(&cache, None), []);
        cache.headers.push(HeaderName::from_static("cloudfront-is-mobile-viewer"));
        cache.headers.push(HeaderName::from_static("cloudfront-is-pink-viewer"));
        let mobile = Added::Is(Device::Mobile);
        let names =
            |all: Vec<(HeaderName, Added)>| all.into_iter().map(|(_, a)| a).collect::<Vec<_>>();
        assert_eq!(names(of_policies(&cache, None)), [mobile]);
        let all = managed::origin_request_policies();
        let all = all.iter().find(|managed| managed.name.ends_with("2022-06"));
        assert_eq!(of_policies(&cache, all.map(|managed| &managed.policy)).len(), 21);
    }
}
