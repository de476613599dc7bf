//! Origins that are functions.

use crate::config::check::function::Functions;
use crate::config::file;
use crate::config::problem::Problems;
use crate::config::{Runtime, defaults, suggest};
use crate::distribution::{FunctionOrigin, HostField, Origin, OriginHttpVersion, OriginProtocol};
use crate::event::origin::AddressFamily;

/// The origin at `at` that the function of that name is.
pub(super) fn origin(
    written: &file::Origin,
    name: &str,
    functions: &Functions,
    at: &str,
    problems: &mut Problems,
) -> Option<Origin> {
    refuse_connection(written, at, problems);
    let [connection_timeout, response_timeout, keepalive_timeout] =
        super::timeouts(written, at, problems);
    let path = super::path(written.path.as_deref(), &format!("{at}.path"), problems);
    let custom_headers = super::custom_headers(written, at, problems);
    let function = find(name, functions, &format!("{at}.function"), problems);
    Some(Origin {
        id: written.id.clone()?.into(),
        domain_name: name.to_ascii_lowercase(),
        function: Some(FunctionOrigin {
            function: function?,
            multi_value_headers: written.multi_value_headers.unwrap_or(false),
        }),
        path,
        protocol: OriginProtocol::MatchViewer,
        http_version: OriginHttpVersion::Http1,
        http_port: defaults::ORIGIN_HTTP_PORT,
        https_port: defaults::ORIGIN_HTTPS_PORT,
        verify_certificate: true,
        authorities: None,
        custom_headers,
        connection_attempts: 1,
        connection_timeout,
        response_timeout,
        keepalive_timeout,
        response_completion_timeout: None,
        host: HostField::ByPolicy,
        tls_name: None,
        certificate_names: Vec::new(),
        addresses: AddressFamily::Any,
    })
}

/// How a server is reached says nothing about a function, whose time is its own `timeout`.
fn refuse_connection(written: &file::Origin, at: &str, problems: &mut Problems) {
    let beside = [
        ("domain_name", written.domain_name.is_some()),
        ("http_port", written.http_port.is_some()),
        ("https_port", written.https_port.is_some()),
        ("protocol", written.protocol.is_some()),
        ("http_version", written.http_version.is_some()),
        ("verify_certificate", written.verify_certificate.is_some()),
        ("ca", written.ca.is_some()),
        ("connection_attempts", written.connection_attempts.is_some()),
        ("connection_timeout", written.connection_timeout.is_some()),
        ("response_timeout", written.response_timeout.is_some()),
        ("keepalive_timeout", written.keepalive_timeout.is_some()),
    ];
    for (word, _) in beside.into_iter().filter(|(_, written)| *written) {
        let remedy = "leave one of the two out";
        problems.add(format!("{at}.{word}"), "cannot stand beside `function`", remedy);
    }
}

fn find(
    name: &str,
    functions: &Functions,
    at: &str,
    problems: &mut Problems,
) -> Option<crate::ids::FunctionId> {
    let Some((id, source)) = functions.find(name) else {
        if !functions.some_unnamed() {
            let remedy = suggest::remedy(name, &functions.names(), "use one of");
            problems.add(at, format!("there is no function \"{name}\""), remedy);
        }
        return None;
    };
    if source.is_some_and(|source| source.runtime != Runtime::Wasm) {
        let message = format!("\"{name}\" is a viewer function");
        problems.add(at, message, "name one with runtime \"wasm\"");
        return None;
    }
    Some(id)
}
