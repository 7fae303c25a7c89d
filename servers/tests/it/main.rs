//! The guarantees of private servers, tested on real ones.

mod binaries;
mod clock;
mod external;
mod nginx;
mod parent_death;
mod postgres;
mod process;
mod redis;
mod redis_cluster;
mod sharing;
mod supervision;
