//! One member of a group.

use std::sync::Arc;

use precis_profiles::precis_core::profile::PrecisFastInvocation;

use crate::address::{settled, written_as_text};
use crate::{BareJid, Limits, Mentions, Refusal, StanzaId, Timestamp};

/// Longest key of a nick, in characters: case folding may make it longer than the nick.
const NICK_KEY_CHARS_MAX: usize = 255;

/// What a member may do; PROTOCOL: roles owner, admin, member. Ordered: a higher role may more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Takes part.
    Member,
    /// Also looks after members and settings.
    Admin,
    /// Also makes admins and owners, and may delete the group.
    Owner,
}

impl Role {
    /// The role's name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads a role's name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Member, Self::Admin, Self::Owner].into_iter().find(|role| role.as_str() == text)
    }
}

/// The member id: the resource of the member's address in the group. Unique there, never given to anybody else later.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mid(Arc<str>);

impl Mid {
    /// Reads a member id that a client chose. It must be a resourcepart by RFC 7622 §3.4, for it becomes one.
    ///
    /// # Errors
    /// [`Refusal::Address`]: empty, too long, or not a resource.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, Refusal> {
        let resource = |text: &str| Some(jid::ResourcePart::new(text).ok()?.as_str().to_owned());
        let canonical = settled(text, resource)
            // Some databases do not tell `x` from `x `, nor do people.
            .filter(|canonical| canonical.trim() == canonical)
            .ok_or_else(|| Refusal::Address(format!("`{text}` cannot be a member id")))?;
        if canonical.chars().count() > limits.nick_chars {
            return Err(Refusal::TooLong { what: "member id", chars_max: limits.nick_chars });
        }
        Ok(Self(canonical.into()))
    }

    /// An id that was parsed before, as the database or an address of ours holds it.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name that others see. Shown as sent, compared by the Nickname profile of RFC 8266 (see [`Nick::key`]).
#[derive(Clone, PartialEq, Eq)]
pub struct Nick(Arc<str>);

impl Nick {
    /// Reads a nick that a client chose.
    ///
    /// # Errors
    /// [`Refusal`] when it is empty, too long, or not a nickname by RFC 8266.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, Refusal> {
        let enforced = precis_profiles::Nickname::enforce(text)
            .map_err(|_| Refusal::Malformed(format!("`{text}` cannot be a nick")))?;
        let nick = Self(enforced.as_ref().into());
        if nick.0.chars().count() > limits.nick_chars || nick.key().chars().count() > NICK_KEY_CHARS_MAX {
            return Err(Refusal::TooLong { what: "nick", chars_max: limits.nick_chars });
        }
        Ok(nick)
    }

    /// A nick that was parsed before, as the database holds it.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Can it stand in an address, as rooms have it? Not every host carries what is newer than Unicode 3.2 there, as emoji.
    /// RFC 6122 §2.4.
    pub fn is_resource(&self) -> bool {
        let has_controls = || self.0.chars().any(char::is_control);
        if self.0.is_ascii() {
            return !has_controls();
        }
        jid::ResourcePart::new(&self.0).is_ok_and(|resource| resource.as_str() == &*self.0)
    }

    /// How a room calls the member with this nick and this id: by the nick, if it can stand in an address.
    pub fn in_room<'a>(&'a self, mid: &'a Mid) -> &'a str {
        if self.is_resource() { &self.0 } else { &mid.0 }
    }

    /// What two nicks are compared by: equal keys are one nick to a reader. RFC 8266 §2.4.
    pub fn key(&self) -> String {
        precis_profiles::Nickname::enforce(self.0.to_lowercase())
            .map_or_else(|_| self.0.to_lowercase(), std::borrow::Cow::into_owned)
    }
}

written_as_text!(Mid, Nick);

/// One member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The account, from any domain that the host can reach.
    pub jid: BareJid,
    /// The address inside the group.
    pub mid: Mid,
    /// The shown name.
    pub nick: Nick,
    /// What the member may do.
    pub role: Role,
    /// Since when.
    pub joined: Timestamp,
    /// Everything up to here was read.
    pub read: StanzaId,
    /// How many of the group's countable messages are no news to this member: those before he came, those he
    /// has read, his own. What the group has counted beyond it is unread.
    pub seen: i64,
    /// Which messages reach this member's devices.
    pub receive: Receive,
    /// Nothing reaches them until then.
    pub mute_until: Option<Timestamp>,
}

impl Member {
    /// How a room calls him.
    pub fn room_name(&self) -> &str {
        self.nick.in_room(&self.mid)
    }

    /// The keys of all names that nobody else may have: of the nick, and of how a room calls him.
    pub(crate) fn name_keys(&self) -> impl Iterator<Item = String> {
        let by_mid = (!self.nick.is_resource()).then(|| Nick(self.mid.0.clone()).key());
        std::iter::once(self.nick.key()).chain(by_mid)
    }

    /// Does a message reach this member's devices now? (His own ones always do; that is not asked here.)
    pub fn wants(&self, mentions: &Mentions, now: Timestamp) -> bool {
        let is_muted = self.mute_until.is_some_and(|until| until > now);
        !is_muted
            && match self.receive {
                Receive::All => true,
                Receive::Mentions => mentions.include(&self.mid),
                Receive::None => false,
            }
    }
}

/// Which messages reach a member's devices. The others are counted and archived all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receive {
    /// All.
    All,
    /// Those that mention the member.
    Mentions,
    /// None.
    None,
}

impl Receive {
    /// The text on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Mentions => "mentions",
            Self::None => "none",
        }
    }

    /// Reads such a text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::All, Self::Mentions, Self::None].into_iter().find(|receive| receive.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nicks_that_look_alike_are_one() {
        let limits = Limits::default();
        let key = |text| Nick::parse(text, &limits).unwrap().key();
        assert_eq!(key("  Foo   Bar "), key("foo bar"));
        assert_eq!(key("ＡＢＣ"), key("abc"));
        assert_ne!(key("Σ"), key("E"));
        assert!(Nick::parse("", &limits).is_err());
        assert!(Nick::parse("a\u{0}b", &limits).is_err());
        for long in ["n".repeat(65), "ﷺ".repeat(5)] {
            assert!(matches!(Nick::parse(&long, &limits), Err(Refusal::TooLong { .. })), "{long}");
        }
    }

    #[test]
    fn a_member_id_is_a_resource() {
        let limits = Limits::default();
        assert_eq!(Mid::parse("凤 2", &limits).unwrap().as_str(), "凤 2");
        for text in ["", "🐎", "a\nb", "x ", &"m".repeat(65), &"ﷺ".repeat(31)] {
            assert!(Mid::parse(text, &limits).is_err(), "{text:?}");
        }
    }
}
