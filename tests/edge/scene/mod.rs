//! Scenes of three actors: a viewer, the edge, an origin, over real sockets on ports that the system chooses.
//!
//! The edge is the program itself, started with a configuration of its own and stopped when the scene ends.

pub mod commands;
pub mod component;
pub mod http;
pub mod http2;
pub mod origin;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

pub use http::{Connection, Request, Response};
pub use origin::{Answer, Origin};

/// A scene being set up.
pub struct Scene {
    folder: tempfile::TempDir,
    origin: String,
    functions: String,
    behaviors: String,
    policies: String,
    tail: String,
    https: bool,
    distribution: String,
    environment: Vec<(&'static str, PathBuf)>,
}

/// A cache policy that obeys the origin and keys on all query strings.
pub const OBEDIENT: &str = r#"
[[cache_policy]]
name = "obedient"
min_ttl = 0
default_ttl = 0
max_ttl = 31536000
query_strings = { behavior = "all" }
"#;

impl Scene {
    /// An edge in front of `origin`.
    pub fn with(origin: &Origin) -> Self {
        Self::at(origin.address())
    }

    /// An edge in front of whatever is (or is not) at `address`.
    pub fn at(address: SocketAddr) -> Self {
        Self::towards(address, "http")
    }

    /// An edge that speaks TLS to what is at `address`.
    pub fn over_tls(address: SocketAddr) -> Self {
        Self::towards(address, "https")
    }

    fn towards(address: SocketAddr, scheme: &str) -> Self {
        let origin = format!(
            "[[distribution.origin]]\nid = \"origin\"\ndomain_name = \"{}\"\n\
             protocol = \"{scheme}-only\"\n{scheme}_port = {}\nconnection_attempts = 1\n\
             connection_timeout = \"1s\"\nresponse_timeout = \"1s\"\n",
            address.ip(),
            address.port()
        );
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            origin,
            functions: String::new(),
            behaviors: String::new(),
            policies: OBEDIENT.to_owned(),
            tail: String::new(),
            https: false,
            distribution: String::new(),
            environment: Vec::new(),
        }
    }

    /// Adds a JavaScript viewer function.
    pub fn javascript(self, name: &str, code: &str) -> Self {
        self.function(name, "cloudfront-js-2.0", "js", code.as_bytes())
    }

    /// Adds a function of any runtime.
    pub fn function(mut self, name: &str, runtime: &str, ending: &str, code: &[u8]) -> Self {
        let file = format!("{name}.{ending}");
        std::fs::write(self.folder.path().join(&file), code).expect("the folder is writable");
        self.functions.push_str(&format!(
            "[[function]]\nname = \"{name}\"\nruntime = \"{runtime}\"\nfile = \"{file}\"\n"
        ));
        self
    }

    /// Adds lines to the table of the function that was added last.
    pub fn function_words(mut self, words: &str) -> Self {
        self.functions.push_str(words);
        self.functions.push('\n');
        self
    }

    /// Adds a JavaScript viewer function that reads the key-value store of this name.
    pub fn reading(self, name: &str, store: &str, code: &str) -> Self {
        let mut scene = self.javascript(name, code);
        scene.functions.push_str(&format!("key_value_stores = [\"{store}\"]\n"));
        scene
    }

    /// Adds a key-value store, kept in a file of its name; `words` are further lines of its table.
    pub fn store(self, name: &str, entries: &[(&str, &str)], words: &str) -> Self {
        write_store(self.folder.path(), name, entries);
        self.settings(&format!(
            "[[key_value_store]]\nname = \"{name}\"\nfile = \"{name}.json\"\n{words}"
        ))
    }

    /// Adds a sample function by its folder.
    pub fn sample(mut self, name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("functions").join(name);
        self.functions.push_str(&format!("[[function]]\npath = \"{}\"\n", folder.display()));
        self
    }

    /// Adds a behavior for a path pattern; `words` are further lines of its table.
    pub fn behavior(mut self, path_pattern: &str, words: &str) -> Self {
        let policy =
            if words.contains("cache_policy") { "" } else { "cache_policy = \"obedient\"\n" };
        let target = if words.contains("target =") { "" } else { "target = \"origin\"\n" };
        self.behaviors.push_str(&format!(
            "[[distribution.behavior]]\npath_pattern = \"{path_pattern}\"\n{target}{policy}{words}\n"
        ));
        self
    }

    /// Adds tables that belong to no distribution.
    pub fn settings(mut self, words: &str) -> Self {
        self.policies.push_str(words);
        self.policies.push('\n');
        self
    }

    /// Adds tables to the end of the distribution.
    pub fn tail(mut self, words: &str) -> Self {
        self.tail.push_str(words);
        self
    }

    /// Adds lines to the origin's table.
    pub fn origin(mut self, words: &str) -> Self {
        self.origin.push_str(words);
        self.origin.push('\n');
        self
    }

    /// Waits for the origin as long as edges do; a second is enough where a test does not move megabytes.
    pub fn patient(mut self) -> Self {
        self.origin =
            self.origin.replace("response_timeout = \"1s\"", "response_timeout = \"30s\"");
        self
    }

    /// Adds another origin; `words` are further lines of its table.
    pub fn another_origin(mut self, id: &str, origin: &Origin, words: &str) -> Self {
        let address = origin.address();
        self.origin.push_str(&format!(
            "[[distribution.origin]]\nid = \"{id}\"\ndomain_name = \"{}\"\nprotocol = \"http-only\"\n\
             http_port = {}\nconnection_attempts = 1\n{words}\n",
            address.ip(),
            address.port()
        ));
        self
    }

    /// Answers only for these host names.
    pub fn aliases(self, names: &[&str]) -> Self {
        self.distribution(&format!("aliases = {names:?}"))
    }

    /// Follows RFC 9111 where CloudFront differs.
    pub fn rfc9111(self) -> Self {
        self.distribution("semantics = \"rfc9111\"")
    }

    /// Adds lines to the distribution's table.
    pub fn distribution(mut self, words: &str) -> Self {
        self.distribution.push_str(words);
        self.distribution.push('\n');
        self
    }

    /// Sets a variable of the edge's environment to a path.
    pub fn environment(mut self, name: &'static str, value: PathBuf) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Listens for HTTPS too.
    pub fn https(mut self) -> Self {
        self.https = true;
        self
    }

    /// The configuration as a file's text.
    fn configuration(&self) -> String {
        let https = if self.https { "\"127.0.0.1:0\"" } else { "" };
        let behaviors = if self.behaviors.contains("path_pattern = \"*\"") {
            self.behaviors.clone()
        } else {
            format!(
                "{}[[distribution.behavior]]\npath_pattern = \"*\"\ntarget = \"origin\"\ncache_policy = \"obedient\"\n",
                self.behaviors
            )
        };
        format!(
            "[listeners]\nhttp = [\"127.0.0.1:0\"]\nhttps = [{https}]\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [state]\ndirectory = \"{}\"\n[log]\naccess = \"access.log\"\n[server]\nthreads = 2\n{}{}\
             [[distribution]]\nid = \"E1\"\ndomain_name = \"d1.test\"\n{}{}{}{}",
            commands::state_directory().display(),
            self.policies,
            self.functions,
            self.distribution,
            self.origin,
            behaviors,
            self.tail,
        )
    }

    /// Starts the edge and waits until it says that it is ready.
    pub fn start(self) -> Edge {
        let file = self.folder.path().join("verge.toml");
        std::fs::write(&file, self.configuration()).expect("the folder is writable");
        Edge::launch(self.folder, self.environment)
    }
}

/// Writes the file that a key-value store is imported from.
fn write_store(folder: &Path, name: &str, entries: &[(&str, &str)]) {
    let entry = |(key, value): &(&str, &str)| serde_json::json!({ "key": key, "value": value });
    let data: Vec<_> = entries.iter().map(entry).collect();
    let text = serde_json::json!({ "data": data }).to_string();
    std::fs::write(folder.join(format!("{name}.json")), text).expect("the folder is writable");
}

/// A running edge.
pub struct Edge {
    process: Child,
    banner: String,
    log: std::sync::Mutex<std::sync::mpsc::Receiver<String>>,
    folder: Arc<tempfile::TempDir>,
    environment: Vec<(&'static str, PathBuf)>,
}

impl Edge {
    fn launch(
        folder: impl Into<Arc<tempfile::TempDir>>,
        environment: Vec<(&'static str, PathBuf)>,
    ) -> Self {
        let folder = folder.into();
        let file = folder.path().join("verge.toml");
        let mut process = Command::new(env!("CARGO_BIN_EXE_verge"))
            .args(["serve", "--config"])
            .arg(&file)
            .current_dir(folder.path())
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut said = BufReader::new(process.stderr.take().expect("standard error is piped"));
        let mut banner = String::new();
        while !banner.contains("\ntry ") {
            let read = said.read_line(&mut banner).expect("the banner is text");
            let configuration = || std::fs::read_to_string(&file).unwrap_or_default();
            assert!(read > 0, "the edge did not start:\n{banner}\n{}", configuration());
        }
        // Always read, or an edge that cannot write its log would block.
        let (lines, log) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            said.lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        Self { process, banner, log: log.into(), folder, environment }
    }

    /// Ends the process by a signal and starts another one in the same folder.
    pub fn restart(mut self, signal: &str) -> Self {
        self.signal(signal);
        self.process.wait().expect("the edge ends");
        Self::launch(Arc::clone(&self.folder), std::mem::take(&mut self.environment))
    }

    /// The folder that the edge runs in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the edge said before it was ready.
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// Waits for a line on standard error that contains `text`.
    pub fn said(&self, text: &str) -> String {
        let patience = std::time::Duration::from_secs(10);
        loop {
            let line = self.log.lock().expect("one reader").recv_timeout(patience);
            let line = line.unwrap_or_else(|_| panic!("the edge never said {text}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    fn address(&self, begin: &str, scheme: &str) -> SocketAddr {
        let line = self.banner.lines().find(|text| text.trim_start().starts_with(begin));
        let line = line.unwrap_or_else(|| panic!("no {begin} in the banner:\n{}", self.banner));
        let (_, rest) = line.split_once(scheme).expect("the line has an address");
        let address = rest.split([' ', '/']).next().expect("split gives a first part");
        address.parse().expect("the address is one")
    }

    /// The address for plain HTTP.
    pub fn http(&self) -> SocketAddr {
        self.address("http ", "http://")
    }

    /// The address for HTTPS.
    pub fn https(&self) -> SocketAddr {
        self.address("https ", "https://")
    }

    /// The self-made authority's certificate.
    pub fn authority(&self) -> PathBuf {
        let line = self.banner.lines().find_map(|line| line.split_once("trust "));
        PathBuf::from(line.expect("the banner names the authority").1)
    }

    /// A request to be written down and sent.
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.http(), method, target)
    }

    /// Sends a GET.
    pub fn get(&self, target: &str) -> Response {
        self.request("GET", target).send()
    }

    /// A connection that is kept.
    pub fn connect(&self) -> Connection {
        Connection::open(self.http())
    }

    /// What the admin listener says at `target`.
    pub fn admin(&self, target: &str) -> Response {
        Request::new(self.admin_address(), "GET", target).send()
    }

    /// The address of the admin listener.
    pub fn admin_address(&self) -> SocketAddr {
        self.address("admin ", "http://")
    }

    /// Posts a JSON body to the admin listener.
    pub fn post(&self, target: &str, body: &serde_json::Value) -> Response {
        let body = body.to_string();
        Request::new(self.admin_address(), "POST", target).body(body.as_bytes()).send()
    }

    /// The value of a counter, by the beginning of its line.
    pub fn metric(&self, beginning: &str) -> f64 {
        let text = self.admin("/metrics").text();
        let values = text.lines().filter(|line| line.starts_with(beginning));
        values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Resident memory of the edge, KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("the edge runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux says it");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
    }

    /// Sends the process a signal by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Stops the edge gracefully and gives its access log, a JSON object a line.
    pub fn stop(mut self) -> Vec<serde_json::Value> {
        self.signal("-TERM");
        let status = self.process.wait().expect("the edge ends");
        assert!(status.success(), "the edge ended with {status}");
        let log = std::fs::read_to_string(self.folder.path().join("access.log"));
        let log = log.expect("the edge wrote its log");
        log.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// Replaces the file of a key-value store.
    pub fn rewrite_store(&self, name: &str, entries: &[(&str, &str)]) {
        write_store(self.folder.path(), name, entries);
    }

    /// The configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.folder.path().join("verge.toml")
    }

    /// Replaces the configuration file's text.
    pub fn rewrite_configuration(&self, change: impl Fn(&str) -> String) {
        let file = self.folder.path().join("verge.toml");
        let text = std::fs::read_to_string(&file).expect("the configuration is there");
        std::fs::write(file, change(&text)).expect("the folder is writable");
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // Already stopped, or stopped now: neither can be told to anyone here.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
