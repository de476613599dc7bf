//! Event types to the world's records and back. Shapes only; nothing is checked here.

use bytes::Bytes;

use super::bindings::verge::edge::types::{
    Config, CustomOrigin as GuestOrigin, EventType as GuestEvent, Header, Protocol, Request,
    RequestAction, Response,
};
use crate::event::lambda::{
    ReturnedAction, ReturnedHeader, ReturnedOrigin, ReturnedRequest, ReturnedResponse, shown,
    visible_headers,
};
use crate::event::{
    BodyEncoding, CustomOrigin, EventContext, EventType, ReplacedBody, RequestView, ResponseView,
};

/// The event's read-only part.
pub(super) fn config(event: EventType, context: &EventContext<'_>) -> Config {
    Config {
        distribution_domain_name: context.distribution_domain_name.to_owned(),
        distribution_id: context.distribution_id.to_owned(),
        event_type: match event {
            EventType::OriginResponse => GuestEvent::OriginResponse,
            _ => GuestEvent::OriginRequest,
        },
        request_id: context.request_id.as_str().to_owned(),
    }
}

/// The request with its origin.
pub(super) fn request(
    event: EventType,
    context: &EventContext<'_>,
    request: &RequestView<'_>,
    origin: &CustomOrigin,
) -> Request {
    Request {
        client_ip: context.viewer_ip.to_string(),
        method: request.method.to_owned(),
        uri: shown(request.path).into_owned(),
        querystring: shown(request.query.unwrap_or_default()).into_owned(),
        headers: headers(event, request.headers),
        origin: guest_origin(origin),
    }
}

/// The origin's response, without its body.
pub(super) fn response(event: EventType, response: &ResponseView<'_>) -> Response {
    Response {
        status: response.status,
        status_description: response.reason.unwrap_or_default().to_owned(),
        headers: headers(event, response.headers),
        body: None,
    }
}

fn headers(event: EventType, headers: &http::HeaderMap) -> Vec<Header> {
    visible_headers(event, headers)
        .map(|(name, value)| Header { name: name.to_owned(), value: value.into_owned() })
        .collect()
}

fn guest_origin(origin: &CustomOrigin) -> GuestOrigin {
    let header = |(name, value): &(http::HeaderName, http::HeaderValue)| Header {
        name: name.as_str().to_owned(),
        value: shown(value.as_bytes()).into_owned(),
    };
    GuestOrigin {
        domain_name: origin.domain_name.clone(),
        port: origin.port,
        protocol: if origin.tls { Protocol::Https } else { Protocol::Http },
        path: origin.path.clone(),
        custom_headers: origin.custom_headers.iter().map(header).collect(),
        read_timeout: origin.read_timeout_seconds,
        keepalive_timeout: origin.keepalive_timeout_seconds,
        ssl_protocols: origin.ssl_protocols.clone(),
    }
}

/// What an origin-request handler returned.
pub(super) fn returned_action(action: RequestAction) -> ReturnedAction {
    match action {
        RequestAction::Forward(request) => ReturnedAction::Forward(returned_request(request)),
        RequestAction::Respond(response) => ReturnedAction::Respond(returned_response(response)),
    }
}

fn returned_request(request: Request) -> ReturnedRequest {
    let origin = request.origin;
    ReturnedRequest {
        method: request.method,
        uri: request.uri,
        querystring: request.querystring,
        headers: returned_headers(request.headers),
        origin: Some(ReturnedOrigin {
            domain_name: origin.domain_name,
            port: origin.port,
            tls: origin.protocol == Protocol::Https,
            path: origin.path,
            custom_headers: returned_headers(origin.custom_headers),
            read_timeout: origin.read_timeout,
            keepalive_timeout: origin.keepalive_timeout,
            ssl_protocols: origin.ssl_protocols,
        }),
        // The record has none: `verge:edge/body` takes it.
        body: None,
    }
}

/// What a handler passed to `verge:edge/body`.
pub(super) fn replaced_body(data: Bytes) -> ReplacedBody {
    let encoding = match std::str::from_utf8(&data) {
        Ok(_) => BodyEncoding::Text,
        Err(_) => BodyEncoding::Base64,
    };
    ReplacedBody { data, encoding }
}

/// What an origin-response handler returned, or the response an origin-request handler made up.
pub(super) fn returned_response(response: Response) -> ReturnedResponse {
    ReturnedResponse {
        status: response.status,
        status_description: Some(response.status_description),
        headers: returned_headers(response.headers),
        body: response.body.map(Into::into),
    }
}

fn returned_headers(headers: Vec<Header>) -> Vec<ReturnedHeader> {
    headers.into_iter().map(|header| (header.name, header.value)).collect()
}
