//! The store as the engine and the queries use it, on real databases: SQLite's, and once more on servers that
//! `databases.rs` starts. With `GROUPCHAT_TEST_SERVER=postgres://user@host:port` (or `mysql://…`) new ones on that server
//! alone, which stay there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admin;
mod adopt;
mod archive;
mod backup;
mod commits;
mod copy;
mod databases;
mod expiry;
mod found;
mod groups;
mod history;
mod hold;
mod inbox;
mod life;
mod migrations;
mod open;
mod pages;
mod people;
mod pictures;
mod portable;
mod previews;
mod refused_imports;
mod rooms;
mod sessions;
mod support;
mod unsaid;
