//! What the rankers are measured on: offers with directions of 32 numbers, all eligible, a visitor with a direction, and the rankers.

use vitrine_engine::*;

pub const DIMS: usize = 32;

/// One item for each offer, with a vector of its own.
pub struct Shop(pub Vec<[u8; DIMS]>);

impl Shop {
    pub fn new(n_items: u32) -> Self {
        let code = |item: u32, at: u32| ((item * 31 + at * 97 + item * at) % 255).wrapping_sub(127) as i8;
        let vector = |item: u32| std::array::from_fn(|at| code(item, at as u32).max(-127).cast_unsigned());
        Self((0..n_items).map(vector).collect())
    }
}

impl ItemGraph for Shop {
    fn n_items(&self) -> u32 {
        self.0.len() as u32
    }
    fn find(&self, id: &str) -> Option<ItemIdx> {
        id.parse().ok().map(ItemIdx)
    }
    fn in_category(&self, _: &str, _: &mut dyn FnMut(ItemIdx)) {}
    fn neighbours(&self, _: ItemIdx, _: &mut dyn FnMut(ItemIdx, f32)) {}
    fn popularity(&self, item: ItemIdx) -> f32 {
        1.0 / (1.0 + item.0 as f32)
    }
    fn n_dims(&self) -> usize {
        DIMS
    }
    fn vector(&self, item: ItemIdx, visit: &mut dyn FnMut(&[u8])) {
        if let Some(vector) = self.0.get(item.0 as usize) {
            visit(vector);
        }
    }
}

pub struct Buyer(pub [u8; DIMS]);

impl Profile for Buyer {
    fn value(&self, attribute: AttributeIdx) -> Value<'_> {
        if attribute.0 == 0 { Value::Number(7.0) } else { Value::Text("loyal") }
    }
    fn has_label(&self, _: AttributeIdx, _: &str) -> bool {
        false
    }
    fn history(&self, _: &mut dyn FnMut(ItemIdx, f32)) {}
    fn vector(&self, visit: &mut dyn FnMut(&[u8])) {
        visit(&self.0);
    }
}

pub fn bundle(n_offers: u16, ranker: Ranker) -> Bundle {
    let offer = |i: u16| Offer {
        priority: i32::from(i % 7),
        items: vec![i.to_string()],
        categories: vec![(i % 20).to_string()],
        margin_minor: Some(u32::from(i) + 100),
        ..Offer::new(format!("offer-{i}"), vec![Creative::new("{}")])
    };
    let name = |name: &str| AttributeName { scope: Scope::Profile, name: name.into() };
    let placement = |id: &str| Placement {
        ranker: ranker.clone(),
        count_max: 4,
        ..Placement::new(id, (0..n_offers).map(OfferIdx).collect(), OfferIdx(0))
    };
    let diverse = Placement {
        objective: Objective::Value,
        diversity: Diversity { per_category_max: Some(1), variety: 0.3 },
        ..placement("diverse")
    };
    Bundle::new(BundleParts {
        attributes: vec![name("orders"), name("segment")],
        offers: (0..n_offers).map(offer).collect(),
        placements: vec![placement("home"), diverse],
        ..BundleParts::default()
    })
    .unwrap()
}

pub fn rankers() -> Vec<(&'static str, Ranker)> {
    use Step::{Attribute, Number, One as F, Select, Two as G};
    // relevance * 0.7 + ln(1 + orders) * 0.1 + if(segment == "loyal", margin, 0)
    let steps = vec![
        Step::Offer(OfferField::Relevance),
        Number(0.7),
        G(Two::Multiply),
        Number(1.0),
        Number(0.0),
        Attribute(AttributeIdx(0)),
        G(Two::Add),
        F(One::Ln),
        Number(0.1),
        G(Two::Multiply),
        G(Two::Add),
        Step::Test(AttributeIdx(1), Test::Equals(Literal::Text("loyal".into()))),
        Step::Offer(OfferField::Margin),
        Number(0.0),
        Select,
        G(Two::Add),
    ];
    let bandit = |model, numbers: &[f64]| {
        Ranker::Bandit(Bandit { model, features: Vec::new(), prior: numbers.to_vec(), arms: Vec::new() })
    };
    vec![
        ("priority", Ranker::Priority),
        ("relevance", Ranker::Relevance),
        ("formula", Ranker::Formula(Formula::new(steps).unwrap())),
        ("hybrid", Ranker::Hybrid(vec![(1.0, Ranker::Relevance), (0.5, Ranker::Popular)])),
        ("bernoulli bandit", bandit(BanditModel::Bernoulli, &[3.0, 97.0])),
        ("gaussian bandit", bandit(BanditModel::Gaussian, &[5.0, 2.0])),
        ("lin_ucb bandit", bandit(BanditModel::LinUcb { width: 1.0 }, &[0.5, 1.0])),
    ]
}

/// What is decided from, for a visitor whom the table knows.
pub struct Case<'a> {
    pub bundle: &'a Bundle,
    shop: &'a Shop,
    index: OfferIndex,
    visitor: Visitor<Buyer>,
    context: Context,
}

impl<'a> Case<'a> {
    pub fn new(bundle: &'a Bundle, shop: &'a Shop) -> Self {
        let (index, visitor) = (OfferIndex::new(bundle, shop), Visitor::Known(Buyer(shop.0[7])));
        Self { bundle, shop, index, visitor, context: Context::default() }
    }

    pub fn inputs(&self) -> Inputs<'_, Buyer, &Shop> {
        Inputs {
            bundle: self.bundle,
            graph: self.shop,
            index: &self.index,
            visitor: &self.visitor,
            context: &self.context,
            now: TimestampMs(1),
            dedupe: Dedupe::Off,
            limits: &NoLimits,
            unit: None,
            seed: 7,
            variations: &[],
        }
    }
}
