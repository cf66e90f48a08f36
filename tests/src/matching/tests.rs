//! What matches and, above all, what does not.

use super::*;
use crate::xml::parse_all;

fn check(template: &str, actual: &str) -> Result<Bindings, String> {
    check_with(template, actual, &Bindings::new())
}

fn check_with(template: &str, actual: &str, bound: &Bindings) -> Result<Bindings, String> {
    let template = &parse_all(template).expect("template")[0];
    let actual = &parse_all(actual).expect("actual")[0];
    matches(template, actual, Receiver { bare: "alice@shakespeare.lit", domain: "shakespeare.lit" }, bound)
}

#[test]
fn equal_stanzas_match_in_any_order_of_children() {
    let bound = check(
        "<message from='g'><body>hi</body><x xmlns='a'/></message>",
        "<message from='g' to='alice@shakespeare.lit/pda' type='normal' xml:lang='en'><x xmlns='a'/> <body> hi </body></message>",
    );
    assert_eq!(bound, Ok(Bindings::new()));
}

#[test]
fn every_difference_is_found() {
    let template = "<message from='g' type='chat'><body>hi</body></message>";
    for wrong in [
        "<presence from='g' type='chat'><body>hi</body></presence>",
        "<message from='h' type='chat'><body>hi</body></message>",
        "<message from='g'><body>hi</body></message>",
        "<message from='g' type='chat'><body>ho</body></message>",
        "<message from='g' type='chat'/>",
        "<message from='g' type='chat' id='7'><body>hi</body></message>",
        "<message from='g' type='chat'><body>hi</body><body>hi</body></message>",
        "<message from='g' type='chat'><body>hi</body><x xmlns='a'/></message>",
        "<message from='g' type='chat'><body xmlns='b'>hi</body></message>",
        "<message from='g' type='chat'><body n='1'>hi</body></message>",
        "<message from='g' type='chat'>text<body>hi</body></message>",
    ] {
        assert!(check(template, wrong).is_err(), "this must not match: {wrong}");
    }
}

#[test]
fn names_bind_once() {
    let template = "<message id='{m}'><s id='{m}'/></message>";
    assert_eq!(
        check(template, "<message id='7'><s id='7'/></message>").map(|b| b["m"].clone()),
        Ok("7".into())
    );
    assert!(check(template, "<message id='7'><s id='8'/></message>").is_err());
    let bound = Bindings::from([("m".to_owned(), "9".to_owned())]);
    assert!(check_with("<message id='{m}'/>", "<message id='7'/>", &bound).is_err());
    assert!(check_with("<message id='a-{m}'/>", "<message id='a-9'/>", &bound).is_ok());
    assert!(
        check("<message id='{any}'><s id='{any}'/></message>", "<message id='7'><s id='8'/></message>")
            .is_ok()
    );
    assert!(check("<message id='{any}'/>", "<message/>").is_err());
}

#[test]
fn a_choice_that_leads_nowhere_is_undone() {
    let template = "<iq id='1'><i n='{a}'/><i n='x'/></iq>";
    assert_eq!(
        check(template, "<iq id='1'><i n='x'/><i n='y'/></iq>").map(|b| b["a"].clone()),
        Ok("y".into())
    );
}

#[test]
fn dots_allow_more_only_where_they_stand() {
    let template = "<message><x>...</x></message>";
    assert!(check(template, "<message><x a='1'><y/>text</x></message>").is_ok());
    assert!(check(template, "<message b='1'><x/></message>").is_err());
    assert!(
        check("<message>...<body>hi</body></message>", "<message id='1'><body>ho</body></message>").is_err()
    );
    assert!(
        check("<message>...<body>hi</body></message>", "<message id='1'><z/><body>hi</body></message>")
            .is_ok()
    );
}

#[test]
fn additions_of_the_host_are_ignored_unless_named() {
    let plain = "<message from='g'><body>hi</body></message>";
    let delayed = "<message from='g'><body>hi</body><delay xmlns='urn:xmpp:delay' from='shakespeare.lit' stamp='1'/>\
        <stanza-id xmlns='urn:xmpp:sid:0' by='alice@shakespeare.lit' id='1'/></message>";
    assert!(check(plain, delayed).is_ok());
    assert!(check(plain, &delayed.replace("from='shakespeare.lit'", "from='g'")).is_err());
    assert!(check(plain, &delayed.replace("by='alice@", "by='bob@")).is_err());
    let named = "<message from='g'>...<body>hi</body><delay xmlns='urn:xmpp:delay' from='shakespeare.lit' stamp='2'/></message>";
    assert!(check(named, delayed).is_err());
}

#[test]
fn answers_of_the_own_server_need_no_from() {
    let template = "<iq type='result' id='1'/>";
    assert!(check(template, "<iq type='result' id='1' from='alice@shakespeare.lit'/>").is_ok());
    assert!(check(template, "<iq type='result' id='1' from='g@groupchat.shakespeare.lit'/>").is_err());
}

#[test]
fn to_counts_when_named() {
    assert!(check("<message to='b'/>", "<message to='a'/>").is_err());
    assert!(check("<message to='b'/>", "<message/>").is_err());
}

#[test]
fn substitution() {
    let bound = Bindings::from([("m".to_owned(), "9".to_owned())]);
    assert_eq!(
        substitute("<a id='{m}'>{\"json\":1} {</a>", &bound),
        Ok("<a id='9'>{\"json\":1} {</a>".into())
    );
    assert_eq!(substitute("{3 times ab}", &bound), Ok("ababab".into()));
    assert!(substitute("{n}", &bound).is_err());
}
