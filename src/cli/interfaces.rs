//! The edge's interfaces, as files for the languages' tools.

/// Path and text of each.
pub(super) const INTERFACES: [(&str, &str); 8] = [
    ("wit/body.wit", include_str!("../../wit/body.wit")),
    ("wit/deps/config.wit", include_str!("../../wit/deps/config.wit")),
    ("wit/deps/keyvalue.wit", include_str!("../../wit/deps/keyvalue.wit")),
    ("wit/edge.wit", include_str!("../../wit/edge.wit")),
    ("wit/fetch.wit", include_str!("../../wit/fetch.wit")),
    ("wit/files.wit", include_str!("../../wit/files.wit")),
    ("wit/lambda.wit", include_str!("../../wit/lambda.wit")),
    ("wit/stores.wit", include_str!("../../wit/stores.wit")),
];
