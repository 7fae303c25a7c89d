//! `DATABASE_URL`: which Postgres it names, and how much TLS it asks for. sqlx accepts any scheme, ignores unknown
//! parameters, reads an unknown `PGSSLMODE` as `prefer`, and treats `allow` as `disable`. Here all of that stops the
//! start.
//!
//! | `sslmode` | TLS | the certificate |
//! | --- | --- | --- |
//! | `disable` | never | |
//! | `prefer` (the default) | if the server offers it | is not checked |
//! | `require` | always | is not checked |
//! | `verify-ca` | always | must be issued by an authority of `sslrootcert`, which must be given |
//! | `verify-full` | always | must be issued by an authority of `sslrootcert` or of the system, for the host's name |
//!
//! With `sslrootcert` the first three modes are refused: libpq would then read `require` as `verify-ca`, sqlx does
//! not.
//!
//! sqlx trusts the authorities of the system beside those of `sslrootcert`. `SSL_CERT_FILE` replaces the system's.

use std::fs;

use percent_encoding::percent_decode_str;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use super::{InvalidSetting, PostgresSettings, server_url, variable};

const SCHEMES: [&str; 2] = ["postgres", "postgresql"];

/// Parameters that sqlx reads, in its main spelling.
const KNOWN: [&str; 13] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];

impl PostgresSettings {
    /// Checks the URL and the files for TLS. Fails with the first part that cannot be used.
    pub fn options(&self) -> Result<PgConnectOptions, InvalidSetting> {
        options(self.database_url.expose_secret(), |name| {
            variable(name).and_then(|value| value.into_string().ok())
        })
    }
}

/// The options of a URL; the environment supplies what it leaves out, as in libpq.
fn options(
    text: &str,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<PgConnectOptions, InvalidSetting> {
    let url = server_url::parse(text)?;
    if !SCHEMES.contains(&url.scheme()) {
        return Err(InvalidSetting::new(
            "the URL's scheme must be postgres or postgresql".to_owned(),
        ));
    }
    check_database(&url)?;
    Tls::read(&url, environment)?.check()?;
    text.parse()
        .map_err(|error: sqlx::Error| InvalidSetting::new(error.to_string()))
}

/// Refuses a name of a database in which a parameter has been caught: `/shop&sslmode=verify-full` would ask for no TLS.
fn check_database(url: &Url) -> Result<(), InvalidSetting> {
    let name = percent_decode_str(url.path().trim_start_matches('/')).decode_utf8_lossy();
    if name.contains(['/', '?', '&', ';', '=', '#']) {
        return Err(InvalidSetting::new(
            "the name of the database has one of /?&;=# in it: parameters begin with a ?, and stand behind the name"
                .to_owned(),
        ));
    }
    Ok(())
}

/// The main spelling of a parameter, if it is known.
fn canonical(name: &str) -> Option<&'static str> {
    let name = match name {
        "ssl-mode" => "sslmode",
        "ssl-root-cert" | "ssl-ca" => "sslrootcert",
        "ssl-cert" => "sslcert",
        "ssl-key" => "sslkey",
        name if name.starts_with("options[") && name.ends_with(']') => "options",
        name => name,
    };
    KNOWN.into_iter().find(|known| *known == name)
}

/// A setting of TLS, under the name that a person knows.
struct Given {
    name: &'static str,
    value: String,
}

/// All settings of TLS.
struct Tls {
    mode: Option<Given>,
    root: Option<Given>,
    certificate: Option<Given>,
    key: Option<Given>,
}

impl Tls {
    fn read(
        url: &Url,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidSetting> {
        let mut seen: Vec<(&str, String)> = Vec::new();
        for (name, value) in url.query_pairs() {
            let Some(known) = canonical(&name) else {
                return Err(server_url::unknown_parameter(&name, &KNOWN));
            };
            if known != "options" && seen.iter().any(|(before, _)| *before == known) {
                return Err(server_url::repeated_parameter(known));
            }
            seen.push((known, value.into_owned()));
        }
        let given = |name: &'static str, variable: &'static str| {
            let in_url = seen.iter().find(|(known, _)| *known == name);
            let in_url = in_url.map(|(_, value)| Given {
                name,
                value: value.clone(),
            });
            in_url.or_else(|| {
                environment(variable).map(|value| Given {
                    name: variable,
                    value,
                })
            })
        };
        Ok(Self {
            mode: given("sslmode", "PGSSLMODE"),
            root: given("sslrootcert", "PGSSLROOTCERT"),
            certificate: given("sslcert", "PGSSLCERT"),
            key: given("sslkey", "PGSSLKEY"),
        })
    }

    /// Refuses settings without a meaning, and settings that promise more than they do.
    fn check(&self) -> Result<(), InvalidSetting> {
        self.check_files()?;
        let mode = self.mode.as_ref().map_or("prefer", |mode| &mode.value);
        let refuse = |why: String| Err(InvalidSetting::new(why));
        match (mode, &self.root) {
            ("disable", None) if self.certificate.is_some() => {
                refuse("a client certificate is given, but sslmode=disable uses no TLS".to_owned())
            }
            ("disable" | "prefer" | "require", None) | ("verify-ca", Some(_)) => Ok(()),
            ("verify-full", _) => Ok(()),
            ("verify-ca", None) => refuse(
                "sslmode=verify-ca needs sslrootcert: the authorities of the system would vouch \
                 for anybody"
                    .to_owned(),
            ),
            ("disable" | "prefer" | "require", Some(root)) => refuse(format!(
                "{} is given, but sslmode={mode} checks no certificate: use sslmode=verify-full",
                root.name
            )),
            (_, _) => refuse(format!(
                "{} must be disable, prefer, require, verify-ca or verify-full",
                self.mode.as_ref().map_or("sslmode", |mode| mode.name)
            )),
        }
    }

    fn check_files(&self) -> Result<(), InvalidSetting> {
        if let Some(root) = &self.root {
            root.check_certificates()?;
        }
        match (&self.certificate, &self.key) {
            (None, None) => Ok(()),
            (Some(certificate), Some(key)) => {
                certificate.check_certificates()?;
                PrivateKeyDer::from_pem_slice(&key.file()?)
                    .map(drop)
                    .map_err(|_| key.refuse("holds no private key in PEM, or an encrypted one"))
            }
            (Some(one), None) | (None, Some(one)) => {
                Err(one.refuse("is one half: sslcert and sslkey are given together"))
            }
        }
    }
}

impl Given {
    fn file(&self) -> Result<Vec<u8>, InvalidSetting> {
        fs::read(&self.value).map_err(|error| self.refuse(&format!("cannot be read: {error}")))
    }

    fn check_certificates(&self) -> Result<(), InvalidSetting> {
        let file = self.file()?;
        let certificates = CertificateDer::pem_slice_iter(&file).collect::<Result<Vec<_>, _>>();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(()),
            Ok(_) | Err(_) => Err(self.refuse("holds no certificate in PEM")),
        }
    }

    /// The message omits the value: it may be the key itself.
    fn refuse(&self, why: &str) -> InvalidSetting {
        InvalidSetting::new(format!("the file of {} {why}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::{PgConnectOptions, PgSslMode};

    use super::{InvalidSetting, options};

    fn read(url: &str) -> Result<PgConnectOptions, InvalidSetting> {
        options(url, |_| None)
    }

    #[test]
    fn the_modes_of_tls_are_read_from_the_url() {
        let mode = |url: &str| read(url).expect(url).get_ssl_mode();
        assert!(matches!(mode("postgres://u:p@h/d"), PgSslMode::Prefer));
        assert!(matches!(
            mode("postgresql://u:p@h/d?sslmode=disable"),
            PgSslMode::Disable
        ));
        assert!(matches!(
            mode("postgres://u:p@h/d?sslmode=prefer"),
            PgSslMode::Prefer
        ));
        assert!(matches!(
            mode("postgres://u:p@h/d?ssl-mode=require"),
            PgSslMode::Require
        ));
        assert!(matches!(
            mode("postgres://u:p@h/d?sslmode=verify-full"),
            PgSslMode::VerifyFull
        ));
    }

    #[test]
    fn the_environment_fills_in_what_the_url_leaves_out_and_is_checked_too() {
        let with = |mode: &'static str| {
            options("postgres://u:p@h/d", move |name| {
                (name == "PGSSLMODE").then(|| mode.to_owned())
            })
        };
        assert!(with("verify-full").is_ok());
        let refusal = with("verify_full").err().map(|error| error.to_string());
        assert!(refusal.expect("refused").contains("PGSSLMODE must be"));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_its_name_and_never_quoted() {
        for (url, named) in [
            ("mysql://u:hunter2@h/d", "scheme"),
            ("postgress://u:hunter2@h/d", "scheme"),
            ("postgres://u:hunter2@h/d?pasword=hunter2", "`pasword`"),
            ("postgres://u:hunter2@h/d?ssl=true", "`ssl`"),
            ("postgres://u:hunter2@h/d?sslMode=require", "`sslMode`"),
            (
                "postgres://u:hunter2@h/d?channel_binding=require",
                "`channel_binding`",
            ),
            (
                "postgres://u:hunter2@h/d?sslmode=hunter2",
                "sslmode must be",
            ),
            ("postgres://u:hunter2@h/d?sslmode=", "sslmode must be"),
            ("postgres://u:hunter2@h/d?sslmode=allow", "sslmode must be"),
            (
                "postgres://u:hunter2@h/d?sslmode=VERIFY-FULL",
                "sslmode must be",
            ),
            ("postgres://u:hunter2@h/d?sslmode=verify-ca", "sslrootcert"),
            (
                "postgres://h/d?sslmode=require&sslmode=disable",
                "more than once",
            ),
            (
                "postgres://h/d?sslmode=require&ssl-mode=disable",
                "more than once",
            ),
            (
                "postgres://h/d?sslmode=require&sslrootcert=/hunter2",
                "sslrootcert cannot be read",
            ),
            (
                "postgres://h/d?sslmode=require&sslcert=/hunter2",
                "sslcert and sslkey",
            ),
            (
                "postgres://h/d?sslmode=require&sslkey=/hunter2",
                "sslcert and sslkey",
            ),
            ("postgres://h/d?port=hunter2", "invalid digit"),
            (
                "postgres://u:hunter2@h/d&sslmode=verify-full",
                "name of the database",
            ),
            (
                "postgres://u:hunter2@h/d;sslmode=verify-full",
                "name of the database",
            ),
            (
                "postgres://u:hunter2@h/d/sslmode=verify-full",
                "name of the database",
            ),
            (
                "postgres://u:hunter2@h/d%3Fsslmode=verify-full",
                "name of the database",
            ),
            ("postgres://u:12#hunter2@h/d", "percent-encoded"),
            ("postgres://u:12/hunter2@h/d", "percent-encoded"),
            ("postgres://u:hunter2", "percent-encoded"),
            ("hunter2", "not a URL"),
        ] {
            let Err(refusal) = read(url) else {
                panic!("{url} is taken");
            };
            let refusal = refusal.to_string();
            assert!(refusal.contains(named), "{url}: {refusal}");
            assert!(!refusal.contains("hunter2"), "{url}: {refusal}");
            assert_eq!(refusal.lines().count(), 1, "{refusal}");
        }
    }
}
