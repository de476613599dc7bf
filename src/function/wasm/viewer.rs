//! Components on the viewer's side: Lambda@Edge's viewer events, which have no origin, less time and smaller answers.

use super::OriginFunction;
use super::run::Run;
use crate::error::FunctionError;
use crate::event::lambda::{ReturnedAction, check_generated, check_response, check_viewer_request};
use crate::event::{
    EventContext, EventType, RequestOutcome, RequestView, ResponseEdits, ResponseView,
};
use crate::function::Invocation;

impl OriginFunction {
    /// Runs the function for viewer-request, as [`Self::on_request`] does for origin-request.
    pub async fn on_viewer_request(
        &self,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
    ) -> Invocation<RequestOutcome> {
        let _permits = match self.permits() {
            Ok(permits) => permits,
            Err(error) => return Invocation::unmade(error),
        };
        let mut run = Run::new(self, self.viewer_budget);
        let returned = run
            .within_budget(async |environment| {
                self.call_for_request(environment, context, request, None).await
            })
            .await;
        run.finish(returned.and_then(|action| match action {
            ReturnedAction::Forward(returned) => {
                check_viewer_request(request, returned).map(RequestOutcome::Continue)
            }
            ReturnedAction::Respond(returned) => {
                let event = EventType::ViewerRequest;
                check_generated(event, returned).map(RequestOutcome::Respond)
            }
        }))
    }

    /// Runs the function for viewer-response, as [`Self::on_response`] does for origin-response.
    pub async fn on_viewer_response(
        &self,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        response: &ResponseView<'_>,
    ) -> Invocation<ResponseEdits> {
        let _permits = match self.permits() {
            Ok(permits) => permits,
            Err(error) => return Invocation::unmade(error),
        };
        let mut run = Run::new(self, self.viewer_budget);
        let returned = run
            .within_budget(async |environment| {
                self.call_for_response(environment, context, request, None, response).await
            })
            .await;
        if run.has_replaced_body() {
            return run.finish(Err(FunctionError::validation(
                "body.replace is for request events; viewer-response changes no body",
            )));
        }
        let event = EventType::ViewerResponse;
        run.finish(returned.and_then(|returned| check_response(event, response, returned)))
    }
}
