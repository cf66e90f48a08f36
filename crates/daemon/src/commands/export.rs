//! `xmpp-groupchat export`: what is kept of a group, or of an account, as lines of JSON, while the component runs.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;
use groupchat_core::{BareJid, GroupId};
use groupchat_store::Store;
use groupchat_store::portable::{FORMAT, FORMAT_VERSION, Header, Moment, What};

use super::{ConfigFile, complain};
use crate::clock::Clock;
use crate::config::Config;
use crate::transfer::lines;

/// What is exported, and where it goes.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// A new file to write to, which only its owner may read; without it, standard output
    #[arg(long, value_name = "FILE", global = true)]
    to: Option<PathBuf>,
    #[command(subcommand)]
    what: Wanted,
}

#[derive(Debug, Subcommand)]
enum Wanted {
    /// A group: settings, members, bans, messages; `import file` takes it
    Group {
        /// Its address, or its id
        address: String,
    },
    /// An account: its groups, what it wrote, its devices, what it has read
    User {
        /// Its address
        jid: String,
    },
}

/// Writes it, and says how much it was on standard error.
pub(super) async fn export(config: Config, options: &Options) -> anyhow::Result<()> {
    let store = Store::open_existing(&config.database.url).await.context("opening the database")?;
    let domain = config.component.domain;
    let (what, of, mut export) = match &options.what {
        Wanted::Group { address } => {
            let id = group_id(address, &domain)?;
            let Some(export) = store.export_group(&id).await? else { bail!("there is no group `{id}`") };
            (What::Group, id.to_string(), export)
        }
        Wanted::User { jid } => {
            let jid = BareJid::parse(jid)?;
            (What::User, jid.to_string(), store.export_user(&jid).await?)
        }
    };
    let (format, at) = (FORMAT.to_owned(), Moment(Clock::real().now().0));
    let header = Header { format, version: FORMAT_VERSION, what, of, domain, at };
    let mut to = lines::target(options.to.as_deref())?;
    let written = lines::write(&mut to, header, &mut export).await;
    if let (Err(_), Some(file)) = (&written, &options.to) {
        // Half of it is of no use; the error is the one to tell.
        let _ = std::fs::remove_file(file);
    }
    let records = written?;
    drop(export);
    complain(&format!("{records} records"));
    store.close().await.context("closing the database")
}

/// The group that an address of the service names, or an id.
fn group_id(address: &str, domain: &str) -> anyhow::Result<GroupId> {
    let Some((id, at)) = address.split_once('@') else { return Ok(GroupId::parse(address)?) };
    if BareJid::parse(at)? != BareJid::parse(domain)? {
        bail!("`{address}` is not at {domain}");
    }
    Ok(GroupId::parse(id)?)
}
