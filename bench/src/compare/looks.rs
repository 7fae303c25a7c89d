//! Looks at a sale, by anybody and by a crowd of users, against bare services that return the same bytes.

use std::{io::Write as _, sync::Arc};

use anyhow::{Context, ensure};
use sale::model::{OrderId, Purchase, SaleId, Verdict};
use system::client::Buyer;
use tempfile::NamedTempFile;

use super::{
    Volume,
    figure::{Line, Rounds},
    limits::Service,
};
use crate::{
    floor::Kind,
    ground::{CONNECTIONS, Ground, WARM_UP_PART, address_of},
    load::{HOST, OK, Pace, Requests, connection::Connection, request::write_look},
};

/// Of so many users one has bought.
const USERS_PER_BUYER: usize = 10;

pub(super) async fn measure(size: Volume, rounds: &mut Rounds) -> anyhow::Result<()> {
    let mut ground = Ground::start().await?;
    ground.begin_posting()?;
    let count = size.purchases;
    let sale = ground.sale(u32::try_from(count)?).await?.id;
    let users = users(&ground, sale, count).await?;
    let by_anybody = Arc::new(Requests::looks(sale, (0..count).map(|_| None)));
    let tokens = users.iter().map(|user| Some(&*user.token));
    let by_users = Arc::new(Requests::looks(sale, tokens));
    let last = users.last().context("no users")?;
    let bare = service(&ground, Kind::Look, sale, None, &by_anybody).await?;
    let token = Some(&*last.token);
    let checked = service(&ground, Kind::OwnLook, sale, token, &by_users).await?;
    for requests in [&by_anybody, &by_users] {
        looks(&ground, &requests.some(count / WARM_UP_PART)).await?;
    }
    for _ in 0..size.short_rounds {
        let (cost, limit) = (
            looks(&ground, &by_anybody).await?,
            bare.cost(&by_anybody).await?,
        );
        rounds.against(Line::LookByBare, cost, limit);
        let (cost, limit) = (
            looks(&ground, &by_users).await?,
            checked.cost(&by_users).await?,
        );
        rounds.against(Line::OwnLookByBare, cost, limit);
    }
    bare.stop()?;
    checked.stop()?;
    ground.close().await
}

/// The users of a sale, some of whom have bought there.
async fn users(ground: &Ground, sale: SaleId, count: usize) -> anyhow::Result<Vec<Buyer>> {
    let tokens = &ground.stage.tokens;
    let users: Result<Vec<Buyer>, _> = (0..count).map(|_| Buyer::new(tokens)).collect();
    let users = users?;
    let purchases = users.iter().step_by(USERS_PER_BUYER).map(|user| Purchase {
        buyer: user.id,
        order: OrderId::random(),
    });
    let purchases: Vec<Purchase> = purchases.collect();
    ground.decide(sale, &purchases, Verdict::Admitted).await?;
    Ok(users)
}

/// A service that returns the bytes that the API returns now.
async fn service(
    ground: &Ground,
    kind: Kind,
    sale: SaleId,
    token: Option<&str>,
    requests: &Arc<Requests>,
) -> anyhow::Result<Service> {
    let mut connection = Connection::open(address_of(&ground.stage.api().url())?).await?;
    let mut text = Vec::new();
    write_look(&mut text, HOST, sale, token);
    let answer = connection.ask(&text).await?;
    ensure!(
        answer.status == OK,
        "a look was answered with {}",
        answer.status
    );
    let mut body = NamedTempFile::new()?;
    body.write_all(answer.body)?;
    Service::start(ground, kind, Some(body), requests).await
}

/// The API's CPU time for each look, microseconds.
async fn looks(ground: &Ground, requests: &Arc<Requests>) -> anyhow::Result<f64> {
    let api = ground.stage.api();
    let costs = ground
        .run_over(api, CONNECTIONS, requests, Pace::Full)
        .await?;
    let answers = &costs.outcome.answers;
    ensure!(answers.with(OK) == requests.count(), "{answers}");
    Ok(costs.api)
}
