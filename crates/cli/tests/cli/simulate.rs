//! `vitrine simulate`: figures for people and machines, and what is wrong with what is asked.

use crate::fixture::OFFERS;
use crate::run::Place;

const SMALL: &str = "simulate --visitors 300 --rankers items,bernoulli,linear_thompson";

#[test]
fn the_made_up_shop_is_simulated_and_repeats() {
    let place = Place::new();
    let found = place.json(&format!("{SMALL} --json"));
    assert_eq!((&found["placement"], &found["visitors"]), (&"home-hero".into(), &300.into()));
    let names: Vec<&str> =
        found["rankers"].as_array().unwrap().iter().map(|it| it["ranker"].as_str().unwrap()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["bernoulli", "items", "linear_thompson", "popular", "random", "single", "truth"]);
    assert_eq!(names[0], "truth");
    let items = found["rankers"].as_array().unwrap().iter().find(|it| it["ranker"] == "items").unwrap();
    assert_eq!((&items["over_random"]["verdict"], &items["is_configured"]), (&"better".into(), &true.into()));
    assert_eq!(found["regret"].as_array().unwrap().len(), 6);
    assert_eq!(found["caps"]["cap"], "2/7d");
    assert_eq!(place.ok(&format!("{SMALL} --json")), place.ok(&format!("{SMALL} --json")));
    assert_ne!(place.json(&format!("{SMALL} --seed 2 --json")), found);
}

#[test]
fn people_read_a_table_and_a_verdict() {
    let text = Place::new().ok(SMALL);
    for expected in [
        "home-hero: 8 candidates, 300 visitors, ",
        "over popular, 95 % interval",
        "items*",
        "cannot tell",
        "winner: ",
        "regret: clicks missed against the best offer for each taste",
        "caps: a cap of 2/7d on each offer, ranker items, a click 0.8 times as likely",
        "most showings to a visitor",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn a_configuration_and_a_truth_of_ones_own() {
    let place = Place::new();
    place.write("offers.json", OFFERS);
    place.write(
        "truth.csv",
        "segment,offer,click,value\nmobile,pots,0.3,2\n*,pots,0.05,2\n*,pans,0.1,1\n*,hello,0.01,0\n",
    );
    let line = "simulate --config offers.json --truth truth.csv --segments device --visitors 400 --rankers bandit --cap 1/28d --json";
    let found = place.json(line);
    let best: Vec<(&str, &str)> = found["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["segment"].as_str().unwrap(), it["best_offer"].as_str().unwrap()))
        .collect();
    assert_eq!(best, [("desktop", "pans"), ("mobile", "pots"), ("tablet", "pans")]);
    assert_eq!((&found["by"], &found["caps"]["cap"]), (&"device".into(), &"1/28d".into()));
    assert_eq!(found["caps"]["with"]["repeats_max"], 1);
    // A truth by a dash comes from standard input, as everywhere.
    let truth = place.read("truth.csv");
    let piped = place.run_with(&line.replace("truth.csv", "-"), &[], &truth);
    assert_eq!((piped.exit, serde_json::from_str::<serde_json::Value>(&piped.out).unwrap()), (0, found));
}

#[test]
fn what_is_wrong_is_named() {
    let place = Place::new();
    place.write("offers.json", OFFERS);
    place.write("broken.json", OFFERS.replace("\"offers\": [\"pots\"", "\"offers\": [\"pods\""));
    let truth =
        |name: &str, text: &str| place.write(name, format!("segment,offer,click\n{text}\n*,pans,0.1\n*,hello,0\n"));
    truth("chance.csv", "*,pots,1.2");
    truth("segment.csv", "vip,pots,0.2");
    truth("offer.csv", "*,pods,0.2");
    truth("missing.csv", "gardener,pots,0.2");
    place.write("latin.csv", b"segment,offer,click\n\xe9,pots,0.1\n");
    let check = |options: &str, exit: i32, expected: &str| {
        let ran = place.run(&format!("simulate {options}"));
        assert_eq!((ran.exit, ran.out.as_str()), (exit, ""), "{options}: {}", ran.err);
        assert!(ran.err.contains(expected), "{options}: {:?} does not say {expected:?}", ran.err);
    };
    check("--visitors 99", 2, "99 is not in 100..=500000");
    check("--rankers itmes", 2, "there is no ranker \"itmes\"; there are random, popular");
    check("--rankers items,items", 2, "the ranker \"items\" is named twice");
    check("--placement side", 2, "there is no placement \"side\"; there are home-hero, home-strip, top-bar");
    check("--config offers.json --placement bar", 2, "the placement \"bar\" has fewer than two candidates");
    check("--cap often", 2, "\"often\" is no cap: write a count of 1 to 1000");
    check("--fatigue 1.5", 2, "the fatigue 1.5 is not from 0 to 1");
    check("--segments device", 2, "--truth <FILE>");
    check("--truth chance.csv --segments shoe-size", 2, "possible values: taste, device, channel, country, discount");
    check("--start tomorrow", 2, "tomorrow");
    check("--config none.json", 1, "cannot read none.json");
    check("--config broken.json", 3, "there is no offer \"pods\"");
    let own = "--config offers.json --truth";
    check(&format!("{own} none.csv"), 1, "cannot read none.csv");
    check(
        &format!("{own} chance.csv"),
        3,
        "chance.csv: line 2: the chance of a click \"1.2\" is not a number from 0 to 1",
    );
    check(
        &format!("{own} segment.csv"),
        3,
        "segment.csv: line 2: there is no segment \"vip\"; by taste there are gardener",
    );
    check(&format!("{own} offer.csv"), 3, "offer.csv: line 2: the configuration has no offer \"pods\"");
    check(&format!("{own} missing.csv"), 3, "nothing is said of offer \"pots\" in segment \"home_cook\"");
    check(&format!("{own} latin.csv"), 3, "latin.csv: not UTF-8 from byte 20 on");
}
