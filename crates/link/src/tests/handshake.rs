//! Every way a handshake ends, and what the operator is told.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::host::{Host, config, soon, stream_header};
use crate::{LinkError, probe};

/// Probes while the host answers the component's handshake, or its header, with `answer`.
async fn verdict(answers_handshake: bool, answer: &str) -> LinkError {
    let host = Host::start().await;
    let config = host.config();
    let probing = tokio::spawn(async move { probe(&config).await });
    let mut guest = if answers_handshake {
        host.accept_until_handshake().await
    } else {
        host.accept_until_header().await
    };
    guest.send(answer).await;
    guest.cut();
    soon(probing).await.unwrap().unwrap_err()
}

fn stream_error(condition: &str, text: &str) -> String {
    format!(
        "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{text}</text></stream:error></stream:stream>"
    )
}

#[tokio::test]
async fn a_good_handshake_is_closed_politely() {
    let host = Host::start().await;
    let config = host.config();
    let probing = tokio::spawn(async move { probe(&config).await });
    let mut guest = host.accept().await;
    guest.expect_end().await;
    soon(probing).await.unwrap().unwrap();
}

#[tokio::test]
async fn wrong_secret() {
    let error = verdict(true, &stream_error("not-authorized", "Given token does not match")).await;
    assert!(
        matches!(&error, LinkError::WrongSecret { domain, .. } if domain == "groups.localhost"),
        "{error:?}"
    );
    let words = error.to_string();
    assert!(
        words.contains("secret") && words.contains("Given token") && words.contains("groups.localhost"),
        "{words}"
    );
}

#[tokio::test]
async fn unknown_domain_as_prosody_says_it() {
    let answer = stream_header("id=''") + &stream_error("host-unknown", "no such component");
    let error = verdict(false, &answer).await;
    assert!(matches!(error, LinkError::UnknownDomain { .. }), "{error:?}");
}

#[tokio::test]
async fn unknown_domain_as_tigase_says_it() {
    let answer = stream_header("")
        + "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";
    let error = verdict(false, &answer).await;
    assert!(matches!(error, LinkError::UnknownDomain { .. }), "{error:?}");
}

#[tokio::test]
async fn conflict() {
    let error = verdict(true, &stream_error("conflict", "Component already connected")).await;
    assert!(matches!(error, LinkError::Conflict { .. }), "{error:?}");
}

#[tokio::test]
async fn another_stream_error_keeps_condition_and_text() {
    let error = verdict(true, &stream_error("system-shutdown", &format!("bye{}", "e".repeat(10_000)))).await;
    let LinkError::Stream { condition, text } = error else { panic!("{error:?}") };
    assert_eq!((condition.as_str(), text.len()), ("system-shutdown", 200));
}

#[tokio::test]
async fn closed_without_a_word() {
    for (after_header, answer) in [(true, ""), (true, "</stream:stream>"), (false, "")] {
        let error = verdict(after_header, answer).await;
        assert!(matches!(error, LinkError::ClosedInHandshake { .. }), "{error:?}");
        assert!(error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn something_else_on_that_port() {
    let error = verdict(false, "220 mail.example ESMTP\r\n").await;
    assert!(matches!(error, LinkError::NotComponentPort { .. }), "{error:?}");
    let error = verdict(true, "<stream:features/>").await;
    assert!(matches!(error, LinkError::NotComponentPort { .. }), "{error:?}");
}

#[tokio::test]
async fn nobody_listens() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = probe(&config(&free.to_string())).await.unwrap_err();
    assert!(matches!(error, LinkError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("component port"), "{error}");
}

#[tokio::test]
async fn addresses_that_lead_nowhere() {
    let error = probe(&config("localhost")).await.unwrap_err();
    assert!(matches!(error, LinkError::Address { .. }), "{error:?}");
    let error = probe(&config("no-such-host.invalid:5347")).await.unwrap_err();
    assert!(matches!(error, LinkError::Resolve { .. } | LinkError::ConnectTimeout { .. }), "{error:?}");
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn a_host_that_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config(&listener.local_addr().unwrap().to_string());
    config.connect_timeout = Duration::from_millis(200);
    let hold = tokio::spawn(async move {
        let mut tcp = listener.accept().await.unwrap().0;
        tcp.read_to_end(&mut Vec::new()).await.unwrap_or_default()
    });
    let error = soon(probe(&config)).await.unwrap_err();
    assert!(matches!(error, LinkError::HandshakeTimeout { .. }), "{error:?}");
    hold.abort();
}

#[test]
fn the_secret_is_not_shown() {
    let shown = format!("{:?}", config("127.0.0.1:1"));
    assert!(!shown.contains("\"secret\""), "{shown}");
}
