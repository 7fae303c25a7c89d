//! The newest event for any number of streams.
//!
//! Ten thousand streams that wake at once would hold up every purchase behind them. So streams belong to groups, and a
//! round wakes one group after the other, with pauses in between. A round that brings a new state pauses less often than
//! one that brings another stock. Each group gets what is newest when its turn comes: a stream that is slow, or whose
//! turn comes late, misses what was replaced meanwhile, and never gets anything older than what it had.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

use super::event::Event;

/// Streams that wake together: about half a millisecond of work. Half as many let purchases wait less, but each wake-up
/// has a cost of its own.
const GROUP_STREAMS: usize = 32;
/// The pause between groups: as short as timers allow.
const GROUP_PAUSE: Duration = Duration::from_millis(1);
/// Groups between two pauses of an urgent round.
const GROUPS_AT_ONCE: usize = 2;

type Group = watch::Sender<Option<Event>>;

/// The newest event of one source.
#[derive(Debug, Default)]
pub struct Feed {
    state: Mutex<State>,
    due: Notify,
}

#[derive(Debug, Default)]
struct State {
    newest: Option<Event>,
    /// An event was put since the last round was asked for.
    waits: bool,
    /// The next round is urgent, and so is what is left of the one under way.
    is_urgent: bool,
    groups: Vec<Group>,
}

/// A stream's side of a feed.
#[derive(Debug)]
pub struct Subscription {
    newest: Option<Event>,
    group: watch::Receiver<Option<Event>>,
}

impl Feed {
    /// Replaces the newest event. Streams that begin now get it; the others with the next round, which it waits for if it
    /// says something else than the one before.
    pub fn put(&self, event: Event) {
        let mut state = self.state();
        state.waits |= state.newest.as_ref().map(Event::id) != Some(event.id());
        state.newest = Some(event);
    }

    /// Whether the newest event waits for a round.
    pub fn waits(&self) -> bool {
        self.state().waits
    }

    /// Asks for a round: all streams get the newest event, and soon if it is urgent.
    pub fn deliver(&self, is_urgent: bool) {
        let mut state = self.state();
        state.waits = false;
        state.is_urgent |= is_urgent;
        self.due.notify_one();
    }

    /// A subscription. It begins with the newest event.
    pub fn subscribe(&self) -> Subscription {
        let mut state = self.state();
        let newest = state.newest.clone();
        let with_room = |group: &&Group| group.receiver_count() < GROUP_STREAMS;
        let group = match state.groups.iter().find(with_room) {
            Some(group) => group.subscribe(),
            None => {
                let (group, receiver) = watch::channel(None);
                state.groups.push(group);
                receiver
            }
        };
        Subscription { newest, group }
    }

    /// How many streams there are.
    pub fn streams(&self) -> usize {
        self.state().groups.iter().map(Group::receiver_count).sum()
    }

    /// Makes the rounds, for ever.
    pub async fn rounds(&self) {
        loop {
            self.due.notified().await;
            let (groups, is_urgent) = {
                let mut state = self.state();
                state.groups.retain(|group| group.receiver_count() > 0);
                (state.groups.clone(), mem::take(&mut state.is_urgent))
            };
            for (group, number) in groups.iter().zip(1..) {
                let (newest, is_urgent) = {
                    let state = self.state();
                    (state.newest.clone(), is_urgent || state.is_urgent)
                };
                group.send_replace(newest);
                let groups_at_once = if is_urgent { GROUPS_AT_ONCE } else { 1 };
                if number % groups_at_once == 0 {
                    sleep(GROUP_PAUSE).await;
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// The events of one stream alone, which need no rounds.
    pub fn alone(group: watch::Receiver<Option<Event>>) -> Self {
        let mut own = Self {
            newest: None,
            group,
        };
        own.newest = own.group.borrow_and_update().clone();
        own
    }

    /// Whether there is no event to begin with.
    pub const fn is_empty(&self) -> bool {
        self.newest.is_none()
    }

    /// The event that it begins with, once.
    pub fn begin(&mut self) -> Option<Event> {
        mem::take(&mut self.newest)
    }

    /// Waits for the next event; `None` if there will be none.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            self.group.changed().await.ok()?;
            if let Some(event) = self.group.borrow_and_update().clone() {
                return Some(event);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::join_all;

    use super::{Event, Feed, GROUP_STREAMS};

    fn event(number: u32) -> Event {
        Event::new("sale", &number, &number).unwrap()
    }

    #[tokio::test]
    async fn each_stream_gets_the_newest_event_and_never_an_older_one() {
        let feed = Arc::new(Feed::default());
        let rounds = tokio::spawn({
            let feed = Arc::clone(&feed);
            async move { feed.rounds().await }
        });
        feed.put(event(1));
        let streams = 3 * GROUP_STREAMS + 1;
        let mut early: Vec<_> = (0..streams).map(|_| feed.subscribe()).collect();
        assert_eq!(feed.streams(), streams);
        for stream in &mut early {
            assert_eq!(stream.begin().unwrap().bytes(), event(1).bytes());
            assert!(stream.begin().is_none());
        }
        feed.put(event(2));
        let mut late = feed.subscribe();
        assert_eq!(late.begin().unwrap().bytes(), event(2).bytes());
        feed.deliver(false);
        let got = join_all(early.iter_mut().map(|stream| stream.next())).await;
        assert!(
            got.iter()
                .all(|got| got.as_ref().unwrap().bytes() == event(2).bytes())
        );
        feed.put(event(3));
        feed.deliver(false);
        drop(early);
        loop {
            let got = late.next().await.unwrap();
            if got.bytes() == event(3).bytes() {
                break;
            }
            assert_eq!(got.bytes(), event(2).bytes());
        }
        assert_eq!(feed.streams(), 1);
        rounds.abort();
    }

    #[test]
    fn an_event_that_comes_back_waits_for_a_round_like_any_other() {
        let feed = Feed::default();
        feed.put(event(5));
        feed.deliver(false);
        feed.put(event(5));
        assert!(!feed.waits());
        feed.put(event(4));
        feed.put(event(5));
        assert!(feed.waits(), "a stream that began in between has 4");
    }

    #[test]
    fn a_stream_begins_with_the_clock_of_the_last_look() {
        let feed = Feed::default();
        feed.put(Event::new("sale", &"12:00, 7 left", &7).unwrap());
        feed.deliver(false);
        let later = Event::new("sale", &"12:30, 7 left", &7).unwrap();
        feed.put(later.clone());
        assert!(!feed.waits());
        assert_eq!(feed.subscribe().begin().unwrap().bytes(), later.bytes());
    }
}
