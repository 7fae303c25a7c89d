//! Passwords: Argon2id with the parameters that the `argon2` crate recommends (19 MiB, 2 passes).
//!
//! A hash covers a password's one spelling ([`normalised_password`]). Hashes that were stored before there was one
//! cover the password as it was typed, so [`compare`] tries that second, if it differs: for ASCII it never does.
//!
//! One check costs tens of milliseconds of a processor and 19 MiB. So async callers pass theirs through a bounded
//! queue to a few threads that do nothing else. (A pool whose threads change would not do: an allocator keeps memory
//! for each thread that ever allocated.)

use std::{
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock, Mutex,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::oneshot;

use crate::password_rules::normalised_password;

/// Callers that may wait for their turn, for each thread.
const WAITING_PER_THREAD: usize = 32;

/// A hash of a password that nobody knows. A check against it takes as long as one against the hash of a user, so
/// that the time of an answer does not reveal whether there is such a user.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash(&uuid::Uuid::new_v4().to_string()).unwrap_or_default());

/// Why a password could not be checked or hashed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// It could not be hashed.
    #[error("a password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    /// Too many callers are waiting.
    #[error("too many passwords are waiting to be checked")]
    Busy,
    /// The work on it panicked or was stopped.
    #[error("the work on a password was broken off")]
    BrokenOff,
}

/// The hash to store for a password, as a PHC string with a salt of its own. Takes tens of milliseconds: async code
/// uses [`PasswordThreads`] instead. Fails if the system gives no random numbers.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(normalised_password(password).as_bytes())
        .map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// The result of comparing a password with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It is another password.
    No,
    /// It is the password.
    Yes,
    /// It is the password, and the hash covers its older spelling: hash it again.
    Outdated,
}

/// Compares a password with a hash. Takes as long as [`hash`]; twice as long if the password is wrong and not typed
/// in its one spelling.
pub fn compare(password: &str, hash: &str) -> Match {
    let Ok(hash) = PasswordHash::new(hash) else {
        return Match::No;
    };
    let is = |spelling: &str| {
        let verified = Argon2::default().verify_password(spelling.as_bytes(), &hash);
        verified.is_ok()
    };
    let normalised = normalised_password(password);
    if is(&normalised) {
        Match::Yes
    } else if normalised != password && is(password) {
        Match::Outdated
    } else {
        Match::No
    }
}

/// Checks or hashes one password, unless its caller has left.
type Job = Box<dyn FnOnce() + Send>;

/// Threads that check and hash passwords for async callers. Dropping this value ends them, and waits for the checks
/// under way.
pub struct PasswordThreads {
    /// None only during the drop.
    queue: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl fmt::Debug for PasswordThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordThreads")
            .field("threads", &self.threads.len())
            .finish_non_exhaustive()
    }
}

impl PasswordThreads {
    /// Starts this many threads. Fails if the system gives no more threads.
    pub fn start(count: usize) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(count * WAITING_PER_THREAD);
        let jobs = Arc::new(Mutex::new(jobs));
        let threads = (0..count).map(|_| {
            let jobs = Arc::clone(&jobs);
            let thread = thread::Builder::new().name("passwords".to_owned());
            thread.spawn(move || work(&jobs))
        });
        Ok(Self {
            threads: threads.collect::<Result<_, _>>()?,
            queue: Some(queue),
        })
    }

    /// [`compare`]s the password with a hash. Without a hash the result is [`Match::No`], after the same time.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] if too many callers wait already.
    pub async fn check(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<Match, PasswordError> {
        let check = move || match hash {
            Some(hash) => compare(&password, &hash),
            None => {
                compare(&password, &NOBODY);
                Match::No
            }
        };
        self.run(check).await
    }

    /// The hash to store for a password.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] if too many callers wait already.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.run(move || hash(&password)).await?
    }

    /// Runs this on one of the threads, unless the caller leaves before its turn.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (answer, answered) = oneshot::channel();
        let job = move || {
            if !answer.is_closed() {
                // A caller that leaves during the work does not get its result.
                drop(answer.send(work()));
            }
        };
        let queue = self.queue.as_ref().ok_or(PasswordError::BrokenOff)?;
        queue.try_send(Box::new(job)).map_err(|error| match error {
            TrySendError::Full(_) => PasswordError::Busy,
            TrySendError::Disconnected(_) => PasswordError::BrokenOff,
        })?;
        answered.await.map_err(|_| PasswordError::BrokenOff)
    }
}

impl Drop for PasswordThreads {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread for passwords did not end in order");
            }
        }
    }
}

/// The work of each thread, until no caller can send any more.
fn work(jobs: &Mutex<Receiver<Job>>) {
    // Prepared now, so that the first check takes no longer than the others.
    LazyLock::force(&NOBODY);
    while let Some(job) = next(jobs) {
        // A job that panics must not take the thread away from the jobs behind it.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("the work on a password panicked");
        }
    }
}

/// The next job. The lock is held only while waiting for it.
fn next(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    jobs.lock().ok()?.recv().ok()
}

#[cfg(test)]
mod tests {
    use std::{
        cell::RefCell,
        pin::Pin,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        time::Duration,
    };

    use argon2::{
        Argon2,
        password_hash::{PasswordHasher, phc::PasswordHash},
    };
    use tokio::time::timeout;

    use super::{Match, PasswordError, PasswordThreads, WAITING_PER_THREAD, compare, hash};

    type Waiting<'a, T> = Pin<Box<dyn Future<Output = Result<T, PasswordError>> + 'a>>;

    /// A job that waits in the queue from now on.
    async fn queued<'a, T: Send + 'static>(
        threads: &'a PasswordThreads,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Waiting<'a, T> {
        let mut waiting: Waiting<'a, T> = Box::pin(threads.run(work));
        let early = timeout(Duration::ZERO, &mut waiting).await;
        assert!(early.is_err(), "the only thread is busy");
        waiting
    }

    /// Keeps the only thread busy until something is sent.
    async fn busy(threads: &PasswordThreads) -> (mpsc::Sender<()>, Waiting<'_, bool>) {
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel();
        let job = queued(threads, move || {
            begun.send(()).unwrap();
            released.recv().is_ok()
        });
        let job = job.await;
        has_begun.await.unwrap();
        (release, job)
    }

    #[test]
    fn a_password_matches_its_own_hash_alone() {
        let stored = hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert_eq!(compare("correct horse", &stored), Match::Yes);
        assert_eq!(compare("battery staple", &stored), Match::No);
        assert_eq!(compare("correct horse", "no hash"), Match::No);
    }

    /// A hash of these very bytes, as all were before passwords had one spelling.
    fn hash_as_typed(password: &str) -> String {
        let hash: PasswordHash = Argon2::default()
            .hash_password(password.as_bytes())
            .unwrap();
        hash.to_string()
    }

    #[test]
    fn a_password_matches_in_each_spelling_that_looks_alike() {
        const COMPOSED: &str = "cr\u{e8}me br\u{fb}l\u{e9}e";
        const DECOMPOSED: &str = "cre\u{300}me\u{a0}bru\u{302}le\u{301}e";
        for stored in [hash(COMPOSED).unwrap(), hash(DECOMPOSED).unwrap()] {
            for typed in [COMPOSED, DECOMPOSED] {
                assert_eq!(compare(typed, &stored), Match::Yes);
            }
            assert_eq!(compare("creme brulee", &stored), Match::No);
        }
    }

    #[test]
    fn a_hash_from_before_passwords_had_one_spelling_still_matches() {
        let ascii = hash_as_typed("correct horse");
        assert_eq!(compare("correct horse", &ascii), Match::Yes);
        let composed = hash_as_typed("cr\u{e8}me br\u{fb}l\u{e9}e");
        assert_eq!(
            compare("cr\u{e8}me br\u{fb}l\u{e9}e", &composed),
            Match::Yes
        );
        let decomposed = hash_as_typed("cre\u{300}me bru\u{302}le\u{301}e");
        let typed_the_same = compare("cre\u{300}me bru\u{302}le\u{301}e", &decomposed);
        assert_eq!(typed_the_same, Match::Outdated);
    }

    #[tokio::test]
    async fn what_the_threads_hash_they_check() {
        let threads = PasswordThreads::start(2).unwrap();
        let stored = threads.hash("correct horse".to_owned()).await.unwrap();
        let check = |password: &str, hash| threads.check(password.to_owned(), hash);
        let right = check("correct horse", Some(stored.clone())).await;
        assert_eq!(right.unwrap(), Match::Yes);
        let wrong = check("battery staple", Some(stored)).await;
        assert_eq!(wrong.unwrap(), Match::No);
        assert_eq!(check("anything", None).await.unwrap(), Match::No);
    }

    #[tokio::test]
    async fn more_than_may_wait_are_refused() {
        let threads = PasswordThreads::start(1).unwrap();
        let (release, first) = busy(&threads).await;
        let mut waiting = Vec::new();
        for number in 0..WAITING_PER_THREAD {
            waiting.push(queued(&threads, move || number).await);
        }
        let surplus = threads.check("anything".to_owned(), None).await;
        assert!(matches!(surplus, Err(PasswordError::Busy)));
        release.send(()).unwrap();
        assert!(first.await.unwrap());
        for (number, waiting) in waiting.into_iter().enumerate() {
            assert_eq!(waiting.await.unwrap(), number);
        }
    }

    #[tokio::test]
    async fn nothing_is_done_for_a_caller_who_has_left() {
        let threads = PasswordThreads::start(1).unwrap();
        let (release, first) = busy(&threads).await;
        let done = Arc::new(AtomicUsize::new(0));
        let count = || {
            let done = Arc::clone(&done);
            move || done.fetch_add(1, Ordering::Relaxed)
        };
        let leaves = queued(&threads, count()).await;
        let stays = queued(&threads, count()).await;
        drop(leaves);
        release.send(()).unwrap();
        first.await.unwrap();
        assert_eq!(stays.await.unwrap(), 0, "nobody was served before");
        assert_eq!(done.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_job_that_panics_does_not_take_its_thread_along() {
        let threads = PasswordThreads::start(1).unwrap();
        let broken: Result<(), _> = threads.run(|| panic!("on purpose")).await;
        assert!(matches!(broken, Err(PasswordError::BrokenOff)));
        assert_eq!(threads.run(|| 1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn the_threads_end_with_their_handle() {
        thread_local! {
            static HELD: RefCell<Option<mpsc::Sender<()>>> = const { RefCell::new(None) };
        }
        let threads = PasswordThreads::start(1).unwrap();
        let (holds, held) = mpsc::channel();
        let hold = move || HELD.set(Some(holds));
        threads.run(hold).await.unwrap();
        assert_eq!(held.try_recv(), Err(mpsc::TryRecvError::Empty));
        drop(threads);
        assert_eq!(held.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }
}
