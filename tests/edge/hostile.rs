//! Functions that mean harm: each is answered, the next request is unharmed, and nothing is left behind.

#[path = "../hostile/mod.rs"]
mod functions;

use crate::scene::{Answer, Edge, Origin, Scene};

/// Behaviors that one distribution may have, with room for the default one.
const AT_A_TIME: usize = 60;

fn edge_with(functions: &[(String, String)], origin: &Origin) -> Edge {
    let mut scene = Scene::with(origin);
    for (name, source) in functions {
        scene = scene
            .javascript(name, source)
            .behavior(&format!("/{name}"), &format!("viewer_request = \"{name}\""));
    }
    let innocent = "function handler(e) { e.request.uri = '/page'; return e.request; }";
    scene
        .javascript("innocent", innocent)
        .behavior("/innocent", "viewer_request = \"innocent\"")
        .start()
}

#[test]
fn every_hostile_function_fails_its_own_request_only() {
    let hostile = functions::functions();
    assert!(hostile.len() >= 60, "only {}", hostile.len());
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let mut wrong = Vec::new();
    for some in hostile.chunks(AT_A_TIME) {
        let edge = edge_with(some, &origin);
        for (name, _) in some {
            let response = edge.get(&format!("/{name}"));
            let type_ = response.x_cache();
            if !matches!(response.status, 502 | 503) || !type_.starts_with("Function") {
                wrong.push(format!("{name}: {} {type_} {}", response.status, response.text()));
            }
            let innocent = edge.get("/innocent");
            assert_eq!((innocent.status, innocent.text().as_str()), (200, "page"), "after {name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(origin.received().iter().all(|request| request.target() == "/page"));
}

#[test]
fn memory_is_back_where_it_was_after_many_attacks() {
    let greedy: Vec<_> = functions::functions()
        .into_iter()
        .filter(|(name, _)| name.starts_with("memory") || name.starts_with("recursion"))
        .collect();
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = edge_with(&greedy, &origin);
    let attack = |rounds: usize| {
        for _ in 0..rounds {
            for (name, _) in &greedy {
                edge.get(&format!("/{name}"));
            }
        }
    };
    // Pools and allocators keep what they had at their busiest; growth beyond that would be a leak.
    attack(3);
    let before = edge.resident_kib();
    attack(20);
    let after = edge.resident_kib();
    let allowed = before + 32 * 1024;
    assert!(
        after < allowed,
        "{before} KiB before, {after} KiB after {} attacks",
        20 * greedy.len()
    );
}
