//! A private Redis Cluster.

use servers::{Error, RedisCluster, RedisOptions};

fn options() -> RedisOptions {
    RedisOptions {
        append_only: true,
        supervised: false,
        ..RedisOptions::default()
    }
}

#[test]
fn a_cluster_of_three_becomes_ok_and_shares_out_all_slots() {
    let cluster = RedisCluster::start(3, options()).expect("the cluster starts");
    assert_eq!(cluster.nodes().len(), 3);

    // About a third of these keys belong to each node: the other nodes redirect.
    let mut kept = [0; 3];
    for number in 0..60 {
        for (node, kept) in cluster.nodes().iter().zip(&mut kept) {
            match node.command(&["SET", &format!("key{number}"), "v"]) {
                Ok(_) => *kept += 1,
                Err(Error::Reply { reply, .. }) => assert!(reply.starts_with("MOVED"), "{reply}"),
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert_eq!(
        kept.iter().sum::<i32>(),
        60,
        "each key has one master: {kept:?}"
    );
    assert!(kept.iter().all(|count| *count > 0), "{kept:?}");

    let ports = cluster
        .nodes()
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port()));
    for port in ports {
        assert!(cluster.url().contains(&port), "the URL names every node");
    }
}

#[test]
fn a_cluster_is_ok_again_after_a_node_was_killed_and_started_again() {
    let cluster = RedisCluster::start(3, options()).expect("the cluster starts");
    let node = &cluster.nodes()[1];
    node.kill().expect("killed");
    node.start_again().expect("started again");
    cluster.wait_until_ok().expect("ok again");

    node.wipe_and_start_again().expect("wiped");
    cluster
        .wait_until_ok()
        .expect("ok again: an emptied node keeps its place");
}

#[test]
fn fewer_than_three_masters_make_no_cluster() {
    let refused = RedisCluster::start(2, options());
    assert!(matches!(refused, Err(Error::ClusterSize { asked: 2, .. })));
}
