//! The domains of a conversation and those that a real host has in their place.

use crate::client::Received;
use crate::real::Domain;
use crate::script::{ELSEWHERE, HOST, split_user};
use crate::xml;

/// What stands for the domains that conversations are written for. No name is a part of another.
#[derive(Debug, Clone)]
pub struct Names {
    /// In the place of [`HOST`].
    pub home: String,
    /// In the place of [`ELSEWHERE`].
    pub elsewhere: String,
}

/// Secret of all components of the conversations.
const SECRET: &str = "rabbit-hole";

impl Names {
    /// The domain with its component.
    pub fn domain(&self) -> Domain {
        Domain { name: self.home.clone(), component_secret: SECRET.to_owned() }
    }

    /// Localpart and domain of a user there.
    pub fn account<'a>(&'a self, user: &'a str) -> (&'a str, &'a str) {
        let (local, domain) = split_user(user);
        (local, if domain == ELSEWHERE { &self.elsewhere } else { &self.home })
    }

    /// Text of the conversation for the host.
    pub(super) fn outward(&self, text: &str) -> String {
        text.replace(HOST, &self.home).replace(ELSEWHERE, &self.elsewhere)
    }

    /// What the host said in the words of the conversation.
    pub(super) fn inward(&self, mut received: Received) -> Received {
        let inward = |text: &str| text.replace(&self.home, HOST).replace(&self.elsewhere, ELSEWHERE);
        xml::map_strings(&mut received.stanza, &inward);
        received
    }
}
