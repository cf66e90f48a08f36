//! Tests against a small component host on loopback, and of the reader against hostile input.

mod handshake;
mod host;
mod link;
mod multicast;
mod reader;

pub(crate) use host::soon;
