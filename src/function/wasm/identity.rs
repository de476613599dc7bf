//! Who a function is, in Lambda's words: what its context object and its environment variables say.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ring::digest::{SHA256, digest};

use super::settings::Settings;

/// Where functions of Lambda@Edge live; the edge has no account, so its number is zeros.
const REGION: &str = "us-east-1";
const ACCOUNT: &str = "000000000000";

/// One version of a function.
pub(super) struct Identity {
    /// The function's name.
    pub(super) name: Arc<str>,
    /// Eight hexadecimal digits of the code's SHA-256. Lambda numbers its versions; here only the
    /// code tells them apart.
    pub(super) version: String,
    /// Memory of one instance, bytes.
    pub(super) memory_bytes_max: usize,
    /// Quota of an environment's files, bytes.
    pub(super) storage_bytes_max: u64,
    /// The configured variables.
    pub(super) environment: Vec<(String, String)>,
}

impl Identity {
    /// The identity of this code under this name.
    pub(super) fn new(name: &str, code: &[u8], settings: &Settings) -> Self {
        let hash = digest(&SHA256, code);
        let version = hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let Settings { memory_bytes_max, storage_bytes_max, .. } = *settings;
        let environment = settings.environment.clone();
        Self { name: name.into(), version, memory_bytes_max, storage_bytes_max, environment }
    }

    /// `context.invokedFunctionArn`.
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}:{}", self.name, self.version)
    }

    /// `context.logGroupName`, as a replica of Lambda@Edge has it.
    pub(super) fn log_group(&self) -> String {
        format!("/aws/lambda/{REGION}.{}", self.name)
    }

    /// The configured variables, and behind them those that Lambda reserves, which cannot be
    /// configured.
    pub(super) fn variables(&self, stream: &mut LogStream) -> Vec<(String, String)> {
        let reserved = [
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME", self.name.to_string()),
            ("AWS_LAMBDA_FUNCTION_VERSION", self.version.clone()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", (self.memory_bytes_max >> 20).to_string()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", self.log_group()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", stream.name(&self.version)),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("TZ", ":UTC".to_owned()),
        ];
        let reserved = reserved.into_iter().map(|(name, value)| (name.to_owned(), value));
        self.environment.iter().cloned().chain(reserved).collect()
    }
}

/// The log stream of one environment; named when somebody asks.
#[derive(Default, Debug)]
pub(super) struct LogStream(Option<String>);

impl LogStream {
    /// `2026/11/25/[5f3a0c11]` and 32 hexadecimal digits.
    pub(super) fn name(&mut self, version: &str) -> String {
        let name = self.0.get_or_insert_with(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let (year, month, day) = civil(now.unwrap_or_default());
            format!("{year}/{month:02}/{day:02}/[{version}]{:032x}", fastrand::u128(..))
        });
        name.clone()
    }
}

/// A random UUID (version 4), as `awsRequestId` is one.
pub(super) fn uuid() -> String {
    // RFC 9562 section 5.4: four bits of version, two of variant.
    let bits = fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62) | (4 << 76) | (2 << 62);
    let digits = format!("{bits:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| digits.get(range));
    parts.map(Option::unwrap_or_default).join("-")
}

/// Year, month and day of a time since 1970, UTC: the proleptic Gregorian calendar, counted in eras of 400
/// years that begin in March.
fn civil(since_1970: Duration) -> (u64, u64, u64) {
    let days = since_1970.as_secs() / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leaps = day_of_era / 1_460 + day_of_era / 146_096;
    let year_of_era = (day_of_era + day_of_era / 36_524 - leaps) / 365;
    let day_of_year = day_of_era + year_of_era / 100 - 365 * year_of_era - year_of_era / 4;
    let march_based = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_based + 2) / 5 + 1;
    let month = if march_based < 10 { march_based + 3 } else { march_based - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_782, (2026, 11, 25)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(civil(Duration::from_secs(days * 86_400 + 86_399)), date);
        }
    }

    #[test]
    fn request_ids_are_uuids() {
        let id = uuid();
        assert_eq!(id.len(), 36, "{id}");
        assert_eq!(id.as_bytes()[14], b'4', "{id}");
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(id, uuid());
    }

    #[test]
    fn the_code_tells_versions_apart() {
        let settings = Settings::default();
        let (one, other) = (Identity::new("f", b"1", &settings), b"2");
        assert_ne!(one.version, Identity::new("f", other, &settings).version);
        assert_eq!(one.version.len(), 8);
        let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:f:{}", one.version);
        assert_eq!(one.arn(), arn);
    }
}
