//! Rooms as Prosody writes them: names and ids, who is believed to have spoken, and which rooms stay.

use tempfile::TempDir;

use super::*;

#[test]
fn what_cannot_be_read_is_told_once() {
    // A folder can be opened, and not be read.
    let folder = File::open(std::env::temp_dir()).unwrap();
    assert_eq!(Items::new(folder).take(10).count(), 1);
}

#[test]
fn names_and_ids_are_as_prosody_writes_them() {
    assert_eq!(encoded("测_a.lit"), "%e6%b5%8b%5fa%2elit");
    assert_eq!(decoded("%e6%b5%8b%5fa%2elit").as_deref(), Some("测_a.lit"));
    assert_eq!(decoded("%e6"), None);
    let alice = BareJid::parse("alice@p.lit").unwrap();
    let id = occupant_id(&alice, "d55e6e2c-ce6b-4d1e-b2e9-5506bd32004b");
    assert_eq!(id, "8XDg3K2Wo4zD4B1Y7m+x3m2b5v8xd9Bct5wYhVdgzG8=");
}

/// Long after everything here.
const NOW: Timestamp = Timestamp(1_800_000_000_000);
const SALT: &str = "d55e6e2c-ce6b-4d1e-b2e9-5506bd32004b";

/// A room `tea` with Alice and Bob in it, of which this is said besides, and in which this was said.
fn told_of(data: &str, log: &str) -> (TempDir, anyhow::Result<Found>) {
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join(encoded("c.lit"));
    for name in ["config", "muc_log"] {
        fs::create_dir_all(host.join(name)).unwrap();
    }
    let config = format!(
        "return {{ [\"alice@p.lit\"] = \"owner\"; [\"bob@p.lit\"] = \"member\"; _data = {{ {data} }}; }};"
    );
    fs::write(host.join("config").join("tea.dat"), config).unwrap();
    fs::write(host.join("muc_log").join("tea.list"), log).unwrap();
    let prosody = Prosody::open(folder.path(), "c.lit").unwrap();
    let found = prosody.room("tea", NOW, &mut Complaints::default());
    (folder, found)
}

/// What this account said by the nick `Mallory`, with these children.
fn said(id: Option<&str>, addresses: &[&str]) -> String {
    let shown = |jid: &&str| {
        format!(
            "{{ name = \"x\"; attr = {{ xmlns = \"http://jabber.org/protocol/muc#user\"; }}; \
             {{ name = \"item\"; attr = {{ jid = \"{jid}\"; role = \"participant\"; }}; }}; }};"
        )
    };
    let ids = id.iter().map(|id| {
        format!(
            "{{ name = \"occupant-id\"; attr = {{ xmlns = \"urn:xmpp:occupant-id:0\"; id = \"{id}\"; }}; }};"
        )
    });
    let children: String = addresses.iter().map(shown).chain(ids).collect();
    format!(
        "item({{ name = \"message\"; attr = {{ from = \"tea@c.lit/Mallory\"; type = \"groupchat\"; }}; when = 1795271730; \
         {{ name = \"body\"; attr = {{}}; \"hi\"; }}; {children}\n}});\n"
    )
}

fn speaker(data: &str, line: &str) -> Speaker {
    let (_folder, found) = told_of(&format!("persistent = true; {data}"), line);
    let found = found.unwrap();
    let mut lines = found.lines().unwrap();
    lines.next().unwrap().unwrap().speaker
}

#[test]
fn nobody_speaks_by_the_name_of_somebody_else() {
    let jid = |name: &str| BareJid::parse(&format!("{name}@p.lit")).unwrap();
    let id = |name: &str| occupant_id(&jid(name), SALT);
    let known = |name: &str| Speaker::Known(jid(name));
    let salt = format!("occupant_id_salt = \"{SALT}\";");
    let (hidden, shown) = (format!("{salt} whois = \"moderators\";"), format!("{salt} whois = \"anyone\";"));
    let mallory = id("mallory");

    // The address in front is what a client made up; where addresses are hidden there is no other.
    let forged = said(Some(&mallory), &["alice@p.lit"]);
    assert_eq!(speaker(&hidden, &forged), Speaker::Unknown(mallory.clone()));
    assert_eq!(speaker(&shown, &forged), Speaker::Unknown(mallory.clone()));
    let forged = said(Some(&mallory), &["alice@p.lit", "mallory@p.lit"]);
    assert_eq!(speaker(&hidden, &forged), Speaker::Unknown(mallory));
    assert_eq!(speaker(&shown, &forged), known("mallory"));
    assert_eq!(speaker(&shown, &said(Some(&id("bob")), &["alice@p.lit"])), known("bob"));
    assert_eq!(speaker(&shown, &said(Some(&id("bob")), &[])), known("bob"));
    // Without ids the room's own word is the last.
    assert_eq!(speaker("whois = \"anyone\";", &said(None, &["alice@p.lit", "bob@p.lit"])), known("bob"));
    let nick = Speaker::Unknown("Mallory".to_owned());
    assert_eq!(speaker("", &said(None, &["alice@p.lit"])), nick);
    // A room that gave no ids does not know these.
    assert_eq!(speaker("", &said(Some(&occupant_id(&jid("alice"), "")), &[])), nick);
    let twice = said(Some(&id("alice")), &[]).replace(
        "\n});",
        "{ name = \"occupant-id\"; attr = { xmlns = \"urn:xmpp:occupant-id:0\"; id = \"m\"; }; };\n});",
    );
    assert_eq!(speaker(&salt, &twice), nick);
}

#[test]
fn rooms_that_do_not_stay_are_not_taken() {
    let refused = |data: &str| told_of(data, "").1.map(drop).map_err(|why| why.to_string());
    let never = Err("it was never configured".to_owned());
    assert_eq!(refused("persistent = true;"), Ok(()));
    assert_eq!(refused("persistent = true; locked = 1799999999;"), Ok(()), "whoever made it had his time");
    assert_eq!(refused("persistent = true; locked = 1800000001;"), never);
    assert_eq!(refused("persistent = true; locked = true;"), never);
    assert_eq!(refused(""), Err("it is not persistent".to_owned()));
    assert_eq!(
        refused("persistent = true; destroyed = true; locked = 1802678400;"),
        Err("it was destroyed".to_owned())
    );
}
