//! `POST /explain`: what becomes of a request, without asking an origin.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::Deserialize;

use super::{refuse, reply_json};
use crate::proxy::{Edge, Question};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    url: String,
    method: Option<String>,
    /// Pairs of name and value.
    #[serde(default)]
    headers: Vec<(String, String)>,
}

/// Answers one question.
pub(super) async fn answer(edge: &Edge, body: &[u8]) -> Response<Full<Bytes>> {
    let question = match question(body) {
        Ok(question) => question,
        Err(message) => return refuse(StatusCode::BAD_REQUEST, "InvalidArgument", &message),
    };
    match edge.explain(&question).await {
        Ok(told) => reply_json(StatusCode::OK, &told),
        Err(wrong) => refuse(StatusCode::BAD_REQUEST, "InvalidArgument", &wrong.0),
    }
}

fn question(body: &[u8]) -> Result<Question, String> {
    let asked: Asked =
        serde_json::from_slice(body).map_err(|error| format!("the body: {error}"))?;
    let url: Uri = asked.url.parse().map_err(|error| format!("url {:?}: {error}", asked.url))?;
    let method = match &asked.method {
        None => Method::GET,
        Some(text) => text.parse().map_err(|error| format!("method {text:?}: {error}"))?,
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &asked.headers {
        let wrong = |error: &dyn std::fmt::Display| format!("header {name:?}: {error}");
        let name: HeaderName = name.parse().map_err(|error| wrong(&error))?;
        let value = HeaderValue::from_str(value).map_err(|error| wrong(&error))?;
        headers.append(name, value);
    }
    Ok(Question { url, method, headers })
}
