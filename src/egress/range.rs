//! Ranges of addresses, and those that are not part of the public Internet.

use std::net::IpAddr;

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    base: IpAddr,
    bits: u8,
}

/// Addresses that no server of the Internet has (IANA's registries of special-purpose addresses, RFC 6890): this
/// machine, its neighbours, a provider's inner networks with the clouds' metadata services, groups, documentation.
const SPECIAL_V4: [([u8; 4], u8); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// The same of version 6. Only 2000::/3 is given out; in it are tunnels (2001::/23, 2002::/16), whose addresses carry
/// others, and documentation.
const SPECIAL_V6: [(u128, u8); 7] = [
    (0, 3),
    (0x4000 << 112, 2),
    (0x8000 << 112, 1),
    (0x2001 << 112, 23),
    (0x2001_0db8 << 96, 32),
    (0x2002 << 112, 16),
    (0x3fff << 112, 20),
];

impl Range {
    /// Reads `10.1.0.0/16`, `10.1.2.3`, `2001:db8::/32`, `[2001:db8::]/32`, `[2001:db8::1]`; `None` for anything else,
    /// and for a base with bits behind the length, which would mean two things.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let base = match address.strip_prefix('[') {
            Some(rest) => IpAddr::V6(rest.strip_suffix(']')?.parse().ok()?),
            None => address.parse().ok()?,
        };
        let width = if base.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= width)?,
            None => width,
        };
        let range = Self { base, bits };
        range.agrees(base, width, bits).then_some(range)
    }

    /// Whether nothing of `base` is set behind its first `bits` bits.
    fn agrees(self, base: IpAddr, width: u8, bits: u8) -> bool {
        let (value, _) = value(base);
        value & !mask(width, bits) == 0
    }

    fn contains(self, address: IpAddr) -> bool {
        let ((base, width), (address, other)) = (value(self.base), value(address));
        width == other && address & mask(width, self.bits) == base
    }

    /// Whether the range contains the address and, where that is a special one, nothing beyond its kind.
    pub(super) fn opens(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let special = special().filter(|special| special.contains(address));
        self.contains(address) && special.map(|special| special.bits).all(|bits| bits <= self.bits)
    }
}

/// Whether the address belongs to the public Internet. One of version 4 that is written as one of version 6 is what it
/// stands for.
pub(super) fn is_public(address: IpAddr) -> bool {
    let address = address.to_canonical();
    !special().any(|special| special.contains(address))
}

fn special() -> impl Iterator<Item = Range> {
    let v4 = SPECIAL_V4.iter().map(|&(base, bits)| Range { base: IpAddr::from(base), bits });
    let v6 = SPECIAL_V6.iter();
    v4.chain(v6.map(|&(base, bits)| Range { base: IpAddr::from(base.to_be_bytes()), bits }))
}

/// An address as a number, and its width in bits.
fn value(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (address.into(), 128),
    }
}

/// The first `bits` of `width` bits.
fn mask(width: u8, bits: u8) -> u128 {
    let all = u128::MAX >> (128 - width);
    let behind = u128::MAX.checked_shr(u32::from(128 - width + bits)).unwrap_or_default();
    all & !behind
}
