//! How far a distribution has moved since the last build: PSI and Kolmogorov-Smirnov.
