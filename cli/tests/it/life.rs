//! The life of a sale, by commands alone.

use sale::{
    gate::admission::Known,
    model::{BuyerId, OrderId, Purchase, SaleId, Verdict},
};
use serde_json::{Value, json};
use system::{
    binaries::{Binaries, CargoOutput},
    processes::ReconcilerProcess,
};

use crate::fixture::{Shop, text};

/// The members of a sale: those of the HTTP contract, and our own.
const SALE_MEMBERS: [&str; 17] = [
    "saleId",
    "productId",
    "productName",
    "productDescription",
    "productPrice",
    "currency",
    "imageUrl",
    "startTime",
    "endTime",
    "status",
    "state",
    "totalQuantity",
    "availableQuantity",
    "soldQuantity",
    "warm",
    "createdAt",
    "updatedAt",
];

#[track_caller]
fn assert_members(value: &Value, members: &[&str]) {
    let mut found: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = members.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn a_sale_lives_by_commands_alone() {
    let shop = Shop::open();
    let product = shop.product(10);
    let created = shop.json(&[
        "sale",
        "create",
        "--product",
        &product,
        "--quantity",
        "5",
        "--start-time",
        "+1h",
        "--end-time",
        "+2h",
    ]);
    assert_members(&created, &SALE_MEMBERS);
    assert_eq!(created["status"], "upcoming");
    assert_eq!(created["warm"], true);
    assert_eq!(created["totalQuantity"], 5);
    assert_eq!(created["availableQuantity"], 5);
    let in_stock = || shop.json(&["product", "show", &product])["quantity"].clone();
    assert_eq!(in_stock(), 5);

    let id = text(&created, "saleId");
    let step = |arguments: &[&str]| {
        let mut whole = vec!["sale", arguments[0], &id];
        whole.extend(&arguments[1..]);
        let stepped = shop.json(&whole);
        assert_members(&stepped, &SALE_MEMBERS);
        stepped
    };
    assert_eq!(step(&["warm"])["warm"], true);
    let moved = step(&["move", "--start-time", "-30s"]);
    assert_eq!(moved["status"], "active");
    assert_eq!(moved["endTime"], created["endTime"]);
    assert_eq!(step(&["pause"])["status"], "paused");
    assert_eq!(step(&["resume"])["status"], "active");
    assert_eq!(step(&["restock", "--quantity", "2"])["totalQuantity"], 7);
    assert_eq!(in_stock(), 3);

    let counts = shop.json(&["sale", "stats", &id]);
    let expected = json!({
        "saleId": id, "status": "active", "state": "open", "totalQuantity": 7,
        "availableQuantity": 7, "soldQuantity": 0, "returnedQuantity": 0, "totalOrders": 0,
        "confirmedOrders": 0, "pendingOrders": 0, "cancelledOrders": 0, "rejectedOrders": 0, "failedOrders": 0,
        "timestamp": counts["timestamp"],
    });
    assert_eq!(counts, expected);

    // A move into the past is refused.
    let said = shop.refused(1, &["sale", "move", &id, "--end-time", "now"]);
    assert!(said.contains("to stop one that runs, end it"), "{said}");
    let far = ["sale", "move", &id, "--end-time", "+9999999d"];
    let said = shop.refused(2, &far);
    assert!(said.contains("2255-06-05T23:47:34Z"), "{said}");

    let ended = step(&["end"]);
    let ends: chrono::DateTime<chrono::Utc> = text(&ended, "endTime").parse().unwrap();
    let ago = chrono::Utc::now() - ends;
    assert!((0..60).contains(&ago.num_seconds()), "{ended}");
    assert_eq!(step(&["end"])["endTime"], ended["endTime"]);
    assert_eq!(
        (&ended["status"], &ended["warm"]),
        (&json!("ended"), &json!(true))
    );
    let said = shop.refused(1, &["sale", "pause", &id]);
    assert!(
        said.contains("the state of the sale does not allow that"),
        "{said}"
    );
    assert_eq!(step(&["settle"])["state"], "settled");
    assert_eq!(in_stock(), 10);
    assert_story(&shop, &id);
}

/// The log must contain every action, the newest first, with its actor.
#[track_caller]
fn assert_story(shop: &Shop, id: &str) {
    let shown = shop.json(&["sale", "show", id]);
    let mut members = SALE_MEMBERS.to_vec();
    members.push("actions");
    assert_members(&shown, &members);
    let actions = shown["actions"].as_array().unwrap();
    let words: Vec<&str> = actions
        .iter()
        .map(|action| action["action"].as_str().unwrap())
        .collect();
    let expected = [
        "sale.settle",
        "sale.end",
        "sale.restock",
        "sale.resume",
        "sale.pause",
        "sale.move",
        "sale.install",
        "sale.create",
    ];
    assert_eq!(words, expected);
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::effective());
    let user = user.unwrap().unwrap().name;
    for action in actions {
        assert_members(action, &["at", "actor", "via", "action", "details"]);
        assert_eq!(
            (action["actor"].as_str().unwrap(), &action["via"]),
            (user.as_str(), &json!("cli"))
        );
    }
    let table = shop.run(&["sale", "show", id]);
    for shown in [id, "ended, settled", "sale.restock", "quantity 2", &user] {
        assert!(table.contains(shown), "{shown} in {table}");
    }
}

#[tokio::test]
async fn settling_waits_until_everything_is_posted() {
    let shop = Shop::open();
    let product = shop.product(5);
    let sale = shop.sale(&product);
    let id: SaleId = sale.parse().unwrap();
    let purchases: Vec<Purchase> = (0..3)
        .map(|_| Purchase {
            buyer: BuyerId::random(),
            order: OrderId::random(),
        })
        .collect();
    let gate = shop.gate().await;
    let decision = gate.admit(id, &Known::default(), &purchases).await;
    assert_eq!(decision.unwrap().verdicts, [Verdict::Admitted; 3]);
    let counts = shop.json(&["sale", "stats", &sale]);
    assert_eq!(
        (&counts["pendingOrders"], &counts["soldQuantity"]),
        (&json!(3), &json!(3))
    );
    // No reconciler posts.
    let said = shop.refused(1, &["sale", "settle", &sale]);
    assert!(
        said.starts_with("error: the sale could not be settled: "),
        "{said}"
    );
    assert!(said.contains("is a reconciler running?"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("reconciler.log");
    let binaries = Binaries::get(CargoOutput::Shown).unwrap();
    let reconciler =
        ReconcilerProcess::start(binaries, &shop.deployment, &log, &[], false).unwrap();
    let settled = shop.json(&["sale", "settle", &sale]);
    assert_eq!(settled["state"], "settled");
    assert_eq!(settled["soldQuantity"], 3);
    let counts = shop.json(&["sale", "stats", &sale]);
    assert_eq!(
        (&counts["confirmedOrders"], &counts["pendingOrders"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(shop.json(&["product", "show", &product])["quantity"], 2);
    reconciler.stop().unwrap();
}

#[test]
fn sales_are_listed_in_pages_the_newest_first() {
    let shop = Shop::open();
    let made: Vec<String> = (0..3).map(|_| shop.sale(&shop.product(1))).collect();
    let first = shop.json(&["sale", "list", "--limit", "2"]);
    assert_members(&first["data"][0], &SALE_MEMBERS);
    let cursor = text(&first, "nextCursor");
    let last = shop.json(&["sale", "list", "--limit", "2", "--cursor", &cursor]);
    assert_eq!(last["nextCursor"], Value::Null);
    let rows = [
        first["data"].as_array().unwrap().clone(),
        last["data"].as_array().unwrap().clone(),
    ];
    let listed: Vec<String> = rows
        .concat()
        .iter()
        .map(|sale| text(sale, "saleId"))
        .collect();
    assert_eq!(listed, made.into_iter().rev().collect::<Vec<_>>());
    let table = shop.run(&["sale", "list"]);
    assert!(listed.iter().all(|id| table.contains(id)), "{table}");
}

#[test]
fn times_are_shown_in_utc_as_they_were_meant() {
    let shop = Shop::open();
    let product = shop.product(1);
    let created = shop.json(&[
        "sale",
        "create",
        "--product",
        &product,
        "--start-time",
        "2035-01-01T09:00:00+01:00",
        "--end-time",
        "2035-01-01T10:00:00Z",
    ]);
    assert_eq!(created["startTime"], "2035-01-01T08:00:00Z");
    let before = chrono::Utc::now().timestamp();
    let sale = text(&created, "saleId");
    let moved = shop.json(&[
        "sale",
        "move",
        &sale,
        "--start-time",
        "+1h30m",
        "--end-time",
        "+2d",
    ]);
    let after = chrono::Utc::now().timestamp();
    for (member, seconds) in [("startTime", 5_400), ("endTime", 172_800)] {
        let time: chrono::DateTime<chrono::Utc> = text(&moved, member).parse().unwrap();
        let meant = before + seconds..=after + seconds;
        assert!(meant.contains(&time.timestamp()), "{member} in {moved}");
    }
}
