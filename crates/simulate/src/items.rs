//! The items of the made-up shop as the engine sees them: who bought which together, how popular each is, and where it points.
//!
//! A build of profiles chooses and tunes its item lists (`vitrine-learn`); this is the plain stand-in for them: the cosine of two items'
//! buyers.

use std::collections::HashMap;
use vitrine_demo::Catalogue;
use vitrine_engine::{ItemGraph, ItemIdx};

use crate::stream::{Purpose, Stream};

/// Length of the items' vectors.
const N_DIMS: usize = 32;
/// Neighbours of an item.
const NEIGHBOURS_MAX: usize = 20;

/// The items.
#[derive(Debug)]
pub(crate) struct ShopItems {
    by_id: HashMap<String, u32>,
    /// Id, first item and end of each category; items of a category lie together.
    categories: Vec<(&'static str, u32, u32)>,
    neighbours: Vec<Vec<(ItemIdx, f32)>>,
    popularity: Vec<f32>,
    /// [`N_DIMS`] signed bytes an item.
    vectors: Vec<u8>,
}

/// Counts who bought what with what, customer by customer.
pub(crate) struct Counts {
    n_items: usize,
    n_customers: u32,
    /// By item.
    buyers: Vec<u32>,
    /// By pair, row by row.
    pairs: Vec<u32>,
}

impl Counts {
    pub(crate) fn new(n_items: usize) -> Self {
        Self { n_items, n_customers: 0, buyers: vec![0; n_items], pairs: vec![0; n_items * n_items] }
    }

    /// Adds a customer. `bought`: each item once.
    pub(crate) fn add(&mut self, bought: &[usize]) {
        self.n_customers += u32::from(!bought.is_empty());
        for a in bought {
            self.buyers[*a] += 1;
            for b in bought.iter().filter(|b| *b != a) {
                self.pairs[a * self.n_items + b] += 1;
            }
        }
    }

    /// How alike the buyers of two items are: their cosine, 0..=1.
    fn cosine(&self, a: usize, b: usize) -> f64 {
        let both = f64::from(self.pairs[a * self.n_items + b]);
        if both > 0.0 { both / (f64::from(self.buyers[a]) * f64::from(self.buyers[b])).sqrt() } else { 0.0 }
    }

    /// The strongest first, of equal ones the first in the catalogue.
    fn neighbours(&self, item: usize) -> Vec<(ItemIdx, f32)> {
        let mut all: Vec<(usize, f64)> =
            (0..self.n_items).map(|other| (other, self.cosine(item, other))).filter(|(_, it)| *it > 0.0).collect();
        all.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        all.truncate(NEIGHBOURS_MAX);
        all.into_iter().map(|(other, weight)| (ItemIdx(other as u32), weight as f32)).collect()
    }

    /// Items with the same buyers point the same way: each is the sum of random directions of the items that it is alike, less what
    /// all have in common.
    ///
    /// Source: random projection, Johnson and Lindenstrauss (1984).
    fn vectors(&self, seed: u64) -> Vec<u8> {
        let n = self.n_items;
        let mut stream = Stream::new(seed, Purpose::Vectors, 0);
        let random: Vec<f64> = (0..n * N_DIMS).map(|_| if stream.bits() & 1 == 0 { -1.0 } else { 1.0 }).collect();
        let mut sums = vec![0.0_f64; n * N_DIMS];
        for (item, sum) in sums.chunks_exact_mut(N_DIMS).enumerate() {
            for (other, direction) in random.chunks_exact(N_DIMS).enumerate() {
                let weight = if other == item { 1.0 } else { self.cosine(item, other) };
                if weight > 0.0 {
                    sum.iter_mut().zip(direction).for_each(|(sum, it)| *sum += weight * it);
                }
            }
        }
        for dim in 0..N_DIMS {
            let mean = sums.iter().skip(dim).step_by(N_DIMS).sum::<f64>() / n as f64;
            sums.iter_mut().skip(dim).step_by(N_DIMS).for_each(|it| *it -= mean);
        }
        let code = |it: f64| ((it * 127.0) as i8).cast_unsigned();
        let codes = |sum: &[f64]| {
            let length = sum.iter().map(|it| it * it).sum::<f64>().sqrt();
            sum.iter().map(|it| code(it / length.max(1e-12))).collect::<Vec<u8>>()
        };
        sums.chunks_exact(N_DIMS).flat_map(codes).collect()
    }

    /// What follows for the items of the catalogue.
    pub(crate) fn finish(self, catalogue: &Catalogue, seed: u64) -> ShopItems {
        let mut categories: Vec<(&'static str, u32, u32)> = Vec::new();
        for (idx, item) in (0_u32..).zip(catalogue.items()) {
            match categories.last_mut() {
                Some((id, _, end)) if *id == item.category.id() => *end = idx + 1,
                _ => categories.push((item.category.id(), idx, idx + 1)),
            }
        }
        let n_customers = f64::from(self.n_customers.max(1));
        ShopItems {
            by_id: (0_u32..).zip(catalogue.items()).map(|(idx, item)| (item.id.clone(), idx)).collect(),
            categories,
            neighbours: (0..self.n_items).map(|item| self.neighbours(item)).collect(),
            popularity: self.buyers.iter().map(|n| (f64::from(*n) / n_customers) as f32).collect(),
            vectors: self.vectors(seed),
        }
    }
}

impl ItemGraph for ShopItems {
    fn n_items(&self) -> u32 {
        self.popularity.len() as u32
    }

    fn find(&self, id: &str) -> Option<ItemIdx> {
        self.by_id.get(id).copied().map(ItemIdx)
    }

    fn in_category(&self, category: &str, visit: &mut dyn FnMut(ItemIdx)) {
        if let Some((_, from, end)) = self.categories.iter().find(|(id, ..)| *id == category) {
            (*from..*end).for_each(|item| visit(ItemIdx(item)));
        }
    }

    fn neighbours(&self, item: ItemIdx, visit: &mut dyn FnMut(ItemIdx, f32)) {
        if let Some(list) = self.neighbours.get(item.0 as usize) {
            list.iter().for_each(|(neighbour, weight)| visit(*neighbour, *weight));
        }
    }

    fn popularity(&self, item: ItemIdx) -> f32 {
        self.popularity.get(item.0 as usize).copied().unwrap_or(0.0)
    }

    fn n_dims(&self) -> usize {
        N_DIMS
    }

    fn vector(&self, item: ItemIdx, visit: &mut dyn FnMut(&[u8])) {
        let at = item.0 as usize * N_DIMS;
        if let Some(codes) = self.vectors.get(at..at + N_DIMS) {
            visit(codes);
        }
    }
}
