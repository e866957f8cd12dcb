//! Propensities: logistic regression and boosted trees, calibrated, validated, and exported for the edge.
