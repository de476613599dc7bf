//! Lists as they are written, and what they allow.

use proptest::prelude::*;

use super::*;

fn list(entries: &[&str]) -> Egress {
    Egress::new(entries.iter().map(|text| Entry::parse(text).expect("an entry")).collect())
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn names_are_allowed_as_they_are_written() {
    let list = list(&["api.example.com", "*.Example.org:8443", "any-port.test:1-65535"]);
    for (name, port) in [
        ("api.example.com", 443),
        ("API.example.com.", 80),
        ("a.b.example.org", 8443),
        ("any-port.test", 22),
    ] {
        assert!(list.allows_name(name, port), "{name}:{port}");
    }
    for (name, port) in [
        ("api.example.com", 8443),
        ("example.com", 443),
        ("b.api.example.com", 443),
        ("example.org", 8443),
        ("badexample.org", 8443),
        ("a.example.org", 443),
        ("", 443),
    ] {
        assert!(!list.allows_name(name, port), "{name}:{port}");
    }
    assert!(!Egress::default().allows_name("example.com", 443));
    assert!(super::tests::list(&["*"]).allows_name("whatever.test", 443));
}

#[test]
fn names_stand_for_public_addresses_unless_a_range_opens_others() {
    let names = list(&["*"]);
    let opened = list(&["*", "10.1.0.0/16:80", "[fd00::]/8:80"]);
    for public in ["192.0.1.1", "8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8"] {
        assert!(names.allows_named_address(address(public), 80), "{public}");
        assert!(!names.allows_address(address(public), 80), "{public} is no name");
    }
    for special in [
        "0.0.0.0",
        "10.1.2.3",
        "100.100.100.200",
        "127.0.0.1",
        "169.254.169.254",
        "172.31.0.1",
        "192.168.1.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
    ] {
        assert!(!names.allows_named_address(address(special), 80), "{special}");
    }
    assert!(opened.allows_named_address(address("10.1.2.3"), 80));
    assert!(opened.allows_named_address(address("::ffff:10.1.2.3"), 80));
    assert!(opened.allows_named_address(address("fd12::1"), 80));
    assert!(!opened.allows_named_address(address("10.1.2.3"), 443), "another port");
    assert!(!opened.allows_named_address(address("10.2.2.3"), 80), "another network");
}

#[test]
fn everything_opens_the_internet_and_nothing_inside() {
    let all = list(&["0.0.0.0/0", "::/0"]);
    assert!(all.allows_address(address("8.8.8.8"), 443));
    assert!(all.allows_address(address("2606:4700::1"), 443));
    for special in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1"] {
        assert!(!all.allows_address(address(special), 443), "{special}");
    }
    assert!(list(&["127.0.0.1"]).allows_address(address("127.0.0.1"), 80));
    assert!(list(&["127.0.0.0/8"]).allows_address(address("127.0.0.1"), 80));
    assert!(!list(&["126.0.0.0/7"]).allows_address(address("127.0.0.1"), 80));
    assert!(list(&["126.0.0.0/7"]).allows_address(address("126.0.0.1"), 80));
}

#[test]
fn what_is_no_entry_is_refused() {
    for text in [
        "",
        ".",
        "*.",
        "a..b",
        "*.*.com",
        "a*.com",
        "https://example.com",
        "example.com/path",
        "example.com:0",
        "example.com:https",
        "example.com:9-8",
        "example.com:65536",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0",
        "0x7f000001",
        "2130706433",
        "[::1",
        "::1/129",
        "user@example.com",
        &"a".repeat(64),
    ] {
        assert!(Entry::parse(text).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
        let _ = Entry::parse(&text);
    }

    #[test]
    fn a_range_allows_what_begins_with_its_bits(base: u32, bits in 0_u8..=32, other: u32) {
        let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or_default();
        let network = std::net::Ipv4Addr::from(base & mask);
        let other = IpAddr::from(std::net::Ipv4Addr::from(other));
        let list = list(&[&format!("{network}/{bits}:9")]);
        let IpAddr::V4(v4) = other else { unreachable!("made as one") };
        let inside = u32::from(v4) & mask == base & mask;
        prop_assert!(inside || !list.allows_address(other, 9));
        prop_assert!(!inside || !range::is_public(other) || list.allows_address(other, 9));
    }

    #[test]
    fn a_name_allows_itself(name in "[a-z][a-z0-9-]{0,10}(\\.[a-z][a-z0-9-]{0,10}){0,3}", port in 1_u16..) {
        let list = list(&[&format!("{name}:{port}")]);
        prop_assert!(list.allows_name(&name, port));
        let other = format!("x{name}");
        prop_assert!(!list.allows_name(&other, port));
    }
}
