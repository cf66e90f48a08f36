//! Conversation files that can be read, and those that cannot.

use super::*;

const POST: &str = r#"# A member posts.
# Everybody gets one copy.
XEP-0359, RFC 6121
not: ejabberd - it does not do this
config: delivery.absent = "archive"
users: dora

group tea@groupchat.shakespeare.lit "Afternoon tea" visibility=public: alice owner, 测试五 member, carol admin away

# said once
alice/my phone, bob connect
alice sends
  <message to='tea@groupchat.shakespeare.lit' type='groupchat' id='{m}'>
    <body>Milk?</body>
  </message>
alice, bob receive in any order
  <message/>

# a comment does not end a block
  <presence
    from='a'/>
alice vanishes
wait 500 ms
service is killed
service starts
nobody receives anything more
"#;

#[test]
fn a_whole_file() {
    let script = Script::parse("native/post.txt", POST).expect("readable");
    assert_eq!(script.purpose, "A member posts.\nEverybody gets one copy.");
    assert_eq!(script.references, ["XEP-0359", "RFC 6121"]);
    assert_eq!(script.hosts, [HostKind::InProcess, HostKind::Prosody]);
    assert_eq!(script.config, ["delivery.absent = \"archive\""]);
    assert_eq!(script.users, ["alice", "bob", "carol", "dora", "测试五"]);
    assert_eq!(script.steps.len(), 9);
}

#[test]
fn steps_carry_their_lines_and_blocks() {
    let script = Script::parse("native/post.txt", POST).expect("readable");
    let Action::Login(who, login) = &script.steps[1].action else { panic!("{:?}", script.steps[1]) };
    assert_eq!(*login, Login { presence: Presence::Announced, resumable: false });
    assert_eq!(who[0].full(), "alice@shakespeare.lit/my phone");
    assert_eq!(who[1].full(), "bob@shakespeare.lit/pda");
    let Action::Send(_, text) = &script.steps[2].action else { panic!("{:?}", script.steps[2]) };
    assert!(text.starts_with("<message to="), "{text}");
    assert!(text.contains("\n  <body>"), "{text}");
    let Action::Receive(_, templates, Order::Any) = &script.steps[3].action else {
        panic!("{:?}", script.steps[3])
    };
    assert_eq!(templates.iter().map(|template| template.line).collect::<Vec<_>>(), [17, 20]);
}

#[test]
fn a_group_line() {
    let script = Script::parse("native/post.txt", POST).expect("readable");
    let Action::Group(setup) = &script.steps[0].action else { panic!("{:?}", script.steps[0]) };
    assert_eq!(setup.name, "Afternoon tea");
    assert_eq!(setup.properties, [("visibility".to_owned(), "public".to_owned())]);
    assert_eq!(setup.creator().user, "alice");
    assert_eq!(setup.members.iter().map(|member| member.away).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn who_lives_elsewhere_is_named_with_it() {
    let script = Script::parse("f", "# x\nromeo@verona.lit/my phone, romeo connect\n").expect("readable");
    assert_eq!(script.users, ["romeo", "romeo@verona.lit"]);
    let Action::Login(who, _) = &script.steps[0].action else { panic!("{:?}", script.steps[0]) };
    assert_eq!(who[0].full(), "romeo@verona.lit/my phone");
    assert_eq!((who[0].domain(), who[1].domain()), (ELSEWHERE, HOST));
}

#[test]
fn problems_name_their_line() {
    for (text, line) in [
        ("alice connects\n", 1),
        ("# x\nalice conects\n", 2),
        ("# x\nalice sends\n", 2),
        ("# x\nalice sends\n  <message>\n", 3),
        ("# x\nalice receives\n  <a/>\n  <b>\n", 4),
        ("# x\n  <a/>\n", 2),
        ("# x\nonly: prosody\n", 2),
        ("# x\nonly: prosodi - because\n", 2),
        ("# x\nwait long\n", 2),
        ("# x\nromeo@nowhere.lit connects\n", 0),
        ("# x\ngroup tea \"Tea\": bob member\n", 2),
        ("# x\ngroup tea \"Tea\": bob boss\n", 2),
    ] {
        let error = Script::parse("f", text).expect_err(text);
        assert_eq!(error.line, line, "{text}: {error}");
    }
}
