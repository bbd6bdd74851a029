//! A page's statements about itself: the machine, the test behind its advice, the keys that it holds for.

use hotcache_report::{Cell, Kind, Report, Run, Work};

use crate::fixture;
use crate::pages::small;

#[test]
fn a_page_of_a_disturbed_machine_says_so_at_its_head() {
    let quiet = small();
    assert!(!Report::of(vec![quiet.clone()]).html().contains("not quiet"));
    let mut busy = quiet.clone();
    busy.machine.busy_elsewhere = Some(0.4);
    let report = Report::of(vec![busy.clone()]);
    let said = "The machine was not quiet: other processes took 40 % of its processors";
    for (page, first) in [(report.html(), "<nav>"), (report.markdown(), "## ")] {
        let head = page.split(first).next().expect("a head");
        assert!(head.contains(said), "{head}");
    }
    // Of several runs, it says of which.
    busy.machine.cores = 64;
    let both = Report::of(vec![quiet, busy]).markdown();
    let head = both.split("## ").next().expect("a head");
    assert!(head.contains("> **Note:** Run 2: the machine was not quiet"), "{head}");
}

#[test]
fn advice_describes_the_test_that_it_goes_by() {
    // A wild sample makes the spreads overlap; the medians are apart all the same, in all draws but few.
    let samples = |ns: f64, wild: f64| {
        let steady = (0..29).map(|i| ns * (1.0 + 0.001 * f64::from(i % 3)));
        steady.chain([wild]).collect::<Vec<_>>()
    };
    let mut run = Run::new(fixture::machine());
    for (backend, samples) in [("scc", samples(20.0, 40.0)), ("papaya", samples(30.0, 31.0))] {
        run.cells.extend(Cell::measured(Work::new("int", "add", 100, 2), backend, Kind::Backend, samples));
    }
    let page = Report::of(vec![run]).markdown();
    let advice = page.split("\n## ").nth(1).expect("advice comes first");
    assert!(advice.contains("**scc** <sub>20.0 ns/op</sub> | – | papaya <sub>1.50×</sub>"), "{advice}");
    assert!(!advice.contains("overlap"), "{advice}");
    for said in
        ["within 5 % of it", "1\u{202f}000 times", "at least 25 of these draws", "from 25 % and from 2 % on"]
    {
        assert!(advice.contains(said), "{said}: {advice}");
    }
}

#[test]
fn advice_names_the_keys_that_it_holds_for() {
    let mut run = Run::new(fixture::machine());
    for (key_type, key_len, scc, papaya) in
        [("str", 8, 20.0, 40.0), ("str", 36, 20.0, 40.0), ("u64", 8, 40.0, 20.0)]
    {
        for (backend, ns) in [("scc", scc), ("papaya", papaya)] {
            let work = Work { key_type: key_type.to_owned(), key_len, ..Work::new("int", "add", 100, 2) };
            run.cells.extend(Cell::measured(work, backend, Kind::Backend, vec![ns; 10]));
        }
    }
    let page = Report::of(vec![run.clone()]).markdown();
    let stock: Vec<_> = page.lines().filter(|line| line.starts_with("| Stock ")).collect();
    assert_eq!(stock.len(), 2, "{stock:?}");
    assert!(stock[0].contains("| text of 8 and 36 bytes | **scc** <sub>20.0 ns/op</sub>"), "{}", stock[0]);
    assert!(stock[1].contains("| u64 keys | **papaya** <sub>20.0 ns/op</sub>"), "{}", stock[1]);
    for caption in ["int add, uniform, 36-byte keys", "int add, uniform, u64 keys"] {
        assert!(page.contains(&format!("### {caption}")), "{caption}: {page}");
    }
    let table = hotcache_report::summary(&run, "int");
    assert!(table.contains("add      100  2t  36B") && table.contains("add      100  2t  u64"), "{table}");
}
