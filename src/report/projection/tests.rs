use super::*;
use crate::report::fixture;
use crate::report::table::TextStyle;
use crate::results::Parts;

fn million() -> Aim {
    Aim {
        listeners: 1_000_000,
        ..Aim::default()
    }
}

fn row_of(scaled: &Scaled, transport: Transport) -> &Row {
    let mut rows = scaled.figures.transports.iter();
    rows.find(|row| row.transport == transport).expect("it was measured")
}

fn close(is: Option<f64>, should_be: f64) {
    let is = is.expect("it is known");
    assert!((is / should_be - 1.0).abs() < 1e-6, "{is}, not {should_be}");
}

#[test]
fn a_million_listeners_as_text() {
    let scaled = scale(&fixture::four_ways(), &million()).unwrap();
    let tables: Vec<String> = scaled
        .tables
        .iter()
        .map(|table| format!("{}\n\n{}", table.caption, table.to_text(TextStyle::default())))
        .collect();
    let rests_on: Vec<String> = scaled
        .figures
        .assumptions
        .iter()
        .map(|assumption| format!("{}: {}", assumption.figure, assumption.rests_on))
        .collect();
    let cautions: Vec<&str> = scaled.figures.cautions.iter().map(|c| c.what.as_str()).collect();
    let text = [
        scaled.findings.join("\n"),
        tables.join("\n"),
        rests_on.join("\n"),
        cautions.join("\n"),
    ];
    insta::assert_snapshot!(text.join("\n\n"));
}

#[test]
fn a_run_in_which_something_else_happened_is_doubtful() {
    let doubts = |results| {
        let cautions = scale(&results, &million()).unwrap().figures.cautions;
        cautions
            .into_iter()
            .map(|caution| caution.what)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert!(doubts(fixture::restarted(0.5)).contains("The server was away for a part"));
    assert!(doubts(fixture::fallen(crate::results::Why::Cut, 0.1)).contains("changed their transport"));
    let plain = doubts(fixture::three_ways());
    assert!(!plain.contains("away") && !plain.contains("changed"), "{plain}");
}

#[test]
fn a_million_listeners_as_a_picture() {
    let scaled = scale(&fixture::three_ways(), &million()).unwrap();
    insta::assert_snapshot!(scaled.chart.svg);
    assert!(scaled.html.contains(&scaled.chart.svg));
    assert!(scaled.html.contains("What would 1,000,000 listeners take?"));
}

/// Lubbers and Greco: 871 bytes of heads a poll, 2 bytes of frame a message, one of each a second.
#[test]
fn lubbers_and_grecos_run_gives_their_table() {
    let mut run = fixture::three_ways();
    for transport in &mut run.runs {
        let counts = &transport.counts;
        transport.bytes_in = Parts::default();
        transport.bytes_out = match transport.transport {
            Transport::Websocket => Parts {
                frames: 2 * counts.deliveries,
                ..Parts::default()
            },
            _ => Parts {
                heads: 871 * counts.requests,
                ..Parts::default()
            },
        };
    }
    for (listeners, polling, websocket) in [(1_000, 6.968, 0.016), (10_000, 69.68, 0.16), (100_000, 696.8, 1.6)] {
        let aim = Aim {
            listeners,
            ..Aim::default()
        };
        let scaled = scale(&run, &aim).unwrap();
        close(row_of(&scaled, Transport::Poll).mbit_per_s, polling);
        close(row_of(&scaled, Transport::Websocket).mbit_per_s, websocket);
    }
}

#[test]
fn a_run_scaled_to_itself_is_itself() {
    let run = fixture::four_ways();
    let aim = Aim {
        listeners: 300,
        ..Aim::default()
    };
    let scaled = bases(&run, &aim);
    for basis in scaled {
        let (is, was) = (basis.scaled, basis.measured);
        assert_eq!(is.requests_per_s, was.requests_per_s, "{}", basis.transport);
        close(is.bits_per_s, was.bits_per_s.unwrap());
        close(is.cores, was.cores.unwrap());
        close(is.memory_bytes, was.memory_bytes.unwrap());
    }
}

#[test]
fn only_who_depends_on_a_knob_is_predicted() {
    let aim = Aim {
        poll_interval: Some(Duration::from_secs(5)),
        ..million()
    };
    let scaled = scale(&fixture::three_ways(), &aim).unwrap();
    close(row_of(&scaled, Transport::Poll).requests_per_s, 200_000.0);
    close(row_of(&scaled, Transport::LongPoll).requests_per_s, 995_000.0);

    let quiet = Aim {
        rate_per_s: Some(0.0),
        long_poll_timeout: Some(Duration::from_secs(50)),
        rtt: Some(Duration::ZERO),
        ..million()
    };
    let scaled = scale(&fixture::three_ways(), &quiet).unwrap();
    close(row_of(&scaled, Transport::Poll).requests_per_s, 1_000_000.0);
    let held = row_of(&scaled, Transport::LongPoll).requests_per_s.unwrap();
    assert!((held / 20_000.0 - 1.0).abs() < 1e-3, "once in 50 s: {held}");
    // 0.9 ms a second for 300 who are only there.
    close(row_of(&scaled, Transport::Websocket).cores, 3.0);
}

#[test]
fn what_the_run_does_not_tell_is_not_known() {
    let mut run = fixture::three_ways();
    for transport in &mut run.runs {
        transport.server = Default::default();
        transport.counts.deliveries = 0;
    }
    run.runs[0].window_s = 0.0;
    run.runs[1].listeners = 0;
    run.host.memory_bytes = None;
    let scaled = scale(&run, &million()).unwrap();
    for row in &scaled.figures.transports {
        assert_eq!((row.mbit_per_s, row.cores, row.memory_bytes), (None, None, None));
        assert_eq!(row.connections, 1_000_000);
    }
    let cells = &scaled.tables[0].groups[0].rows;
    assert!(cells[4].cells.iter().all(|cell| cell == "not known"), "{cells:?}");
    assert_eq!(scaled.findings, ["What 1,000,000 listeners would move is not known."]);
    assert!(scaled.chart.svg.contains("not known"));
}

#[test]
fn a_run_without_a_transport_cannot_be_scaled() {
    let mut run = fixture::three_ways();
    run.runs.clear();
    assert!(matches!(scale(&run, &million()), Err(ReportError::NoRun)));
}

#[test]
fn a_leap_is_doubted_and_a_step_is_not() {
    let doubts = |listeners| {
        let aim = Aim {
            listeners,
            ..Aim::default()
        };
        let cautions = scale(&fixture::three_ways(), &aim).unwrap().figures.cautions;
        cautions
            .into_iter()
            .filter(|c| c.what.contains("times as many"))
            .count()
    };
    assert_eq!((doubts(299_999), doubts(300_000)), (0, 1));
}

#[test]
fn memory_for_more_listeners_than_there_were_is_called_too_much() {
    let told = |listeners, change: &dyn Fn(&mut Results)| {
        let mut run = fixture::three_ways();
        change(&mut run);
        let aim = Aim {
            listeners,
            ..Aim::default()
        };
        let cautions = scale(&run, &aim).unwrap().figures.cautions;
        cautions.iter().any(|c| c.what.ends_with("rather too much."))
    };
    let there = u64::from(fixture::three_ways().runs[0].listeners);
    assert!(told(2 * there, &|_| ()) && !told(2 * there - 1, &|_| ()));
    let unknown = |run: &mut Results| run.runs.iter_mut().for_each(|run| run.server.rss_before_bytes = None);
    assert!(!told(2 * there, &unknown), "there is nothing to doubt");
}

#[test]
fn a_run_with_little_processor_time_is_doubted_and_called_rough() {
    let mut run = fixture::three_ways();
    run.runs[2].server.cpu_s = Some(0.02);
    let scaled = scale(&run, &million()).unwrap();
    let doubt = "The server used less than 50\u{a0}ms of processor time in the window for WebSocket:";
    assert!(scaled.figures.cautions.iter().any(|c| c.what.starts_with(doubt)));
    assert!(
        scaled.findings[1].ends_with("these are rough."),
        "{}",
        scaled.findings[1]
    );
}

#[test]
fn a_window_with_more_messages_than_its_rate_promises_is_told() {
    let mut run = fixture::three_ways();
    run.runs[0].publishing.planned_in_window = 180;
    let told = |aim: &Aim| {
        let cautions = scale(&run, aim).unwrap().figures.cautions;
        cautions
            .iter()
            .any(|c| c.what.contains("1.5 messages a second where its rate promises 1"))
    };
    assert!(told(&million()));
    let given = Aim {
        rate_per_s: Some(1.5),
        ..million()
    };
    assert!(!told(&given));
}
