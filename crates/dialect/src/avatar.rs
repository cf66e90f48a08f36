//! The picture of a group: in the protocol's own form, and as a vCard for clients for rooms. XEP-0054, XEP-0153, XEP-0486.
//!
//! Of a vCard only the picture is kept: everything else of a group is its settings. Not here: who may set it (core).

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use groupchat_core::{Avatar, Command, Refusal};
use groupchat_payloads as payloads;
use minidom::Element;
use sha1::{Digest, Sha1};

use crate::encode::Group;
use crate::{Outbound, xml};

/// A group's vCard.
pub(crate) const VCARD: &str = "vcard-temp";
/// Longest media type that is taken.
const KIND_BYTES_MAX: usize = 64;

/// The command of a vCard that is set.
pub(crate) fn from_vcard(vcard: &Element) -> Result<Command, Refusal> {
    let Some(photo) = vcard.get_child("PHOTO", VCARD) else { return Ok(Command::Avatar(None)) };
    let text = |name: &str| photo.get_child(name, VCARD).map(Element::text).unwrap_or_default();
    if photo.has_child("EXTVAL", VCARD) {
        return Err(Refusal::Malformed(
            "a picture is given by its bytes (BINVAL), not by its address".into(),
        ));
    }
    avatar(&text("TYPE"), &text("BINVAL"))
}

/// The command of a picture that is set in the protocol's own form.
pub(crate) fn from_query(query: &Element) -> Result<Command, Refusal> {
    match payloads::Avatar::read(query).map_err(|invalid| Refusal::Malformed(invalid.0))? {
        Some(read) => avatar(&read.kind, &read.data),
        None => Ok(Command::Avatar(None)),
    }
}

/// No bytes are no picture.
fn avatar(kind: &str, data: &str) -> Result<Command, Refusal> {
    let data: String = data.split_ascii_whitespace().collect();
    if data.is_empty() {
        return Ok(Command::Avatar(None));
    }
    let kind = kind.trim();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.+-".contains(&byte);
    if !kind.starts_with("image/") || kind.len() > KIND_BYTES_MAX || !kind.bytes().all(is_plain) {
        return Err(Refusal::Malformed("the type of a picture is that of an image, as image/png".into()));
    }
    let bytes = BASE64_STANDARD
        .decode(&data)
        .map_err(|_| Refusal::Malformed("the bytes of the picture are not in base64".into()))?;
    let hash: String = Sha1::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Command::Avatar(Some(Avatar {
        kind: kind.into(),
        data: data.into(),
        bytes: bytes.len(),
        hash: hash.into(),
    })))
}

/// The picture in the protocol's own form.
pub fn query(avatar: Option<&Avatar>) -> Element {
    let written = avatar.map(|avatar| payloads::Avatar {
        kind: avatar.kind.to_string(),
        hash: Some(avatar.hash.to_string()),
        data: avatar.data.to_string(),
    });
    payloads::Avatar::write(written.as_ref())
}

/// The picture as a vCard; an empty one if there is none. XEP-0054 §3.1.
pub fn vcard(avatar: Option<&Avatar>) -> Element {
    let field = |name: &str, text: &str| Element::builder(name, VCARD).append(text).build();
    let photo = avatar.map(|avatar| {
        let photo = Element::builder("PHOTO", VCARD);
        photo.append(field("TYPE", &avatar.kind)).append(field("BINVAL", &avatar.data)).build()
    });
    Element::builder("vCard", VCARD).append_all(photo).build()
}

/// By which hash the picture is known now; by an empty one, if there is none. XEP-0153 §3.
pub fn presence(group: &Group<'_>, hash: &str, to: Vec<Arc<str>>) -> Outbound {
    let update = "vcard-temp:x:update";
    let photo = Element::builder("photo", update).append_all((!hash.is_empty()).then_some(hash));
    let x = Element::builder("x", update).append(photo.build()).build();
    let from = group.id.at(group.domain);
    let head = xml::open("presence", &[("from", Some(&from))]);
    xml::stanza(head, to, &xml::content([&x]), "presence")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_photo(photo: &str) -> Result<Command, Refusal> {
        from_vcard(&format!("<vCard xmlns='vcard-temp'><FN>Tea</FN>{photo}</vCard>").parse().unwrap())
    }

    #[test]
    fn a_vcard_is_a_picture_or_none() {
        let photo = "<PHOTO><TYPE>image/png</TYPE><BINVAL>\n  aGVs\n  bG8=\n</BINVAL></PHOTO>";
        let Ok(Command::Avatar(Some(avatar))) = of_photo(photo) else { panic!("it is refused") };
        assert_eq!((&*avatar.kind, &*avatar.data, avatar.bytes), ("image/png", "aGVsbG8=", 5));
        assert_eq!(&*avatar.hash, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
        for none in ["", "<PHOTO/>", "<PHOTO><TYPE>image/png</TYPE><BINVAL/></PHOTO>"] {
            assert_eq!(of_photo(none), Ok(Command::Avatar(None)), "{none}");
        }
        let Ok(Command::Avatar(again)) = from_vcard(&vcard(Some(&avatar))) else { panic!("it is refused") };
        assert_eq!(again.as_ref(), Some(&avatar));
        assert_eq!(from_query(&query(Some(&avatar))), Ok(Command::Avatar(Some(avatar))));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for bad in [
            "<PHOTO><TYPE>text/html</TYPE><BINVAL>aGVsbG8=</BINVAL></PHOTO>",
            "<PHOTO><TYPE>image/&lt;</TYPE><BINVAL>aGVsbG8=</BINVAL></PHOTO>",
            "<PHOTO><BINVAL>aGVsbG8=</BINVAL></PHOTO>",
            "<PHOTO><TYPE>image/png</TYPE><BINVAL>?</BINVAL></PHOTO>",
            "<PHOTO><EXTVAL>https://shakespeare.lit/tea.png</EXTVAL></PHOTO>",
        ] {
            assert!(matches!(of_photo(bad), Err(Refusal::Malformed(_))), "{bad}");
        }
    }
}
