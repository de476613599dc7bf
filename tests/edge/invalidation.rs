//! Invalidation by path, prefix, tag and `PURGE`, as operator and viewers meet it.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::scene::{Answer, Edge, Origin, Request, Response, Scene, commands, component};

/// An origin whose pages are tagged by their first folder and their whole path.
fn tagged() -> Origin {
    Origin::answering(|request| {
        let path = request.target().split('?').next().unwrap_or_default();
        let folder = path.split('/').nth(1).unwrap_or_default();
        let tags = format!("{folder}, {}", path.replace('/', "-"));
        let fields = [("Cache-Control", "max-age=60"), ("Cache-Tag", tags.as_str())];
        Answer::new(200, &fields, path)
    })
}

/// Asks until all of the targets are hits.
fn fill(edge: &Edge, targets: &[&str]) {
    for target in targets {
        edge.get(target);
        assert_eq!(edge.get(target).x_cache(), "Hit", "{target}");
    }
}

/// The targets that are not hits any more, now that each was asked for once.
fn gone<'a>(edge: &Edge, targets: &[&'a str]) -> Vec<&'a str> {
    targets.iter().copied().filter(|target| edge.get(target).x_cache() != "Hit").collect()
}

fn invalidate(edge: &Edge, items: &[&str]) -> Value {
    let answer = edge.post("/invalidations", &json!({ "items": items }));
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).expect("the answer is JSON")
}

#[test]
fn paths_prefixes_and_tags_reach_exactly_what_they_name() {
    let edge = Scene::with(&tagged()).start();
    let all = ["/a/1", "/a/1?q", "/a/2", "/ab", "/b/1"];
    let cases: [(&[&str], &[&str], Value); 8] = [
        (&["/a/1"], &["/a/1"], json!([1])),
        (&["/a/1?q"], &["/a/1?q"], json!([1])),
        (&["/a/1*"], &["/a/1", "/a/1?q"], json!([null])),
        (&["/a*"], &["/a/1", "/a/1?q", "/a/2", "/ab"], json!([null])),
        (&["/*"], &all, json!([5])),
        (&["#A"], &["/a/1", "/a/1?q", "/a/2"], json!([3])),
        (&["#-a-2", "/b/1"], &["/a/2", "/b/1"], json!([1, 1])),
        (&["/a", "/A/1", "#a*", "/b/*1"], &[], json!([0, 0, 0, 0])),
    ];
    for (items, expected, counts) in cases {
        fill(&edge, &all);
        let answer = invalidate(&edge, items);
        let objects = answer["items"].as_array().expect("a list").iter();
        let objects: Value = objects.map(|item| item["objects"].clone()).collect();
        assert_eq!(gone(&edge, &all), expected, "{items:?}");
        assert_eq!(objects, counts, "{items:?}");
    }
    assert_eq!(edge.metric("verge_cache_invalidations_total"), 12.0);
}

#[test]
fn all_variants_go_and_other_distributions_stay() {
    let origin = Origin::answering(|request| {
        let language = request.header("accept-language").join(",");
        let fields = [("Cache-Control", "max-age=60"), ("Vary", "Accept-Language")];
        Answer::new(200, &fields, &language)
    });
    let other = "[[distribution]]\nid = \"E0\"\naliases = [\"other.test\"]\n\
        [[distribution.origin]]\nid = \"o\"\ndomain_name = \"127.0.0.1\"\n\
        protocol = \"http-only\"\nhttp_port = PORT\n\
        [[distribution.behavior]]\ntarget = \"o\"\ncache_policy = \"obedient\"\n";
    let other = other.replace("PORT", &origin.address().port().to_string());
    let words = "origin_request_policy = \"AllViewer\"";
    let edge = Scene::with(&origin).behavior("*", words).settings(&other).start();
    let ask = |language: &str, host: &str| {
        let request = edge.request("GET", "/a").header("Host", host);
        request.header("Accept-Language", language).send().x_cache()
    };
    let everywhere =
        || ["de", "en"].map(|language| ["edge.test", "other.test"].map(|host| ask(language, host)));
    everywhere();
    let hits = [["Hit", "Hit"], ["Hit", "Hit"]];
    assert_eq!(everywhere(), hits);
    let unnamed = edge.post("/invalidations", &json!({ "items": ["/a"] }));
    assert_eq!(unnamed.status, 404);
    assert!(unnamed.text().contains("name one of E0, E1"), "{}", unnamed.text());
    let done = edge.post("/invalidations", &json!({ "items": ["/a"], "distribution": "E1" }));
    assert!(done.text().contains("\"objects\": 2"), "{}", done.text());
    assert_eq!(everywhere(), [["Miss", "Hit"], ["Miss", "Hit"]]);
}

#[test]
fn a_soft_invalidation_revalidates_or_serves_meanwhile() {
    let origin = Origin::answering(|request| {
        let cache_control = match request.target() {
            "/meanwhile" => "max-age=60, stale-while-revalidate=60",
            _ => "max-age=60",
        };
        let fields = [("Cache-Control", cache_control), ("ETag", "\"1\""), ("Cache-Tag", "t")];
        match request.header("if-none-match").is_empty() {
            true => Answer::new(200, &fields, "page"),
            false => Answer::head_only(304, &fields),
        }
    });
    let edge = Scene::with(&origin).start();
    fill(&edge, &["/asked", "/meanwhile"]);
    let body = json!({ "items": ["#t"], "mode": "soft" });
    let answer = edge.post("/invalidations", &body).text();
    assert!(answer.contains("\"objects\": 2") && answer.contains("\"soft\""), "{answer}");
    let asked = edge.get("/asked");
    assert_eq!((asked.x_cache().as_str(), asked.text().as_str()), ("RefreshHit", "page"));
    assert_eq!(edge.get("/asked").x_cache(), "Hit", "it was confirmed");
    assert_eq!(edge.get("/meanwhile").x_cache(), "Hit");
    while origin.hits() < 4 {
        std::thread::yield_now();
    }
    assert_eq!(origin.received()[3].header("if-none-match"), ["\"1\""]);
}

#[test]
fn an_answer_on_its_way_is_not_served_afterwards() {
    for item in ["/a", "/*", "/a*", "#t"] {
        let gate = Arc::new(Mutex::new(()));
        let held = gate.lock().expect("nobody panicked");
        let origin = {
            let gate = gate.clone();
            Origin::answering(move |_| {
                let fields = [("Cache-Control", "max-age=60"), ("Cache-Tag", "t")];
                Answer::new(200, &fields, "page").after(&gate)
            })
        };
        let edge = Scene::with(&origin).start();
        std::thread::scope(|scope| {
            // Two requests that are collapsed into one: both came before.
            let viewers = [(); 2].map(|()| scope.spawn(|| edge.get("/a").status));
            while origin.hits() < 1 || edge.metric("verge_requests_in_progress") < 2.0 {
                std::thread::yield_now();
            }
            invalidate(&edge, &[item]);
            drop(held);
            for viewer in viewers {
                assert_eq!(viewer.join().expect("a viewer's thread"), 200);
            }
        });
        // The second one may have found nothing it could use, and asked for itself: that is new.
        let asked = origin.hits();
        let expected = if asked == 1 { "Miss" } else { "Hit" };
        assert_eq!(edge.get("/a").x_cache(), expected, "{item}: {asked} were asked");
        assert_eq!(origin.hits(), 2, "{item}");
    }
}

#[test]
fn concurrent_requests_after_an_invalidation_ask_the_origin_once() {
    let gate = Arc::new(Mutex::new(()));
    let origin = {
        let gate = gate.clone();
        Origin::answering(move |_| Answer::cacheable("page").after(&gate))
    };
    let edge = Scene::with(&origin).start();
    fill(&edge, &["/a"]);
    invalidate(&edge, &["/*"]);
    let held = gate.lock().expect("nobody panicked");
    std::thread::scope(|scope| {
        let viewers: Vec<_> = (0..8).map(|_| scope.spawn(|| edge.get("/a").status)).collect();
        while edge.metric("verge_requests_in_progress") < 8.0 {
            std::thread::yield_now();
        }
        drop(held);
        for viewer in viewers {
            assert_eq!(viewer.join().expect("a viewer's thread"), 200);
        }
    });
    assert_eq!(origin.hits(), 2);
}

#[test]
fn tags_are_read_from_the_configured_field_as_origin_response_left_it() {
    let origin = Origin::answering(|_| {
        let fields = [("Cache-Control", "max-age=60"), ("Surrogate-Key", "One two,three")];
        Answer::new(200, &fields, "page")
    });
    let made = json!({ "status": "200", "headers": {
        "cache-control": [{ "key": "Cache-Control", "value": "max-age=60" }],
        "surrogate-key": [{ "key": "Surrogate-Key", "value": "made" }],
    }});
    let edge = Scene::with(&origin)
        .distribution("cache_tag_header = \"Surrogate-Key\"")
        .function("tag", "wasm", "wasm", &component::returning(&made))
        .behavior("/made", "origin_response = \"tag\"")
        .start();
    for (tag, expected) in [
        ("#two", &["/sent"][..]),
        ("#one", &["/sent"]),
        ("#three", &["/sent"]),
        ("#made", &["/made"]),
    ] {
        fill(&edge, &["/sent", "/made"]);
        invalidate(&edge, &[tag]);
        assert_eq!(gone(&edge, &["/sent", "/made"]), expected, "{tag}");
    }
}

#[test]
fn tags_beyond_the_bounds_are_dropped_and_counted() {
    let origin = Origin::answering(|_| {
        let tags: Vec<_> = (0..60).map(|number| number.to_string()).collect();
        let fields = [("Cache-Control", "max-age=60"), ("Cache-Tag", &tags.join(","))];
        Answer::new(200, &fields.map(|(name, value)| (name, value)), "page")
    });
    let edge = Scene::with(&origin).start();
    fill(&edge, &["/a"]);
    assert_eq!(edge.metric("verge_cache_dropped_tags_total"), 10.0);
    invalidate(&edge, &["#50"]);
    assert_eq!(gone(&edge, &["/a"]), [""; 0]);
    invalidate(&edge, &["#49"]);
    assert_eq!(gone(&edge, &["/a"]), ["/a"]);
}

fn purge(edge: &Edge, target: &str, fields: &[(&str, &str)]) -> Response {
    let request = edge.request("PURGE", target);
    fields.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
}

#[test]
fn purge_is_obeyed_from_listed_addresses_only() {
    let edge = Scene::with(&tagged()).distribution("purge_from = [\"127.0.0.0/8\"]").start();
    fill(&edge, &["/a", "/a?q", "/b"]);
    let purged = purge(&edge, "/a", &[]);
    assert_eq!((purged.status, purged.x_cache().as_str()), (200, "Purge"));
    assert!(purged.text().contains("1 object"), "{}", purged.text());
    assert_eq!(gone(&edge, &["/a", "/a?q", "/b"]), ["/a"]);
    assert_eq!(purge(&edge, "/b", &[("Fastly-Soft-Purge", "1")]).status, 200);
    let stale = edge.get("/b");
    assert_eq!(stale.x_cache(), "Miss", "the origin has no validator: asked again");
    assert_eq!(edge.get("/b").x_cache(), "Hit");

    for words in ["", "purge_from = [\"10.0.0.0/8\", \"::/0\"]"] {
        let edge = Scene::with(&tagged()).distribution(words).start();
        fill(&edge, &["/a"]);
        assert_eq!(purge(&edge, "/a", &[]).status, 403, "{words}");
        assert_eq!(gone(&edge, &["/a"]), [""; 0]);
    }
}

#[test]
fn cloudfronts_batch_is_answered_as_cloudfront_does_and_done_once() {
    let edge = Scene::with(&tagged()).start();
    fill(&edge, &["/a/1"]);
    let items = json!(["/a/1", "#a"]);
    let paths = json!({ "Quantity": 2, "Items": items });
    let batch = json!({ "Paths": paths, "CallerReference": "once" });
    let whole = json!({ "DistributionId": "E1", "InvalidationBatch": batch });
    let first = edge.post("/invalidations", &whole);
    assert_eq!(first.status, 201);
    let answer: Value = serde_json::from_slice(&first.body).expect("JSON");
    let invalidation = &answer["Invalidation"];
    assert_eq!(invalidation["Status"], "Completed");
    assert_eq!(invalidation["InvalidationBatch"], batch);
    assert!(invalidation["Id"].as_str().is_some_and(|id| id.len() == 14 && id.starts_with('I')));
    assert_eq!(answer["Reached"][1], json!({ "Item": "#a", "Objects": 1 }));
    assert_eq!(gone(&edge, &["/a/1"]), ["/a/1"]);

    let again = edge.post("/invalidations", &whole);
    let repeated: Value = serde_json::from_slice(&again.body).expect("JSON");
    assert_eq!((again.status, &repeated["Invalidation"]), (201, invalidation));
    assert_eq!(gone(&edge, &["/a/1"]), [""; 0], "a repetition does nothing");

    let refused = |body: Value, status: u16, words: &str| {
        let answer = edge.post("/invalidations", &body);
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(words), "{}", answer.text());
    };
    let mut other = whole.clone();
    other["InvalidationBatch"]["Paths"] = json!({ "Items": ["/b"] });
    refused(other, 409, "InvalidationBatchAlreadyExists");
    let count = json!({ "Paths": { "Quantity": 1, "Items": [] }, "CallerReference": "x" });
    refused(count, 400, "Paths.Items is empty");
    let count = json!({ "Paths": { "Quantity": 3, "Items": ["/a"] }, "CallerReference": "x" });
    refused(count, 400, "InconsistentQuantities");
    refused(json!({ "Paths": { "Items": ["/a"] }, "CallerReference": "" }), 400, "CallerReference");
    refused(json!({ "items": ["/a"], "distribution": "E2" }), 404, "use one of E1");
    refused(json!({ "items": ["a b"] }), 400, "items[0]");
    refused(json!({ "items": ["/a"], "colour": "red" }), 400, "unknown field `colour`");
    refused(json!([]), 400, "the body");
    let text = Request::new(edge.admin_address(), "POST", "/invalidations").body(b"/a").send();
    assert_eq!(text.status, 400);
}

#[test]
fn the_command_says_what_it_reached() {
    let edge = Scene::with(&tagged()).start();
    fill(&edge, &["/a/1", "/b"]);
    let admin = edge.admin_address().to_string();
    let run = commands::verge(&["invalidate", "--admin", &admin, "#a", "/b*"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("#a  1 object known\n/b*  not counted"), "{run:?}");
    assert_eq!(gone(&edge, &["/a/1", "/b"]), ["/a/1", "/b"]);
    let run =
        commands::verge(&["invalidate", "--admin", &admin, "--format", "json", "--soft", "/b"]);
    let printed: Value = serde_json::from_str(&run.stdout).expect("JSON was asked for");
    assert_eq!((&printed["mode"], &printed["items"][0]["objects"]), (&json!("soft"), &json!(1)));
    let run = commands::verge(&["invalidate", "--admin", &admin, "b"]);
    assert!(run.code == 1 && run.stderr.contains("begins with /"), "{run:?}");
    drop(edge);
    let run = commands::verge(&["invalidate", "--admin", &admin, "/b"]);
    assert!(run.code == 1 && run.stderr.contains("does not answer"), "{run:?}");
    assert_eq!(commands::verge(&["invalidate"]).code, 2);
}
