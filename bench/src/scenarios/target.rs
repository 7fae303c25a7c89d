//! An existing API, and nothing else: products, sales and their results over its own routes.
//!
//! | module | owns |
//! | --- | --- |
//! | [`admin`] | an admin's requests |
//! | `proof` | that the answers that buyers got match the API's data |

pub mod admin;
mod proof;

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use clap::{Args, FromArgMatches, error::ErrorKind};
use identity::{settings::TokenSettings, token::Tokens};
use sale::model::Role;
use tokio::net::lookup_host;
use uuid::Uuid;

pub struct Target {
    address: SocketAddr,
    host: String,
    settings: TokenSettings,
    admin: String,
}

impl Target {
    pub async fn find(url: &str, settings: TokenSettings) -> anyhow::Result<Self> {
        let host = host_of(url)?;
        let address = {
            let mut found = lookup_host(&host).await.context("cannot find the API")?;
            found.next().context("the API has no address")?
        };
        let (admin, _) = Tokens::new(&settings)?.mint(Uuid::now_v7(), None, Role::Admin)?;
        Ok(Self {
            address,
            host,
            settings,
            admin,
        })
    }

    pub(super) fn address(&self) -> (SocketAddr, String) {
        (self.address, self.host.clone())
    }

    pub(super) fn tokens(&self) -> anyhow::Result<Tokens> {
        Ok(Tokens::new(&self.settings)?)
    }
}

/// Host and port of a URL. The load generator speaks plain HTTP, and only to the root of a host.
fn host_of(url: &str) -> anyhow::Result<String> {
    let host = url
        .strip_prefix("http://")
        .with_context(|| format!("{url} does not begin with http://"))?;
    let host = host.trim_end_matches('/');
    ensure!(
        !host.is_empty() && !host.contains(['/', '@']),
        "{url} is not http://host:port"
    );
    let after_address = host.rsplit(']').next().unwrap_or(host);
    Ok(if after_address.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:80")
    })
}

pub fn signing() -> anyhow::Result<TokenSettings> {
    let command = TokenSettings::augment_args(clap::Command::new("stress"));
    let matches = match command.try_get_matches_from(["stress"]) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => {
            bail!("for --target, JWT_SECRET must be set to what signs the tokens of that API")
        }
        Err(error) => return Err(error.into()),
    };
    Ok(TokenSettings::from_arg_matches(&matches)?)
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn a_url_names_a_host_and_its_port() {
        let host = |url| host_of(url).ok();
        assert_eq!(host("http://shop:3001/").as_deref(), Some("shop:3001"));
        assert_eq!(host("http://shop").as_deref(), Some("shop:80"));
        assert_eq!(host("http://[::1]").as_deref(), Some("[::1]:80"));
        assert_eq!(host("http://[::1]:8").as_deref(), Some("[::1]:8"));
        assert_eq!(host("https://shop"), None);
        assert_eq!(host("http://shop/path"), None);
        assert_eq!(host("http://user@shop"), None);
    }
}
