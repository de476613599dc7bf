//! Every metric as a scraper reads it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::error::{EdgeError, FunctionError, FunctionKind, OriginFailure, ViewerFailure};
use crate::ids::RequestId;
use crate::observe::OriginAttempt;

fn record(status: u16, result_type: &'static str) -> Record {
    let id = RequestId::from_entropy(&[0; 42]);
    let mut record = Record::new(id, UNIX_EPOCH, IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
    record.distribution_id = Some("E1".into());
    record.bytes_sent = 10;
    record.time_taken = Duration::from_millis(3);
    (record.status, record.result_type) = (status, result_type);
    record
}

#[track_caller]
fn assert_line(text: &str, line: &str) {
    assert!(text.lines().any(|seen| seen == line), "no {line} in\n{text}");
}

#[test]
fn requests_are_counted_by_distribution_result_and_class() {
    let metrics = Metrics::default();
    (0..3).for_each(|_| metrics.observe(&record(200, "Hit")));
    metrics.observe(&record(404, "Miss"));
    metrics.observe(&record(0, "NeverHeardOf"));
    let text = metrics.render();
    let requests = "verge_requests_total{distribution=\"E1\"";
    assert_line(&text, &format!("{requests},result_type=\"Hit\",status_class=\"2xx\"}} 3"));
    assert_line(&text, &format!("{requests},result_type=\"Miss\",status_class=\"4xx\"}} 1"));
    assert_line(&text, &format!("{requests},result_type=\"Other\",status_class=\"000\"}} 1"));
    assert_line(&text, "verge_response_bytes_total{distribution=\"E1\"} 50");
    let durations = "verge_request_duration_seconds";
    let hit = "distribution=\"E1\",result_type=\"Hit\"";
    assert_line(&text, &format!("{durations}_count{{{hit}}} 3"));
    assert_line(&text, &format!("{durations}_bucket{{le=\"0.002\",{hit}}} 0"));
    assert_line(&text, &format!("{durations}_bucket{{le=\"0.004\",{hit}}} 3"));
}

#[test]
fn functions_and_origins_are_counted_with_what_went_wrong() {
    let metrics = Metrics::default();
    let mut record = record(503, "FunctionThrottledError");
    for outcome in [FunctionOutcome::Continued, FunctionOutcome::Failed(FunctionFailure::Throttled)]
    {
        record.functions.push(FunctionRun {
            remembered: false,
            cold_start: outcome == FunctionOutcome::Continued,
            outbound: Outbound { answered: 2, refused: 1, failed: 0 },
            name: "gate".into(),
            event: EventType::ViewerRequest,
            outcome,
            time: Duration::from_micros(80),
            message: None,
        });
    }
    for failure in [Some(OriginFailure::Dns), None] {
        record.origins.push(OriginAttempt { id: "demo".into(), failure });
    }
    metrics.observe(&record);
    let text = metrics.render();
    let gate = "function=\"gate\",event=\"viewer-request\"";
    assert_line(&text, &format!("verge_function_invocations_total{{{gate}}} 2"));
    assert_line(&text, &format!("verge_function_cold_starts_total{{{gate}}} 1"));
    assert_line(&text, &format!("verge_function_errors_total{{{gate},kind=\"throttled\"}} 1"));
    assert_line(&text, &format!("verge_function_time_seconds_count{{{gate}}} 2"));
    let outbound = "verge_function_outbound_requests_total{function=\"gate\",outcome=";
    assert_line(&text, &format!("{outbound}\"answered\"}} 4"));
    assert_line(&text, &format!("{outbound}\"refused\"}} 2"));
    assert!(!text.contains("outcome=\"failed\""), "nothing failed:\n{text}");
    let demo = "distribution=\"E1\",origin=\"demo\"";
    assert_line(&text, &format!("verge_origin_requests_total{{{demo}}} 2"));
    assert_line(&text, &format!("verge_origin_failures_total{{{demo},failure=\"dns\"}} 1"));
}

#[test]
fn gauges_show_the_moment_they_are_asked() {
    let metrics = Metrics::default();
    let disk = DiskNumbers { objects: 5, damaged: 3, is_failing: true, ..DiskNumbers::default() };
    let numbers = CacheNumbers { objects: 2, bytes: 300, evictions: 1, disk: Some(disk) };
    metrics.watch_cache(move || numbers);
    let guard = metrics.begin();
    assert_line(&metrics.render(), "verge_requests_in_progress 1");
    drop(guard);
    metrics.dropped_log_lines().inc();
    let text = metrics.render();
    assert_line(&text, "verge_requests_in_progress 0");
    assert_line(&text, "verge_cache_objects 2");
    assert_line(&text, "verge_cache_bytes 300");
    assert_line(&text, "verge_cache_evictions_total 1");
    assert_line(&text, "verge_cache_disk_objects 5");
    assert_line(&text, "verge_cache_disk_damaged_total 3");
    assert_line(&text, "verge_cache_disk_failing 1");
    assert_line(&text, "verge_access_log_dropped_lines_total 1");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn every_result_type_of_the_error_table_has_its_own_series() {
    let failures =
        [FunctionError::validation(""), FunctionError::execution(""), FunctionError::throttled("")];
    let mut errors = vec![
        EdgeError::Viewer(ViewerFailure::Malformed),
        EdgeError::Origin(OriginFailure::Read, String::new()),
        EdgeError::OnlyIfCached,
        EdgeError::Internal(String::new()),
    ];
    for error in failures {
        for kind in [FunctionKind::JavaScript, FunctionKind::Component] {
            let name = String::new();
            errors.push(EdgeError::Function { kind, name, error: error.clone() });
        }
    }
    for error in errors {
        assert!(RESULT_TYPES.contains(&error.answer().result_type), "{error:?}");
    }
}
