//! In which ways people can sign in here.

use poem_openapi::Object;
use serde::Serialize;

use crate::settings::BuyerLogin;

/// In which ways people can sign in.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "SignInMethods")]
pub(super) struct Methods {
    /// With an address and its password. Admins have no other way.
    password: bool,
    /// With an address alone, for buyers who have set no password.
    email: bool,
    /// With a code that is sent to the address.
    code: bool,
    /// New buyers can register with an address and a password.
    registration: bool,
}

impl Methods {
    /// The ways that the settings allow.
    pub(super) const fn of(buyers: BuyerLogin) -> Self {
        Self {
            password: true,
            email: match buyers {
                BuyerLogin::Email => true,
                BuyerLogin::Password => false,
            },
            code: false,
            registration: true,
        }
    }
}
