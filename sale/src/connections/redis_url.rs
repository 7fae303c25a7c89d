//! `REDIS_URL`: which Redis it names, and whether by TLS. fred reads any unknown scheme as plain Redis without TLS,
//! and ignores unknown parameters. Here both stop the start.
//!
//! | scheme | servers | parameters | path |
//! | --- | --- | --- | --- |
//! | `redis`, `valkey` | one | | the database |
//! | `redis-cluster`, `valkey-cluster` | a cluster | `node` | |
//! | `redis-sentinel`, `valkey-sentinel` | the master that Sentinel names | `node`, `sentinelServiceName`, `sentinelUsername`, `sentinelPassword` | the database |
//!
//! An `s` after `redis` or `valkey` means TLS, to every server and every sentinel.

use fred::types::config::{Config, Server, ServerConfig, TlsConfig, TlsHostMapping};
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret as _;
use url::Url;

use super::{InvalidSetting, RedisSettings, server_url, tls::RedisTls};

/// The ports unless the URL names others.
const PORT: u16 = 6_379;
const SENTINEL_PORT: u16 = 26_379;

/// Parameters of the query.
const NODE: &str = "node";
const SERVICE_NAME: &str = "sentinelServiceName";
const SENTINEL_USERNAME: &str = "sentinelUsername";
const SENTINEL_PASSWORD: &str = "sentinelPassword";

/// The error for any other scheme.
const SCHEMES: &str = "the URL's scheme must be redis, rediss, valkey or valkeys (with s: TLS), \
                       each also with -cluster or -sentinel";

/// The settings for connections to Redis.
pub struct RedisConnection {
    /// For fred.
    pub config: Config,
    /// The same TLS, which also knows why it failed; `None` without TLS.
    pub(crate) tls: Option<RedisTls>,
}

impl RedisSettings {
    /// Checks the URL and the files for TLS. Fails with the first setting that cannot be used.
    pub fn connection(&self) -> Result<RedisConnection, InvalidSetting> {
        let mut address = Address::parse(self.redis_url.expose_secret())?;
        let tls = match (address.tls, self.tls.first_set()) {
            (true, _) => Some(RedisTls::new(&self.tls)?),
            (false, None) => None,
            (false, Some(name)) => {
                return Err(InvalidSetting::new(format!(
                    "{name} is set, but the URL asks for no TLS: begin it with rediss or valkeys"
                )));
            }
        };
        address.config.tls = tls.as_ref().map(|tls| TlsConfig {
            connector: tls.connector().into(),
            // The verifier knows the right name for every server: fred's mappings leave out redirects.
            hostnames: TlsHostMapping::None,
        });
        Ok(RedisConnection {
            config: address.config,
            tls,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Topology {
    One,
    Cluster,
    Sentinel,
}

impl Topology {
    const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::One => &[],
            Self::Cluster => &[NODE],
            Self::Sentinel => &[NODE, SERVICE_NAME, SENTINEL_USERNAME, SENTINEL_PASSWORD],
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::One | Self::Cluster => PORT,
            Self::Sentinel => SENTINEL_PORT,
        }
    }
}

/// The content of a URL.
struct Address {
    config: Config,
    tls: bool,
}

impl Address {
    fn parse(text: &str) -> Result<Self, InvalidSetting> {
        let url = server_url::parse(text)?;
        let (tls, topology) =
            scheme(url.scheme()).ok_or_else(|| InvalidSetting::new(SCHEMES.to_owned()))?;
        let mut query = Query::read(&url, topology)?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| InvalidSetting::new("the URL names no host".to_owned()))?;
        let port = url.port().unwrap_or(topology.port());
        query.nodes.push(Server::new(bare(host), port));
        let username = decoded(url.username())?;
        let password = decoded(url.password().unwrap_or_default())?;
        if username.is_some() && password.is_none() {
            return Err(InvalidSetting::new(
                "the URL has a user name without a password, with which nobody logs in: \
                 a password alone is written redis://:password@host"
                    .to_owned(),
            ));
        }
        let database = database(&url, topology)?;
        let server = match topology {
            Topology::One => ServerConfig::Centralized {
                server: Server::new(bare(host), port),
            },
            Topology::Cluster => ServerConfig::Clustered {
                hosts: query.nodes,
                policy: Default::default(),
            },
            Topology::Sentinel => ServerConfig::Sentinel {
                hosts: query.nodes,
                service_name: query.service_name.ok_or_else(|| {
                    InvalidSetting::new(format!("the URL needs the parameter `{SERVICE_NAME}`"))
                })?,
                username: query.username,
                password: query.password,
            },
        };
        Ok(Self {
            config: Config {
                server,
                username,
                password,
                database,
                ..Config::default()
            },
            tls,
        })
    }
}

/// Whether a scheme means TLS, and which servers; `None` for an unknown scheme.
fn scheme(scheme: &str) -> Option<(bool, Topology)> {
    let (product, topology) = if let Some(product) = scheme.strip_suffix("-cluster") {
        (product, Topology::Cluster)
    } else if let Some(product) = scheme.strip_suffix("-sentinel") {
        (product, Topology::Sentinel)
    } else {
        (scheme, Topology::One)
    };
    match product {
        "redis" | "valkey" => Some((false, topology)),
        "rediss" | "valkeys" => Some((true, topology)),
        _ => None,
    }
}

#[derive(Default)]
struct Query {
    nodes: Vec<Server>,
    service_name: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl Query {
    fn read(url: &Url, topology: Topology) -> Result<Self, InvalidSetting> {
        let mut read = Self::default();
        for (name, value) in url.query_pairs() {
            let known = topology.parameters();
            if !known.contains(&&*name) {
                return Err(server_url::unknown_parameter(&name, known));
            }
            let place = match &*name {
                SERVICE_NAME => &mut read.service_name,
                SENTINEL_USERNAME => &mut read.username,
                SENTINEL_PASSWORD => &mut read.password,
                _ => {
                    read.nodes.push(node(&value)?);
                    continue;
                }
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(server_url::repeated_parameter(&name));
            }
        }
        Ok(read)
    }
}

fn node(text: &str) -> Result<Server, InvalidSetting> {
    let parts = text.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match parts {
        Some((host, port)) if !host.is_empty() && !host.contains(['@', '/']) => {
            Ok(Server::new(bare(host), port))
        }
        Some(_) | None => Err(InvalidSetting::new(format!(
            "the URL's parameter `{NODE}` must be host:port"
        ))),
    }
}

/// The host for DNS and certificates: an IPv6 address without its brackets.
fn bare(host: &str) -> String {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host).to_owned()
}

fn decoded(text: &str) -> Result<Option<String>, InvalidSetting> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| {
        InvalidSetting::new("the URL's user name or password is not Unicode".to_owned())
    })?;
    Ok((!text.is_empty()).then(|| text.into_owned()))
}

/// The number of the database in the path.
fn database(url: &Url, topology: Topology) -> Result<Option<u8>, InvalidSetting> {
    let path = url.path().strip_prefix('/').unwrap_or(url.path());
    if path.is_empty() {
        return Ok(None);
    }
    match (path.parse(), topology) {
        (Ok(0), Topology::Cluster) => Ok(None),
        (_, Topology::Cluster) => Err(InvalidSetting::new(
            "the URL's path names a database, and a cluster has only database 0".to_owned(),
        )),
        (Ok(number), Topology::One | Topology::Sentinel) => Ok(Some(number)),
        (Err(_), Topology::One | Topology::Sentinel) => Err(InvalidSetting::new(
            "the URL's path must be the number of a database".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use fred::types::config::{Server, ServerConfig};

    use super::Address;

    fn refusal(url: &str) -> String {
        Address::parse(url).err().expect(url).to_string()
    }

    #[test]
    fn each_scheme_means_what_its_letters_say() {
        for product in ["redis", "valkey"] {
            for (s, tls) in [("", false), ("s", true)] {
                let read = |rest: &str| {
                    let url = format!("{product}{s}{rest}");
                    let read = Address::parse(&url).expect(&url);
                    assert_eq!(read.tls, tls, "{url}");
                    assert_eq!(read.config.username.as_deref(), Some("us er"));
                    assert_eq!(read.config.password.as_deref(), Some("p@ss"));
                    read.config
                };
                let one = read("://us%20er:p%40ss@h/3");
                assert_eq!(one.database, Some(3));
                let server = Server::new("h", 6_379);
                assert_eq!(one.server, ServerConfig::Centralized { server });

                let cluster = read("-cluster://us%20er:p%40ss@[::1]:7?node=b:8&node=[::2]:9");
                let hosts = [("b", 8), ("::2", 9), ("::1", 7)];
                assert_eq!(cluster.server.hosts(), servers(&hosts));
                assert!(cluster.server.is_clustered());

                let sentinel = read(
                    "-sentinel://us%20er:p%40ss@h?sentinelServiceName=m&node=b:8\
                     &sentinelUsername=su&sentinelPassword=sp",
                );
                assert_eq!(
                    sentinel.server,
                    ServerConfig::Sentinel {
                        hosts: servers(&[("b", 8), ("h", 26_379)]),
                        service_name: "m".to_owned(),
                        username: Some("su".to_owned()),
                        password: Some("sp".to_owned()),
                    }
                );
            }
        }
    }

    fn servers(hosts: &[(&str, u16)]) -> Vec<Server> {
        let server = |(host, port): &(&str, u16)| Server::new(*host, *port);
        hosts.iter().map(server).collect()
    }

    #[test]
    fn a_scheme_that_is_not_known_is_refused_with_those_that_are() {
        for scheme in [
            "redi",
            "rediss2",
            "rediss-",
            "rediss-clusters",
            "rediss-cluster-sentinel",
            "tls",
            "redis+tls",
            "redis+unix",
            "http",
            "https",
            "postgres",
            "redis-unix",
        ] {
            let refusal = refusal(&format!("{scheme}://user:hunter2@host:1"));
            for known in ["rediss", "valkeys", "-cluster", "-sentinel"] {
                assert!(refusal.contains(known), "{scheme}: {refusal}");
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_its_name_and_never_quoted() {
        for (url, named) in [
            ("redis://u:hunter2@h:1?ssl=hunter2", "`ssl`"),
            ("redis://u:hunter2@h:1?node=hunter2:1", "`node`"),
            (
                "rediss://u:hunter2@h:1/0?sentinelServiceName=m",
                "`sentinelServiceName`",
            ),
            (
                "rediss-cluster://u:hunter2@h:1?sentinelPassword=hunter2",
                "`sentinelPassword`",
            ),
            ("rediss-cluster://u:hunter2@h:1?Node=h:2", "`Node`"),
            ("redis-cluster://u:hunter2@h:1?node=u:hunter2@h:2", "`node`"),
            ("redis-cluster://u:hunter2@h:1?node=h", "`node`"),
            ("redis-cluster://u:hunter2@h:1/3", "database"),
            ("redis-sentinel://u:hunter2@h:1/0", "`sentinelServiceName`"),
            (
                "redis-sentinel://h:1?sentinelServiceName=hunter2&sentinelServiceName=b",
                "more than once",
            ),
            ("redis://u:hunter2@h:1/hunter2", "database"),
            ("redis://u:hunter2@h:1/0/1", "database"),
            ("redis://hunter2@h:1", "without a password"),
            ("redis://u:hunter2@:1", "host"),
            ("redis://u:hunter2", "percent-encoded"),
            ("redis://u:12#hunter2@h:1", "percent-encoded"),
            ("redis://u:12/hunter2@h:1", "percent-encoded"),
            ("redis://u:12?hunter2@h:1", "percent-encoded"),
            ("redis://:%FF@h:1", "Unicode"),
            ("redis:hunter2", "host"),
            ("hunter2", "not a URL"),
            ("", "not a URL"),
        ] {
            let refusal = refusal(url);
            assert!(refusal.contains(named), "{url}: {refusal}");
            assert!(!refusal.contains("hunter2"), "{url}: {refusal}");
            assert_eq!(refusal.lines().count(), 1, "{refusal}");
        }
    }
}
