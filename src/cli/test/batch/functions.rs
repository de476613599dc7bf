//! Functions that were loaded for earlier lines, by runtime and content.

use std::collections::HashMap;
use std::sync::Arc;

use crate::function::js::ViewerFunction;
use crate::function::{LoadError, Runtime};
use crate::limits::TEST_BATCH_FUNCTIONS_ITEMS_MAX;
use crate::server::functions::Loader;

/// A function, or why there is none: a faulty source is not tried again for each line.
type Loaded = Result<Arc<ViewerFunction>, Arc<LoadError>>;

/// The functions used last.
pub(super) struct Functions {
    loader: Loader,
    /// By the runtime's byte and the code.
    known: HashMap<Vec<u8>, Entry>,
    /// Counts uses.
    clock: u64,
}

struct Entry {
    used: u64,
    loaded: Loaded,
}

impl Functions {
    /// None yet.
    pub(super) fn new(loader: Loader) -> Self {
        Self { loader, known: HashMap::new(), clock: 0 }
    }

    /// The function of that content, loaded now or before.
    pub(super) fn get(&mut self, name: &str, runtime: Runtime, code: Vec<u8>) -> Loaded {
        self.clock += 1;
        let mut key = code;
        key.push(u8::from(runtime == Runtime::CloudfrontJs10));
        if let Some(entry) = self.known.get_mut(&key) {
            entry.used = self.clock;
            return entry.loaded.clone();
        }
        let mut code = key.clone();
        code.pop();
        let loaded = self.loader.load_viewer(name, runtime, code).map(Arc::new).map_err(Arc::new);
        if self.known.len() >= TEST_BATCH_FUNCTIONS_ITEMS_MAX {
            self.forget_oldest();
        }
        self.known.insert(key, Entry { used: self.clock, loaded: loaded.clone() });
        loaded
    }

    fn forget_oldest(&mut self) {
        let oldest = self.known.iter().min_by_key(|(_, entry)| entry.used);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.known.remove(&key);
        }
    }
}
