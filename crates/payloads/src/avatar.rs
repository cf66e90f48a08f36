//! The picture of a group, in an iq: asked for, set, taken away.

use minidom::Element;

use crate::{Invalid, empty, is, ns, set};

/// A picture, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Avatar {
    /// Its media type.
    pub kind: String,
    /// SHA-1 of its bytes, in hexadecimal (as in XEP-0153); who sets one need not give it.
    pub hash: Option<String>,
    /// Its bytes in base64.
    pub data: String,
}

impl Avatar {
    /// Reads a query element of [`ns::AVATAR`]; `None`: no picture.
    ///
    /// # Errors
    /// [`Invalid`]: the picture has no type.
    pub fn read(query: &Element) -> Result<Option<Self>, Invalid> {
        let Some(avatar) = query.children().find(|child| is(child, "avatar", ns::AVATAR)) else {
            return Ok(None);
        };
        let kind = avatar.attr("type").ok_or_else(|| Invalid("an <avatar/> has no type".into()))?;
        let hash = avatar.attr("hash").map(str::to_owned);
        Ok(Some(Self { kind: kind.to_owned(), hash, data: avatar.text() }))
    }

    /// The query element that holds it.
    pub fn write(avatar: Option<&Self>) -> Element {
        let mut query = empty("query", ns::AVATAR);
        if let Some(avatar) = avatar {
            let mut element = Element::builder("avatar", ns::AVATAR).append(avatar.data.as_str()).build();
            set(&mut element, "type", &avatar.kind);
            if let Some(hash) = &avatar.hash {
                set(&mut element, "hash", hash);
            }
            query.append_child(element);
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let avatar = Avatar { kind: "image/png".into(), hash: Some("00".into()), data: "AAAA".into() };
        for avatar in [Some(avatar), None] {
            assert_eq!(Avatar::read(&Avatar::write(avatar.as_ref())), Ok(avatar));
        }
        let untyped: Element =
            format!("<query xmlns='{}'><avatar>AAAA</avatar></query>", ns::AVATAR).parse().unwrap();
        assert!(Avatar::read(&untyped).is_err());
    }
}
