//! Is what is to be stored as a message's payload something that can be sent? What is not well-formed would end the link for
//! everybody.

use groupchat_link::reader::{Read, StanzaReader};
use groupchat_link::{COMPONENT_NS, ReadLimits};
use minidom::Element;

/// Looks at a payload.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) async fn check(payload: &str) -> Result<(), String> {
    // What nests too deep is found before anything that recurses reads it.
    let stream = format!("<message>{payload}</message></stream:stream>");
    let mut reader = StanzaReader::new(stream.as_bytes(), COMPONENT_NS, ReadLimits::default());
    let read = |problem| format!("its payload is no XML: {problem}");
    match reader.next().await.map_err(|problem| read(problem.to_string()))? {
        Read::Stanza(_) => {}
        Read::Skipped(_) => return Err("its payload is too large, or nested too deep".into()),
        Read::Eof => return Err(read("it ends too early".into())),
    }
    // Neither the message nor the stream may end within it.
    let is_whole = matches!(reader.next().await, Ok(Read::Eof)) && reader.into_inner().is_empty();
    if !is_whole {
        return Err(read("it ends in its midst".into()));
    }
    // And no prefix without a namespace, which is let through above.
    let strict = format!("<message xmlns='{COMPONENT_NS}'>{payload}</message>").parse::<Element>();
    strict.map(drop).map_err(|problem| read(problem.to_string()))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[tokio::test]
    async fn what_would_end_the_link_is_found() {
        for good in ["", "<body>a &lt; b</body>", "<p:x xmlns:p='urn:x'/><y xmlns='urn:y'>家</y>"] {
            assert_eq!(check(good).await, Ok(()), "{good}");
        }
        let deep = format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
        for bad in [
            "<body>",
            "</message>",
            "</message><message>",
            "</message></stream:stream>",
            "a & b",
            "<p:x/>",
            "<x a='<'/>",
            "\u{1}",
            "<!-- x --",
            "<?x?>",
            &deep,
        ] {
            assert!(check(bad).await.is_err(), "{bad:.40}");
        }
    }
}
