//! Who is there, what arrived, and what is to be said about it: Prosody's ways, as they were measured.

use std::collections::HashMap;

use super::scan::Head;

/// What was counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Everything that the component said.
    pub stanzas: u64,
    /// Bytes of it.
    pub bytes: u64,
    /// Messages that reached a device.
    pub delivered: u64,
    /// Messages that were kept for an account.
    pub kept: u64,
    /// Messages that came back.
    pub bounced: u64,
    /// Messages that everybody was to get.
    pub expected: u64,
    /// Those of them that everybody has got: a device of his, or his account.
    pub complete: u64,
    /// Copies of those beyond the first that reached an account.
    pub repeated: u64,
    /// Messages of type error: what the component refused.
    pub refused: u64,
    /// Stanzas of the component to itself.
    pub echoed: u64,
    /// Links that ended without a farewell.
    pub links_lost: u64,
}

impl Counts {
    /// Messages that somebody still waits for.
    pub fn incomplete(&self) -> u64 {
        self.expected - self.complete
    }
}

/// Everything that the host knows.
#[derive(Debug)]
pub(super) struct State {
    component: Vec<u8>,
    accounts: HashMap<Vec<u8>, Account>,
    expected: HashMap<Vec<u8>, Arrivals>,
    pub(super) is_linked: bool,
    /// What is to be written.
    pub(super) out: Vec<u8>,
    /// Iqs that answer, by id; for whoever waits for them.
    pub(super) answers: HashMap<Vec<u8>, String>,
    pub(super) counts: Counts,
}

#[derive(Debug)]
struct Account {
    /// Its place in [`Arrivals`].
    number: usize,
    /// Resources of the devices that are there.
    devices: Vec<Vec<u8>>,
}

/// Whom a message has reached.
#[derive(Debug, Default)]
struct Arrivals {
    /// A bit for each account.
    bits: Vec<u64>,
    count: usize,
}

impl State {
    pub(super) fn new(component: &str) -> Self {
        Self {
            component: component.as_bytes().to_vec(),
            accounts: HashMap::new(),
            expected: HashMap::new(),
            is_linked: false,
            out: Vec::new(),
            answers: HashMap::new(),
            counts: Counts::default(),
        }
    }

    pub(super) fn add_account(&mut self, bare: &str) {
        let number = self.accounts.len();
        self.accounts
            .entry(bare.as_bytes().to_vec())
            .or_insert_with(|| Account { number, devices: Vec::new() });
    }

    pub(super) fn log_in(&mut self, full: &str) {
        let (bare, resource) = split(full.as_bytes());
        if let Some(account) = self.accounts.get_mut(bare) {
            account.devices.push(resource.to_vec());
        }
    }

    pub(super) fn log_out(&mut self, full: &str) {
        let (bare, resource) = split(full.as_bytes());
        if let Some(account) = self.accounts.get_mut(bare) {
            account.devices.retain(|device| device != resource);
        }
    }

    pub(super) fn expect(&mut self, id: &str) {
        self.counts.expected += 1;
        self.expected.insert(id.as_bytes().to_vec(), Arrivals::default());
    }

    pub(super) fn is_expected(&self, id: &str) -> bool {
        self.expected.contains_key(id.as_bytes())
    }

    /// The component has greeted.
    pub(super) fn open(&mut self) {
        let header = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                      xmlns:stream='http://etherx.jabber.org/streams' id='counting' from='";
        self.write(&[header.as_bytes(), &self.component.clone(), b"'>"]);
    }

    /// Handles an element of the component.
    pub(super) fn take(&mut self, element: &[u8]) {
        self.counts.stanzas += 1;
        self.counts.bytes += element.len() as u64;
        let head = Head::of(element);
        match head.name {
            b"handshake" => {
                self.is_linked = true;
                self.write(&[b"<handshake/>"]);
            }
            _ if domain(head.to) == self.component => {
                // As every host does.
                self.counts.echoed += 1;
                self.write(&[element]);
            }
            b"message" => self.message(head),
            b"iq" => self.iq(head, element),
            // Presence reaches whoever is there, and nobody hears when nobody is.
            _ => {}
        }
    }

    fn message(&mut self, head: Head<'_>) {
        if head.kind == b"error" {
            self.counts.refused += 1;
            return;
        }
        let (bare, resource) = split(head.to);
        let account = self.accounts.get(bare);
        let is_there = account.is_some_and(|account| account.devices.iter().any(|device| device == resource));
        let is_kept = head.kind != b"groupchat" && account.is_some();
        match account {
            Some(account) if is_there || is_kept => {
                let number = account.number;
                self.counts.delivered += u64::from(is_there);
                self.counts.kept += u64::from(!is_there);
                self.arrived(head.id, number);
            }
            _ => {
                self.counts.bounced += 1;
                self.bounce(head);
            }
        }
    }

    /// One of the messages that everybody is to get, for the account of this number.
    fn arrived(&mut self, id: &[u8], number: usize) {
        let Some(arrivals) = self.expected.get_mut(id) else { return };
        let (word, bit) = (number / 64, 1 << (number % 64));
        if arrivals.bits.is_empty() {
            arrivals.bits = vec![0; self.accounts.len().div_ceil(64)];
        }
        if arrivals.bits[word] & bit != 0 {
            self.counts.repeated += 1;
            return;
        }
        arrivals.bits[word] |= bit;
        arrivals.count += 1;
        if arrivals.count == self.accounts.len() {
            self.counts.complete += 1;
            self.expected.remove(id);
        }
    }

    fn iq(&mut self, head: Head<'_>, iq: &[u8]) {
        let is_ping = || iq.windows(13).any(|window| window == b"urn:xmpp:ping");
        match head.kind {
            b"get" | b"set" if is_ping() => {
                self.write(&[b"<iq type='result' id='", head.id, b"' from='", head.to]);
                self.write(&[b"' to='", head.from, b"'/>"]);
            }
            b"get" | b"set" => self.bounce(head),
            _ => {
                let text = String::from_utf8_lossy(iq).into_owned();
                self.answers.insert(head.id.to_vec(), text);
            }
        }
    }

    /// Prosody's bounce, which has nothing of what it is about.
    fn bounce(&mut self, Head { name, from, to, id, .. }: Head<'_>) {
        self.write(&[b"<", name, b" type='error' id='", id, b"' from='", to, b"' to='", from]);
        self.write(&[
            b"'><error type='cancel'><service-unavailable \
              xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></",
            name,
            b">",
        ]);
    }

    fn write(&mut self, parts: &[&[u8]]) {
        parts.iter().for_each(|part| self.out.extend_from_slice(part));
    }
}

/// The account, and the device or nothing.
fn split(jid: &[u8]) -> (&[u8], &[u8]) {
    let slash = jid.iter().position(|byte| *byte == b'/');
    slash.map_or((jid, &[]), |slash| (&jid[..slash], &jid[slash + 1..]))
}

fn domain(jid: &[u8]) -> &[u8] {
    let (bare, _) = split(jid);
    let at = bare.iter().position(|byte| *byte == b'@');
    at.map_or(bare, |at| &bare[at + 1..])
}
