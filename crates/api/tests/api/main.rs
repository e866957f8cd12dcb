//! The decide API as data: requests that are taken or refused, who may be personalised, and whole answers.
#![allow(missing_docs)]

mod answers;
mod consent;
mod decision_words;
mod envelopes;
mod experiments;
mod exposures;
mod ofrep;
mod portions;
mod requests;
mod shop;
mod tags;
mod token;
