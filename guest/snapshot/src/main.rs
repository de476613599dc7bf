//! `verge-guest-snapshot IN.wasm OUT.wasm.zst`: runs the engine's `prepare` and writes the module again, with the
//! memory and globals of that moment as its initial ones.

use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::task::{Poll, Waker};

use wasmtime::{Engine, Instance, Linker, Module, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

/// The strongest level that needs no extra memory to unpack.
const LEVEL: i32 = 19;

struct Prepared<'a> {
    store: &'a mut Store<()>,
    instance: Instance,
}

impl InstanceState for Prepared<'_> {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut *self.store, name).expect("wizer exported it");
        match global.get(&mut *self.store) {
            Val::I32(value) => SnapshotVal::I32(value),
            Val::I64(value) => SnapshotVal::I64(value),
            Val::F32(value) => SnapshotVal::F32(value),
            Val::F64(value) => SnapshotVal::F64(value),
            other => panic!("a global of a type that the engine does not use: {other:?}"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        let memory = self.instance.get_memory(&mut *self.store, name).expect("wizer exported it");
        contents(memory.data(&*self.store));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, input, output] = arguments.as_slice() else {
        return Err("usage: verge-guest-snapshot IN.wasm OUT.wasm.zst".into());
    };
    let raw = std::fs::read(input)?;
    let wizer = Wizer::new();
    let (context, instrumented) = wizer.instrument(&raw)?;
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, &instrumented)?;
    // What the engine imports serves calls, and none is made here.
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module)?;
    let instance = linker.instantiate(&mut store, &module)?;
    let prepare = instance.get_typed_func::<(), u32>(&mut store, "prepare")?;
    if prepare.call(&mut store, ())? != 1 {
        return Err("the engine did not start; run `cargo test -p verge-guest`".into());
    }
    let mut prepared = Prepared { store: &mut store, instance };
    let snapshot = ready(wizer.snapshot(&context, &mut prepared))?;
    std::fs::write(output, zstd::encode_all(snapshot.as_slice(), LEVEL)?)?;
    println!("{} bytes of module with its memory image", snapshot.len());
    Ok(())
}

/// Runs a future that never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("reading a store's memory waits for nothing"),
    }
}
