//! Users: found, ensured, and changed, by an address in any spelling.

use futures_util::future::join_all;
use sale::{
    ledger::{NewUser, User},
    model::Role,
};
use uuid::Uuid;

use crate::fixture::Shop;

async fn create(shop: &Shop, email: &str, password_hash: Option<&str>, role: Role) -> User {
    let user = NewUser {
        email: email.parse().unwrap(),
        password_hash: password_hash.map(str::to_owned),
        role,
    };
    shop.ledger.create_user(user).await.unwrap()
}

#[tokio::test]
async fn a_user_is_found_by_the_id() {
    let shop = Shop::open().await;
    let ada = create(&shop, "Ada@example.com", None, Role::Admin).await;
    let found = shop.ledger.user(ada.id).await.unwrap().unwrap();
    assert_eq!(found.email.as_deref(), Some("ada@example.com"));
    assert_eq!(found.role, Role::Admin);
    assert!(shop.ledger.user(Uuid::now_v7()).await.unwrap().is_none());
}

#[tokio::test]
async fn callers_at_the_same_time_make_one_buyer() {
    let shop = Shop::open().await;
    let emails = ["bob@example.com", "Bob@Example.com", "BOB@example.com"];
    let emails = emails.map(|email| email.parse().unwrap());
    let callers = emails.iter().cycle().take(12);
    let users = join_all(callers.map(|email| shop.ledger.ensure_buyer(email))).await;
    let users: Vec<_> = users.into_iter().map(Result::unwrap).collect();
    assert!(users.iter().all(|user| user.id == users[0].id));
    assert_eq!(
        (users[0].role, &users[0].password_hash),
        (Role::User, &None)
    );
}

#[tokio::test]
async fn making_sure_of_a_buyer_changes_nobody() {
    let shop = Shop::open().await;
    let ada = create(&shop, "ada@example.com", Some("hash"), Role::Admin).await;
    let email = "ADA@example.com".parse().unwrap();
    let found = shop.ledger.ensure_buyer(&email).await.unwrap();
    assert_eq!((found.id, found.role), (ada.id, Role::Admin));
    assert_eq!(found.email.as_deref(), Some("ada@example.com"));
    assert_eq!(found.password_hash.as_deref(), Some("hash"));
}

#[tokio::test]
async fn a_password_and_a_role_are_changed_of_one_user() {
    let shop = Shop::open().await;
    let ada = create(&shop, "ada@example.com", None, Role::User).await;
    let bob = create(&shop, "bob@example.com", Some("his"), Role::User).await;
    let ledger = &shop.ledger;

    let changed = ledger.set_password("ADA@example.com", Some("hers")).await;
    let changed = changed.unwrap().unwrap();
    assert_eq!(changed.id, ada.id);
    assert_eq!(changed.password_hash.as_deref(), Some("hers"));
    let changed = ledger.set_role("Ada@example.com", Role::Admin).await;
    assert_eq!(changed.unwrap().unwrap().role, Role::Admin);
    let changed = ledger.set_password("ada@example.com", None).await;
    let changed = changed.unwrap().unwrap();
    assert_eq!((changed.role, changed.password_hash), (Role::Admin, None));

    let bob = ledger.user(bob.id).await.unwrap().unwrap();
    assert_eq!(bob.password_hash.as_deref(), Some("his"));
    assert_eq!(bob.role, Role::User);
    let nobody = ledger.set_password("eve@example.com", None).await;
    assert!(nobody.unwrap().is_none());
    let nobody = ledger.set_role("eve@example.com", Role::Admin).await;
    assert!(nobody.unwrap().is_none());
}
