//! A room of another service becomes a group: by the rules, as if its people had come in one after the other. What was said before
//! is no news to anybody.
//!
//! Not here: how others keep their rooms (`prosody`).

mod records;

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::bail;
use groupchat_core::{
    Addition, BareJid, Change, Command, Group, GroupId, Limits, MemberRef, MemberSpec, MemberUpdate,
    NewGroup, Nick, People, Refusal, Role, Settings, Timestamp, create, decide,
};
use groupchat_dialect::Taken;
use groupchat_store::StoreError;
use groupchat_store::portable::{BanRecord, Id, Imported, Moment, Record};
use records::{group_record, member_record, message_record};

use super::intake::Intake;
use super::payload;

/// Members that one request may name.
const MEMBERS_PER_REQUEST: usize = 1_000;
/// Complaints of one room that are told; one more says how many there were.
const COMPLAINTS_MAX: usize = 20;
/// What the database holds of a subject.
const SUBJECT_CHARS_MAX: usize = 384;
/// How often ids are looked for that no message of another group has.
const ATTEMPTS: u64 = 5;

/// A room, but for what was said in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room {
    /// The localpart of its address.
    pub(crate) id: String,
    /// Settings as the protocol has them.
    pub(crate) properties: Vec<(String, String)>,
    /// Its subject.
    pub(crate) subject: String,
    /// Who is in.
    pub(crate) people: Vec<Person>,
    /// Who is kept out.
    pub(crate) banned: Vec<BareJid>,
}

/// Somebody in a room.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// The account.
    pub(crate) jid: BareJid,
    /// What he may.
    pub(crate) role: Role,
    /// The nick that he has there.
    pub(crate) nick: Option<String>,
}

/// Something that was said.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// When, in milliseconds since 1970.
    pub(crate) at: i64,
    /// By whom.
    pub(crate) speaker: Speaker,
    /// By which nick.
    pub(crate) nick: String,
    /// The stanza's `id`.
    pub(crate) client_id: Option<String>,
    /// What.
    pub(crate) said: Taken,
}

/// Who said something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Speaker {
    /// This account.
    Known(BareJid),
    /// Somebody whose address was not kept; this tells him from others.
    Unknown(String),
}

/// What was said, oldest first; what cannot be read, as a complaint.
pub(crate) type Lines<'a> = Box<dyn Iterator<Item = Result<Line, String>> + 'a>;

/// What cannot be taken over, and why.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    told: Vec<String>,
    count: usize,
}

impl Complaints {
    /// One more.
    pub(crate) fn add(&mut self, what: impl Into<String>) {
        self.count += 1;
        if self.told.len() < COMPLAINTS_MAX {
            self.told.push(what.into());
        }
    }

    /// All of them, in words.
    pub(crate) fn told(mut self) -> Vec<String> {
        if self.count > self.told.len() {
            self.told.push(format!("and {} more", self.count - self.told.len()));
        }
        self.told
    }
}

/// Takes a room.
///
/// # Errors
/// It cannot be a group, is there already, or the database fails.
pub(crate) async fn take<'a>(
    intake: &Intake,
    room: &Room,
    log: &dyn Fn() -> anyhow::Result<Lines<'a>>,
    complaints: &mut Complaints,
) -> anyhow::Result<Imported> {
    let survey = survey(log, intake.now, complaints).await?;
    let arrival = arrive(room, &survey, intake.now, complaints)?;
    for attempt in 0..ATTEMPTS {
        match write(intake, room, log, (&arrival, &survey), attempt).await {
            Err(problem) if is_clash(&problem) => {}
            other => return other,
        }
    }
    bail!("too many messages of other groups were said in the same moments")
}

fn is_clash(problem: &anyhow::Error) -> bool {
    let store = problem.chain().find_map(|cause| cause.downcast_ref::<StoreError>());
    matches!(store, Some(StoreError::ImportClash(_)))
}

/// What a look at everything that was said comes to.
#[derive(Debug, Default)]
struct Survey {
    countable: i64,
    first: Option<i64>,
    /// The last nick of each speaker, and when he spoke last.
    speakers: BTreeMap<Speaker, (String, i64)>,
    /// The places of those that cannot be sent.
    bad: HashSet<usize>,
}

async fn survey<'a>(
    log: &dyn Fn() -> anyhow::Result<Lines<'a>>,
    now: Timestamp,
    complaints: &mut Complaints,
) -> anyhow::Result<Survey> {
    let mut survey = Survey::default();
    for (place, line) in log()?.enumerate() {
        let line = match line {
            Ok(line) => line,
            Err(why) => {
                complaints.add(why);
                continue;
            }
        };
        if let Err(why) = payload::check(&line.said.payload).await {
            complaints.add(format!("the message {} of it: {why}", place + 1));
            survey.bad.insert(place);
            continue;
        }
        if line.at > now.0 {
            complaints.add(format!("the message {} of it: it is later than now", place + 1));
            survey.bad.insert(place);
            continue;
        }
        survey.countable += i64::from(is_countable(&line));
        survey.first.get_or_insert(line.at);
        survey.speakers.insert(line.speaker, (line.nick, line.at));
    }
    Ok(survey)
}

fn is_countable(line: &Line) -> bool {
    line.said.body.is_some() && !line.said.corrects
}

/// A group in the making.
#[derive(Debug)]
struct Arrival {
    group: Group,
    born: i64,
    /// Who spoke and is in no more, with the time of his last word.
    former: BTreeMap<BareJid, i64>,
}

/// The address that stands for a speaker.
fn address(speaker: &Speaker, number: usize) -> Option<BareJid> {
    match speaker {
        Speaker::Known(jid) => Some(jid.clone()),
        // RFC 2606 §2: the domain is nobody's.
        Speaker::Unknown(_) => BareJid::parse(&format!("speaker-{}@unknown.invalid", number + 1)).ok(),
    }
}

fn arrive(
    room: &Room,
    survey: &Survey,
    now: Timestamp,
    complaints: &mut Complaints,
) -> anyhow::Result<Arrival> {
    let id = GroupId::parse(&room.id)?;
    let born = survey.first.unwrap_or(now.0);
    // Without an owner the highest is it, of several the first.
    let rank = |(at, person): &(usize, &Person)| (person.role, std::cmp::Reverse(*at));
    let Some((_, owner)) = room.people.iter().enumerate().max_by_key(rank) else {
        bail!("nobody has an affiliation with it, so nobody would be in it")
    };
    let new = NewGroup { properties: properties(room, complaints), ..NewGroup::default() };
    let made = create(id, &owner.jid, &new, &Settings::default(), &limits(), Timestamp(born))?;
    let Some(Change::Created(group)) = made.changes.into_iter().next() else { bail!("it cannot be made") };
    let mut arrival = Arrival { group: *group, born, former: BTreeMap::new() };
    if room.subject.chars().count() > SUBJECT_CHARS_MAX {
        complaints.add(format!("its subject: it has more than {SUBJECT_CHARS_MAX} characters"));
    } else {
        arrival.group.settings.subject = room.subject.as_str().into();
    }
    let nick_of = |person: &Person| {
        let spoken = survey.speakers.get(&Speaker::Known(person.jid.clone())).map(|(nick, _)| nick.clone());
        person.nick.clone().or(spoken)
    };
    if let Some(nick) = nick_of(owner)
        && let Err(refusal) = rename(&mut arrival, &owner.jid, nick)
    {
        complaints.add(format!("the nick of `{}`: {refusal}", owner.jid));
    }
    // Who comes later does without a nick that is taken, or everybody of his request would come in one by one.
    let mut nicks: HashSet<String> = arrival.group.members().iter().map(|member| member.nick.key()).collect();
    let mut unless_taken =
        |nick: Option<String>| nick.filter(|nick| nicks.insert(Nick::from_stored(nick).key()));
    let people: HashSet<&BareJid> = room.people.iter().map(|person| &person.jid).collect();
    let mut specs: Vec<MemberSpec> = Vec::new();
    for person in room.people.iter().filter(|person| person.jid != owner.jid) {
        specs.push(spec(&person.jid, person.role, unless_taken(nick_of(person))));
    }
    for (number, (speaker, (nick, last))) in survey.speakers.iter().enumerate() {
        let Some(jid) = address(speaker, number) else { continue };
        if people.contains(&jid) {
            continue;
        }
        specs.push(spec(&jid, Role::Member, unless_taken(Some(nick.clone()))));
        arrival.former.insert(jid, *last);
    }
    for chunk in specs.chunks(MEMBERS_PER_REQUEST) {
        let_in(&mut arrival, &owner.jid, chunk, complaints);
    }
    Ok(arrival)
}

fn properties(room: &Room, complaints: &mut Complaints) -> Vec<(String, String)> {
    let mut properties = Vec::new();
    for property in &room.properties {
        match Settings::default().with(std::slice::from_ref(property), &limits()) {
            Ok(_) => properties.push(property.clone()),
            Err(_) if property.1.is_empty() => {}
            Err(refusal) => complaints.add(format!("its {}: {refusal}", property.0)),
        }
    }
    properties
}

/// All at once; if that cannot be, one after the other, and without the nick that somebody else has.
fn let_in(arrival: &mut Arrival, owner: &BareJid, specs: &[MemberSpec], complaints: &mut Complaints) {
    if add(arrival, owner, specs).is_ok() {
        return;
    }
    for one in specs {
        let unnamed = MemberSpec { nick: None, ..one.clone() };
        let added = add(arrival, owner, std::slice::from_ref(one))
            .or_else(|_| add(arrival, owner, std::slice::from_ref(&unnamed)));
        if let Err(refusal) = added {
            complaints.add(format!("`{}`: {refusal}", one.jid));
        }
    }
}

fn rename(arrival: &mut Arrival, owner: &BareJid, nick: String) -> Result<(), Refusal> {
    let update = MemberUpdate { who: MemberRef::Jid(owner.clone()), nick: Some(nick), role: None };
    apply(arrival, owner, &Command::UpdateMembers(vec![update]))
}

fn add(arrival: &mut Arrival, owner: &BareJid, specs: &[MemberSpec]) -> Result<(), Refusal> {
    let addition = Addition { members: specs.to_vec(), people: People::new(), reason: None };
    apply(arrival, owner, &Command::AddMembers(addition))
}

fn apply(arrival: &mut Arrival, owner: &BareJid, command: &Command) -> Result<(), Refusal> {
    let decision = decide(&arrival.group, owner, command, &limits(), Timestamp(arrival.born))?;
    decision.changes.iter().for_each(|change| arrival.group.apply(change));
    Ok(())
}

fn spec(jid: &BareJid, role: Role, nick: Option<String>) -> MemberSpec {
    MemberSpec { jid: jid.to_string(), role: Some(role.as_str().into()), nick, mid: None }
}

/// What was there is taken over, however much it is.
fn limits() -> Limits {
    Limits {
        members_per_group: usize::MAX / 16,
        groups_per_user: usize::MAX,
        name_chars: 384,
        description_chars: 10_000,
        ..Limits::default()
    }
}

/// Ids in the order of what was said, each within the moment in which it was said.
struct Ids {
    offset: i64,
    last: i64,
}

impl Ids {
    /// Others that are imported have other places in the same second.
    fn of(id: &GroupId, attempt: u64) -> Self {
        let mut hasher = DefaultHasher::new();
        (id.as_str(), attempt).hash(&mut hasher);
        Self { offset: i64::try_from(hasher.finish() % 900_000).unwrap_or_default(), last: 0 }
    }

    fn next(&mut self, at: i64) -> Id {
        // Times are told in seconds, or finer.
        let offset = if at % 1_000 == 0 { self.offset } else { self.offset % 900 };
        self.last = at.saturating_mul(1_000).saturating_add(offset).max(self.last + 1);
        Id(self.last)
    }
}

async fn write<'a>(
    intake: &Intake,
    room: &Room,
    log: &dyn Fn() -> anyhow::Result<Lines<'a>>,
    (arrival, survey): (&Arrival, &Survey),
    attempt: u64,
) -> anyhow::Result<Imported> {
    let group = &arrival.group;
    let id = group.id.to_string();
    let mut import = intake.begin(group_record(group, arrival.born, survey.countable)).await?;
    let mut mids: BTreeMap<&BareJid, &str> = BTreeMap::new();
    for member in group.members() {
        mids.insert(&member.jid, member.mid.as_str());
        let left = arrival.former.get(&member.jid).copied();
        import.add(Record::Member(member_record(&id, member, left, survey.countable))).await?;
    }
    let mut banned = HashSet::new();
    for jid in room.banned.iter().filter(|jid| banned.insert(*jid)) {
        let since = Moment(arrival.born);
        import.add(Record::Ban(BanRecord { group: id.clone(), jid: jid.to_string(), since })).await?;
    }
    let numbers: BTreeMap<&Speaker, usize> = survey.speakers.keys().zip(0..).collect();
    let (mut ids, mut ordinal) = (Ids::of(&group.id, attempt), 0);
    for (_, line) in log()?.enumerate().filter(|(place, _)| !survey.bad.contains(place)) {
        let Ok(line) = line else { continue };
        let number = numbers.get(&line.speaker).copied().unwrap_or_default();
        let Some(jid) = address(&line.speaker, number) else { continue };
        let Some(mid) = mids.get(&jid).copied() else { continue };
        ordinal += i64::from(is_countable(&line));
        let record = message_record(&id, (ids.next(line.at), ordinal), (&jid, mid), line);
        import.add(Record::Message(Box::new(record))).await?;
    }
    intake.finish(import).await
}
