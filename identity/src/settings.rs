//! The settings of tokens: arguments, each with an environment variable.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

/// How tokens are signed and checked.
#[derive(Debug, Clone, Args)]
pub struct TokenSettings {
    /// The secret that signs tokens, at least 32 bytes, such as `openssl rand -hex 32` prints. One that
    /// repeats a pattern, has fewer than 6 different characters or stands in an example is refused
    #[arg(long, env = "JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: SecretString,

    /// The secret that signed tokens until lately: they stay good, and no new ones are signed with
    /// it. The same rules hold, and it is another one
    #[arg(long, env = "JWT_PREVIOUS_SECRET", hide_env_values = true)]
    pub jwt_previous_secret: Option<SecretString>,

    /// Who issues the tokens
    #[arg(long, env = "JWT_ISSUER", default_value = "mincommerce")]
    pub jwt_issuer: String,

    /// For whom the tokens are, those of an outside issuer too
    #[arg(long, env = "JWT_AUDIENCE", default_value = "mincommerce")]
    pub jwt_audience: String,

    /// How long a token is good, seconds. Clocks may differ: it is taken for 5 seconds more
    #[arg(long, env = "JWT_LIFETIME_SECONDS", default_value_t = 86_400,
          value_parser = clap::value_parser!(u32).range(60..=31_536_000))]
    pub jwt_lifetime_seconds: u32,

    /// Public keys of an outside issuer whose tokens count as well: a file with a JSON Web Key Set of
    /// RS256 and EdDSA keys, read at the start. Their role and sub are taken as they are, so trust the
    /// issuer like our own. Needs JWT_JWKS_ISSUER
    #[arg(long, env = "JWT_JWKS_FILE")]
    pub jwt_jwks_file: Option<PathBuf>,

    /// Who the outside issuer is: the claim iss of its tokens
    #[arg(long, env = "JWT_JWKS_ISSUER")]
    pub jwt_jwks_issuer: Option<String>,
}
