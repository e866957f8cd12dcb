//! Estimates of policies from logs: against known truth on made-up logs, and against published figures on a real one.

use arrow::array::{Float64Array, Int64Array};
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::path::PathBuf;
use vitrine_learn::off_policy::*;
use vitrine_learn::resample::Stream;

/// A log of a policy that shows each of `rates` with the chance in `logging`; clicks follow the rates.
fn made_up(rates: &[f64], logging: &[f64], n: usize, seed: u64) -> Vec<Logged> {
    let mut stream = Stream::new(seed, "made_up");
    (0..n)
        .map(|_| {
            let mut left = stream.unit();
            let offer = logging.iter().position(|chance| {
                left -= chance;
                left < 0.0
            });
            let offer = offer.unwrap_or(logging.len() - 1);
            let reward = f64::from(u8::from(stream.unit() < rates[offer]));
            Logged { action: Action { offer: offer as u32, place: 0 }, propensity: logging[offer], reward }
        })
        .collect()
}

#[test]
fn estimates_hold_the_truth_of_made_up_logs() {
    let rates = [0.1, 0.3, 0.05];
    let policy = [0.2, 0.7, 0.1];
    let truth: f64 = rates.iter().zip(policy).map(|(rate, chance)| rate * chance).sum();
    let mut hits = [0; 3];
    for seed in 0..40 {
        let log = made_up(&rates, &[0.5, 0.25, 0.25], 2_000, seed);
        let found = estimate(&log, &[policy.to_vec()], seed).unwrap();
        for (hits, it) in hits.iter_mut().zip([found.ips, found.snips, found.dr]) {
            assert!((it.value - truth).abs() < 0.08, "{it:?} of {truth}");
            *hits += u32::from(it.low <= truth && truth <= it.high);
        }
        assert!((found.weight_mean - 1.0).abs() < 0.1, "{}", found.weight_mean);
        assert!(found.effective_rows < 2_000.0);
        // With half of the interval's room, the doubly robust one is never wider by much.
        assert!(found.dr.high - found.dr.low < 1.1 * (found.ips.high - found.ips.low));
    }
    // 38 of 40 expected.
    assert!(hits.iter().all(|it| *it >= 33), "{hits:?}");
}

#[test]
fn the_policy_that_ran_is_worth_what_it_earned() {
    let logging = [0.5, 0.5];
    let log = made_up(&[0.2, 0.4], &logging, 500, 3);
    let found = estimate(&log, &[logging.to_vec()], 1).unwrap();
    for it in [found.ips, found.snips] {
        assert!((it.value - found.logged.value).abs() < 1e-12);
    }
    assert!((found.effective_rows - 500.0).abs() < 1e-9);
    let compared = compare(&log, &[logging.to_vec()], 1).unwrap();
    assert_eq!((compared.difference.value, compared.verdict), (0.0, Verdict::CannotTell));
}

#[test]
fn a_verdict_is_given_only_where_the_log_allows_it() {
    let logging = [0.5, 0.5];
    let log = |rates: [f64; 2], n| made_up(&rates, &logging, n, 5);
    let verdict = |log: &[Logged], policy: [f64; 2]| compare(log, &[policy.to_vec()], 1).unwrap().verdict;
    assert_eq!(verdict(&log([0.05, 0.3], 4_000), [0.0, 1.0]), Verdict::Better);
    assert_eq!(verdict(&log([0.05, 0.3], 4_000), [1.0, 0.0]), Verdict::Worse);
    assert_eq!(verdict(&log([0.1, 0.105], 4_000), [0.0, 1.0]), Verdict::CannotTell);
    // A hundred rows of which the policy would have shown some fifty.
    assert_eq!(verdict(&log([0.05, 0.9], 100), [0.0, 1.0]), Verdict::TooLittleOverlap);
}

#[test]
fn broken_logs_are_refused() {
    let row = Logged { action: Action { offer: 0, place: 0 }, propensity: 0.5, reward: 1.0 };
    let check = |row: Logged, expected: &str| {
        let error = estimate(&[row], &[vec![0.5, 0.5]], 1).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(compare(&[row], &[vec![0.5, 0.5]], 1), Err(error));
    };
    for (propensity, shown) in [(0.0, "0"), (-0.1, "-0.1"), (1.5, "1.5")] {
        let expected = format!("row 0: the propensity {shown} is not above 0 and at most 1");
        check(Logged { propensity, ..row }, &expected);
    }
    check(Logged { reward: f64::INFINITY, ..row }, "row 0: the reward inf is not finite");
    check(
        Logged { action: Action { offer: 2, place: 0 }, ..row },
        "row 0: the policy has no chance for offer 2 in place 0",
    );
    check(
        Logged { action: Action { offer: 0, place: 1 }, ..row },
        "row 0: the policy has no chance for offer 0 in place 1",
    );
    assert_eq!(estimate(&[], &[vec![1.0]], 1), Err(OffPolicyError::Empty));
    assert_eq!(estimate(&[row], &[vec![0.0, 1.0]], 1), Err(OffPolicyError::NoOverlap));
    assert!(matches!(
        estimate(&[Logged { propensity: f64::NAN, ..row }], &[vec![1.0]], 1),
        Err(OffPolicyError::Propensity { row: 0, .. })
    ));
}

/// The log of the random policy of a fashion shop, campaign "all", and the beliefs with which its Thompson policy ran in production.
///
/// Source: Y. Saito et al., "Open Bandit Dataset and Pipeline" (2020). Expected figures: computed with numpy from the same files.
#[test]
fn the_value_of_the_thompson_policy_of_a_real_shop() {
    let data = std::env::var_os("VITRINE_TEST_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let dir = data.join("open_bandit");
    let Ok(priors) = std::fs::read_to_string(dir.join("prior_bts.yaml")) else {
        println!("skipped: {} is not there; VITRINE_TEST_DATA names another folder", dir.display());
        return;
    };
    let priors = beliefs(&priors);
    assert_eq!(priors.len(), 80);
    let random = read(&dir.join("random_all.parquet"));
    assert_eq!(random.len(), 10_000);
    let policy = thompson_propensities(&priors, 3, 20_000, 1).unwrap();
    let found = estimate(&random, &policy, 1).unwrap();
    let near = |value: f64, expected: f64, gap: f64| assert!((value - expected).abs() < gap, "{value} of {expected}");
    near(found.logged.value, 0.0038, 1e-12);
    near(found.ips.value, 0.00454, 0.0001);
    near(found.snips.value, 0.00476, 0.0001);
    // Over forty divisions into folds: mean 0.00465, standard deviation 0.00011.
    near(found.dr.value, 0.00465, 0.0004);
    near(found.effective_rows, 1_635.0, 40.0);
    near(found.ips.low, 0.0015, 0.0003);
    near(found.ips.high, 0.0092, 0.0004);
    // What the Thompson policy earned where it ran itself.
    let own = read(&dir.join("bts_all.parquet"));
    let on_policy = own.iter().map(|it| it.reward).sum::<f64>() / own.len() as f64;
    near(on_policy, 0.0042, 1e-12);
    assert!(found.ips.low < on_policy && on_policy < found.ips.high);
    assert!(found.dr.low < on_policy && on_policy < found.dr.high, "{:?}", found.dr);
    // 38 clicks do not tell whether it is better than chance.
    assert_eq!(compare(&random, &policy, 1).unwrap().verdict, Verdict::CannotTell);
}

/// The beliefs of campaign "all".
fn beliefs(yaml: &str) -> Vec<BetaPrior> {
    let mut lists: [Vec<f64>; 2] = Default::default();
    let mut list = None;
    for line in yaml.lines().skip_while(|it| *it != "all:").skip(1).take_while(|it| it.starts_with(' ')) {
        match line.trim() {
            "alpha:" => list = Some(0),
            "beta:" => list = Some(1),
            entry => lists[list.unwrap()].push(entry.trim_start_matches("- ").parse().unwrap()),
        }
    }
    let [alphas, betas] = lists;
    assert_eq!(alphas.len(), betas.len());
    alphas.into_iter().zip(betas).map(|(alpha, beta)| BetaPrior { alpha, beta }).collect()
}

fn read(path: &std::path::Path) -> Vec<Logged> {
    let file = std::fs::File::open(path).unwrap();
    let mut log = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let whole = |name: &str| -> Int64Array {
            let column = arrow::compute::cast(batch.column_by_name(name).unwrap(), &DataType::Int64).unwrap();
            column.as_any().downcast_ref::<Int64Array>().unwrap().clone()
        };
        let (items, positions, clicks) = (whole("item_id"), whole("position"), whole("click"));
        let propensities = batch.column_by_name("propensity_score").unwrap();
        let propensities = propensities.as_any().downcast_ref::<Float64Array>().unwrap();
        log.extend((0..batch.num_rows()).map(|row| Logged {
            action: Action {
                offer: u32::try_from(items.value(row)).unwrap(),
                place: u32::try_from(positions.value(row) - 1).unwrap(),
            },
            propensity: propensities.value(row),
            reward: clicks.value(row) as f64,
        }));
    }
    log
}
