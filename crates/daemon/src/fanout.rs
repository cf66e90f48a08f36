//! What the rules want said, as stanzas with their recipients: once for the protocol's own clients, and once more for
//! those that joined the group as a room, if any did (`fanout/rooms.rs`).
//!
//! Not here: when it is said. The engine sends it once it is stored.

mod rooms;

use std::sync::Arc;

use groupchat_core::delivery::{self, Devices};
use groupchat_core::{
    Archived, BareJid, Event, Group, GroupId, Jid, Member, Mentions, Mid, Post, Presence, Receive, Role,
    StanzaId, Timestamp,
};
use groupchat_dialect::encode::{self, Words};
use groupchat_dialect::{Origin, Outbound};
use groupchat_link::Outgoing;

use crate::config::Absent;

/// Announcements of more bytes go only to those who are known to be there. To all others they go in case they are: with
/// this size and thousands of members that would be hundreds of megabytes to throw away.
const LARGE_BYTES: usize = 16 * 1_024;

/// For the link, in the lane of its group.
pub(crate) fn outgoing_of(outbound: Outbound, group: Option<&GroupId>) -> Outgoing {
    let Outbound { head, to, tail } = outbound;
    Outgoing { head, to, tail, lane: group.map(|group| group.as_str().into()) }
}

/// Makes the stanzas of one request: knows the service and who is where at that moment.
pub(crate) struct Fanout<'a> {
    /// The service's domain.
    pub(crate) domain: &'a str,
    /// What members get who are away.
    pub(crate) absent: Absent,
    /// Who is online where.
    pub(crate) presence: Presence<'a>,
}

impl Fanout<'_> {
    /// The group as stanzas name it.
    pub(crate) fn name<'g>(&'g self, group: &'g Group) -> encode::Group<'g> {
        encode::Group { domain: self.domain, id: &group.id, name: &group.settings.name }
    }

    /// An announcement to every member and to those who just went; the asking device's copy has the request's id.
    pub(crate) fn announcement(&self, group: &Group, event: &Event, origin: &Origin) -> Vec<Outbound> {
        let gone: Vec<&BareJid> = match event {
            Event::Removed { who, .. } => {
                // Somebody who is banned without ever having been in is not told: he need not know the group.
                who.iter().filter(|gone| gone.member.is_some()).map(|gone| &gone.jid).collect()
            }
            Event::Created { .. }
            | Event::Updated { .. }
            | Event::Deleted(_)
            | Event::Subject { .. }
            | Event::Added(_)
            | Event::MembersUpdated { .. } => Vec::new(),
        };
        let to = delivery::announcement(group, self.presence, &origin.from, gone);
        let name = self.name(group);
        let request_id = origin.carrier.id().map(|id| &**id);
        // Who asks in the words of rooms hears of it in these.
        let asker = to.asker.filter(|_| !origin.carrier.is_of_rooms());
        [
            (asker.into_iter().collect::<Vec<_>>(), true, request_id),
            (to.actor, true, None),
            (to.others, false, None),
        ]
        .into_iter()
        .filter(|(to, ..)| !to.is_empty())
        .map(|(to, own, id)| self.not_in_vain(encode::announcement(&name, event, own, id, to)))
        .filter(|news| !news.to.is_empty())
        .collect()
    }

    /// An announcement for those for whom it is worth its bytes.
    fn not_in_vain(&self, mut news: Outbound) -> Outbound {
        if news.tail.len() > LARGE_BYTES {
            news.to.retain(|to| !self.presence.sessions.of(Jid::from_stored(to).bare()).is_empty());
        }
        news
    }

    /// An announcement said again, in the words of the archive: to the members who had come by then, and who left with it.
    pub(crate) fn announced(&self, group: &Group, row: &Archived, left: &[BareJid]) -> Option<Outbound> {
        let were_there = group.members().iter().filter(|member| member.joined <= row.at);
        let to = were_there.map(|member| &member.jid).chain(left);
        let to =
            to.filter(|jid| self.presence.sessions.takes_announcements(jid)).map(BareJid::text).collect();
        let news = self.not_in_vain(encode::news(&self.name(group), &row.payload, to));
        (!news.to.is_empty()).then_some(news)
    }

    /// A request to join, to those who answer it.
    pub(crate) fn request(&self, group: &Group, content: &str) -> Outbound {
        let answering = group.members().iter().filter(|member| member.role >= Role::Admin);
        encode::news(&self.name(group), content, answering.map(|member| member.jid.text()).collect())
    }

    /// The message to a new member, if he is away.
    pub(crate) fn welcome(
        &self,
        group: &Group,
        member: &Member,
        by: (&BareJid, Option<&str>),
        words: Words,
        id: StanzaId,
    ) -> Option<Outbound> {
        let sessions = self.presence.sessions;
        let is_away = sessions.of(&member.jid).is_empty() && sessions.takes_letters(&member.jid);
        let is_in_room =
            self.presence.rooms.of(&group.id).is_some_and(|room| !room.of(&member.jid).is_empty());
        // Who came on his own knows it, and who is there, too.
        (is_away && !is_in_room && *by.0 != member.jid)
            .then(|| encode::welcome(&self.name(group), member, by, self.kept(words), id))
    }

    /// The invitation of somebody who wants to be asked.
    pub(crate) fn invite(
        &self,
        group: &Group,
        who: (&BareJid, Role),
        by: (&BareJid, Option<&str>),
        words: Words,
        since: Timestamp,
    ) -> Outbound {
        encode::invite(&self.name(group), who, by, self.kept(words), since)
    }

    /// Where nothing is said as a conversation of two, no message about a group is one either.
    fn kept(&self, words: Words) -> Words {
        match (words, self.absent) {
            (Words::Body, Absent::Archive) => Words::Invitation,
            (words, Absent::Archive | Absent::Message) => words,
        }
    }

    /// The copies of a stored message.
    pub(crate) fn message(&self, group: &Group, message: &Archived, now: Timestamp) -> Vec<Outbound> {
        let copies = delivery::message(
            group,
            self.presence,
            &message.mid,
            &message.mentions,
            (message.id, message.at),
            now,
        );
        self.live(group, message, copies.live).chain(self.absent_copy(message, copies.absent)).collect()
    }

    /// The live copies of a stored message, in each form that somebody hears.
    fn live<'m>(
        &'m self,
        group: &'m Group,
        message: &'m Archived,
        to: Devices,
    ) -> impl Iterator<Item = Outbound> + use<'m> {
        let Devices { native, rooms } = to;
        let native = (!native.is_empty()).then(|| encode::copy(self.domain, message, native, false));
        let rooms = (!rooms.is_empty())
            .then(|| encode::room_copy(self.domain, message, nick_of(group, &message.mid), rooms));
        native.into_iter().chain(rooms)
    }

    /// The copies for members who are away, if the service makes any.
    pub(crate) fn absent_copy(&self, message: &Archived, to: Vec<Arc<str>>) -> Option<Outbound> {
        let wanted = self.absent == Absent::Message && !to.is_empty();
        wanted.then(|| encode::copy(self.domain, message, to, true))
    }

    /// A stored message for one member once more, with the time when it was said: to his devices, or, if he has none and his
    /// server takes them, as a copy for later.
    pub(crate) fn once_more(
        &self,
        group: &Group,
        member: &BareJid,
        row: &Archived,
        nick: &str,
        takes_copies: bool,
    ) -> Vec<Outbound> {
        let Devices { native, rooms } = delivery::of_account(group, self.presence, member);
        if native.is_empty() && rooms.is_empty() {
            let wanted = takes_copies && self.absent == Absent::Message;
            return wanted
                .then(|| encode::late_copy(self.domain, row, vec![member.text()], true))
                .into_iter()
                .collect();
        }
        let native = (!native.is_empty()).then(|| encode::late_copy(self.domain, row, native, false));
        let rooms = rooms.into_iter().map(|to| encode::room_past(self.domain, row, nick, to));
        native.into_iter().chain(rooms).collect()
    }

    /// The copies of something that is not kept.
    pub(crate) fn ephemeral(
        &self,
        group: &Group,
        author: &Mid,
        post: &Post,
        now: Timestamp,
    ) -> Vec<Outbound> {
        let to = delivery::message(
            group,
            self.presence,
            author,
            &Mentions::default(),
            (StanzaId(i64::MAX), now),
            now,
        )
        .live;
        let Devices { native, rooms } = to;
        let native =
            (!native.is_empty()).then(|| encode::ephemeral(self.domain, &group.id, author, post, native));
        let name = self.name(group);
        let rooms = (!rooms.is_empty())
            .then(|| encode::room_ephemeral(&name, (author, nick_of(group, author)), post, rooms));
        native.into_iter().chain(rooms).collect()
    }

    /// The copies of a stored message for everybody, whatever he wants to hear.
    pub(crate) fn to_everybody(&self, group: &Group, message: &Archived) -> Vec<Outbound> {
        let absent = delivery::all_absent(group, self.presence, (message.id, message.at));
        self.to_all_devices(group, message).into_iter().chain(self.absent_copy(message, absent)).collect()
    }

    /// The copies of a stored message for everybody who is there, whatever he wants to hear; nobody else misses it.
    pub(crate) fn to_all_devices(&self, group: &Group, message: &Archived) -> Vec<Outbound> {
        let to = delivery::all_devices(group, self.presence, (message.id, message.at));
        self.live(group, message, to).collect()
    }

    /// That a moderator took a message back, for everybody who is there.
    pub(crate) fn moderated(&self, group: &Group, row: &Archived) -> Vec<Outbound> {
        let Devices { native, rooms } = delivery::all_devices(group, self.presence, (row.id, row.at));
        let name = self.name(group);
        let native = (!native.is_empty()).then(|| encode::moderated(&name, row.id, &row.payload, native));
        let rooms =
            (!rooms.is_empty()).then(|| encode::room_moderated(&name, row, nick_of(group, &row.mid), rooms));
        native.into_iter().chain(rooms).collect()
    }

    /// What reaches one's devices, for one's other ones.
    pub(crate) fn my_settings(
        &self,
        group: &Group,
        receive: Receive,
        mute_until: Option<Timestamp>,
        device: &Jid,
    ) -> Option<Outbound> {
        let to = delivery::devices(group, self.presence, [device.bare()], device).native;
        (!to.is_empty()).then(|| encode::my_settings(&self.name(group), receive, mute_until, to))
    }

    /// The copies of a receipt: to the author's devices, and the reader's others.
    pub(crate) fn receipt(&self, group: &Group, receipt: &Receipt<'_>, reader_device: &Jid) -> Vec<Outbound> {
        let users = receipt.author.into_iter().chain([reader_device.bare()]);
        let Devices { native, rooms } = delivery::devices(group, self.presence, users, reader_device);
        let id = receipt.client_id.map(|id| &**id);
        let Receipt { reader, message_id, displayed, .. } = *receipt;
        let native = (!native.is_empty())
            .then(|| encode::receipt(self.domain, &group.id, reader, message_id, id, displayed, native));
        let (name, reader) = (self.name(group), (reader, nick_of(group, reader)));
        let rooms = (!rooms.is_empty())
            .then(|| encode::room_receipt(&name, reader, message_id, id, displayed, rooms));
        native.into_iter().chain(rooms).collect()
    }
}

/// The nick of a member; of somebody who has left, what he was known by to others than rooms.
pub(crate) fn nick_of<'g>(group: &'g Group, mid: &'g Mid) -> &'g str {
    group.member_by_mid(mid).map_or(mid.as_str(), Member::room_name)
}

/// A read receipt to be passed on.
pub(crate) struct Receipt<'a> {
    /// Who read.
    pub(crate) reader: &'a Mid,
    /// Whose message; `None`: he is not to hear of it.
    pub(crate) author: Option<&'a BareJid>,
    /// What the receipt names the message by.
    pub(crate) message_id: &'a str,
    /// The stanza `id` of the reader's receipt.
    pub(crate) client_id: Option<&'a Arc<str>>,
    /// Written as XEP-0333 `displayed`.
    pub(crate) displayed: bool,
}
