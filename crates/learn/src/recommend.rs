//! What a customer may want next: rankers over purchases, their evaluation, and their tuning.
