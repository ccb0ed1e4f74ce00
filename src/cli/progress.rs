//! How far a run has come: a bar with the time left on a terminal, a line per step elsewhere, JSON for a page.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use talkplace::lab::{self, Step};
use talkplace::load::{Phase, Progress};
use talkplace::results::Scenario;

use super::terminal;

/// A server has to start and the listeners have to connect; nobody knows beforehand how long that takes.
const START: Duration = Duration::from_secs(1);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A bar, on a terminal that takes escape codes.
    Bar,
    /// A line for each step.
    Lines,
    /// A line of JSON whenever something has changed.
    Json,
}

impl Form {
    /// What stderr takes.
    pub(crate) fn of_stderr() -> Form {
        if terminal::stderr_takes_escapes() {
            Form::Bar
        } else {
            Form::Lines
        }
    }
}

/// Shows progress on stderr.
pub(crate) struct Shown {
    form: Form,
    steps: Vec<Step>,
    sending: Duration,
    bar: Option<ProgressBar>,
    now: Mutex<Option<Now>>,
}

/// The step that is being measured, and when its first message was due.
#[derive(Clone, Copy)]
struct Now {
    step: Step,
    sending_since: Option<Instant>,
}

impl Shown {
    /// For a run of this scenario.
    pub(crate) fn new(scenario: &Scenario, form: Form) -> Self {
        let mut shown = Shown {
            form,
            steps: lab::steps(scenario),
            sending: scenario.sending(),
            bar: None,
            now: Mutex::new(None),
        };
        if form == Form::Bar {
            let bar = ProgressBar::new(shown.until(shown.steps.len()).as_millis() as u64);
            let style = ProgressStyle::with_template("{bar:20} {wide_msg}")
                .expect("the template is a constant, and a good one");
            bar.set_style(style.progress_chars("=> "));
            shown.bar = Some(bar);
        }
        shown
    }

    /// Takes in how far a step has come.
    pub(crate) fn update(&self, step: Step, progress: Progress) {
        let begins = self.begins(step);
        let sending_for = self.sending_for(progress.phase);
        match &self.bar {
            Some(bar) => self.draw(bar, step, progress, sending_for),
            None if self.form == Form::Json => terminal::say(&self.json(step, progress, sending_for)),
            None if begins => terminal::say(&self.line(step)),
            None => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Whether this is the first that is heard of the step.
    fn begins(&self, step: Step) -> bool {
        let mut now = self.now.lock().expect("nothing panics while it holds this lock");
        let begins = now.is_none_or(|now| now.step != step);
        if begins {
            *now = Some(Now {
                step,
                sending_since: None,
            });
        }
        begins
    }

    fn sending_for(&self, phase: Phase) -> Option<Duration> {
        let mut now = self.now.lock().expect("nothing panics while it holds this lock");
        let now = now.as_mut()?;
        match phase {
            Phase::Starting => None,
            Phase::WarmUp | Phase::Window => Some(now.sending_since.get_or_insert_with(Instant::now).elapsed()),
            Phase::Drain => Some(self.sending),
        }
    }

    /// How long the run has taken, and how long it will take yet, about.
    fn done_and_left(&self, step: Step, sending_for: Option<Duration>) -> (Duration, Duration) {
        let done = self.until(step.number) + sending_for.map_or(Duration::ZERO, |time| START + time.min(self.sending));
        (done, self.until(self.steps.len()).saturating_sub(done))
    }

    fn json(&self, step: Step, progress: Progress, sending_for: Option<Duration>) -> String {
        let (done, left) = self.done_and_left(step, sending_for);
        serde_json::json!({
            "title": step.transport.title(),
            "step": step.number + 1,
            "of": self.steps.len(),
            "doing": phase(progress.phase),
            "done": done.as_secs_f64() / (done + left).as_secs_f64(),
            "left_s": left.as_secs_f64().ceil(),
            "accepted": progress.accepted,
            "heard": progress.heard,
        })
        .to_string()
    }

    fn draw(&self, bar: &ProgressBar, step: Step, progress: Progress, sending_for: Option<Duration>) {
        let (done, left) = self.done_and_left(step, sending_for);
        bar.set_position(done.as_millis() as u64);
        bar.set_message(format!(
            "{} s left, {}, {}: {} messages heard {} times",
            left.as_secs_f64().ceil(),
            step.transport.title(),
            phase(progress.phase),
            progress.accepted,
            progress.heard
        ));
    }

    fn line(&self, step: Step) -> String {
        let seconds = (START + self.sending).as_secs();
        let (n, of) = (step.number + 1, self.steps.len());
        format!("{} ({n} of {of}), about {seconds} s", step.transport.title())
    }

    /// How long so many steps take, about.
    fn until(&self, steps: usize) -> Duration {
        (START + self.sending) * steps as u32
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::WarmUp => "warming up",
        Phase::Window => "counting",
        Phase::Drain => "hearing the last",
    }
}
