//! The settings of a group: its properties by name and value, their defaults, and who may what because of them.
//!
//! A property that is not named here is refused, so that nobody believes a wish to be granted that is not.

use std::borrow::Cow;
use std::sync::Arc;

use crate::{Limits, Refusal, Role};

/// Who can see a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visibility {
    /// To others than its members it does not exist.
    #[default]
    Private,
    /// Listed, and open to questions about itself.
    Public,
}

/// From which role on something is permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Owners and admins.
    Admins,
    /// Every member.
    Members,
}

impl By {
    /// Does it permit this role?
    pub fn permits(self, role: Role) -> bool {
        match self {
            Self::Admins => role >= Role::Admin,
            Self::Members => true,
        }
    }
}

/// How somebody becomes a member on his own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Not at all: members are added.
    Closed,
    /// By asking.
    Open,
    /// By asking, and an owner or admin agreeing.
    Approval,
}

/// How far back a member may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// To the beginning.
    All,
    /// To his (last) joining.
    SinceJoin,
}

/// The settings of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The shown name.
    pub name: Arc<str>,
    /// A longer text about the group.
    pub description: Arc<str>,
    /// `customized`, or `system` for groups that an operator made.
    pub kind: Arc<str>,
    /// Who can see it.
    pub visibility: Visibility,
    /// Who may add members.
    pub invite: By,
    /// Who may change these settings.
    pub configure: By,
    /// Who may post.
    pub post: By,
    /// Who may mention everybody at once.
    pub mention_all: By,
    /// How somebody becomes a member on his own.
    pub join: Join,
    /// How far back a member may read.
    pub history: History,
    /// Read receipts are passed on.
    pub receipts: bool,
    /// Days that messages are kept; 0: for ever.
    pub retention_days: u32,
    /// The language that is spoken (BCP 47); empty: not said.
    pub lang: Arc<str>,
    /// The hash of the group's picture; empty: none. A property that is read, and set by the picture.
    pub avatar: Arc<str>,
    /// The operators of the service alone change it, and nobody says anything: set by them, shown as a property only then.
    pub frozen: bool,
    /// The subject of the room (XEP-0045 §8.1): set by a message, no property.
    pub subject: Arc<str>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "".into(),
            description: "".into(),
            kind: "customized".into(),
            visibility: Visibility::Private,
            invite: By::Admins,
            configure: By::Admins,
            post: By::Members,
            mention_all: By::Admins,
            join: Join::Closed,
            history: History::All,
            receipts: true,
            retention_days: 0,
            lang: "".into(),
            avatar: "".into(),
            frozen: false,
            subject: "".into(),
        }
    }
}

/// Longest language tag that has a meaning.
const LANG_BYTES_MAX: usize = 35;
/// Longest time that messages are kept, in days; a longer one means for ever.
const RETENTION_DAYS_MAX: u32 = 36_500;

macro_rules! texts {
    ($($type:ident { $($value:ident = $text:literal),* })*) => {$(
        impl $type {
            /// The text on the wire and in the database.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)*
                }
            }

            /// Reads such a text.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$value),)*
                    _ => None,
                }
            }
        }
    )*};
}
texts! {
    Visibility { Private = "private", Public = "public" }
    By { Admins = "admins", Members = "members" }
    Join { Closed = "closed", Open = "open", Approval = "approval" }
    History { All = "all", SinceJoin = "since-join" }
}

impl Settings {
    /// Every property with its value, in the order in which they are shown.
    pub fn properties(&self) -> Vec<(&'static str, Cow<'_, str>)> {
        let retention_days = self.retention_days.to_string();
        let texts = [
            ("name", &*self.name),
            ("description", &*self.description),
            ("type", &*self.kind),
            ("visibility", self.visibility.as_str()),
            ("invite", self.invite.as_str()),
            ("configure", self.configure.as_str()),
            ("post", self.post.as_str()),
            ("mention_all", self.mention_all.as_str()),
            ("join", self.join.as_str()),
            ("history", self.history.as_str()),
            ("receipts", if self.receipts { "on" } else { "off" }),
        ];
        let texts = texts.into_iter().map(|(name, value)| (name, Cow::Borrowed(value)));
        let rest = [("retention_days", Cow::Owned(retention_days)), ("lang", Cow::Borrowed(&*self.lang))];
        // A group without a picture has no such property, and one that is not frozen has none of that.
        let avatar = (!self.avatar.is_empty()).then_some(("avatar", Cow::Borrowed(&*self.avatar)));
        let frozen = self.frozen.then_some(("frozen", Cow::Borrowed("on")));
        texts.chain(rest).chain(avatar).chain(frozen).collect()
    }

    /// Who may say something as things are. Of a frozen group not even owners and admins may, but so much no room can tell.
    pub fn voice(&self) -> By {
        if self.frozen { By::Admins } else { self.post }
    }

    /// The settings with these properties changed: all of them, or none.
    ///
    /// # Errors
    /// [`Refusal`] naming the first property that is unknown, or whose value cannot be.
    pub fn with(&self, properties: &[(String, String)], limits: &Limits) -> Result<Self, Refusal> {
        let mut new = self.clone();
        for (name, value) in properties {
            new.set(name, value, limits)?;
        }
        Ok(new)
    }

    /// Puts a value that was checked before, as the database holds it; what is not known is left out.
    pub fn restore(&mut self, name: &str, value: &str) {
        let unlimited = Limits { name_chars: usize::MAX, description_chars: usize::MAX, ..Limits::default() };
        if name == "type" {
            self.kind = value.into();
        } else if name == "name" {
            self.name = value.into();
        } else if name == "avatar" {
            self.avatar = value.into();
        } else {
            // A value of a later version must not keep a group from loading; its default is the careful one.
            let _ = self.set(name, value, &unlimited);
        }
    }

    fn set(&mut self, name: &str, value: &str, limits: &Limits) -> Result<(), Refusal> {
        match name {
            "name" => self.name = text("name", value.trim(), limits.name_chars, 1)?,
            "description" => self.description = text("description", value, limits.description_chars, 0)?,
            // Legacy: clients send the type of what they create; only an operator makes a system group.
            "type" if value == &*self.kind => {}
            "type" => return Err(Refusal::Property { name: name.into(), value: value.into() }),
            "visibility" => self.visibility = choice(name, value, Visibility::parse)?,
            "invite" => self.invite = choice(name, value, By::parse)?,
            "configure" => self.configure = choice(name, value, By::parse)?,
            "post" => self.post = choice(name, value, By::parse)?,
            "mention_all" => self.mention_all = choice(name, value, By::parse)?,
            "join" => self.join = choice(name, value, Join::parse)?,
            "history" => self.history = choice(name, value, History::parse)?,
            "receipts" => self.receipts = choice(name, value, on_or_off)?,
            "lang" => self.lang = choice(name, value, lang)?,
            // Clients may send back what they read; a picture is set otherwise.
            "avatar" if value == &*self.avatar => {}
            "avatar" => return Err(Refusal::Property { name: name.into(), value: value.into() }),
            "retention_days" => self.retention_days = choice(name, value, days)?,
            _ => return Err(Refusal::UnknownProperty(name.into())),
        }
        Ok(())
    }
}

fn text(what: &'static str, value: &str, chars_max: usize, chars_min: usize) -> Result<Arc<str>, Refusal> {
    let chars = value.chars().count();
    if chars > chars_max {
        return Err(Refusal::TooLong { what, chars_max });
    }
    if chars < chars_min {
        return Err(Refusal::Malformed(format!("the property `{what}` may not be empty")));
    }
    Ok(value.into())
}

fn on_or_off(value: &str) -> Option<bool> {
    match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// A language tag, as far as it can be told without a list of all languages; or none.
fn lang(value: &str) -> Option<Arc<str>> {
    let is_part =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (value.len() <= LANG_BYTES_MAX && (value.is_empty() || value.split('-').all(is_part)))
        .then(|| value.into())
}

fn days(value: &str) -> Option<u32> {
    value.parse().ok().filter(|days| *days <= RETENTION_DAYS_MAX)
}

fn choice<T>(name: &str, value: &str, parse: fn(&str) -> Option<T>) -> Result<T, Refusal> {
    parse(value).ok_or_else(|| Refusal::Property { name: name.into(), value: value.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(properties: &[(&str, &str)]) -> Result<Settings, Refusal> {
        let owned: Vec<_> = properties.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Settings::default().with(&owned, &Limits::default())
    }

    #[test]
    fn what_is_shown_can_be_set() {
        let settings = with(&[
            ("name", " 下午茶 "),
            ("description", "at five"),
            ("visibility", "public"),
            ("post", "admins"),
        ]);
        let settings = settings.unwrap();
        assert_eq!(&*settings.name, "下午茶");
        let mut restored = Settings::default();
        for (name, value) in settings.properties() {
            restored.restore(name, &value);
        }
        assert_eq!(restored, settings);
    }

    #[test]
    fn one_bad_property_refuses_all() {
        assert_eq!(
            with(&[("name", "Tea"), ("colour", "red")]),
            Err(Refusal::UnknownProperty("colour".into()))
        );
        assert!(matches!(with(&[("post", "nobody")]), Err(Refusal::Property { .. })));
        for (name, value) in [("type", "system"), ("avatar", "0"), ("lang", "en US"), ("lang", "en-")] {
            assert!(matches!(with(&[(name, value)]), Err(Refusal::Property { .. })), "{name} {value}");
        }
        assert_eq!(&*with(&[("lang", "zh-Hans-CN")]).unwrap().lang, "zh-Hans-CN");
        assert!(matches!(with(&[("name", "  ")]), Err(Refusal::Malformed(_))));
        let long = "n".repeat(256);
        assert!(matches!(with(&[("name", &long)]), Err(Refusal::TooLong { chars_max: 255, .. })));
    }
}
