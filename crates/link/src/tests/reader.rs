//! The reader against what users send: each hostile document is followed by a good stanza that must come through.

use minidom::Element;
use rxml::Namespace;
use tokio::io::{AsyncWriteExt, BufReader, duplex};

use super::host::soon;
use crate::COMPONENT_NS;
use crate::reader::{Read, ReadError, ReadLimits, SkipReason, StanzaReader};

const MARKER: &str = "<message id='marker' from='a@b'><body>good</body></message>";

/// Reads `xml` and the marker from memory; the last item is checked and taken off.
async fn read(xml: &str) -> Vec<Read> {
    let text = format!("{xml}{MARKER}</stream:stream>");
    let mut reader = StanzaReader::new(text.as_bytes(), COMPONENT_NS, ReadLimits::default());
    read_to_end(&mut reader).await
}

async fn read_to_end<R: tokio::io::AsyncBufRead + Unpin>(reader: &mut StanzaReader<R>) -> Vec<Read> {
    let mut items = Vec::new();
    loop {
        match reader.next().await.unwrap() {
            Read::Eof => break,
            item @ (Read::Stanza(_) | Read::Skipped(_)) => items.push(item),
        }
    }
    match items.pop() {
        Some(Read::Stanza(last)) if last.attr("id") == Some("marker") => {
            assert_eq!(last.get_child("body", COMPONENT_NS).unwrap().text(), "good");
        }
        other => panic!("the marker is missing, instead {other:?}"),
    }
    assert!(matches!(reader.next().await, Ok(Read::Eof)));
    items
}

async fn one(xml: &str) -> Element {
    let mut items = read(xml).await;
    match (items.pop(), items.is_empty()) {
        (Some(Read::Stanza(element)), true) => element,
        other => panic!("expected one element, got {other:?}"),
    }
}

async fn skipped(xml: &str) -> crate::Skipped {
    let mut items = read(xml).await;
    match (items.pop(), items.is_empty()) {
        (Some(Read::Skipped(skipped)), true) => skipped,
        other => panic!("expected one skipped stanza, got {other:?}"),
    }
}

fn nested(levels: usize) -> String {
    format!(
        "<message from='x@y/z' to='g@c' id='deep' type='chat'>{}{}</message>",
        "<a>".repeat(levels),
        "</a>".repeat(levels)
    )
}

#[tokio::test]
async fn nesting_without_end() {
    for levels in [100, 5_000, 70_000] {
        let skipped = skipped(&nested(levels)).await;
        assert_eq!((skipped.name.as_str(), skipped.reason), ("message", SkipReason::TooDeep));
        assert_eq!(skipped.from.as_deref(), Some("x@y/z"));
        assert_eq!(skipped.to.as_deref(), Some("g@c"));
        assert_eq!(skipped.id.as_deref(), Some("deep"));
        assert_eq!(skipped.kind.as_deref(), Some("chat"));
    }
    let mut deepest = &one(&nested(99)).await;
    let mut levels = 0;
    while let Some(child) = deepest.children().next() {
        (deepest, levels) = (child, levels + 1);
    }
    assert_eq!(levels, 99);
}

#[tokio::test]
async fn nesting_that_costs_too_much_to_count_ends_the_stream() {
    let text = "<a>".repeat(1_000_100);
    let mut reader = StanzaReader::new(text.as_bytes(), COMPONENT_NS, ReadLimits::default());
    assert!(matches!(reader.next().await, Err(ReadError::Bottomless(_))));
}

#[tokio::test]
async fn long_attributes() {
    let long = "v".repeat(500_000);
    let element = one(&format!("<message id='1' a='{long}'/>")).await;
    assert_eq!(element.attr("a").map(str::len), Some(500_000));
    let reason = skipped(&format!(
        "<message id='1' a='{long}' b='{long}' c='{long}' d='{long}' e='{long}' from='f'/>"
    ))
    .await;
    assert_eq!((reason.reason, reason.from.as_deref()), (SkipReason::TooLarge, Some("f")));
    let no_id =
        skipped(&format!("<iq id='{long}' from='f'>{}</iq>", "<a>".repeat(200) + &"</a>".repeat(200))).await;
    assert_eq!((no_id.id, no_id.from.as_deref()), (None, Some("f")));
}

#[tokio::test]
async fn thousands_of_siblings() {
    let skipped = skipped(&format!("<presence from='f' id='w'>{}</presence>", "<a/>".repeat(60_000))).await;
    assert_eq!((skipped.name.as_str(), skipped.reason), ("presence", SkipReason::TooManyElements));
    assert_eq!(skipped.id.as_deref(), Some("w"));
    assert_eq!(one(&format!("<iq>{}</iq>", "<a/>".repeat(9_999))).await.children().count(), 9_999);
}

#[tokio::test]
async fn thousands_of_attributes() {
    let attributes: String = (0..500).map(|n| format!(" a{n}='{n}'")).collect();
    assert_eq!(
        one(&format!("<message><x{attributes}/></message>")).await.children().next().unwrap().attrs().len(),
        500
    );
    let attributes: String = (0..30_000).map(|n| format!(" a{n}=''")).collect();
    // In the stanza's own head the address may stand behind them.
    for xml in [
        format!("<message{attributes} from='f' to='t'><b/></message>"),
        format!("<message from='f' to='t'><x{attributes} from='other'/><b/></message>"),
    ] {
        let skipped = skipped(&xml).await;
        assert_eq!(skipped.reason, SkipReason::TooManyAttributes);
        assert_eq!((skipped.from.as_deref(), skipped.to.as_deref()), (Some("f"), Some("t")));
    }
}

#[tokio::test]
async fn namespaces_cannot_be_multiplied() {
    let long = "n".repeat(200_000);
    for inner in [
        "<a/>".repeat(9_000),
        format!("<a xmlns:p='{long}'{}/>", (0..5_000).map(|n| format!(" p:a{n}=''")).collect::<String>()),
    ] {
        let skipped = skipped(&format!("<message from='f'><x xmlns='{long}'>{inner}</x></message>")).await;
        assert_eq!((skipped.reason, skipped.from.as_deref()), (SkipReason::TooLarge, Some("f")));
    }
    let declarations: String = (0..300).map(|n| format!(" xmlns:p{n}='urn:p'")).collect();
    for xml in [
        format!("<message{declarations} from='f'/>"),
        format!("<message from='f'><x{declarations}/></message>"),
    ] {
        let skipped = skipped(&xml).await;
        assert_eq!((skipped.reason, skipped.from.as_deref()), (SkipReason::TooManyAttributes, Some("f")));
    }
}

#[tokio::test]
async fn prefixes() {
    let element = one("<message><x xmlns='urn:q' q:a='1' xml:lang='de' b='2'/><q:y/></message>").await;
    let x = element.get_child("x", "urn:q").unwrap();
    assert_eq!(x.attr_ns("urn:undeclared:q", "a"), Some("1"));
    assert_eq!(x.attr_ns(&Namespace::XML, "lang"), Some("de"));
    assert_eq!(x.attr("b"), Some("2"));
    assert!(element.has_child("y", "urn:undeclared:q"));
    let element = one("<q:message xmlns:q='jabber:component:accept' q:id='0'><b xmlns='' xmlns:q='urn:r'><q:c/></b><q:d/></q:message>").await;
    assert!(element.is("message", COMPONENT_NS) && element.attr("id").is_none());
    assert!(element.get_child("b", "").unwrap().has_child("c", "urn:r"));
    assert!(element.has_child("d", COMPONENT_NS));
    // Scopes end with their element.
    assert!(one("<iq><a xmlns:s='urn:s'/><s:b/></iq>").await.has_child("b", "urn:undeclared:s"));
}

#[tokio::test]
async fn oddities() {
    let element = one("<message id='1' id='2'><!-- no --><body>a<!-- x -->b<![CDATA[<c>]]>&amp;&#x1F40E;</body> text </message>").await;
    assert_eq!(element.attr("id"), Some("2"));
    assert_eq!(element.get_child("body", COMPONENT_NS).unwrap().text(), "ab<c>&🐎");
    assert!(element.text().contains(" text "));
    assert!(one("loose <!-- c --> text<x xmlns='urn:x'/>\n \n more").await.is("x", "urn:x"));
    let error =
        one("<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>").await;
    assert!(error.is("error", "http://etherx.jabber.org/streams"));
    assert!(read("").await.is_empty());
}

#[tokio::test]
async fn large_bodies() {
    let body = "äöü€".repeat(100_000);
    let element = one(&format!("<message><body>{body}</body></message>")).await;
    assert!(element.get_child("body", COMPONENT_NS).unwrap().text() == body);
    let entities = "&lt;&amp;".repeat(60_000);
    assert_eq!(
        one(&format!("<message><body>{entities}</body></message>"))
            .await
            .children()
            .next()
            .unwrap()
            .text()
            .len(),
        120_000
    );
    let text = "€".repeat(2_000_000);
    assert_eq!(
        skipped(&format!("<message><body>{text}</body></message>")).await.reason,
        SkipReason::TooLarge
    );
}

#[tokio::test]
async fn what_is_no_xml_ends_the_stream() {
    for xml in [
        "<a>&#1;</a>",
        "<a>\u{1}</a>",
        "<a>&bad;</a>",
        "<a>&#;</a>",
        "<a>&#x;</a>",
        "<a></b>",
        "<a",
        "<a b=c/>",
        "<?php ?>",
        "<!DOCTYPE x>",
        "<a:b:c/>",
    ] {
        let mut reader = StanzaReader::new(xml.as_bytes(), COMPONENT_NS, ReadLimits::default());
        let mut ended = false;
        for _ in 0..2 {
            ended = matches!(reader.next().await, Err(ReadError::Xml(_)) | Ok(Read::Eof));
        }
        assert!(ended, "{xml}");
    }
    let mut reader = StanzaReader::new(&b"<a>\xff</a>"[..], COMPONENT_NS, ReadLimits::default());
    assert!(matches!(reader.next().await, Err(ReadError::Xml(_))));
    let mut reader = StanzaReader::new(&b"<a><b/>"[..], COMPONENT_NS, ReadLimits::default());
    assert!(matches!(reader.next().await, Err(ReadError::Truncated)));
}

#[tokio::test]
async fn reading_may_be_interrupted_anywhere() {
    let xml = "<message id='1' q:a='ä'><!-- c --><body>Grüße &amp; <![CDATA[]]]]><x xmlns='urn:x'/></body></message> \n <presence/>".to_owned()
        + &nested(150);
    for size in [1, 7] {
        let (near, mut far) = duplex(size);
        let text = format!("{xml}{MARKER}</stream:stream>");
        let sending = tokio::spawn(async move {
            for byte in text.into_bytes() {
                far.write_all(&[byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut reader =
            StanzaReader::new(BufReader::with_capacity(size, near), COMPONENT_NS, ReadLimits::default());
        let (mut items, mut interrupted) = (Vec::new(), 0);
        loop {
            tokio::select! {
                biased;
                item = reader.next() => match item.unwrap() {
                    Read::Eof => break,
                    item @ (Read::Stanza(_) | Read::Skipped(_)) => items.push(item),
                },
                () = tokio::task::yield_now() => interrupted += 1,
            }
        }
        soon(sending).await.unwrap();
        assert!(interrupted > 100, "{interrupted}");
        let whole = read(&xml).await;
        assert_eq!(items.len(), whole.len() + 1);
        assert_eq!(whole.len(), 3);
        for (piecemeal, whole) in items.iter().zip(&whole) {
            match (piecemeal, whole) {
                (Read::Stanza(a), Read::Stanza(b)) => assert_eq!(a, b),
                (Read::Skipped(a), Read::Skipped(b)) => assert_eq!(a, b),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_stream_header_and_a_restart() {
    let text = "<?xml version='1.0'?>\n<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
        id='i' from='h' version='1.0'><stream:features><x/></stream:features><success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>\
        <?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='j'><message/>";
    let mut reader = StanzaReader::with_header(text.as_bytes(), ReadLimits::default());
    let header = reader.header().await.unwrap();
    assert!(header.is("stream", "http://etherx.jabber.org/streams"));
    assert_eq!(
        (header.attr("id"), header.attr("from"), header.attr("version")),
        (Some("i"), Some("h"), Some("1.0"))
    );
    assert_eq!(reader.header().await.unwrap(), header);
    let Ok(Read::Stanza(features)) = reader.next().await else { panic!("features") };
    assert!(
        features.is("features", "http://etherx.jabber.org/streams")
            && features.has_child("x", "jabber:client")
    );
    let Ok(Read::Stanza(success)) = reader.next().await else { panic!("success") };
    assert_eq!(success.name(), "success");
    let mut restarted = StanzaReader::with_header(reader.into_inner(), ReadLimits::default());
    let Ok(Read::Stanza(message)) = restarted.next().await else { panic!("message") };
    assert!(message.is("message", "jabber:client"));
    assert_eq!(restarted.header().await.unwrap().attr("id"), Some("j"));
    assert!(matches!(restarted.next().await, Ok(Read::Eof)));
}

#[tokio::test]
async fn headers_that_do_not_come() {
    for text in ["", "<?xml version='1.0'?>", "<stream:stream"] {
        let mut reader = StanzaReader::with_header(text.as_bytes(), ReadLimits::default());
        assert!(matches!(reader.header().await, Err(ReadError::Truncated)), "{text}");
    }
    let attributes: String = (0..10_100).map(|n| format!(" a{n}=''")).collect();
    let text = format!("<stream:stream{attributes}>");
    let mut reader = StanzaReader::with_header(text.as_bytes(), ReadLimits::default());
    assert!(matches!(reader.header().await, Err(ReadError::Header(SkipReason::TooManyAttributes))));
    let mut reader = StanzaReader::new(&b""[..], "jabber:client", ReadLimits::default());
    assert_eq!(reader.header().await.unwrap().name(), "stream");
}

/// Every way to spoil a document gives elements or an error; nothing makes the reader or its parser panic or hang.
#[tokio::test]
async fn spoilt_documents() {
    let good = format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client'><!-- c --><message a='&lt;&#65;' q:b=\"x\" xmlns:q='urn:q'>\
         <![CDATA[x]]]]>\r\n&amp;&#x1F40E;ä</message> <q:x xmlns:q='urn:q'/>{MARKER}</stream:stream>"
    )
    .into_bytes();
    let spices: [&[u8]; 16] = [
        b"<",
        b">",
        b"/>",
        b"</",
        b"&",
        b"&#;",
        b"&#x;",
        b"'",
        b"<!--",
        b"-->",
        b"]]>",
        b"<![CDATA[",
        b"<?",
        b"\xff",
        b":",
        b"xmlns='",
    ];
    // A plain linear congruential generator: the same documents in every run.
    let mut state = 1_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    let limits = ReadLimits {
        depth_max: 3,
        elements_max: 4,
        attributes_max: 4,
        stanza_bytes_max: 60,
        token_bytes_max: 64,
    };
    for _ in 0..20_000 {
        let mut text = good.clone();
        for _ in 0..=below(3) {
            let from = below(text.len());
            let to = (from + below(8)).min(text.len());
            text.splice(from..to, spices[below(spices.len())].iter().copied());
        }
        let mut reader = StanzaReader::with_header(&text[..], limits.clone());
        let mut items = 0;
        while let Ok(Read::Stanza(_) | Read::Skipped(_)) = reader.next().await {
            items += 1;
            assert!(items < 100);
        }
    }
}
