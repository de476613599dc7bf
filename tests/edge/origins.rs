//! Origins that viewer-request functions choose: the helpers of the `cloudfront` module, acting on real origins.

use crate::scene::{Answer, Edge, Origin, Response, Scene};

/// A function that calls the helpers in `body`, which sees `request` and `query(name)`.
fn calling(body: &str) -> String {
    format!(
        "import cf from 'cloudfront';
         function handler(event) {{
             const request = event.request;
             const given = request.querystring;
             const query = (name) => given[name] && given[name].value;
             {body}
             return request;
         }}"
    )
}

fn named(name: &'static str) -> Origin {
    Origin::answering(move |request| Answer::cacheable(&format!("{name} {}", request.target())))
}

/// `customOriginConfig` and `domainName` for an origin of a scene.
fn towards(origin: &Origin) -> String {
    let port = origin.address().port();
    format!(
        "domainName: 'localhost', customOriginConfig: {{ port: {port}, protocol: 'http', \
         sslProtocols: ['TLSv1.2'], ipAddressType: 'ipv4' }}"
    )
}

fn is_invalid(response: &Response) -> bool {
    (response.status, response.x_cache().as_str()) == (502, "FunctionValidationError")
}

#[test]
fn an_updated_origin_is_asked_with_what_was_changed_and_what_was_inherited() {
    let (first, second) = (named("first"), named("second"));
    let there = towards(&second);
    let body = format!(
        "switch (request.uri) {{
            case '/all': cf.updateRequestOrigin({{ {there}, originPath: '/base', hostHeader: 'h.example',
                customHeaders: {{ 'x-new': 'n' }}, connectionAttempts: 1,
                timeouts: {{ readTimeout: 1, connectionTimeout: 1 }} }}); break;
            case '/name': cf.updateRequestOrigin({{ {there} }}); break;
            case '/clear': cf.updateRequestOrigin({{ customHeaders: {{}} }}); break;
            case '/host': cf.updateRequestOrigin({{ hostHeader: 'only.example' }}); break;
        }}"
    );
    let edge = Scene::with(&first)
        .origin("path = \"/configured\"\ncustom_headers = { \"x-old\" = \"o\" }")
        .javascript("f", &calling(&body))
        .behavior("*", "viewer_request = \"f\"\norigin_request_policy = \"AllViewer\"")
        .start();
    assert_eq!(edge.get("/all").text(), "second /base/all");
    assert_eq!(edge.get("/name").text(), "second /configured/name");
    assert_eq!(edge.get("/clear").text(), "first /configured/clear");
    assert_eq!(edge.get("/host").text(), "first /configured/host");
    assert_eq!(edge.get("/none").text(), "first /configured/none");
    let fields = |origin: &Origin, index: usize| {
        let received = &origin.received()[index];
        let field = |name: &str| received.header(name).join("|");
        [field("host"), field("x-new"), field("x-old")]
    };
    let port = second.address().port();
    assert_eq!(fields(&second, 0), ["h.example", "n", ""]);
    assert_eq!(fields(&second, 1), [format!("localhost:{port}").as_str(), "", "o"]);
    assert_eq!(fields(&first, 0), ["edge.test", "", ""], "the viewer's host is forwarded");
    assert_eq!(fields(&first, 1), ["only.example", "", "o"]);
    assert_eq!(fields(&first, 2), ["edge.test", "", "o"]);
}

#[test]
fn an_origin_is_selected_by_its_id_with_its_own_settings() {
    let (first, second) = (named("first"), named("second"));
    let body = "const id = query('id'); if (id === 'h') {
        cf.selectRequestOriginById('second', { hostHeader: 'h.example' });
    } else if (id) { cf.selectRequestOriginById(id); }";
    let edge = Scene::with(&first)
        .origin("path = \"/one\"")
        .another_origin(
            "second",
            &second,
            "path = \"/two\"\ncustom_headers = { \"x-two\" = \"2\" }",
        )
        .javascript("f", &calling(body))
        .behavior("*", "viewer_request = \"f\"")
        .start();
    assert_eq!(edge.get("/a").text(), "first /one/a");
    assert_eq!(edge.get("/a?id=second").text(), "second /two/a?id=second");
    assert_eq!(edge.get("/a?id=h").text(), "second /two/a?id=h");
    let hosts: Vec<String> =
        second.received().iter().map(|request| request.header("host").join("|")).collect();
    assert_eq!(hosts, [second.address().to_string(), "h.example".to_owned()]);
    assert_eq!(second.received()[0].header("x-two"), ["2"]);
    assert!(is_invalid(&edge.get("/a?id=third")));
    let log = edge.stop();
    let failed = log.iter().find(|line| line["status"] == 502).expect("the request is logged");
    let error = failed["error"].as_str().expect("the record names the failure");
    assert!(error.contains("no origin 'third'; it has origin, second"), "{error}");
}

#[test]
fn a_group_of_the_functions_making_fails_over_on_its_own_statuses() {
    let failing = Origin::answering(|request| {
        let status = if request.target() == "/forbidden" { 403 } else { 500 };
        Answer::new(status, &[], "failed")
    });
    let (first, second) = (named("first"), named("second"));
    let body = "const codes = request.uri === '/forbidden' ? [500] : [500, 502];
        cf.createRequestOriginGroup({ originIds: [
            { originId: 'failing' }, { originId: 'second', originOverrides: { hostHeader: 'two.example' } }],
            failoverCriteria: { statusCodes: codes } });";
    let edge = Scene::with(&first)
        .another_origin("failing", &failing, "")
        .another_origin("second", &second, "")
        .javascript("f", &calling(body))
        .behavior("*", "viewer_request = \"f\"")
        .start();
    assert_eq!(edge.get("/a").text(), "second /a");
    assert_eq!(edge.get("/forbidden").status, 403, "403 is not among the statuses");
    assert_eq!(second.received()[0].header("host"), ["two.example"]);
    assert_eq!((failing.hits(), first.hits(), second.hits()), (2, 0, 1));
}

#[test]
fn of_a_configured_group_only_the_primary_changes_and_failover_still_works() {
    let (first, second) = (named("first"), named("second"));
    let broken = Origin::answering(|_| Answer::new(500, &[], "broken"));
    let group = "[[distribution.origin_group]]\nid = \"group\"\nprimary = \"origin\"\nsecondary = \"second\"\n\
        failover_status_codes = [500]";
    let body = format!(
        "const asked = [query('update'), query('select')];
         if (asked[0]) cf.updateRequestOrigin({{ {} }});
         if (asked[1]) cf.selectRequestOriginById('broken');",
        towards(&broken)
    );
    let edge = Scene::with(&first)
        .another_origin("second", &second, "")
        .another_origin("broken", &broken, group)
        .javascript("f", &calling(&body))
        .behavior("*", "target = \"group\"\nviewer_request = \"f\"")
        .start();
    assert_eq!(edge.get("/a").text(), "first /a");
    assert_eq!(edge.get("/a?update=1").text(), "second /a?update=1");
    assert_eq!(edge.get("/a?select=1").text(), "second /a?select=1");
    assert_eq!((first.hits(), broken.hits()), (1, 2));
}

#[test]
fn functions_of_a_chain_build_on_each_other() {
    let (first, second) = (named("first"), named("second"));
    let edge = Scene::with(&first)
        .another_origin("second", &second, "custom_headers = { \"x-two\" = \"2\" }")
        .javascript("select", &calling("cf.selectRequestOriginById('second');"))
        .javascript("update", &calling("cf.updateRequestOrigin({ originPath: '/deeper' });"))
        .behavior("*", "viewer_request = [\"select\", \"update\"]")
        .start();
    assert_eq!(edge.get("/a").text(), "second /deeper/a");
    assert_eq!(second.received()[0].header("x-two"), ["2"]);
}

#[test]
fn the_chosen_origin_is_no_part_of_the_cache_key() {
    let (first, second) = (named("first"), named("second"));
    let body = "if (request.cookies.second) cf.selectRequestOriginById('second');";
    let edge = Scene::with(&first)
        .another_origin("second", &second, "")
        .javascript("f", &calling(body))
        .behavior("*", "viewer_request = \"f\"")
        .start();
    assert_eq!(edge.get("/a").text(), "first /a");
    let other = edge.request("GET", "/a").header("Cookie", "second=1").send();
    assert_eq!((other.text().as_str(), other.x_cache().as_str()), ("first /a", "Hit"));
    assert_eq!(second.hits(), 0);
}

#[test]
fn a_refresh_in_the_background_asks_the_chosen_origin() {
    let stale = |name: &'static str| {
        Origin::answering(move |_| {
            Answer::new(200, &[("Cache-Control", "max-age=0, stale-while-revalidate=60")], name)
        })
    };
    let (first, second) = (stale("first"), stale("second"));
    let edge = Scene::with(&first)
        .another_origin("second", &second, "")
        .javascript("f", &calling("cf.selectRequestOriginById('second');"))
        .behavior("*", "viewer_request = \"f\"")
        .start();
    assert_eq!(edge.get("/a").text(), "second");
    assert_eq!(edge.get("/a").x_cache(), "Hit");
    while second.hits() < 2 {
        std::thread::yield_now();
    }
    assert_eq!(first.hits(), 0);
}

/// Wrong calls: a name, the body of the function, and what the log says about it.
const WRONG: &[(&str, &str, &str)] = &[
    ("address", "cf.updateRequestOrigin({ domainName: '127.0.0.1' });", "domainName"),
    ("lines", "cf.updateRequestOrigin({ hostHeader: 'a\\r\\nx: y' });", "hostHeader"),
    ("name", "cf.updateRequestOrigin({ customHeaders: { 'x\\r\\na': '1' } });", "customHeaders"),
    (
        "value",
        "cf.updateRequestOrigin({ customHeaders: { 'x-a': '1\\r\\nb: c' } });",
        "customHeaders",
    ),
    (
        "twice",
        "request.headers['x-a'] = { value: '1' }; cf.updateRequestOrigin({ customHeaders: { 'x-a': '2' } });",
        "both have x-a",
    ),
    ("forbidden", "cf.updateRequestOrigin({ customHeaders: { 'x-edge-a': '2' } });", "x-edge-a"),
    ("nothing", "cf.updateRequestOrigin();", "its argument must be an object"),
    ("group", "cf.createRequestOriginGroup({ originIds: ['origin'] });", "originIds"),
    ("often", "for (let i = 0; i < 17; i++) cf.updateRequestOrigin({});", "17 times"),
];

#[test]
fn what_is_invalid_fails_its_request_and_no_origin_is_asked() {
    let origin = named("origin");
    let mut scene = Scene::with(&origin);
    for (name, body, _) in WRONG {
        scene = scene
            .javascript(name, &calling(body))
            .behavior(&format!("/{name}"), &format!("viewer_request = \"{name}\""));
    }
    // What throws while it is read, and calls at the wrong event, are the function's own failures.
    let thrown = "cf.updateRequestOrigin({ get domainName() { throw new Error('mine'); } });";
    let late = "import cf from 'cloudfront'; function handler(e) { cf.selectRequestOriginById('origin'); return e.response; }";
    // To write a text this long takes the engine longer than it may: cut off or refused, but never asked.
    let huge = "cf.updateRequestOrigin({ customHeaders: { 'x-a': 'a'.repeat(1000000) } });";
    // A response that a function makes up needs no origin, whatever was asked for.
    let answered = "cf.updateRequestOrigin({ domainName: ':' }); return { statusCode: 204 };";
    let edge = scene
        .javascript("thrown", &calling(thrown))
        .behavior("/thrown", "viewer_request = \"thrown\"")
        .javascript("huge", &calling(huge))
        .behavior("/huge", "viewer_request = \"huge\"")
        .javascript("answered", &calling(answered))
        .behavior("/answered", "viewer_request = \"answered\"")
        .javascript("late", late)
        .behavior("/late", "viewer_response = \"late\"")
        .start();
    for (name, ..) in WRONG {
        let response = edge.get(&format!("/{name}"));
        assert!(is_invalid(&response), "{name}: {} {}", response.status, response.x_cache());
    }
    assert_eq!(edge.get("/thrown").x_cache(), "FunctionExecutionError");
    assert!(edge.get("/huge").x_cache().starts_with("Function"), "huge");
    assert_eq!(edge.get("/answered").status, 204);
    assert_eq!(origin.hits(), 0);
    assert_eq!(edge.get("/late").x_cache(), "FunctionExecutionError");
    let log = edge.stop();
    for (name, _, words) in WRONG {
        let mut errors = log.iter().filter_map(|line| line["error"].as_str());
        assert!(errors.any(|error| error.contains(words)), "{name}: {words}");
    }
}

#[test]
fn members_without_effect_pass_with_one_notice() {
    let origin = named("origin");
    let body = "cf.updateRequestOrigin({ originShield: { enabled: true, region: 'eu-west-1' },
        originAccessControlConfig: { enabled: true, signingBehavior: 'always', signingProtocol: 'sigv4', originType: 's3' } });";
    let edge = Scene::with(&origin)
        .javascript("shielded", &calling(body))
        .behavior("*", "viewer_request = \"shielded\"")
        .start();
    assert_eq!(edge.get("/a").text(), "origin /a");
    edge.said("originShield has no effect here");
    edge.said("originAccessControlConfig has no effect here");
}

#[test]
fn the_edge_says_where_it_is() {
    let origin = named("origin");
    let tell = "import cf from 'cloudfront';
        function handler(e) { const at = cf.edgeLocation;
            if (e.response) { e.response.headers['x-after'] = { value: JSON.stringify(at) }; return e.response; }
            e.request.uri = '/' + [at.name, at.region, at.serverIp].join('/'); return e.request; }";
    let edge = Scene::with(&origin)
        .settings("[edge]\nname = \"FRA\"\nregion = \"eu-central-1\"")
        .javascript("tell", tell)
        .behavior("*", "viewer_request = \"tell\"\nviewer_response = \"tell\"")
        .start();
    let response = edge.get("/");
    assert_eq!(response.text(), "origin /FRA/eu-central-1/127.0.0.1");
    assert_eq!(response.header("x-after"), "{}");
}

/// Names for TLS, each under the name of its function and path.
const TLS_NAMES: &[(&str, &str)] = &[
    ("plain", ""),
    ("asked", "sni: 'other.test',"),
    ("allowed", "sni: 'other.test', allowedCertificateNames: ['x.test', 'localhost'],"),
    ("wildcard", "allowedCertificateNames: ['*.inner.test'],"),
    ("foreign", "allowedCertificateNames: ['other.test'],"),
    ("host", "hostHeader: 'a.inner.test',"),
];

/// An edge whose functions send requests over TLS to `inner`.
fn over_tls(inner: &Edge, unused: &Origin) -> Edge {
    let port = inner.https().port();
    // One function a path: a table of all would cost each call.
    let function = |names: &str| {
        calling(&format!(
            "cf.updateRequestOrigin({{ domainName: 'localhost', connectionAttempts: 1, {names}
                customOriginConfig: {{ port: {port}, protocol: 'https', sslProtocols: ['TLSv1.2'],
                    ipAddressType: 'ipv4' }} }});"
        ))
    };
    let scene = Scene::with(unused).environment("SSL_CERT_FILE", inner.authority());
    let add = |scene: Scene, (name, names): &(&str, &str)| {
        let words = format!("viewer_request = \"{name}\"");
        scene.javascript(name, &function(names)).behavior(&format!("/{name}"), &words)
    };
    TLS_NAMES.iter().fold(scene, add).start()
}

#[test]
fn an_origin_is_trusted_by_the_authorities_that_its_table_names() {
    let origin = named("origin");
    let inner = Scene::with(&origin).https().start();
    let folder = tempfile::tempdir().expect("a folder");
    let other =
        rcgen::generate_simple_self_signed(["other.test".to_owned()]).expect("a certificate");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the folder is writable");
        path
    };
    let right = std::fs::read_to_string(inner.authority()).expect("the inner edge wrote it");
    let both = file("both.pem", other.cert.pem() + &right);
    let wrong = file("wrong.pem", other.cert.pem());
    for (authorities, status) in [(Some(both), 200), (Some(wrong), 502), (None, 502)] {
        let words = authorities.map(|path| format!("ca = \"{}\"", path.display()));
        let edge = Scene::over_tls(inner.https()).origin(&words.unwrap_or_default()).start();
        for target in ["/a", "/b"] {
            assert_eq!(edge.get(target).status, status, "{target}");
        }
    }
    assert_eq!(origin.hits(), 2);
}

#[test]
fn certificates_are_held_to_the_names_that_the_function_says() {
    let origin = named("origin");
    let unused = named("unused");
    // One edge is the origin of another, with a certificate for localhost and its aliases.
    let inner = Scene::with(&origin).https().aliases(&["a.inner.test", "localhost"]).start();
    let edge = over_tls(&inner, &unused);
    for target in ["/plain", "/allowed", "/wildcard", "/host"] {
        // The inner edge answers to `Host: a.inner.test` and, by its alias, to `localhost`.
        let response = edge.get(target);
        assert_eq!(
            (response.status, response.text()),
            (200, format!("origin {target}")),
            "{target}"
        );
    }
    for target in ["/asked", "/foreign"] {
        let response = edge.get(target);
        assert_eq!((response.status, response.x_cache().as_str()), (502, "Error"), "{target}");
    }
    assert_eq!((origin.hits(), unused.hits()), (4, 0));
}

#[test]
fn fields_about_the_viewer_are_the_edges_own_and_functions_and_origin_see_them() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let policy = "[[cache_policy]]\nname = \"by-device\"\ndefault_ttl = 60\n\
        headers = { behavior = \"whitelist\", names = [\"CloudFront-Is-Mobile-Viewer\"] }\n";
    let see = "function handler(e) { const h = e.request.headers; \
        h['x-seen'] = { value: h['cloudfront-is-mobile-viewer'].value }; return e.request; }";
    let words = "cache_policy = \"by-device\"\nviewer_request = \"see\"\n\
        origin_request_policy = \"AllViewerAndCloudFrontHeaders-2022-06\"";
    let scene = Scene::with(&origin).settings(policy).javascript("see", see);
    let edge = scene.behavior("*", words).start();
    let get = |agent: &str| {
        let request = edge.request("GET", "/a").header("User-Agent", agent);
        request.header("CloudFront-Is-Mobile-Viewer", "maybe").header("CloudFront-X", "1").send()
    };
    assert_eq!(get("Mozilla/5.0 (iPhone)").x_cache(), "Miss");
    assert_eq!(get("Mozilla/5.0 (X11; Linux)").x_cache(), "Miss");
    assert_eq!(get("Mozilla/5.0 (iPhone; other)").x_cache(), "Hit", "the kind is in the key");
    let asked = &origin.received()[0];
    for (name, value) in [
        ("cloudfront-is-mobile-viewer", &["true"][..]),
        ("cloudfront-is-ios-viewer", &["true"]),
        ("cloudfront-is-desktop-viewer", &["false"]),
        ("cloudfront-forwarded-proto", &["http"]),
        ("cloudfront-viewer-http-version", &["1.1"]),
        ("cloudfront-viewer-tls", &[]),
        ("cloudfront-x", &[]),
        ("x-seen", &["true"]),
    ] {
        assert_eq!(asked.header(name), value, "{name}");
    }
    assert!(asked.header("cloudfront-viewer-address")[0].starts_with("127.0.0.1:"));
}
