//! Decide, store, speak: what cannot be stored is refused to whoever asked, nobody else hears of it, and nothing of it
//! remains. When the database is well again, so is the service, without a restart.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use groupchat_link::{Incoming, Outgoing};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use xmpp_groupchat::app;
use xmpp_groupchat::clock::Clock;
use xmpp_groupchat::config::Config;

struct Service {
    to: mpsc::Sender<Incoming>,
    from: mpsc::Receiver<Outgoing>,
    database: DatabaseConnection,
    _folder: tempfile::TempDir,
}

impl Service {
    async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}", folder.path().join("groupchat.db").display());
        let (to, incoming) = mpsc::channel(64);
        let (outgoing, from) = mpsc::channel(64);
        let config = Config::for_testing("groupchat.shakespeare.lit", &url);
        tokio::spawn(app::run(config, Clock::real(), incoming, outgoing, CancellationToken::new()));
        // The service makes the file.
        let database = loop {
            match Database::connect(&url).await {
                Ok(database) => break database,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        Ok(Self { to, from, database, _folder: folder })
    }

    async fn say(&self, from: &str, stanza: &str) -> Result<()> {
        let head = format!(" xmlns='jabber:component:accept' from='{from}@shakespeare.lit/pda' ");
        let stanza = stanza.replacen(' ', &head, 1).parse().context("the test's own stanza")?;
        Ok(self.to.send(Incoming::Stanza(stanza)).await?)
    }

    /// What comes until there is an error or a message among it.
    async fn hear(&mut self) -> Result<Vec<String>> {
        let mut heard = Vec::new();
        while let Ok(Some(Outgoing { head, to, tail })) =
            timeout(Duration::from_secs(2), self.from.recv()).await
        {
            heard.extend(to.iter().map(|to| format!("{to} {head}{tail}")));
            if heard.iter().any(|heard| heard.contains("type='error'") || heard.contains("type='groupchat'"))
            {
                break;
            }
        }
        Ok(heard)
    }

    async fn sql(&self, statement: &str) -> Result<()> {
        self.database.execute_unprepared(statement).await?;
        Ok(())
    }
}

const CREATE: &str = "<iq type='set' id='c' to='tea@groupchat.shakespeare.lit'>\
    <query xmlns='http://jabber.org/protocol/groupchat#creategroup'><properties>\
    <property name='name' value='Tea'/><property name='members'><item jid='bob@shakespeare.lit'/></property>\
    </properties></query></iq>";
const RENAME: &str = "<iq type='set' id='u' to='tea@groupchat.shakespeare.lit'>\
    <query xmlns='http://jabber.org/protocol/groupchat#updategroup'><property name='name' value='Coffee'/></query></iq>";
const INFO: &str = "<iq type='get' id='i' to='tea@groupchat.shakespeare.lit'>\
    <query xmlns='http://jabber.org/protocol/groupchat#groupinfo'/></iq>";

fn post(id: &str) -> String {
    format!(
        "<message type='groupchat' id='{id}' to='tea@groupchat.shakespeare.lit'><body>Milk?</body></message>"
    )
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_and_nobody_hears_of_it() -> Result<()> {
    let mut service = Service::start().await?;
    service.say("alice", CREATE).await?;
    service.say("alice", &post("m0")).await?;
    let heard = service.hear().await?;
    ensure!(heard.iter().any(|stanza| stanza.contains("id='m0'")), "{heard:#?}");
    while timeout(Duration::from_millis(200), service.from.recv()).await.is_ok() {}

    service.sql("ALTER TABLE tig_group_message RENAME TO elsewhere").await?;
    for refused in [post("m1"), RENAME.to_owned()] {
        service.say("alice", &refused).await?;
        let heard = service.hear().await?;
        ensure!(heard.len() == 1, "one refusal and nothing else: {heard:#?}");
        ensure!(heard[0].starts_with("alice@shakespeare.lit/pda "), "{heard:#?}");
        ensure!(
            heard[0].contains("<internal-server-error ") && heard[0].contains("type='wait'"),
            "{heard:#?}"
        );
    }

    service.sql("ALTER TABLE elsewhere RENAME TO tig_group_message").await?;
    service.say("alice", &post("m2")).await?;
    let heard = service.hear().await?;
    ensure!(heard.iter().any(|stanza| stanza.contains("id='m2'")), "{heard:#?}");
    ensure!(!heard.iter().any(|stanza| stanza.contains("id='m1'")), "{heard:#?}");
    service.say("alice", INFO).await?;
    let answer = loop {
        let Outgoing { tail, head, .. } = service.from.recv().await.context("the service ended")?;
        if head.starts_with("<iq ") {
            break tail;
        }
    };
    ensure!(
        answer.contains("name='Tea'") && !answer.contains("Coffee"),
        "half of the refused change remains: {answer}"
    );
    Ok(())
}
