//! The tables, one a file: what a row holds, as SeaORM reads and writes it.
//!
//! Not here: how the tables come to be, their indexes and the widths of their columns (the migrations say, and
//! stay as they are), and what the values mean to a group (the store translates).

pub mod audit;
pub mod avatar;
pub mod ban;
pub mod cursor;
pub mod group;
pub mod kept;
pub mod member;
pub mod mention;
pub mod message;
pub mod native;
pub mod occupant;
pub mod pending;
pub mod session;
pub mod unreachable;
pub mod user;
