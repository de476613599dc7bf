//! What kind of device a viewer is, by its `User-Agent`. CloudFront does not say how it tells; these are the words that
//! makers put there.

/// A kind of device. One viewer can be of several kinds: a phone with Android is mobile and Android.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Device {
    /// Runs Android.
    Android,
    /// Neither mobile nor tablet nor television: also what does not say what it is.
    Desktop,
    /// Runs iOS or iPadOS.
    Ios,
    /// A phone.
    Mobile,
    /// A television or a box beside one.
    SmartTv,
    /// A tablet.
    Tablet,
}

const TELEVISIONS: [&str; 16] = [
    "smart-tv",
    "smarttv",
    "googletv",
    "google tv",
    "appletv",
    "apple tv",
    "hbbtv",
    "netcast",
    "web0s",
    "webos.tv",
    "viera",
    "bravia",
    "crkey",
    "roku",
    "tizen/tv",
    "; aft",
];
const TABLETS: [&str; 4] = ["ipad", "tablet", "kindle", "playbook"];
const PHONES: [&str; 8] =
    ["iphone", "ipod", "mobi", "windows phone", "blackberry", "opera mini", "iemobile", "webos/"];

impl Device {
    /// Whether a viewer with this `User-Agent`, in lower case, is one.
    #[must_use]
    pub fn is(self, user_agent: &str) -> bool {
        let says = |words: &[&str]| words.iter().any(|word| user_agent.contains(word));
        let android = || user_agent.contains("android");
        let television = || says(&TELEVISIONS) || android() && user_agent.contains(" tv");
        // Android without "Mobile" is a tablet, unless it is a television.
        let tablet =
            || !television() && (says(&TABLETS) || android() && !user_agent.contains("mobi"));
        let mobile = || !television() && !tablet() && says(&PHONES);
        match self {
            Self::Android => android(),
            Self::Ios => says(&["iphone", "ipad", "ipod"]),
            Self::SmartTv => television(),
            Self::Tablet => tablet(),
            Self::Mobile => mobile(),
            Self::Desktop => !television() && !tablet() && !mobile(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Device::*;
    use super::*;

    #[test]
    fn devices_are_told_by_what_they_say() {
        let all = [Android, Desktop, Ios, Mobile, SmartTv, Tablet];
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36",
                &[Desktop][..],
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15",
                &[Desktop],
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile/15E148 Safari/604.1",
                &[Ios, Mobile],
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) Version/16.0 Mobile/15E148 Safari/604.1",
                &[Ios, Tablet],
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/120.0 Mobile Safari/537.36",
                &[Android, Mobile],
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SM-X700) Chrome/120.0 Safari/537.36",
                &[Android, Tablet],
            ),
            (
                "Mozilla/5.0 (Linux; Android 9; AFTS) Silk/80.0 like Chrome/80.0 Safari/537.36",
                &[Android, SmartTv],
            ),
            (
                "Mozilla/5.0 (Linux; Android 11; KFTRWI) Silk/120 like Chrome/120 Safari/537.36",
                &[Android, Tablet],
            ),
            (
                "Mozilla/5.0 (Linux; Android 12; Chromecast Google TV) Chrome/120 Safari/537.36",
                &[Android, SmartTv],
            ),
            (
                "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 Version/6.0 TV Safari/537.36",
                &[SmartTv],
            ),
            (
                "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 Chrome/79 Safari/537.36",
                &[SmartTv],
            ),
            ("Mozilla/5.0 (PlayBook; U; RIM Tablet OS 2.1.0) Version/7.2 Safari/536", &[Tablet]),
            ("curl/8.0", &[Desktop]),
            ("Amazon CloudFront", &[Desktop]),
            ("", &[Desktop]),
        ] {
            let lower = user_agent.to_lowercase();
            let is: Vec<Device> = all.into_iter().filter(|device| device.is(&lower)).collect();
            assert_eq!(is, expected, "{user_agent}");
        }
    }
}
