//! Pages as a reader gets them: whole, safe, in two languages, with the numbers of every chart.

use std::slice::from_ref;
use vitrine_charts::{Page, Series, Tone, Words, bars, facts, heat_grid, lines, note, paragraph, table};

fn same(text: &str) -> Words {
    Words::same(text)
}

fn page_of(block: vitrine_charts::Block) -> String {
    Page::new(same("t")).section(same("s"), vec![block]).to_html()
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    let html = Page::new(Words::new("Report", "报告"))
        .section(Words::new("A", "甲"), vec![paragraph(&Words::new("one", "一")), note(Tone::Warning, &same("look"))])
        .section(same("empty"), Vec::new())
        .to_html();
    for outside in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.contains("default-src 'none'"));
    assert!(html.contains("<span lang=\"en\">Report</span><span lang=\"zh\">报告</span>"));
    assert!(html.contains("note warning"));
    assert!(!html.contains("empty"), "a section without blocks has no heading");
    assert_eq!(html.matches("<section").count(), html.matches("</section>").count());
}

#[test]
fn text_never_becomes_markup() {
    let evil = "</text><script>alert(\"x\")</script>'&\u{7}";
    let words = same(evil);
    let series = [Series { name: words.clone(), points: vec![(0.0, 1.0), (1.0, 2.0)], is_reference: false }];
    for block in [
        paragraph(&words),
        note(Tone::Plain, &words),
        facts(&[(words.clone(), words.clone())]),
        table(from_ref(&words), &[vec![words.clone()]]),
        bars(&words, &[(words.clone(), 1.0)]),
        heat_grid(&words, from_ref(&words), from_ref(&words), &[vec![1.0]]),
        lines(&words, &words, &words, &series),
    ] {
        let html = page_of(block);
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&amp;\u{fffd}"), "{html}");
    }
}

#[test]
fn every_chart_carries_its_numbers() {
    let html = page_of(bars(&same("n"), &[(same("champions"), 1812.0), (same("lost"), -3.5)]));
    assert!(html.contains("<th scope=\"row\">champions</th><td>1,812</td>"), "{html}");
    assert!(html.contains("<th scope=\"row\">lost</th><td>−3.5</td>"), "{html}");
    let html = page_of(heat_grid(&same("n"), &[same("R5")], &[same("F1"), same("F2")], &[vec![7.0]]));
    assert!(html.contains("<th scope=\"row\">R5</th><td>7</td><td>–</td>"), "{html}");
    let with = |points: &[(f64, f64)]| Series { name: same("p"), points: points.to_vec(), is_reference: false };
    let html =
        page_of(lines(&same("n"), &same("x"), &same("y"), &[with(&[(0.0, 1.0), (2.0, 3.0)]), with(&[(2.0, 4.0)])]));
    assert!(html.contains("<th scope=\"row\">0</th><td>1</td><td></td>"), "{html}");
    assert!(html.contains("<th scope=\"row\">2</th><td>3</td><td>4</td>"), "{html}");
}

#[test]
fn bars_and_points_stand_where_their_numbers_are() {
    // 190 to 560 is the room of bars: 0 to 4.
    let html = page_of(bars(&same("n"), &[(same("a"), 4.0), (same("b"), 1.0), (same("c"), 0.0)]));
    assert!(html.contains("width=\"370.0\""), "{html}");
    assert!(html.contains("width=\"92.5\""), "{html}");
    assert!(html.contains("width=\"0.0\""), "{html}");
    // A label of 40 letters needs more than the usual room.
    let html = page_of(bars(&same("n"), &[(same(&"w".repeat(40)), 1.0)]));
    assert!(html.contains("<text x=\"300.0\""), "{html}");
    assert!(html.contains("<rect x=\"308.0\""), "{html}");
    // 64 to 628 is the room of x: 0 to 10; 272 to 28 that of y: 0 to 10.
    let line = Series { name: same("p"), points: vec![(0.0, 0.0), (5.0, 5.0), (10.0, 10.0)], is_reference: true };
    let html = page_of(lines(&same("n"), &same("x"), &same("y"), &[line]));
    assert!(html.contains("points=\"64.0,272.0 346.0,150.0 628.0,28.0\" class=\"line c0 reference\""), "{html}");
}

#[test]
fn odd_numbers_make_no_broken_chart() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, f64::MAX, f64::MIN_POSITIVE];
    for a in odd {
        for b in odd {
            let series = [Series { name: same("p"), points: vec![(a, b), (1.0, 1.0), (b, a)], is_reference: false }];
            for block in [
                bars(&same("n"), &[(same("a"), a), (same("b"), b)]),
                heat_grid(&same("n"), &[same("r")], &[same("a"), same("b")], &[vec![a, b]]),
                lines(&same("n"), &same("x"), &same("y"), &series),
            ] {
                let html = page_of(block);
                assert!(
                    !html.contains("NaN") && !html.contains("\"inf") && !html.contains("\"-inf"),
                    "{a} {b}: {html}"
                );
            }
        }
    }
    for block in
        [bars(&same("n"), &[]), heat_grid(&same("n"), &[], &[], &[]), lines(&same("n"), &same("x"), &same("y"), &[])]
    {
        assert!(!page_of(block).contains("NaN"));
    }
}

#[test]
fn equal_pages_are_equal_bytes() {
    let make = || page_of(bars(&Words::new("n", "数"), &[(same("a"), 1.0 / 3.0)]));
    assert_eq!(make(), make());
}
