//! WASI, as components of other languages use it.

use super::*;

/// As much of WASI 0.2 as the tests use, and the log.
const WASI: &str = r#"
    package verge:edge@0.1.0 {
        interface log { write: func(line: string); }
    }
    package wasi:io@0.2.0 {
        interface poll {
            resource pollable { block: func(); }
        }
        interface error { resource error; }
        interface streams {
            use error.{error};
            variant stream-error { last-operation-failed(error), closed }
            resource output-stream {
                blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
            }
        }
    }
    package wasi:clocks@0.2.0 {
        interface monotonic-clock {
            use wasi:io/poll@0.2.0.{pollable};
            subscribe-duration: func(nanoseconds: u64) -> pollable;
        }
    }
    package wasi:cli@0.2.0 {
        interface environment {
            get-environment: func() -> list<tuple<string, string>>;
        }
        interface exit { exit: func(status: result); }
        interface stdout {
            use wasi:io/streams@0.2.0.{output-stream};
            get-stdout: func() -> output-stream;
        }
    }
    package wasi:random@0.2.0 {
        interface random { get-random-bytes: func(length: u64) -> list<u8>; }
    }
    package wasi:filesystem@0.2.0 {
        interface types {
            use wasi:io/streams@0.2.0.{output-stream};
            enum error-code {
                access, would-block, already, bad-descriptor, busy, deadlock, quota, exist, file-too-large,
                illegal-byte-sequence, in-progress, interrupted, invalid, io, is-directory, loop,
                too-many-links, message-size, name-too-long, no-device, no-entry, no-lock,
                insufficient-memory, insufficient-space, not-directory, not-empty, not-recoverable,
                unsupported, no-tty, no-such-device, overflow, not-permitted, pipe, read-only,
                invalid-seek, text-file-busy, cross-device
            }
            flags path-flags { symlink-follow }
            flags open-flags { create, directory, exclusive, truncate }
            flags descriptor-flags {
                read, write, file-integrity-sync, data-integrity-sync, requested-write-sync, mutate-directory
            }
            resource descriptor {
                open-at: func(path-flags: path-flags, path: string, open-flags: open-flags,
                    %flags: descriptor-flags) -> result<descriptor, error-code>;
                append-via-stream: func() -> result<output-stream, error-code>;
                set-size: func(size: u64) -> result<_, error-code>;
                read: func(length: u64, offset: u64) -> result<tuple<list<u8>, bool>, error-code>;
                write: func(buffer: list<u8>, offset: u64) -> result<u64, error-code>;
            }
        }
        interface preopens {
            use types.{descriptor};
            get-directories: func() -> list<tuple<descriptor, string>>;
        }
    }
    package wasi:sockets@0.2.0 {
        interface network {
            enum error-code {
                unknown, access-denied, not-supported, invalid-argument, out-of-memory,
                timeout, concurrency-conflict, not-in-progress, would-block, invalid-state,
                new-socket-limit, address-not-bindable, address-in-use, remote-unreachable,
                connection-refused, connection-reset, connection-aborted, datagram-too-large,
                name-unresolvable, temporary-resolver-failure, permanent-resolver-failure
            }
            enum ip-address-family { ipv4, ipv6 }
        }
        interface tcp { resource tcp-socket; }
        interface tcp-create-socket {
            use network.{error-code, ip-address-family};
            use tcp.{tcp-socket};
            create-tcp-socket: func(family: ip-address-family)
                -> result<tcp-socket, error-code>;
        }
    }
"#;

/// A component of WASI 0.2: `body` is its core module, whose imports are the canonical names; the
/// world is `lambda-function` with the interfaces of `imports`.
fn system_component(imports: &str, body: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let world = format!(
        "package test:system;
         world system {{ {imports} export handle: func(event: string) -> result<string, string>; }}
         {WASI}"
    );
    let package = resolve.push_str("system.wit", &world).expect("valid wit");
    let world = resolve.select_world(&[package], Some("system")).expect("the world");
    let text = format!(
        r#"(module {body}
            {MEMORY}
            (data (i32.const 1024) "first\nsecond"))"#
    );
    let mut module = wat::parse_str(text).expect("valid text");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("fits");
    let mut encoder = ComponentEncoder::default().validate(true).module(&module).expect("a module");
    encoder.encode().expect("fits its world")
}

/// Answers with an error without text: the tests look at what happened before.
const ANSWER: &str = "(i32.store (i32.const 0) (i32.const 1)) (i32.store (i32.const 8) (i32.const 0)) \
    (i32.const 0)";

/// The interface to wait with, and the functions of it.
const CLOCK: &str = "import wasi:clocks/monotonic-clock@0.2.0;";
const WAITING: &str = r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
        (func $later (param i64) (result i32)))
    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#;

async fn run(imports: &str, functions: &str, body: &str) -> Invocation<OriginRequestOutcome> {
    let module = format!(
        "{functions} (func (export \"handle\") (param i32 i32) (result i32) {body} {ANSWER})"
    );
    let settings = Settings { environment: vec![("COLOUR".into(), "blue".into())], ..small() };
    let function = load_with(&system_component(imports, &module), settings).expect("loads");
    Scene::new().ask(&function).await
}

#[tokio::test]
async fn standard_output_goes_to_the_log_line_by_line() {
    let run = run(
        "import wasi:cli/stdout@0.2.0;",
        r#"(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
           (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
               (func $write (param i32 i32 i32 i32)))"#,
        "(call $write (call $stdout) (i32.const 1024) (i32.const 12) (i32.const 512))",
    )
    .await;
    assert_eq!(run.logs, ["first", "second"]);
}

#[tokio::test]
async fn a_sleeping_guest_is_woken_by_its_deadline() {
    let started = Instant::now();
    let run = run(CLOCK, WAITING, "(call $block (call $later (i64.const 3600000000000)))").await;
    assert_eq!(run.result.expect_err("an hour is too long").failure, Throttled);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_nap_within_the_budget_is_fine() {
    let run = run(CLOCK, WAITING, "(call $block (call $later (i64.const 1000000)))").await;
    assert_eq!(run.result.expect_err("its own").message, "the handler returned an error: ");
}

#[tokio::test]
async fn the_environment_is_the_configured_one_and_no_more() {
    // A list's address and length; the first variable's name and value.
    let run = run(
        "import wasi:cli/environment@0.2.0; import verge:edge/log@0.1.0;",
        r#"(import "wasi:cli/environment@0.2.0" "get-environment" (func $get (param i32)))
           (import "verge:edge/log@0.1.0" "write" (func $log (param i32 i32)))"#,
        "(local $at i32) (local $end i32)
         (call $get (i32.const 512))
         (local.set $at (i32.load (i32.const 512)))
         (local.set $end (i32.add (local.get $at)
             (i32.mul (i32.load (i32.const 516)) (i32.const 16))))
         (loop $next
             (call $log (i32.load (local.get $at)) (i32.load offset=4 (local.get $at)))
             (call $log (i32.load offset=8 (local.get $at)) (i32.load offset=12 (local.get $at)))
             (local.set $at (i32.add (local.get $at) (i32.const 16)))
             (br_if $next (i32.lt_u (local.get $at) (local.get $end))))",
    )
    .await;
    assert_eq!(run.logs.get(..2), Some(&["COLOUR".to_owned(), "blue".to_owned()][..]));
    let names: Vec<_> = run.logs.iter().step_by(2).map(String::as_str).collect();
    assert!(names.contains(&"AWS_LAMBDA_FUNCTION_NAME"), "{names:?}");
    assert!(!names.contains(&"PATH"), "the edge's own environment leaks: {names:?}");
}

#[tokio::test]
async fn leaving_the_process_is_an_execution_error() {
    let run = run(
        "import wasi:cli/exit@0.2.0;",
        r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#,
        "(call $exit (i32.const 0))",
    )
    .await;
    let error = run.result.expect_err("left");
    assert_eq!(error.failure, Execution);
    assert_eq!(error.message, "ended its process with status 0");
}

#[tokio::test]
async fn there_are_no_sockets() {
    let sockets = run(
        "import wasi:sockets/tcp-create-socket@0.2.0;",
        r#"(import "wasi:sockets/tcp-create-socket@0.2.0" "create-tcp-socket"
               (func $create (param i32 i32)))"#,
        "(call $create (i32.const 0) (i32.const 512))
         (if (i32.eqz (i32.load8_u (i32.const 512))) (then unreachable))",
    );
    assert_eq!(
        sockets.await.result.expect_err("its own").message,
        "the handler returned an error: "
    );
}

#[tokio::test]
async fn random_bytes_have_a_limit() {
    let run = run(
        "import wasi:random/random@0.2.0;",
        r#"(import "wasi:random/random@0.2.0" "get-random-bytes" (func $get (param i64 i32)))"#,
        "(call $get (i64.const 16) (i32.const 512)) (call $get (i64.const 65537) (i32.const 512))",
    )
    .await;
    let error = run.result.expect_err("too many");
    assert!(error.message.contains("65537"), "{error}");
}

/// Opens `/tmp/a` into `$file`; fails the test when that is not possible.
const OPEN: &str = r#"(local $tmp i32) (local $file i32)
    (call $directories (i32.const 512))
    (if (i32.ne (i32.load (i32.const 516)) (i32.const 1)) (then unreachable))
    (local.set $tmp (i32.load (i32.load (i32.const 512))))
    (call $log (i32.load offset=4 (i32.load (i32.const 512))) (i32.load offset=8 (i32.load (i32.const 512))))
    (i32.store8 (i32.const 600) (i32.const 97))
    ;; Created if it is not there; to be read and written.
    (call $open (local.get $tmp) (i32.const 0) (i32.const 600) (i32.const 1) (i32.const 1) (i32.const 3)
        (i32.const 520))
    (if (i32.load8_u (i32.const 520)) (then unreachable))
    (local.set $file (i32.load (i32.const 524)))"#;

const FILES: &str = "import wasi:filesystem/preopens@0.2.0; import wasi:filesystem/types@0.2.0; \
    import verge:edge/log@0.1.0;";
const USING_FILES: &str = r#"
    (import "verge:edge/log@0.1.0" "write" (func $log (param i32 i32)))
    (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.open-at"
        (func $open (param i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.append-via-stream"
        (func $append (param i32 i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.set-size" (func $resize (param i32 i64 i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.read" (func $read (param i32 i64 i64 i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.write"
        (func $write (param i32 i32 i32 i64 i32)))
    (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
        (func $put (param i32 i32 i32 i32)))"#;

fn with_files(body: &str) -> OriginFunction {
    let module = format!(
        "{USING_FILES} (func (export \"handle\") (param i32 i32) (result i32) {OPEN} {body} {ANSWER})"
    );
    let settings = Settings {
        storage_bytes_max: 1 << 20,
        isolation: Some(Isolation::Warm),
        budget: Duration::from_secs(10),
        ..small()
    };
    load_with(&system_component(FILES, &module), settings).expect("loads")
}

#[tokio::test]
async fn files_below_tmp_outlive_a_call_and_not_their_environment() {
    // A stream appends the twelve bytes; what stands in the file is logged.
    let function = with_files(
        "(call $append (local.get $file) (i32.const 540))
         (if (i32.load8_u (i32.const 540)) (then unreachable))
         (call $put (i32.load (i32.const 544)) (i32.const 1024) (i32.const 12) (i32.const 560))
         (if (i32.load8_u (i32.const 560)) (then unreachable))
         (call $read (local.get $file) (i64.const 100) (i64.const 0) (i32.const 580))
         (if (i32.load8_u (i32.const 580)) (then unreachable))
         (call $log (i32.load (i32.const 584)) (i32.load (i32.const 588)))",
    );
    let scene = Scene::new();
    let (first, second) = (scene.ask(&function).await.logs, scene.ask(&function).await.logs);
    assert_eq!(first, ["/tmp", "first\nsecond"]);
    assert_eq!(second, ["/tmp", "first\nsecondfirst\nsecond"]);
    function.pool.as_ref().expect("warm").expire_at(Instant::now() + Duration::from_secs(3_600));
    assert_eq!(scene.ask(&function).await.logs, first, "another environment has its own");
}

#[tokio::test]
async fn a_disk_that_is_full_says_so_however_it_is_written() {
    // Each tries one way to get beyond a mebibyte, and tells the error's number.
    for way in [
        "(call $resize (local.get $file) (i64.const 1048577) (i32.const 540))",
        "(call $write (local.get $file) (i32.const 1024) (i32.const 2) (i64.const 1048576) (i32.const 536))
         (i32.store8 (i32.const 541) (i32.load8_u (i32.const 544)))
         (i32.store8 (i32.const 540) (i32.load8_u (i32.const 536)))",
    ] {
        let function = with_files(&format!(
            "{way}
             (if (i32.eqz (i32.load8_u (i32.const 540))) (then unreachable))
             (i32.store8 (i32.const 541) (i32.add (i32.const 32) (i32.load8_u (i32.const 541))))
             (call $log (i32.const 541) (i32.const 1))"
        ));
        let run = Scene::new().ask(&function).await;
        // `insufficient-space` is the 24th of the codes.
        assert_eq!(run.logs, ["/tmp".to_owned(), char::from(32 + 23).to_string()], "{:?}", run.result);
    }
}
