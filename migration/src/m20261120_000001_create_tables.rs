//! The first tables. Frozen: written out, not derived from the entities, which move on.
//!
//! Widths: MySQL's index entries hold 3,072 bytes, and a character counts four there, so 255 + 512 characters fit.
//! PostgreSQL's hold 2,704 bytes as they are: beside a group id of 255 characters of four bytes, a bare JID has
//! 1,600 bytes, so whatever reads addresses must refuse longer ones.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::steps;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // `use_transaction` stays with its default: the store wraps the whole run in one transaction, and on MySQL,
    // whose DDL commits by itself, a nested one would fail.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let tables = [
            ("tig_group", group(backend)),
            ("tig_group_member", member()),
            ("tig_group_message", message(backend)),
            ("tig_group_mention", mention()),
            ("tig_group_ban", ban()),
            ("tig_group_pending", pending(backend)),
            ("tig_group_session", session()),
            ("tig_user", user()),
        ];
        for (name, table) in tables {
            steps::create_table(manager, name, table).await?;
        }
        for (table, index) in indexes() {
            steps::create_index(manager, table, index).await?;
        }
        Ok(())
    }
}

fn group(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table("tig_group")
        .col(number("uid").auto_increment().primary_key())
        .col(text("groupId", 255).unique_key())
        .col(text("name", 384))
        .col(long_text("description", backend).not_null())
        .col(text("type", 32))
        .col(text("visibility", 16))
        .col(text("invite", 16))
        .col(text("configure", 16))
        .col(text("post", 16))
        .col(text("mentionAll", 16))
        .col(text("join", 16))
        .col(text("history", 16))
        .col(flag("receipts", true))
        .col(number("retentionDays"))
        .col(text("subject", 384))
        .col(number("members"))
        .col(number("version"))
        .col(number("countable"))
        // Written with every message: in no index, or PostgreSQL had to write the indexes each time too.
        .col(number("lastId").default(0))
        .col(number("previewId").default(0))
        .col(number("createdAt"))
        .col(number_or_null("deletedAt"))
        .take()
}

fn member() -> TableCreateStatement {
    Table::create()
        .table("tig_group_member")
        .col(number("id").auto_increment().primary_key())
        .col(text("groupId", 255))
        .col(text("userId", 512))
        .col(flag("isReceived", true))
        .col(text("receive", 16))
        .col(number_or_null("muteUntil"))
        .col(text("authority", 16))
        .col(text("mid", 64))
        .col(text("nick", 64))
        .col(text("nickKey", 255))
        .col(number("joinedAt"))
        .col(number_or_null("leftAt"))
        .col(number("readId").default(0))
        .col(number("readAt").default(0))
        .col(number("seen"))
        .take()
}

fn message(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table("tig_group_message")
        .col(number("msg_id").primary_key())
        .col(text("groupId", 255))
        .col(number("timestamp"))
        .col(text("sender_jid", 512))
        .col(text("mid", 64))
        .col(text("kind", 16))
        .col(text_or_null("clientId", 255))
        .col(long_text("body", backend).null())
        .col(long_text("payload", backend).not_null())
        .col(number("ordinal"))
        .col(flag("countable", false))
        .col(number_or_null("corrects"))
        .col(text("readBy", 16))
        .col(number_or_null("retractedAt"))
        .col(text_or_null("retractedBy", 64))
        .col(flag("moderated", false))
        .col(long_text("reason", backend).null())
        .take()
}

fn mention() -> TableCreateStatement {
    Table::create()
        .table("tig_group_mention")
        .col(number("id").auto_increment().primary_key())
        .col(text("groupId", 255))
        .col(text("mid", 64))
        .col(number("msg_id"))
        .col(text("author", 64))
        .take()
}

fn ban() -> TableCreateStatement {
    Table::create()
        .table("tig_group_ban")
        .col(number("id").auto_increment().primary_key())
        .col(text("groupId", 255))
        .col(text("userId", 512))
        .col(number("bannedAt"))
        .take()
}

/// What a client wrote may be longer than what is made of it.
fn pending(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table("tig_group_pending")
        .col(number("id").auto_increment().primary_key())
        .col(text("groupId", 255))
        .col(text("userId", 512))
        .col(text("kind", 16))
        .col(text_or_null("invitedBy", 512))
        .col(long_text("jid", backend).not_null())
        .col(long_text("mid", backend).null())
        .col(long_text("nick", backend).null())
        .col(text_or_null("authority", 16))
        .col(number("since"))
        .take()
}

fn session() -> TableCreateStatement {
    Table::create()
        .table("tig_group_session")
        .col(number("id").auto_increment().primary_key())
        .col(text("jid", 512))
        .col(text("address", 512))
        .col(number("seenAt"))
        .take()
}

fn user() -> TableCreateStatement {
    Table::create().table("tig_user").col(text("userId", 512).primary_key()).col(text("addable", 16)).take()
}

fn indexes() -> Vec<Named> {
    vec![
        // Groups of a name by id.
        index("tig_group", "name", &["name", "groupId"]),
        // Public groups by id.
        index("tig_group", "listed", &["visibility", "deletedAt", "groupId"]),
        // The few groups that do not keep their messages for ever.
        index("tig_group", "retention", &["retentionDays"]),
        unique_index("tig_group_member", "mid", &["groupId", "mid"]),
        // The members of a group in the order in which they came.
        index("tig_group_member", "order", &["groupId", "leftAt", "id"]),
        // The groups of a user by id, and one user in one group. `leftAt` would exceed what MySQL can index.
        index("tig_group_member", "user", &["userId", "groupId"]),
        index("tig_group_member", "nick", &["groupId", "nickKey"]),
        index("tig_group_message", "order", &["groupId", "msg_id"]),
        index("tig_group_message", "client", &["groupId", "clientId", "msg_id"]),
        // One author's messages in order, and how many of them count.
        index("tig_group_message", "corrects", &["corrects"]),
        index("tig_group_message", "author", &["groupId", "mid", "msg_id", "countable"]),
        index("tig_group_mention", "member", &["groupId", "mid", "msg_id"]),
        index("tig_group_mention", "message", &["msg_id"]),
        unique_index("tig_group_ban", "user", &["groupId", "userId"]),
        unique_index("tig_group_pending", "user", &["groupId", "userId"]),
        // Two addresses of 512 characters do not fit into an index of MySQL; a second row for the same device and
        // address would say the same again.
        index("tig_group_session", "jid", &["jid"]),
    ]
}

type Named = (&'static str, IndexCreateStatement);

fn index(table: &'static str, purpose: &str, columns: &[&'static str]) -> Named {
    let mut index = Index::create().table(table).name(format!("idx_{table}_{purpose}")).take();
    for column in columns {
        index.col(*column);
    }
    (table, index)
}

fn unique_index(table: &'static str, purpose: &str, columns: &[&'static str]) -> Named {
    let (table, mut index) = index(table, purpose, columns);
    (table, index.unique().take())
}

fn text(name: &'static str, chars_max: u32) -> ColumnDef {
    ColumnDef::new(name).string_len(chars_max).not_null().take()
}

fn text_or_null(name: &'static str, chars_max: u32) -> ColumnDef {
    ColumnDef::new(name).string_len(chars_max).null().take()
}

fn flag(name: &'static str, default: bool) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().default(default).take()
}

/// MySQL's TEXT ends at 64 KiB.
fn long_text(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    if backend == DbBackend::MySql { column.custom("MEDIUMTEXT").take() } else { column.text().take() }
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn number_or_null(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().null().take()
}
