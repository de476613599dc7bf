//! Chooses the origin of a request: the canary for those who asked for it, the API's own servers
//! for `/api/`, and otherwise the region that is nearest to the viewer's country.

wit_bindgen::generate!({ path: "../../wit", world: "origin-request-function" });

use exports::verge::edge::origin_request::{Guest, RequestAction};
use verge::edge::log;
use verge::edge::types::{Config, Header, Request};

const CANARY: &str = "canary.shop.example";
const API: &str = "api.shop.example";

/// Countries of the regions; any other country is served by the origin that the configuration
/// names.
const REGIONS: [(&str, &[&str]); 2] = [
    ("eu.shop.example", &["AT", "BE", "CH", "DE", "ES", "FR", "IT", "NL", "PL"]),
    ("ap.shop.example", &["AU", "IN", "JP", "KR", "NZ", "SG"]),
];

struct Function;

impl Guest for Function {
    fn handle(_config: Config, mut request: Request) -> Result<RequestAction, String> {
        if let Some(domain_name) = choose(&request) {
            log::write(&format!("{} goes to {domain_name}", request.uri));
            request.origin.domain_name = domain_name.to_owned();
            // The origin answers under its own name, not under the viewer's.
            request.headers.retain(|header| header.name != "host");
            request.headers.push(Header { name: "host".into(), value: domain_name.to_owned() });
        }
        Ok(RequestAction::Forward(request))
    }
}

fn choose(request: &Request) -> Option<&'static str> {
    if cookie(request, "canary") == Some("yes") {
        return Some(CANARY);
    }
    if request.uri.starts_with("/api/") {
        return Some(API);
    }
    let country = header(request, "cloudfront-viewer-country")?;
    let region = REGIONS.iter().find(|(_, countries)| countries.contains(&country))?;
    Some(region.0)
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|header| header.name == name).map(|header| header.value.as_str())
}

/// A cookie's value; cookies may be spread over several lines.
fn cookie<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let lines = request.headers.iter().filter(|header| header.name == "cookie");
    let pairs = lines.flat_map(|line| line.value.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|pair| pair.0 == name)
        .map(|pair| pair.1)
}

export!(Function);
