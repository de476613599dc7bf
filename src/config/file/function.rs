//! `[[function]]`, and the `function.toml` of a function's folder.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Size, Time};

/// A function: a folder (`path` alone), or `name`, `runtime` and either `code` or `file`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// A folder with a `function.toml`, relative to the configuration file. Stands alone.
    pub path: Option<String>,
    /// The name that behaviors use: 1 to 64 letters, digits, `-`, `_`.
    pub name: Option<String>,
    /// What runs it.
    pub runtime: Option<RuntimeWord>,
    /// JavaScript source.
    pub code: Option<String>,
    /// File with the code, relative to the configuration file.
    pub file: Option<String>,
    /// For the reader.
    pub comment: Option<String>,
    /// The events it is written for. Default: all that its runtime can run on.
    pub events: Option<Vec<EventWord>>,
    /// The key-value store it reads, by name; at most one. Not for runtime `cloudfront-js-1.0`.
    pub key_value_stores: Option<Vec<String>>,
    /// Memory of one run; WebAssembly only. 1MiB to 1GiB, on viewer events to 128MiB. Default: 128MiB.
    pub memory: Option<Size>,
    /// Room in `/tmp`, for each environment; WebAssembly only. 1MiB to 10GiB. Default: 512MiB.
    pub ephemeral_storage: Option<Size>,
    /// Time of one run; WebAssembly only. 1ms to 30s, on viewer events to 5s. Default: 10s, on viewer events 5s.
    pub timeout: Option<Time>,
    /// Whether state outlives a call; WebAssembly only. Default: `warm` for functions of the `lambda` world, `fresh` for
    /// typed components.
    pub isolation: Option<IsolationWord>,
    /// Calls at a time that are kept for this function and not exceeded; WebAssembly only. 1 to 900, and 900 of all
    /// functions together. Default: it shares what no function reserves of 1,000.
    pub concurrency: Option<u32>,
    /// Environment variables; WebAssembly only. 4 KB together. `${NAME}` is replaced from the edge's environment, `file:path`
    /// by the file's content, `encrypted:…` by what it hides.
    pub environment: Option<BTreeMap<String, String>>,
    /// Whom it may call over HTTP: names, ranges of addresses, ports; WebAssembly only. At most 60. Default: nobody.
    pub egress: Option<Vec<String>>,
    /// Whether answers are remembered and given again to requests in which the function sees the same; JavaScript only.
    /// Default: true.
    pub memo: Option<bool>,
    /// What to do about what CloudFront's engine would refuse; JavaScript only. Default: `compat` of `[lint]`.
    pub compat: Option<CompatWord>,
    /// What `verge test` holds it to.
    pub test: Option<FunctionTest>,
}

/// What `verge test` holds a function to.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionTest {
    /// Compute utilization above which a test fails, per cent of the function's budget.
    #[schemars(range(min = 1, max = 100))]
    pub max_utilization: Option<u8>,
}

/// `function.toml` in a function's folder.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "function.toml")]
pub struct FunctionFolder {
    /// The name that behaviors use: 1 to 64 letters, digits, `-`, `_`.
    #[schemars(required)]
    pub name: Option<String>,
    /// What runs it.
    #[schemars(required)]
    pub runtime: Option<RuntimeWord>,
    /// File with the code, relative to the folder.
    #[schemars(required)]
    pub code: Option<String>,
    /// For the reader.
    pub comment: Option<String>,
    /// The events it is written for. Default: all that its runtime can run on.
    pub events: Option<Vec<EventWord>>,
    /// The key-value store it reads, by name; at most one. Not for runtime `cloudfront-js-1.0`.
    pub key_value_stores: Option<Vec<String>>,
    /// Memory of one run; WebAssembly only. 1MiB to 1GiB, on viewer events to 128MiB. Default: 128MiB.
    pub memory: Option<Size>,
    /// Room in `/tmp`, for each environment; WebAssembly only. 1MiB to 10GiB. Default: 512MiB.
    pub ephemeral_storage: Option<Size>,
    /// Time of one run; WebAssembly only. 1ms to 30s, on viewer events to 5s. Default: 10s, on viewer events 5s.
    pub timeout: Option<Time>,
    /// Whether state outlives a call; WebAssembly only. Default: `warm` for functions of the `lambda` world, `fresh` for
    /// typed components.
    pub isolation: Option<IsolationWord>,
    /// Calls at a time that are kept for this function and not exceeded; WebAssembly only. 1 to 900, and 900 of all
    /// functions together. Default: it shares what no function reserves of 1,000.
    pub concurrency: Option<u32>,
    /// Environment variables; WebAssembly only. 4 KB together. `${NAME}` is replaced from the edge's environment, `file:path`
    /// by the file's content, `encrypted:…` by what it hides.
    pub environment: Option<BTreeMap<String, String>>,
    /// Whom it may call over HTTP: names, ranges of addresses, ports; WebAssembly only. At most 60. Default: nobody.
    pub egress: Option<Vec<String>>,
    /// Whether answers are remembered and given again to requests in which the function sees the same; JavaScript only.
    /// Default: true.
    pub memo: Option<bool>,
    /// What to do about what CloudFront's engine would refuse; JavaScript only. Default: `compat` of `[lint]`.
    pub compat: Option<CompatWord>,
    /// What `verge test` holds it to.
    pub test: Option<FunctionTest>,
}

/// Whether state outlives a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IsolationWord {
    /// Every call begins from nothing.
    Fresh,
    /// What a handler keeps outside of itself is there the next time, as in Lambda.
    Warm,
}

/// What to do about what CloudFront's engine would refuse.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CompatWord {
    /// Say it, and run the function.
    Warn,
    /// Refuse the function: what is left runs on CloudFront too.
    Strict,
    /// Do not look.
    Off,
}

/// What runs a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
pub enum RuntimeWord {
    /// JavaScript as CloudFront Functions' first runtime has it.
    #[serde(rename = "cloudfront-js-1.0")]
    JavaScript1,
    /// JavaScript as CloudFront Functions' second runtime has it.
    #[serde(rename = "cloudfront-js-2.0")]
    JavaScript2,
    /// A WebAssembly component.
    #[serde(rename = "wasm")]
    Wasm,
}

/// One of the four moments at which functions run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventWord {
    /// Every request, before the cache.
    ViewerRequest,
    /// A miss, before the origin.
    OriginRequest,
    /// The origin's answer, before it is stored.
    OriginResponse,
    /// Every answer, never stored.
    ViewerResponse,
}
