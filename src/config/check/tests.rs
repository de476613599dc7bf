//! Broken configurations and everything that must be said about each.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use crate::config::{Config, Problem, load_text};
use crate::distribution::{OriginHttpVersion, OriginProtocol, Target};
use crate::event::EventType;
use crate::ids::{FunctionId, OriginGroupIndex, OriginIndex};

mod broken;

/// What a configuration needs at least, one line each, so that a case can break one of them.
const ORIGIN: &str = "[[distribution.origin]]\nid = \"o\"\ndomain_name = \"o.example\"\n";
const DEFAULT: &str =
    "[[distribution.behavior]]\ntarget = \"o\"\ncache_policy = \"CachingDisabled\"\n";

fn load(text: &str) -> Result<Config, Vec<Problem>> {
    load_text(Path::new("verge.toml"), text, &|name| (name == "TOKEN").then(|| "t0ken".to_owned()))
}

fn loaded(text: &str) -> Config {
    load(text).unwrap_or_else(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

#[test]
fn authorities_are_certificates() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = [
        ("PRIVATE KEY", "", "has no certificate"),
        ("CERTIFICATE", "", "its certificate 1 cannot be read"),
        ("CERTIFICATE", "verify_certificate = false", "leave one of the two out"),
        ("CERTIFICATE", "protocol = \"http-only\"", "there is no TLS"),
    ];
    for (label, words, said) in cases {
        let text = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        std::fs::write(folder.path().join("ca.pem"), text).expect("written");
        let origin = ORIGIN.replace("o.example", "localhost");
        let text = format!("[[distribution]]\n{origin}ca = \"ca.pem\"\n{words}\n{DEFAULT}");
        let problems = load_text(&folder.path().join("verge.toml"), &text, &|_| None).err();
        let problems: Vec<_> = problems.iter().flatten().map(ToString::to_string).collect();
        assert!(problems.iter().any(|one| one.contains(said)), "{said}: {problems:?}");
        assert!(problems.iter().all(|one| one.contains("distribution[0].origin[0].ca")));
    }
}

#[test]
fn the_smallest_configuration_gets_every_default() {
    let config = loaded(&format!("[[distribution]]\n{ORIGIN}{DEFAULT}"));
    assert_eq!(config.listeners.http, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(config.listeners.https, ["127.0.0.1:8443".parse().unwrap()]);
    assert_eq!(config.admin, Some("127.0.0.1:9180".parse().unwrap()));
    assert_eq!(config.demo_origin, None);
    assert_eq!(config.state_directory, Path::new("state"));
    assert_eq!(config.cache.memory_bytes_max, 256 << 20);
    assert_eq!(config.cache.object_bytes_max, 64 << 20);
    let distribution = &config.distributions[0];
    assert_eq!(&*distribution.id, "EVERGE00000001");
    assert_eq!(distribution.domain_name, "everge00000001.cloudfront.net");
    let origin = &distribution.origins[0];
    assert_eq!((origin.http_port, origin.https_port), (80, 443));
    assert_eq!(origin.protocol, OriginProtocol::Https);
    assert_eq!(origin.http_version, OriginHttpVersion::Http1);
    assert!(origin.verify_certificate);
    let seconds = [origin.connection_timeout, origin.response_timeout, origin.keepalive_timeout]
        .map(|timeout| timeout.as_secs());
    assert_eq!((origin.connection_attempts, seconds), (3, [10, 30, 5]));
    let behavior = &distribution.behaviors[0];
    assert_eq!(behavior.path_pattern.to_string(), "*");
    assert_eq!(behavior.target, Target::Origin(OriginIndex(0)));
    assert_eq!(behavior.allowed_methods, ["GET", "HEAD"]);
    assert_eq!(behavior.cache_policy.max_ttl.as_secs(), 0);
}

#[test]
fn references_are_resolved_by_name_and_by_aws_id() {
    let config = loaded(&format!(
        "[[distribution]]\n{ORIGIN}\
         custom_headers = {{ \"X-Token\" = \"Bearer ${{TOKEN}}\" }}\n\
         [[distribution.origin]]\nid = \"p\"\ndomain_name = \"[::1]\"\n\
         [[distribution.origin_group]]\nid = \"g\"\nprimary = \"p\"\nsecondary = \"o\"\n\
         [[distribution.behavior]]\ntarget = \"g\"\n\
         cache_policy = \"658327ea-f89d-4fab-a63d-7e88639e58f6\"\n\
         origin_request_policy = \"Managed-AllViewer\"\n\
         response_headers_policy = \"mine\"\n\
         viewer_request = [\"second\", \"first\"]\n\
         [[response_headers_policy]]\nname = \"mine\"\n\
         security.strict_transport_security = {{ max_age = \"1d\", preload = true }}\n\
         [[function]]\nname = \"first\"\nruntime = \"cloudfront-js-2.0\"\ncode = \"1\"\n\
         [[function]]\nname = \"second\"\nruntime = \"cloudfront-js-1.0\"\ncode = \"2\"\n"
    ));
    let distribution = &config.distributions[0];
    assert_eq!(distribution.origins[1].domain_name, "::1");
    let (name, value) = &distribution.origins[0].custom_headers[0];
    assert_eq!((name.as_str(), value.as_bytes()), ("x-token", &b"Bearer t0ken"[..]));
    let behavior = &distribution.behaviors[0];
    assert_eq!(behavior.target, Target::Group(OriginGroupIndex(0)));
    assert_eq!(distribution.origin_groups[0].primary, OriginIndex(1));
    assert_eq!(behavior.cache_policy.name, "CachingOptimized");
    assert_eq!(behavior.origin_request_policy.as_ref().map(|p| p.name.as_str()), Some("AllViewer"));
    let set = behavior.response_headers_policy.as_ref().map(|policy| policy.set[0].value.clone());
    assert_eq!(set, Some("max-age=86400; preload".parse().unwrap()));
    let ids: Vec<_> = behavior.viewer_request.iter().map(|one| one.function).collect();
    assert_eq!(ids, [FunctionId(1), FunctionId(0)]);
    assert_eq!(config.functions[1].name, "second");
    assert_eq!(config.functions[1].code, b"2");
    let both = [EventType::ViewerRequest, EventType::ViewerResponse];
    assert_eq!(config.functions[1].events, both);
}

#[test]
fn a_host_finds_its_distribution() {
    let part = |aliases: &str, id: &str| {
        format!("[[distribution]]\nid = \"{id}\"\naliases = {aliases}\n{ORIGIN}{DEFAULT}")
    };
    let config = loaded(
        &[
            part("[]", "any"),
            part("[\"*.example.com\"]", "wild"),
            part("[\"*.shop.example.com\", \"WWW.example.com\"]", "shop"),
        ]
        .concat(),
    );
    let cases = [
        ("www.example.com", "shop"),
        ("WWW.Example.COM.:8080", "shop"),
        ("a.shop.example.com", "shop"),
        ("a.b.example.com", "wild"),
        ("example.com", "any"),
        ("wild.cloudfront.net", "wild"),
        ("127.0.0.1:8080", "any"),
        ("[::1]:8080", "any"),
        ("", "any"),
    ];
    for (host, id) in cases {
        let found = config.distribution_for(host).map(|distribution| &*distribution.id);
        assert_eq!(found, Some(id), "{host}");
    }
    let strict = loaded(&part("[\"a.example\"]", "one"));
    assert!(strict.distribution_for("b.example").is_none());
}

#[test]
fn a_store_is_read_from_its_file_or_from_here_and_shared() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("verge.toml");
    let json = "{\"data\":[{\"key\":\"k\",\"value\":\"from the file\"}]}";
    std::fs::write(folder.path().join("s.json"), json)?;
    let function = |name: &str, store: &str| {
        format!(
            "[[function]]\nname = \"{name}\"\nruntime = \"cloudfront-js-2.0\"\ncode = \"1\"\n\
             key_value_stores = [\"{store}\"]\n"
        )
    };
    let text = [
        &function("f", "filed"),
        &function("g", "filed"),
        &function("h", "here"),
        "[[key_value_store]]\nname = \"filed\"\nid = \"id-1\"\nfile = \"s.json\"\n\
         [[key_value_store]]\nname = \"here\"\nentries = { k = \"from here\", \"a.b\" = \"\" }\n",
        &format!("[[distribution]]\n{ORIGIN}{DEFAULT}"),
    ]
    .concat();
    let config = load_text(&file, &text, &|_| None)
        .map_err(|list| std::io::Error::other(format!("{list:?}")))?;
    let stores: Vec<_> =
        config.functions.iter().filter_map(|function| function.store.clone()).collect();
    let value = |index: usize| stores[index].current().get("k").map(str::to_owned);
    assert_eq!(value(0).as_deref(), Some("from the file"));
    assert_eq!(value(2).as_deref(), Some("from here"));
    assert!(std::sync::Arc::ptr_eq(&stores[0], &stores[1]));
    assert_eq!((stores[0].name(), stores[0].id(), stores[2].id()), ("filed", Some("id-1"), None));
    let filed = stores[0].current();
    assert!(filed.created_ms() <= filed.updated_ms() && filed.updated_ms() > 1_600_000_000_000);
    assert_eq!((stores[2].current().count(), stores[2].current().updated_ms()), (2, 0));
    Ok(())
}

#[test]
fn a_function_folder_is_read_and_its_own_lines_are_named() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let write = |path: &str, text: &str| std::fs::write(folder.path().join(path), text);
    std::fs::create_dir(folder.path().join("hello"))?;
    write("hello/index.js", "function handler(event) { return event.request; }")?;
    let good = "name = \"hello\"\nruntime = \"cloudfront-js-2.0\"\ncode = \"index.js\"\n\
                [test]\nmax_utilization = 60\n";
    write("hello/function.toml", good)?;
    let file = folder.path().join("verge.toml");
    let text = format!(
        "[[function]]\npath = \"hello\"\n[[distribution]]\n{ORIGIN}{DEFAULT}\
         viewer_request = \"hello\"\n"
    );
    let config = load_text(&file, &text, &|_| None)
        .map_err(|list| std::io::Error::other(format!("{list:?}")))?;
    assert_eq!(config.functions[0].file, folder.path().join("hello/index.js"));
    assert!(config.functions[0].code.starts_with(b"function handler"));
    assert_eq!(config.functions[0].max_utilization, Some(60));
    assert_eq!(config.functions[0].folder, Some(folder.path().join("hello")));

    let bad = "name = \"hello\"\nruntime = \"cloudfront-js-2.0\"\ncode = \"absent.js\"\n\
               memory = \"1GiB\"\n\
               events = [\"origin-request\"]\ncoment = \"x\"\n\
               [test]\nmax_utilization = 101\nutilization = 1\n";
    write("hello/function.toml", bad)?;
    let problems = load_text(&file, &text, &|_| None).err().unwrap_or_default();
    let places: Vec<_> = problems
        .iter()
        .map(|problem| {
            (problem.file.ends_with("hello/function.toml"), problem.line, &*problem.path)
        })
        .collect();
    let expected = [
        (true, Some(3), "code"),
        (true, Some(4), "memory"),
        (true, Some(5), "events[0]"),
        (true, Some(6), "coment"),
        (true, Some(8), "test.max_utilization"),
        (true, Some(9), "test.utilization"),
    ];
    assert_eq!(places, expected);
    Ok(())
}

/// Words and values that the grammar of the file knows, so that random documents get past the
/// parser.
fn document() -> impl Strategy<Value = String> {
    let table = prop::sample::select(vec![
        "[listeners]",
        "[cache]",
        "[[distribution]]",
        "[[distribution.origin]]",
        "[[distribution.behavior]]",
        "[[distribution.origin_group]]",
        "[[cache_policy]]",
        "[[response_headers_policy]]",
        "[response_headers_policy.cors]",
        "[[function]]",
        "[[key_value_store]]",
    ]);
    let key = prop::sample::select(vec![
        "id",
        "name",
        "domain_name",
        "target",
        "aliases",
        "path_pattern",
        "min_ttl",
        "cookies",
        "code",
        "path",
        "allow_origins",
        "http",
        "memory",
        "primary",
        "runtime",
        "custom_headers",
        "headers",
        "events",
        "entries",
        "key_value_stores",
    ]);
    let value = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        "[ -~\u{e4}\u{1F600}]{0,12}".prop_map(|text| format!("{text:?}")),
        Just("[\"*\", \"x\", 1]".to_owned()),
        Just("{ behavior = \"all\", names = [\"x\"] }".to_owned()),
        Just("nan".to_owned()),
        Just("1979-05-27".to_owned()),
    ];
    let line = prop_oneof![
        1 => table.prop_map(str::to_owned),
        3 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
    ];
    prop::collection::vec(line, 0..20).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_makes_the_loader_panic(text in any::<String>()) {
        let _ = load(&text);
    }

    #[test]
    fn no_document_makes_the_loader_panic(text in document()) {
        for problem in load(&text).err().unwrap_or_default() {
            let lines = text.lines().count().max(1);
            let exists = problem.line.is_none_or(|line| (1..=lines).contains(&line));
            prop_assert!(exists, "{}", problem);
            prop_assert!(!problem.message.is_empty());
        }
    }
}

#[test]
fn a_fault_is_reported_once() {
    let text = format!("[[distribution]]\n{ORIGIN}{DEFAULT}compress = 1\n[cache]\nmemory = true\n");
    let mut counts = BTreeMap::new();
    for problem in load(&text).err().unwrap_or_default() {
        *counts.entry(problem.path).or_insert(0) += 1;
    }
    let expected = ["cache.memory", "distribution[0].behavior[0].compress"];
    assert_eq!(counts, expected.map(|path| (path.to_owned(), 1)).into());
}
