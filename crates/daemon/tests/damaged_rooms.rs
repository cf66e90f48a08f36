//! Rooms of other servers from files that are damaged, or hold more than anybody wants to read: what is whole is taken over, and for
//! the rest the line is told.

#![expect(clippy::unwrap_used, reason = "a test that cannot run fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// More than is read at once.
const TOO_MUCH: usize = 17 * 1024 * 1024;
const HOST: &str = "conference.h.lit";

/// A service's folder with its configuration; `import` says its code and what it says.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = "[component]\ndomain = 'groupchat.h.lit'\nsecret = 's'\n[http]\nlisten = ''\n";
        std::fs::write(folder.path().join("groupchat.toml"), config).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn import(&self, from: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_xmpp-groupchat"))
            .arg("import")
            .args(from)
            .args(["--host", HOST])
            .current_dir(self.path())
            .env_clear()
            .output()
            .unwrap();
        (status.code().unwrap_or(-1), String::from_utf8([stdout, stderr].concat()).unwrap())
    }
}

fn sql_room(name: &[u8]) -> Vec<u8> {
    let options = "[{persistent,true},{affiliations,[{{<<\"alice\">>,<<\"h.lit\">>,<<>>},{owner,<<>>}}]}]";
    let before = b"INSERT INTO muc_room(name, host, server_host, opts, created_at) VALUES ('";
    let after = format!("', '{HOST}', 'h.lit', '{options}', '2023-01-01 00:00:00');\n");
    [before.as_slice(), name, after.as_bytes()].concat()
}

fn sql_message(at: u64, text: &[u8]) -> Vec<u8> {
    let before = format!(
        "INSERT INTO archive(username, timestamp, peer, bare_peer, xml, txt, kind, nick) VALUES ('tea@{HOST}', {at}, \
         'alice@h.lit/x', 'alice@h.lit', '<message xmlns=''jabber:client'' type=''groupchat'' \
         from=''tea@{HOST}/Al'' id=''i{at}''><body>"
    );
    [before.as_bytes(), text, b"</body></message>', '', 'groupchat', 'Al');\n"].concat()
}

#[test]
fn of_an_ejabberd_only_what_cannot_be_read_stays_out() {
    let place = Place::new();
    let huge = vec![b'x'; TOO_MUCH];
    let elsewhere =
        [b"INSERT INTO spool(username, xml) VALUES ('\xff\xfe', '", huge.as_slice(), b"');\n"].concat();
    let lines = [
        elsewhere,
        sql_room(b"tea"),
        sql_room(b"cup\xff"),
        sql_message(1_600_000_000_000_000, b"first"),
        sql_message(1_600_000_000_000_001, b"\xff\xfe"),
        sql_message(1_600_000_000_000_002, "第三".as_bytes()),
    ];
    let file = place.path().join("export.sql");
    std::fs::write(&file, lines.concat()).unwrap();
    let (code, said) = place.import(&["ejabberd-muc", "--sql", "export.sql"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("tea: 1 members") && said.contains("2 messages and events"), "{said}");
    assert!(said.contains("without the message in line 5: it is no UTF-8"), "{said}");
    assert!(
        said.contains("not taken over: line 3 is no UTF-8") && said.contains("1 groups imported"),
        "{said}"
    );

    for (line, why) in [
        (
            sql_message(1_600_000_000_000_003, &huge),
            "line 7: a row of archive that is longer than 16777216 bytes",
        ),
        (
            b"INSERT INTO archive(username) VALUES ('x\n".to_vec(),
            "line 7: a row of archive that ends in its midst",
        ),
    ] {
        std::fs::write(&file, [lines.concat(), line].concat()).unwrap();
        let (code, said) = Place::new().import(&["ejabberd-muc", "--sql", file.to_str().unwrap()]);
        assert!(code == 1 && said.contains(why), "{why}: {code} {said}");
    }
}

fn lua_message(at: u64, text: &[u8]) -> Vec<u8> {
    let before = format!(
        "item({{\n\t[\"name\"] = \"message\";\n\t[\"when\"] = {at};\n\t[\"attr\"] = {{\n\t\t[\"type\"] = \"groupchat\";\n\
         \t\t[\"from\"] = \"tea@{HOST}/Al\";\n\t}};\n\t{{\n\t\t[\"name\"] = \"body\";\n\t\t\""
    );
    [before.as_bytes(), text, b"\";\n\t};\n});\n"].concat()
}

/// Prosody's folder, with a room in which this was said.
fn prosody(place: &Place, log: &[u8]) -> PathBuf {
    let rooms = place.path().join("conference%2eh%2elit");
    std::fs::create_dir_all(rooms.join("config")).unwrap();
    std::fs::create_dir_all(rooms.join("muc_log")).unwrap();
    let config = "return { [\"_data\"] = { [\"persistent\"] = true; }; [\"_affiliations\"] = { [\"alice@h.lit\"] = \"owner\" }; };";
    std::fs::write(rooms.join("config/tea.dat"), config).unwrap();
    std::fs::write(rooms.join("muc_log/tea.list"), log).unwrap();
    rooms
}

#[test]
fn of_a_prosody_only_what_cannot_be_read_stays_out() {
    let place = Place::new();
    let huge = vec![b'x'; TOO_MUCH];
    let log = [
        lua_message(1_600_000_000, b"first"),
        lua_message(1_600_000_001, b"\xff\xfe"),
        lua_message(1_600_000_002, &huge),
        lua_message(1_600_000_003, "第四".as_bytes()),
    ];
    let rooms = prosody(&place, &log.concat());
    let lines = log[0].split(|byte| *byte == b'\n').count() - 1;
    std::fs::write(rooms.join("config/huge.dat"), &huge).unwrap();
    let (code, said) = place.import(&["prosody-muc", "--data", "."]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("tea: 1 members") && said.contains("2 messages and events"), "{said}");
    let without = said.lines().filter(|line| line.contains("without line ")).count();
    assert_eq!(without, 2, "each is told once: {said}");
    let [second, third] = [lines + 1, 2 * lines + 1];
    assert!(said.contains(&format!("without line {second} of ")) && said.contains("is no UTF-8"), "{said}");
    assert!(said.contains(&format!("without line {third} of ")), "{said}");
    assert!(said.matches("is larger than 16777216 bytes").count() == 2, "the message and the file: {said}");
    assert!(said.contains("huge: not taken over"), "{said}");
}
