//! The `group` line: connects the members, makes the group, and swallows what everybody hears of it.

use anyhow::{Result, bail};
use tokio::time::sleep;

use super::inbox::bare;
use super::{Play, Problem};
use crate::client::Received;
use crate::script::{Device, Leaving, Login, Presence, Setup, bare_jid, split_user};
use crate::xml::{escape, pretty};

/// How the members come.
const SLIM: Login = Login { presence: Presence::Announced, resumable: false };

impl Play {
    pub(super) async fn set_up(&mut self, setup: &Setup) -> Result<(), Problem> {
        let creator = Device::of(&setup.creator().user);
        for member in setup.members.iter().filter(|member| !member.away || member.user == creator.user) {
            if !self.connected.keys().any(|device| device.user == member.user) {
                self.login(&Device::of(&member.user), SLIM).await?;
            }
        }
        let absent = |play: &Self, user: &str| !play.connected.keys().any(|device| device.user == user);
        let invited = setup.members.iter().filter(|member| absent(self, &member.user));
        let invited: Vec<_> = invited.map(|member| (member.user.clone(), setup.jid.clone())).collect();
        self.invited.extend(invited);
        self.send_raw(&creator, &creation(setup)).await?;
        let present: Vec<Device> = self
            .connected
            .keys()
            .filter(|device| setup.members.iter().any(|member| member.user == device.user))
            .cloned()
            .collect();
        for device in &present {
            self.await_announcement(device, &setup.jid).await?;
        }
        self.sync(&present).await?;
        sleep(self.stage.leave_time()).await;
        self.drain_all().await;
        for device in &present {
            let repeats = &mut self.repeats;
            self.inboxes.entry(device.clone()).or_default().retain(|received| {
                let is_swallowed = is_from(received, &setup.jid);
                if is_swallowed {
                    repeats.is_one(device, &received.stanza);
                }
                !is_swallowed
            });
        }
        if setup.creator().away {
            self.leave(&creator, Leaving::Closing).await?;
        }
        Ok(())
    }

    /// Reads up to the announcement; what others sent meanwhile stays to be received.
    async fn await_announcement(&mut self, device: &Device, group: &str) -> Result<()> {
        let patience = self.stage.patience();
        let mut others = Vec::new();
        loop {
            let Some(received) = self.next(device, patience).await else {
                self.stage.check()?;
                bail!("{device} did not hear of the new group {group} within {patience:?}");
            };
            let stanza = &received.stanza;
            match (is_from(&received, group), stanza.name(), stanza.attr("type")) {
                (true, "presence", None) => break,
                (true, _, Some("error")) => bail!("the group was not made:\n{}", pretty(stanza, 2)),
                (true, _, _) => {}
                (false, _, _) => others.push(received),
            }
        }
        self.inboxes.entry(device.clone()).or_default().extend(others);
        Ok(())
    }
}

fn is_from(received: &Received, group: &str) -> bool {
    received.stanza.attr("from").is_some_and(|from| bare(from) == group)
}

/// The presence that makes the group. Member id and nick are the localpart.
fn creation(setup: &Setup) -> String {
    let property = |(name, value): (&str, &str)| {
        format!("<property name='{}'>{}</property>", escape(name), escape(value))
    };
    let settings: String = std::iter::once(("name", setup.name.as_str()))
        .chain(setup.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .map(property)
        .collect();
    let items: String = setup
        .members
        .iter()
        .map(|member| {
            let (jid, role) = (escape(&bare_jid(&member.user)), &member.role);
            let name = escape(split_user(&member.user).0);
            format!("<item jid='{jid}' nick='{name}' mid='{name}' role='{role}'/>")
        })
        .collect();
    format!(
        "<presence to='{}' id='setup'><x xmlns='http://jabber.org/protocol/groupchat#creategroup'/>\
         <properties>{settings}<property name='members'>{items}</property></properties></presence>",
        escape(&setup.jid)
    )
}
