//! Where a request comes from: the address of the peer, unless the peer is a trusted proxy.
//!
//! Anyone can send `X-Forwarded-For`, so it is read only where the peer is trusted
//! (`TRUSTED_PROXIES`), and from the right: each proxy adds the address of its own peer at the end.
//! The walk skips trusted addresses. The first address that is not trusted is the client, whatever stands to the left
//! of it. An element that is not an address ends the walk at the last good one. All lines of the header count, as one
//! list in their order.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use ipnet::IpNet;
use poem::{
    Request,
    http::{HeaderMap, HeaderName, header},
};

use crate::log_limit::LogLimit;

/// The header in which proxies write where requests come from.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// At most one line about an ignored header is logged in this time.
const WARNED_EVERY: Duration = Duration::from_secs(3_600);

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl FromStr for TrustedProxies {
    type Err = String;

    /// A list with commas: `10.0.0.0/8, 2001:db8::1`. An empty one trusts nobody.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',')
            .map(str::trim)
            .filter(|element| !element.is_empty())
            .map(|element| {
                let address = element.parse::<IpAddr>().map(|one| one.to_canonical());
                address
                    .map(IpNet::from)
                    .or_else(|_| element.parse())
                    .map_err(|_| {
                        format!("{element} is neither an address nor a network, such as 10.0.0.0/8")
                    })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// What counts as one address: an IPv4 address, or the first 64 bits of an IPv6 address, because one customer gets at
/// least such a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// An IPv4 address, also one that is written as IPv6.
    V4(u32),
    /// The first half of an IPv6 address.
    V6(u64),
}

impl Network {
    /// The network of an address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

/// Where requests come from.
#[derive(Debug)]
pub struct Clients {
    proxies: TrustedProxies,
    /// Warnings about headers from private addresses, and from others: headers of strangers must not hide the header
    /// of a proxy of our own.
    warnings: [LogLimit; 2],
}

impl Clients {
    /// The clients behind these proxies; the list may be empty.
    pub fn behind(proxies: TrustedProxies) -> Self {
        Self {
            proxies,
            warnings: [(); 2].map(|()| LogLimit::one_in(WARNED_EVERY)),
        }
    }

    /// The address of the client. A request without a known peer has `::`.
    pub fn address_of(&self, request: &Request) -> IpAddr {
        let peer = request.remote_addr().as_socket_addr();
        let peer = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), SocketAddr::ip);
        let client = self.proxies.client(peer, request.headers());
        if !self.proxies.trust(peer) {
            self.warn_of_ignored(peer.to_canonical(), request.headers());
        }
        client
    }

    /// Warns that this service ignores a header which a proxy of our own may have sent.
    fn warn_of_ignored(&self, peer: IpAddr, headers: &HeaderMap) {
        let sent = |name| headers.contains_key(name);
        if !sent(FORWARDED_FOR) && !sent(header::FORWARDED) {
            return;
        }
        let private = is_private(peer);
        if !self.warnings[usize::from(private)].allows() {
            return;
        }
        let setting = "TRUSTED_PROXIES";
        if private {
            tracing::warn!(
                %peer,
                setting,
                "X-Forwarded-For is ignored, and was most likely sent by a proxy of yours: all of its buyers count as \
                 one address, and share its rate limits, until the setting names the peer",
            );
        } else {
            tracing::warn!(
                %peer,
                setting,
                "X-Forwarded-For is ignored: if the peer is a proxy of yours, name it in the setting, for all of its \
                 buyers share the rate limits of one address; if not, a client has made the header up",
            );
        }
    }
}

/// Whether an address is not on the public Internet.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_private() || address.is_loopback() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

impl TrustedProxies {
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trust(client) {
            return client;
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        for element in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
            let Some(address) = address(element) else {
                break;
            };
            client = address;
            if !self.trust(client) {
                break;
            }
        }
        client
    }

    /// Whether this address belongs to a trusted proxy.
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address as proxies write it: bare, in brackets, with a port.
fn address(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(element).ok()?.trim();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| bracketed().map(IpAddr::V6))
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use poem::http::{HeaderMap, HeaderValue};

    use super::{FORWARDED_FOR, TrustedProxies, address, is_private};

    #[track_caller]
    fn assert_client(trusted: &str, peer: &str, lines: &[&str], client: &str) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let trusted: TrustedProxies = trusted.parse().unwrap();
        let found = trusted.client(peer.parse().unwrap(), &headers);
        assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{lines:?}");
    }

    #[test]
    fn a_peer_that_is_not_trusted_is_the_client_whatever_it_says() {
        assert_client("", "203.0.113.9", &["198.51.100.1"], "203.0.113.9");
        assert_client(
            "10.0.0.0/8",
            "203.0.113.9",
            &["198.51.100.1"],
            "203.0.113.9",
        );
        assert_client("10.0.0.0/8", "203.0.113.9", &["10.0.0.1"], "203.0.113.9");
    }

    #[test]
    fn a_trusted_peer_tells_who_the_client_is() {
        assert_client("10.0.0.1", "10.0.0.1", &["198.51.100.1"], "198.51.100.1");
        assert_client(
            "10.0.0.1",
            "::ffff:10.0.0.1",
            &["198.51.100.1"],
            "198.51.100.1",
        );
        assert_client(
            "::ffff:10.0.0.1",
            "10.0.0.1",
            &["198.51.100.1"],
            "198.51.100.1",
        );
        assert_client("10.0.0.1", "10.0.0.1", &[], "10.0.0.1");
    }

    #[test]
    fn what_the_client_itself_wrote_to_the_left_is_not_believed() {
        let lines = ["1.1.1.1, 10.0.0.7, 198.51.100.1, 10.0.0.2"];
        assert_client("10.0.0.0/8", "10.0.0.1", &lines, "198.51.100.1");
    }

    #[test]
    fn where_everyone_is_trusted_the_first_of_the_row_is_the_client() {
        assert_client(
            "10.0.0.0/8",
            "10.0.0.1",
            &["10.0.0.3, 10.0.0.2"],
            "10.0.0.3",
        );
    }

    #[test]
    fn all_lines_count_in_their_order() {
        let lines = ["1.1.1.1", "198.51.100.1", "10.0.0.3,10.0.0.2"];
        assert_client("10.0.0.0/8", "10.0.0.1", &lines, "198.51.100.1");
    }

    #[test]
    fn an_element_that_is_no_address_ends_the_walk() {
        for nonsense in [
            "unknown",
            "",
            "1.2.3",
            "_hidden",
            "[::1",
            "1.1.1.1:x",
            "fe80::1%eth0",
        ] {
            let line = format!("198.51.100.1, {nonsense}, 10.0.0.2");
            assert_client("10.0.0.0/8", "10.0.0.1", &[&line], "10.0.0.2");
            assert_client("10.0.0.0/8", "10.0.0.1", &[nonsense], "10.0.0.1");
        }
        assert_eq!(address(b"\xff"), None);
    }

    #[test]
    fn addresses_come_with_ports_brackets_and_in_both_kinds() {
        for (written, meant) in [
            ("198.51.100.1:4711", "198.51.100.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            (" [2001:db8::1]:443 ", "2001:db8::1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
        ] {
            assert_client("fd00::/8", "fd00::1", &[written], meant);
        }
    }

    #[test]
    fn a_peer_that_is_most_likely_a_proxy_of_ours_has_a_private_address() {
        for (peer, private) in [
            ("127.0.0.1", true),
            ("172.17.0.1", true),
            ("10.0.0.1", true),
            ("169.254.0.1", true),
            ("::1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("198.51.100.1", false),
            ("172.32.0.1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_private(peer.parse().unwrap()), private, "{peer}");
        }
    }

    #[test]
    fn a_list_of_proxies_holds_addresses_and_networks() {
        let none = TrustedProxies::default();
        assert_eq!("".parse(), Ok(none));
        assert!("10.0.0.0/8, 2001:db8::1".parse::<TrustedProxies>().is_ok());
        for wrong in ["10.0.0.0/33", "proxy.example", "10.0.0.1:80"] {
            let error = wrong.parse::<TrustedProxies>().unwrap_err();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
