//! What is said about a function once, and not with every request.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::limits::NOTICE_ENTRIES_MAX;

/// The notices given since the functions were published.
#[derive(Debug, Default)]
pub struct Notices(Mutex<BTreeSet<(Arc<str>, &'static str, &'static str)>>);

impl Notices {
    /// Says that what `function` passed as `member` to `helper` has no effect here, the first time.
    pub fn give(&self, function: &Arc<str>, helper: &'static str, member: &'static str) {
        let Ok(mut given) = self.0.lock() else { return };
        let notice = (function.clone(), helper, member);
        if given.len() < NOTICE_ENTRIES_MAX && given.insert(notice) {
            tracing::warn!(%function, "cf.{helper}: {member} has no effect here (docs/differences.md)");
        }
    }
}
