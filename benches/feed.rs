//! The feed: taking a message in, and reading what follows a cursor.
#![allow(missing_docs, reason = "criterion's macros make public functions without docs")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use talkplace::feed::{Feed, Keep};
use talkplace::protocol::{Message, Speaker};

/// As long as the lab's messages.
const TEXT: &str = "#17 0123456789012345678901234567890123456789012345678901234567890";

fn full_feed() -> Feed {
    let feed = Feed::new(Keep {
        messages: 10_000,
        ..Keep::default()
    });
    for _ in 0..10_000 {
        feed.publish(&Speaker::guest(), TEXT)
            .expect("an open feed takes messages in");
    }
    feed
}

fn publish(c: &mut Criterion) {
    let feed = full_feed();
    let speaker = Speaker::guest();
    let mut group = c.benchmark_group("feed");
    group.throughput(Throughput::Elements(1));
    group.bench_function("publish into a full ring", |b| {
        b.iter(|| feed.publish(black_box(&speaker), black_box(TEXT)))
    });
    group.finish();
}

fn read(c: &mut Criterion) {
    let feed = full_feed();
    let end = feed.end().seq;
    let mut group = c.benchmark_group("feed");
    group.bench_function("read when nothing follows", |b| {
        b.iter(|| feed.read_after(black_box(end), 100))
    });
    group.bench_function("read one message", |b| {
        b.iter(|| feed.read_after(black_box(end - 1), 100))
    });
    group.throughput(Throughput::Elements(100));
    group.bench_function("read a hundred", |b| {
        b.iter(|| feed.read_after(black_box(end - 5_000), 100))
    });
    group.finish();
}

fn message(c: &mut Criterion) {
    let feed = full_feed();
    let json = feed
        .read_after(feed.end().seq - 1, 1)
        .expect("the last message is kept")
        .entries[0]
        .json
        .clone();
    let mut group = c.benchmark_group("message");
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.bench_function("decode", |b| {
        b.iter(|| serde_json::from_slice::<Message>(black_box(&json)).map(|m| m.at))
    });
    let decoded: Message = serde_json::from_slice(&json).expect("a message is JSON");
    group.bench_function("encode", |b| {
        b.iter_batched(
            || decoded.clone(),
            |message| serde_json::to_vec(&message),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, publish, read, message);
criterion_main!(benches);
