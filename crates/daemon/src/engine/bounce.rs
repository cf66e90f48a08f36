//! A message of ours came back: the device is gone, and if it was the member's last, he gets the message for later.

use groupchat_dialect::{Bounce, Outbound};
use tracing::{debug, error};

use super::{Engine, Work};

impl Engine {
    pub(super) async fn bounce(&mut self, work: &mut Work, bounce: Bounce) {
        if bounce.from.resource().is_none() {
            // What a host was to keep and did not stays in the archive.
            debug!(member = %bounce.from, "A copy for later was not taken by the member's server");
            return;
        }
        work.sessions.extend(self.sessions.end(&bounce.from));
        if self.sessions.of(bounce.from.bare()).is_empty() {
            let copy = self.missed(work, &bounce).await;
            work.say(None, copy.into_iter().collect());
        }
    }

    /// The copy for later of the message that came back, for a member who is entitled to it still.
    async fn missed(&mut self, work: &mut Work, bounce: &Bounce) -> Option<Outbound> {
        let (id, mid) = (bounce.id.as_deref()?, bounce.mid.as_ref()?);
        let group = match work.group(&mut self.groups, &bounce.group).await {
            Ok(group) => group?,
            Err(problem) => {
                error!(error = %problem, "A message that came back cannot be looked up: {problem}");
                return None;
            }
        };
        let member = group.member(bounce.from.bare()).filter(|_| !group.deleted)?;
        let to = vec![member.jid.text()];
        match self.store.message(&bounce.group, id).await {
            Ok(message) => {
                let message = message.filter(|message| message.mid == *mid)?;
                self.fanout().absent_copy(&message, to)
            }
            Err(problem) => {
                error!(error = %problem, "A message that came back cannot be read: {problem}");
                None
            }
        }
    }
}
