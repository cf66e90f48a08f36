//! An established link: both directions, loss and return, silence, back-pressure, the end.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::sleep;

use super::host::{DOMAIN, Host, Program, config, message, soon};
use crate::reader::Read;
use crate::{COMPONENT_NS, Incoming, SkipReason};

/// Bytes for all that a test queues.
const MANY: usize = 100_000_000;

#[tokio::test]
async fn stanzas_pass_both_ways() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 10, MANY);
    let mut guest = host.accept_until_handshake().await;
    // In one piece, so that the stanza is in the buffer when the handshake ends.
    guest.send("<handshake/><message id='1' from='a@localhost'><body>x</body></message>").await;
    program.expect_up().await;
    assert!(program.expect_stanza("1").await.is("message", COMPONENT_NS));
    program.send(message("2", &["a@localhost/x'y&z<", "b@localhost"], "hi")).await;
    let copy = guest.next().await;
    assert_eq!((copy.attr("id"), copy.attr("to")), (Some("2"), Some("a@localhost/x'y&z<")));
    assert_eq!(copy.get_child("body", COMPONENT_NS).unwrap().text(), "hi");
    assert_eq!(guest.next().await.attr("to"), Some("b@localhost"));
}

#[tokio::test]
async fn hostile_stanzas_do_not_end_the_link() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 10, MANY);
    let mut guest = host.accept().await;
    program.expect_up().await;
    let deep = format!("<iq id='deep' from='x@y'>{}{}</iq>", "<a>".repeat(70_000), "</a>".repeat(70_000));
    guest.send(&deep).await;
    let Incoming::Skipped(skipped) = program.next().await else { panic!("should be skipped") };
    assert_eq!((skipped.id.as_deref(), skipped.reason), (Some("deep"), SkipReason::TooDeep));
    guest.send("<unknown xmlns='urn:u'/><message xmlns='urn:u'/>loose<!-- c --><r/>").await;
    guest.send("<presence id='p'><x xmlns='urn:q' q:a='1'/></presence>").await;
    program.expect_stanza("p").await;
}

#[tokio::test]
async fn a_server_that_comes_up_later() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut program = Program::start(config(&address.to_string()), 10, MANY);
    sleep(Duration::from_millis(100)).await;
    // Failed attempts are no news for the program.
    assert!(program.incoming.try_recv().is_err());
    let host = Host::start_on(address).await;
    let mut guest = host.accept().await;
    program.expect_up().await;
    guest.send("<message id='1'/>").await;
    program.expect_stanza("1").await;
}

#[tokio::test]
async fn a_lost_link_comes_back_and_the_queue_waits_for_it() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 10, 1);
    let guest = host.accept().await;
    program.expect_up().await;
    guest.cut();
    program.expect_down().await;
    let mut guest = host.accept_until_handshake().await;
    program.send(message("waits", &["a@localhost"], "x")).await;
    assert!(program.outgoing.is_crowded_with(0));
    guest.send("<handshake/>").await;
    program.expect_up().await;
    assert_eq!(guest.next().await.attr("id"), Some("waits"));
    guest.send("<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>").await;
    program.expect_down().await;
    let _guest = host.accept().await;
    program.expect_up().await;
}

#[tokio::test]
async fn a_silent_host_is_asked_for_an_echo_which_is_kept_from_the_program() {
    let host = Host::start().await;
    let mut config = host.config();
    config.ping_every = Duration::from_millis(200);
    config.ping_timeout = Duration::from_millis(800);
    let mut program = Program::start(config, 10, MANY);
    let mut guest = host.accept().await;
    program.expect_up().await;
    for _ in 0..3 {
        let echo = guest.next_of_all().await;
        assert!(echo.is("iq", COMPONENT_NS) && echo.has_child("ping", "urn:xmpp:ping"));
        assert_eq!(
            (echo.attr("type"), echo.attr("from"), echo.attr("to")),
            (Some("get"), Some(DOMAIN), Some(DOMAIN))
        );
        guest.send_back(&echo).await;
    }
    // A space is a sign of life as well.
    guest.next_of_all().await;
    guest.send(" ").await;
    guest.send("<iq type='get' id='ping-of-the-program'/>").await;
    program.expect_stanza("ping-of-the-program").await;
    // No answer at all.
    guest.next_of_all().await;
    program.expect_down().await;
    let _guest = host.accept().await;
    program.expect_up().await;
}

#[tokio::test]
async fn what_no_echo_came_back_for_is_written_again_on_the_next_link() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 10, MANY);
    let mut guest = host.accept().await;
    program.expect_up().await;
    program.send(message("1", &["a@localhost"], "x")).await;
    assert_eq!(guest.next_of_all().await.attr("id"), Some("1"));
    let echo = guest.next_of_all().await;
    program.send(message("2", &["a@localhost", "b@localhost"], "x")).await;
    assert_eq!(guest.next_of_all().await.attr("id"), Some("2"));
    guest.send_back(&echo).await;
    // By then the link has read it.
    guest.send("<message id='read'/>").await;
    program.expect_stanza("read").await;
    guest.cut();
    program.expect_down().await;
    let mut guest = host.accept().await;
    program.expect_up().await;
    program.send(message("3", &["a@localhost"], "x")).await;
    for expected in [("2", "a@localhost"), ("2", "b@localhost"), ("3", "a@localhost")] {
        let copy = guest.next().await;
        assert_eq!((copy.attr("id"), copy.attr("to")), (Some(expected.0), Some(expected.1)));
    }
}

#[tokio::test]
async fn a_host_that_never_echoes_is_left() {
    let host = Host::start().await;
    let mut config = host.config();
    config.ping_every = Duration::from_millis(150);
    config.ping_timeout = Duration::from_millis(150);
    let mut program = Program::start(config, 10, MANY);
    let mut guest = host.accept().await;
    program.expect_up().await;
    program.send(message("1", &["a@localhost"], "x")).await;
    for _ in 0..100 {
        // Alive it is.
        guest.send(" ").await;
        sleep(Duration::from_millis(10)).await;
        if !program.incoming.is_empty() {
            break;
        }
    }
    program.expect_down().await;
}

#[tokio::test]
async fn the_host_has_no_more_than_a_window_to_work_off() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 10, MANY);
    let mut guest = host.accept().await;
    program.expect_up().await;
    program.send(message("1", &["a@localhost"; 5_000], "x")).await;
    let (mut copies, mut echoes) = (0, Vec::new());
    while copies < 5_000 {
        match tokio::time::timeout(Duration::from_millis(300), guest.next_of_all()).await {
            Ok(element) if element.attr("to") == Some(DOMAIN) => echoes.push(element),
            Ok(_) => copies += 1,
            Err(_) => {
                assert_eq!(copies % 1_024, 0);
                assert!(echoes.len() >= 4, "it is asked before the window is full");
                for echo in echoes.drain(..) {
                    guest.send_back(&echo).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_busy_program_stops_reading_but_not_writing_nor_the_link() {
    let host = Host::start().await;
    let mut config = host.config();
    config.ping_every = Duration::from_millis(500);
    config.ping_timeout = Duration::from_millis(500);
    let mut program = Program::start(config, 1, MANY);
    let mut guest = host.accept().await;
    for n in 0..20 {
        guest.send(&format!("<message id='{n}'/>")).await;
    }
    let many: Vec<String> = (0..1_000).map(|n| format!("user{n}@localhost")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for _ in 0..20 {
        program.send(message("out", &many, &"x".repeat(300))).await;
    }
    for n in 0..20_000 {
        let copy = guest.next().await;
        assert_eq!(copy.attr("to"), Some(many[n % 1_000]));
    }
    // Longer than silence is allowed to last: it is the program that is silent, not the host.
    sleep(Duration::from_millis(1_500)).await;
    program.expect_up().await;
    for n in 0..20 {
        program.expect_stanza(&n.to_string()).await;
    }
}

#[tokio::test]
async fn a_host_that_takes_nothing_is_left() {
    let host = Host::start().await;
    let mut config = host.config();
    config.ping_every = Duration::from_millis(150);
    config.ping_timeout = Duration::from_millis(150);
    let mut program = Program::start(config, 10, MANY);
    let _guest = host.accept().await;
    program.expect_up().await;
    for n in 0..10 {
        program.send(message(&n.to_string(), &["a@localhost"; 10_000], &"x".repeat(500))).await;
    }
    program.expect_down().await;
}

#[tokio::test]
async fn what_would_close_the_link_is_dropped() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 10, MANY);
    let mut guest = host.accept().await;
    program.expect_up().await;
    program.send(message("control", &["a@localhost"], "\u{1}")).await;
    program.send(message("large", &["a@localhost"], &"x".repeat(500 * 1024))).await;
    program.send(message("some", &["bad\u{0}@localhost", "good@localhost", ""], "x")).await;
    program.send(message("last", &["a@localhost"], "x")).await;
    let copy = guest.next().await;
    assert_eq!((copy.attr("id"), copy.attr("to")), (Some("some"), Some("good@localhost")));
    assert_eq!(guest.next().await.attr("id"), Some("last"));
}

#[tokio::test]
async fn stopping_writes_what_is_queued_and_ends_the_stream() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 10, MANY);
    let mut guest = host.accept().await;
    program.expect_up().await;
    for n in 0..100 {
        program.send(message(&n.to_string(), &["a@localhost"], "x")).await;
    }
    program.stop.cancel();
    for n in 0..100 {
        assert_eq!(guest.next().await.attr("id"), Some(n.to_string().as_str()));
    }
    guest.expect_end().await;
    guest.send("</stream:stream>").await;
    guest.cut();
    soon(program.task).await.unwrap();
}

#[tokio::test]
async fn what_is_begun_is_said_and_what_the_host_still_sends_is_heard() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 10, MANY);
    let mut guest = host.accept().await;
    program.expect_up().await;
    let begun = program.outgoing.batch(1, 1);
    program.stop.cancel();
    while program.outgoing.batch(2, 2).send(message("late", &["a@localhost"], "x")).await.is_ok() {
        sleep(Duration::from_millis(1)).await;
    }
    begun.send(message("begun", &["a@localhost"], "x")).await.unwrap();
    drop(begun);
    while guest.next().await.attr("id") != Some("begun") {}
    guest.expect_end().await;
    guest.send("<message id='last'/></stream:stream>").await;
    match soon(program.incoming.recv()).await {
        Some(Incoming::Stanza(stanza)) => assert_eq!(stanza.attr("id"), Some("last")),
        other => panic!("{other:?}"),
    }
    soon(program.task).await.unwrap();
    assert_eq!(program.outgoing.acknowledged(), Some(1), "the server has no more");
    soon(program.outgoing.settled()).await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_host_that_takes_nothing() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 10, MANY);
    let _guest = host.accept().await;
    program.expect_up().await;
    for n in 0..10 {
        program.send(message(&n.to_string(), &["a@localhost"; 10_000], &"x".repeat(500))).await;
    }
    program.stop.cancel();
    tokio::time::timeout(Duration::from_secs(8), program.task).await.expect("5 s and a little").unwrap();
}

#[tokio::test]
async fn stopping_leaves_a_backlog_and_hears_a_slow_host_out() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 10, MANY);
    let mut guest = host.accept().await;
    program.expect_up().await;
    // Half a minute of work for this host: it takes a quarter of the window in 300 ms.
    program.send(message("much", &["a@localhost"; 25_000], "x")).await;
    program.stop.cancel();
    let mut copies = 0;
    let end = loop {
        match soon(guest.reader.next()).await {
            Ok(Read::Stanza(element)) if element.attr("to") == Some(DOMAIN) => {
                sleep(Duration::from_millis(300)).await;
                guest.send_back(&element).await;
            }
            Ok(Read::Stanza(_)) => copies += 1,
            end => break end,
        }
    };
    assert!(matches!(end, Ok(Read::Eof)), "{end:?}");
    assert!((1_024..25_000).contains(&copies), "{copies}");
    // What it sent before it came to the end is more than the program takes at once.
    for n in 0..100 {
        guest.send(&format!("<message id='{n}'/>")).await;
    }
    sleep(Duration::from_millis(1_500)).await;
    guest.send("<message id='100'/></stream:stream>").await;
    for n in 0..=100 {
        program.expect_stanza(&n.to_string()).await;
    }
    soon(program.task).await.unwrap();
}

#[tokio::test]
async fn stopping_while_the_link_is_down() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let program = Program::start(config(&free.to_string()), 10, MANY);
    program.send(message("1", &["a@localhost"], "x")).await;
    sleep(Duration::from_millis(30)).await;
    program.stop.cancel();
    soon(program.task).await.unwrap();
}

#[tokio::test]
async fn a_program_that_no_longer_listens_ends_the_link() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 10, MANY);
    let mut guest = host.accept().await;
    program.expect_up().await;
    drop(program.incoming);
    guest.expect_end().await;
    soon(program.task).await.unwrap();
}

#[tokio::test]
async fn no_senders_left_is_no_reason_to_stop() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 10, MANY);
    let mut guest = host.accept().await;
    program.expect_up().await;
    drop(program.outgoing);
    guest.send("<message id='1'/>").await;
    match soon(program.incoming.recv()).await {
        Some(Incoming::Stanza(stanza)) => assert_eq!(stanza.attr("id"), Some("1")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_program_waiting_for_the_link_does_not_keep_it_down() {
    let host = Host::start().await;
    let mut program = Program::start(host.config(), 1, 1);
    let outgoing = program.outgoing.clone();
    let sending =
        tokio::spawn(
            async move { while outgoing.send(message("out", &["a@localhost"], "x")).await.is_ok() {} },
        );
    // Nothing is read from `incoming` while three links come and go.
    for _ in 0..3 {
        host.accept().await.cut();
    }
    let mut guest = host.accept().await;
    assert_eq!(guest.next().await.attr("id"), Some("out"));
    sending.abort();
    program.expect_up().await;
    program.expect_down().await;
    program.expect_up().await;
    guest.send("<message id='2'/>").await;
    program.expect_stanza("2").await;
}
