//! A private sentinel: it watches one private Redis, and reports its address to clients.

use crate::{
    Error, RedisOptions, RedisServer,
    redis_config::{MASTER_NAME, Part},
};

/// A running private sentinel. Dropping it ends it, but not the server that it watches.
#[derive(Debug)]
pub struct RedisSentinel {
    server: RedisServer,
    url: String,
}

impl RedisSentinel {
    /// Starts a sentinel of this server, with the same password. With TLS, the sentinel uses it towards clients and the
    /// server.
    pub fn start(master: &RedisServer, options: &RedisOptions) -> Result<Self, Error> {
        let password = master.password();
        let part = Part::SentinelOf(master.port());
        let server = RedisServer::start_with(options, password, part)?;
        let s = if options.tls.is_some() { "s" } else { "" };
        let url = format!(
            "redis{s}-sentinel://default:{password}@127.0.0.1:{}/0\
             ?sentinelServiceName={MASTER_NAME}&sentinelPassword={password}",
            server.port()
        );
        Ok(Self { server, url })
    }

    /// `redis-sentinel://default:<password>@127.0.0.1:<port>/0?sentinelServiceName=...`, as fred reads it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
    }
}
