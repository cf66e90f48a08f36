//! The clients: each device logs in, announces itself, talks, listens, and comes and goes as is its habit, until the run
//! is over; and keeps a diary.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::sleep;

use super::cast::{Habit, PASSWORD, Role};
use super::evidence::{Diary, Entry, What};
use super::outbox::{Letter, Outbox};
use super::scene::{Phase, Scene};
use crate::client::{Client, Vanished};
use crate::xml::escape;

/// How long a device waits for a stanza before it looks at what else there is to do.
const TICK: Duration = Duration::from_millis(25);
/// How long after a failed login the next is tried.
const LOGIN_AGAIN: Duration = Duration::from_millis(200);
/// How long the service may take to answer what is asked behind an announcement.
const ANNOUNCE_AGAIN: Duration = Duration::from_secs(2);
/// One message of so many is given up after an error.
const GIVEN_UP: u64 = 10;

/// One device.
pub(super) struct Actor {
    pub(super) scene: Arc<Scene>,
    pub(super) role: Role,
    pub(super) outbox: Outbox,
    pub(super) announcement: Announcement,
    dice: StdRng,
    entries: Vec<Entry>,
    speaks_at: Instant,
}

/// Whether the service knows of this session.
#[derive(Debug, Default)]
pub(super) struct Announcement {
    pub(super) asked: u64,
    pub(super) again_at: Option<Instant>,
    pub(super) is_heard: bool,
}

impl Announcement {
    /// The id of the last question.
    pub(super) fn id(&self) -> String {
        format!("there-{}", self.asked)
    }

    /// As it is at the beginning of the next session: no answer to an earlier question counts.
    fn next(&self) -> Self {
        Self { asked: self.asked + 1, again_at: Some(Instant::now()), is_heard: false }
    }
}

/// How a session ended.
enum End {
    /// The run is over.
    Over,
    /// The stream broke, or was left.
    Gone,
    /// The host keeps the session.
    Suspended(Suspended),
}

/// A session that may be taken up again.
struct Suspended {
    vanished: Vanished,
    /// When its link was cut: if it is not taken up, it ended then.
    since: Instant,
}

impl Actor {
    pub(super) fn new(scene: Arc<Scene>, role: Role, seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let speaks_at = Instant::now() + scene.speaks_every.mul_f64(dice.random());
        let (outbox, announcement) = (Outbox::default(), Announcement::default());
        Self { scene, role, outbox, announcement, dice, entries: Vec::new(), speaks_at }
    }

    /// Plays its part.
    pub(super) async fn play(mut self) -> Diary {
        let mut kept = None;
        while let Some(client) = self.come(kept.take()).await {
            match self.stay(client).await {
                End::Over => break,
                End::Gone => self.leave_behind().await,
                End::Suspended(suspended) => kept = self.be_cut_off(suspended).await,
            }
        }
        Diary { user: self.role.user.into(), device: self.role.device.into(), entries: self.entries }
    }

    pub(super) fn note(&mut self, at: Instant, what: What) {
        self.entries.push(Entry { at: at.duration_since(self.scene.start), what });
    }

    /// Logs in as soon as it is time and the host takes it, or takes up the session that was kept.
    async fn come(&mut self, mut kept: Option<Suspended>) -> Option<Client> {
        loop {
            match self.scene.phase() {
                Phase::Over => return None,
                Phase::Talking | Phase::Draining if self.role.habit == Habit::Away => {}
                Phase::Talking | Phase::Draining | Phase::Gathering => {
                    if let Some(Suspended { vanished, since }) = kept.take() {
                        if let Ok(client) = Client::resume(vanished).await {
                            return Some(client);
                        }
                        self.end_session(since);
                    }
                    if let Ok(client) = self.log_in().await {
                        return Some(client);
                    }
                }
            }
            sleep(LOGIN_AGAIN).await;
        }
    }

    async fn log_in(&mut self) -> anyhow::Result<Client> {
        let Scene { clients, domain, .. } = &*self.scene;
        let Role { user, device, habit, .. } = &self.role;
        let mut client = Client::login(*clients, &domain.name, user, PASSWORD, device).await?;
        if *habit == Habit::Vanishes {
            client.enable_resumption().await?;
        }
        self.announcement = self.announcement.next();
        Ok(client)
    }

    /// Talks and listens until the stream ends, or it is time to go.
    async fn stay(&mut self, mut client: Client) -> End {
        let goes_at = self.goes_at();
        loop {
            match self.scene.phase() {
                Phase::Over => {
                    self.listen(&mut client).await;
                    return End::Over;
                }
                Phase::Talking if goes_at.is_some_and(|at| at <= Instant::now()) => {
                    return self.go(client).await;
                }
                Phase::Talking | Phase::Draining | Phase::Gathering => {}
            }
            // A stream on which nothing can be sent has ended, or does so in a moment.
            let _ = self.talk(&client).await;
            match client.next(TICK).await {
                Some(received) => self.hear(&received),
                None if !client.is_open() => return End::Gone,
                None => {}
            }
            self.listen(&mut client).await;
        }
    }

    /// Takes what is there.
    async fn listen(&mut self, client: &mut Client) {
        while let Some(received) = client.next(Duration::ZERO).await {
            self.hear(&received);
        }
    }

    /// Sends what is to be sent.
    async fn talk(&mut self, client: &Client) -> anyhow::Result<()> {
        let now = Instant::now();
        let service = self.scene.domain.component();
        if self.announcement.again_at.is_some_and(|at| at <= now) {
            self.announcement.asked += 1;
            self.announcement.again_at = Some(now + ANNOUNCE_AGAIN);
            let id = self.announcement.id();
            client
                .send(&format!(
                    "<presence/><presence to='{service}'/>\
                     <iq type='get' id='{id}' to='{service}'><ping xmlns='urn:xmpp:ping'/></iq>"
                ))
                .await?;
        }
        if self.scene.phase() == Phase::Talking && self.speaks_at <= now {
            self.speaks_at = now + self.scene.speaks_every;
            let letter = self.compose();
            self.outbox.write(letter, now);
            self.scene.count_unanswered(1);
        }
        for letter in self.outbox.due(now) {
            let Letter { id, group, body, .. } = letter;
            let stanza = format!(
                "<message to='{group}@{service}' type='groupchat' id='{id}'><body>{}</body></message>",
                escape(&body)
            );
            // Before it is sent: nobody can have got it earlier.
            self.note(Instant::now(), What::Sent { id, group: group.into(), body });
            client.send(&stanza).await?;
        }
        Ok(())
    }

    fn compose(&mut self) -> Letter {
        let Role { user, device, groups, .. } = &self.role;
        let group = groups[self.dice.random_range(0..groups.len())];
        let number = self.outbox.written();
        let id = format!("{user}-{device}-{number}");
        let padding = "…".repeat(self.dice.random_range(0..40));
        let body = format!("{id} for <{group}> & 'everybody' in it, \"née\" 测试 😀 {padding}");
        Letter { id, group, body, gives_up: number % GIVEN_UP == GIVEN_UP - 1 }
    }

    fn goes_at(&mut self) -> Option<Instant> {
        let stays_ms = match self.role.habit {
            Habit::Leaves | Habit::Vanishes => self.dice.random_range(1_500..6_000),
            Habit::Stays | Habit::Away => return None,
        };
        Some(Instant::now() + Duration::from_millis(stays_ms))
    }

    /// Goes as is its habit.
    async fn go(&mut self, mut client: Client) -> End {
        self.listen(&mut client).await;
        if self.role.habit == Habit::Vanishes {
            return match client.vanish().await {
                Ok((vanished, rest)) => {
                    rest.iter().for_each(|received| self.hear(received));
                    End::Suspended(Suspended { vanished, since: Instant::now() })
                }
                Err(_) => End::Gone,
            };
        }
        if self.dice.random_bool(0.5) {
            client.close().await.iter().for_each(|received| self.hear(received));
        } else {
            // If there is nothing to reset any more, the host was first.
            let _ = client.drop_link().await;
        }
        End::Gone
    }

    /// After a session: whoever comes and goes stays away for a while.
    async fn leave_behind(&mut self) {
        self.end_session(Instant::now());
        if self.role.habit != Habit::Stays && self.scene.phase() == Phase::Talking {
            let away_ms = self.dice.random_range(200..3_000);
            sleep(Duration::from_millis(away_ms)).await;
        }
    }

    /// While the host keeps the session: short enough to take it up again, or too long, or not interested.
    async fn be_cut_off(&mut self, suspended: Suspended) -> Option<Suspended> {
        let away_ms = self.dice.random_range(100..4_500);
        sleep(Duration::from_millis(away_ms)).await;
        if self.dice.random_bool(0.75) {
            return Some(suspended);
        }
        self.end_session(suspended.since);
        None
    }

    fn end_session(&mut self, at: Instant) {
        if std::mem::take(&mut self.announcement.is_heard) {
            self.scene.count_online(-1);
        }
        self.note(at, What::Gone);
        self.outbox.cut_off(Instant::now());
    }
}
