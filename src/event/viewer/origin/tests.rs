//! Every member of the origin helpers, right and wrong.

use serde_json::json;

use super::*;
use crate::error::FunctionFailure;
use crate::event::origin::origin_change_json;
use crate::wire::Writer;

fn read_one(helper: &str, arguments: &Value) -> Checked<OriginChange> {
    let mut out = Writer::default();
    out.u32(1);
    out.text(helper);
    out.text(&arguments.to_string());
    let bytes = out.into_bytes();
    let mut changes = read(&mut Reader::new(&bytes))?;
    assert_eq!(changes.len(), 1);
    Ok(changes.remove(0))
}

fn update(member: &Value) -> Checked<OriginChange> {
    read_one("updateRequestOrigin", &json!([member]))
}

#[test]
fn what_is_right_is_shown_as_it_was_written() {
    let full = json!({
        "domainName": "b.example", "hostHeader": "c.example", "sni": "d.example",
        "allowedCertificateNames": ["*.example", "e.example"],
        "originPath": "/a/b%20c",
        "customHeaders": { "x-a": "ä", "x-b": "" },
        "connectionAttempts": 2,
        "timeouts": { "readTimeout": 1, "responseCompletionTimeout": 60, "keepAliveTimeout": 120, "connectionTimeout": 10 },
        "customOriginConfig": { "port": 8443, "protocol": "https", "sslProtocols": ["TLSv1.1", "TLSv1.2"], "ipAddressType": "dualstack" },
        "originShield": { "enabled": true, "region": "eu-central-1" },
        "originAccessControlConfig": { "enabled": false, "signingBehavior": "never", "signingProtocol": "sigv4", "originType": "s3", "region": "x" },
        "mTLSConfig": "off",
    });
    let change = update(&full).expect("all members are right");
    assert_eq!(origin_change_json(&change), json!({ "updateRequestOrigin": full }));
    assert_eq!(change.without_effect(), ["originShield"]);
    let empty =
        update(&json!({ "customHeaders": {}, "unknown": 1, "originPath": "" })).expect("right");
    let shown = json!({ "updateRequestOrigin": { "customHeaders": {}, "originPath": "" } });
    assert_eq!(origin_change_json(&empty), shown);

    let selected = read_one("selectRequestOriginById", &json!(["o", { "sni": "s.example" }]));
    let shown = json!({ "selectRequestOriginById": { "originId": "o", "sni": "s.example" } });
    assert_eq!(origin_change_json(&selected.expect("right")), shown);

    let group = json!({
        "originIds": [{ "originId": "a" }, { "originId": "b", "originOverrides": { "hostHeader": "h.example" } }],
        "failoverCriteria": { "statusCodes": [403, 500] },
        "selectionCriteria": "media-quality-score",
    });
    let change = read_one("createRequestOriginGroup", &json!([group])).expect("right");
    assert_eq!(origin_change_json(&change), json!({ "createRequestOriginGroup": group }));
    assert_eq!(change.without_effect(), ["selectionCriteria"]);
    let plain = json!([{ "originIds": ["a", "b"], "failoverCriteria": { "statusCodes": [500] } }]);
    assert!(read_one("createRequestOriginGroup", &plain).is_ok());
}

/// Each of these updates is refused with these words.
fn assert_refused(cases: &[(Value, &str)]) {
    for (member, words) in cases {
        let error = update(member).expect_err(words);
        assert_eq!(error.failure, FunctionFailure::Validation, "{member}");
        assert!(error.message.starts_with("cf.updateRequestOrigin: "), "{}", error.message);
        assert!(error.message.contains(words), "{member}: {}", error.message);
        assert!(error.message.len() < 400, "{}", error.message);
    }
}

#[test]
fn a_wrong_name_is_told() {
    let long = "a.".repeat(127) + "example";
    assert_refused(&[
        (json!({ "domainName": "a.example:80" }), "domainName must"),
        (json!({ "domainName": "http://a.example" }), "domainName must"),
        (json!({ "domainName": "192.0.2.1" }), "domainName must"),
        (json!({ "domainName": "2130706433" }), "domainName must"),
        (json!({ "domainName": "127.0x1" }), "domainName must"),
        (json!({ "domainName": "::1" }), "domainName must"),
        (json!({ "domainName": "a\r\nb" }), "domainName must"),
        (json!({ "domainName": "a..b" }), "domainName must"),
        (json!({ "domainName": "" }), "domainName must"),
        (json!({ "domainName": null }), "domainName must"),
        (json!({ "domainName": long }), "253 characters"),
        (json!({ "domainName": format!("{}.s3.eu-west-1.amazonaws.com", "b".repeat(110)) }), "128"),
        (json!({ "domainName": "Bucket.s3.amazonaws.com" }), "lower case"),
        (json!({ "hostHeader": "a.example:80" }), "hostHeader must"),
        (json!({ "hostHeader": "a\nb" }), "hostHeader must"),
        (json!({ "hostHeader": 1 }), "hostHeader must"),
        (
            json!({ "hostHeader": "a.example", "originAccessControlConfig": { "enabled": true } }),
            "hostHeader must be left out",
        ),
    ]);
}

#[test]
fn a_wrong_path_or_header_field_is_told() {
    let headers = |name: &str, value: Value| json!({ "customHeaders": { name: value } });
    assert_refused(&[
        (json!({ "originPath": "a" }), "originPath must"),
        (json!({ "originPath": "/a/" }), "originPath must"),
        (json!({ "originPath": "/" }), "originPath must"),
        (json!({ "originPath": "/a b" }), "originPath must"),
        (json!({ "originPath": "/a?b" }), "originPath must"),
        (json!({ "originPath": "/\r\nHost: x" }), "originPath must"),
        (json!({ "originPath": format!("/{}", "a".repeat(255)) }), "255 characters"),
        (json!({ "customHeaders": [] }), "customHeaders must be an object"),
        (headers("X-A", json!("")), "customHeaders['X-A'] must have a name in lower case"),
        (headers("x a", json!("")), "is no name of a field"),
        (headers("x\r\na", json!("")), "is no name of a field"),
        (headers("x-a", json!("a\r\nb: c")), "customHeaders['x-a'] must be a string"),
        (headers("x-a", json!({ "value": "1" })), "customHeaders['x-a'] must be a string"),
        (headers("x-a", json!("a".repeat(1_784))), "1783 bytes"),
        (headers("connection", json!("close")), "must not be set"),
        (headers("x-amz-cf-id", json!("1")), "must not be set"),
        (headers("host", json!("a")), "must not be set"),
        (headers("content-length", json!("0")), "must not be set"),
        (headers("transfer-encoding", json!("chunked")), "must not be set"),
        (
            json!({ "customHeaders": Value::Object((0..31).map(|n| (format!("x-{n}"), json!(""))).collect()) }),
            "30 are allowed",
        ),
    ]);
}

#[test]
fn a_wrong_number_or_setting_is_told() {
    assert_refused(&[
        (json!({ "connectionAttempts": 0 }), "connectionAttempts must be an integer from 1 to 3"),
        (json!({ "connectionAttempts": 4 }), "connectionAttempts must be an integer from 1 to 3"),
        (json!({ "connectionAttempts": 1.5 }), "connectionAttempts must be an integer from 1 to 3"),
        (json!({ "connectionAttempts": "2" }), "connectionAttempts must be an integer from 1 to 3"),
        (json!({ "originShield": {} }), "originShield.enabled must"),
        (json!({ "originShield": { "enabled": true } }), "originShield.region must"),
        (
            json!({ "originAccessControlConfig": { "enabled": 1 } }),
            "originAccessControlConfig.enabled",
        ),
        (
            json!({ "originAccessControlConfig": { "enabled": true, "signingBehavior": "x" } }),
            "signingBehavior must be always or never or no-override",
        ),
        (
            json!({ "originAccessControlConfig": { "enabled": true, "signingProtocol": "v4" } }),
            "signingProtocol must be sigv4",
        ),
        (
            json!({ "originAccessControlConfig": { "enabled": true, "originType": "ec2" } }),
            "originType",
        ),
        (json!({ "timeouts": 5 }), "timeouts must be an object"),
        (json!({ "timeouts": { "readTimeout": 0 } }), "timeouts.readTimeout must"),
        (json!({ "timeouts": { "readTimeout": 121 } }), "timeouts.readTimeout must"),
        (json!({ "timeouts": { "keepAliveTimeout": 1e9 } }), "timeouts.keepAliveTimeout must"),
        (json!({ "timeouts": { "connectionTimeout": 11 } }), "timeouts.connectionTimeout must"),
        (
            json!({ "timeouts": { "readTimeout": 30, "responseCompletionTimeout": 29 } }),
            "responseCompletionTimeout must be at least as long as readTimeout, but is 29",
        ),
    ]);
}

#[test]
fn a_wrong_connection_or_certificate_name_is_told() {
    let connection = |member: &str, value: Value| {
        let mut config = json!({ "port": 80, "protocol": "http", "sslProtocols": ["TLSv1.2"] });
        config[member] = value;
        json!({ "customOriginConfig": config })
    };
    assert_refused(&[
        (json!({ "customOriginConfig": { "port": 80 } }), "customOriginConfig.protocol must"),
        (json!({ "customOriginConfig": {} }), "customOriginConfig.port must"),
        (connection("port", json!(0)), "customOriginConfig.port must"),
        (connection("port", json!(65_536)), "customOriginConfig.port must"),
        (connection("protocol", json!("ftp")), "customOriginConfig.protocol must"),
        (connection("sslProtocols", json!([])), "customOriginConfig.sslProtocols must"),
        (connection("sslProtocols", json!(["TLSv1.3"])), "customOriginConfig.sslProtocols must"),
        (connection("sslProtocols", json!("TLSv1.2")), "customOriginConfig.sslProtocols must"),
        (connection("ipAddressType", json!("ipv4")), "together with domainName"),
        (connection("ipAddressType", json!("ipv5")), "ipAddressType must be ipv4"),
        (json!({ "sni": "a:b" }), "sni must"),
        (json!({ "allowedCertificateNames": [] }), "allowedCertificateNames must"),
        (json!({ "allowedCertificateNames": "a" }), "allowedCertificateNames must"),
        (json!({ "allowedCertificateNames": ["a.*"] }), "allowedCertificateNames must"),
        (json!({ "allowedCertificateNames": ["a".repeat(65)] }), "allowedCertificateNames must"),
        (json!({ "allowedCertificateNames": vec!["a"; 21] }), "allowedCertificateNames must"),
        (json!({ "mTLSConfig": "on" }), "mTLSConfig must be off"),
        (json!(5), "its argument must be an object"),
        (json!([]), "its argument must be an object"),
        (json!(null), "its argument must be an object"),
    ]);
}

#[test]
fn wrong_selections_and_groups_are_named() {
    let group = |ids: Value, codes: Value| json!([{ "originIds": ids, "failoverCriteria": { "statusCodes": codes } }]);
    let select = "selectRequestOriginById";
    let create = "createRequestOriginGroup";
    let cases = [
        (select, json!([]), "must be the id of an origin"),
        (select, json!([""]), "must be the id of an origin"),
        (select, json!([{ "originId": "a" }]), "must be the id of an origin"),
        (select, json!(["a", "b"]), "its second argument must be an object"),
        (select, json!(["a", { "hostHeader": "b:1" }]), "hostHeader must"),
        (create, json!([]), "its argument must be an object"),
        (create, json!([{}]), "originIds must be two different origins"),
        (create, group(json!(["a"]), json!([500])), "originIds must be two different origins"),
        (create, group(json!(["a", "a"]), json!([500])), "originIds must be two different origins"),
        (create, group(json!(["a", "b", "c"]), json!([500])), "originIds must be two different"),
        (create, group(json!(["a", {}]), json!([500])), "originIds[1].originId must be the id"),
        (create, group(json!(["a", 1]), json!([500])), "originIds[1] must be an object"),
        (
            create,
            group(
                json!(["a", { "originId": "b", "originOverrides": { "sni": "" } }]),
                json!([500]),
            ),
            "originIds[1].originOverrides.sni must",
        ),
        (create, group(json!(["a", "b"]), json!([])), "failoverCriteria.statusCodes must"),
        (create, group(json!(["a", "b"]), json!([200])), "failoverCriteria.statusCodes must"),
        (create, group(json!(["a", "b"]), json!(["500"])), "failoverCriteria.statusCodes must"),
        (create, json!([{ "originIds": ["a", "b"] }]), "failoverCriteria must be an object"),
        ("anything", json!([]), "is no helper"),
    ];
    for (helper, arguments, words) in cases {
        let error = read_one(helper, &arguments).expect_err(words);
        assert_eq!(error.failure, FunctionFailure::Validation, "{arguments}");
        assert!(error.message.contains(words), "{helper} {arguments}: {}", error.message);
    }
}

#[test]
fn too_many_calls_and_too_large_arguments_are_refused() {
    let mut out = Writer::default();
    out.u32(17);
    let error = read(&mut Reader::new(out.as_bytes())).expect_err("too many");
    assert!(error.message.contains("17 times; 16 are allowed"), "{}", error.message);
    let large = json!({ "x": "a".repeat(70_000) });
    assert!(update(&large).expect_err("too large").message.contains("65536 are allowed"));
    let deep = format!("[{}{}]", "[".repeat(5_000), "]".repeat(5_000));
    let error = read_call("updateRequestOrigin", &deep).expect_err("deep");
    assert!(error.message.contains("nested too deeply"), "{}", error.message);
    // A guest that breaks the protocol is no function's fault.
    let broken = read(&mut Reader::new(&[1, 0, 0, 0, 9])).expect_err("broken");
    assert_eq!(broken.failure, FunctionFailure::Execution);
}
