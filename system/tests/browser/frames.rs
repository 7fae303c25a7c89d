//! The console while a rush runs: every frame of the sale's page, and its figures at the end beside those of the ledger.
//! `docs/pages.md` has the command that prints the figures.

use std::{collections::HashMap, time::Duration};

use process::output::note;
use sale::ledger::Answers;
use system::{
    browser::{Browser, Screen, driver::PATIENCE},
    latency::Latencies,
    rush::{Plan, rush},
};

use super::scene::Scene;

/// Buyers, and the units that they want.
const BUYERS: usize = 50_000;
const UNITS: u32 = 5_000;

/// Half of all frames come faster than this. A tenth of a second is what people still take for immediate. A busy machine
/// draws fewer than 60 frames a second; a page that draws fewer than ten does too much at each event.
const MEDIAN_FRAME_MAX: Duration = Duration::from_millis(100);

/// No frame takes longer than this: a page that stands still for a second breaks the visitor's train of thought.
const LONGEST_FRAME_MAX: Duration = Duration::from_secs(1);

/// Notes from now on when the page's script has its turn in each frame.
const START: &str = "
    const frames = (window.framesOfTest = { times: [], next: 0 });
    const take = () => {
        frames.times.push(performance.now());
        frames.next = requestAnimationFrame(take);
    };
    frames.next = requestAnimationFrame(take);
    return document.visibilityState;";

/// Ends that, and returns the times, milliseconds.
const STOP: &str = "
    cancelAnimationFrame(window.framesOfTest.next);
    return window.framesOfTest.times;";

/// The page's figures by their names: the large one of each tile with its note, and those of each box of the flow.
const FIGURES: &str = "
    const figures = {};
    for (const tile of document.querySelectorAll('[aria-label=Figures] > *')) {
        const [name, value, note] = [...tile.querySelectorAll('span')].map(({ textContent }) => textContent);
        figures[name] = value;
        figures[`${name}, note`] = note;
    }
    for (const box of document.querySelectorAll('section[aria-label]:has(canvas)')) {
        const [value, name] = [...box.querySelectorAll('p span')].map(({ textContent }) => textContent);
        figures[name] = value;
        for (const fact of box.querySelectorAll('dl > div')) {
            figures[fact.querySelector('dt').textContent] = fact.querySelector('dd').textContent;
        }
    }
    return figures;";

/// The page's figures.
struct Figures(HashMap<String, String>);

impl Figures {
    async fn read(browser: &Browser) -> Self {
        let read = browser.run(FIGURES, &[]).await.unwrap();
        Self(serde_json::from_value(read).unwrap())
    }

    fn text(&self, name: &str) -> &str {
        let text = self.0.get(name);
        text.unwrap_or_else(|| panic!("no {name:?} among {:?}", self.0))
    }

    /// The number with which a figure begins; `None` while the page says that it does not know it.
    fn number(&self, name: &str) -> Option<u64> {
        let text = self.text(name).replace(',', "");
        let digits = text.trim_start_matches("of ");
        let end = digits.find(|letter: char| !letter.is_ascii_digit());
        digits[..end.unwrap_or(digits.len())].parse().ok()
    }

    /// Units that are left: the page says so only while there are any.
    fn left(&self) -> Option<u64> {
        match self.text("Sold out") {
            "Yes" => Some(0),
            _ => self.number("Sold out, note"),
        }
    }

    /// Sold, refused, taken, posted, left, and the stock: as the page shows them.
    fn all(&self) -> [Option<u64>; 6] {
        [
            self.number("Sold"),
            self.number("Refused"),
            self.number("taken"),
            self.number("posted"),
            self.left(),
            self.number("Sold, note"),
        ]
    }
}

/// All answers but the admissions.
fn refused(answers: &Answers) -> u64 {
    answers.total() - answers.admitted
}

/// Prints what was measured, and fails where the page stood still.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a frame comes after the one before, and there are thousands of them at most"
)]
fn judge(times: &[f64]) {
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    let gaps = gaps.map(|gap| (gap * 1_000.0) as u64).collect::<Vec<_>>();
    let whole = Duration::from_micros(gaps.iter().sum());
    let frames = Latencies::of(gaps);
    let (median, longest) = (frames.percentile(50.0), frames.max());
    note(&format!(
        "frames: {} in {:.1} s, {:.1} a second; median {:.1?}, p99 {:.1?}, longest {:.1?}",
        frames.count(),
        whole.as_secs_f64(),
        frames.count() as f64 / whole.as_secs_f64(),
        median,
        frames.percentile(99.0),
        longest,
    ));
    assert!(
        median <= MEDIAN_FRAME_MAX,
        "half of the frames take {median:?}"
    );
    assert!(longest <= LONGEST_FRAME_MAX, "one frame takes {longest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_shows_a_rush_draws_frame_by_frame_and_ends_with_the_figures_of_the_ledger()
{
    let scene = Scene::open(UNITS).await;
    let browser = &scene.browser;
    browser.set_screen(Screen::LAPTOP).await.unwrap();
    scene.sign_in_at_console().await;
    scene.goto(&format!("/admin/sales/{}", scene.sale.id)).await;
    browser.until_text("0 = 0 + 0").await.unwrap();
    let crowd = scene.stage.buyers(BUYERS).unwrap();
    let client = scene.stage.client().unwrap();
    let plan = Plan {
        keyed_every: 0,
        repeat_every: 0,
        ..Plan::default()
    };

    let sight = browser.run(START, &[]).await.unwrap();
    assert_eq!(sight, "visible", "a page that nobody sees draws nothing");
    let report = rush(&client, scene.sale.id, crowd, plan, |_| ()).await;
    assert_eq!(report.won(), UNITS as usize);
    assert_eq!(report.unknown(), 0);
    let ledger = scene
        .stage
        .at_rest(scene.sale.id)
        .await
        .unwrap()
        .ledger
        .sale;
    let stock = u64::from(UNITS);
    let mut shown = [None; 6];
    let final_figures = async || {
        let answers = scene.stage.ledger.answers(scene.sale.id, None).await?;
        shown = Figures::read(browser).await.all();
        let [sold, posted] = [ledger.confirmed, ledger.posted].map(u64::from);
        let left = u64::from(ledger.available);
        let expected = [sold, refused(&answers), sold, posted, left, stock];
        Ok(answers.total() >= report.requests as u64 && shown == expected.map(Some))
    };
    let what = "the page's figures are those of the ledger";
    let waited = browser.until(what, PATIENCE, final_figures).await;
    let times = browser.run(STOP, &[]).await.unwrap();
    waited.unwrap();
    let [sold, refused, taken, _, left, _] = shown.map(Option::unwrap);
    assert_eq!(taken + left, stock);
    assert_eq!(
        sold + refused,
        report.requests as u64,
        "every answer is shown"
    );

    note(&format!(
        "the rush: {BUYERS} buyers at {UNITS} units, {} requests in {:.1} s; the page and the ledger: sold {sold}, \
         refused {refused}, taken {taken} + left {left} = stock {stock}",
        report.requests,
        report.took.as_secs_f64(),
    ));
    judge(&serde_json::from_value::<Vec<f64>>(times).unwrap());
    scene.close().await;
}
