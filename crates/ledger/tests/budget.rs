//! Caps and budgets: what is left, what an isolate is given of it, what events cost.

use vitrine_api::Meter;
use vitrine_engine::{
    Bundle, BundleParts, Campaign, CampaignIdx, Caps, CostModel, Creative, Offer, OfferIdx, Pacing, Schedule,
    TimestampMs,
};
use vitrine_ledger::{Account, Basis, BudgetReport, Cost, Kind, Spent, Terms};

const HOUR_MS: i64 = 3_600_000;
const NOON: TimestampMs = TimestampMs(20_000 * 24 * HOUR_MS + 12 * HOUR_MS);

fn campaign(cost: CostModel, cost_minor: u64, budget_minor: Option<u64>, pacing: Pacing) -> Campaign {
    let (starts, ends) = (TimestampMs(NOON.0 - 10 * HOUR_MS), TimestampMs(NOON.0 + 90 * HOUR_MS));
    Campaign {
        id: "spring".into(),
        schedule: Schedule::new(Some(starts), Some(ends)).unwrap(),
        budget_minor,
        cost,
        cost_minor,
        pacing,
    }
}

fn terms(caps: Caps, campaign: Option<Campaign>) -> Terms {
    let creative = || vec![Creative::new(r#"{"title":"x"}"#)];
    let mut offer = Offer::new("tea", creative());
    offer.caps = caps;
    offer.campaign = campaign.as_ref().map(|_| CampaignIdx(0));
    let offers = vec![offer, Offer::new("free", creative())];
    let campaigns = campaign.into_iter().collect();
    Terms::of(&Bundle::new(BundleParts { offers, campaigns, ..BundleParts::default() }).unwrap())
}

fn account(campaign: Campaign, now: TimestampMs) -> Account {
    terms(Caps::default(), Some(campaign)).account(Meter::Budget(CampaignIdx(0)), now).unwrap()
}

#[test]
fn only_what_is_limited_has_a_meter() {
    use CostModel::{Cpa, Cpc, Cpm, Fixed};
    let of = |total, daily, campaign| -> Vec<String> {
        terms(Caps { total, daily, ..Caps::default() }, campaign).meters().map(|it| it.to_string()).collect()
    };
    let spring = |cost, cost_minor, budget| Some(campaign(cost, cost_minor, budget, Pacing::Asap));
    let cases: [(Vec<String>, &[&str]); 10] = [
        (of(None, None, None), &[]),
        (of(Some(1), None, None), &["t0"]),
        (of(None, Some(1), None), &["d0"]),
        (of(Some(9), Some(1), spring(Cpc, 80, Some(100))), &["t0", "d0", "b0"]),
        (of(None, None, spring(Cpm, 1, Some(1))), &["b0"]),
        (of(None, None, spring(Cpa, 1, Some(1))), &["b0"]),
        (of(None, None, spring(Cpc, 80, None)), &[]),
        (of(None, None, spring(Cpc, 0, Some(100))), &[]),
        (of(None, None, spring(Fixed, 80, Some(100))), &[]),
        (of(None, None, spring(Cpm, 0, Some(0))), &[]),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
    let nothing = terms(Caps::default(), None);
    for meter in
        [Meter::Total(OfferIdx(0)), Meter::Daily(OfferIdx(1)), Meter::Total(OfferIdx(9)), Meter::Budget(CampaignIdx(0))]
    {
        assert_eq!(nothing.account(meter, NOON), None, "{meter}");
    }
}

#[test]
fn a_portion_is_what_is_wanted_and_never_more_than_an_eighth_of_the_rest() {
    let terms = terms(Caps { total: Some(1000), ..Caps::default() }, None);
    let account = terms.account(Meter::Total(OfferIdx(0)), NOON).unwrap();
    assert_eq!((account.key.as_str(), account.day, account.each, account.basis), ("offer/tea", 0, 1, Basis::Showings));
    for (spent, wanted, portion) in [
        (0, 4, 4),
        (0, 1, 1),
        (0, 0, 0),
        (0, 100, 100),
        (0, 125, 125),
        (0, 126, 125),
        (0, u32::MAX, 125),
        (900, 50, 13),
        (969, 4, 4),
        (976, 4, 3),
        (992, 50, 1),
        (999, 50, 1),
        (1000, 50, 0),
        (1001, 50, 0),
        (u64::MAX, 4, 0),
    ] {
        assert_eq!(account.portion(spent, wanted), portion, "spent {spent}, wanted {wanted}");
        assert_eq!(account.is_open(spent), spent < 1000);
    }
    // However isolates ask, all is given in the end and nothing more.
    let mut spent = 0;
    let mut n_portions = 0;
    while account.is_open(spent) {
        spent += u64::from(account.portion(spent, (spent % 97) as u32 + 1));
        n_portions += 1;
    }
    assert_eq!(spent, 1000);
    assert!(n_portions < 400, "{n_portions}");
}

#[test]
fn a_cap_of_the_day_has_an_account_for_each_day() {
    let terms = terms(Caps { daily: Some(5), ..Caps::default() }, None);
    let day = |now| terms.account(Meter::Daily(OfferIdx(0)), now).unwrap().day;
    assert_eq!(day(NOON), 20_000);
    assert_eq!(day(TimestampMs(NOON.0 + 12 * HOUR_MS - 1)), 20_000);
    assert_eq!(day(TimestampMs(NOON.0 + 12 * HOUR_MS)), 20_001);
}

#[test]
fn money_is_counted_in_thousandths_by_what_is_paid_for() {
    let cpm = account(campaign(CostModel::Cpm, 550, Some(11), Pacing::Asap), NOON);
    // 0.11 at 5.50 a thousand: twenty showings of 0.0055.
    assert_eq!((cpm.max, cpm.each, cpm.left(0), cpm.basis), (11_000, 550, 20, Basis::Showings));
    assert_eq!(cpm.portion(19 * 550, 9), 1);
    assert_eq!(cpm.portion(19 * 550 + 1, 9), 0, "what is left does not pay for one more");
    let cpc = account(campaign(CostModel::Cpc, 80, Some(250), Pacing::Asap), NOON);
    assert_eq!((cpc.max, cpc.each, cpc.left(0), cpc.basis), (250_000, 80_000, 3, Basis::Events));
    assert!(cpc.is_open(160_000) && !cpc.is_open(240_000) && !cpc.is_open(170_001));
    let huge = account(campaign(CostModel::Cpc, u64::MAX, Some(u64::MAX), Pacing::Even), NOON);
    assert_eq!(huge.left(u64::MAX), 0);
}

#[test]
fn an_even_budget_is_due_as_its_time_goes_by() {
    let spring = || campaign(CostModel::Cpm, 100_000, Some(10_000), Pacing::Even);
    let at = |hours: i64| account(spring(), TimestampMs(NOON.0 + hours * HOUR_MS));
    for (hours, left) in
        [(-11, 0), (-10, 0), (-9, 1), (0, 10), (40, 50), (89, 99), (90, 100), (91, 100), (9_000_000, 100)]
    {
        assert_eq!(at(hours).left(0), left, "after {hours} h");
    }
    assert_eq!(account(campaign(CostModel::Cpm, 100_000, Some(10_000), Pacing::Asap), NOON).left(0), 100);
    let open_end = Campaign { schedule: Schedule::default(), ..spring() };
    assert_eq!(account(open_end, NOON).left(0), 100, "without a time nothing can be spread over it");
    // One showing is due every hour: the next one half an hour from now is far, in two seconds it is near.
    let soon = TimestampMs(NOON.0 + HOUR_MS - 2_000);
    assert_eq!(account(spring(), soon).look_again_ms(1_000_000, soon), 2_000);
    assert_eq!(account(spring(), NOON).look_again_ms(1_000_000, NOON), 30_000);
    assert_eq!(account(spring(), NOON).look_again_ms(0, NOON), 1_000);
}

#[test]
fn events_cost_what_their_campaign_pays_for() {
    use CostModel::{Cpa, Cpc, Cpm, Fixed};
    let cost = |model, budget, offer: &str, kind| {
        terms(Caps::default(), Some(campaign(model, 80, budget, Pacing::Asap))).cost(offer, kind)
    };
    let eighty = Some(Cost { campaign: "spring".into(), milli: 80_000 });
    for (model, budget, offer, kind, expected) in [
        (Cpc, Some(1), "tea", Kind::Click, eighty.clone()),
        (Cpa, Some(1), "tea", Kind::Conversion, eighty),
        (Cpc, Some(1), "tea", Kind::Conversion, None),
        (Cpc, Some(1), "tea", Kind::Impression, None),
        (Cpa, Some(1), "tea", Kind::Click, None),
        (Cpm, Some(1), "tea", Kind::Impression, None),
        (Fixed, Some(1), "tea", Kind::Click, None),
        (Cpc, None, "tea", Kind::Click, None),
        (Cpc, Some(1), "free", Kind::Click, None),
        (Cpc, Some(1), "nobody", Kind::Click, None),
    ] {
        assert_eq!(cost(model, budget, offer, kind), expected, "{model:?} {budget:?} {offer} {kind:?}");
    }
}

#[test]
fn the_report_tells_what_is_left() {
    let caps = Caps { total: Some(10), daily: Some(5), ..Caps::default() };
    let terms = terms(caps, Some(campaign(CostModel::Cpc, 80, Some(1000), Pacing::Even)));
    let spent = |it: &Account| {
        Ok::<_, ()>(match (it.key.as_str(), it.day) {
            ("offer/tea", 0) => Spent { spent: 10, leased: 3 },
            ("offer/tea", _) => Spent { spent: 4, leased: 0 },
            _ => Spent { spent: 99_999, leased: 0 },
        })
    };
    let report = BudgetReport::of("production", 3, &terms, NOON, spent).unwrap();
    let caps: Vec<_> = report.caps.iter().map(|it| (it.cap.as_str(), it.used, it.max, it.leased, it.open)).collect();
    assert_eq!(caps, [("total", 10, 10, 3, false), ("daily", 4, 5, 0, true)]);
    let [money] = &report.budgets[..] else { panic!("{report:?}") };
    assert_eq!((money.budget_minor, money.planned_minor, money.spent_minor, money.open), (1000, 100, 99, false));
}
