//! Places for connections: a number for all together, and a number for each address, so that nobody can take all of
//! them.
//!
//! Addresses count by their [`Network`], as with rate limits. Trusted proxies (`TRUSTED_PROXIES`) connect for
//! many clients, and have no limit of their own.

use std::{net::IpAddr, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    connection::client_address::{Network, TrustedProxies},
    quota::{Place, Quota},
};

/// Places for connections.
#[derive(Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    by_address: Quota<Network>,
    proxies: TrustedProxies,
}

impl Places {
    /// Places for all together and for each address except `proxies`; 0 is no limit for one address.
    pub fn new(for_all: usize, for_one_address: usize, proxies: TrustedProxies) -> Self {
        Self {
            all: Arc::new(Semaphore::new(for_all)),
            by_address: Quota::new(for_one_address),
            proxies,
        }
    }

    /// Waits for a place among all connections. (None would mean a closed semaphore, and nobody closes it.)
    pub async fn free(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// A place among those of an address. None if the address already has its full number of connections.
    pub fn of(&self, address: IpAddr) -> Option<AddressPlace> {
        if self.proxies.trust(address) {
            return Some(AddressPlace::default());
        }
        self.by_address.take(Network::of(address))
    }
}

/// A place among those of an address. Dropping it frees the place.
pub type AddressPlace = Place<Network>;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::Places;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_each_back() {
        let places = Places::new(10, 2, "10.0.0.0/8".parse().unwrap());
        let one = address("198.51.100.1");
        let first = places.of(one).unwrap();
        let second = places.of(address("::ffff:198.51.100.1")).unwrap();
        assert!(places.of(one).is_none());
        assert!(places.of(address("198.51.100.2")).is_some());
        drop(first);
        let third = places.of(one).unwrap();
        assert!(places.of(one).is_none());
        drop((second, third));
        assert!(places.by_address.is_unused());
    }

    #[test]
    fn an_address_of_ipv6_counts_by_its_first_64_bits() {
        let places = Places::new(10, 1, "".parse().unwrap());
        let _place = places.of(address("2001:db8:0:1::1")).unwrap();
        assert!(places.of(address("2001:db8:0:1:ffff::2")).is_none());
        assert!(places.of(address("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn proxies_of_ours_have_no_limit_of_their_own_and_0_is_none_for_anyone() {
        let places = Places::new(10, 1, "10.0.0.0/8".parse().unwrap());
        let proxy = address("10.0.0.1");
        let held: Vec<_> = (0..5).map(|_| places.of(proxy).unwrap()).collect();
        assert_eq!(held.len(), 5);
        let places = Places::new(10, 0, "".parse().unwrap());
        let held: Vec<_> = (0..5).map(|_| places.of(proxy).unwrap()).collect();
        assert_eq!(held.len(), 5);
    }
}
