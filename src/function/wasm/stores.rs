//! What a function reads of its configuration: `wasi:keyvalue` is the key-value store that is associated with it,
//! `wasi:config` the variables of its `[environment]`.
//!
//! Both are drafts of WASI; these are the versions that tools have. A store is read-only, as it is for JavaScript, and
//! a call sees one content of it from beginning to end.

use wasmtime::component::{HasSelf, Linker, Resource};

use super::host::HostState;
use crate::kv::Store;
use crate::limits::KEY_VALUE_STORE_ANSWER_KEYS_MAX;
use bindings::wasi::config::store as config;
use bindings::wasi::keyvalue::{batch, store as keyvalue};

/// The interfaces, as components import them.
pub(super) const OFFERED: [&str; 3] = [
    "wasi:keyvalue/store@0.2.0-draft",
    "wasi:keyvalue/batch@0.2.0-draft",
    "wasi:config/store@0.2.0-rc.1",
];

mod bindings {
    //! Rust types of the interfaces, made at compile time.

    wasmtime::component::bindgen!({
        path: "wit",
        world: "stores",
        imports: { default: trappable },
        with: { "wasi:keyvalue/store.bucket": super::Bucket },
    });
}

/// Makes the interfaces known to a linker.
///
/// # Errors
/// Never, for a linker that has none of them yet.
pub(super) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    bindings::Stores::add_to_linker::<_, HasSelf<HostState>>(linker, |state| state)
}

/// The function's store, opened.
pub struct Bucket;

/// A host call that may trap, around an answer that may be an error.
type Answer<T> = wasmtime::Result<Result<T, keyvalue::Error>>;

/// What every change is answered.
fn read_only<T>() -> Answer<T> {
    let text = "key-value stores are read-only here: change the store's file and reload";
    Ok(Err(keyvalue::Error::Other(text.to_owned())))
}

impl HostState {
    /// What the function's store holds in this call, for a guest that asked for `identifier`; for whoever has a bucket
    /// that is empty.
    fn content(&self, identifier: &str) -> Result<&Store, keyvalue::Error> {
        let reading = self.reading.as_ref().ok_or(keyvalue::Error::NoSuchStore)?;
        reading.store(identifier).map_err(|_| keyvalue::Error::NoSuchStore)
    }
}

impl keyvalue::Host for HostState {
    /// The store has the names that JavaScript's `cf.kvs` takes.
    fn open(&mut self, identifier: String) -> Answer<Resource<Bucket>> {
        if let Err(error) = self.content(&identifier) {
            self.console.line(format!(
                "wasi:keyvalue: \"{identifier}\" is no store of this function: \
                 name it in its `key_value_stores`"
            ));
            return Ok(Err(error));
        }
        Ok(Ok(self.system().resources().push(Bucket)?))
    }
}

impl keyvalue::HostBucket for HostState {
    fn get(&mut self, _: Resource<Bucket>, key: String) -> Answer<Option<Vec<u8>>> {
        Ok(self.content("").map(|store| store.get(&key).map(|value| value.as_bytes().to_vec())))
    }

    fn set(&mut self, _: Resource<Bucket>, _key: String, _value: Vec<u8>) -> Answer<()> {
        read_only()
    }

    fn delete(&mut self, _: Resource<Bucket>, _key: String) -> Answer<()> {
        read_only()
    }

    fn exists(&mut self, _: Resource<Bucket>, key: String) -> Answer<bool> {
        Ok(self.content("").map(|store| store.get(&key).is_some()))
    }

    /// The cursor is the place of the answer's first key.
    fn list_keys(
        &mut self,
        _: Resource<Bucket>,
        cursor: Option<u64>,
    ) -> Answer<keyvalue::KeyResponse> {
        let first = usize::try_from(cursor.unwrap_or_default())?;
        Ok(self.content("").map(|store| {
            let left = store.keys().get(first..).unwrap_or_default();
            let keys: Vec<_> = left
                .iter()
                .take(KEY_VALUE_STORE_ANSWER_KEYS_MAX)
                .map(ToString::to_string)
                .collect();
            let cursor = (keys.len() < left.len()).then_some((first + keys.len()) as u64);
            keyvalue::KeyResponse { keys, cursor }
        }))
    }

    fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.system().resources().delete(bucket)?;
        Ok(())
    }
}

impl batch::Host for HostState {
    fn get_many(
        &mut self,
        _: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Answer<Vec<Option<(String, Vec<u8>)>>> {
        if keys.len() > KEY_VALUE_STORE_ANSWER_KEYS_MAX {
            let most = KEY_VALUE_STORE_ANSWER_KEYS_MAX;
            let text = format!("get-many was asked for {} keys; it gives {most}", keys.len());
            return Ok(Err(keyvalue::Error::Other(text)));
        }
        Ok(self.content("").map(|store| {
            let value = |key: String| {
                let value = store.get(&key)?.as_bytes().to_vec();
                Some((key, value))
            };
            keys.into_iter().map(value).collect()
        }))
    }

    fn set_many(&mut self, _: Resource<Bucket>, _: Vec<(String, Vec<u8>)>) -> Answer<()> {
        read_only()
    }

    fn delete_many(&mut self, _: Resource<Bucket>, _keys: Vec<String>) -> Answer<()> {
        read_only()
    }
}

impl config::Host for HostState {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, config::Error>> {
        let mut variables = self.configured().iter();
        Ok(Ok(variables.find(|(name, _)| *name == key).map(|(_, value)| value.clone())))
    }

    fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, config::Error>> {
        Ok(Ok(self.configured().to_vec()))
    }
}
