//! A second decoder, written from the specifications alone: slow, plain, and without a line of the library.
//!
//! It believes what it reads; what it is for is to give the same values as the library.

use serde_json::Value;
use std::collections::BTreeMap;

/// A manifest, as far as reading rows needs it.
pub struct NaiveManifest {
    pub json: Value,
    dictionaries: BTreeMap<String, Vec<String>>,
}

/// Reads a manifest and compares the hashes in it.
pub fn manifest(json: &[u8]) -> NaiveManifest {
    let json: Value = serde_json::from_slice(json).unwrap();
    let mut dictionaries = BTreeMap::new();
    for dictionary in json["dictionaries"].as_array().unwrap() {
        dictionaries.insert(text(&dictionary["name"]), texts(&dictionary["entries"]));
    }
    let manifest = NaiveManifest { json, dictionaries };
    assert_eq!(format!("{:016x}", schema_hash(&manifest)), manifest.json["schema_hash"]);
    assert_eq!(build_id(&manifest), manifest.json["build"]);
    manifest
}

/// SipHash-2-4 of a visitor id, by the standard library's old hasher.
#[allow(deprecated, reason = "another implementation of SipHash-2-4 than the library's")]
pub fn row_key(key: [u8; 16], visitor_id: &[u8]) -> u64 {
    use std::hash::Hasher;
    let half = |from: usize| u64::from_le_bytes(key[from..from + 8].try_into().unwrap());
    let mut hasher = std::hash::SipHasher::new_with_keys(half(0), half(8));
    hasher.write(visitor_id);
    hasher.finish()
}

/// The rows of a shard as text, one line a row: `<key> <column>=<value> ...`.
pub fn rows_text(manifest: &NaiveManifest, shard: &[u8]) -> String {
    assert_eq!(&shard[0..8], b"VTRSHARD");
    assert_eq!((number(shard, 8, 2), number(shard, 10, 2)), (1, 0));
    assert_eq!(number(shard, 12, 4), u64::from(crc32c(&shard[16..])));
    assert_eq!(number(shard, 16, 4), shard.len() as u64);
    let n_rows = number(shard, 20, 4) as usize;
    let row_bytes = number(shard, 24, 2) as usize;
    assert_eq!(manifest.json["row_bytes"], row_bytes);
    assert_eq!(manifest.json["shard_bits"], shard[26]);
    assert_eq!(number(shard, 32, 8), schema_hash(manifest));
    assert_eq!(shard.len(), 40 + n_rows * (8 + row_bytes));
    let mut lines = String::new();
    for i in 0..n_rows {
        let key = number(shard, 40 + 8 * i, 8);
        let row = &shard[40 + 8 * n_rows + row_bytes * i..][..row_bytes];
        lines += &format!("{key:016x}");
        for column in manifest.json["columns"].as_array().unwrap() {
            lines += &format!(" {}={}", text(&column["name"]), value(manifest, column, row));
        }
        lines += "\n";
    }
    lines
}

/// The digest over shards in the order of their index.
pub fn shards_digest(shards: &[Vec<u8>]) -> String {
    let mut d = sha256(b"vitrine-shards 1");
    for shard in shards {
        let mut input = d.to_vec();
        input.extend(&shard[28..32]);
        input.extend(&shard[12..16]);
        input.extend(&shard[20..24]);
        d = sha256(&input);
    }
    hex(&d)
}

fn value(manifest: &NaiveManifest, column: &Value, row: &[u8]) -> String {
    let kind = &column["kind"];
    let nullable = column["nullable"].as_bool().unwrap();
    let offset = column["bit_offset"].as_u64().unwrap();
    let field = |name: &str| kind[name].as_u64().unwrap();
    let entries = || &manifest.dictionaries[&text(&kind["dictionary"])];
    let code = |width: u64| bits(row, offset, width);
    let missing = |code: u64, width: u64| nullable && (0..width).all(|bit| code >> bit & 1 == 1);
    match kind["type"].as_str().unwrap() {
        "bool" => match (nullable, code(if nullable { 2 } else { 1 })) {
            (_, 0) => "false".into(),
            (_, 1) => "true".into(),
            (true, 3) => "-".into(),
            _ => panic!("no such bool"),
        },
        "vector" => {
            let scale = kind["scale"].as_f64().unwrap() as f32;
            let first = offset as usize / 8;
            let codes: Vec<i8> = row[first..first + field("dims") as usize].iter().map(|byte| *byte as i8).collect();
            if nullable && codes.iter().all(|code| *code == 0) {
                return "-".into();
            }
            format!("{:?}", codes.iter().map(|code| f32::from(*code) * scale).collect::<Vec<_>>())
        }
        "labels" => {
            let names = texts(&kind["names"]);
            let set = code(names.len() as u64);
            let in_set = names.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1);
            format!("{:?}", in_set.map(|(_, name)| name).collect::<Vec<_>>())
        }
        "top_k" => {
            let (id_bits, weight_bits) = (field("id_bits"), field("weight_bits"));
            let mut list = Vec::new();
            for place in 0..field("k") {
                let at = offset + place * (id_bits + weight_bits);
                let weight = bits(row, at + id_bits, weight_bits);
                if weight == 0 {
                    break;
                }
                let weight_max = f64::from(kind["weight_max"].as_f64().unwrap() as f32);
                let weight = (weight as f64 * weight_max / (2_f64.powi(weight_bits as i32) - 1.0)) as f32;
                list.push(format!("{}:{weight:.6}", bits(row, at, id_bits)));
            }
            format!("[{}]", list.join(", "))
        }
        other => {
            let width = field("bits");
            let code = code(width);
            if missing(code, width) {
                return "-".into();
            }
            let real = |name: &str| kind[name].as_f64().unwrap();
            match (other, kind["scale"].as_str()) {
                ("unsigned", None) => code.to_string(),
                ("category", None) => format!("{:?}", entries()[code as usize]),
                ("scaled", Some("linear")) => format!("{:.9}", real("zero") + code as f64 * real("step")),
                ("scaled", Some("log")) => format!("{:.9}", real("zero") * (code as f64 * real("step")).exp()),
                _ => panic!("no such type"),
            }
        }
    }
}

/// The items of an item table as text, one line an item.
pub fn items_text(bytes: &[u8]) -> String {
    assert_eq!(&bytes[0..8], b"VTRITEMS");
    assert_eq!((number(bytes, 8, 2), number(bytes, 10, 2)), (1, 0));
    assert_eq!(number(bytes, 12, 4), u64::from(crc32c(&bytes[16..])));
    assert_eq!(number(bytes, 16, 4), bytes.len() as u64);
    let counts: Vec<usize> = (0..5).map(|i| number(bytes, 20 + 4 * i, 4) as usize).collect();
    let [n_items, n_categories, n_neighbours, id_bytes, category_bytes] = counts[..] else { unreachable!() };
    let mut at = 40;
    let mut section = |length: usize| {
        at += length;
        &bytes[at - length..at]
    };
    let id_ends = section(4 * n_items);
    let category_ends = section(4 * n_categories);
    let category_of = section(2 * n_items);
    let popularity = section(4 * n_items);
    let neighbour_ends = section(4 * n_items);
    let neighbour_scale = section(4 * n_items);
    let neighbour_item = section(4 * n_neighbours);
    let neighbour_code = section(n_neighbours);
    let ids = section(id_bytes);
    let categories = section(category_bytes);
    assert_eq!(at, bytes.len());

    let end = |ends: &[u8], i: usize| number(ends, 4 * i, 4) as usize;
    let begin = |ends: &[u8], i: usize| if i == 0 { 0 } else { end(ends, i - 1) };
    let real = |section: &[u8], i: usize| f32::from_bits(number(section, 4 * i, 4) as u32);
    let name =
        |ends: &[u8], heap: &[u8], i: usize| String::from_utf8(heap[begin(ends, i)..end(ends, i)].to_vec()).unwrap();
    let mut lines = String::new();
    for i in 0..n_items {
        let category = number(category_of, 2 * i, 2) as usize;
        let category = match category {
            65_535 => "-".to_string(),
            _ => format!("{:?}", name(category_ends, categories, category)),
        };
        let neighbours: Vec<String> = (begin(neighbour_ends, i)..end(neighbour_ends, i))
            .map(|j| {
                let weight = f32::from(neighbour_code[j] as i8) * real(neighbour_scale, i);
                format!("{}:{weight:.6}", number(neighbour_item, 4 * j, 4))
            })
            .collect();
        lines += &format!(
            "{i} {:?} category={category} popularity={} neighbours=[{}]\n",
            name(id_ends, ids, i),
            real(popularity, i),
            neighbours.join(", ")
        );
    }
    lines
}

/// CRC-32C one bit at a time.
pub fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

fn schema_hash(manifest: &NaiveManifest) -> u64 {
    let json = &manifest.json;
    let mut canonical = format!("vitrine-schema 1 {}\n", json["row_bytes"]);
    let mut entries = String::new();
    for column in json["columns"].as_array().unwrap() {
        let kind = &column["kind"];
        let kind_type = text(&kind["type"]);
        let nullable = u8::from(column["nullable"].as_bool().unwrap());
        canonical += &format!("column {} {} {nullable} {kind_type}", text(&column["name"]), column["bit_offset"]);
        let double = |name: &str| format!("{:016x}", kind[name].as_f64().unwrap().to_bits());
        let single = |name: &str| format!("{:08x}", (kind[name].as_f64().unwrap() as f32).to_bits());
        canonical += &match kind_type.as_str() {
            "bool" => "\n".to_string(),
            "unsigned" => format!(" {}\n", kind["bits"]),
            "scaled" => {
                format!(" {} {} {} {}\n", kind["bits"], text(&kind["scale"]), double("zero"), double("step"))
            }
            "category" => format!(" {} {}\n", kind["bits"], text(&kind["dictionary"])),
            "labels" => {
                let names = texts(&kind["names"]);
                let lines: String = names.iter().map(|name| format!("{}:{name}\n", name.len())).collect();
                format!(" {}\n{lines}", names.len())
            }
            "top_k" => format!(
                " {} {} {} {} {}\n",
                kind["k"],
                kind["id_bits"],
                kind["weight_bits"],
                single("weight_max"),
                text(&kind["dictionary"])
            ),
            "vector" => format!(" {} {}\n", kind["dims"], single("scale")),
            other => panic!("no such type {other}"),
        };
    }
    for (name, dictionary) in &manifest.dictionaries {
        entries += &format!("dictionary {name} {}\n", dictionary.len());
        for entry in dictionary {
            entries += &format!("{}:{entry}\n", entry.len());
        }
    }
    canonical += &entries;
    number(&sha256(canonical.as_bytes()), 0, 8)
}

fn build_id(manifest: &NaiveManifest) -> String {
    let json = &manifest.json;
    let mut content = "vitrine-build 1\n".to_string();
    for field in ["as_of", "rows", "shard_bits", "key_check", "schema_hash", "shards_digest"] {
        let value = json[field].as_str().map_or(json[field].to_string(), String::from);
        content += &format!("{field} {value}\n");
    }
    if let Some(items) = json.get("items") {
        content += &format!("items {} {} {}\n", items["bytes"], text(&items["crc32c"]), items["n_items"]);
    }
    hex(&sha256(content.as_bytes())[..8])
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn number(bytes: &[u8], offset: usize, length: usize) -> u64 {
    bytes[offset..offset + length].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn bits(row: &[u8], offset: u64, width: u64) -> u64 {
    let bit = |i: u64| u64::from(row[(i / 8) as usize] >> (i % 8) & 1);
    (0..width).map(|j| bit(offset + j) << j).sum()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_string()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(text).collect()
}
