//! Answers the questions of many callers by few calls. While one call is under way, the next questions gather, and then
//! one call answers all of them. There is no timer: a lone question waits for nothing.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// The most questions of one call.
const QUESTIONS_MAX: usize = 512;
/// The most questions of a group that wait.
const WAITING_MAX: usize = 10_000;

/// A call that answers several questions.
pub trait Call: Send + Sync + 'static {
    /// Questions of different groups are never asked together.
    type Group: Copy + Eq + Hash + Send + Sync + 'static;
    /// One question.
    type Question: Send + 'static;
    /// Its answer.
    type Answer: Send + 'static;

    /// Answers each of these questions, in their order.
    fn answers(
        &self,
        group: Self::Group,
        questions: Vec<Self::Question>,
    ) -> impl Future<Output = Vec<Self::Answer>> + Send;
}

/// Gathers the questions for a call. Clones share it.
pub struct Gather<C: Call>(Arc<Shared<C>>);

struct Shared<C: Call> {
    call: C,
    /// The waiting questions of each group for which calls are under way.
    groups: Mutex<HashMap<C::Group, Vec<Asked<C>>>>,
}

struct Asked<C: Call> {
    question: C::Question,
    answer: oneshot::Sender<C::Answer>,
}

impl<C: Call> Clone for Gather<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Call> Gather<C> {
    /// Gathers for this call.
    pub fn new(call: C) -> Self {
        Self(Arc::new(Shared {
            call,
            groups: Mutex::default(),
        }))
    }

    /// The answer to a question; `None` if too many wait already, or the call broke off.
    pub async fn ask(&self, group: C::Group, question: C::Question) -> Option<C::Answer> {
        let (answer, answered) = oneshot::channel();
        let asked = Asked { question, answer };
        match self.0.groups().entry(group) {
            Entry::Occupied(waiting) if waiting.get().len() >= WAITING_MAX => return None,
            Entry::Occupied(mut waiting) => waiting.get_mut().push(asked),
            Entry::Vacant(free) => {
                free.insert(vec![asked]);
                tokio::spawn(Calling::new(Arc::clone(&self.0), group).run());
            }
        }
        answered.await.ok()
    }
}

impl<C: Call> Shared<C> {
    fn groups(&self) -> MutexGuard<'_, HashMap<C::Group, Vec<Asked<C>>>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The calls for one group, until nobody asks.
struct Calling<C: Call> {
    shared: Arc<Shared<C>>,
    group: C::Group,
    is_over: bool,
}

impl<C: Call> Calling<C> {
    const fn new(shared: Arc<Shared<C>>, group: C::Group) -> Self {
        Self {
            shared,
            group,
            is_over: false,
        }
    }

    async fn run(mut self) {
        while let Some(batch) = self.next() {
            // Those who have left need no answer.
            let batch = batch.into_iter().filter(|asked| !asked.answer.is_closed());
            let (questions, waiting): (Vec<_>, Vec<_>) =
                batch.map(|asked| (asked.question, asked.answer)).unzip();
            if questions.is_empty() {
                continue;
            }
            let answers = self.shared.call.answers(self.group, questions).await;
            for (waiting, answer) in waiting.into_iter().zip(answers) {
                // Without effect if the caller has left.
                let _ = waiting.send(answer);
            }
        }
    }

    /// The questions of the next call, in the order in which they came. `None` if there are none: then the next
    /// question starts a task of its own.
    fn next(&mut self) -> Option<Vec<Asked<C>>> {
        let mut groups = self.shared.groups();
        let waiting = groups.get_mut(&self.group)?;
        if waiting.is_empty() {
            groups.remove(&self.group);
            self.is_over = true;
            return None;
        }
        let later = waiting.split_off(waiting.len().min(QUESTIONS_MAX));
        Some(mem::replace(waiting, later))
    }
}

impl<C: Call> Drop for Calling<C> {
    /// If a call has panicked, its callers and those who wait get no answer, and the next question begins again.
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.groups().remove(&self.group);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::future::join_all;
    use tokio::task::yield_now;

    use super::{Call, Gather, QUESTIONS_MAX};

    /// Answers with the question doubled, and keeps the size of each call.
    #[derive(Default)]
    struct Doubling(Mutex<Vec<usize>>);

    impl Call for Doubling {
        type Group = u8;
        type Question = usize;
        type Answer = usize;

        async fn answers(&self, _group: u8, questions: Vec<usize>) -> Vec<usize> {
            self.0.lock().unwrap().push(questions.len());
            yield_now().await;
            assert!(!questions.contains(&13), "an unlucky question");
            questions.iter().map(|question| question * 2).collect()
        }
    }

    #[tokio::test]
    async fn each_question_gets_its_answer_and_a_crowd_few_calls() {
        let gather = Gather::new(Doubling::default());
        let crowd = 100..(3 * QUESTIONS_MAX + 100);
        let answers = join_all(crowd.clone().map(|question| gather.ask(1, question))).await;
        let expected: Vec<Option<usize>> = crowd.map(|question| Some(question * 2)).collect();
        assert_eq!(answers, expected);
        let calls = gather.0.call.0.lock().unwrap().clone();
        assert_eq!(calls.iter().sum::<usize>(), 3 * QUESTIONS_MAX);
        assert!(calls.len() <= 5, "{calls:?}");
        assert!(calls.iter().all(|&size| size <= QUESTIONS_MAX), "{calls:?}");
        assert!(gather.0.groups().is_empty(), "nobody asks");
    }

    #[tokio::test]
    async fn after_a_call_that_panicked_the_next_question_is_answered() {
        let gather = Gather::new(Doubling::default());
        assert_eq!(gather.ask(1, 13).await, None);
        assert_eq!(gather.ask(1, 2).await, Some(4));
        assert_eq!(gather.ask(2, 3).await, Some(6));
    }
}
