//! The admin listener: what it tells, what it refuses.

use std::sync::{Arc, Mutex};

use crate::scene::{Answer, Connection, Origin, Request, Scene};

#[test]
fn it_answers_its_paths_and_nothing_else() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = Scene::with(&origin).start();
    let metrics = edge.admin("/metrics");
    assert!(metrics.status == 200 && metrics.text().ends_with("# EOF\n"), "{metrics:?}");
    assert_eq!(edge.admin("/healthz").text(), "alive\n");
    assert_eq!(edge.admin("/readyz").text(), "ready\n");
    assert_eq!(edge.admin("/").status, 404);
    for (method, target, allow) in
        [("POST", "/metrics", "GET, HEAD"), ("GET", "/invalidations", "POST")]
    {
        let refused = Request::new(edge.admin_address(), method, target).send();
        assert_eq!((refused.status, refused.header("allow").as_str()), (405, allow), "{target}");
    }
    let page = Request::new(edge.admin_address(), "POST", "/invalidations");
    assert_eq!(page.header("Origin", "https://example.com").body(b"{}").send().status, 403);
    let mut connection = Connection::open(edge.admin_address());
    connection.send_raw(b"nonsense\r\n\r\n");
    assert_eq!(connection.read(false).expect("an answer").status, 400);
}

#[test]
fn an_edge_that_stops_is_not_ready() {
    let gate = Arc::new(Mutex::new(()));
    let held = gate.lock().expect("nobody panicked");
    let origin = {
        let gate = gate.clone();
        Origin::answering(move |_| Answer::cacheable("late").after(&gate))
    };
    let edge = Scene::with(&origin).start();
    std::thread::scope(|scope| {
        let viewer = scope.spawn(|| edge.get("/a"));
        while origin.hits() < 1 {
            std::thread::yield_now();
        }
        edge.signal("-TERM");
        while edge.admin("/readyz").status != 503 {
            std::thread::yield_now();
        }
        drop(held);
        assert_eq!(viewer.join().expect("a viewer's thread").text(), "late");
    });
}
