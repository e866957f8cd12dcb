//! Seeded streams of random numbers, folds and bootstrap intervals.
