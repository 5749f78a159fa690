//! Networks and clients' addresses: who asks, from where, and through which proxies.

use std::net::{IpAddr, Ipv4Addr};

use http::HeaderMap;
use ipnet::IpNet;

/// Most networks in one list.
const MOST: usize = 100;

/// A list of networks, such as those an API key may be used from. Its addresses are as a client's: an IPv4 address within IPv6 is that
/// IPv4 address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads addresses and networks, separated by commas, blanks or lines.
    ///
    /// # Errors
    /// A sentence about the first that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut networks: Vec<IpNet> = vec![];
        for part in text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty()) {
            let network = network(part)?;
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        if networks.len() > MOST {
            return Err(format!("There are {} networks; {MOST} at most.", networks.len()));
        }
        Ok(Self(networks))
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is in one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether one of them is all addresses there are.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.0.iter().any(|network| network.prefix_len() == 0)
    }

    /// Each as it is written: a single address without its length.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let text = |network: &IpNet| {
            if network.prefix_len() == network.max_prefix_len() {
                network.addr().to_string()
            } else {
                network.to_string()
            }
        };
        self.0.iter().map(text).collect()
    }

    /// The client behind these proxies: who speaks to us, unless that is one of them, and then whom the last of them names in
    /// `X-Forwarded-For`. What others wrote into that header before is never believed.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if self.is_empty() || !self.contains(peer) {
            return peer;
        }
        self.named(peer, headers)
    }

    /// The client behind a proxy of this machine that speaks to us over a Unix socket: whom it names, and this machine where it names nobody.
    #[must_use]
    pub fn client_over_socket(&self, headers: &HeaderMap) -> IpAddr {
        self.named(Ipv4Addr::LOCALHOST.into(), headers)
    }

    /// Whom a proxy at `client` that is believed names, and so on while that is one as well.
    fn named(&self, mut client: IpAddr, headers: &HeaderMap) -> IpAddr {
        let values = headers.get_all("x-forwarded-for").iter().collect::<Vec<_>>();
        // Each proxy adds whom it heard at the end.
        for value in values.into_iter().rev() {
            let Ok(text) = value.to_str() else { return client };
            for hop in text.rsplit(',') {
                let Some(address) = address(hop.trim()) else { return client };
                client = address;
                if !self.contains(client) {
                    return client;
                }
            }
        }
        client
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let short: String = text.chars().take(60).collect();
    let wrong =
        || format!("“{short}” is no address and no network: write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32.");
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => IpNet::from(text.parse::<IpAddr>().map_err(|_| wrong())?),
    };
    // Whoever writes more bits than the length tells may mean the address or the network: it is not guessed which.
    if network != network.trunc() {
        return Err(format!(
            "“{short}” is an address within a network: write {} for the address or {} for the network.",
            network.addr(),
            network.trunc()
        ));
    }
    let IpNet::V6(six) = network else { return Ok(network) };
    match (six.addr().to_ipv4_mapped(), six.prefix_len().checked_sub(96)) {
        (Some(four), Some(length)) => IpNet::new(four.into(), length).map_err(|_| wrong()),
        _ => Ok(network),
    }
}

/// An address of `X-Forwarded-For`, which some write with a port.
fn address(text: &str) -> Option<IpAddr> {
    let parsed = text.parse::<IpAddr>().ok();
    let parsed = parsed.or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    parsed.or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn networks(text: &str) -> Networks {
        Networks::parse(text).unwrap()
    }

    #[test]
    fn networks_are_read_and_hold_their_addresses() {
        let some = networks("203.0.113.0/24, 198.51.100.7\n2001:db8::/32 ::ffff:192.0.2.0/120 198.51.100.7/32");
        assert_eq!(some.texts(), ["203.0.113.0/24", "198.51.100.7", "2001:db8::/32", "192.0.2.0/24"]);
        for inside in ["203.0.113.255", "198.51.100.7", "2001:db8:ffff::1", "192.0.2.9", "::ffff:203.0.113.1"] {
            assert!(some.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["203.0.114.0", "198.51.100.8", "2001:db9::1", "::1", "::203.0.113.1"] {
            assert!(!some.contains(outside.parse().unwrap()), "{outside}");
        }
        assert!(!networks("").contains("203.0.113.1".parse().unwrap()));
        assert!(networks("::/0").is_everybody() && !some.is_everybody());
    }

    #[test]
    fn what_is_no_network_is_refused_with_what_was_meant() {
        for wrong in ["300.1.1.1", "203.0.113.0/33", "example.com", "203.0.113", "::1/129", "1.2.3.4:80", "/8"] {
            let why = Networks::parse(wrong).unwrap_err();
            assert!(why.contains(wrong) && why.contains("no address"), "{why}");
        }
        let why = Networks::parse("10.0.0.0/8, 203.0.113.7/24").unwrap_err();
        assert!(why.contains("203.0.113.7 for the address or 203.0.113.0/24 for the network"), "{why}");
        let many: Vec<String> = (0..=MOST).map(|n| format!("10.0.{}.{}", n / 256, n % 256)).collect();
        assert!(Networks::parse(&many.join(",")).is_err());
    }

    fn client(proxies: &str, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        networks(proxies).client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_proxies_that_are_known_say_who_the_client_is() {
        let spoof = ["203.0.113.9"];
        assert_eq!(client("", "198.51.100.1", &spoof), "198.51.100.1");
        assert_eq!(client("10.0.0.0/8", "198.51.100.1", &spoof), "198.51.100.1", "no proxy of ours");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &spoof), "203.0.113.9");
        assert_eq!(client("10.0.0.0/8", "::ffff:10.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
        // What the client made up stands before what the proxies know.
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["127.0.0.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["127.0.0.1, 203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["127.0.0.1", "203.0.113.9,10.0.0.2"]), "203.0.113.9");
        // Where a known proxy names nobody, it is the proxy that is known.
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["203.0.113.9, unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(client("::1", "::1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(client("::1", "::1", &["[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(client("::1", "::1", &["203.0.113.9:4711"]), "203.0.113.9");
    }

    #[test]
    fn over_a_unix_socket_the_proxy_is_believed_and_nobody_behind_it() {
        let client = |proxies: &str, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
            }
            networks(proxies).client_over_socket(&headers).to_string()
        };
        assert_eq!(client("", &[]), "127.0.0.1");
        assert_eq!(client("", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("", &["10.9.9.9, 203.0.113.9"]), "203.0.113.9", "the client wrote the first one itself");
        assert_eq!(client("203.0.113.0/24", &["198.51.100.1, 203.0.113.9"]), "198.51.100.1");
        assert_eq!(client("", &["unknown"]), "127.0.0.1");
    }

    proptest! {
        #[test]
        fn no_header_makes_a_stranger_somebody_else(peer: u32, header in "[ -~]{0,60}") {
            let peer = IpAddr::from(std::net::Ipv4Addr::from(peer | 0x8000_0000));
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_str(&header).unwrap());
            prop_assert_eq!(networks("10.0.0.0/8").client(peer, &headers), peer);
        }

        #[test]
        fn what_a_client_writes_first_never_counts(header in "[ -~]{0,60}") {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_str(&format!("{header}, 203.0.113.9")).unwrap());
            let client = networks("10.0.0.0/8").client("10.0.0.1".parse().unwrap(), &headers);
            prop_assert_eq!(client.to_string(), "203.0.113.9");
        }

        #[test]
        fn a_network_written_is_read_as_the_same(bits: u128, length in 0_u8..=128) {
            let network = IpNet::new(std::net::Ipv6Addr::from(bits).into(), length).unwrap().trunc();
            let read = Networks::parse(&network.to_string()).unwrap();
            prop_assert_eq!(Networks::parse(&read.texts().join(" ")).unwrap(), read.clone());
            prop_assert!(read.contains(network.addr()));
        }
    }
}
