//! Traces as they come: packed, through pipes, and with lines that are none.
#![forbid(unsafe_code)]

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use hotcache_bench::trace::{Malformed, Model, read};
use hotcache_bench_plan::Cache;

const BLOCKS: &str = "10 3 0 1\n11 1 0 2\n500 2 0 3\n";

fn path(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("hotcache-trace-files-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a temporary directory");
    directory.join(name)
}

fn file(name: &str, content: &[u8]) -> PathBuf {
    let file = path(name);
    fs::write(&file, content).expect("a temporary file");
    file
}

fn zstd_frame(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 3).expect("zstd")
}

/// A frame that readers pass over: tools keep an index or a checksum in one.
fn skippable(first: u8, bytes: usize) -> Vec<u8> {
    let head = [&[first, 0x2a, 0x4d, 0x18][..], &(bytes as u32).to_le_bytes()].concat();
    [head, vec![0xa5; bytes]].concat()
}

/// Compresses a text as `zstd --long` does with a pipe: with a window that is larger than decoders accept by default.
fn long_window(text: &str) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("zstd");
    encoder.window_log(28).expect("zstd");
    encoder.write_all(text.as_bytes()).expect("zstd");
    encoder.finish().expect("zstd")
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("gzip");
    encoder.finish().expect("gzip")
}

#[test]
fn every_frame_of_a_packed_trace_is_read() {
    let (first, rest) = BLOCKS.split_at(12);
    let frames = [zstd_frame(first), zstd_frame(rest)].concat();
    for (name, content) in [
        ("frames.zst", frames.clone()),
        ("skipped-first.zst", [skippable(0x50, 9), frames.clone()].concat()),
        ("skipped-twice.zst", [skippable(0x5f, 0), skippable(0x5a, 70_000), frames.clone()].concat()),
        (
            "skipped-between.zst",
            [zstd_frame(first), skippable(0x51, 3), zstd_frame(""), zstd_frame(rest)].concat(),
        ),
        ("skipped-last.zst", [frames, skippable(0x5e, 17)].concat()),
        ("long.zst", long_window(BLOCKS)),
        ("long-after-skipped.zst", [skippable(0x50, 1), long_window(BLOCKS)].concat()),
        ("one.gz", gzip(BLOCKS)),
        ("members.gz", [gzip(first), gzip(""), gzip(rest)].concat()),
    ] {
        let trace = read(&file(name, &content)).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!((trace.len(), trace.distinct()), (6, 5), "{name}");
    }
    for (name, content) in [
        ("cut.gz", gzip(&BLOCKS.repeat(1_000))[..100].to_vec()),
        ("cut.zst", [zstd_frame(first), zstd_frame(&BLOCKS.repeat(1_000))[..30].to_vec()].concat()),
        ("rubbish.zst", [zstd_frame(BLOCKS), b"rubbish".to_vec()].concat()),
    ] {
        let refused = format!("{:#}", read(&file(name, &content)).expect_err(name));
        assert!(refused.contains(name), "{refused}");
    }
}

#[test]
fn what_is_packed_otherwise_is_refused_by_its_true_name() {
    for (magic, called) in [
        (&b"BZh91AY&SY"[..], "bzip2"),
        (b"\xfd7zXZ\0\0\x04", "xz"),
        (b"\x04\x22\x4d\x18\x64\x40", "lz4"),
        (b"PK\x03\x04\x14\0", "zip"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"\x1f\x9d\x90", "compress"),
    ] {
        // Whatever it is called, its content tells.
        let refused = read(&file("trace.lis.zst", magic)).expect_err(called).to_string();
        assert!(
            refused.contains(&format!("packed with {called}, where zstd and gzip are read")),
            "{refused}"
        );
        assert!(refused.contains("--trace /dev/stdin"), "{refused}");
    }
}

#[cfg(unix)]
#[test]
fn pipes_are_read_in_whatever_pieces_they_come() {
    let frame = [skippable(0x50, 2), zstd_frame(BLOCKS)].concat();
    for (name, content) in [("plain", BLOCKS.as_bytes().to_vec()), ("zstd", frame), ("gzip", gzip(BLOCKS))] {
        let fifo = path(&format!("fifo-{name}"));
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.expect("mkfifo").success());
        let writer = std::thread::spawn({
            let fifo = fifo.clone();
            move || {
                let mut pipe = fs::File::options().write(true).open(fifo)?;
                // The first bytes, which tell what it is, one by one.
                content.chunks(1).try_for_each(|piece| {
                    std::thread::sleep(std::time::Duration::from_micros(200));
                    pipe.write_all(piece)
                })
            }
        });
        let trace = read(&fifo).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!((trace.len(), trace.distinct()), (6, 5), "{name}");
        writer.join().expect("it does not panic").expect("all of it was read");
    }
}

#[test]
fn lines_that_are_none_are_refused_by_their_number() {
    let request = "0,a,1,10,7,get,0";
    for (name, content, line, why) in [
        ("bare.csv", format!("{request}\r{request}\r{request}\r"), 1, "a carriage return behind byte 16"),
        ("bare.lis", "1 1 0 1\r2 1 0 2\r".to_owned(), 1, "a carriage return behind byte 7"),
        ("twice.csv", format!("{request}\n{request}\r\r\n"), 2, "a carriage return behind byte 16"),
        ("within.csv", format!("{request}\n0,a\rb,1,10,7,get,0\n"), 2, "a carriage return behind byte 3"),
        (
            "joined.csv",
            format!("{request}\n{request}{request}\n"),
            2,
            "two requests in one line: the first ends behind `get`",
        ),
        (
            "three.csv",
            format!("{request}1,b,1,2,3,incr,02,c,1,2,3,delete,0\n"),
            1,
            "two requests in one line",
        ),
        ("joined.lis", "1 1 0 1\n1 1 0 21 1 0 3\n".to_owned(), 2, "7 fields"),
    ] {
        let file = file(name, content.as_bytes());
        let error = read(&file).expect_err(name);
        let refused = error.downcast_ref::<Malformed>().expect(name);
        assert_eq!(refused.line, line, "{name}: {refused}");
        assert!(refused.why.contains(why), "{name}: {refused}");
    }
    // Keys that look a little like a request are keys.
    for key in ["a,1,2,3,get", "1,2,3,get,x", "get,1", "1,2,3,fetch,4", "a,1,x,3,get,4"] {
        let content = format!("0,{key},3,10,7,get,0\r\n");
        let trace =
            read(&file("key.csv", content.as_bytes())).unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_eq!((trace.len(), trace.distinct()), (1, 1), "{key}");
    }
}

#[test]
fn what_a_message_repeats_is_cut_and_escaped() {
    let long = "x".repeat(10_000);
    for (name, content) in [
        ("control.csv", "0,a,1,10,7,\u{1b}[2Jget,0\n".to_owned()),
        ("mark.csv", "\u{feff}0,a,1,10,7,get,0\n".to_owned()),
        ("long.csv", format!("0,a,1,10,7,{long},0\n")),
        ("number.csv", format!("0,a,{long},10,7,get,0\n")),
        ("field.lis", format!("\u{1b}[2J{long} 1 0 1\n")),
        ("a\u{1b}[2J\nname.lis", "x 1 0 1\n".to_owned()),
    ] {
        let refused = read(&file(name, content.as_bytes())).expect_err(name).to_string();
        assert!(!refused.chars().any(|c| c.is_control() || c == '\u{feff}'), "{refused:?}");
        assert!(refused.len() < 400, "{} bytes: {refused}", refused.len());
    }
}

#[test]
fn what_needs_a_key_is_done_as_if_it_were_there_and_nothing_expires() {
    let trace = "\
0,r,1,10,7,replace,100
0,c,1,10,7,cas,100
0,i,1,10,7,incr,100
0,d,1,10,7,decr,100
900,r,1,0,7,get,0
900,c,1,0,7,get,0
900,i,1,0,7,get,0
900,d,1,0,7,get,0
";
    let trace = read(&file("absent.csv", trace.as_bytes())).expect("well formed");
    let model = Model::of(&trace, Cache::Int);
    assert_eq!((model.one_thread.reads, model.one_thread.hits, model.keys_left), (4, 4, 4));
}
