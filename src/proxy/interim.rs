//! Interim answers of origins (RFC 9110 section 15.2) on their way to the viewer.

use http::{StatusCode, Version};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

/// Sends an interim answer on at once.
///
/// Pingora would write it together with what came in the same piece from the origin, and drops all of that when the
/// piece ends with the head of an answer that is sent out of the store. So it is told to leave these to the edge. An
/// invitation to send the body (100) is not the origin's to give: [`super::viewer::invite_body`] did.
///
/// # Errors
/// The viewer is gone.
pub async fn hand_on(session: &mut Session, response: &ResponseHeader) -> pingora::Result<()> {
    let knows_interim = session.req_header().version == Version::HTTP_11;
    let viewer = session.as_downstream_mut();
    if knows_interim
        && ![StatusCode::CONTINUE, StatusCode::SWITCHING_PROTOCOLS].contains(&response.status)
    {
        viewer.set_ignore_info_resp(false);
        viewer.write_response_header(Box::new(response.clone())).await?;
    }
    viewer.set_ignore_info_resp(true);
    Ok(())
}
