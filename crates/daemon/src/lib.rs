//! The component: what ties the rules, the stanzas, the store and the link together and runs them.
//!
//! `main.rs` is only the door from the shell; the tests come in by [`app::Service`] with a link of their own.
//! The map of all crates and tasks is `crates/README.md`.

mod adhoc;
mod admin;
pub mod app;
pub mod clock;
pub mod commands;
pub mod config;
mod control;
mod engine;
mod fanout;
mod grants;
mod groups;
mod http;
mod identity;
pub mod logging;
pub mod metrics;
mod notify;
mod opening;
mod pings;
mod queries;
mod rates;
pub mod reload;
mod retention;
mod returned;
mod router;
mod signals;
mod transfer;
pub mod watch;
