//! The `group` line: a group with its members, made before the conversation is about anything else.

/// A group to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Bare JID of the group.
    pub jid: String,
    /// Its name.
    pub name: String,
    /// Further properties.
    pub properties: Vec<(String, String)>,
    /// Its members in the order written; the first owner makes it.
    pub members: Vec<Member>,
}

/// A member named in a `group` line. Member id and nick are the localpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The user, as steps name him.
    pub user: String,
    /// `owner`, `admin` or `member`.
    pub role: String,
    /// Has no device connected.
    pub away: bool,
}

impl Setup {
    /// Who makes the group.
    pub fn creator(&self) -> &Member {
        self.members.iter().find(|member| member.role == "owner").unwrap_or(&self.members[0])
    }
}

/// Reads what follows the word `group`.
pub(super) fn parse(text: &str) -> Result<Setup, String> {
    const FORM: &str =
        "write `group tea@groupchat.shakespeare.lit \"Tea\": alice owner, bob member, carol admin away`";
    let (jid, rest) = text.split_once(" \"").ok_or(FORM)?;
    let (name, rest) = rest.split_once('"').ok_or(FORM)?;
    let (properties, members) = rest.split_once(':').ok_or(FORM)?;
    let properties = properties.split_whitespace().map(|property| {
        let (key, value) =
            property.split_once('=').ok_or_else(|| format!("`{property}` is no name=value"))?;
        Ok((key.to_owned(), value.to_owned()))
    });
    let setup = Setup {
        jid: jid.trim().to_owned(),
        name: name.to_owned(),
        properties: properties.collect::<Result<_, String>>()?,
        members: members.split(',').map(member).collect::<Result<_, String>>()?,
    };
    if !setup.members.iter().any(|member| member.role == "owner") {
        return Err("a group needs an owner".to_owned());
    }
    Ok(setup)
}

fn member(text: &str) -> Result<Member, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (user, role, away) = match words[..] {
        [user, role] => (user, role, false),
        [user, role, "away"] => (user, role, true),
        _ => return Err(format!("`{}` is no member; write `bob member` or `bob member away`", text.trim())),
    };
    if !["owner", "admin", "member"].contains(&role) {
        return Err(format!("`{role}` is no role; there are owner, admin, member"));
    }
    Ok(Member { user: user.to_owned(), role: role.to_owned(), away })
}
