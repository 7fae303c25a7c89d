//! TLS to Redis: one server, a cluster, a sentinel with its master.

use std::time::Duration;

use sale::{
    connections::RedisSettings,
    gate::{Gate, GateError, hints::Hints},
    ledger::Sale,
};
use secrecy::SecretString;
use servers::{RedisCluster, RedisOptions, RedisSentinel, RedisServer, ServerTls};

use super::{
    EXPIRED, Files, HOST, OTHER_HOST, VALID,
    certificates::{Authority, Issued},
    redis_options, refusal, shows, trusting,
};
use crate::fixture::{BOUND, Door, Shop, redis_settings};

fn server(issued: Issued, authority: &Authority) -> RedisServer {
    RedisServer::start(redis_options(shows(issued, authority))).expect("redis with TLS")
}

/// Sells and posts one unit, over every kind of connection.
async fn sells(settings: RedisSettings) {
    let mut hints = Hints::listen(&settings).unwrap();
    let shop = Shop::behind(Door::with(settings).await).await;
    let sale: Sale = shop.on_sale(3).await;
    let purchases = shop.sell(sale.id, 2).await;
    shop.post_all(sale.id).await;
    shop.assert_sound(sale.id, &purchases).await;
    let announced = async {
        // A hint that is sent before the subscription is lost.
        while tokio::time::timeout(Duration::from_millis(50), hints.posted())
            .await
            .is_err()
        {
            shop.gate.announce_posted(sale.id).await.unwrap();
        }
    };
    tokio::time::timeout(BOUND, announced)
        .await
        .expect("a hint");
}

#[tokio::test]
async fn a_redis_that_our_own_authority_vouches_for_sells() {
    let (files, authority) = (Files::new(), Authority::new());
    let ca = files.write("ca.pem", &authority.pem);
    let server = server(authority.issue(&[HOST], VALID), &authority);
    sells(trusting(server.url(), &ca)).await;
    sells(trusting(&server.url().replace("rediss", "valkeys"), &ca)).await;

    let plain = redis_settings(&server.url().replace("rediss", "redis"));
    let refused = Gate::connect(&plain).await;
    assert!(refused.is_err(), "without TLS nobody is let in");
}

#[tokio::test]
async fn a_redis_without_tls_is_not_spoken_to_where_tls_is_asked_for() {
    let (files, authority) = (Files::new(), Authority::new());
    let ca = files.write("ca.pem", &authority.pem);
    let options = RedisOptions {
        supervised: false,
        ..RedisOptions::default()
    };
    let server = RedisServer::start(options).expect("redis");
    let settings = trusting(&server.url().replace("redis:", "rediss:"), &ca);
    let refusal = refusal(&settings).await;
    assert!(refusal.contains("does not answer in TLS"), "{refusal}");
}

#[tokio::test]
async fn a_wrong_certificate_is_refused_with_what_is_wrong_with_it() {
    let (files, ours, foreign) = (Files::new(), Authority::new(), Authority::new());
    let ca = files.write("ca.pem", &ours.pem);
    let wrong = [
        (foreign.issue(&[HOST], VALID), "UnknownIssuer"),
        (ours.issue(&[HOST], EXPIRED), "expired"),
        (
            ours.issue(&[OTHER_HOST, "127.0.0.2"], VALID),
            "not valid for name",
        ),
    ];
    for (issued, why) in wrong {
        let server = server(issued, &ours);
        let refusal = refusal(&trusting(server.url(), &ca)).await;
        assert!(refusal.contains(why), "{why}: {refusal}");
    }
    // The operating system does not trust our new authority.
    let server = server(ours.issue(&[HOST], VALID), &ours);
    let refused = Gate::connect(&redis_settings(server.url())).await.err();
    assert!(matches!(
        refused,
        Some(GateError::Untrusted(_) | GateError::Settings(_))
    ));
}

#[tokio::test]
async fn certificates_may_carry_another_name_that_is_set() {
    let (files, authority) = (Files::new(), Authority::new());
    let ca = files.write("ca.pem", &authority.pem);
    let server = server(authority.issue(&[OTHER_HOST], VALID), &authority);
    let mut settings = trusting(server.url(), &ca);
    settings.tls.server_name = Some(OTHER_HOST.to_owned());
    Gate::connect(&settings)
        .await
        .expect("the name that is set");
    settings.tls.server_name = Some(HOST.to_owned());
    let refusal = refusal(&settings).await;
    assert!(refusal.contains("not valid for name"), "{refusal}");
}

#[tokio::test]
async fn a_redis_that_asks_for_certificates_is_shown_ours() {
    let (files, ours, foreign) = (Files::new(), Authority::new(), Authority::new());
    let ca = files.write("ca.pem", &ours.pem);
    let server = RedisServer::start(redis_options(ServerTls {
        client_certificates: true,
        ..shows(ours.issue(&[HOST], VALID), &ours)
    }))
    .expect("redis with TLS");
    let mut settings = trusting(server.url(), &ca);
    let none = refusal(&settings).await;
    assert!(none.contains("REDIS_TLS_CERT_FILE"), "{none}");

    for (authority, accepted) in [(&foreign, false), (&ours, true)] {
        let issued = authority.issue(&["shop"], VALID);
        settings.tls.cert_file = Some(files.write("client.pem", &issued.certificate));
        settings.tls.key_file = Some(files.write("client.key", &issued.key));
        if accepted {
            Gate::connect(&settings).await.expect("our certificate");
        } else {
            let refusal = refusal(&settings).await;
            assert!(refusal.contains("REDIS_TLS_CERT_FILE"), "{refusal}");
        }
    }
}

#[tokio::test]
async fn a_file_that_is_no_good_stops_the_start_by_name() {
    let (files, authority) = (Files::new(), Authority::new());
    let ca = files.write("ca.pem", &authority.pem);
    let issued = authority.issue(&["shop"], VALID);
    let certificate = files.write("client.pem", &issued.certificate);
    let key = files.write("client.key", &issued.key);
    let other_key = files.write("other.key", &authority.issue(&["shop"], VALID).key);
    let (empty, missing) = (files.write("empty.pem", ""), files.path("missing.pem"));
    let broken = files.write(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );

    // Nothing listens on port 1: these must fail before they connect.
    let url = "rediss://default:0123456789abcdef0123456789abcdef@127.0.0.1:1/0";
    let of = |ca_file, cert_file, key_file, server_name: Option<&str>| {
        let mut settings = redis_settings(url);
        settings.tls.ca_file = ca_file;
        settings.tls.cert_file = cert_file;
        settings.tls.key_file = key_file;
        settings.tls.server_name = server_name.map(str::to_owned);
        settings
    };
    let good = || Some(ca.clone());
    for (settings, named) in [
        (
            of(Some(missing.clone()), None, None, None),
            "REDIS_TLS_CA_FILE",
        ),
        (
            of(Some(empty.clone()), None, None, None),
            "REDIS_TLS_CA_FILE",
        ),
        (of(Some(key.clone()), None, None, None), "REDIS_TLS_CA_FILE"),
        (of(Some(broken), None, None, None), "REDIS_TLS_CA_FILE"),
        (
            of(good(), Some(certificate.clone()), None, None),
            "given together",
        ),
        (of(good(), None, Some(key.clone()), None), "given together"),
        (
            of(good(), Some(empty), Some(key.clone()), None),
            "REDIS_TLS_CERT_FILE",
        ),
        (
            of(good(), Some(certificate.clone()), Some(missing), None),
            "REDIS_TLS_KEY_FILE",
        ),
        (
            of(
                good(),
                Some(certificate.clone()),
                Some(certificate.clone()),
                None,
            ),
            "REDIS_TLS_KEY_FILE",
        ),
        (
            of(good(), Some(certificate), Some(other_key), None),
            "REDIS_TLS_KEY_FILE",
        ),
        (
            of(good(), None, None, Some("not a name")),
            "REDIS_TLS_SERVER_NAME",
        ),
    ] {
        let refused = Gate::connect(&settings).await.err();
        assert!(
            matches!(refused, Some(GateError::Settings(_))),
            "{named}: {refused:?}"
        );
        let refusal = refusal(&settings).await;
        assert!(refusal.contains(named), "{named}: {refusal}");
    }

    // A URL without TLS with a setting that names an authority is rejected.
    let mut plain = of(good(), None, None, None);
    plain.redis_url = SecretString::from(url.replace("rediss", "redis"));
    let refusal = refusal(&plain).await;
    assert!(refusal.contains("REDIS_TLS_CA_FILE"), "{refusal}");
}

#[tokio::test]
async fn a_cluster_speaks_tls_on_every_node() {
    let (files, authority) = (Files::new(), Authority::new());
    let ca = files.write("ca.pem", &authority.pem);
    let issued = authority.issue(&[HOST], VALID);
    let options = redis_options(shows(issued, &authority));
    let cluster = RedisCluster::start(3, options).expect("cluster with TLS");
    let settings = trusting(cluster.url(), &ca);
    let shop = Shop::behind(Door::with(settings.clone()).await).await;
    // So many sales that each node holds some.
    for _ in 0..12 {
        let sale = shop.on_sale(2).await;
        let purchases = shop.sell(sale.id, 2).await;
        shop.post_all(sale.id).await;
        shop.assert_sound(sale.id, &purchases).await;
    }
    sells(trusting(&cluster.url().replace("rediss", "valkeys"), &ca)).await;

    let plain = redis_settings(&cluster.url().replace("rediss", "redis"));
    assert!(Gate::connect(&plain).await.is_err());
}

#[tokio::test]
async fn the_nodes_of_a_cluster_are_known_by_the_name_that_is_set() {
    let (files, authority) = (Files::new(), Authority::new());
    let ca = files.write("ca.pem", &authority.pem);
    // The certificate names the URL's host, but not the address that the nodes announce.
    let issued = authority.issue(&["localhost", OTHER_HOST], VALID);
    let options = redis_options(shows(issued, &authority));
    let cluster = RedisCluster::start(3, options).expect("cluster with TLS");
    let mut settings = trusting(&cluster.url().replace(HOST, "localhost"), &ca);
    let refusal = refusal(&settings).await;
    assert!(
        refusal.contains("127.0.0.1") && refusal.contains("not valid for name"),
        "{refusal}"
    );
    settings.tls.server_name = Some(OTHER_HOST.to_owned());
    sells(settings).await;
}

#[tokio::test]
async fn a_sentinel_and_its_master_both_speak_tls() {
    let (files, authority) = (Files::new(), Authority::new());
    let ca = files.write("ca.pem", &authority.pem);
    let options = || redis_options(shows(authority.issue(&[HOST], VALID), &authority));
    let master = RedisServer::start(options()).expect("redis with TLS");
    let sentinel = RedisSentinel::start(&master, &options()).expect("a sentinel with TLS");
    sells(trusting(sentinel.url(), &ca)).await;

    let plain = redis_settings(&sentinel.url().replace("rediss", "redis"));
    assert!(Gate::connect(&plain).await.is_err());
}

#[tokio::test]
async fn a_wrong_certificate_of_a_sentinel_or_of_its_master_is_refused() {
    let (files, ours, foreign) = (Files::new(), Authority::new(), Authority::new());
    let ca = files.write("ca.pem", &ours.pem);
    let right = || redis_options(shows(ours.issue(&[HOST], VALID), &ours));
    let wrong = || redis_options(shows(foreign.issue(&[HOST], VALID), &foreign));
    for (master, sentinel) in [(right(), wrong()), (wrong(), right())] {
        let master = RedisServer::start(master).expect("redis with TLS");
        let sentinel = RedisSentinel::start(&master, &sentinel).expect("a sentinel with TLS");
        let refusal = refusal(&trusting(sentinel.url(), &ca)).await;
        assert!(refusal.contains("UnknownIssuer"), "{refusal}");
    }
}
