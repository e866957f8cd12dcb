//! Customer value: BG/NBD, its relatives and Gamma-Gamma, with their check on a holdout.
