//! Networks of addresses, as `address/bits` (RFC 4632 section 3.1, RFC 4291 section 2.3).

use std::net::IpAddr;

/// Addresses whose first bits are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `address/bits`, or an address, which stands for itself alone. `None` for anything else, and where bits
    /// behind the first ones are set: it is not clear then what was meant.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
            None => width,
        };
        let network = Self { address, bits };
        (bits <= width && network.first_bits(address) == number(address)).then_some(network)
    }

    /// Whether an address is in it. An IPv4 address in IPv6's clothes (RFC 4291 section 2.5.5.2) is one of IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && self.first_bits(address) == number(self.address)
    }

    /// The address as a number whose bits behind the network's are zero.
    fn first_bits(&self, address: IpAddr) -> u128 {
        let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or_default();
        number(address) & mask
    }
}

/// An address as a number, its first bit highest.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_in_networks_by_their_first_bits() {
        let cases = [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1/32", "127.0.0.2", false),
            ("127.0.0.1/32", "::ffff:127.0.0.1", true),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/33", "2001:db8:7fff::", true),
            ("2001:db8::/33", "2001:db8:8000::", false),
            ("::1", "::1", true),
        ];
        for (network, address, expected) in cases {
            let parsed = Network::parse(network).expect("a network");
            let address = address.parse().expect("an address");
            assert_eq!(parsed.contains(address), expected, "{address} in {network}");
        }
        for wrong in ["", "/8", "10.0.0.0/33", "10.0.0.1/8", "10/8", "::/129", "::1/+3", "a.b/8"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-f.:/]{0,24}") {
            if let Some(network) = Network::parse(&text) {
                prop_assert!(network.contains(network.address) || network.address.to_canonical().is_ipv4());
            }
        }
    }
}
