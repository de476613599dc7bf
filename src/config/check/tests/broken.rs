//! The table: a broken configuration, and each problem's line, path and a part of what is said.

use super::{DEFAULT, ORIGIN, load};

/// Line, path, and words of the message or the remedy.
type Expected<'a> = (Option<usize>, &'a str, &'static str);

#[track_caller]
fn assert_problems(text: &str, expected: &[Expected<'_>]) {
    let problems = load(text).err().unwrap_or_default();
    let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let found: Vec<_> = problems.iter().map(|problem| (problem.line, &*problem.path)).collect();
    let wanted: Vec<_> = expected.iter().map(|(line, path, _)| (*line, *path)).collect();
    assert_eq!(found, wanted, "\n{text}\n{}", said.join("\n"));
    for (said, (.., words)) in said.iter().zip(expected) {
        assert!(said.contains(words), "{said:?} does not say {words:?}");
    }
}

/// Cases that put lines behind a good distribution: `[[distribution]]` is line 1, the origin 2 to
/// 4, the default 5 to 7.
#[track_caller]
fn behind(lines: &str, expected: &[Expected<'_>]) {
    assert_problems(&format!("[[distribution]]\n{ORIGIN}{DEFAULT}{lines}"), expected);
}

#[test]
fn form() {
    assert_problems("[cache\nmemory = 1\n", &[(Some(1), "", "is not TOML")]);
    assert_problems(
        "a = 1\n",
        &[
            (None, "distribution", "add a [[distribution]]"),
            (Some(1), "a", "use one of: server, listeners"),
        ],
    );
    behind(
        "compres = true\n[cach]\nx = 1\n[log]\nlevel = \"loud\"\n",
        &[
            (Some(8), "distribution[0].behavior[0].compres", "did you mean \"compress\"?"),
            (Some(9), "cach", "did you mean \"cache\"?"),
            (Some(12), "log.level", "use one of: error, warn, info, debug, trace"),
        ],
    );
    behind(
        "compress = 1\nallowed_methods = [\"GET\", 2]\n[server]\nthreads = 0\n",
        &[
            (
                Some(8),
                "distribution[0].behavior[0].compress",
                "must be true or false, not a whole number",
            ),
            (Some(9), "distribution[0].behavior[0].allowed_methods[1]", "must be a text"),
            (Some(11), "server.threads", "use 1 to 1024"),
        ],
    );
}

#[test]
fn the_process() {
    behind(
        "[listeners]\nhttp = [\"8080\"]\nhttps = []\n[admin]\nlisten = \"off\"\n",
        &[(Some(9), "listeners.http[0]", "write address:port")],
    );
    behind(
        "[listeners]\nhttp = []\nhttps = []\n",
        &[(Some(8), "listeners", "nothing to listen on")],
    );
    behind(
        "[listeners]\nhttp = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n",
        &[(Some(9), "listeners.http[1]", "is taken already by listeners.http[0]")],
    );
    behind(
        "[cache]\nmemory = \"1MB\"\nobject_max = 0\n",
        &[
            (Some(9), "cache.memory", "64MiB"),
            (Some(10), "cache.object_max", "0 bytes is out of range"),
        ],
    );
    behind(
        "[cache]\nmemory = \"16MiB\"\nobject_max = \"17MiB\"\n",
        &[(Some(10), "cache.object_max", "to 16MiB")],
    );
    behind(
        "[cache]\nobject_max = \"16MiB\"\n[cache.disk]\ndirectory = \"\"\nsize = \"100MiB\"\n",
        &[
            (Some(11), "cache.disk.directory", "is empty"),
            (Some(12), "cache.disk.size", "use 128MiB to"),
        ],
    );
    behind(
        "[explain]\nsecret = \"${SHORT}\"\n[log]\naccess = \"off\"\n",
        &[(Some(9), "explain.secret", "\"SHORT\" is not set")],
    );
    behind(
        "[explain]\nsecret = \"${TOKEN}\"\n",
        &[(Some(9), "explain.secret", "has 5 bytes (use a random text of 22 to 1024 bytes)")],
    );
    behind(
        "[[listeners.certificate]]\ncert = \"no.pem\"\n",
        &[
            (Some(8), "listeners.certificate[0].key", "is missing"),
            (Some(9), "listeners.certificate[0].cert", "cannot read no.pem"),
        ],
    );
}

#[test]
fn distributions() {
    let other = format!("[[distribution]]\n{ORIGIN}{DEFAULT}");
    behind(&other, &[(Some(8), "distribution[1].aliases", "distribution[0] answers for any host")]);
    assert_problems(
        "[[distribution]]\n",
        &[
            (Some(1), "distribution[0].origin", "a distribution needs an origin"),
            (Some(1), "distribution[0].behavior", "there is no default behavior"),
        ],
    );
    let named = format!(
        "[[distribution]]\nid = \"a b\"\n\
         aliases = [\"https://x\", \"a.*.example\", \"a.example\", \"A.example\"]\n\
         default_root_object = \"/index.html\"\ncache_tag_header = \"a b\"\n\
         purge_from = [\"::1\", \"10.0.0.1/8\"]\n{ORIGIN}{DEFAULT}"
    );
    assert_problems(
        &named,
        &[
            (Some(1), "distribution[0].domain_name", "is not a host name"),
            (Some(2), "distribution[0].id", "letters, digits"),
            (Some(3), "distribution[0].aliases[0]", "without scheme and port"),
            (Some(3), "distribution[0].aliases[1]", "first label only"),
            (
                Some(3),
                "distribution[0].aliases[3]",
                "is taken already by distribution[0].aliases[2]",
            ),
            (Some(4), "distribution[0].default_root_object", "without leading slash"),
            (Some(5), "distribution[0].cache_tag_header", "is not a header field's name"),
            (Some(6), "distribution[0].purge_from[1]", "write address/bits"),
        ],
    );
    behind(
        "[[distribution.custom_error_response]]\nerror_code = 418\nresponse_code = 201\n\
         [[distribution.custom_error_response]]\nerror_code = 404\nresponse_page_path = \"x\"\n",
        &[
            (Some(8), "distribution[0].custom_error_response[0].response_page_path", "is missing"),
            (Some(9), "distribution[0].custom_error_response[0].error_code", "418 cannot be"),
            (Some(10), "distribution[0].custom_error_response[0].response_code", "use 200 or 400"),
            (Some(11), "distribution[0].custom_error_response[1].response_code", "is missing"),
        ],
    );
}

#[test]
fn origins() {
    behind(
        "[[distribution.origin]]\nid = \"o\"\ndomain_name = \"x:80\"\n\
         connection_timeout = \"11s\"\n\
         response_timeout = 0\npath = \"static/\"\nverify_certificate = false\nca = \"no.pem\"\n\
         protocol = \"http\"\nhttp_version = \"3\"\nconnection_attempts = 4\nhttp_port = 0\n",
        &[
            (Some(9), "distribution[0].origin[1].id", "is taken already"),
            (Some(10), "distribution[0].origin[1].domain_name", "the port is `http_port`"),
            (Some(11), "distribution[0].origin[1].connection_timeout", "use 1s to 10s"),
            (Some(12), "distribution[0].origin[1].response_timeout", "use 1s to 2m"),
            (Some(13), "distribution[0].origin[1].path", "begin with a slash"),
            (Some(15), "distribution[0].origin[1].ca", "cannot read no.pem"),
            (Some(16), "distribution[0].origin[1].protocol", "http-only, https-only, match-viewer"),
            (Some(17), "distribution[0].origin[1].http_version", "use one of: 1.1, 2"),
            (Some(18), "distribution[0].origin[1].connection_attempts", "use 1 to 3"),
            (Some(19), "distribution[0].origin[1].http_port", "use 1 to 65535"),
        ],
    );
    behind(
        "[[distribution.origin]]\nid = \"p\"\ndomain_name = \"p.example\"\n\
         verify_certificate = false\n\
         custom_headers = { Host = \"x\", \"a b\" = \"x\", x-a = \"${NOPE}\", x-b = \"a\\nb\" }\n\
         [[distribution.origin_group]]\nid = \"p\"\nprimary = \"q\"\nsecondary = \"p\"\n\
         failover_status_codes = [500, 418]\n\
         [[distribution.origin_group]]\nid = \"g\"\nprimary = \"o\"\nsecondary = \"o\"\n",
        &[
            (Some(11), "distribution[0].origin[1].verify_certificate", "with `ca` instead"),
            (Some(12), "distribution[0].origin[1].custom_headers.x-a", "\"NOPE\" is not set"),
            (Some(12), "distribution[0].origin[1].custom_headers.Host", "the edge's to fill in"),
            (Some(12), "distribution[0].origin[1].custom_headers.a b", "not a header field's name"),
            (Some(12), "distribution[0].origin[1].custom_headers.x-b", "one line of visible"),
            (Some(14), "distribution[0].origin_group[0].id", "is taken already"),
            (Some(15), "distribution[0].origin_group[0].primary", "there is no origin"),
            (Some(17), "distribution[0].origin_group[0].failover_status_codes[1]", "418 cannot"),
            (Some(21), "distribution[0].origin_group[1].secondary", "is the primary as well"),
        ],
    );
}

#[test]
fn behaviors() {
    let first = "[[distribution.behavior]]\ntarget = \"o\"\ncache_policy = \"CachingDisabled\"\n";
    behind(first, &[(Some(8), "distribution[0].behavior[1]", "pattern of behavior[0] already")]);
    behind(
        &format!("{first}path_pattern = \"/a b\"\n"),
        &[
            (Some(5), "distribution[0].behavior[0]", "move it to the end"),
            (Some(11), "distribution[0].behavior[1].path_pattern", "use 1 to 255 of A-Z"),
        ],
    );
    let text = format!(
        "[[distribution]]\n{ORIGIN}[[distribution.behavior]]\npath_pattern = \"/x\"\n\
         target = \"p\"\n\
         cache_policy = \"cachingdisable\"\norigin_request_policy = \"X\"\n\
         response_headers_policy = \"SecurityHeaders\"\nallowed_methods = [\"GET\"]\n\
         cached_methods = [\"GET\", \"HEAD\", \"OPTIONS\"]\n\
         {DEFAULT}cached_methods = [\"OPTIONS\", \"HEAD\", \"GET\"]\n"
    );
    assert_problems(
        &text,
        &[
            (Some(7), "distribution[0].behavior[0].target", "use one of: o"),
            (
                Some(8),
                "distribution[0].behavior[0].cache_policy",
                "did you mean \"CachingDisabled\"?",
            ),
            (
                Some(9),
                "distribution[0].behavior[0].origin_request_policy",
                "use one of: AllViewer,",
            ),
            (
                Some(10),
                "distribution[0].behavior[0].response_headers_policy",
                "SecurityHeadersPolicy",
            ),
            (Some(11), "distribution[0].behavior[0].allowed_methods", "use GET, HEAD; or"),
            (Some(16), "distribution[0].behavior[1].cached_methods", "OPTIONS is cached but not"),
        ],
    );
    behind(
        "viewer_protocol_policy = \"https-only\"\n[listeners]\nhttps = []\n",
        &[(Some(8), "distribution[0].behavior[0].viewer_protocol_policy", "listeners.https")],
    );
}

#[test]
fn functions() {
    behind(
        "viewer_request = \"f\"\norigin_request = [\"f\", \"ff\"]\n\
         [[function]]\nname = \"f\"\nruntime = \"cloudfront-js-2.0\"\ncode = \"x\"\n\
         memory = \"1MiB\"\n\
         events = [\"viewer-response\", \"viewer-response\", \"origin-request\"]\n",
        &[
            (Some(8), "distribution[0].behavior[0].viewer_request", "it is for viewer-response"),
            (
                Some(9),
                "distribution[0].behavior[0].origin_request[0]",
                "does not run on origin-request",
            ),
            (Some(9), "distribution[0].behavior[0].origin_request[1]", "did you mean \"f\"?"),
            (Some(14), "function[0].memory", "is fixed for JavaScript"),
            (Some(15), "function[0].events[1]", "is taken already"),
            (Some(15), "function[0].events[2]", "use viewer-request or viewer-response"),
        ],
    );
    behind(
        "[[function]]\npath = \"no\"\ncode = \"x\"\n[[function]]\nname = \"a/b\"\n\
         runtime = \"wasm\"\n\
         code = \"x\"\nfile = \"y\"\ntimeout = \"1m\"\ncompat = \"strict\"\n[[function]]\ncomment = \"?\"\n",
        &[
            (Some(9), "function[0].path", "function.toml"),
            (Some(10), "function[0].code", "cannot stand beside `path`"),
            (Some(12), "function[1].name", "letters, digits, - and _"),
            (Some(15), "function[1].file", "keep one of the two"),
            (Some(16), "function[1].timeout", "use 1ms to 30s"),
            (Some(17), "function[1].compat", "leave `compat` out"),
            (Some(18), "function[2].name", "is missing"),
            (Some(18), "function[2].runtime", "is missing"),
            (Some(18), "function[2]", "has no code"),
        ],
    );
    let long = "x".repeat(10 * 1024 + 1);
    behind(
        &format!(
            "[[function]]\nname = \"f\"\nruntime = \"cloudfront-js-1.0\"\ncode = \"{long}\"\n"
        ),
        &[(Some(11), "function[0].code", "10241 bytes, 10240 are allowed")],
    );
}

#[test]
fn associations_of_origin_request() {
    let place = "distribution[0].behavior[0].origin_request";
    for (written, path, words) in [
        ("{ include_body = true }", format!("{place}.function"), "is missing"),
        ("[{}]", format!("{place}[0].function"), "is missing"),
        ("{ function = \"f\", body = true }", format!("{place}.body"), "use one of: function"),
        ("[\"f\", { function = 1 }]", format!("{place}[1].function"), "must be a text"),
        ("{ function = \"ff\" }", place.to_owned(), "did you mean \"f\"?"),
        ("1", place.to_owned(), "must be a text or a table or a list"),
    ] {
        let text = format!(
            "origin_request = {written}\n[[function]]\nname = \"f\"\nruntime = \"wasm\"\nfile = \"f\"\n"
        );
        let file = (Some(12), "function[0].file", "cannot read f");
        behind(&text, &[(Some(8), &path, words), file]);
    }
}

#[test]
fn key_value_stores() {
    let long = "k".repeat(513);
    behind(
        &format!(
            "[[key_value_store]]\nname = \"a\"\nid = \"a b\"\nentries = {{ \"{long}\" = \"1\", b = \"\" }}\n\
             [[key_value_store]]\nname = \"a\"\nfile = \"absent.json\"\n\
             [[key_value_store]]\nid = \"x\"\nfile = \"f\"\nentries = {{}}\n\
             [[key_value_store]]\nname = \"c d\"\nid = \"x\"\n"
        ),
        &[
            (Some(10), "key_value_store[0].id", "256 characters of ASCII"),
            (Some(11), &format!("key_value_store[0].entries.{long}"), "513 characters; 512"),
            (Some(13), "key_value_store[1].name", "is taken already by key_value_store[0].name"),
            (Some(14), "key_value_store[1].file", "cannot read absent.json"),
            (Some(15), "key_value_store[2].name", "is missing"),
            (Some(18), "key_value_store[2].entries", "cannot stand beside `file`"),
            (Some(19), "key_value_store[3]", "add `file`"),
            (Some(20), "key_value_store[3].name", "letters, digits, - and _"),
            (Some(21), "key_value_store[3].id", "is taken already by key_value_store[2].id"),
        ],
    );
}

#[test]
fn functions_that_read_key_value_stores() {
    let function = |runtime: &str, stores: &str| {
        format!(
            "[[key_value_store]]\nname = \"redirects\"\nentries = {{ a = \"1\" }}\n\
             [[key_value_store]]\nname = \"other\"\nentries = {{}}\n\
             [[function]]\nname = \"f\"\nruntime = \"{runtime}\"\ncode = \"x\"\nkey_value_stores = {stores}\n"
        )
    };
    let place = "function[0].key_value_stores";
    for (runtime, stores, path, words) in [
        ("cloudfront-js-1.0", "[\"redirects\"]", place, "use runtime cloudfront-js-2.0"),
        ("wasm", "[\"redirects\", \"other\"]", place, "names 2 stores; a function reads one"),
        (
            "cloudfront-js-2.0",
            "[\"redirects\", \"other\"]",
            place,
            "names 2 stores; a function reads one",
        ),
        (
            "cloudfront-js-2.0",
            "[\"redirect\"]",
            "function[0].key_value_stores[0]",
            "did you mean \"redirects\"?",
        ),
        (
            "cloudfront-js-2.0",
            "[\"xyz\"]",
            "function[0].key_value_stores[0]",
            "use a [[key_value_store]]: other, redirects",
        ),
    ] {
        behind(&function(runtime, stores), &[(Some(18), path, words)]);
    }
    for good in ["[]", "[\"redirects\"]"] {
        behind(&function("cloudfront-js-2.0", good), &[]);
        behind(&function("wasm", good), &[]);
    }
    // A store that could not be named may be the one that was meant.
    behind(
        "[[key_value_store]]\nentries = {}\n[[function]]\nname = \"f\"\nruntime = \"cloudfront-js-2.0\"\n\
         code = \"x\"\nkey_value_stores = [\"s\"]\n",
        &[(Some(8), "key_value_store[0].name", "is missing")],
    );
}

#[test]
fn cache_and_origin_request_policies() {
    behind(
        "[[cache_policy]]\nname = \"CachingOptimized\"\nmin_ttl = 20\ndefault_ttl = 10\n\
         max_ttl = \"5s\"\n\
         headers = { behavior = \"allViewer\" }\ncookies = { behavior = \"whitelist\" }\n\
         query_strings = { behavior = \"all\", names = [\"q\"] }\n",
        &[
            (Some(9), "cache_policy[0].name", "AWS's managed policies"),
            (Some(11), "cache_policy[0].default_ttl", "10s is below `min_ttl`, 20s"),
            (Some(12), "cache_policy[0].max_ttl", "5s is below `default_ttl`, 10s"),
            (Some(13), "cache_policy[0].headers.behavior", "none and whitelist only"),
            (Some(14), "cache_policy[0].cookies.names", "has no names"),
            (Some(15), "cache_policy[0].query_strings.names", "takes no names"),
        ],
    );
    behind(
        "[[cache_policy]]\nname = \"a\"\nheaders.behavior = \"whitelist\"\n\
         headers.names = [\"Cookie\", \"x y\", \"X-A\", \"x-a\"]\n[[cache_policy]]\nname = \"a\"\n\
         headers = { behavior = \"whitelist\", names = [\"CloudFront-Viewer-Address\"] }\n\
         [[origin_request_policy]]\nname = \"b\"\n\
         headers = { behavior = \"whitelist\", names = [\"Authorization\"] }\n\
         [[origin_request_policy]]\nname = \"c\"\n\
         headers = { behavior = \"allViewerAndWhitelistCloudFront\", names = [\"x-a\"] }\n",
        &[
            (Some(11), "cache_policy[0].headers.names[0]", "cookies have a mode of their own"),
            (Some(11), "cache_policy[0].headers.names[1]", "not a header field's name"),
            (Some(11), "cache_policy[0].headers.names[3]", "is taken already"),
            (Some(13), "cache_policy[1].name", "is taken already by cache_policy[0].name"),
            (Some(14), "cache_policy[1].headers.names", "cannot be part of a cache key"),
            (Some(17), "origin_request_policy[0].headers.names", "cannot be named alone"),
            (Some(20), "origin_request_policy[1].headers.names", "not a CloudFront-* field"),
        ],
    );
}

#[test]
fn response_headers_policies() {
    behind(
        "[[response_headers_policy]]\nname = \"r\"\nremove_headers = [\"Via\"]\n\
         server_timing_percent = 101\n\
         [response_headers_policy.cors]\n\
         allow_origins = [\"https://*.a.example\", \"https://a.*\"]\n\
         allow_methods = [\"GET\", \"get\"]\nallow_headers = [\"*\", \"x y\"]\n\
         [response_headers_policy.security]\nframe_options = { option = \"deny\" }\n\
         xss_protection = { protection = false, mode_block = true }\ncontent_security_policy = {}\n\
         [[response_headers_policy.custom_header]]\nheader = \"x-cache\"\nvalue = \"1\"\n",
        &[
            (
                Some(10),
                "response_headers_policy[0].remove_headers[0]",
                "not for policies to change",
            ),
            (Some(11), "response_headers_policy[0].server_timing_percent", "use 0 to 100"),
            (Some(13), "response_headers_policy[0].cors.allow_origins[1]", "https://*.example.com"),
            (
                Some(14),
                "response_headers_policy[0].cors.allow_methods[1]",
                "\"get\" is not a method",
            ),
            (Some(15), "response_headers_policy[0].cors.allow_headers[1]", "header field's name"),
            (Some(17), "response_headers_policy[0].security.frame_options.option", "DENY"),
            (Some(18), "response_headers_policy[0].security.xss_protection.protection", "is false"),
            (
                Some(19),
                "response_headers_policy[0].security.content_security_policy.policy",
                "is missing",
            ),
            (Some(21), "response_headers_policy[0].custom_header[0].header", "not for policies"),
        ],
    );
}

#[test]
fn what_surrounds_a_function() {
    let long = "v".repeat(4_096);
    behind(
        &format!(
            "[[function]]\nname = \"a\"\nruntime = \"cloudfront-js-2.0\"\ncode = \"x\"\n\
             isolation = \"warm\"\nconcurrency = 1\nenvironment = {{}}\n\
             [[function]]\nname = \"b\"\nruntime = \"wasm\"\ncode = \"x\"\nconcurrency = 0\n\
             environment = {{ \"1A\" = \"\", TZ = \"x\", AWS_LAMBDA_X = \"\", OPEN = \"${{NO\", SEALED = \"encrypted:AA\", SECRET = \"file:absent\", UNSET = \"a${{NO}}\" }}\n\
             [[function]]\nname = \"c\"\nruntime = \"wasm\"\ncode = \"x\"\nconcurrency = 900\n\
             environment = {{ AB = \"{long}\" }}\n\
             [[function]]\nname = \"d\"\nruntime = \"wasm\"\ncode = \"x\"\nconcurrency = 1\n"
        ),
        &[
            (Some(12), "function[0].isolation", "leave `isolation` out"),
            (Some(13), "function[0].concurrency", "is for WebAssembly functions"),
            (Some(14), "function[0].environment", "is for WebAssembly functions"),
            (Some(19), "function[1].concurrency", "would never run"),
            (Some(20), "function[1].environment.OPEN", "no closing brace"),
            (Some(20), "function[1].environment.SEALED", "VERGE_SECRET_KEY is not set"),
            (Some(20), "function[1].environment.SECRET", "cannot read absent"),
            (Some(20), "function[1].environment.UNSET", "set NO, or use file:path"),
            (Some(20), "function[1].environment.1A", "use a letter"),
            (Some(20), "function[1].environment.AWS_LAMBDA_X", "set by the edge"),
            (Some(20), "function[1].environment.TZ", "choose another name"),
            (Some(26), "function[2].environment", "4098 bytes of names and values"),
            (Some(27), "function[3]", "901 with the functions before it"),
        ],
    );
}

#[test]
fn whom_a_function_may_call() {
    let many = vec!["a.test"; 61];
    behind(
        &format!(
            "[[function]]\nname = \"a\"\nruntime = \"cloudfront-js-2.0\"\ncode = \"x\"\negress = []\n\
             [[function]]\nname = \"b\"\nruntime = \"wasm\"\ncode = \"x\"\n\
             egress = [\"https://a.test\", \"a.test:http\", \"10.0.0.1/8\", \"a b\"]\n\
             [[function]]\nname = \"c\"\nruntime = \"wasm\"\ncode = \"x\"\negress = {many:?}\n"
        ),
        &[
            (Some(12), "function[0].egress", "is for WebAssembly functions"),
            (Some(17), "function[1].egress[0]", "has a scheme"),
            (Some(17), "function[1].egress[1]", "no port"),
            (Some(17), "function[1].egress[2]", "10.1.0.0/16"),
            (Some(17), "function[1].egress[3]", "neither a name nor a range"),
            (Some(22), "function[2].egress", "has 61 entries, 60 are allowed"),
        ],
    );
}
