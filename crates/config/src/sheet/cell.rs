//! Between the text of a cell and a value, both ways, by the form of its column.
//!
//! Writing proves itself: a cell is written only if reading it gives the value back without a word.

use serde_json::Value as Json;

use super::clock::{self, Clock};
use super::guard;
use super::located::{Located, Value};
use super::number::{self, Decimals, Plain};
use super::table::Form;
use crate::report::Report;
use crate::source::csv::{finding, json_cell, number};
use crate::source::shortened;

/// Where a cell stands and how its file writes decimals.
#[derive(Clone, Copy)]
pub(crate) struct Context {
    pub place: usize,
    pub decimals: Decimals,
}

/// Reads a cell that is not empty; what is wrong is reported, and the value is then [`Value::Broken`].
pub(crate) fn read(cell: &str, form: Form, context: Context, report: &mut Report) -> Value {
    let unguarded = guard::unguarded(cell);
    if unguarded.is_none() && guard::is_failed_formula(cell) {
        return failed_formula(cell, context, report);
    }
    let text = unguarded.unwrap_or(cell);
    let word = text.trim();
    match form {
        Form::Text => Value::Text(text.into()),
        Form::Word => Value::Text(word.into()),
        Form::Number => read_number(word, false, context, report),
        Form::Percent => read_number(word, true, context, report),
        Form::NumberOr(choice) | Form::WordsOr(choice) if choice.contains(&word) => Value::Text(word.into()),
        Form::NumberOr(_) => read_number(word, false, context, report),
        Form::Bool => read_bool(word, context, report),
        Form::Time if unguarded.is_none() => read_time(word, context, report),
        Form::Time => Value::Text(word.into()),
        Form::Words | Form::WordsOr(_) | Form::Numbers | Form::Steps
            if word.starts_with('[') && unguarded.is_none() =>
        {
            read_json(word, context, report)
        }
        Form::Words | Form::WordsOr(_) => list(word, context, |it| Value::Text(it.into())),
        Form::Numbers => list(word, context, |it| read_number(it, true, context, report)),
        Form::Steps => list(word, context, |it| read_step(it, context, report)),
        Form::Any if unguarded.is_some() => Value::Text(text.into()),
        Form::Any => read_any(text, context, report),
        Form::Json => read_json(word, context, report),
    }
}

/// The word of a cell that names something: an id.
pub(crate) fn name(cell: &str) -> &str {
    guard::unguarded(cell).unwrap_or(cell).trim()
}

/// The cell of a value; `None` if the form has no cell for it.
pub(crate) fn write(value: &Json, form: Form) -> Option<String> {
    let is_proven = |cell: &String| {
        let mut report = Report::default();
        let context = Context { place: 0, decimals: Decimals::Point };
        !cell.trim().is_empty()
            && read(cell, form, context, &mut report) == *value
            && report.finish("").is_ok_and(|warnings| warnings.is_empty())
    };
    let plain = match (form, value) {
        (Form::Text | Form::Word | Form::Any, Json::String(text)) => Some(guard::guarded(text)),
        (Form::Time | Form::WordsOr(_) | Form::NumberOr(_), Json::String(text)) => Some(text.clone()),
        (Form::Number | Form::Percent | Form::NumberOr(_) | Form::Any, Json::Number(number)) => {
            Some(number.to_string())
        }
        (Form::Bool | Form::Any, Json::Bool(it)) => Some(it.to_string()),
        (Form::Any, Json::Null) => Some("null".to_owned()),
        (Form::Words | Form::WordsOr(_), Json::Array(words)) => {
            let words: Option<Vec<&str>> = words.iter().map(Json::as_str).collect();
            words.map(|it| guard::guarded(&it.join(";")))
        }
        (Form::Numbers, Json::Array(numbers)) => {
            let numbers: Option<Vec<String>> =
                numbers.iter().map(|it| it.as_number().map(ToString::to_string)).collect();
            numbers.map(|it| it.join(";"))
        }
        (Form::Steps, Json::Array(steps)) => {
            let steps: Option<Vec<String>> = steps.iter().map(step).collect();
            steps.map(|it| it.join("; "))
        }
        _ => None,
    };
    let takes_json = match form {
        Form::Any | Form::Json => true,
        Form::Words | Form::WordsOr(_) | Form::Numbers | Form::Steps => value.is_array(),
        _ => false,
    };
    plain.filter(is_proven).or_else(|| takes_json.then(|| value.to_string()).filter(is_proven))
}

fn step(step: &Json) -> Option<String> {
    let (at, coverage) = (step.get("at")?.as_str()?, step.get("coverage")?.as_number()?);
    Some(format!("{at} {coverage}%"))
}

fn failed_formula(cell: &str, context: Context, report: &mut Report) -> Value {
    let cell = cell.trim();
    let help = if cell.bytes().all(|it| it == b'#') {
        "make the column wider and save again; a text that looks like this needs an apostrophe in front"
    } else {
        "mend the formula and save again; a text that looks like this needs an apostrophe in front"
    };
    let message = format!("{cell:?} is what the spreadsheet program shows instead of a value");
    report.source_error(finding(context.place, "failed_formula", message, help));
    Value::Broken
}

fn read_number(cell: &str, takes_percent: bool, context: Context, report: &mut Report) -> Value {
    let plain = number::plain(cell, context.decimals).filter(|it| takes_percent || !it.is_percent);
    let Some(Plain { digits, is_guessed, .. }) = plain else {
        let message = format!("{:?} is no number", shortened(cell));
        let help = if !takes_percent && cell.trim_end().ends_with(['%', '％']) {
            "write the number without percent sign"
        } else if cell.contains([',', '，']) {
            "write decimals behind a point, and no commas: 1234.5"
        } else {
            "write digits, for example 12 or 0.5, or leave the cell empty"
        };
        report.source_error(finding(context.place, "not_a_number", message, help));
        return Value::Broken;
    };
    let Some(found) = number(&digits) else {
        let message = format!("the number {} is out of range", shortened(&digits));
        report.source_error(finding(context.place, "number_out_of_range", message, "write a smaller number"));
        return Value::Broken;
    };
    if is_guessed {
        let message = format!("{:?} is read as {found}", shortened(cell));
        let help = format!("write {found}, if that is what it means");
        report.source_warning(finding(context.place, "number_rewritten", message, help));
    }
    Value::Number(found)
}

fn read_bool(cell: &str, context: Context, report: &mut Report) -> Value {
    match cell.to_ascii_lowercase().as_str() {
        "true" | "是" | "真" => Value::Bool(true),
        "false" | "否" | "假" => Value::Bool(false),
        _ => {
            let message = format!("{:?} is neither true nor false", shortened(cell));
            report.source_error(finding(
                context.place,
                "not_a_truth_value",
                message,
                "write true or false, or 是 or 否",
            ));
            Value::Broken
        }
    }
}

fn read_time(cell: &str, context: Context, report: &mut Report) -> Value {
    match clock::read(cell) {
        Clock::AsWritten => Value::Text(cell.into()),
        Clock::Local(local) => {
            let message = format!("{:?} is read as {local}, a local time", shortened(cell));
            let help =
                "check day, time and time zone; a text like 2026-12-01T00:00:00+08:00 is never rewritten by a program";
            report.source_warning(finding(context.place, "time_rewritten", message, help));
            Value::Text(local.into())
        }
        Clock::Ambiguous => {
            let message = format!("{:?} may begin with the day or with the month", shortened(cell));
            report.source_error(finding(
                context.place,
                "ambiguous_time",
                message,
                "write the year first: 2026-12-01T00:00",
            ));
            Value::Broken
        }
    }
}

/// The parts of a list, with `;` between them; empty ones do not count.
fn list(cell: &str, context: Context, mut read: impl FnMut(&str) -> Value) -> Value {
    let parts = cell.split([';', '；']).map(str::trim).filter(|it| !it.is_empty());
    Value::List(parts.map(|it| Located { place: context.place, value: read(it) }).collect())
}

/// One step of a ramp: a time, white space, a percentage.
fn read_step(step: &str, context: Context, report: &mut Report) -> Value {
    let Some((time, coverage)) = step.trim_end_matches(['%', '％']).trim_end().rsplit_once(char::is_whitespace) else {
        let message = format!("{:?} is no step of a ramp", shortened(step));
        let help = "write a time and a percentage, for example 2026-12-01T00:00 10%, and ; between steps";
        report.source_error(finding(context.place, "not_a_step", message, help));
        return Value::Broken;
    };
    let at = read_time(time.trim(), context, report);
    let coverage = read_number(coverage, true, context, report);
    let members = [("at", at), ("coverage", coverage)];
    Value::Object(
        members.map(|(key, value)| (key.into(), Located { place: context.place, value })).into_iter().collect(),
    )
}

fn read_any(cell: &str, context: Context, report: &mut Report) -> Value {
    let word = cell.trim();
    if word.starts_with(['{', '[', '"']) {
        return read_json(word, context, report);
    }
    if number::is_json_number(word) {
        return read_number(word, false, context, report);
    }
    match word {
        "null" => Value::Null,
        _ if word.eq_ignore_ascii_case("true") => Value::Bool(true),
        _ if word.eq_ignore_ascii_case("false") => Value::Bool(false),
        _ => Value::Text(cell.into()),
    }
}

/// Reads JSON.
pub(crate) fn read_json(cell: &str, context: Context, report: &mut Report) -> Value {
    json_cell(cell, context.place).unwrap_or_else(|what| {
        let is_typographic = cell.contains(['“', '”', '„', '：', '，', '｛', '｝']);
        let help = match is_typographic {
            true => "use straight quotes (\") and half-width : , { } in JSON; programs replace them while one types",
            false => "write JSON, for example {\"context.country\": \"FR\"}; texts in it need double quotes",
        };
        report.source_error(finding(context.place, "broken_json_cell", format!("broken JSON, {what}"), help));
        Value::Broken
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(value: Json, form: Form, expected: Option<&str>) {
        assert_eq!(write(&value, form).as_deref(), expected, "{value} as {form:?}");
    }

    #[test]
    fn values_are_written_as_people_read_them() {
        use Form::*;
        for (value, form, expected) in [
            (json!("Spring, \"now\"\nonly"), Text, Some("Spring, \"now\"\nonly")),
            (json!(" x "), Text, Some(" x ")),
            (json!(""), Text, None),
            (json!("  "), Text, None),
            (json!(5), Text, None),
            (json!(null), Text, None),
            (json!("007"), Text, Some("'007")),
            (json!("=1+1"), Text, Some("'=1+1")),
            (json!("'007"), Word, Some("''007")),
            (json!(" x "), Word, None),
            (json!(12.5), Number, Some("12.5")),
            (json!(1.0), Number, Some("1.0")),
            (json!(-0.0), Number, Some("-0.0")),
            (json!(u64::MAX), Number, Some("18446744073709551615")),
            (json!(1e-300), Number, Some("1e-300")),
            (json!("5"), Number, None),
            (json!(33.4), Percent, Some("33.4")),
            (json!(true), Bool, Some("true")),
            (json!("true"), Bool, None),
            (json!("2026-12-01T00:00:00+08:00"), Time, Some("2026-12-01T00:00:00+08:00")),
            (json!("2026-12-01T00:00"), Time, Some("2026-12-01T00:00")),
            (json!("2026/12/1"), Time, None),
            (json!(["a", "b c"]), Words, Some("a;b c")),
            (json!(["22423"]), Words, Some("22423")),
            (json!(["007"]), Words, Some("'007")),
            (json!(["=a", "b"]), Words, Some("'=a;b")),
            (json!(["a;b"]), Words, Some(r#"["a;b"]"#)),
            (json!(["[a]"]), Words, Some(r#"["[a]"]"#)),
            (json!([1]), Words, Some("[1]")),
            (json!([]), Words, Some("[]")),
            (json!("a"), Words, None),
            (json!("all"), WordsOr(&["all"]), Some("all")),
            (json!(["all"]), WordsOr(&["all"]), Some(r#"["all"]"#)),
            (json!("some"), WordsOr(&["all"]), None),
            (json!([50, 0.5]), Numbers, Some("50;0.5")),
            (json!([50, "a"]), Numbers, Some(r#"[50,"a"]"#)),
            (json!(5), NumberOr(&["none"]), Some("5")),
            (json!("none"), NumberOr(&["none"]), Some("none")),
            (json!("some"), NumberOr(&["none"]), None),
            (
                json!([{"at": "2026-12-01T00:00", "coverage": 10}, {"at": "2026-12-02T00:00:00Z", "coverage": 50.5}]),
                Steps,
                Some("2026-12-01T00:00 10%; 2026-12-02T00:00:00Z 50.5%"),
            ),
            (
                json!([{"at": "2026-12-01T00:00", "coverage": 10, "x": 1}]),
                Steps,
                Some(r#"[{"at":"2026-12-01T00:00","coverage":10,"x":1}]"#),
            ),
            (json!([{"at": "now; then", "coverage": 10}]), Steps, Some(r#"[{"at":"now; then","coverage":10}]"#)),
            (json!("red"), Any, Some("red")),
            (json!("5"), Any, Some(r#""5""#)),
            (json!("true"), Any, Some("'true")),
            (json!("null"), Any, Some(r#""null""#)),
            (json!(""), Any, Some(r#""""#)),
            (json!("{x"), Any, Some(r#""{x""#)),
            (json!("=x"), Any, Some("'=x")),
            (json!(5), Any, Some("5")),
            (json!(true), Any, Some("true")),
            (json!(null), Any, Some("null")),
            (json!({"a": [1]}), Any, Some(r#"{"a":[1]}"#)),
            (json!("a"), Json, Some(r#""a""#)),
        ] {
            check(value, form, expected);
        }
    }

    #[track_caller]
    fn check_read(cell: &str, form: Form, expected: Json, codes: &[&str]) {
        let mut report = Report::default();
        let value = read(cell, form, Context { place: 0, decimals: Decimals::Point }, &mut report);
        let found: Vec<_> = report.finish("").unwrap_or_else(|it| it).iter().map(|it| it.code).collect();
        assert_eq!(found, codes, "{cell:?}");
        let is_broken = matches!(value, Value::Broken);
        if codes == ["not_a_step"] {
            return;
        }
        assert!(is_broken && expected == json!("(broken)") || value == expected, "{cell:?} is read as {value:?}");
    }

    #[test]
    fn cells_are_read_as_programs_and_people_write_them() {
        use Form::*;
        let broken = || json!("(broken)");
        for (cell, form, expected, codes) in [
            ("TRUE", Bool, json!(true), &[][..]),
            ("否", Bool, json!(false), &[]),
            ("perhaps", Bool, broken(), &["not_a_truth_value"]),
            ("50%", Percent, json!(50), &[]),
            ("５０％", Percent, json!(50), &["number_rewritten"]),
            ("50%", Number, broken(), &["not_a_number"]),
            ("1e999", Number, broken(), &["number_out_of_range"]),
            ("a ; b；c;", Words, json!(["a", "b", "c"]), &[]),
            (
                "2026/12/1 0:00 10%; 2026-12-02T00:00 ５０ ％",
                Steps,
                json!([{"at": "2026-12-01T00:00", "coverage": 10}, {"at": "2026-12-02T00:00", "coverage": 50}]),
                &["time_rewritten", "number_rewritten"],
            ),
            ("10%", Steps, json!([null]), &["not_a_step"]),
            ("[\"a\"", Words, broken(), &["broken_json_cell"]),
            ("{“a”：1}", Json, broken(), &["broken_json_cell"]),
            ("{\"a\": 1e999}", Json, broken(), &["broken_json_cell"]),
            ("{\"a\": 1, \"a\": 2}", Json, broken(), &["broken_json_cell"]),
            ("007", Any, json!("007"), &[]),
            ("TRUE", Any, json!(true), &[]),
            ("'=1+1", Any, json!("=1+1"), &[]),
            ("'5", Text, json!("'5"), &[]),
            ("2026/12/1 0:00", Time, json!("2026-12-01T00:00"), &["time_rewritten"]),
            ("1/12/2026", Time, broken(), &["ambiguous_time"]),
            ("tomorrow", Time, json!("tomorrow"), &[]),
            ("#REF!", Text, broken(), &["failed_formula"]),
            ("########", Time, broken(), &["failed_formula"]),
            ("'#REF!", Text, json!("#REF!"), &[]),
        ] {
            check_read(cell, form, expected, codes);
        }
    }
}
