//! What it costs to record a delay, to merge the recorders of many tasks, and to ask for a quantile.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use talkplace::results::Distribution;

const TIMES: u64 = 10_000;

/// Delays as a run has them: most near a round trip, a few far out.
fn delays(seed: u64) -> Vec<Duration> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..TIMES)
        .map(|_| {
            let wait_s = -(1.0 - rng.random::<f64>()).ln() * 0.01;
            Duration::from_secs_f64(0.02 + wait_s)
        })
        .collect()
}

fn recorded(seed: u64) -> Distribution {
    let mut distribution = Distribution::new();
    for delay in delays(seed) {
        distribution.record(delay);
    }
    distribution
}

fn record(criterion: &mut Criterion) {
    let delays = delays(1);
    let mut group = criterion.benchmark_group("recorder");
    group.throughput(Throughput::Elements(TIMES));
    // Into one that has its size, as a recorder has after its first seconds.
    let mut warm = recorded(2);
    group.bench_function("record", |bencher| {
        bencher.iter(|| {
            for delay in &delays {
                warm.record(black_box(*delay));
            }
        });
    });
    group.finish();
}

fn merge(criterion: &mut Criterion) {
    let (one, other) = (recorded(1), recorded(2));
    criterion.bench_function("recorder/merge", |bencher| {
        bencher.iter_batched_ref(
            || one.clone(),
            |merged| merged.merge(black_box(&other)),
            BatchSize::SmallInput,
        );
    });
}

fn quantile(criterion: &mut Criterion) {
    let distribution = recorded(1);
    criterion.bench_function("recorder/quantile", |bencher| {
        bencher.iter(|| distribution.quantile_ms(black_box(0.99)));
    });
}

criterion_group!(benches, record, merge, quantile);
criterion_main!(benches);
