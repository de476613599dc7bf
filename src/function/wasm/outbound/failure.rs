//! What went wrong with a request, in the words of `wasi:http/types.error-code`.

use std::error::Error as _;
use std::io;

use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

/// A name that could not be looked up.
pub(super) fn of_lookup(error: &io::Error) -> Error {
    Error::DnsError { rcode: Some(error.to_string()), info_code: None }
}

/// No connection.
pub(super) fn of_connecting(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Error::DestinationIpUnroutable
        }
        _ => Error::DestinationUnavailable,
    }
}

/// A connection without TLS.
pub(super) fn of_handshake(error: &io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some((*alert).into()),
            alert_message: Some(format!("{alert:?}")),
        },
        Some(_) => Error::TlsProtocolError,
        None => Error::ConnectionTerminated,
    }
}

/// A request that got no answer, or no whole one. What the request's own body failed with comes first.
pub(super) fn of_exchange(error: hyper::Error) -> Error {
    let own = error.source().and_then(|cause| cause.downcast_ref::<Error>());
    match own {
        Some(Error::HttpRequestBodySize(bytes)) => Error::HttpRequestBodySize(*bytes),
        _ => Error::Hyper(error),
    }
}

/// Whether the connection broke, rather than the answer being wrong or late.
pub(super) fn is_of_connection(error: &Error) -> bool {
    let Error::Hyper(error) = error else { return false };
    let broken = error.source().is_some_and(<dyn std::error::Error>::is::<io::Error>);
    error.is_incomplete_message() || error.is_canceled() || error.is_closed() || broken
}

/// What hyper says.
pub(super) fn code(error: &hyper::Error) -> ErrorCode {
    if error.is_parse_too_large() {
        ErrorCode::HttpResponseHeaderSectionSize(None)
    } else if error.is_parse() {
        ErrorCode::HttpProtocolError
    } else if error.is_incomplete_message() {
        ErrorCode::HttpResponseIncomplete
    } else if error.is_user() {
        ErrorCode::HttpProtocolError
    } else {
        ErrorCode::ConnectionTerminated
    }
}
