//! The store as the engine and the queries use it, on real databases: SQLite's, or with
//! `GROUPCHAT_TEST_SERVER=postgres://user@host:port` (or `mysql://…`) new ones on that server, which stay there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archive;
mod commits;
mod expiry;
mod found;
mod groups;
mod history;
mod inbox;
mod life;
mod open;
mod pages;
mod people;
mod sessions;
mod support;
