//! The domain of a flash sale, shared by the API, the reconciler, the command line and the tests.
//!
//! A purchase goes one way, **api -> gate -> journal -> reconciler -> ledger**. Changes in the ledger go back one way
//! too, **ledger -> sync -> gate**. The modules, in the order of that way:
//!
//! | module | owns |
//! | --- | --- |
//! | [`model`], [`money`] | ids, units, states and verdicts; prices |
//! | [`input`], [`invalid`], [`unicode`] | the checks of user input; invisible characters |
//! | [`email_address`] | the address of a user, in one spelling |
//! | [`keys`] | the names of the Redis keys |
//! | [`gate`] | the Redis side: the scripts, the admission of purchases, the upkeep of a gate |
//! | [`journal`] | the stream of winners between gate and ledger |
//! | [`ledger`] | Postgres, the system of record: all SQL that is not in `migrations/` |
//! | [`install`] | loading a sale into a gate, the first time and after a loss |
//! | [`settle`] | closing an ended sale |
//! | [`audit`] | comparing gate, journal and ledger, and repairing |
//! | [`replay`] | making orders of rejected purchases after all |
//! | [`view`] | what people see of a sale |
//! | [`lifecycle`] | the steps of a sale, from its creation to its settlement |
//! | [`traffic`] | which part of a sale's traffic is looked at, and in buckets of what width |
//! | [`presence`] | the processes that are known to be running |
//! | [`console`] | gate and journal, as a merchant watches them |
//! | [`queue`] | the path from the gates to the ledger, for people |
//! | [`store`] | the failure of a step that uses gate and ledger |
//! | [`crash`] | the boundaries at which tests kill a process |
//! | [`connections`] | the settings of the connections to Redis and Postgres, their URLs and TLS |

pub mod audit;
pub mod connections;
pub mod console;
pub mod crash;
pub mod email_address;
pub mod gate;
pub mod input;
pub mod install;
pub mod invalid;
pub mod journal;
pub mod keys;
pub mod ledger;
pub mod lifecycle;
pub mod model;
pub mod money;
pub mod presence;
pub mod queue;
pub mod replay;
pub mod settle;
pub mod store;
pub mod traffic;
pub mod unicode;
pub mod view;
