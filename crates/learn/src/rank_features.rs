//! Which features tell an outcome: chi-square, mutual information, recursive elimination.
