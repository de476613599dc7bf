//! Secrets in a configuration: from the environment, from files, encrypted; and what is said when one is not there.

use crate::kvs::telling;
use crate::scene::commands::{self, Run, SMALLEST_DISTRIBUTION, verge_with_key};
use crate::scene::{Answer, Origin, Scene, component};

const SECRET: &str = "correct horse battery staple";

fn new_key() -> String {
    let run = verge_with_key(&["secret", "key"], None, "");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    run.stdout.trim_end().to_owned()
}

fn encrypt(key: Option<&str>) -> Run {
    verge_with_key(&["secret", "encrypt"], key, &format!("{SECRET}\n"))
}

/// What `verge check` says of a function with this variable, and of an origin with this header field.
fn check(value: &str, key: Option<&str>) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, content: &[u8]| {
        std::fs::write(folder.path().join(name), content).expect("the folder is writable");
    };
    write("returns.wasm", &component::returning(&serde_json::json!({ "status": "200" })));
    write("in-a-file", value.as_bytes());
    let header = format!("protocol = \"http-only\"\ncustom_headers = {{ X-Token = \"{value}\" }}");
    let distribution = SMALLEST_DISTRIBUTION.replace("protocol = \"http-only\"", &header);
    let state = commands::state_directory();
    let text = format!(
        "[state]\ndirectory = \"{}\"\n{distribution}[[function]]\nname = \"returns\"\nruntime = \"wasm\"\n\
         file = \"returns.wasm\"\nenvironment = {{ TOKEN = \"{value}\", OTHER = \"file:in-a-file\" }}\n",
        state.display(),
    );
    write("verge.toml", text.as_bytes());
    let file = folder.path().join("verge.toml");
    let run = verge_with_key(&["check", "--config", &file.to_string_lossy()], key, "");
    assert!(!format!("{run:?}").contains(SECRET), "no message has the secret: {run:?}");
    run
}

#[track_caller]
fn assert_refused(value: &str, key: Option<&str>, words: &str) {
    let run = check(value, key);
    assert_eq!(run.code, 78, "{run:?}");
    for place in [
        "distribution[0].origin[0].custom_headers.X-Token: ",
        "function[0].environment.OTHER: ",
        "function[0].environment.TOKEN: ",
    ] {
        let line = run.stderr.lines().find(|line| line.contains(place));
        assert!(line.is_some_and(|line| line.contains(words)), "{place}{words}: {run:?}");
    }
}

#[test]
fn an_encrypted_value_wants_the_key_it_was_encrypted_with() {
    let key = new_key();
    let run = encrypt(Some(&key));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let value = run.stdout.trim_end();
    assert!(value.starts_with("encrypted:") && !value.contains(SECRET), "{value}");
    let run = check(value, Some(&key));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_refused(value, None, "VERGE_SECRET_KEY is not set");
    assert_refused(value, Some(&new_key()), "made with another key");
    assert_refused(value, Some("c2hvcnQ="), "is not 32 bytes in base64");
    let changed =
        if value.ends_with('=') { value.replace('=', "") } else { format!("{value}AAAA") };
    let run = check(&changed, Some(&key));
    assert_eq!(run.code, 78, "{run:?}");
    assert_refused("encrypted:?", Some(&key), "is not what `verge secret encrypt` prints");
}

#[test]
fn a_function_gets_what_was_encrypted_and_keeps_it_when_a_reload_cannot_open_it() {
    let key = new_key();
    let [value, other] = [&key, &new_key()].map(|key| encrypt(Some(key)).stdout);
    let origin = Origin::answering(|_| Answer::new(500, &[], "the function answers"));
    let edge = Scene::with(&origin)
        .store("s", &[("k", "it is: ")], "")
        .function("tells", "wasm", "wasm", &telling())
        .function_words(&format!(
            "key_value_stores = [\"s\"]\nenvironment = {{ COLOUR = \"{}\" }}",
            value.trim_end()
        ))
        .environment("VERGE_SECRET_KEY", key.into())
        .behavior("*", "origin_request = \"tells\"\ncache_policy = \"CachingDisabled\"")
        .start();
    assert_eq!(edge.get("/").text(), format!("it is: {SECRET}"));
    edge.rewrite_configuration(|text| text.replace(value.trim_end(), other.trim_end()));
    edge.signal("-HUP");
    let problem = edge.said("not reloaded");
    assert!(problem.contains("environment.COLOUR: the encrypted value was made with another key"));
    assert!(!problem.contains(SECRET), "{problem}");
    assert_eq!(edge.get("/").text(), format!("it is: {SECRET}"));
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let run = check("${VERGE_TEST_OF_NO_SUCH_VARIABLE}", None);
    assert_eq!(run.code, 78, "{run:?}");
    let place = "function[0].environment.TOKEN: the environment variable \"VERGE_TEST_OF_NO_SUCH_VARIABLE\" is not set";
    assert!(run.stderr.contains(place), "{run:?}");
}

#[test]
fn nothing_is_encrypted_without_a_key() {
    let run = encrypt(None);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("set it to what `verge secret key` prints"), "{run:?}");
    let run = encrypt(Some("no key"));
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("take one from `verge secret key`"), "{run:?}");
}
