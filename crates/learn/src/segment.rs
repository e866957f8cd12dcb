//! Groups of customers: k-means with a choice of k, stability, and readable descriptions.
