//! `verge explain`

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::{Value, json};

use super::admin::{self, Place, Trouble};
use super::{Configuration, EXIT_CONFIGURATION, EXIT_USAGE, Format, check, counted, print};
use crate::config::{self, Config};
use crate::limits::EXPLAIN_TOKEN_LIFETIME_MAX;
use crate::proxy::{self, Question};
use crate::server::{self, StartError};

/// What is asked about, and whom.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The URL: `http://host/path?query`, or `https:`.
    #[arg(required_unless_present = "token")]
    url: Option<Uri>,
    /// A header field of the request: `name: value`. The Host is the URL's unless it is said here.
    #[arg(short = 'H', long = "header", value_name = "FIELD", value_parser = field)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The method.
    #[arg(short = 'X', long, default_value = "GET")]
    method: Method,
    /// Evaluate the configuration, without asking a running edge.
    #[arg(long, conflicts_with = "admin")]
    offline: bool,
    /// Print a value for the header field Verge-Explain that counts this long, such as 10m.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["url", "headers", "offline"])]
    token: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    configuration: Configuration,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

fn field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write name: value")?;
    let name = name.trim().parse::<HeaderName>().map_err(|error| error.to_string())?;
    let value = HeaderValue::from_str(value.trim()).map_err(|error| error.to_string())?;
    Ok((name, value))
}

/// Why there is no explanation.
enum Failure {
    Trouble(Trouble),
    Start(StartError),
    /// The question is wrong.
    Refused(String),
}

/// Explains, and says who was asked.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let outcome = match (&arguments.token, &arguments.url) {
        (Some(lifetime), _) => token(arguments, lifetime),
        (None, Some(url)) => explain(arguments, url),
        // clap sees to it that there is one of the two.
        (None, None) => return ExitCode::from(EXIT_USAGE),
    };
    match outcome {
        Ok(text) => print(text.as_bytes()),
        Err(
            Failure::Trouble(Trouble::Problems(problems))
            | Failure::Start(StartError::Problems(problems)),
        ) => {
            check::report_problems(&problems, arguments.format);
            if !arguments.offline {
                eprintln!("{}", super::admin::WITHOUT_CONFIGURATION);
            }
            ExitCode::from(EXIT_CONFIGURATION)
        }
        Err(
            Failure::Trouble(
                Trouble::NoAddress(text) | Trouble::Unreachable(text) | Trouble::NotOne(text),
            )
            | Failure::Start(StartError::Other(text))
            | Failure::Refused(text),
        ) => {
            eprintln!("not explained: {text}");
            ExitCode::FAILURE
        }
    }
}

fn explain(arguments: &Arguments, url: &Uri) -> Result<String, Failure> {
    let (source, mut told) = ask(arguments, url)?;
    Ok(match arguments.format {
        Format::Json => {
            told["source"] = source.into();
            format!("{told:#}\n")
        }
        Format::Human => format!("{source}\n{}", human(&told)),
    })
}

/// The explanation, and who gave it: the running edge, or the configuration where none runs.
fn ask(arguments: &Arguments, url: &Uri) -> Result<(String, Value), Failure> {
    let path = &arguments.configuration.config;
    if !arguments.offline {
        let pairs = arguments.headers.iter();
        let headers: Vec<_> = pairs
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let body = json!({
            "url": url.to_string(),
            "method": arguments.method.as_str(),
            "headers": headers,
        });
        let address = arguments.place.address(path);
        match address.and_then(|at| Ok((at, admin::post(at, "/explain", &body)?))) {
            Ok((at, answer)) if answer.status == 200 => {
                return Ok((format!("told by the running edge at {at}"), answer.body));
            }
            Ok((_, answer)) => {
                let message = answer.body["Error"]["Message"].as_str();
                return Err(Failure::Refused(message.unwrap_or("no reason was given").to_owned()));
            }
            // Where nobody said that one runs, it need not.
            Err(Trouble::NoAddress(_) | Trouble::Unreachable(_))
                if arguments.place.admin.is_none() => {}
            Err(trouble) => return Err(Failure::Trouble(trouble)),
        }
    }
    let config = load(arguments)?;
    let told = evaluate(config, arguments, url)?;
    Ok((format!("evaluated from {}; no running edge was asked", path.display()), told))
}

fn load(arguments: &Arguments) -> Result<Config, Failure> {
    let loaded = config::load(&arguments.configuration.config);
    loaded.map_err(|problems| Failure::Trouble(Trouble::Problems(problems)))
}

fn evaluate(config: Config, arguments: &Arguments, url: &Uri) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Start(StartError::Other(error.to_string())))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &arguments.headers {
        headers.append(name.clone(), value.clone());
    }
    let question = Question { url: url.clone(), method: arguments.method.clone(), headers };
    let mut told = runtime.block_on(async {
        let edge = server::offline(config).map_err(Failure::Start)?;
        edge.explain(&question).await.map_err(|wrong| Failure::Refused(wrong.0))
    })?;
    if told.get("lookup").is_some() {
        told["lookup"] = json!({ "found": "unknown: no edge runs, so nothing is stored" });
    }
    Ok(told)
}

fn token(arguments: &Arguments, lifetime: &str) -> Result<String, Failure> {
    let lifetime = config::parse_time(lifetime)
        .filter(|time| (Duration::from_secs(1)..=EXPLAIN_TOKEN_LIFETIME_MAX).contains(time));
    let Some(lifetime) = lifetime else {
        let most = config::spell_time(EXPLAIN_TOKEN_LIFETIME_MAX);
        return Err(Failure::Refused(format!("--token: write a time from 1s to {most}")));
    };
    match load(arguments)?.explain_secret {
        Some(secret) => {
            Ok(format!("{}\n", proxy::explain_token(secret.bytes(), SystemTime::now() + lifetime)))
        }
        None => Err(Failure::Refused("there is no secret: give [explain] one".to_owned())),
    }
}

/// One line a fact.
fn human(told: &Value) -> String {
    let mut lines = Lines::default();
    let text = |value: &Value| value.as_str().unwrap_or("–").to_owned();
    let request = &told["request"];
    lines.add(
        "request",
        &format!(
            "{} {}://{}{}",
            text(&request["method"]),
            text(&request["scheme"]),
            text(&request["host"]),
            text(&request["target"])
        ),
    );
    if let Some(distribution) = told.get("distribution") {
        let [id, name, semantics] =
            ["id", "domain_name", "semantics"].map(|member| text(&distribution[member]));
        lines.add("distribution", &format!("{id} ({name}), semantics {semantics}"));
        let behavior = &told["behavior"];
        let [pattern, target] = ["path_pattern", "target"].map(|member| text(&behavior[member]));
        lines.add("behavior", &format!("{pattern}, target {target}"));
        for policy in ["cache_policy", "origin_request_policy", "response_headers_policy"] {
            if let Some(name) = behavior[policy].as_str() {
                lines.add(&policy.replace('_', " "), name);
            }
        }
    }
    told["functions"].as_array().into_iter().flatten().for_each(|run| lines.function(run));
    if let Some(answer) = told.get("answer") {
        let status = answer["status"].as_u64().map(|status| format!("{status}: "));
        let because = text(&answer["because"]);
        lines.add("answer", &format!("{}{because}", status.unwrap_or_default()));
    }
    for part in told["key"].as_array().into_iter().flatten() {
        lines.add("key", &format!("{} {}", text(&part["part"]), text(&part["value"])));
    }
    if let Some(lookup) = told.get("lookup") {
        lines.lookup(lookup);
    }
    if let Some(rule) = told.get("rule") {
        lines.rule(rule);
    }
    lines.0
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{name:<24}{value}");
    }

    fn function(&mut self, run: &Value) {
        let text = |member: &str| run[member].as_str().unwrap_or_default();
        let remembered = if run["remembered"] == true { ", remembered" } else { "" };
        let time = &run["microseconds"];
        self.add(
            text("event"),
            &format!("{}: {} in {time} µs{remembered}", text("name"), text("outcome")),
        );
        for change in run["changes"].as_array().into_iter().flatten() {
            self.add("", change.as_str().unwrap_or_default());
        }
        if let Some(message) = run["message"].as_str() {
            self.add("", message);
        }
    }

    fn lookup(&mut self, lookup: &Value) {
        self.add("lookup", lookup["found"].as_str().unwrap_or_default());
        let Some(age) = lookup["age_seconds"].as_u64() else { return };
        let (status, left) = (&lookup["status"], &lookup["fresh_for_seconds"]);
        let stale = left.as_f64().is_some_and(|left| left < 0.0);
        let fresh = match stale {
            true => format!("stale since {} s", left.to_string().trim_start_matches('-')),
            false => format!("fresh for {left} s more"),
        };
        self.add("", &format!("status {status}, {age} s old, {fresh}"));
        let [revalidate, error] = ["stale_while_revalidate_seconds", "stale_if_error_seconds"]
            .map(|member| lookup[member].clone());
        self.add("", &format!("then {revalidate} s while revalidated, {error} s on errors"));
        if let Some(known) = lookup["objects_at_location"].as_u64() {
            let known = counted(usize::try_from(known).unwrap_or(usize::MAX), "object");
            self.add("", &format!("{known} at this location"));
        }
    }

    fn rule(&mut self, rule: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let section = text(&rule["section"]);
        match rule["kept"] == true {
            true => {
                self.add(
                    "rule",
                    &format!("lifetime from {} ({section})", text(&rule["lifetime_from"])),
                );
                let bound = &rule["bound"];
                if bound.is_object() {
                    self.add(
                        "",
                        &format!("{} ({})", text(&bound["what"]), text(&bound["section"])),
                    );
                }
            }
            false => self.add("rule", &format!("not kept: {} ({section})", text(&rule["because"]))),
        }
    }
}
