//! Rate limits: how many requests one address, one user, and attempts to log in to one account may send.
//!
//! | class | requests | policies |
//! | --- | --- | --- |
//! | login | `/api/auth/*` but `verify` | by address; attempts to log in also by account |
//! | purchase | `POST /api/purchase` | by address and by user |
//! | documentation | `/api-docs` and below | by address |
//! | reading | the others under `/api` | by address and by user |
//!
//! Health routes and unknown paths outside `/api` are not limited. The edge checks the address before anything else
//! ([`RateLimits::watch`]); the verification of a token checks the user ([`RateLimits::user`]); a login checks the
//! account ([`RateLimits::login_account`]). The results travel in a task-local, which costs no allocation. The edge
//! writes the policy with the fewest requests left into the reply's headers (draft-ietf-httpapi-ratelimit-headers):
//! `RateLimit-Policy: "purchase";q=60;w=60` and `RateLimit: "purchase";r=59;t=1`, where `t` is the time until the
//! bucket is full again.
//!
//! **Memory.** A map of buckets by key grows with the keys, and governor's own map drops only idle ones. The owner of
//! many addresses could fill it; and one common bucket for all keys above a limit would be a way to lock others out.
//! So each policy has `RATE_LIMIT_KEYS_MAX` slots of eight bytes and nothing else. A key belongs to the slot that its
//! hash selects, with a seed of the process' own. Nobody can choose with whom to share a slot; with n keys in use, a
//! key shares its slot by accident with a chance of about n / `RATE_LIMIT_KEYS_MAX`. No key ever needs to be dropped:
//! an idle bucket is a full one.
//!
//! Addresses count by their [`Network`].

mod buckets;
mod classes;
mod slots;

use std::{
    cell::Cell,
    hash::{BuildHasher, Hash, RandomState},
    io::{Cursor, Write as _},
    net::IpAddr,
    num::NonZeroU32,
};

use governor::clock::MonotonicClock;
use poem::http::{HeaderMap, HeaderName, HeaderValue};
use sale::{email_address::EmailAddress, model::BuyerId};

pub use self::classes::Class;
use self::{
    buckets::{Buckets, Left, whole_seconds},
    classes::Policy,
};
use crate::{
    connection::client_address::Network,
    problem::{Code, Problem},
    settings::RateLimitSettings,
};

/// What is left of the quota.
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The quota.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The longest value of `RateLimit`, bytes: a name, and two numbers of at most 20 digits.
const RATE_LIMIT_BYTES_MAX: usize = 80;

tokio::task_local! {
    static CURRENT: Current;
}

/// The request that this task answers.
struct Current {
    class: Class,
    least: Cell<Option<(Policy, Left)>>,
}

/// A policy that limits.
struct Limited {
    buckets: Buckets,
    /// The value of `RateLimit-Policy`.
    policy: HeaderValue,
}

impl Limited {
    fn new(policy: Policy, settings: &RateLimitSettings) -> Option<Self> {
        let requests_max = NonZeroU32::new(policy.requests_max(settings))?;
        let window = settings.window();
        let buckets = Buckets::new(requests_max, window, settings.keys_max, MonotonicClock)?;
        let (name, window_seconds) = (policy.name(), whole_seconds(window));
        let policy = format!("\"{name}\";q={requests_max};w={window_seconds}");
        Some(Self {
            buckets,
            policy: HeaderValue::try_from(policy).ok()?,
        })
    }
}

/// The policy with the fewest requests left, for the headers of the reply.
#[derive(Debug, Clone, Copy)]
pub struct Least(Policy, Left);

/// All rate limits of the process.
pub struct RateLimits {
    policies: [Option<Limited>; Policy::ALL.len()],
    slots: u64,
    seed: RandomState,
}

impl RateLimits {
    /// All buckets are full.
    pub fn new(settings: &RateLimitSettings) -> Self {
        Self {
            policies: Policy::ALL.map(|policy| Limited::new(policy, settings)),
            slots: settings.keys_max.into(),
            seed: RandomState::new(),
        }
    }

    /// Answers a request of a class if its address is within its limit, else with the problem. Also returns the
    /// policy with the fewest requests left, of all policies checked until the answer was there.
    pub async fn watch<F: Future>(
        &self,
        class: Class,
        address: IpAddr,
        answer: F,
    ) -> (Result<F::Output, Problem>, Option<Least>) {
        let current = Current {
            class,
            least: Cell::new(None),
        };
        let watched = async {
            let answered = match self.address(class, address) {
                Ok(()) => Ok(answer.await),
                Err(problem) => Err(problem),
            };
            let least = CURRENT.with(|current| current.least.get());
            (answered, least.map(|(policy, left)| Least(policy, left)))
        };
        CURRENT.scope(current, watched).await
    }

    fn address(&self, class: Class, address: IpAddr) -> Result<(), Problem> {
        self.take(class.by_address(), Network::of(address))
    }

    /// Checks the user of a verified token against the limit of the current request's class. Fails with the problem
    /// for the reply.
    pub fn user(&self, user: BuyerId) -> Result<(), Problem> {
        let class = CURRENT.try_with(|current| current.class);
        match class.ok().and_then(Class::by_user) {
            Some(policy) => self.take(policy, user.uuid()),
            None => Ok(()),
        }
    }

    /// Checks an attempt to log in to an account, whether or not it exists. Fails with the problem for the reply.
    pub fn login_account(&self, email: &str) -> Result<(), Problem> {
        self.take(Policy::LoginByAccount, account(email))
    }

    /// Writes the requests left into the headers of a reply.
    pub fn announce(&self, least: Least, headers: &mut HeaderMap) {
        let Least(policy, left) = least;
        let Some(limited) = &self.policies[policy as usize] else {
            return;
        };
        headers.insert(RATE_LIMIT_POLICY, limited.policy.clone());
        if let Some(value) = remaining(policy, left) {
            headers.insert(RATE_LIMIT, value);
        }
    }

    fn take(&self, policy: Policy, key: impl Hash) -> Result<(), Problem> {
        let Some(limited) = &self.policies[policy as usize] else {
            return Ok(());
        };
        let slot = self.seed.hash_one(key) % self.slots;
        let (left, refused) = match limited
            .buckets
            .take(u32::try_from(slot).unwrap_or_default())
        {
            Ok(left) => (left, None),
            Err(too_soon) => {
                let left = Left {
                    requests: 0,
                    full_after_seconds: too_soon.full_after_seconds,
                };
                (left, Some(too_many(too_soon.retry_after_seconds)))
            }
        };
        // Outside a request there is no reply that could carry it.
        let _ = CURRENT.try_with(|current| {
            let least = current.least.get();
            if refused.is_some() || least.is_none_or(|(_, least)| left.requests < least.requests) {
                current.least.set(Some((policy, left)));
            }
        });
        refused.map_or(Ok(()), Err)
    }
}

/// The one spelling of an address, so that other spellings give no more attempts. A text that is not an address can
/// at most be stored for a user from before there was one spelling.
fn account(email: &str) -> String {
    EmailAddress::parse(email).map_or_else(|_| email.trim().to_owned(), String::from)
}

fn remaining(policy: Policy, left: Left) -> Option<HeaderValue> {
    let mut bytes = Cursor::new([0; RATE_LIMIT_BYTES_MAX]);
    let (name, requests, seconds) = (policy.name(), left.requests, left.full_after_seconds);
    write!(bytes, "\"{name}\";r={requests};t={seconds}").ok()?;
    let length = usize::try_from(bytes.position()).ok()?;
    HeaderValue::from_bytes(bytes.get_ref().get(..length)?).ok()
}

fn too_many(retry_after_seconds: u64) -> Problem {
    Problem::new(
        Code::TooManyAttempts,
        "Too many requests. This one had no effect; ask again after the time in Retry-After.",
    )
    .retry_after(retry_after_seconds)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use sale::model::BuyerId;
    use uuid::Uuid;

    use super::{Class, RateLimits, account};
    use crate::settings::RateLimitSettings;

    async fn reads(limits: &RateLimits, address: [u8; 4]) -> bool {
        let address = IpAddr::from(address);
        limits
            .watch(Class::Reading, address, async {})
            .await
            .0
            .is_ok()
    }

    #[tokio::test]
    async fn whatever_the_number_of_addresses_there_are_no_more_buckets_than_slots() {
        let few =
            RateLimitSettings::of(&["--rate-limit-keys-max=3", "--rate-limit-max-requests=2"]);
        let limits = RateLimits::new(&few);
        let mut answered = 0;
        for last in 0..=u8::MAX {
            answered += u32::from(reads(&limits, [198, 51, 100, last]).await);
        }
        assert!((2..=6).contains(&answered), "{answered}");
    }

    #[tokio::test]
    async fn a_refused_request_is_not_begun() {
        let limits = RateLimits::new(&RateLimitSettings::of(&["--rate-limit-max-requests=1"]));
        assert!(reads(&limits, [198, 51, 100, 1]).await);
        let never = async { unreachable!("it is refused") };
        let address = IpAddr::from([198, 51, 100, 1]);
        let (refused, least) = limits.watch(Class::Reading, address, never).await;
        assert!(refused.is_err() && least.is_some());
        assert!(reads(&limits, [198, 51, 100, 2]).await);
    }

    #[tokio::test]
    async fn a_user_is_not_limited_where_the_request_is_not() {
        let limits = RateLimits::new(&RateLimitSettings::of(&[
            "--rate-limit-user-max-requests=1",
        ]));
        let user = BuyerId::from_uuid(Uuid::now_v7());
        for _ in 0..3 {
            limits.user(user).unwrap();
        }
        let address = IpAddr::from([198, 51, 100, 1]);
        let twice = async { (limits.user(user).is_ok(), limits.user(user).is_ok()) };
        let (answered, _) = limits.watch(Class::Reading, address, twice).await;
        assert_eq!(answered, Ok((true, false)));
    }

    #[test]
    fn spellings_that_the_ledger_takes_for_one_account_share_a_bucket() {
        for spelling in [
            "jos\u{e9}@m\u{fc}ller.example",
            " JOSE\u{301}@M\u{dc}LLER.Example. ",
            "jos\u{e9}@xn--mller-kva.example",
        ] {
            assert_eq!(account(spelling), "jos\u{e9}@xn--mller-kva.example");
        }
        assert_eq!(account(" no address "), "no address");
        assert_ne!(account("a@example.org"), account("b@example.org"));
    }
}
