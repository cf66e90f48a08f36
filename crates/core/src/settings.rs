//! The settings of a group: its properties by name and value, their defaults, and who may what because of them.
//!
//! A property that is not named here is refused, so that nobody believes a wish to be granted that is not.

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
        }
    }
}

impl Visibility {
    /// The text on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }

    /// Reads such a text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Private, Self::Public].into_iter().find(|value| value.as_str() == text)
    }
}

impl By {
    /// The text on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admins => "admins",
            Self::Members => "members",
        }
    }

    /// Reads such a text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Admins, Self::Members].into_iter().find(|value| value.as_str() == text)
    }
}

impl Settings {
    /// Every property with its value, in the order in which they are shown.
    pub fn properties(&self) -> [(&'static str, &str); 7] {
        [
            ("name", &*self.name),
            ("description", &*self.description),
            ("type", &*self.kind),
            ("visibility", self.visibility.as_str()),
            ("invite", self.invite.as_str()),
            ("configure", self.configure.as_str()),
            ("post", self.post.as_str()),
        ]
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
            restored.restore(name, value);
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
        assert!(matches!(with(&[("type", "system")]), Err(Refusal::Property { .. })));
        assert!(matches!(with(&[("name", "  ")]), Err(Refusal::Malformed(_))));
        let long = "n".repeat(256);
        assert!(matches!(with(&[("name", &long)]), Err(Refusal::TooLong { chars_max: 255, .. })));
    }
}
