//! One run from its beginning to its end: the only place where schedule, clients and counts meet.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::between::Between;
use super::clock::Clock;
use super::control::Control;
use super::cpu::CpuSteps;
use super::crew::{Crew, Work};
use super::greeting::{Beginning, greet};
use super::little::Backlog;
use super::memory::MemoryWatch;
use super::outage::{Outage, Watch};
use super::outcome::{Seen, outcome};
use super::process::Process;
use super::publisher::{Published, Publisher};
use super::recorder::{Plan, Recorder, Tally};
use super::schedule::{Schedule, phases};
use super::server_process::ServerProcess;
use super::share::{Share, recorded};
use super::target::{Peer, Target};
use super::throttle::Throttle;
use super::timeline::Steps;
use super::usage::{Quiet, Usage, Watched};
use super::wire::{Edge, Snapshot};
use super::{LoadError, Phase, Progress, Settings, health, limits, outage};
use crate::protocol::Transport;
use crate::results::{Scenario, TransportRun};

/// How often whoever watches is told.
const TICK: Duration = Duration::from_millis(200);
/// How often the engine looks whether everybody is connected, or has heard everything.
const LOOK: Duration = Duration::from_millis(10);
/// Files beside the connections: the runtimes', the server's pipes, the reports.
const FILES_BESIDE: u64 = 128;
/// Everybody has to be served once within this many times the patience that one answer gets.
const CONNECTING: u32 = 3;
/// Who has no answer by then, through something in between, has one that is held back.
const SO_FAR: Duration = Duration::from_secs(2);
/// As many rungs can be tried one after the other before one opens.
const RUNGS: u32 = 4;
/// From the moment that everybody was served to the start of the clock, beside a round trip: all threads know of it in
/// time, and the first held polls are there.
const LEAD: Duration = Duration::from_millis(50);
/// How long the system may take to tell that the server has ended.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// What is to be measured.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    /// The machine's part.
    pub(crate) settings: &'a Settings,
    /// The knobs.
    pub(crate) scenario: &'a Scenario,
    /// How the feed is heard.
    pub(crate) transport: Transport,
    /// Which repetition.
    pub(crate) round: u32,
    /// Where the listeners connect to, if it is not the server itself.
    pub(crate) via: Option<SocketAddr>,
}

/// Answers it, and leaves no process and no thread behind.
pub(crate) async fn run(
    question: Question<'_>,
    target: &Target,
    progress: &(dyn Fn(Progress) + Send + Sync),
    stop: &CancellationToken,
) -> Result<TransportRun, LoadError> {
    let needed = u64::from(question.scenario.listeners) + question.settings.sends_in_flight as u64 + FILES_BESIDE;
    limits::make_room(question.scenario.listeners, needed)?;
    progress(Progress {
        phase: Phase::Starting,
        accepted: 0,
        heard: 0,
    });
    match target {
        Target::Running(peer) => {
            peer.bears(question.scenario)?;
            tokio::select! {
                biased;
                () = stop.cancelled() => Err(LoadError::Stopped),
                measured = async {
                    let ground = Ground::look_at(question, Arc::new(peer.clone()), None).await?;
                    through(question, ground, None, progress).await
                } => measured,
            }
        }
        Target::Spawn(program) => {
            let mut server = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(LoadError::Stopped),
                started = ServerProcess::start(program, question.scenario) => started?,
            };
            let watched = Watch::new(&server);
            // One that is held to a share of a processor is looked at from outside: when it is worn out, its own answer would come when the
            // window is over.
            let throttled = watched.pid().filter(|_| question.scenario.server_cpu_percent > 0);
            let peer = Arc::new(Peer {
                pid: throttled.map(Pid::as_raw),
                ..Peer::from(server.address)
            });
            let ground = tokio::select! {
                biased;
                () = stop.cancelled() => Err(LoadError::Stopped),
                why = server.died() => Err(why),
                ground = Ground::look_at(question, peer, Some(&watched)) => ground,
            };
            let result = match ground {
                Err(why) => Err(why),
                Ok(ground) => {
                    let plan = Arc::clone(&ground.plan);
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => Err(LoadError::Stopped),
                        why = outage::watch_over(&mut server, question.scenario, &plan, &watched) => Err(why),
                        measured = through(question, ground, Some(&watched), progress) => measured,
                    }
                }
            };
            let result = match result {
                Err(error @ (LoadError::Stopped | LoadError::ServerDied { .. })) => Err(error),
                // Whatever failed, failed because the server is gone, if it is. The system may tell of that a moment later.
                Err(error) => Err(tokio::time::timeout(LAST_LOOK, server.died()).await.unwrap_or(error)),
                measured => measured,
            };
            server.end().await;
            result
        }
    }
}

/// Measures through what the scenario puts between the listeners and the server, which goes with the future.
async fn through(
    question: Question<'_>,
    ground: Ground,
    ours: Option<&Watch>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<TransportRun, LoadError> {
    let Some(mut between) = Between::start(question.scenario, ground.peer.address).await? else {
        return measure(question, ground, ours, progress).await;
    };
    let question = Question {
        via: Some(between.address()),
        ..question
    };
    let measured = tokio::select! {
        biased;
        why = between.died() => Err(why),
        measured = measure(question, ground, ours, progress) => measured,
    };
    let version = between.version();
    between.end().await;
    Ok(TransportRun {
        between: Some(version),
        ..measured?
    })
}

/// The threads of a run.
struct Threads {
    // Dropped with the run, however that ends: it ends the threads.
    crew: Crew,
    plan: Arc<Plan>,
    listeners: Vec<Work<Recorder>>,
}

/// A server that is there, before anybody listens.
struct Ground {
    peer: Arc<Peer>,
    control: Control,
    before: Usage,
    plan: Arc<Plan>,
}

impl Ground {
    /// Asks it what it has used so far, and makes the plan that begins at the end of its feed.
    async fn look_at(question: Question<'_>, peer: Arc<Peer>, ours: Option<&Watch>) -> Result<Ground, LoadError> {
        let mut control = Control::new(Arc::clone(&peer), ours.map(|ours| ours.process.subscribe()));
        let before = control.usage().await?;
        let Beginning { base, mark } = greet(&peer, &mut control, question.settings.patience).await?;
        let plan = Arc::new(Plan {
            clock: Clock::new(question.scenario),
            schedule: Schedule::new(question.scenario),
            steps: Steps::new(question.scenario),
            base,
            mark,
            shows_naive: !question.scenario.server_stop.is_zero(),
            outage: Outage::default(),
            tally: Tally::default(),
        });
        Ok(Ground {
            peer,
            control,
            before,
            plan,
        })
    }
}

/// Measures a server, which is watched over by somebody else if it is ours. Dropping the future ends its threads.
async fn measure(
    question: Question<'_>,
    ground: Ground,
    ours: Option<&Watch>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<TransportRun, LoadError> {
    let Ground {
        peer,
        mut control,
        before,
        plan,
    } = ground;
    let process = match ours {
        Some(ours) => ours.process.subscribe(),
        None => watch::channel(peer.pid.and_then(Process::with_children)).1,
    };
    let mut memory = MemoryWatch::start(peer.address, process.clone(), question.scenario).await;
    let mut cpu = CpuSteps::new(process);
    let mut threads = Threads::start(question, &peer, &plan)?;
    let (published, mut watched) = tokio::select! {
        sent = threads.conduct(question, &peer, ours, &mut control, before) => sent?,
        never = tell(&plan, progress) => match never {},
        never = memory.watch() => match never {},
        never = cpu.watch(&plan) => match never {},
    };
    watched.restarted = ours.and_then(|ours| ours.used_before.get().cloned());
    let recorder = threads.finish().await?;
    let seen = Seen {
        memory: memory.told(&plan.clock, watched.listeners_in),
        cpu_steps_s: cpu.told(),
    };
    let slice = recorded(&peer, question.scenario, &plan);
    Ok(outcome(question, &plan, slice, published, recorder, &watched, seen))
}

impl Threads {
    /// Spreads the listeners over their threads; they begin to connect at once.
    fn start(question: Question<'_>, peer: &Arc<Peer>, plan: &Arc<Plan>) -> Result<Threads, LoadError> {
        let crew = Crew::new();
        let count = listener_threads(question.settings, question.scenario.listeners);
        let mut shares = vec![Vec::new(); count];
        let phases = phases(question.scenario.seed, question.scenario.listeners);
        phases.enumerate().for_each(|(n, phase)| shares[n % count].push(phase));
        let began = Instant::now();
        let front = question
            .via
            .map_or_else(|| Arc::clone(peer), |via| Arc::new(peer.behind(via)));
        let mut listeners = Vec::new();
        for (n, phases) in shares.into_iter().enumerate() {
            let share = Share {
                peer: Arc::clone(&front),
                transport: question.transport,
                scenario: question.scenario.clone(),
                plan: Arc::clone(plan),
                began,
                connects: question.settings.connects_in_flight.max(1),
                patience: question.settings.patience,
                first: n,
                apart: count,
                phases,
            };
            listeners.push(crew.start(&format!("listeners-{n}"), move |stop| share.listen(stop))?);
        }
        let plan = Arc::clone(plan);
        Ok(Threads { crew, plan, listeners })
    }

    /// Connecting, quiet time, warm-up, window and drain; ends early when a thread does. Gives what was published, and what the server had used when.
    async fn conduct(
        &mut self,
        question: Question<'_>,
        peer: &Arc<Peer>,
        ours: Option<&Watch>,
        control: &mut Control,
        before: Usage,
    ) -> Result<(Published, Watched), LoadError> {
        self.connected(question).await?;
        let listeners_in = Instant::now();
        let quiet = tokio::select! {
            quiet = Quiet::watch(control, question.settings.quiet) => quiet?,
            fault = first_end(&mut self.listeners) => return Err(fault),
        };
        let start = Instant::now() + question.scenario.rtt + LEAD;
        self.plan.clock.start_at(start);
        let publisher = Publisher {
            peer: Arc::clone(peer),
            plan: Arc::clone(&self.plan),
            text_bytes: question.scenario.text_bytes,
            in_flight: question.settings.sends_in_flight.max(1),
            patience: question.settings.patience + question.scenario.restart.away,
            persists: question.scenario.restart.is_asked_for(),
            end: question.scenario.sending() + question.scenario.drain,
        };
        let scenario = question.scenario;
        if scenario.server_cpu_percent > 0
            && let Some(process) = ours.and_then(Watch::pid)
        {
            let throttle = Throttle::new(process, scenario.server_cpu_percent)?;
            // It ends with the crew.
            drop(self.crew.start("throttle", move |stop| throttle.hold(stop))?);
        }
        let mut sending = self.crew.start("publisher", move |stop| publisher.publish(stop))?;
        let plan = Arc::clone(&self.plan);
        let window = async {
            let [begins, ends] = [scenario.warm_up, scenario.sending()].map(|since| start + since);
            let used = async {
                tokio::time::sleep_until(begins.into()).await;
                let at_start = (control.usage().await?, health::process_cpu_s());
                tokio::time::sleep_until(ends.into()).await;
                Ok::<_, LoadError>((at_start, (control.usage().await?, health::process_cpu_s())))
            };
            let listened_at = question.via.unwrap_or(peer.address);
            let edge = |at| edge(listened_at, &plan, at, scenario.one_way());
            let (used, wire_start, wire_end) = tokio::join!(used, edge(begins), edge(ends));
            let ((at_start, own_start_s), (at_end, own_end_s)) = used?;
            let published = sending.done().await?;
            let end = start + scenario.sending() + scenario.drain;
            drained(&plan.tally, &published, scenario.listeners, end).await;
            let watched = Watched {
                before,
                listeners_in,
                quiet,
                start: at_start,
                restarted: None,
                end: at_end,
                generator_cpu_s: own_start_s.zip(own_end_s).map(|(start_s, end_s)| end_s - start_s),
                wire: wire_start.zip(wire_end),
                backlog: Backlog::default(),
            };
            Ok::<_, LoadError>((published, watched))
        };
        let mut backlog = Backlog::default();
        let (published, watched) = tokio::select! {
            done = window => done?,
            fault = first_end(&mut self.listeners) => return Err(fault),
            never = backlog.watch(&plan, scenario.listeners) => match never {},
        };
        Ok((published, Watched { backlog, ..watched }))
    }

    /// Waits until every listener was served once. Through something in between that may never be: then everybody has to have come so far that
    /// more is not to be expected.
    async fn connected(&mut self, question: Question<'_>) -> Result<(), LoadError> {
        let scenario = question.scenario;
        if question.via.is_some() {
            return self.came_so_far(scenario).await;
        }
        // A thousand listeners more get a second more.
        let spread = Duration::from_millis(u64::from(scenario.listeners));
        let ladder = scenario.ladder.open_within * u32::from(scenario.ladder.falls_back) * RUNGS;
        let waited = question.settings.patience * CONNECTING + scenario.rtt * 10 + spread + ladder;
        let all = u64::from(scenario.listeners);
        let tally = &self.plan.tally;
        let everybody = async {
            while tally.ready.load(Ordering::Relaxed) < all {
                tokio::time::sleep(LOOK).await;
            }
        };
        let in_time = tokio::select! {
            in_time = tokio::time::timeout(waited, everybody) => in_time,
            fault = first_end(&mut self.listeners) => return Err(fault),
        };
        if in_time.is_ok() {
            return Ok(());
        }
        let ready = tally.ready.load(Ordering::Relaxed);
        Err(LoadError::NotConnected {
            ready,
            listeners: scenario.listeners,
            waited,
            failures: self.finish().await?.failures,
            open_within: scenario.ladder.falls_back.then_some(scenario.ladder.open_within),
        })
    }

    /// Waits until every listener was served or refused, but not for answers that something holds back.
    async fn came_so_far(&mut self, scenario: &Scenario) -> Result<(), LoadError> {
        let tally = &self.plan.tally;
        let answered = || tally.ready.load(Ordering::Relaxed) + tally.turned_away.load(Ordering::Relaxed);
        let everybody = async {
            while answered() < u64::from(scenario.listeners) {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            _ = tokio::time::timeout(SO_FAR + scenario.rtt * 10, everybody) => Ok(()),
            fault = first_end(&mut self.listeners) => Err(fault),
        }
    }

    /// Ends the listeners and merges what they saw.
    async fn finish(&mut self) -> Result<Recorder, LoadError> {
        self.crew.stop();
        let mut merged = Recorder::new(Arc::clone(&self.plan), 0);
        for work in &mut self.listeners {
            merged.merge(work.done().await?);
        }
        Ok(merged)
    }
}

/// Waits for a thread that ends before it is asked to, which is a fault.
async fn first_end(listeners: &mut [Work<Recorder>]) -> LoadError {
    let ends = listeners.iter_mut().map(|work| Box::pin(work.done()));
    let (ended, _, _) = futures_util::future::select_all(ends).await;
    ended.err().unwrap_or(LoadError::Panicked)
}

/// Waits until everybody has heard all that was accepted, but no longer than `end`.
///
/// A message whose send failed may be in the feed all the same; then the count cannot tell, and everybody gets the whole time.
async fn drained(tally: &Tally, published: &Published, listeners: u32, end: Instant) {
    let all = published.accepted.len() as u64 * u64::from(listeners);
    while Instant::now() < end && (published.failed > 0 || tally.heard.load(Ordering::Relaxed) < all) {
        tokio::time::sleep(LOOK).await;
    }
}

/// What the system has counted at an edge of the window, of what crosses the listener's side of a link then that takes `one_way`.
async fn edge(server: SocketAddr, plan: &Plan, at: Instant, one_way: Duration) -> Option<Edge> {
    tokio::time::sleep_until((at - one_way).into()).await;
    let coming = snapshot(server, plan).await?;
    let going = if one_way.is_zero() {
        coming.clone()
    } else {
        tokio::time::sleep_until((at + one_way).into()).await;
        snapshot(server, plan).await?
    };
    Some(Edge { coming, going })
}

/// What the system counted until now; on a thread of its own, as thousands of connections take it some milliseconds.
async fn snapshot(server: SocketAddr, plan: &Plan) -> Option<Snapshot> {
    let ports = plan.tally.ports().clone();
    let taken = tokio::task::spawn_blocking(move || Snapshot::take(server, &ports));
    taken.await.ok().flatten()
}

/// Tells whoever watches, for ever.
async fn tell(plan: &Plan, progress: &(dyn Fn(Progress) + Send + Sync)) -> std::convert::Infallible {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        progress(Progress {
            phase: plan.clock.phase(Instant::now()),
            accepted: plan.tally.accepted.load(Ordering::Relaxed),
            heard: plan.tally.heard.load(Ordering::Relaxed),
        });
    }
}

/// One core is the server's; nobody needs a thread without a listener.
fn listener_threads(settings: &Settings, listeners: u32) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = settings.listener_threads.map_or(cores.saturating_sub(1), usize::from);
    wanted.clamp(1, (listeners as usize).max(1))
}
