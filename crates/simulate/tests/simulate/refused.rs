//! What cannot be simulated, and what is said about it.

use crate::kit::{demo, offers, settings, shop, try_run};
use serde_json::json;
use vitrine_simulate::{Segmentation, Settings, Shop, placement};

#[test]
fn what_is_wrong_with_a_truth_is_named() {
    let document = offers(&["a", "b"], &json!({}));
    let shop = shop(1, 100);
    let good = "segment,offer,click\n*,a,0.1\n*,b,0.1\n*,hello,0.1\n";
    let check = |truth: &str, by, expected: &str| {
        let found = try_run(&shop, &document, truth, by, &settings(&["priority"])).unwrap_err().to_string();
        assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
    };
    let taste = Segmentation::Taste;
    check("", taste, "the truth has no rows; its first line is segment,offer,click");
    check("\n  \n", taste, "the truth has no rows");
    check("segment,offer,click\n", taste, "the truth has no rows");
    check("segment,offer\n*,a\n", taste, "line 1: there is no column \"click\"");
    check("segment,offer,click,clicks\n", taste, "line 1: the column \"clicks\" is unknown or there twice");
    check("segment,offer,click,offer\n", taste, "line 1: the column \"offer\" is unknown or there twice");
    check("segment,offer,click\n*,a\n", taste, "line 2: 2 cells, and the head line has 3");
    check("segment,offer,click\n*,a,0,1\n", taste, "line 2: 4 cells, and the head line has 3");
    check("segment,offer,click\n\n*,x,0.1\n", taste, "line 3: the configuration has no offer \"x\"");
    check(
        "segment,offer,click\nvip,a,0.1\n",
        taste,
        "line 2: there is no segment \"vip\"; by taste there are gardener, ",
    );
    check(
        "segment,offer,click\nreader,a,0.1\n",
        Segmentation::Device,
        "line 2: there is no segment \"reader\"; by device there are desktop, mobile, tablet",
    );
    for click in ["1.5", "-0.1", "NaN", "inf", "", "ten"] {
        let expected = format!("line 2: the chance of a click {click:?} is not a number from 0 to 1");
        check(&format!("segment,offer,click\n*,a,{click}\n"), taste, &expected);
    }
    check("segment,offer,click,value\n*,a,0.1,-3\n", taste, "line 2: the value of a click \"-3\" is not a number");
    check(&format!("{good}*,a,0.2\n"), taste, "line 5: segment \"*\" and offer \"a\" are there already");
    check(
        "segment,offer,click\n*,a,0.1\nreader,b,0.1\n*,hello,0.1\n",
        taste,
        "nothing is said of offer \"b\" in segment \"gardener\", which the placement may show",
    );
    check(&good.replace("*,hello,0.1\n", ""), taste, "nothing is said of offer \"hello\" in segment");
    // Excel's mark, tabs, quotes, capitals and empty lines do no harm.
    let odd = "\u{feff}Segment\tOffer\tClick\r\n\"*\"\t\"a\"\t0.1\r\n\r\n*\tb\t 0.1 \r\n*\thello\t0.1\r\n";
    assert!(try_run(&shop, &document, odd, taste, &settings(&["priority"])).is_ok());
}

#[test]
fn what_cannot_be_simulated_is_said() {
    let bundle = demo();
    let of = |id: Option<&str>| placement(&bundle, id).map(|it| it.id.clone()).map_err(|error| error.to_string());
    assert_eq!(of(None).as_deref(), Ok("home-hero"));
    assert_eq!(of(Some("top-bar")).as_deref(), Ok("top-bar"));
    let unknown = "there is no placement \"side\"; there are home-hero, home-strip, top-bar";
    assert_eq!(of(Some("side")).unwrap_err(), unknown);
    let one = crate::kit::bundle(&offers(&["a"], &json!({})));
    assert_eq!(placement(&one, None).unwrap_err().to_string(), "no placement has two candidates to choose from");
    let found = placement(&one, Some("hero")).unwrap_err().to_string();
    assert_eq!(found, "the placement \"hero\" has fewer than two candidates, so every ranker shows the same");
    for n_visitors in [0, 99, 500_001, u32::MAX] {
        let found = Shop::new(1, n_visitors, |_| {}).unwrap_err().to_string();
        assert_eq!(found, format!("a simulation has 100 to 500000 visitors, not {n_visitors}"));
    }
    let shop = shop(1, 100);
    let truth = "segment,offer,click\n*,a,0.1\n*,b,0.1\n*,hello,0.1\n";
    for fatigue in [-0.1, 1.1, f64::NAN] {
        let settings = Settings { fatigue, ..settings(&["priority"]) };
        let found =
            try_run(&shop, &offers(&["a", "b"], &json!({})), truth, Segmentation::Taste, &settings).unwrap_err();
        assert_eq!(found.to_string(), format!("the fatigue {fatigue} is not from 0 to 1"));
    }
}
