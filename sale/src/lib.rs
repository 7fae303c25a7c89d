//! The domain of a flash sale, shared by the API, the reconciler, the command line and the tests.
//!
//! A purchase goes one way, **api -> gate -> journal -> reconciler -> ledger**, and what comes back
//! goes one way too, **ledger -> sync -> gate**. The modules, in the order of that way:
//!
//! | module | owns |
//! | --- | --- |
//! | [`model`], [`money`] | ids, units, states and verdicts; prices |
//! | [`input`], `unicode` | the checks of what people send; characters that nobody sees |
//! | [`token`] | who a caller is: JSON Web Tokens |
//! | [`accounts`], [`passwords`] | what somebody logs in with: addresses and passwords |
//! | [`keys`] | the names of the Redis keys |
//! | [`gate`] | the Redis side: the scripts, the admission of purchases in batches, what keeps a gate up to date |
//! | [`journal`] | the stream of winners between gate and ledger |
//! | [`ledger`] | Postgres, the system of record: all SQL that is not in `migrations/` |
//! | [`install`] | loading a sale into a gate, the first time and after a loss |
//! | [`settle`] | closing an ended sale |
//! | [`audit`] | comparing gate, journal and ledger |
//! | [`replay`] | making orders of rejected purchases after all |
//! | [`lifecycle`] | what people do to a sale, from its creation to its settlement |
//! | [`queue`] | the way from the gates to the ledger, as people look at it |
//! | [`crash`] | the boundaries at which tests let a process die |
//! | [`settings`], [`telemetry`] | the settings that processes share, and how they log |
//! | `tls` | which servers a connection to Redis trusts |
//! | [`signals`], [`output`] | how a process is asked to end, and how it prints |

pub mod accounts;
pub mod audit;
pub mod crash;
pub mod gate;
pub mod input;
pub mod install;
pub mod journal;
pub mod keys;
pub mod ledger;
pub mod lifecycle;
pub mod model;
pub mod money;
pub mod output;
pub mod passwords;
pub mod queue;
pub mod replay;
pub mod settings;
pub mod settle;
pub mod signals;
pub mod telemetry;
mod tls;
pub mod token;
mod unicode;
