//! Components at viewer events: what differs from JavaScript is that they are waited for, and may have the request's body.

use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;

use super::{ViewerSide, invite_body, viewer_function};
use crate::error::{EdgeError, FunctionKind};
use crate::event::{BodyView, EventType, RequestOutcome, ResponseEdits};
use crate::function::wasm::OriginFunction;
use crate::ids::FunctionId;
use crate::limits::VIEWER_REQUEST_BODY_BYTES_MAX;
use crate::origin::select::{self, Member};
use crate::proxy::context::{Context, Route};
use crate::proxy::{Edge, body, head, record};

/// What a function is shown where nothing came: a question that is only explained has no body.
static NO_BODY: Bytes = Bytes::new();

/// Reads the request's body for the function.
///
/// # Errors
/// As [`body::read`], and that the viewer is gone.
pub(super) async fn read_body(
    edge: &Edge,
    session: &mut Session,
    ctx: &mut Context,
    id: FunctionId,
) -> Result<(), EdgeError> {
    let published = ctx.published.clone();
    let ViewerSide::Component(function) = viewer_function(&published, id)? else {
        return Err(EdgeError::Internal("JavaScript was to have a body".into()));
    };
    let Route { distribution, behavior } = ctx.route()?.clone();
    let origin = select::origin(&distribution, behavior.target, Member::Primary)
        .ok_or_else(|| EdgeError::Internal("the behavior's target does not exist".into()))?;
    invite_body(session).await.map_err(head::internal)?;
    let (room, patience) = (&edge.bodies, origin.response_timeout);
    let most = VIEWER_REQUEST_BODY_BYTES_MAX;
    body::read(room, session, &mut ctx.body, most, patience, function.name()).await
}

/// Runs the function for viewer-request.
///
/// # Errors
/// The function's failure.
pub(super) async fn on_request(
    function: &OriginFunction,
    include_body: bool,
    request: &RequestHeader,
    ctx: &mut Context,
) -> Result<RequestOutcome, EdgeError> {
    let run = {
        let event = ctx.event_context()?;
        let mut view = head::request_view(request);
        let nothing = BodyView { data: &NO_BODY, truncated: false };
        view.body = include_body.then(|| body::view(ctx).unwrap_or(nothing));
        function.on_viewer_request(&event, &view).await
    };
    let (kind, event) = (FunctionKind::Component, EventType::ViewerRequest);
    record::note_function(ctx, kind, function.name(), event, run)
}

/// Runs the function for viewer-response.
///
/// # Errors
/// The function's failure.
pub(super) async fn on_response(
    function: &OriginFunction,
    session: &Session,
    response: &ResponseHeader,
    ctx: &mut Context,
) -> Result<ResponseEdits, EdgeError> {
    let run = {
        let event = ctx.event_context()?;
        let request = head::request_view(session.req_header());
        let answer = head::response_view(response);
        function.on_viewer_response(&event, &request, &answer).await
    };
    let (kind, event) = (FunctionKind::Component, EventType::ViewerResponse);
    record::note_function(ctx, kind, function.name(), event, run)
}
