//! The namespaces.

/// The protocol itself, as a disco feature.
pub const GROUPCHAT: &str = "http://jabber.org/protocol/groupchat";
/// Query: the groups that the asker is in.
pub const ITEMS: &str = "http://jabber.org/protocol/groupchat#items";
/// Query: what a group says of itself.
pub const GROUPINFO: &str = "http://jabber.org/protocol/groupchat#groupinfo";
/// Query: who is in a group.
pub const MEMBERS: &str = "http://jabber.org/protocol/groupchat#members";
/// Query: one member.
pub const MEMBERINFO: &str = "http://jabber.org/protocol/groupchat#memberinfo";
/// Operation: make a group.
pub const CREATEGROUP: &str = "http://jabber.org/protocol/groupchat#creategroup";
/// Operation: change a group's properties.
pub const UPDATEGROUP: &str = "http://jabber.org/protocol/groupchat#updategroup";
/// Operation: delete a group.
pub const DELETEGROUP: &str = "http://jabber.org/protocol/groupchat#deletegroup";
/// Operation: add members.
pub const ADDMEMBER: &str = "http://jabber.org/protocol/groupchat#addmember";
/// Operation: remove members, ban, leave.
pub const REMOVEMEMBER: &str = "http://jabber.org/protocol/groupchat#removemember";
/// Operation: change nicks and roles of members.
pub const UPDATEMEMBER: &str = "http://jabber.org/protocol/groupchat#updatemember";
/// Operation: change what reaches one's own devices; at the service, who may add one to groups.
pub const MYSETTINGS: &str = "http://jabber.org/protocol/groupchat#mysettings";
/// Operation: become a member, ask for it, accept an invitation.
pub const JOIN: &str = "http://jabber.org/protocol/groupchat#join";
/// Query: who has read a message.
pub const RECEIPTS: &str = "http://jabber.org/protocol/groupchat#receipts";
/// Query: one's groups with what is unread in them.
pub const INBOX: &str = "http://jabber.org/protocol/groupchat#inbox";
/// The picture of a group.
pub const AVATAR: &str = "http://jabber.org/protocol/groupchat#avatar";
/// Form in disco#info: the limits of the service.
pub const LIMITS: &str = "http://jabber.org/protocol/groupchat#limits";
/// Marks the copy of a message for a member who is away.
pub const OFFLINE: &str = "http://jabber.org/protocol/groupchat#offline";

/// Every namespace that is served, for disco.
pub const SERVED: &[&str] = &[
    GROUPCHAT,
    ITEMS,
    GROUPINFO,
    MEMBERS,
    MEMBERINFO,
    CREATEGROUP,
    UPDATEGROUP,
    DELETEGROUP,
    ADDMEMBER,
    REMOVEMEMBER,
    UPDATEMEMBER,
    MYSETTINGS,
    JOIN,
    RECEIPTS,
    INBOX,
    AVATAR,
];

/// Chat states; legacy read receipts live here too. XEP-0085.
pub const CHATSTATES: &str = "http://jabber.org/protocol/chatstates";
/// Chat markers. XEP-0333.
pub const CHAT_MARKERS: &str = "urn:xmpp:chat-markers:0";

/// A client's stream. RFC 6120 §4.8.3.
pub const CLIENT: &str = "jabber:client";
/// A component's stream. XEP-0114 §3.
pub const COMPONENT: &str = "jabber:component:accept";
