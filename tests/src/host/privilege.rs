//! What the host tells the service unasked (XEP-0356): that it may know who is online, who is, who comes and who goes.
//! As Prosody's `mod_privilege` was measured to do.

use minidom::Element;
use tokio::sync::mpsc;

use super::state::State;
use crate::script::{HOST, SERVICE, split_user};
use crate::xml::{CLIENT_NS, set_attribute};

const NAMESPACE: &str = "urn:xmpp:privilege:2";

impl State {
    /// The service's link is up: it is told what it may know, and all of it.
    pub(super) fn connect_service(&mut self, link: mpsc::UnboundedSender<Element>) {
        self.service = Some(link);
        if !self.tells_presence {
            return;
        }
        let mut permission = Element::bare("perm", NAMESPACE);
        set_attribute(&mut permission, "access", "presence");
        set_attribute(&mut permission, "type", "managed_entity");
        let mut advertisement = Element::bare("message", CLIENT_NS);
        set_attribute(&mut advertisement, "from", HOST);
        set_attribute(&mut advertisement, "to", SERVICE);
        advertisement.append_child(Element::builder("privilege", NAMESPACE).append(permission).build());
        self.route(advertisement);
        let everybody: Vec<_> =
            self.sessions.values().filter_map(|session| session.presence.clone()).collect();
        everybody.iter().for_each(|presence| self.pass_on(presence));
    }

    /// Passes on what a device says to everybody. While the service is down, the device is told that it did not arrive.
    /// Here of users of its own domain alone; who is online when the service comes is told of all domains.
    pub(super) fn tell_service(&mut self, user: &str, presence: &Element) {
        if self.tells_presence && split_user(user).1 == HOST {
            self.pass_on(presence);
        }
    }

    fn pass_on(&mut self, presence: &Element) {
        let mut told = presence.clone();
        set_attribute(&mut told, "to", SERVICE);
        self.route(told);
    }
}
