//! talkplace beside a floor, in one run: what is left to gain. Where the work is HTTP's, hyper alone stands between them.
//!
//! `cargo bench --bench limit` measures each kind of work on both servers in turn, several rounds, and prints medians and the median of the
//! rounds' ratios. Absolute figures move by a third within minutes on a shared machine; the ratios are what to look at.
//! `-- --pin` keeps the server to one processor and the listeners to another, `-- --rounds 9` takes longer, `-- long` measures the rows
//! whose names have that in them, `-- --workers 2` gives talkplace two threads, `-- --before PATH` measures an older build of talkplace in
//! the same rounds: what a change has brought.
//!
//! As a test (`cargo test --bench limit`) it does everything once and small, to see that it works; its figures mean nothing then.

#[cfg(target_os = "linux")]
mod bare;
#[cfg(target_os = "linux")]
mod contender;
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
    use linux::Role;

    let options = linux::Options::typed();
    match options.role {
        Role::Floor => floor::serve(),
        Role::Bare => bare::serve(),
        Role::Measure => linux::table(&options),
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, Write as _};
    use std::path::PathBuf;
    use std::time::Duration;

    use nix::unistd::Pid;

    use crate::contender::Kind;
    use crate::process::pin;
    use crate::row::{ROWS, Row, Size};

    /// What this process is: each server is one of its own.
    pub(crate) enum Role {
        Measure,
        Floor,
        Bare,
    }

    pub(crate) struct Options {
        pub(crate) role: Role,
        is_pinned: bool,
        is_test: bool,
        rounds: usize,
        workers: usize,
        before: Option<PathBuf>,
        names: Vec<String>,
    }

    impl Options {
        pub(crate) fn typed() -> Options {
            let mut options = Options {
                role: Role::Measure,
                is_pinned: false,
                // Cargo says so when it is a benchmark.
                is_test: true,
                rounds: 5,
                workers: 1,
                before: None,
                names: Vec::new(),
            };
            let mut words = std::env::args().skip(1);
            while let Some(word) = words.next() {
                let mut next = || words.next().expect("a value follows");
                let number = |word: String| word.parse().expect("a number follows");
                match word.as_str() {
                    "--floor" => options.role = Role::Floor,
                    "--bare" => options.role = Role::Bare,
                    "--pin" => options.is_pinned = true,
                    "--bench" => options.is_test = false,
                    "--rounds" => options.rounds = number(next()),
                    "--workers" => options.workers = number(next()),
                    "--before" => options.before = Some(next().into()),
                    _ => options.names.push(word),
                }
            }
            options
        }

        /// Whom to measure in each round, in turn: the floor first, as it is what the others are held against.
        fn contenders(&self) -> Vec<(&'static str, Kind)> {
            let talkplace = |program| Kind::Talkplace {
                program,
                workers: self.workers,
            };
            let before = self.before.clone().map(|program| ("before", talkplace(program)));
            let now = ("talkplace", talkplace(env!("CARGO_BIN_EXE_talkplace").into()));
            let floors = [("raw", Kind::Raw), ("hyper", Kind::Bare)];
            floors.into_iter().chain(before).chain([now]).collect()
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
        let contenders = options.contenders();
        let mut out = io::stdout();
        let names: Vec<&str> = contenders.iter().map(|(name, _)| *name).collect();
        let ratios = names[1..].iter().map(|name| format!("{name} / raw (its range)"));
        let ratios: Vec<String> = ratios.collect();
        writeln!(out, "| work | {} | {} | goal |", names.join(" | "), ratios.join(" | "))?;
        writeln!(out, "|{}", "---|".repeat(names.len() + ratios.len() + 2))?;
        for row in ROWS {
            if options.names.is_empty() || options.names.iter().any(|name| row.name.contains(name)) {
                let figures = measure(row, &contenders, rounds, size, options.is_pinned)?;
                writeln!(out, "{}", line(row, &figures))?;
            }
        }
        Ok(())
    }

    /// The figures of each contender, one a round.
    fn measure(
        row: &Row,
        contenders: &[(&str, Kind)],
        rounds: usize,
        size: Size,
        is_pinned: bool,
    ) -> io::Result<Vec<Vec<f64>>> {
        let mut figures = vec![Vec::new(); contenders.len()];
        for _ in 0..if row.is_slow() { 1 } else { rounds } {
            for ((_, kind), figures) in contenders.iter().zip(&mut figures) {
                if row.is_for(kind) {
                    figures.push(row.measure(kind, size, is_pinned)?);
                }
            }
        }
        Ok(figures)
    }

    fn line(row: &Row, figures: &[Vec<f64>]) -> String {
        let medians = figures.iter().map(|figures| match figures[..] {
            [] => "–".into(),
            _ => figure(median(figures.clone())),
        });
        let ratios = figures[1..].iter().map(|figures_of_one| {
            if !row.is_ratio() || figures_of_one.is_empty() {
                return "–".into();
            }
            let mut ratios: Vec<f64> = figures_of_one
                .iter()
                .zip(&figures[0])
                .map(|(one, raw)| one / raw)
                .collect();
            ratios.sort_by(f64::total_cmp);
            let range = format!("{:.2}–{:.2}", ratios[0], ratios[ratios.len() - 1]);
            format!("{:.2} ({range})", median(ratios))
        });
        let cells: Vec<String> = medians.chain(ratios).collect();
        format!("| {}, {} | {} | {} |", row.name, row.unit, cells.join(" | "), row.goal)
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
