//! The sandbox: kept code, its damage, interruption.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use wasmtime::{Instance, Store, Trap, UpdateDeadline};

use super::*;

/// `(module (func (export "seven") (result i32) i32.const 7))`
const SEVEN: &[u8] = b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7f\x03\x02\x01\0\
    \x07\x09\x01\x05seven\0\0\x0a\x06\x01\x04\0\x41\x07\x0b";

/// `(module (func (export "spin!") (loop (br 0))))`
const SPIN: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\
    \x07\x09\x01\x05spin!\0\0\x0a\x09\x01\x07\0\x03\x40\x0c\0\x0b\x0b";

fn seven(sandbox: &Sandbox) -> i32 {
    let module = sandbox.load_module("seven", SEVEN).expect("a valid module");
    let mut store = Store::new(sandbox.engine(), ());
    store.set_epoch_deadline(1);
    let instance = Instance::new(&mut store, &module, &[]).expect("nothing imported");
    let seven = instance.get_typed_func::<(), i32>(&mut store, "seven").expect("exported");
    let _running = sandbox.running_guest();
    store.set_epoch_deadline(1_000_000);
    seven.call(&mut store, ()).expect("returns")
}

fn code_files(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory)
        .expect("the cache directory")
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[test]
fn compiled_code_is_kept_and_used_again() {
    let home = tempfile::tempdir().expect("a directory");
    let cache = home.path().join("code");
    let sandbox = Sandbox::new(Mode::Production, Some(&cache)).expect("a sandbox");
    assert_eq!(seven(&sandbox), 7);
    let files = code_files(&cache);
    assert_eq!(files.len(), 1, "{files:?}");
    let written = fs::metadata(&files[0]).expect("the file").modified().expect("a time");

    assert_eq!(seven(&sandbox), 7);
    let again = fs::metadata(&files[0]).expect("the file").modified().expect("a time");
    assert_eq!(written, again, "the second load compiled again");
}

#[test]
fn damaged_code_is_never_run_but_rebuilt() {
    let home = tempfile::tempdir().expect("a directory");
    let cache = home.path().join("code");
    let sandbox = Sandbox::new(Mode::Production, Some(&cache)).expect("a sandbox");
    assert_eq!(seven(&sandbox), 7);
    let file = code_files(&cache).remove(0);
    let good = fs::read(&file).expect("the file");
    let middle = good.len() / 2;
    for damage in [vec![], good[..middle].to_vec(), flipped(&good, middle), flipped(&good, 3)] {
        fs::write(&file, &damage).expect("writable");
        assert_eq!(seven(&sandbox), 7);
        assert_eq!(fs::read(&file).expect("the file"), good, "not rebuilt");
    }
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

#[test]
fn a_directory_that_others_may_write_to_is_not_used() {
    let home = tempfile::tempdir().expect("a directory");
    let cache = home.path().join("code");
    fs::create_dir(&cache).expect("a directory");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).expect("ours");
    let sandbox = Sandbox::new(Mode::Production, Some(&cache)).expect("a sandbox");
    assert_eq!(seven(&sandbox), 7);
    assert!(code_files(&cache).is_empty(), "code was left where others may replace it");
}

#[test]
fn each_mode_keeps_its_own_code() {
    let home = tempfile::tempdir().expect("a directory");
    let cache = home.path().join("code");
    for mode in [Mode::Production, Mode::Metered] {
        let sandbox = Sandbox::new(mode, Some(&cache)).expect("a sandbox");
        sandbox.load_module("seven", SEVEN).expect("a valid module");
    }
    assert_eq!(code_files(&cache).len(), 2);
}

#[test]
fn a_spinning_guest_is_interrupted_and_the_ticker_then_rests() {
    let sandbox = Sandbox::new(Mode::Production, None).expect("a sandbox");
    let module = sandbox.load_module("spin", SPIN).expect("a valid module");
    let mut store = Store::new(sandbox.engine(), ());
    let running = sandbox.running_guest();
    store.set_epoch_deadline(1);
    let deadline = Instant::now() + Duration::from_millis(20);
    store.epoch_deadline_callback(move |_| {
        let over = Instant::now() >= deadline;
        Ok(if over { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
    });
    let instance = Instance::new(&mut store, &module, &[]).expect("nothing imported");
    let spin = instance.get_typed_func::<(), ()>(&mut store, "spin!").expect("exported");
    let error = spin.call(&mut store, ()).expect_err("never returns by itself");
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
    assert!(Instant::now() >= deadline, "interrupted before its time");
    assert!(!sandbox.inner.ticker.is_parked());

    drop(running);
    let patience = Instant::now() + Duration::from_secs(10);
    while !sandbox.inner.ticker.is_parked() {
        assert!(Instant::now() < patience, "the ticker never rests");
        std::thread::yield_now();
    }
}

#[test]
fn what_is_not_a_component_is_refused() {
    let sandbox = Sandbox::new(Mode::Metered, None).expect("a sandbox");
    let error = sandbox.load_component("greet", SEVEN).expect_err("a module is no component");
    assert!(error.to_string().starts_with("not a WebAssembly component"), "{error}");
}
