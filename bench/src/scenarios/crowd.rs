//! The buyers of a sale, and the requests that they send. If the number of buyers is known, their tokens are signed
//! before the run, so that signing takes little CPU time during the measurement. Also purchases before a run, or beside
//! it, that are not measured themselves.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::ensure;
use identity::token::Tokens;
use sale::model::SaleId;
use system::client::Buyer;
use tokio::{task::JoinSet, time::Instant};

use super::{
    plan::Step,
    record::{RATE_LIMITS, Record, Reply},
};
use crate::load::{
    connection::{ANSWER_DEADLINE, Connection, connect, within},
    request::{Request, write_purchase},
};

/// Connections for purchases that are not measured.
const CONNECTIONS: usize = 32;

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

    /// The `Host` of the requests.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn next(&self) -> anyhow::Result<Buyer> {
        let mut place = self.next.fetch_add(1, Ordering::Relaxed);
        if self.returning {
            place %= self.known.len().max(1);
        }
        match self.known.get(place) {
            Some(buyer) => Ok(buyer.clone()),
            None => Ok(Buyer::new(&self.tokens)?),
        }
    }

    pub fn write(&self, text: &mut Vec<u8>, step: Step, buyer: &Buyer) {
        text.clear();
        let (host, sale) = (&*self.host, self.sale);
        let (path, token) = match step {
            Step::Buy => return write_purchase(text, host, sale, buyer),
            Step::Browse => ("/api/flash-sale/status", None),
            Step::Poll => ("/api/purchase/status", Some(&*buyer.token)),
        };
        Request {
            method: "GET",
            path: format_args!("{path}?saleId={sale}"),
            host,
            token,
            headers: "",
            body: None,
        }
        .write(text);
    }
}

/// So many buyers buy, and none of them is measured.
pub async fn buy(
    address: SocketAddr,
    crowd: &Arc<Crowd>,
    count: usize,
) -> anyhow::Result<Vec<(Buyer, Record)>> {
    let mut tasks = JoinSet::new();
    for first in 0..CONNECTIONS.min(count) {
        let mut connection = connect(address, ANSWER_DEADLINE).await?;
        let crowd = Arc::clone(crowd);
        tasks.spawn(async move {
            let mut bought = Vec::new();
            for _ in (first..count).step_by(CONNECTIONS) {
                bought.push(purchase(&mut connection, &crowd).await?);
            }
            anyhow::Ok(bought)
        });
    }
    let mut all = Vec::with_capacity(count);
    while let Some(bought) = tasks.join_next().await {
        all.append(&mut bought??);
    }
    Ok(all)
}

pub(super) async fn purchase(
    connection: &mut Connection,
    crowd: &Crowd,
) -> anyhow::Result<(Buyer, Record)> {
    let buyer = crowd.next()?;
    let record = purchase_of(&buyer, connection, crowd).await?;
    Ok((buyer, record))
}

pub(super) async fn purchase_of(
    buyer: &Buyer,
    connection: &mut Connection,
    crowd: &Crowd,
) -> anyhow::Result<Record> {
    let mut request = Vec::new();
    crowd.write(&mut request, Step::Buy, buyer);
    let mut record = Record::begun(buyer.id, Step::Buy, Instant::now());
    let answer = within(ANSWER_DEADLINE, connection.ask(&request)).await?;
    record.end(Reply::of(Ok(answer), Step::Buy));
    ensure!(!record.is_limited(), RATE_LIMITS);
    Ok(record)
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
