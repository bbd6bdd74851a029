//! Twitter's published cache traces: `timestamp,key,key_size,value_size,client_id,operation,ttl`.

use hotcache_bench_plan::shown;

use super::reader::Trace;
use super::requests::Step;

const FORMAT: &str = "timestamp,key,key_size,value_size,client_id,operation,ttl";

pub(super) fn parse(line: &str, trace: &mut Trace) -> Result<(), String> {
    // A key may contain commas. There is one field before it, and five after it.
    let split = line.split_once(',').and_then(|(timestamp, rest)| {
        let mut fields = rest.rsplitn(6, ',');
        let [ttl, operation, client, value_size, key_size] = std::array::from_fn(|_| fields.next());
        Some(([timestamp, key_size?, value_size?, client?, ttl?], operation?, fields.next()?))
    });
    let Some((numbers, operation, key)) = split else {
        let fields = line.split(',').count();
        return Err(format!("{fields} fields, where `{FORMAT}` has 7"));
    };
    if let Some(bad) = numbers.iter().find(|number| !is_number(number)) {
        return Err(format!("invalid number `{}`", shown(bad)));
    }
    if let Some(operation) = joined(key) {
        return Err(format!("two requests in one line: the first ends behind `{operation}`"));
    }
    let step = match step_of(operation) {
        Some(Named::Step(step)) => step,
        Some(Named::LeftOut(name)) => {
            *trace.left_out.entry(name).or_default() += 1;
            return Ok(());
        }
        None => return Err(format!("unknown operation `{}`", shown(operation))),
    };
    trace.push(step, key);
    Ok(())
}

fn is_number(text: &str) -> bool {
    text.parse::<u64>().is_ok()
}

/// The meaning of an operation's name.
enum Named {
    Step(Step),
    /// No cache here can do it.
    LeftOut(&'static str),
}

fn step_of(operation: &str) -> Option<Named> {
    let step = match operation {
        "get" | "gets" => Step::Read,
        "set" | "replace" | "cas" => Step::Store,
        "add" => Step::InsertIfAbsent,
        "incr" => Step::Increment,
        "decr" => Step::Decrement,
        "delete" => Step::Delete,
        "append" => return Some(Named::LeftOut("append")),
        "prepend" => return Some(Named::LeftOut("prepend")),
        _ => return None,
    };
    Some(Named::Step(step))
}

/// The operation of a request that is hidden in this key, which then is no key but what lies between the first field of
/// one line and the last fields of another: three numbers, an operation, and a number that is two.
fn joined(key: &str) -> Option<&str> {
    if !key.contains(',') {
        return None;
    }
    let fields: Vec<_> = key.split(',').collect();
    let hidden = fields.windows(5).find(|fields| {
        let [one, two, three, operation, next] = fields else { return false };
        [one, two, three, next].into_iter().all(|field| is_number(field)) && step_of(operation).is_some()
    });
    hidden.map(|fields| fields[3])
}
