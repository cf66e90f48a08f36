//! `Up` and `Down` on their way to a consumer that may be busy.
//!
//! The consumer may be waiting for the link (its outgoing queue is full) while the link has news for it. So news
//! waits here and never holds up a reconnect; the order `Up`, stanzas, `Down`, `Up` is kept.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use crate::Incoming;

/// Undelivered news, at most three.
#[derive(Default)]
pub(crate) struct Notices(VecDeque<Notice>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notice {
    Up,
    Down,
}

impl Notices {
    pub(crate) fn up(&mut self) {
        self.0.push_back(Notice::Up);
    }

    /// When `Down, Up` is still waiting, this `Down` adds nothing: the consumer learns of a loss, and of no link.
    pub(crate) fn down(&mut self) {
        let waiting = self.0.len();
        if waiting >= 2 && self.0.range(waiting - 2..).eq([&Notice::Down, &Notice::Up]) {
            self.0.pop_back();
        } else {
            self.0.push_back(Notice::Down);
        }
    }

    /// Delivers all that waits. May be dropped at any time; what was not delivered waits on.
    pub(crate) async fn deliver(&mut self, incoming: &mpsc::Sender<Incoming>) {
        while let Some(notice) = self.0.front() {
            let Ok(permit) = incoming.reserve().await else {
                // Nobody listens any more; `run` ends because of it.
                self.0.clear();
                return;
            };
            permit.send(match notice {
                Notice::Up => Incoming::Up,
                Notice::Down => Incoming::Down,
            });
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flapping_link_does_not_pile_up_news() {
        let mut notices = Notices::default();
        notices.up();
        for _ in 0..5 {
            notices.down();
            notices.up();
        }
        assert_eq!(notices.0, [Notice::Up, Notice::Down, Notice::Up]);
        notices.down();
        assert_eq!(notices.0, [Notice::Up, Notice::Down]);
    }
}
