//! `POST /invalidations`: CloudFront's `InvalidationBatch` as JSON, or a shorter body.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{refuse, reply_json};
use crate::cache::invalidate::{Item, Mode};
use crate::limits::{
    CALLER_REFERENCE_CHARS_MAX, CALLER_REFERENCE_ENTRIES_MAX, INVALIDATION_ITEMS_MAX,
};
use crate::observe;
use crate::proxy::{Edge, Invalidated};

/// What CloudFront's clients send: the batch alone, or with the distribution it is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Envelope {
    distribution_id: Option<String>,
    invalidation_batch: Batch,
}

#[derive(Hash, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Batch {
    paths: Paths,
    caller_reference: String,
}

#[derive(Hash, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Paths {
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<usize>,
    items: Vec<String>,
}

/// The shorter body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Short {
    items: Vec<String>,
    distribution: Option<String>,
    #[serde(default)]
    mode: ModeWord,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ModeWord {
    #[default]
    Hard,
    Soft,
}

/// What went wrong: a status and a code as CloudFront's, and what to do about it.
struct Refusal(StatusCode, &'static str, String);

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, "InvalidArgument", message.into())
}

/// Does what the body says, and answers when it is done.
pub(super) fn create(edge: &Edge, references: &References, body: &[u8]) -> Response<Full<Bytes>> {
    match answer(edge, references, body) {
        Ok((status, value)) => reply_json(status, &value),
        Err(Refusal(status, code, message)) => refuse(status, code, &message),
    }
}

fn answer(
    edge: &Edge,
    references: &References,
    body: &[u8],
) -> Result<(StatusCode, Value), Refusal> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| invalid(format!("the body is not JSON: {error}")))?;
    let shape = |error: serde_json::Error| invalid(format!("the body: {error}"));
    if value.get("InvalidationBatch").is_some() {
        let envelope: Envelope = serde_json::from_value(value).map_err(shape)?;
        let id = envelope.distribution_id;
        return references.create(edge, id.as_deref(), &envelope.invalidation_batch);
    }
    if value.get("Paths").is_some() {
        let batch: Batch = serde_json::from_value(value).map_err(shape)?;
        return references.create(edge, None, &batch);
    }
    let short: Short = serde_json::from_value(value).map_err(shape)?;
    let items = parse(&short.items, "items")?;
    let mode = match short.mode {
        ModeWord::Hard => Mode::Hard,
        ModeWord::Soft => Mode::Soft,
    };
    let done = invalidate(edge, short.distribution.as_deref(), &items, mode)?;
    let mut answer = json!({ "distribution": done.distribution, "mode": mode.as_str() });
    answer["items"] = counts("item", "objects", &short.items, &done);
    Ok((StatusCode::OK, answer))
}

/// All items, or what is wrong with the first one that is.
fn parse(written: &[String], place: &str) -> Result<Vec<Item>, Refusal> {
    if written.is_empty() {
        let remedy = "name a path such as /images/* or a tag such as #product-17";
        return Err(invalid(format!("{place} is empty: {remedy}")));
    }
    if written.len() > INVALIDATION_ITEMS_MAX {
        let message = format!("{place} has more than {INVALIDATION_ITEMS_MAX}: send several");
        return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, "BatchTooLarge", message));
    }
    let numbered = written.iter().enumerate();
    let parsed = numbered.map(|(index, text)| {
        Item::parse(text).map_err(|error| invalid(format!("{place}[{index}] {text:?}: {error}")))
    });
    parsed.collect()
}

fn invalidate(
    edge: &Edge,
    distribution: Option<&str>,
    items: &[Item],
    mode: Mode,
) -> Result<Invalidated, Refusal> {
    edge.invalidate(distribution, items, mode).map_err(|unknown| {
        let ids = unknown.0.join(", ");
        let message = match distribution {
            Some(id) => format!("there is no distribution {id:?}: use one of {ids}"),
            None => format!("there are several distributions: name one of {ids}"),
        };
        Refusal(StatusCode::NOT_FOUND, "NoSuchDistribution", message)
    })
}

/// Each item with the objects that were known under it.
fn counts(item: &str, objects: &str, written: &[String], done: &Invalidated) -> Value {
    let pairs = written.iter().zip(&done.objects);
    pairs.map(|(text, count)| json!({ item: text, objects: count })).collect()
}

/// What was done under a caller's reference.
#[derive(Clone)]
struct Done {
    /// The batch's hash, by which a repetition is known.
    batch: u64,
    id: String,
    time: SystemTime,
}

/// Distribution and caller's reference.
type Key = (Option<String>, String);

/// The newest invalidations in CloudFront's shape: repeating one does nothing (spec: CDN behaviours section 7).
#[derive(Default)]
pub(super) struct References(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    done: HashMap<Key, Done>,
    oldest_first: VecDeque<Key>,
}

impl References {
    fn create(
        &self,
        edge: &Edge,
        distribution: Option<&str>,
        batch: &Batch,
    ) -> Result<(StatusCode, Value), Refusal> {
        let items = parse(&batch.paths.items, "Paths.Items")?;
        if batch.paths.quantity.is_some_and(|quantity| quantity != items.len()) {
            let message = format!("Paths.Quantity is not {}, the number of items", items.len());
            return Err(Refusal(StatusCode::BAD_REQUEST, "InconsistentQuantities", message));
        }
        let reference = &batch.caller_reference;
        if !(1..=CALLER_REFERENCE_CHARS_MAX).contains(&reference.len()) {
            let message = format!("CallerReference has 1 to {CALLER_REFERENCE_CHARS_MAX} bytes");
            return Err(invalid(message));
        }
        let key = (distribution.map(str::to_owned), reference.clone());
        let hash = hash(batch);
        // Held while invalidating, so that of two equal ones the second waits for the first.
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match remembered.done.get(&key) {
            Some(done) if done.batch == hash => {
                Ok((StatusCode::CREATED, invalidation(batch, done, None)))
            }
            Some(_) => {
                let message = format!("CallerReference {reference:?} was used for other items");
                Err(Refusal(StatusCode::CONFLICT, "InvalidationBatchAlreadyExists", message))
            }
            None => {
                let invalidated = invalidate(edge, distribution, &items, Mode::Hard)?;
                let done = Done { batch: hash, id: made_up_id(), time: SystemTime::now() };
                remembered.keep(key, done.clone());
                Ok((StatusCode::CREATED, invalidation(batch, &done, Some(&invalidated))))
            }
        }
    }
}

impl Remembered {
    fn keep(&mut self, key: Key, done: Done) {
        self.oldest_first.push_back(key.clone());
        self.done.insert(key, done);
        if self.oldest_first.len() > CALLER_REFERENCE_ENTRIES_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.done.remove(&oldest);
        }
    }
}

/// CloudFront's answer, and with it what the items reached; a repetition reached nothing.
fn invalidation(batch: &Batch, done: &Done, invalidated: Option<&Invalidated>) -> Value {
    let mut answer = json!({
        "Invalidation": {
            "Id": done.id,
            "Status": "Completed",
            "CreateTime": observe::time_text(done.time),
            "InvalidationBatch": batch,
        },
    });
    if let Some(invalidated) = invalidated {
        answer["Reached"] = counts("Item", "Objects", &batch.paths.items, invalidated);
    }
    answer
}

fn hash(batch: &Batch) -> u64 {
    let mut hasher = DefaultHasher::new();
    batch.hash(&mut hasher);
    hasher.finish()
}

/// An id in CloudFront's shape.
fn made_up_id() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let random = (0..13).map(|_| char::from(ALPHABET[fastrand::usize(..ALPHABET.len())]));
    std::iter::once('I').chain(random).collect()
}
