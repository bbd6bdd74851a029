use std::path::{Path, PathBuf};
use std::{fs, process};

use hotcache_report::{Cell, Kind, Machine, Report, Run, Work, bounded, bounded_memory, garbage, hit_ratios};
use roxmltree::{Document, ParsingOptions};

use crate::fixture;

/// A directory of a test's own.
pub(crate) fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", process::id()))
}

/// Parses what was written as XML, which finds every tag that is not closed and every name that is not escaped.
pub(crate) fn parse(markup: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(markup, options).unwrap_or_else(|error| panic!("{error}\n{markup}"))
}

fn texts(document: &Document<'_>, name: &str) -> Vec<String> {
    let named = document.descendants().filter(|node| node.has_tag_name(name));
    named
        .map(|node| {
            node.descendants().filter(|inner| inner.is_text()).filter_map(|inner| inner.text()).collect()
        })
        .collect()
}

pub(crate) fn small() -> Run {
    fixture::run(fixture::QUICK_PLAN, fixture::USUAL, 4, |_| 1.0)
}

#[test]
fn the_page_has_a_section_for_everything_that_was_measured() {
    let html = Report::of(vec![fixture::complete(1)]).html();
    let page = parse(&html);
    let titles = texts(&page, "h2");
    for wanted in [
        "Which backend for which traffic",
        "Where each loses",
        "Our own table against the best other",
        "Throughput against threads",
        "Time against the number of keys",
        "Latency",
        "Memory",
        "Garbage",
        "Recorded traces",
        "Bounded caches",
        "Memory of bounded caches",
        "Hit ratios",
        "Beyond this machine",
        "Every cell",
        "The machine",
        "What the numbers do not say",
    ] {
        assert!(titles.iter().any(|title| title == wanted), "{wanted} in {titles:?}");
    }
    let links: Vec<_> = page.descendants().filter_map(|node| node.attribute("href")).collect();
    let ids: Vec<_> = page.descendants().filter_map(|node| node.attribute("id")).collect();
    assert_eq!(links.len(), titles.len());
    assert!(links.iter().all(|link| ids.contains(&link.trim_start_matches('#'))), "{links:?} {ids:?}");
}

#[test]
fn the_page_asks_the_network_for_nothing() {
    let html = Report::of(vec![fixture::complete(1)]).html();
    for wanted_not in ["http:", "https:", "src=", "@import", "url(", "<link"] {
        assert!(!html.contains(wanted_not), "{wanted_not}");
    }
    let page = parse(&html);
    let outside =
        page.descendants().filter_map(|node| node.attribute("href")).find(|link| !link.starts_with('#'));
    assert_eq!(outside, None);
}

#[test]
fn every_cell_is_in_the_tables_with_its_spread() {
    let run = small();
    let html = Report::of(vec![run.clone()]).html();
    let page = parse(&html);
    let table = page.descendants().find(|node| {
        node.has_tag_name("table")
            && node.descendants().any(|inner| inner.text() == Some("int add, uniform, 8-byte keys"))
    });
    let table = table.expect("the table of int add");
    let rows: Vec<_> = table.descendants().filter(|node| node.has_tag_name("tr")).skip(1).collect();
    assert_eq!(rows.len(), fixture::QUICK.len());
    let papaya = rows.iter().find(|row| row.descendants().any(|node| node.text() == Some("papaya")));
    let sorts: Vec<f64> = papaya
        .expect("papaya")
        .children()
        .filter_map(|entry| entry.attribute("data-sort"))
        .map(|value| value.parse().expect("a number"))
        .collect();
    let wanted = run.cells.iter().filter(|c| c.backend == "papaya" && c.op == "add" && c.cache == "int");
    let mut wanted: Vec<_> = wanted.collect();
    wanted.sort_by_key(|cell| (cell.max_key, cell.threads));
    assert_eq!(sorts, wanted.iter().map(|cell| cell.ns_per_op.median).collect::<Vec<_>>());
}

#[test]
fn the_best_of_each_column_is_marked_and_so_is_the_worst() {
    let html = Report::of(vec![small()]).html();
    let page = parse(&html);
    let mut columns = 0;
    for table in page.descendants().filter(|node| node.has_tag_name("table")) {
        let is_cells =
            table.descendants().any(|node| node.text().is_some_and(|text| text.ends_with("-byte keys")));
        if !is_cells {
            continue;
        }
        let classes: Vec<_> = table.descendants().filter_map(|node| node.attribute("class")).collect();
        let best = classes.iter().filter(|class| class.split(' ').any(|class| class == "best")).count();
        let titles = table.descendants().filter(|node| node.attribute("scope") == Some("col")).count() - 1;
        assert_eq!(best, titles, "one best in each column");
        columns += titles;
    }
    assert_eq!(columns, 9 * 4);
    assert!(html.contains("class=\"number h4\""), "flurry is more than four times as slow somewhere");
}

/// A run of one work, in so many nanoseconds by each row.
fn one_work(rows: &[(&str, Kind, f64)]) -> Run {
    let mut run = Run::new(fixture::machine());
    for (backend, kind, ns) in rows {
        run.cells.extend(Cell::measured(Work::new("int", "grow", 100, 1), backend, *kind, vec![*ns]));
    }
    run
}

#[test]
fn our_own_table_stands_against_the_best_of_all_other_maps() {
    let (ours, by_hand) = (("bucket", Kind::Backend, 10.0), ("scc-by-hand", Kind::ByHand, 5.0));
    let others = [("empty", Kind::Floor, 1.0), ("scc", Kind::Backend, 30.0), ("moka", Kind::Peer, 90.0)];
    let behind = Report::of(vec![one_work(&[&others[..], &[ours, by_hand]].concat())]).markdown();
    assert!(
        behind
            .contains("| grow <sub>1 thread</sub> | 0.50× <sub>10.0 against 5.00 ns of scc-by-hand</sub> |"),
        "{behind}"
    );
    assert!(behind.contains("ahead in 0 of 1 cells"), "{behind}");
    let ahead = Report::of(vec![one_work(&[&others[..], &[ours]].concat())]).markdown();
    assert!(ahead.contains("**3.00×** <sub>10.0 against 30.0 ns of scc</sub>"), "{ahead}");
    assert!(ahead.contains("| int grow | 1 | 1 | **3.00×** | **3.00×** | **3.00×** |"), "{ahead}");
    assert!(!Report::of(vec![one_work(&others)]).markdown().contains("Our own table"));
}

#[test]
fn pauses_are_told() {
    let mut run = one_work(&[("scc", Kind::Backend, 30.0)]);
    run.cells[0].worst_ns = Some(812_000.0);
    let markdown = Report::of(vec![run]).markdown();
    assert!(markdown.contains("longest 812 µs"), "{markdown}");
    let markdown = Report::of(vec![fixture::complete(1)]).markdown();
    let latencies = markdown.split("## Latency").nth(1).expect("latencies");
    assert!(latencies.contains("| rate | page faults |") && latencies.contains("| 1234 |"), "{latencies}");
}

#[test]
fn bounded_caches_stand_beside_ours() {
    let run = fixture::complete(1);
    let markdown = Report::of(vec![run.clone()]).markdown();
    let section = |title: &str| {
        let after = markdown.split(&format!("## {title}\n")).nth(1).expect(title);
        after.split("\n## ").next().expect("there is a first").to_owned()
    };
    let caches = section("Bounded caches");
    for wanted in [
        "hit, uniform",
        "| row | 100\u{a0}keys,\u{a0}2\u{a0}threads |",
        "| bucket | **15.2** <sub>15.0–15.3 · 1.00× · 1.00× ours</sub> |",
        "| moka <sub>peer</sub> | 121 <sub>120–122 · 8.00× · 8.00× ours</sub> |",
        "| moka <sub>peer</sub> | 364 <sub>360–367 · 8.00× · 8.00× ours · 88.1 % hit</sub> |",
        "insert-evicting, at most 1M entries",
        "| row | p50 | p90 | p99 | p99.9 | p99.99 | max |",
        "| bucket | 15.0 ns | 22.5 ns | 30.0 ns | 135 ns | 1.20 µs | 13.5 µs |",
    ] {
        assert!(caches.contains(wanted), "{wanted}: {caches}");
    }
    assert!(!caches.contains("100.0 % hit"), "{caches}");
    let memory = section("Memory of bounded caches");
    assert!(memory.contains("| moka | 180 <sub>(190)</sub> | 108 |"), "{memory}");
    assert!(memory.contains("| bucket-unbounded | 72.0 <sub>(82.0)</sub> | – |"), "{memory}");
    let hits = section("Hit ratios");
    assert!(hits.contains("| workload | bucket | moka | quick\\_cache |"), "{hits}");
    assert!(hits.contains("| 39.25 | 38.55 | **39.47** |"), "{hits}");

    let text = bounded(&run);
    assert!(text.starts_with("bounded caches: ns for an operation"), "{text}");
    let lines: Vec<_> = text.lines().collect();
    let names: Vec<_> = lines[1].split_whitespace().collect();
    assert_eq!(names, ["empty", "bucket-unbounded", "bucket", "moka", "quick_cache"], "{text}");
    assert!(lines[2].starts_with("hit, 100 keys, 2 threads") && lines[2].contains("121 (8.00x)"), "{text}");
    assert!(lines[3].contains("mix:90, 100k keys, 2 threads") && lines[3].contains("  -  "), "{text}");
    assert!(lines[4].contains("hit ratio in per cent") && lines[4].contains("89.7"), "{text}");
    assert!(text.contains("insert-evicting, at most 1M entries: one insert at a time"), "{text}");
    assert!(bounded_memory(&run).contains("u64 keys"), "{}", bounded_memory(&run));
    assert!(hit_ratios(&run).contains("*39.47"), "{}", hit_ratios(&run));
}

#[test]
fn garbage_is_a_table_of_moments() {
    let run = fixture::complete(1);
    let papaya = run.garbage.iter().find(|one| one.backend == "papaya").expect("papaya");
    assert_eq!(papaya.moments[0].counted, 870_000);
    let markdown = Report::of(vec![run.clone()]).markdown();
    let section = markdown.split("## Garbage").nth(1).expect("garbage");
    assert!(section.contains(
        "obj one object replaced: one thread replaces the object of one key 250 times, 1 MiB each"
    ));
    assert!(section.contains("| backend | peak | idle | after the drop |"), "{section}");
    assert!(section.contains("| papaya | 850 KiB <sub>RSS 361 KiB, 87 objects</sub> |"), "{section}");
    let text = garbage(&run);
    assert!(text.contains("850 KiB / 361 KiB, 87"), "{text}");
    // Two lines of title, the moments, and a line for each row.
    assert_eq!(text.lines().count(), 3 + run.garbage.len(), "{text}");
    let widths: std::collections::BTreeSet<_> = text.lines().skip(2).map(str::len).collect();
    assert_eq!(widths.len(), 1, "aligned: {text}");
}

#[test]
fn advice_follows_the_cells() {
    let advice = |run: Run| {
        let html = Report::of(vec![run]).html();
        let page = parse(&html);
        let section = page.descendants().find(|node| node.attribute("id") == Some("advice")).expect("advice");
        let mut rows = section.descendants().filter(|node| node.has_tag_name("tr"));
        let stock = rows.find(|row| row.descendants().any(|node| node.text() == Some("Stock")));
        let best = stock.expect("stock").children().nth(2).and_then(|entry| entry.first_child());
        best.and_then(|best| best.text()).expect("a name").to_owned()
    };
    assert_eq!(advice(small()), "bucket");
    let only_flurry = |row: &fixture::Row| if row.name == "flurry" { 1.0 } else { 9.0 };
    let slow = fixture::run(fixture::QUICK_PLAN, fixture::USUAL, 4, only_flurry);
    assert_eq!(advice(slow), "flurry");
}

#[test]
fn charts_hold_a_line_for_each_backend_and_stand_alone() {
    let directory = directory("charts");
    let files = Report::of(vec![fixture::complete(1)]).write(&directory).expect("written");
    let charts: Vec<_> =
        files.iter().filter(|file| file.extension().is_some_and(|end| end == "svg")).collect();
    let names: Vec<_> = charts.iter().filter_map(|file| file.file_stem()?.to_str()).collect();
    assert_eq!(names, ["throughput-int", "throughput-obj", "keys-int", "keys-obj", "latency", "memory"]);
    for chart in charts {
        let text = fs::read_to_string(chart).expect("a chart");
        let svg = parse(&text);
        assert!(svg.root_element().has_tag_name(("http://www.w3.org/2000/svg", "svg")));
        for backend in fixture::QUICK.iter().filter(|row| row.kind == Kind::Backend) {
            let named = svg.descendants().any(|node| node.text() == Some(backend.name));
            assert!(named, "{} in {}", backend.name, chart.display());
        }
        for node in svg.descendants() {
            for attribute in ["x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "width", "height"] {
                let number = node.attribute(attribute).map_or(Ok(0.0), str::parse::<f64>);
                assert!(number.is_ok_and(|n| (-1.0..1e4).contains(&n)), "{node:?}");
            }
        }
    }
    fs::remove_dir_all(directory).expect("removed");
}

#[test]
fn markdown_refers_to_charts_that_are_there_and_its_tables_are_whole() {
    let directory = directory("markdown");
    Report::of(vec![fixture::complete(1)]).write(&directory).expect("written");
    let text = fs::read_to_string(directory.join("README.md")).expect("a page");
    let charts: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("![")).collect();
    assert!(charts.len() >= 6);
    for chart in charts {
        let path = chart.split_once("](").and_then(|(_, rest)| rest.strip_suffix(')')).expect("a link");
        assert!(directory.join(path).is_file(), "{path}");
    }
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut tables = 0;
    let mut before = 0;
    for line in text.lines() {
        let now = bars(line);
        assert!(before == 0 || now == 0 || now == before, "{line}");
        tables += usize::from(before == 0 && now > 0);
        before = now;
    }
    assert!(tables > 15, "{tables}");
    let packed = directory.join("run.json.gz");
    assert!(fs::read(&packed).expect("the run").starts_with(&[0x1f, 0x8b]), "it is packed");
    assert_eq!(Run::read(&packed).expect("the run"), fixture::complete(1));
    fs::remove_dir_all(directory).expect("removed");
}

#[test]
fn hostile_names_are_text_everywhere() {
    let mut run = small();
    let evil = "<script>alert('&')</script>|*_`\"";
    run.cells.iter_mut().filter(|cell| cell.backend == "scc").for_each(|cell| cell.backend = evil.to_owned());
    run.machine.cpu = evil.to_owned();
    let directory = directory("hostile");
    let report = Report::of(vec![run]);
    report.write(&directory).expect("written");
    assert!(!report.html().contains("<script>alert"));
    assert!(parse(&report.html()).descendants().any(|node| node.text() == Some(evil)));
    assert!(!report.markdown().contains("<script>"), "escaped");
    parse(&fs::read_to_string(directory.join("charts/throughput-int.svg")).expect("a chart"));
    fs::remove_dir_all(directory).expect("removed");
}

#[test]
fn runs_of_one_machine_and_commit_are_one_and_others_are_not() {
    let whole = fixture::complete(1);
    let without = |keep: fn(&mut Run)| {
        let mut run = whole.clone();
        keep(&mut run);
        run
    };
    let cells = without(|run| run.latency.clear());
    let latency = without(|run| run.cells.clear());
    let joined = Report::of(vec![cells, latency]).html();
    assert!(joined.contains("Latency") && !joined.contains("Run 2"));

    let mut elsewhere = small();
    elsewhere.machine = Machine { cores: 64, ..fixture::machine() };
    let both = Report::of(vec![whole, elsewhere]).html();
    let page = parse(&both);
    let ids: Vec<_> = page.descendants().filter_map(|node| node.attribute("id")).collect();
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len());
    assert!(ids.contains(&"run-2-cells"));
}

#[test]
fn what_is_missing_or_doubtful_is_said() {
    let mut run = small();
    run.partial = true;
    run.cells[7].verified = Some(false);
    run.skipped.push(hotcache_report::Skipped::new("go sync.Map", "no go on the PATH"));
    let html = Report::of(vec![run]).html();
    for wanted in [
        "This run was interrupted",
        "1 of",
        "were not verified",
        "go sync.Map: no go on the PATH",
        "No law of scaling",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
}

#[test]
fn with_enough_threads_the_law_is_fitted_and_labelled_a_prediction() {
    let plan = fixture::Plan { threads: &[1, 2, 4, 8], cores: 8, ..fixture::QUICK_PLAN };
    let run = fixture::run(plan, fixture::STILL, 1, |_| 1.0);
    let html = Report::of(vec![run]).html();
    assert!(html.contains("128 threads, predicted") && html.contains("is a prediction, not a measurement"));
}
