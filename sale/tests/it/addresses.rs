//! One address is one user: in any spelling, in a database of any locale, and with users whose address a person stored
//! in another spelling.

use futures_util::future::join_all;
use sale::{
    email_address::EmailAddress,
    ledger::{Ledger, LedgerError, NewUser, User},
    model::Role,
};
use servers::testing::shared_postgres;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::fixture::{Shop, ledger_at};

/// In Turkish, `lower('I')` is not `i`; in C, only letters of ASCII have a lower case.
const LOCALES: [&str; 3] = [
    "LOCALE 'C'",
    "LOCALE 'C.UTF-8'",
    "LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C.UTF-8'",
];

/// Stands for a password's hash: the ledger does not look into it.
const HASH: &str = "hash";

/// An empty database with this locale, whatever the server's own locale is.
async fn database(locale: &str) -> String {
    let postgres = shared_postgres().expect("postgres");
    let name = format!("mincommerce_test_locale_{}", Uuid::new_v4().simple());
    let server = PgPool::connect(postgres.url()).await.unwrap();
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {locale}");
    let created = sqlx::query(AssertSqlSafe(create)).execute(&server).await;
    created.unwrap_or_else(|error| panic!("{locale}: {error}"));
    let (server, query) = match postgres.url().split_once('?') {
        Some((server, query)) => (server, format!("?{query}")),
        None => (postgres.url(), String::new()),
    };
    let (server, _) = server.rsplit_once('/').unwrap();
    format!("{server}/{name}{query}")
}

fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

async fn create(ledger: &Ledger, email: &str) -> Result<User, LedgerError> {
    let user = NewUser {
        email: address(email),
        password_hash: Some(HASH.to_owned()),
        role: Role::User,
    };
    ledger.create_user(user).await
}

async fn found(ledger: &Ledger, email: &str) -> Option<Uuid> {
    let user = ledger.user_by_email(email).await.unwrap();
    user.map(|user| user.id)
}

/// A user with exactly this text as address, as people with psql store it.
async fn store(pool: &PgPool, email: &str) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query("INSERT INTO users (id, email) VALUES ($1, $2)")
        .bind(id)
        .bind(email)
        .execute(pool)
        .await
        .unwrap();
    id
}

async fn stored(ledger: &Ledger, user: Uuid) -> String {
    let user = ledger.user(user).await.unwrap().unwrap();
    user.email.unwrap()
}

#[tokio::test]
async fn spellings_of_an_address_are_one_user_whatever_the_locale() {
    const SPELLINGS: [&[&str]; 3] = [
        &[
            "jos\u{e9}@example.org",
            "jose\u{301}@example.org",
            "JOS\u{c9}@EXAMPLE.ORG.",
            " JOSE\u{301}@example.org ",
        ],
        &["i@istanbul.example", "I@ISTANBUL.example"],
        &[
            "\u{3c3}@m\u{fc}ller.example",
            "\u{3a3}@MU\u{308}LLER.example",
            "\u{3c3}@xn--mller-kva.example",
        ],
    ];
    for locale in LOCALES {
        let ledger = ledger_at(&database(locale).await).await;
        assert_eq!(ledger.migrate().await.unwrap().report(), None);
        for spellings in SPELLINGS {
            // All at once: only one registers.
            let made = join_all(spellings.iter().map(|email| create(&ledger, email))).await;
            let made: Vec<_> = made.into_iter().filter_map(Result::ok).collect();
            let [user] = &made[..] else {
                panic!("{locale}: {} users of {spellings:?}", made.len());
            };
            for spelling in spellings {
                assert_eq!(
                    found(&ledger, spelling).await,
                    Some(user.id),
                    "{locale}: {spelling}"
                );
                let again = create(&ledger, spelling).await;
                assert!(
                    matches!(again, Err(LedgerError::Exists)),
                    "{locale}: {spelling}"
                );
                let buyer = ledger.ensure_buyer(&address(spelling)).await.unwrap();
                assert_eq!(buyer.id, user.id, "{locale}: {spelling}");
            }
            assert_eq!(
                stored(&ledger, user.id).await,
                address(spellings[0]).as_str()
            );
        }
        // Two Turkish letters that English does not have are other letters.
        assert_eq!(found(&ledger, "\u{131}@istanbul.example").await, None);
    }
}

#[tokio::test]
async fn a_migration_merges_nobody_and_fails_for_nobody() {
    for locale in LOCALES {
        let url = database(locale).await;
        let pool = PgPool::connect(&url).await.unwrap();
        let ledger = ledger_at(&url).await;
        ledger.migrate().await.unwrap();

        let mut users = Vec::new();
        for email in [
            "Ann@Example.org",
            "bob@example.org",
            "jose\u{301}@example.org",
            "jos\u{e9}@example.org",
            "I@istanbul.example",
            "i@istanbul.example",
            "eve\u{200b}@example.org",
            "nobody",
        ] {
            users.push((email, store(&pool, email).await));
        }

        let kept = ledger.migrate().await.unwrap();
        let user = |email: &str| {
            let mut users = users.iter().filter(|(stored, _)| *stored == email);
            users.next().map(|(_, id)| *id)
        };
        // Each user is still found by exactly the stored text.
        for (email, id) in &users {
            assert_eq!(found(&ledger, email).await, Some(*id), "{locale}: {email}");
        }
        let ann = user("Ann@Example.org").unwrap();
        assert_eq!(stored(&ledger, ann).await, "ann@example.org");
        assert_eq!(found(&ledger, "ANN@example.org").await, Some(ann));
        // A user whose stored address is the one spelling is found by all others too.
        let (nfd, nfc) = (
            user("jose\u{301}@example.org"),
            user("jos\u{e9}@example.org"),
        );
        assert!(kept.taken.contains(&nfd.unwrap()), "{locale}");
        assert_eq!(found(&ledger, "JOS\u{c9}@example.org").await, nfc);
        let malformed = [user("eve\u{200b}@example.org"), user("nobody")].map(Option::unwrap);
        assert_eq!(kept.malformed, malformed.into());
        let report = kept.report().unwrap();
        for user in kept.taken.iter().chain(&kept.malformed) {
            assert!(report.contains(&user.to_string()), "{report}");
        }
        // Again: the same report, and no user changes.
        assert_eq!(ledger.migrate().await.unwrap(), kept);
    }
}

#[tokio::test]
async fn an_address_that_a_person_stored_is_normalised_by_the_next_migration() {
    let shop = Shop::open().await;
    let ledger = &shop.ledger;
    let ann = store(&shop.pool, "Ann@Example.org").await;
    assert_eq!(found(ledger, "ann@example.org").await, None);
    assert_eq!(found(ledger, "Ann@Example.org").await, Some(ann));
    assert_eq!(ledger.migrate().await.unwrap().report(), None);
    assert_eq!(found(ledger, "ann@example.org").await, Some(ann));
    let log = ledger.actions(ann, 10).await.unwrap();
    assert_eq!(log[0].action, "user.respell-email");
    assert_eq!(log[0].details["from"], "Ann@Example.org");

    let change = sqlx::query("UPDATE users SET email = 'Anna@Example.org' WHERE id = $1");
    change.bind(ann).execute(&shop.pool).await.unwrap();
    assert_eq!(ledger.migrate().await.unwrap().report(), None);
    assert_eq!(stored(ledger, ann).await, "anna@example.org");
}

#[tokio::test]
async fn of_two_old_users_with_one_address_each_keeps_the_own_password_and_role() {
    let shop = Shop::open().await;
    let ledger = &shop.ledger;
    let older = store(&shop.pool, "Bob@example.org").await;
    let younger = store(&shop.pool, "BOB@example.org").await;
    let kept = ledger.migrate().await.unwrap();
    assert_eq!(kept.taken, [younger].into());
    assert_eq!(stored(ledger, older).await, "bob@example.org");

    let set = ledger.set_password("BOB@example.org", Some(HASH)).await;
    assert_eq!(set.unwrap().unwrap().id, younger);
    let set = ledger.set_role("bob@EXAMPLE.org", Role::Admin).await;
    let set = set.unwrap().unwrap();
    assert_eq!((set.id, set.password_hash), (older, None));
    let younger = ledger.user(younger).await.unwrap().unwrap();
    assert_eq!(younger.role, Role::User);
}

#[tokio::test]
async fn a_password_is_hashed_again_only_if_nobody_has_changed_it_meanwhile() {
    let shop = Shop::open().await;
    let ann = create(&shop.ledger, "ann@example.org").await.unwrap();
    let rehash = async |before, after| {
        let replaced = shop.ledger.rehash_password(ann.id, before, after).await;
        replaced.unwrap()
    };
    assert!(rehash(HASH, "another hash").await);
    assert!(!rehash(HASH, "a late hash").await);
    let ann = shop.ledger.user(ann.id).await.unwrap().unwrap();
    assert_eq!(ann.password_hash.as_deref(), Some("another hash"));
    let log = shop.ledger.actions(ann.id, 10).await.unwrap();
    let rehashed = log
        .iter()
        .filter(|row| row.action == "user.rehash-password");
    assert_eq!(rehashed.count(), 1);
}
