//! Where a conversation is played: one type for the simulated host and for a real one with a component of its own. On a
//! real host the conversation's domain is replaced by one that no other conversation uses; nobody above sees that.

mod names;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use minidom::Element;
use tokio::time::{Instant, sleep};

use crate::client::{Client, Received, Vanished};
use crate::host;
use crate::real::{Addresses, Component};
use crate::script::{Device, ServiceStep};
pub use names::Names;

/// Password of all accounts of the tests.
pub const PASSWORD: &str = "wonderland";

/// An account that every domain of a real host needs: it finds out when the service is there.
pub const PROBE: &str = "groupchat-probe";

/// How long a started service may take to connect to its host.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(30);

/// How long the probe waits for one answer of the service.
const PING_TIME_MAX: Duration = Duration::from_millis(500);

/// A host with a service.
#[derive(Debug)]
pub enum Stage {
    /// Inside the test, without sockets.
    Simulated(host::Host),
    /// An installed server and the component's binary.
    Real(Box<RealStage>),
}

/// A real host's domain with its component.
#[derive(Debug)]
pub struct RealStage {
    addresses: Addresses,
    names: Names,
    component: Option<Component>,
    probe: Client,
    pings: u32,
}

/// A device's link to the host.
#[derive(Debug)]
pub enum Connection {
    /// To the simulated host.
    Simulated(host::Session),
    /// To a real one, and the domains that it has for the conversation's.
    Real(Client, Names),
}

/// A session whose link was cut and that can be taken up again.
#[derive(Debug)]
pub enum Suspended {
    /// Of the simulated host.
    Simulated(host::Session),
    /// Of a real one.
    Real(Vanished, Names),
}

impl Stage {
    /// A domain of a real host, and another one if the conversation has users there. With `settings` the component is
    /// started, and has connected on return.
    pub async fn real(addresses: Addresses, names: Names, settings: Option<&[String]>) -> Result<Self> {
        let domain = names.domain();
        let component = match settings {
            Some(settings) => {
                let settings: Vec<String> = settings.iter().map(|line| names.outward(line)).collect();
                Some(Component::start(&domain, &addresses, &settings)?)
            }
            None => None,
        };
        let probe = Client::login(addresses.clients, &domain.name, PROBE, PASSWORD, "probe").await?;
        let mut stage = RealStage { addresses, names, component, probe, pings: 0 };
        if stage.component.is_some() {
            stage.wait_for_service().await?;
        }
        Ok(Self::Real(Box::new(stage)))
    }

    /// Waits until the service has found that the host takes one stanza for many users.
    pub async fn wait_for_multicast(&self) -> Result<()> {
        let start = Instant::now();
        while !matches!(self, Self::Real(stage) if stage.component.as_ref().is_none_or(has_multicast)) {
            ensure!(
                start.elapsed() < self.patience(),
                "the service finds no multicast:\n{}",
                self.service_log()
            );
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Logs a device in, without presence.
    pub async fn login(&mut self, device: &Device, resumable: bool) -> Result<Connection> {
        match self {
            Self::Simulated(host) => {
                Ok(Connection::Simulated(host.login(&device.user, &device.resource, resumable)?))
            }
            Self::Real(stage) => {
                let (user, domain) = stage.names.account(&device.user);
                let mut client =
                    Client::login(stage.addresses.clients, domain, user, PASSWORD, &device.resource).await?;
                if resumable {
                    client.enable_resumption().await?;
                }
                Ok(Connection::Real(client, stage.names.clone()))
            }
        }
    }

    /// Takes up a session that vanished.
    pub async fn resume(&mut self, suspended: Suspended) -> Result<Connection> {
        match (self, suspended) {
            (Self::Simulated(host), Suspended::Simulated(session)) => {
                host.resume(&session)?;
                Ok(Connection::Simulated(session))
            }
            (Self::Real(_), Suspended::Real(vanished, names)) => {
                Ok(Connection::Real(Client::resume(vanished).await?, names))
            }
            _ => bail!("a session cannot be resumed at another host"),
        }
    }

    /// Stops or starts the service; returns when that is done.
    pub async fn service(&mut self, step: ServiceStep) -> Result<()> {
        match (self, step) {
            (Self::Simulated(host), step) => host.service(step).await,
            (Self::Real(stage), ServiceStep::Kill) => {
                stage.component()?.kill();
                stage.wait_for_absence().await
            }
            (Self::Real(stage), ServiceStep::Stop) => {
                stage.component()?.stop()?;
                stage.wait_for_absence().await
            }
            (Self::Real(stage), ServiceStep::Start) => {
                stage.component()?.restart()?;
                stage.wait_for_service().await
            }
        }
    }

    /// An error if the service has ended by itself or has done what would end a real link.
    pub fn check(&mut self) -> Result<()> {
        match self {
            Self::Simulated(host) => host.check(),
            Self::Real(stage) => {
                stage.component.as_mut().map_or(Ok(()), |component| component.is_running().map(|_| ()))
            }
        }
    }

    /// What the service says of itself; empty in-process.
    pub fn service_log(&self) -> String {
        match self {
            Self::Simulated(_) => String::new(),
            Self::Real(stage) => stage.component.as_ref().map(Component::log_tail).unwrap_or_default(),
        }
    }

    /// How long a stanza may take to arrive: on a busy machine a server for databases takes seconds to make the tables.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// How long nothing must arrive for it to be silence.
    pub fn quiet_time(&self) -> Duration {
        match self {
            Self::Simulated(_) => Duration::from_millis(20),
            Self::Real(_) => Duration::from_millis(200),
        }
    }

    /// Lets time pass: on a simulated host as fast as it goes.
    pub async fn wait(&self, time: Duration) {
        match self {
            Self::Simulated(host) => host.wait(time).await,
            Self::Real(_) => sleep(time).await,
        }
    }

    /// How long the host needs to notice that a device is gone and to tell others.
    pub fn leave_time(&self) -> Duration {
        match self {
            Self::Simulated(_) => Duration::ZERO,
            Self::Real(_) => Duration::from_millis(100),
        }
    }
}

impl RealStage {
    fn component(&mut self) -> Result<&mut Component> {
        self.component.as_mut().context("this conversation is without service")
    }

    async fn wait_for_service(&mut self) -> Result<()> {
        self.wait_for_answer("result").await.context("the service does not come up")
    }

    async fn wait_for_absence(&mut self) -> Result<()> {
        self.wait_for_answer("error").await.context("the host still has the service")
    }

    /// Pings the service until the answer is of the wanted type.
    async fn wait_for_answer(&mut self, wanted: &str) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < CONNECT_TIME_MAX {
            self.component()?.is_running()?;
            if self.ping_service().await?.is_some_and(|answer| answer.attr("type") == Some(wanted)) {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
        let log = self.component()?.log_tail();
        bail!("no {wanted} to a ping for {CONNECT_TIME_MAX:?}; the service's log:\n{log}")
    }

    /// There may be none: what the host writes in the moment in which the service dies is lost.
    async fn ping_service(&mut self) -> Result<Option<Element>> {
        self.pings += 1;
        let (id, to) = (format!("probe-{}", self.pings), format!("groupchat.{}", self.names.home));
        self.probe
            .send(&format!("<iq type='get' id='{id}' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>"))
            .await?;
        while let Some(answer) = self.probe.next(PING_TIME_MAX).await {
            if answer.stanza.attr("id") == Some(&id) {
                return Ok(Some(answer.stanza));
            }
        }
        Ok(None)
    }
}

impl Connection {
    /// Sends text as it stands.
    pub async fn send(&mut self, text: &str) -> Result<()> {
        match self {
            Self::Simulated(session) => session.send(text),
            Self::Real(client, names) => client.send(&names.outward(text)).await,
        }
    }

    /// The next stanza, if one comes within `patience`.
    pub async fn next(&mut self, patience: Duration) -> Option<Received> {
        match self {
            Self::Simulated(session) => session.next(patience).await,
            Self::Real(client, names) => Some(names.inward(client.next(patience).await?)),
        }
    }

    /// Leaves in order; gives what still came.
    pub async fn close(self) -> Vec<Received> {
        match self {
            Self::Simulated(session) => session.close(),
            Self::Real(client, names) => {
                client.close().await.into_iter().map(|received| names.inward(received)).collect()
            }
        }
    }

    /// Leaves without a word; the host notices.
    pub async fn drop_link(self) -> Result<()> {
        match self {
            Self::Simulated(session) => {
                session.close();
                Ok(())
            }
            Self::Real(client, _) => client.drop_link().await,
        }
    }

    /// Leaves without a word; the host waits for it to come back.
    pub async fn vanish(self) -> Result<Suspended> {
        match self {
            Self::Simulated(session) => {
                session.vanish()?;
                Ok(Suspended::Simulated(session))
            }
            Self::Real(client, names) => Ok(Suspended::Real(client.vanish().await?.0, names)),
        }
    }
}

fn has_multicast(component: &Component) -> bool {
    component.log_text().contains("(multicast)")
}
