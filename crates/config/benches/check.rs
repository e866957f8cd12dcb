//! How long does it take to check a document, and to compile one that the Worker loads?

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;
use vitrine_config::{Format, check, compile_json};

/// A document of a shop with `n_offers` offers: schedules, audiences, items, contents of about 200 bytes.
fn document(n_offers: usize) -> String {
    let offers: Vec<_> = (0..n_offers)
        .map(|i| {
            json!({
                "id": format!("offer-{i}"),
                "priority": i % 100,
                "starts": "2026-12-01T00:00:00+01:00",
                "ends": "2027-01-01T00:00:00+01:00",
                "audience": format!("audience-{}", i % 50),
                "items": [format!("sku-{i}"), format!("sku-{}", i + 1), format!("sku-{}", i * 2)],
                "categories": ["garden"],
                "content": {
                    "title": format!("Offer number {i}"),
                    "text": "A text of the length that banners have, with a few words more than needed.",
                    "image": { "url": format!("https://shop.example/img/{i}.avif"), "alt": "A picture", "width": 1200, "height": 400 },
                },
            })
        })
        .collect();
    let audiences: Vec<_> = (0..50)
        .map(|i| {
            json!({
                "id": format!("audience-{i}"),
                "when": { "profile.segment": { "$in": ["champions", "loyal"] }, "profile.recency_days": { "$lt": i } },
            })
        })
        .collect();
    let placements: Vec<_> = (0..20)
        .map(|i| json!({ "id": format!("placement-{i}"), "ranker": "items", "count": 3, "fallback": "offer-0" }))
        .collect();
    json!({ "version": 1, "audiences": audiences, "offers": offers, "placements": placements }).to_string()
}

fn benches(c: &mut Criterion) {
    for n_offers in [200, 10_000] {
        let source = document(n_offers);
        c.bench_function(&format!("check, {n_offers} offers ({} KB)", source.len() / 1000), |b| {
            b.iter(|| check(black_box(&source), Format::Json).is_ok());
        });
        c.bench_function(&format!("compile_json, {n_offers} offers"), |b| {
            b.iter(|| compile_json(black_box(source.as_bytes())).is_ok());
        });
    }
}

criterion_group!(check_documents, benches);
criterion_main!(check_documents);
