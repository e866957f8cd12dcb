//! `vitrine profiles build` on a made-up shop.
