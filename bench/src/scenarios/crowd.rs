//! The buyers of a sale, and the requests that they send. If the number of buyers is known, their tokens are signed
//! before the run, so that signing takes little CPU time during the measurement.

use std::sync::atomic::{AtomicUsize, Ordering};

use identity::token::Tokens;
use sale::model::SaleId;
use system::client::Buyer;

use super::plan::Step;
use crate::load::request::{Request, write_purchase};

pub struct Crowd {
    tokens: Tokens,
    host: String,
    pub sale: SaleId,
    known: Vec<Buyer>,
    /// Whether the known buyers come again and again, and no others.
    returning: bool,
    next: AtomicUsize,
}

impl Crowd {
    pub fn strangers(
        tokens: Tokens,
        host: &str,
        sale: SaleId,
        count: usize,
    ) -> anyhow::Result<Self> {
        let known = (0..count).map(|_| Buyer::new(&tokens));
        let known = known.collect::<Result<_, _>>()?;
        Ok(Self {
            tokens,
            host: host.to_owned(),
            sale,
            known,
            returning: false,
            next: AtomicUsize::new(0),
        })
    }

    /// From now on, only these buyers come, again and again.
    #[must_use]
    pub fn returning(self, buyers: Vec<Buyer>) -> Self {
        Self {
            known: buyers,
            returning: true,
            ..self
        }
    }

    pub fn next(&self) -> anyhow::Result<Buyer> {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        let known = if self.returning {
            self.known.get(place % self.known.len().max(1))
        } else {
            self.known.get(place)
        };
        match known {
            Some(buyer) => Ok(buyer.clone()),
            None => Ok(Buyer::new(&self.tokens)?),
        }
    }

    pub fn write(&self, text: &mut Vec<u8>, step: Step, buyer: &Buyer) {
        text.clear();
        let (host, sale) = (&*self.host, self.sale);
        let get = |path, token| Request {
            method: "GET",
            path,
            host,
            token,
            body: None,
        };
        match step {
            Step::Browse => {
                get(format_args!("/api/flash-sale/status?saleId={sale}"), None).write(text);
            }
            Step::Poll => get(
                format_args!("/api/purchase/status?saleId={sale}"),
                Some(&buyer.token),
            )
            .write(text),
            Step::Buy => write_purchase(text, host, sale, buyer),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashSet;

    use identity::{settings::TokenSettings, token::Tokens};
    use sale::model::SaleId;
    use secrecy::SecretString;

    use super::{Crowd, Step};

    pub(in crate::scenarios) fn crowd(count: usize) -> Crowd {
        let settings = TokenSettings {
            jwt_secret: SecretString::from("3b9f0e62d8c14a75f1a6925c7de8034b"),
            jwt_previous_secret: None,
            jwt_issuer: "us".to_owned(),
            jwt_audience: "us".to_owned(),
            jwt_lifetime_seconds: 60,
            jwt_jwks_file: None,
            jwt_jwks_issuer: None,
        };
        let tokens = Tokens::new(&settings).unwrap();
        Crowd::strangers(tokens, "shop:80", SaleId::random(), count).unwrap()
    }

    #[test]
    fn nobody_comes_twice_also_when_more_come_than_were_thought() {
        let crowd = crowd(3);
        let came: HashSet<_> = (0..10).map(|_| crowd.next().unwrap().id).collect();
        assert_eq!(came.len(), 10);
    }

    #[test]
    fn those_who_return_come_in_turn() {
        let buyers = crowd(2).known;
        let (first, second) = (buyers[0].id, buyers[1].id);
        let crowd = crowd(0).returning(buyers);
        let came: Vec<_> = (0..4).map(|_| crowd.next().unwrap().id).collect();
        assert_eq!(came, [first, second, first, second]);
    }

    #[test]
    fn a_request_says_how_long_its_body_is_and_replaces_the_one_before() {
        let crowd = crowd(1);
        let buyer = crowd.next().unwrap();
        let mut request = b"something longer that must go".to_vec();
        crowd.write(&mut request, Step::Buy, &buyer);
        let text = String::from_utf8(request.clone()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /api/purchase HTTP/1.1\r\nHost: shop:80\r\n"));
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        crowd.write(&mut request, Step::Browse, &buyer);
        let text = String::from_utf8(request).unwrap();
        assert!(text.starts_with("GET ") && text.ends_with("\r\n\r\n"));
        assert!(!text.contains("Authorization"));
    }
}
