//! The link's end of the queue: what is to be written next, and what the server has taken in.

use std::sync::Arc;

use super::{Shared, Slice};
use crate::Outgoing;

/// The link's end.
#[derive(Debug)]
pub struct Receiver(Arc<Shared>);

impl Receiver {
    /// The only one there is.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// The next copies to be written; waits for them, and for the window. From then on they are on their way.
    /// `None`: it is empty and will remain so.
    pub async fn next(&self) -> Option<Slice> {
        loop {
            let arrived = self.0.arrived.notified();
            {
                let mut state = self.0.lock();
                if let Some(slice) = state.take(self.0.limits.window) {
                    self.0.room.notify_waiters();
                    return Some(slice);
                }
                if state.is_over() && state.is_empty() {
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// The next copies, if there are any and the window is open.
    pub fn try_next(&self) -> Option<Slice> {
        let slice = self.0.lock().take(self.0.limits.window);
        self.0.room.notify_waiters();
        slice
    }

    /// Units that were taken and that no echo was written behind.
    pub fn units_without_echo(&self) -> usize {
        self.0.lock().units_without_echo
    }

    /// Is anything on its way?
    pub fn is_waiting(&self) -> bool {
        !self.0.lock().on_its_way.is_empty()
    }

    /// The number of the echo that the oldest of what is on its way waits for. Of none while echoes are not read, except
    /// when the program may be waiting for them: full queues on both ends would wait for each other for ever.
    pub fn oldest_echo(&self) -> Option<u64> {
        let state = self.0.lock();
        let is_our_own_fault = state.is_deaf && !state.is_crowded_with(0, &self.0.limits);
        state.on_its_way.front().filter(|_| !is_our_own_fault).map(|(echo, _)| *echo)
    }

    /// The number of an echo that is written now, behind everything taken so far.
    pub fn echo(&self) -> u64 {
        let mut state = self.0.lock();
        state.units_without_echo = 0;
        state.next_echo += 1;
        state.next_echo - 1
    }

    /// The echo of this number came back: the server has taken in what was before it.
    pub fn acknowledge(&self, echo: u64) {
        let mut state = self.0.lock();
        let mut done = Vec::new();
        while let Some((_, slice)) = state.on_its_way.pop_front_if(|(behind, _)| *behind <= echo) {
            state.units -= slice.units();
            if slice.is_last() {
                done.push(slice.item);
            }
        }
        drop(state);
        done.iter().for_each(|item| self.0.release(item));
        self.0.arrived.notify_one();
    }

    /// The link is lost. What was on its way is written again, in the same order, except requests (iq of type get and
    /// set), which might be done twice.
    pub fn lost(&self) {
        let requests = self.0.lock().take_back();
        requests.into_iter().for_each(|(_, slice)| self.0.release(&slice.item));
    }

    /// The server did not do with something what it was to do. As when the link is lost, but that requests are still on
    /// their way.
    pub(crate) fn again(&self) {
        let mut state = self.0.lock();
        state.on_its_way = state.take_back();
        state.units = state.on_its_way.iter().map(|(_, slice)| slice.units()).sum();
        drop(state);
        self.0.arrived.notify_one();
    }

    /// While echoes are not read none can be waited for, so the window is open.
    pub fn set_deaf(&self, is_deaf: bool) {
        self.0.lock().is_deaf = is_deaf;
        self.0.arrived.notify_one();
    }

    /// Does one stanza go to many recipients from now on?
    pub(crate) fn set_shared(&self, is_shared: bool) {
        self.0.lock().is_shared = is_shared;
    }

    /// Are echoes not read at the moment?
    pub fn is_deaf(&self) -> bool {
        self.0.lock().is_deaf
    }

    /// Takes nothing more in, but for batches that were begun: their end would be missing, and all of them would be said again. What
    /// is there can still be taken.
    pub fn close(&self) {
        self.0.lock().is_closed = true;
        self.0.room.notify_waiters();
        self.0.arrived.notify_one();
    }

    /// Waits until the server has taken in all that is on its way.
    pub async fn taken_in(&self) {
        loop {
            let arrived = self.0.arrived.notified();
            if self.0.lock().on_its_way.is_empty() {
                return;
            }
            arrived.await;
        }
    }

    /// The next stanza with all its copies, acknowledged at once: for programs that stand in for a server.
    pub async fn recv(&self) -> Option<Outgoing> {
        let mut slice = self.next().await?;
        // The window may end in the midst of its copies.
        let outgoing = slice.outgoing().clone();
        while !slice.is_last() {
            self.acknowledge(self.echo());
            slice = self.next().await?;
        }
        self.acknowledge(self.echo());
        Some(outgoing)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.lock().is_gone = true;
        self.close();
        self.0.settled.notify_waiters();
    }
}
