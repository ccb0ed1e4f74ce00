//! talkplace beside a floor, in one run: what is left to gain.
//!
//! `cargo bench --bench limit` measures each kind of work on both servers in turn, several rounds, and prints medians and the median of the
//! rounds' ratios. Absolute figures move by a third within minutes on a shared machine; the ratios are what to look at.
//! `-- --pin` keeps the server to one processor and the listeners to another, `-- --rounds 9` takes longer, `-- long` measures the rows
//! whose names have that in them, `-- --workers 2` gives talkplace two threads.
//!
//! As a test (`cargo test --bench limit`) it does everything once and small, to see that it works; its figures mean nothing then.

#[cfg(target_os = "linux")]
mod drive;
#[cfg(target_os = "linux")]
mod floor;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod row;
#[cfg(target_os = "linux")]
mod wire;

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("The floor is an epoll loop: it needs Linux.");
}

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    let options = linux::Options::typed();
    if options.is_floor {
        floor::serve()
    } else {
        linux::table(&options)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, Write as _};
    use std::time::Duration;

    use nix::unistd::Pid;

    use crate::process::{Kind, pin};
    use crate::row::{ROWS, Size};

    pub(crate) struct Options {
        pub(crate) is_floor: bool,
        is_pinned: bool,
        is_test: bool,
        rounds: usize,
        workers: usize,
        names: Vec<String>,
    }

    impl Options {
        pub(crate) fn typed() -> Options {
            let mut options = Options {
                is_floor: false,
                is_pinned: false,
                // Cargo says so when it is a benchmark.
                is_test: true,
                rounds: 5,
                workers: 1,
                names: Vec::new(),
            };
            let mut words = std::env::args().skip(1);
            while let Some(word) = words.next() {
                let mut number = || {
                    words
                        .next()
                        .and_then(|word| word.parse().ok())
                        .expect("a number follows")
                };
                match word.as_str() {
                    "--floor" => options.is_floor = true,
                    "--pin" => options.is_pinned = true,
                    "--bench" => options.is_test = false,
                    "--rounds" => options.rounds = number(),
                    "--workers" => options.workers = number(),
                    _ => options.names.push(word),
                }
            }
            options
        }
    }

    pub(crate) fn table(options: &Options) -> io::Result<()> {
        if options.is_pinned {
            pin(Pid::from_raw(0), 1);
        }
        let full = Size {
            window: Duration::from_secs(2),
            divisor: 1,
        };
        let small = Size {
            window: Duration::from_millis(100),
            divisor: 50,
        };
        let (size, rounds) = if options.is_test {
            (small, 1)
        } else {
            (full, options.rounds)
        };
        let mut out = io::stdout();
        writeln!(
            out,
            "| work | raw | talkplace | ratio (its range) | goal |\n|---|---|---|---|---|"
        )?;
        for row in ROWS {
            if !options.names.is_empty() && !options.names.iter().any(|name| row.name.contains(name)) {
                continue;
            }
            let (mut raw, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..rounds {
                let floor = row.measure(Kind::Raw, size, options.is_pinned)?;
                let workers = options.workers;
                let talkplace = row.measure(Kind::Talkplace { workers }, size, options.is_pinned)?;
                raw.push(floor);
                ours.push(talkplace);
                ratios.push(talkplace / floor);
            }
            ratios.sort_by(f64::total_cmp);
            let range = format!("{:.2}–{:.2}", ratios[0], ratios[ratios.len() - 1]);
            let ratio = match row.is_ratio() {
                true => format!("{:.2} ({range})", median(ratios)),
                false => "–".into(),
            };
            let (raw, ours) = (figure(median(raw)), figure(median(ours)));
            writeln!(
                out,
                "| {}, {} | {raw} | {ours} | {ratio} | {} |",
                row.name, row.unit, row.goal
            )?;
        }
        Ok(())
    }

    fn median(mut figures: Vec<f64>) -> f64 {
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        if figures.len() % 2 == 1 {
            figures[middle]
        } else {
            f64::midpoint(figures[middle - 1], figures[middle])
        }
    }

    fn figure(value: f64) -> String {
        if value < 100.0 {
            format!("{value:.2}")
        } else {
            format!("{value:.0}")
        }
    }
}
