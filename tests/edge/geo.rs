//! Where viewers are, from databases in MaxMind's format.

use std::path::PathBuf;

use crate::scene::{Answer, Origin, Scene};

/// A value of the format's data section.
enum Value<'a> {
    Text(&'a str),
    Double(f64),
    Short(u16),
    Number(u32),
    Long(u64),
    List(Vec<Value<'a>>),
    Map(Vec<(&'a str, Value<'a>)>),
}

impl Value<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut control = |kind: u8, size: usize| {
            let size = u8::try_from(size).ok().filter(|size| *size < 29);
            let size = size.expect("longer values are not needed here");
            match kind {
                0..=7 => out.push(kind << 5 | size),
                _ => out.extend([size, kind - 7]),
            }
        };
        match self {
            Self::Text(text) => {
                control(2, text.len());
                out.extend(text.as_bytes());
            }
            Self::Double(number) => {
                control(3, 8);
                out.extend(number.to_be_bytes());
            }
            Self::Short(number) => {
                control(5, 2);
                out.extend(number.to_be_bytes());
            }
            Self::Number(number) => {
                control(6, 4);
                out.extend(number.to_be_bytes());
            }
            Self::Long(number) => {
                control(9, 8);
                out.extend(number.to_be_bytes());
            }
            Self::List(values) => {
                control(11, values.len());
                values.iter().for_each(|value| value.write(out));
            }
            Self::Map(members) => {
                control(7, members.len());
                for (name, value) in members {
                    Value::Text(name).write(out);
                    value.write(out);
                }
            }
        }
    }
}

/// A database that knows the loopback network 127.0.0.0/8 and nothing else.
fn database(record: &Value<'_>) -> Vec<u8> {
    const NODES: u32 = 8;
    let mut bytes = Vec::new();
    for node in 0..NODES {
        let on_the_way = if node + 1 == NODES { NODES + 16 } else { node + 1 };
        let bit = 127u32 >> (NODES - 1 - node) & 1;
        let records = if bit == 0 { [on_the_way, NODES] } else { [NODES, on_the_way] };
        records.iter().for_each(|record| bytes.extend(&record.to_be_bytes()[1..]));
    }
    bytes.extend([0; 16]);
    record.write(&mut bytes);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    Value::Map(vec![
        ("binary_format_major_version", Value::Short(2)),
        ("binary_format_minor_version", Value::Short(0)),
        ("build_epoch", Value::Long(1_700_000_000)),
        ("database_type", Value::Text("Test")),
        ("description", Value::Map(Vec::new())),
        ("ip_version", Value::Short(4)),
        ("languages", Value::List(Vec::new())),
        ("node_count", Value::Number(NODES)),
        ("record_size", Value::Short(24)),
    ])
    .write(&mut bytes);
    bytes
}

fn named<'a>(code: &'a str, name: &'a str) -> Value<'a> {
    let names = Value::Map(vec![("en", Value::Text(name))]);
    Value::Map(vec![("iso_code", Value::Text(code)), ("names", names)])
}

fn write(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).expect("the folder is writable");
    file
}

#[test]
fn functions_and_origins_are_told_where_a_viewer_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let city = database(&Value::Map(vec![
        ("country", named("CH", "Switzerland")),
        ("subdivisions", Value::List(vec![named("ZH", "Zurich"), named("1", "below")])),
        ("city", named("", "Zürich")),
        (
            "location",
            Value::Map(vec![
                ("latitude", Value::Double(47.3667)),
                ("longitude", Value::Double(8.55)),
                ("time_zone", Value::Text("Europe/Zurich")),
            ]),
        ),
        ("postal", Value::Map(vec![("code", Value::Text("8001"))])),
    ]));
    let asn = database(&Value::Map(vec![("autonomous_system_number", Value::Number(64_496))]));
    let settings = format!(
        "[geo]\ncity = \"{}\"\nasn = \"{}\"\n",
        write(&folder, "city.mmdb", &city).display(),
        write(&folder, "asn.mmdb", &asn).display()
    );
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let see = "function handler(e) { const h = e.request.headers; \
        h['x-seen'] = { value: h['cloudfront-viewer-country'].value }; return e.request; }";
    let words = "viewer_request = \"see\"\n\
        origin_request_policy = \"AllViewerAndCloudFrontHeaders-2022-06\"";
    let scene = Scene::with(&origin).settings(&settings).javascript("see", see);
    let edge = scene.behavior("*", words).start();
    let request = edge.request("GET", "/a").header("CloudFront-Viewer-Country", "US");
    assert_eq!(request.send().status, 200);
    let asked = &origin.received()[0];
    for (name, value) in [
        ("country", &["CH"][..]),
        ("country-name", &["Switzerland"]),
        ("country-region", &["ZH"]),
        ("country-region-name", &["Zurich"]),
        ("city", &["Z%C3%BCrich"]),
        ("latitude", &["47.36670"]),
        ("longitude", &["8.55000"]),
        ("postal-code", &["8001"]),
        ("time-zone", &["Europe/Zurich"]),
        ("asn", &["64496"]),
        ("metro-code", &[]),
    ] {
        assert_eq!(asked.header(&format!("cloudfront-viewer-{name}")), value, "{name}");
    }
    assert_eq!(asked.header("x-seen"), ["CH"]);
}
