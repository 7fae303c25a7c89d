//! Each boundary of the protocol, one after another: a real process aborts there, another process takes its place, and
//! gate, journal and ledger agree.
//!
//! Crash points exist only in development builds, and so do these tests.

use std::os::unix::process::ExitStatusExt;

use chrono::{TimeDelta, Utc};
use nix::libc::SIGABRT;
use reqwest::{Method, StatusCode};
use sale::{
    crash::Point,
    ledger::NewProduct,
    model::{Role, SaleId, SaleState},
    money::{Currency, Money},
};
use serde_json::{Value, json};
use system::{
    client::{Buyer, Client},
    history::meaning::Meaning,
    processes::Process,
    rush::rush,
    stage::{Setting, Stage},
};
use uuid::Uuid;

use super::{NARROW, own_redis, redis_loss::name_losses, setting, until};

/// Units of each sale, and how many of them are sold before or while something dies.
const UNITS: u32 = 10;
const SOLD: usize = 4;

/// The action in which a process passes a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// A sale is installed: by a reconciler that finds it, or by an API that creates it.
    Install,
    /// An API creates a sale.
    Create,
    /// A buyer buys at an API.
    Buy,
    /// A reconciler posts.
    Post,
    /// An API pauses a sale.
    Pause,
    /// An API cancels an order.
    Cancel,
    /// An API restocks a sale.
    Restock,
    /// A reconciler checks a sale.
    Keep,
    /// A reconciler settles a sale.
    Settle,
}

/// The compiler rejects a point without a deed.
const fn deed(point: Point) -> Deed {
    match point {
        Point::CreateRecorded => Deed::Create,
        Point::InstallLocked
        | Point::InstallClosed
        | Point::InstallDrained
        | Point::InstallNumbered
        | Point::InstallPrepared
        | Point::InstallSwapped
        | Point::InstallCompleted
        | Point::InstallOpened => Deed::Install,
        Point::AdmitDecided => Deed::Buy,
        Point::PostRead | Point::PostPosted | Point::PostForgotten => Deed::Post,
        Point::TermsRecorded => Deed::Pause,
        Point::CancelRecorded => Deed::Cancel,
        Point::RestockRecorded => Deed::Restock,
        Point::SyncRead | Point::SyncApplied => Deed::Keep,
        Point::SettleEnded | Point::SettleSynced | Point::SettleAgreed | Point::SettleRecorded => {
            Deed::Settle
        }
    }
}

/// The setting that makes a process abort at a point.
fn armed(point: Point) -> [(String, String); 1] {
    [setting("FAILPOINTS", format!("{}=return", point.name()))]
}

/// Waits until a process has aborted at its crash point.
async fn dies(process: &Process, point: Point) {
    let status = until(point.name(), async || process.ended()).await;
    assert_eq!(status.signal(), Some(SIGABRT), "{}: {status}", point.name());
}

async fn bare_stage(apis: usize, reconcilers: usize) -> Stage {
    let setting = Setting {
        apis,
        reconcilers,
        reconciler: vec![
            setting("CLAIM_IDLE_MS", 100),
            setting("SETTLE_GRACE_SECONDS", 0),
        ],
        ..Setting::default()
    };
    Stage::open(setting).await.unwrap()
}

async fn buy(stage: &Stage, client: &Client, sale: SaleId) -> Vec<Buyer> {
    let buyers = stage.buyers(SOLD).unwrap();
    let report = rush(client, sale, buyers.clone(), NARROW, |_| ()).await;
    assert_eq!(report.won(), SOLD);
    buyers
}

/// A reconciler dies at a point, and another one continues from there.
async fn reconciler_dies_at(stage: &mut Stage, point: Point) {
    let (start, end) = (-TimeDelta::seconds(1), TimeDelta::hours(1));
    let sale = stage.create_sale(UNITS, start, end).await.unwrap().id;
    if deed(point) != Deed::Install {
        let well = stage.start_reconciler(&[]).unwrap();
        stage.until_open(sale).await.unwrap();
        if deed(point) == Deed::Settle {
            buy(stage, &stage.client().unwrap(), sale).await;
            stage.at_rest(sale).await.unwrap();
        }
        tokio::task::block_in_place(|| stage.reconcilers()[well].stop()).unwrap();
    }
    match deed(point) {
        Deed::Post => {
            buy(stage, &stage.client().unwrap(), sale).await;
        }
        Deed::Keep => {
            stage.ledger.restock(sale, 1).await.unwrap();
            stage.circumstances(sale).restocked = 1;
        }
        Deed::Settle => {
            let soon = Utc::now() + TimeDelta::seconds(1);
            let start = stage.ledger.sale(sale).await.unwrap().unwrap().start;
            stage.ledger.move_sale(sale, start, soon).await.unwrap();
            stage.circumstances(sale).terms_changed = true;
        }
        Deed::Install | Deed::Create | Deed::Buy | Deed::Pause | Deed::Cancel | Deed::Restock => {}
    }
    let dying = stage.start_reconciler(&armed(point)).unwrap();
    dies(stage.reconcilers()[dying].process(), point).await;

    let well = stage.start_reconciler(&[]).unwrap();
    if deed(point) == Deed::Settle {
        until("the sale is settled", async || {
            let sale = stage.ledger.sale(sale).await.unwrap().unwrap();
            (sale.state == SaleState::Settled).then_some(())
        })
        .await;
    }
    let proof = stage
        .prove(sale)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", point.name()));
    let sold = if matches!(deed(point), Deed::Post | Deed::Settle) {
        SOLD
    } else {
        0
    };
    assert_eq!(proof.confirmed, sold, "{}", point.name());
    tokio::task::block_in_place(|| stage.reconcilers()[well].stop()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconciler_that_dies_at_any_boundary_leaves_nothing_that_another_does_not_mend() {
    let mut stage = bare_stage(1, 0).await;
    let of_reconciler = |point: &&Point| {
        matches!(
            deed(**point),
            Deed::Install | Deed::Post | Deed::Keep | Deed::Settle
        )
    };
    for point in Point::ALL.iter().filter(of_reconciler) {
        reconciler_dies_at(&mut stage, *point).await;
    }
    stage.start_reconciler(&[]).unwrap();
    stage.close().await.unwrap();
}

/// An admin at an API.
struct Admin {
    http: reqwest::Client,
    token: String,
}

impl Admin {
    fn of(stage: &Stage) -> Self {
        let (token, _) = stage
            .tokens
            .mint(Uuid::now_v7(), None, Role::Admin)
            .unwrap();
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            token,
        }
    }

    /// One step. The key makes it happen once, however often it is sent. `None` if the API did not answer.
    async fn post(&self, api: &str, path: &str, body: &Value) -> Option<Value> {
        let request = self
            .http
            .request(Method::POST, format!("{api}/api/admin/{path}"))
            .bearer_auth(&self.token);
        let request = if path.starts_with("flash-sale") && !path.ends_with("pause") {
            request.header("Idempotency-Key", path.to_owned() + &body.to_string())
        } else {
            request
        };
        let response = request.json(body).send().await.ok()?;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        Some(response.json().await.unwrap())
    }

    /// The step kills the API that gets it first. Then the other API gets the same request.
    async fn post_twice(&self, stage: &mut Stage, point: Point, path: &str, body: &Value) -> Value {
        let dying = stage.start_api(&armed(point)).unwrap();
        let answer = self.post(&stage.apis()[dying].url(), path, body).await;
        assert_eq!(answer, None, "{}", point.name());
        dies(stage.apis()[dying].process(), point).await;
        let well = stage.api().url();
        self.post(&well, path, body).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_dies_while_it_creates_a_sale_has_created_one_sale_or_none() {
    let mut stage = bare_stage(1, 0).await;
    let admin = Admin::of(&stage);
    let of_creation = |point: &&Point| matches!(deed(**point), Deed::Create | Deed::Install);
    let mut sales = Vec::new();
    for point in Point::ALL.iter().filter(of_creation) {
        let product = NewProduct {
            name: point.name().to_owned(),
            description: None,
            price: Money::of_minor_units(1_000, Currency::DEFAULT).unwrap(),
            image_url: None,
            quantity: UNITS,
        };
        let product = stage.ledger.create_product(product).await.unwrap().id;
        let body = json!({
            "productId": product,
            "startTime": Utc::now() - TimeDelta::seconds(1),
            "endTime": Utc::now() + TimeDelta::hours(1),
        });
        let created = admin
            .post_twice(&mut stage, *point, "flash-sale", &body)
            .await;
        let sale: SaleId = serde_json::from_value(created["data"]["saleId"].clone()).unwrap();
        let left = stage
            .ledger
            .product(product)
            .await
            .unwrap()
            .unwrap()
            .quantity;
        assert_eq!(left, 0, "its units left the stock once");
        sales.push(sale);
    }
    // A reconciler repairs the steps that the APIs left half done, and each sale sells.
    stage.start_reconciler(&[]).unwrap();
    let client = Client::new(&stage.api().url(), stage.history.clone()).unwrap();
    for sale in sales {
        stage.until_open(sale).await.unwrap();
        buy(&stage, &client, sale).await;
        assert_eq!(stage.prove(sale).await.unwrap().confirmed, SOLD);
    }
    stage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_dies_before_it_answers_has_done_what_it_was_asked_for_once() {
    let mut stage = bare_stage(1, 1).await;
    let admin = Admin::of(&stage);
    let client = Client::new(&stage.api().url(), stage.history.clone()).unwrap();
    let of_steps = |point: &&Point| {
        matches!(
            deed(**point),
            Deed::Buy | Deed::Pause | Deed::Cancel | Deed::Restock
        )
    };
    for point in Point::ALL.iter().filter(of_steps) {
        let sale = stage.open_sale(UNITS).await.unwrap().id;
        buy(&stage, &client, sale).await;
        stage.at_rest(sale).await.unwrap();
        let order = stage.ledger.orders_of_sale(sale).await.unwrap()[0].id;
        let (mut confirmed, mut units) = (SOLD, UNITS);
        match deed(*point) {
            Deed::Buy => {
                let buyer = stage.buyers(1).unwrap().remove(0);
                let dying = stage.start_api(&armed(*point)).unwrap();
                let url = stage.apis()[dying].url();
                let at_dying = Client::new(&url, stage.history.clone()).unwrap();
                let unknown = at_dying.purchase(&buyer, sale, Some("once")).await;
                assert_eq!(unknown.meaning.order(), None);
                dies(stage.apis()[dying].process(), *point).await;
                let told = client.purchase(&buyer, sale, Some("once")).await;
                assert!(told.meaning.order().is_some(), "{told:?}");
                confirmed += 1;
            }
            Deed::Pause => {
                let path = format!("flash-sale/{sale}/pause");
                let paused = admin
                    .post_twice(&mut stage, *point, &path, &json!({}))
                    .await;
                assert_eq!(paused["data"]["status"], "paused");
                stage.circumstances(sale).terms_changed = true;
            }
            Deed::Cancel => {
                let path = format!("orders/{order}/cancel");
                admin
                    .post_twice(&mut stage, *point, &path, &json!({}))
                    .await;
                confirmed -= 1;
            }
            Deed::Restock => {
                let (path, body) = (
                    format!("flash-sale/{sale}/restock"),
                    json!({ "quantity": 3 }),
                );
                admin.post_twice(&mut stage, *point, &path, &body).await;
                stage.circumstances(sale).restocked = 3;
                units += 3;
            }
            Deed::Create | Deed::Install | Deed::Post | Deed::Keep | Deed::Settle => {}
        }
        let rest = stage.at_rest(sale).await.unwrap();
        assert_eq!(rest.ledger.sale.units, units, "{}", point.name());
        assert_eq!(
            rest.ledger.sale.available,
            units - u32::try_from(confirmed).unwrap()
        );
        assert_eq!(stage.prove(sale).await.unwrap().confirmed, confirmed);
    }
    stage.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_is_told_also_by_a_reconciler_that_dies_once_its_install_is_confirmed() {
    let setting = Setting {
        reconcilers: 0,
        ..own_redis()
    };
    let mut stage = Stage::open(setting).await.unwrap();
    let first = stage.start_reconciler(&[]).unwrap();
    let sale = stage.open_sale(10).await.unwrap().id;
    stage.reconcilers()[first].process().kill().unwrap();
    let client = stage.client().unwrap();
    let buyers = stage.buyers(3).unwrap();
    let report = rush(&client, sale, buyers, NARROW, |_| ()).await;
    assert_eq!(report.won(), 3);
    let admitted = stage.gate.buyers(sale).await.unwrap();
    stage.redis().unwrap().command(&["FLUSHALL"]).unwrap();
    // The API tells the gate how far it had come.
    let late = stage.buyers(1).unwrap().remove(0);
    let reply = client.purchase(&late, sale, None).await;
    assert_eq!(reply.meaning, Meaning::Unknown);

    let point = Point::InstallCompleted;
    let dying = stage.start_reconciler(&armed(point)).unwrap();
    dies(stage.reconcilers()[dying].process(), point).await;
    let log = stage.reconciler_log(dying).unwrap();
    assert!(log.contains("ALARM: Redis lost purchases"), "{log}");
    assert!(log.contains("lost=3"), "{log}");

    stage.start_reconciler(&[]).unwrap();
    stage.until_open(sale).await.unwrap();
    let lost = name_losses(&mut stage, sale, admitted.into_values()).await;
    assert_eq!(lost, 3);
    stage.close().await.unwrap();
}
