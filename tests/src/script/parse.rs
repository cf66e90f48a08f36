//! From the text of a conversation file to [`Script`].

use std::time::Duration;

use super::{
    Action, Device, ELSEWHERE, HOST, HostKind, Leaving, Login, Order, Presence, Script, ScriptError,
    ServiceStep, Step, Template, setup, split_user,
};
use crate::xml;

type Problem<T> = Result<T, String>;

pub(super) fn parse(file: &str, text: &str) -> Result<Script, ScriptError> {
    let mut script = Script {
        file: file.to_owned(),
        purpose: String::new(),
        references: Vec::new(),
        hosts: HostKind::ALL.to_vec(),
        with_service: true,
        host_tells_presence: false,
        config: Vec::new(),
        users: Vec::new(),
        steps: Vec::new(),
    };
    let mut lines = Lines { rest: text.lines().zip(1..).collect::<Vec<_>>().into_iter().peekable() };
    while let Some((line, number)) = lines.rest.next() {
        one_line(&mut script, line, number, &mut lines).map_err(|(line, problem)| ScriptError {
            file: file.to_owned(),
            line,
            problem,
        })?;
    }
    if script.purpose.is_empty() {
        let problem = "the file starts with a comment that says what the conversation shows".to_owned();
        return Err(ScriptError { file: file.to_owned(), line: 1, problem });
    }
    script.users.sort();
    script.users.dedup();
    if let Some(stranger) = script.users.iter().find(|user| ![HOST, ELSEWHERE].contains(&split_user(user).1))
    {
        let problem = format!("{stranger} cannot have an account: there is no other domain than {ELSEWHERE}");
        return Err(ScriptError { file: file.to_owned(), line: 0, problem });
    }
    Ok(script)
}

struct Lines<'a> {
    rest: std::iter::Peekable<std::vec::IntoIter<(&'a str, usize)>>,
}

impl<'a> Lines<'a> {
    /// The indented lines that follow; blank lines and comments between them do not end the block.
    fn block(&mut self) -> Vec<(&'a str, usize)> {
        let mut block = Vec::new();
        while let Some((line, number)) = self.rest.next_if(|(line, _)| {
            line.starts_with([' ', '\t']) || line.trim().is_empty() || line.starts_with('#')
        }) {
            if line.starts_with([' ', '\t']) && !line.trim().is_empty() {
                block.push((line, number));
            }
        }
        block
    }
}

fn one_line(
    script: &mut Script,
    line: &str,
    number: usize,
    lines: &mut Lines<'_>,
) -> Result<(), (usize, String)> {
    if line.trim().is_empty() {
        return Ok(());
    }
    if let Some(comment) = line.strip_prefix('#') {
        if script.steps.is_empty() && script.references.is_empty() {
            script.purpose = format!("{}\n{}", script.purpose, comment.trim()).trim().to_owned();
        }
        return Ok(());
    }
    if line.starts_with([' ', '\t']) {
        return Err((number, "an indented line belongs below `sends` or `receives`".to_owned()));
    }
    if script.steps.is_empty() && head_line(script, line).map_err(|problem| (number, problem))? {
        return Ok(());
    }
    let action = step(line, number, lines)?;
    script.users.extend(users_of(&action));
    script.steps.push(Step { line: number, action });
    Ok(())
}

/// References and options; false if the line is a step.
fn head_line(script: &mut Script, line: &str) -> Problem<bool> {
    if line.starts_with("XEP-") || line.starts_with("RFC ") {
        script.references.extend(line.split(',').map(|reference| reference.trim().to_owned()));
    } else if let Some(rest) = line.strip_prefix("only:") {
        script.hosts = host_list(rest)?;
    } else if let Some(rest) = line.strip_prefix("not:") {
        let excluded = host_list(rest)?;
        script.hosts.retain(|host| !excluded.contains(host));
    } else if line == "without service" {
        script.with_service = false;
    } else if line == "host tells presence" {
        script.host_tells_presence = true;
    } else if let Some(rest) = line.strip_prefix("config:") {
        script.config.push(rest.trim().to_owned());
    } else if let Some(rest) = line.strip_prefix("users:") {
        script.users.extend(rest.split(',').map(|user| user.trim().to_owned()));
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn host_list(text: &str) -> Problem<Vec<HostKind>> {
    let (hosts, reason) = text.split_once(" - ").ok_or("`only:` and `not:` say why, behind ` - `")?;
    if reason.trim().is_empty() {
        return Err("the reason behind ` - ` is empty".to_owned());
    }
    let find = |name: &str| {
        let found = HostKind::ALL.into_iter().find(|host| host.name() == name);
        found.ok_or_else(|| format!("`{name}` is no host; there are in-process, prosody, ejabberd"))
    };
    hosts.split(',').map(|name| find(name.trim())).collect()
}

fn step(line: &str, number: usize, lines: &mut Lines<'_>) -> Result<Action, (usize, String)> {
    let here = |problem: String| (number, problem);
    let line = line.trim();
    match line {
        "service is killed" => return Ok(Action::Service(ServiceStep::Kill)),
        "service is stopped" => return Ok(Action::Service(ServiceStep::Stop)),
        "service starts" => return Ok(Action::Service(ServiceStep::Start)),
        "nobody receives anything more" => return Ok(Action::Silence),
        _ => {}
    }
    if let Some(rest) = line.strip_prefix("group ") {
        return setup::parse(rest).map(Action::Group).map_err(here);
    }
    if let Some(rest) = line.strip_prefix("wait ") {
        return wait(rest).map(Action::Wait).map_err(here);
    }
    let (who, verb) = split_verb(line).map_err(here)?;
    let who = devices(who).map_err(here)?;
    Ok(match verb {
        Verb::Login(login) => Action::Login(who, login),
        Verb::Resume => Action::Resume(who),
        Verb::Leave(leaving) => Action::Leave(who, leaving),
        Verb::Send => {
            let block = lines.block();
            templates(&block, number)?;
            Action::Send(who, dedent(&block))
        }
        Verb::Receive(order) => Action::Receive(who, templates(&lines.block(), number)?, order),
    })
}

fn wait(text: &str) -> Problem<Duration> {
    let number = |digits: &str| digits.trim().parse().map_err(|_| format!("`{digits}` is no number"));
    match (text.strip_suffix(" ms"), text.strip_suffix(" s")) {
        (Some(ms), _) => Ok(Duration::from_millis(number(ms)?)),
        (None, Some(s)) => Ok(Duration::from_secs(number(s)?)),
        (None, None) => Err("write `wait 500 ms` or `wait 2 s`".to_owned()),
    }
}

#[derive(Clone, Copy)]
enum Verb {
    Login(Login),
    Resume,
    Leave(Leaving),
    Send,
    Receive(Order),
}

const fn login(presence: Presence, resumable: bool) -> Verb {
    Verb::Login(Login { presence, resumable })
}

/// What may stand behind the names, in singular and plural.
const VERBS: [(&str, &str, Verb); 12] = [
    ("connects with resumption", "connect with resumption", login(Presence::Announced, true)),
    ("connects", "connect", login(Presence::Announced, false)),
    ("logs in with resumption", "log in with resumption", login(Presence::Initial, true)),
    ("logs in", "log in", login(Presence::Initial, false)),
    ("binds", "bind", login(Presence::None, false)),
    ("resumes", "resume", Verb::Resume),
    ("sends", "send", Verb::Send),
    ("receives", "receive", Verb::Receive(Order::AsWritten)),
    ("receives in any order", "receive in any order", Verb::Receive(Order::Any)),
    ("disconnects", "disconnect", Verb::Leave(Leaving::Closing)),
    ("drops", "drop", Verb::Leave(Leaving::Dropping)),
    ("vanishes", "vanish", Verb::Leave(Leaving::Vanishing)),
];

fn split_verb(line: &str) -> Problem<(&str, Verb)> {
    VERBS
        .iter()
        .flat_map(|(one, many, verb)| [(*one, *verb), (*many, *verb)])
        .find_map(|(phrase, verb)| Some((line.strip_suffix(phrase)?.strip_suffix(' ')?, verb)))
        .ok_or_else(|| format!("`{line}` is no step; tests/README.md lists them"))
}

fn devices(text: &str) -> Problem<Vec<Device>> {
    let one = |name: &str| match name.trim().split_once('/') {
        _ if name.trim().is_empty() => Err(format!("a name is missing in `{text}`")),
        Some((user, resource)) => Ok(Device { user: user.to_owned(), resource: resource.to_owned() }),
        None => Ok(Device::of(name.trim())),
    };
    text.split(',').map(one).collect()
}

/// The stanzas of a block. A stanza starts on a line of its own; that is how its line is known.
fn templates(block: &[(&str, usize)], step: usize) -> Result<Vec<Template>, (usize, String)> {
    let mut found = Vec::new();
    let mut text = String::new();
    let mut start = step;
    for (line, number) in block {
        if text.is_empty() {
            start = *number;
        }
        text.push_str(line);
        text.push('\n');
        if let Ok(stanzas) = xml::parse_all(&text) {
            found.extend(stanzas.into_iter().map(|stanza| Template { line: start, stanza }));
            text.clear();
        }
    }
    if let (false, Err(error)) = (text.is_empty(), xml::parse_all(&text)) {
        return Err((start, format!("{error:#}")));
    }
    if found.is_empty() {
        return Err((step, "a block of indented stanzas must follow".to_owned()));
    }
    Ok(found)
}

fn dedent(block: &[(&str, usize)]) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let common = block.iter().map(|(line, _)| indent(line)).min().unwrap_or(0);
    block.iter().map(|(line, _)| &line[common..]).collect::<Vec<_>>().join("\n")
}

fn users_of(action: &Action) -> Vec<String> {
    match action {
        Action::Login(who, _)
        | Action::Resume(who)
        | Action::Send(who, _)
        | Action::Receive(who, _, _)
        | Action::Leave(who, _) => who.iter().map(|device| device.user.clone()).collect(),
        Action::Group(setup) => setup.members.iter().map(|member| member.user.clone()).collect(),
        Action::Service(_) | Action::Silence | Action::Wait(_) => Vec::new(),
    }
}
