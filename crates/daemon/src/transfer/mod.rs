//! Groups and accounts out of the database and into it, as lines of JSON.
//!
//! `lines` writes and reads them, `payload` sees that what comes can be sent, `intake` gives it to the store. `rooms` makes
//! groups of the rooms of others, which `prosody` and `ejabberd` read, along a `cursor`; whoever reads lines does so by `bounded`. Not here: what a line says, and the
//! tables (`groupchat_store::portable`).

mod bounded;
mod cursor;
pub(crate) mod ejabberd;
pub(crate) mod intake;
pub(crate) mod lines;
mod payload;
pub(crate) mod prosody;
pub(crate) mod rooms;
