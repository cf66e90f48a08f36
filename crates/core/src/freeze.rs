//! A frozen group: the operators of the service alone change it, and nobody says anything in it. Members read it, leave marks
//! of their own (what they have read, what reaches them), and stay.
//!
//! Not here: who is an operator ([`crate::govern`] is asked in his name).

use crate::{Change, Command, Decision, Event, Group, Notice, Settings};

/// Freezes the group or thaws it; members hear of it as of a changed setting. Nothing, if it is so already.
pub(crate) fn freeze(group: &Group, frozen: bool) -> Decision {
    if group.settings.frozen == frozen {
        return Decision::default();
    }
    let value = if frozen { "on" } else { "off" };
    let settings = Settings { frozen, ..group.settings.clone() };
    let event = Event::Updated {
        properties: vec![("frozen".into(), value.into())],
        changes_voice: settings.voice() != group.settings.voice(),
    };
    Decision { changes: vec![Change::Updated(settings)], notices: vec![Notice::Announce(event)] }
}

/// May members do this in a frozen group?
pub(crate) fn leaves_as_it_is(command: &Command) -> bool {
    match command {
        Command::Read(_) | Command::MySettings(_) => true,
        Command::Create(_)
        | Command::Update(_)
        | Command::Avatar(_)
        | Command::Depart
        | Command::Freeze(_)
        | Command::Delete(_)
        | Command::AddMembers(_)
        | Command::Invite(_)
        | Command::UpdateMembers(_)
        | Command::Join { .. }
        | Command::RemoveMembers(_)
        | Command::Post(_)
        | Command::Subject { .. }
        | Command::Retract(_)
        | Command::Affiliate(_)
        | Command::Roles(_)
        | Command::Configure(_) => false,
    }
}
