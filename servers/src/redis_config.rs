//! The configuration file of a private Redis, or of a sentinel.

use std::path::Path;

use crate::{
    Fsync, RedisOptions, ServerTls,
    server_tls::{AUTHORITIES, CERTIFICATE, KEY},
};

/// Files in the data directory.
pub(crate) const LOG: &str = "redis.log";
pub(crate) const SOCKET: &str = "redis.sock";
pub(crate) const APPEND_ONLY_DIR: &str = "appendonlydir";
pub(crate) const DUMP: &str = "dump.rdb";

/// The name that sentinels use for their master.
pub(crate) const MASTER_NAME: &str = "mincommerce";

/// The role of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// A single server.
    Alone,
    /// A cluster's node.
    InCluster,
    /// A replica of the server on this port.
    ReplicaOf(u16),
    /// A sentinel of the server on this port; it holds no data.
    SentinelOf(u16),
}

/// The whole file. The command line sets the port.
pub(crate) fn config(
    options: &RedisOptions,
    part: Part,
    cluster_port: Option<u16>,
    password: &str,
    folder: &Path,
) -> String {
    let folder = folder.display();
    let mut config = format!(
        "bind 127.0.0.1\n\
         daemonize no\n\
         dir \"{folder}\"\n\
         logfile \"{folder}/{LOG}\"\n\
         requirepass {password}\n"
    );
    if let Some(tls) = &options.tls {
        config += &tls_lines(tls, &folder.to_string());
    }
    match part {
        Part::SentinelOf(port) => {
            config += &format!(
                "sentinel monitor {MASTER_NAME} 127.0.0.1 {port} 1\n\
                 sentinel auth-pass {MASTER_NAME} {password}\n"
            );
            return config;
        }
        Part::ReplicaOf(port) => config += &format!("replicaof 127.0.0.1 {port}\n"),
        Part::Alone | Part::InCluster => {}
    }
    if let Some(cluster_port) = cluster_port {
        config += &format!("cluster-enabled yes\ncluster-port {cluster_port}\n");
    }
    config + &data_lines(options, password)
}

fn data_lines(options: &RedisOptions, password: &str) -> String {
    let append_only = if options.append_only { "yes" } else { "no" };
    let fsync = match options.fsync {
        Fsync::Always => "always",
        Fsync::EverySecond => "everysec",
        Fsync::No => "no",
    };
    let maxmemory_bytes = options.maxmemory_bytes.unwrap_or(0);
    format!(
        "masterauth {password}\n\
         appendonly {append_only}\n\
         appendfsync {fsync}\n\
         appenddirname {APPEND_ONLY_DIR}\n\
         dbfilename {DUMP}\n\
         save \"\"\n\
         maxmemory {maxmemory_bytes}\n\
         maxmemory-policy noeviction\n\
         repl-diskless-sync-delay 0\n\
         enable-debug-command local\n"
    )
}

/// TLS towards clients, replicas and other nodes. Our own commands use a socket in the server's directory, so that they
/// need no certificates.
fn tls_lines(tls: &ServerTls, folder: &str) -> String {
    let clients = if tls.client_certificates { "yes" } else { "no" };
    format!(
        "tls-cert-file \"{folder}/{CERTIFICATE}\"\n\
         tls-key-file \"{folder}/{KEY}\"\n\
         tls-ca-cert-file \"{folder}/{AUTHORITIES}\"\n\
         tls-auth-clients {clients}\n\
         tls-replication yes\n\
         tls-cluster yes\n\
         unixsocket \"{folder}/{SOCKET}\"\n"
    )
}
