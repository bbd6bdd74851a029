//! Twitter's published cache traces: `timestamp,key,key_size,value_size,client_id,operation,ttl`.

use super::reader::Trace;
use super::requests::Step;

const FORMAT: &str = "timestamp,key,key_size,value_size,client_id,operation,ttl";

pub(super) fn parse(line: &str, trace: &mut Trace) -> Result<(), String> {
    // A key may have commas in it: what is left of it is one field, what is right of it five.
    let split = line.split_once(',').and_then(|(timestamp, rest)| {
        let mut fields = rest.rsplitn(6, ',');
        let [ttl, operation, client, value_size, key_size] = std::array::from_fn(|_| fields.next());
        Some(([timestamp, key_size?, value_size?, client?, ttl?], operation?, fields.next()?))
    });
    let Some((numbers, operation, key)) = split else {
        let fields = line.split(',').count();
        return Err(format!("{fields} fields, where `{FORMAT}` has 7"));
    };
    if let Some(bad) = numbers.iter().find(|number| number.parse::<u64>().is_err()) {
        return Err(format!("`{bad}` is no number"));
    }
    let step = match operation {
        "get" | "gets" => Step::Read,
        "set" | "replace" | "cas" => Step::Store,
        "add" => Step::InsertIfAbsent,
        "incr" => Step::Increment,
        "decr" => Step::Decrement,
        "delete" => Step::Delete,
        "append" | "prepend" => {
            let name = if operation == "append" { "append" } else { "prepend" };
            *trace.left_out.entry(name).or_default() += 1;
            return Ok(());
        }
        _ => return Err(format!("`{operation}` is no operation of a cache trace")),
    };
    trace.push(step, key);
    Ok(())
}
