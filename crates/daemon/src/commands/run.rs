//! `xmpp-groupchat run`: the component, until a signal.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use groupchat_core::BareJid;
use groupchat_link::LinkConfig;
use groupchat_link::queue::{QueueLimits, Sender, queue};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::scheme;
use crate::admin::Admin;
use crate::clock::Clock;
use crate::config::{Config, Http, Multicast};
use crate::watch::Watch;
use crate::{app, control, http, notify, signals};

/// Stanzas that may wait between the link and the service, each way.
const STANZAS_MAX: usize = 1_024;
/// How long a stop waits for all that came to be stored. The link takes up to eleven seconds of it, if the server is slow; the
/// unit gives twenty for everything.
const STOP_PATIENCE: Duration = Duration::from_secs(14);

/// How the link is made that this configuration asks for.
pub(super) fn link_config(config: &Config) -> LinkConfig {
    let component = &config.component;
    let mut link = LinkConfig::new(&component.domain, &component.server, component.secret.clone());
    if config.delivery.multicast != Multicast::Off {
        link.server_domain = component.domain.split_once('.').map(|(_, server)| server.to_owned());
        link.external_multicast = config.delivery.multicast == Multicast::External;
    }
    link
}

/// The component: the service behind a link, until a signal. The link closes first, and the service works on until it has: what the
/// server had sent by then is stored, and said at the next start, while everybody else hears an error of the server's.
pub(super) async fn run(config: Config, file: &Path) -> anyhow::Result<()> {
    let component = &config.component;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        domain = component.domain,
        server = component.server,
        database = scheme(&config.database.url),
        "Starting {} for the XMPP server at {}",
        component.domain,
        component.server
    );
    let service = app::Service::new(config.clone(), Clock::real()).configured_by(file);
    let mut link_config = link_config(&config);
    link_config.status = service.watch().metrics().link_status();
    let (to_service, incoming) = mpsc::channel(STANZAS_MAX);
    let (outgoing, to_link) = queue(QueueLimits::default());
    let (stop_link, stop_rest) = (CancellationToken::new(), CancellationToken::new());
    let link = tokio::spawn(groupchat_link::run(link_config, to_service, to_link, stop_link.clone()));
    let (watch, newest) = (service.watch(), service.newest());
    let front = front(&config, watch.clone(), &outgoing, &stop_rest);
    let admin = service.admin();
    let asked_to_stop = admin.stop.clone();
    let control = control(&config, admin, &stop_rest);
    // It ends when the link has.
    let service = service.run(incoming, outgoing, CancellationToken::new());
    tokio::pin!(service);
    let served = tokio::select! {
        served = &mut service => served,
        () = notify::keep_telling(&watch) => Ok(()),
        () = signals::reload_when_asked(file, &newest) => Ok(()),
        heard = async {
            tokio::select! {
                heard = signals::stop_requested() => heard,
                () = asked_to_stop.cancelled() => Ok(()),
            }
        } => {
            heard.context("listening to signals")?;
            notify::stopping();
            stop_link.cancel();
            tokio::time::timeout(STOP_PATIENCE, service).await.unwrap_or_else(|_| {
                let seconds = STOP_PATIENCE.as_secs();
                bail!("the database took too long: not all that came was stored within {seconds} s of the stop")
            })
        }
    };
    stop_link.cancel();
    stop_rest.cancel();
    link.await.context("the link task failed")?;
    front.await.context("the HTTP task failed")?;
    control.await.context("the control task failed")?;
    info!("Stopped");
    served
}

/// Metrics, health and the page, if they are wanted, until the link is closed.
fn front(
    config: &Config,
    watch: Watch,
    outgoing: &Sender,
    stop: &CancellationToken,
) -> tokio::task::JoinHandle<()> {
    let Config { component, http: Http { listen }, .. } = config.clone();
    let (outgoing, stop) = (outgoing.clone(), stop.clone());
    tokio::spawn(async move {
        let Ok(domain) = BareJid::parse(&component.domain) else { return };
        if !listen.is_empty() {
            http::serve(&listen, watch, (domain, component.server), outgoing, stop).await;
        }
    })
}

/// The control socket, if it is wanted, until the link is closed.
fn control(config: &Config, admin: Admin, stop: &CancellationToken) -> tokio::task::JoinHandle<()> {
    let (socket, stop) = (config.control.socket.clone(), stop.clone());
    tokio::spawn(async move {
        if !socket.as_os_str().is_empty() {
            control::serve(&socket, admin, stop).await;
        }
    })
}
