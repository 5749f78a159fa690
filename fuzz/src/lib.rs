//! What the targets share: changes after which JSON is still JSON. Bytes flipped at random seldom are, and would be refused by the parser
//! before any code of ours saw them.

mod words;

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Map, Value, json};

/// Changes the `size` bytes of JSON in `data`, mostly as JSON and now and then as bytes; how many bytes it is then.
pub fn mutate_json(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut dice = Dice(u64::from(seed) + 1);
    let value = serde_json::from_slice::<Value>(&data[..size]);
    let (Ok(mut value), true) = (value, dice.below(8) > 0) else { return fuzzer_mutate(data, size, max_size) };
    for _ in 0..=dice.below(3) {
        // What the whole is stays mostly as it is, or nothing is read of what is inside.
        let mut place = if dice.below(32) == 0 { 0 } else { 1 + dice.below(count(&value) - 1) };
        change(&mut value, &mut place, &mut dice);
    }
    let text = value.to_string();
    if text.len() > max_size.min(data.len()) {
        return fuzzer_mutate(data, size, max_size);
    }
    data[..text.len()].copy_from_slice(text.as_bytes());
    text.len()
}

/// Numbers that follow from a seed (xorshift), so that libFuzzer can repeat what it did.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % most.max(1)
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

/// How many values there are, those inside of others included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the value at a place, counted as [`count`] counts.
fn change(value: &mut Value, place: &mut usize, dice: &mut Dice) -> bool {
    if *place == 0 {
        change_here(value, dice);
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(values) => values.iter_mut().any(|value| change(value, place, dice)),
        Value::Object(fields) => fields.values_mut().any(|value| change(value, place, dice)),
        _ => false,
    }
}

fn change_here(value: &mut Value, dice: &mut Dice) {
    match (value, dice.below(4)) {
        (Value::Object(fields), 1..) => change_fields(fields, dice),
        (Value::Array(values), 1..) => match (values.len(), dice.below(3)) {
            (0, _) => values.push(any(dice)),
            (length, 0) => drop(values.remove(dice.below(length))),
            (length, 1) => values.push(values[dice.below(length)].clone()),
            (length, _) => values.swap(0, length - 1),
        },
        (Value::Number(number), 1..) => {
            let step = [1, -1, 2, 2000, -2000, 3600][dice.below(6)];
            *number = number.as_i64().unwrap_or(0).saturating_add(step).into();
        }
        (value, _) => *value = any(dice),
    }
}

fn change_fields(fields: &mut Map<String, Value>, dice: &mut Dice) {
    let names: Vec<String> = fields.keys().cloned().collect();
    let word = dice.one_of(words::FIELDS).to_owned();
    if names.is_empty() || dice.below(3) == 0 {
        fields.insert(word, any(dice));
        return;
    }
    let name = &names[dice.below(names.len())];
    let Some(value) = fields.remove(name) else { return };
    match dice.below(3) {
        // One object inside of another is how Stripe expands an id.
        0 => drop(fields.insert(name.clone(), json!({"id": value}))),
        1 => drop(fields.insert(word, value)),
        _ => {}
    }
}

fn any(dice: &mut Dice) -> Value {
    match dice.below(10) {
        0 => Value::Null,
        1 => json!(dice.below(2) == 0),
        2 => json!([0, 1, -1, 1_790_000_000, i64::MAX, i64::MIN, 253_402_300_800, -62_135_596_801_i64][dice.below(8)]),
        3 => json!([0.5, 1e308, -1e-308, 1.79e9][dice.below(4)]),
        4 => json!({}),
        5 => json!([]),
        6 => json!(domain::event::USED_TYPES[dice.below(domain::event::USED_TYPES.len())]),
        _ => json!(dice.one_of(words::TEXTS)),
    }
}
