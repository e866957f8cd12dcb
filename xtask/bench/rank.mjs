// The engine's rankers as wasm, in the JavaScript engine that workerd has too, beside the same choice by direction in plain JavaScript.
// Usage: node rank.mjs vitrine_bench_rank.wasm

import { readFileSync } from "node:fs";

const DIMS = 32;
const BATCHES = 60;
const { exports: engine } = await WebAssembly.instantiate(await WebAssembly.compile(readFileSync(process.argv[2])), {});

const nameOf = (ranker) => {
  let name = "";
  for (let at = 0, code; (code = engine.name_at(ranker, at)) !== 0; at += 1) name += String.fromCharCode(code);
  return name;
};

/// The quickest batch, per call. Unit: microseconds. Batches are of some milliseconds, after a time to warm up.
function quickest(run) {
  let n = 1;
  for (let took = 0; took < 4; n *= 2) {
    const began = performance.now();
    run(n);
    took = performance.now() - began;
  }
  let best = Infinity;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const began = performance.now();
    run(n);
    best = Math.min(best, performance.now() - began);
  }
  return (best * 1_000) / n;
}

/// The best four of all offers by the likeness of their directions to the visitor's: vectors, sums, and a list of four.
function inJavaScript(nOffers) {
  const code = (item, at) => Math.max(-127, ((item * 31 + at * 97 + item * at) % 255) - 127);
  const vectors = Array.from({ length: nOffers }, (_, item) => Int8Array.from({ length: DIMS }, (_, at) => code(item, at)));
  const visitor = vectors[7];
  return (times) => {
    let sum = 0;
    for (let time = 0; time < times; time += 1) {
      const best = [];
      for (let offer = 0; offer < nOffers; offer += 1) {
        const vector = vectors[offer];
        let score = 0;
        for (let at = 0; at < DIMS; at += 1) score += vector[at] * visitor[at];
        if (best.length < 4 || score > best[3].score) {
          const place = best.findIndex((it) => score > it.score);
          best.splice(place < 0 ? best.length : place, 0, { offer, score });
          best.length = Math.min(best.length, 4);
        }
      }
      sum += best[0].offer;
    }
    return sum;
  };
}

console.log("4 of n offers with directions of 32 numbers; quickest of 60 batches, µs a decision; ratio to plain JavaScript\n");
console.log(`${"ranker".padEnd(20)} ${"200 offers".padStart(18)} ${"2,000 offers".padStart(18)}`);
const counts = [200, 2_000];
const baseline = counts.map((count) => quickest(inJavaScript(count)));
const row = (name, times) => {
  const cells = times.map((time, idx) => `${time.toFixed(1)} (${(time / baseline[idx]).toFixed(2)})`.padStart(18));
  console.log(`${name.padEnd(20)} ${cells.join(" ")}`);
};
row("javascript", baseline);
const nRankers = engine.prepare(counts[0], 0);
for (let ranker = 0; ranker < nRankers; ranker += 1) {
  row(nameOf(ranker), counts.map((count) => {
    engine.prepare(count, ranker);
    return quickest((times) => engine.decide(times));
  }));
}
