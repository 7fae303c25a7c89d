//! A question to a server that may be slow: asked once at a time, and awaited with patience.
//!
//! A caller who stops waiting does not break the question off. Otherwise sqlx would close the connection on which it
//! was asked, and a slow Postgres would have to make a new one again and again.

use std::time::Duration;

use tokio::{task::JoinHandle, time::timeout};

/// A question, which may be under way.
pub struct Asking<T>(Option<JoinHandle<T>>);

impl<T> Default for Asking<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Send + 'static> Asking<T> {
    /// The answer, if it comes in time: to the question that is under way, else to this one. A later answer waits for
    /// the next call.
    pub async fn within<F>(&mut self, patience: Duration, question: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let asked = self.0.get_or_insert_with(|| tokio::spawn(question()));
        let answer = timeout(patience, asked).await.ok()?;
        self.0 = None;
        // A question that panicked has no answer, and the next one is asked again.
        answer.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::Asking;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_question_that_takes_longer_is_not_asked_again_and_its_answer_is_not_lost() {
        let mut asking = Asking::default();
        let (answer, answered) = oneshot::channel();
        let first = asking.within(SHORT, || async { answered.await.unwrap() });
        assert_eq!(first.await, None);
        for _ in 0..3 {
            let again = asking.within(SHORT, || async { panic!("asked twice") });
            assert_eq!(again.await, None);
        }
        answer.send(1).unwrap();
        let late = asking.within(LONG, || async { panic!("asked twice") });
        assert_eq!(late.await, Some(1));
        assert_eq!(asking.within(LONG, || async { 2 }).await, Some(2));
    }

    #[tokio::test]
    async fn after_a_question_that_panicked_the_next_one_is_asked() {
        let mut asking = Asking::default();
        assert_eq!(
            asking.within(LONG, || async { panic!("no answer") }).await,
            None
        );
        assert_eq!(asking.within(LONG, || async { 2 }).await, Some(2));
    }
}
