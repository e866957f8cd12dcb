//! Cleaning policies as SQL: what is checked, capped and filled in each column, and how many rows that touches.
//!
//! A policy sees the values as they were read: bounds and fill-ins come from the values of the whole feed that are
//! there and valid. A value that is there but cannot be read is never filled in; it is set aside.

use super::fields::{self, Field, Holds};
use super::layout::Layout;
use super::numbers::Numbers;
use super::read::flag;
use crate::BuildError;
use crate::engine::{Engine, text_literal};
use crate::report::{PolicyCount, ScaleParameters};
use vitrine_intake::{ColumnPolicy, ColumnType, Kind, Missing, OutlierAction, OutlierRule, Outliers, Scale, Validator};

/// A column with policies.
struct Target<'a> {
    /// Field or attribute, as in the mapping.
    name: &'a str,
    /// The column with the value, and the one with its text.
    column: String,
    text: String,
    /// What the value is cast to when it is replaced.
    sql_type: String,
    /// SQL for the value as a number; `None` where numbers make no sense.
    number: Option<String>,
    /// One unit of the file in units of the column: minor units of the currency.
    unit: f64,
    is_id: bool,
    is_attribute: bool,
    /// The declared type.
    kind: Option<ColumnType>,
    policies: &'a ColumnPolicy,
}

/// What sets a whole row aside.
struct RowFault {
    /// SQL.
    condition: String,
    code: &'static str,
    /// SQL for the name of the field, and for its text.
    field: String,
    text: String,
}

/// The conditions and values that one column gets.
struct Plan {
    /// Whole-row faults: condition and code.
    row_faults: Vec<(String, &'static str)>,
    /// Faults of the cell alone.
    cell_faults: Vec<(String, &'static str)>,
    value: String,
    counts: Vec<(PolicyCount, String)>,
}

/// What the policies of a layout make of the rows of a table.
pub(super) struct Applied {
    columns: Vec<String>,
    policies: Vec<PolicyCount>,
    /// SQL for the number of rows that each policy touches.
    counts: Vec<String>,
}

impl Applied {
    /// The query for the rows of `table` with the policies applied.
    pub(super) fn sql(&self, table: &str) -> String {
        format!("SELECT {} FROM {table}", self.columns.join(", "))
    }

    /// SQL for the number of rows of the table that each policy touches.
    pub(super) fn counts(&self) -> &[String] {
        &self.counts
    }

    /// What each policy did, given how many rows it touched.
    pub(super) fn counted(mut self, rows: impl IntoIterator<Item = u64>) -> Vec<PolicyCount> {
        for (policy, rows) in self.policies.iter_mut().zip(rows) {
            policy.rows = rows;
        }
        self.policies
    }
}

/// The query for the rows of `table` with the policies of `layout` applied, and what they did.
pub(super) fn apply(
    engine: &Engine,
    kind: Kind,
    layout: &Layout,
    feed: &str,
    table: &str,
) -> Result<(String, Vec<PolicyCount>), BuildError> {
    let applied = plan(engine, kind, layout, feed, table)?;
    let mut rows = Vec::new();
    if !applied.counts.is_empty() {
        let counted = engine.texts(table, &format!("SELECT {} FROM {table}", aliased(&applied.counts)))?;
        let number = |rows: Option<String>| rows.and_then(|rows| rows.parse().ok()).unwrap_or(0);
        rows = counted.into_iter().flatten().map(number).collect();
    }
    Ok((applied.sql(table), applied.counted(rows)))
}

/// Whether a policy of the layout asks the rows for a bound or for what stands in for a missing value.
pub(super) fn ask_rows(kind: Kind, layout: &Layout) -> bool {
    targets(kind, layout).iter().any(|target| {
        let outliers = target.policies.outliers.as_ref().map(|outliers| outliers.rule);
        matches!(outliers, Some(OutlierRule::Iqr { .. } | OutlierRule::Mad { .. }))
            || matches!(target.policies.missing, Some(Missing::Median | Missing::Mode))
    })
}

/// Whether a column of the layout is to be brought to another scale.
pub(super) fn ask_scales(kind: Kind, layout: &Layout) -> bool {
    targets(kind, layout).iter().any(|target| target.policies.scale.is_some())
}

/// What the policies of `layout` make of the rows of `table`.
pub(super) fn plan(
    engine: &Engine,
    kind: Kind,
    layout: &Layout,
    feed: &str,
    table: &str,
) -> Result<Applied, BuildError> {
    let mut columns: Vec<String> =
        ["row_no", "file_idx", "source_row", "earliest_s", "line_key"].map(str::to_owned).to_vec();
    if kind == Kind::Orders {
        columns.push("is_cancellation".into());
    }
    let mut faults: Vec<RowFault> = Vec::new();
    let mut policies = Vec::new();
    let mut counts = Vec::new();
    for target in targets(kind, layout) {
        let plan = target.plan(engine, kind, layout, feed, table)?;
        if target.text != target.column {
            columns.push(target.text.clone());
        }
        columns.push(format!("{} AS {}", plan.value, target.column));
        if target.is_attribute {
            columns.push(format!("{} AS {}_fault", cases(&plan.cell_faults), target.column));
        }
        let text = if target.is_id { "CAST(NULL AS VARCHAR)".to_owned() } else { target.text.clone() };
        for (condition, code) in plan.row_faults {
            faults.push(RowFault { condition, code, field: text_literal(target.name), text: text.clone() });
        }
        for (policy, condition) in plan.counts {
            policies.push(policy);
            counts.push(format!("coalesce(sum(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)"));
        }
    }
    columns.push(format!("{} AS fault", pick(&faults, |fault| text_literal(fault.code))));
    columns.push(format!("{} AS fault_field", pick(&faults, |fault| fault.field.clone())));
    columns.push(format!("{} AS fault_text", pick(&faults, |fault| fault.text.clone())));
    Ok(Applied { columns, policies, counts })
}

/// The parameters of every scale that the layout asks for, from the cleaned rows in `table`.
pub(super) fn scales(
    engine: &Engine,
    kind: Kind,
    layout: &Layout,
    feed: &str,
    table: &str,
) -> Result<Vec<ScaleParameters>, BuildError> {
    let mut scales = Vec::new();
    for target in targets(kind, layout) {
        let Some(scale) = target.policies.scale else { continue };
        let number = target.number(layout, "scale")?;
        let numbers = numbers(engine, table, number, "fault IS NULL")?;
        let (Some(min), Some(max), Some(mean), Some(deviation)) =
            (numbers.min(), numbers.max(), numbers.mean(), numbers.deviation())
        else {
            continue;
        };
        let (method, zero, width) = match scale {
            Scale::MinMax => ("min_max", min, max - min),
            Scale::ZScore => ("z_score", mean, deviation),
            // ln(1 + value): values below 0 are put aside.
            Scale::Log => ("log", -1.0, 1.0),
        };
        scales.push(ScaleParameters {
            feed: feed.to_owned(),
            kind: kind.name().to_owned(),
            column: target.name.to_owned(),
            method: method.to_owned(),
            zero,
            width,
            rows: numbers.n(),
        });
    }
    Ok(scales)
}

/// Every column of a kind, with its policies or none.
fn targets(kind: Kind, layout: &Layout) -> Vec<Target<'_>> {
    static NONE: ColumnPolicy = ColumnPolicy { missing: None, outliers: None, valid: None, kind: None, scale: None };
    let minor = 10_f64.powi(i32::from(layout.mapping.minor_digits));
    let of_field = |field: Field| {
        let numeric = field.is_numeric();
        Target {
            name: field.name,
            column: field.column(),
            text: field.text_column(),
            sql_type: field.sql_type(),
            number: numeric.then(|| format!("CAST({} AS DOUBLE)", field.column())),
            unit: if field.holds == Holds::Money { minor } else { 1.0 },
            is_id: field.is_id,
            is_attribute: false,
            kind: layout.section.columns.get(field.name).and_then(|policy| policy.kind),
            policies: layout.section.columns.get(field.name).unwrap_or(&NONE),
        }
    };
    let fields = fields::of(kind).into_iter().map(of_field);
    let attributes = layout.section.attributes.iter().enumerate().map(|(idx, attribute)| {
        let numeric = attribute.kind.is_number();
        Target {
            name: &attribute.name,
            column: format!("a{idx}"),
            text: format!("a{idx}_text"),
            sql_type: "VARCHAR".into(),
            number: numeric.then(|| format!("TRY_CAST(a{idx} AS DOUBLE)")),
            unit: 1.0,
            is_id: false,
            is_attribute: true,
            kind: Some(attribute.kind),
            policies: &attribute.policy,
        }
    });
    fields.chain(attributes).collect()
}

impl Target<'_> {
    /// SQL for the value as a number. Errors: the column holds none.
    fn number(&self, layout: &Layout, policy: &str) -> Result<&str, BuildError> {
        self.number.as_deref().ok_or_else(|| BuildError::Policy {
            mapping: layout.mapping.name.clone(),
            key: format!("{}.{policy}", self.name),
            what: "needs numbers; give the attribute type = \"int\" or \"decimal\", or take the policy out".into(),
        })
    }

    fn plan(&self, engine: &Engine, kind: Kind, layout: &Layout, feed: &str, table: &str) -> Result<Plan, BuildError> {
        let (text, policies) = (&self.text, self.policies);
        let mut plan =
            Plan { row_faults: Vec::new(), cell_faults: Vec::new(), value: self.column.clone(), counts: Vec::new() };
        let count = |policy: String| PolicyCount {
            feed: feed.to_owned(),
            kind: kind.name().to_owned(),
            column: self.name.to_owned(),
            policy,
            rows: 0,
            low: None,
            high: None,
            filled_with: None,
        };
        let mut sound = vec![format!("{text} IS NOT NULL")];
        let mut judge = |plan: &mut Plan, condition: String, code: &'static str, policy: String| {
            sound.push(format!("NOT ({condition})"));
            plan.counts.push((count(policy), condition.clone()));
            let faults = if self.is_attribute { &mut plan.cell_faults } else { &mut plan.row_faults };
            faults.push((condition, code));
        };
        if let Some(kind) = self.kind
            && let Some(condition) = self.wrong_type(kind, layout)
        {
            judge(&mut plan, condition, "bad_type", format!("type {}", kind.name()));
        }
        if let Some(valid) = &policies.valid {
            let condition = format!("{text} IS NOT NULL AND NOT ({})", check(valid, text, layout));
            judge(&mut plan, condition, "invalid_value", "valid".to_owned());
        }
        if policies.scale == Some(Scale::Log) {
            let condition = format!("coalesce({} < 0, false)", self.number(layout, "scale")?);
            judge(&mut plan, condition, "outlier", "scale log".to_owned());
        }
        let sound = sound.join(" AND ");
        if let Some(Outliers { rule, action }) = policies.outliers {
            let number = self.number(layout, "outliers")?;
            let (low, high) = self.bounds(engine, table, number, &sound, rule)?;
            let below = low.map(|low| format!("{number} < {}", literal(low)));
            let above = high.map(|high| format!("{number} > {}", literal(high)));
            let either: Vec<String> = [&below, &above].into_iter().flatten().cloned().collect();
            let condition = if either.is_empty() {
                "false".to_owned()
            } else {
                format!("coalesce({}, false)", either.join(" OR "))
            };
            let mut counted = count(format!("outliers {} {}", rule_name(rule), action_name(action)));
            (counted.low, counted.high) = (low.map(|low| low / self.unit), high.map(|high| high / self.unit));
            plan.counts.push((counted, condition.clone()));
            match action {
                OutlierAction::Drop if self.is_attribute => plan.cell_faults.push((condition, "outlier")),
                OutlierAction::Drop => plan.row_faults.push((condition, "outlier")),
                OutlierAction::Flag => {}
                OutlierAction::Cap => {
                    let mut whens = String::new();
                    for (condition, bound) in [(below, low), (above, high)] {
                        if let (Some(condition), Some(bound)) = (condition, bound) {
                            whens += &format!("WHEN {condition} THEN {} ", self.cast(&literal(bound)));
                        }
                    }
                    if !whens.is_empty() {
                        plan.value = format!("CASE {whens}ELSE {} END", plan.value);
                    }
                }
            }
        }
        if let Some(missing) = &policies.missing {
            let condition = format!("{text} IS NULL");
            let mut counted = count(format!("missing {}", missing_name(missing)));
            if *missing == Missing::Drop {
                plan.row_faults.push((condition.clone(), "missing_value"));
            } else if let Some(fill) = self.fill(engine, kind, layout, table, &sound, missing, &mut counted)? {
                plan.value = format!("CASE WHEN {condition} THEN {fill} ELSE {} END", plan.value);
            }
            plan.counts.push((counted, condition));
        }
        if self.is_attribute && !plan.cell_faults.is_empty() {
            plan.value = format!("CASE WHEN ({}) IS NULL THEN {} END", cases(&plan.cell_faults), plan.value);
        }
        Ok(plan)
    }

    /// SQL for "there is text, but it is not of the type".
    fn wrong_type(&self, kind: ColumnType, layout: &Layout) -> Option<String> {
        let Self { text, column, .. } = self;
        if self.is_attribute {
            return (!matches!(kind, ColumnType::Category | ColumnType::Text))
                .then(|| format!("{text} IS NOT NULL AND {column} IS NULL"));
        }
        let wrong = |cast: String| Some(format!("{text} IS NOT NULL AND ({cast}) IS NULL"));
        match kind {
            ColumnType::Int if self.number.is_some() => Some(format!("coalesce({column} <> trunc({column}), false)")),
            // Numbers that cannot be read are set aside anyhow.
            _ if text != column => None,
            ColumnType::Int => wrong(format!("TRY_CAST({text} AS BIGINT)")),
            ColumnType::Decimal => wrong(format!("TRY_CAST({text} AS DECIMAL(18, 6))")),
            ColumnType::Date => wrong(layout.time(text)),
            ColumnType::Bool => wrong(flag(text)),
            ColumnType::Category | ColumnType::List | ColumnType::Text => None,
        }
    }

    /// The bounds beyond which a value is an outlier, in the unit of the column.
    fn bounds(
        &self,
        engine: &Engine,
        table: &str,
        number: &str,
        sound: &str,
        rule: OutlierRule,
    ) -> Result<(Option<f64>, Option<f64>), BuildError> {
        if let OutlierRule::Range { min, max } = rule {
            return Ok((min.map(|min| min * self.unit), max.map(|max| max * self.unit)));
        }
        let numbers = numbers(engine, table, number, sound)?;
        Ok(match rule {
            OutlierRule::Iqr { k } => match (numbers.quantile(0.25), numbers.quantile(0.75)) {
                (Some(low), Some(high)) => (Some(low - k * (high - low)), Some(high + k * (high - low))),
                _ => (None, None),
            },
            OutlierRule::Mad { k } => match (numbers.median(), numbers.absolute_deviation()) {
                // 1.4826 times the deviation is the standard deviation, were the values normal.
                (Some(median), Some(mad)) => (Some(median - k * 1.4826 * mad), Some(median + k * 1.4826 * mad)),
                _ => (None, None),
            },
            OutlierRule::Range { .. } => (None, None),
        })
    }

    /// SQL for what stands in for a missing value; `None` if the data has nothing to go by.
    #[allow(clippy::too_many_arguments, reason = "one call; the parts have nothing else in common")]
    fn fill(
        &self,
        engine: &Engine,
        kind: Kind,
        layout: &Layout,
        table: &str,
        sound: &str,
        missing: &Missing,
        counted: &mut PolicyCount,
    ) -> Result<Option<String>, BuildError> {
        let is_text = self.sql_type == "VARCHAR";
        let refuse = |what: &str| {
            let key = format!("{}.missing", self.name);
            Err(BuildError::Policy { mapping: layout.mapping.name.clone(), key, what: what.to_owned() })
        };
        match missing {
            Missing::Drop => Ok(None),
            Missing::Unknown if is_text => {
                counted.filled_with = Some("unknown".into());
                Ok(Some("'unknown'".into()))
            }
            Missing::Unknown => refuse("\"unknown\" is for texts; choose a constant, \"median\" or \"drop\""),
            Missing::Constant(constant) => {
                counted.filled_with = Some(constant.clone());
                if is_text {
                    return Ok(Some(text_literal(constant)));
                }
                if self.number.is_some() {
                    return match constant.trim().parse::<f64>() {
                        Ok(number) if number.is_finite() => Ok(Some(self.cast(&literal(number * self.unit)))),
                        _ => refuse("the constant is no number"),
                    };
                }
                Ok(Some(if self.sql_type == "TIMESTAMP" {
                    format!("CAST({} AS TIMESTAMP)", layout.time(&text_literal(constant)))
                } else {
                    flag(&text_literal(constant))
                }))
            }
            Missing::Mode if self.number.is_none() => {
                let (column, of) = (&self.column, format!("{sound} AND {} IS NOT NULL", self.column));
                let sql = format!(
                    "SELECT {column} FROM {table} WHERE {of} GROUP BY {column} ORDER BY count(*) DESC, {column} LIMIT 1"
                );
                let mode = engine.texts(table, &sql)?.into_iter().flatten().flatten().next();
                counted.filled_with.clone_from(&mode);
                Ok(mode.map(|mode| format!("CAST({} AS {})", text_literal(&mode), self.sql_type)))
            }
            Missing::Median | Missing::Mode => {
                let numbers = numbers(engine, table, self.number(layout, "missing")?, sound)?;
                let value = if *missing == Missing::Median { numbers.lower_median() } else { numbers.mode() };
                counted.filled_with = value.map(|value| format!("{}", value / self.unit));
                Ok(value.map(|value| self.cast(&literal(value))))
            }
            Missing::Linear => {
                let number = self.number(layout, "missing")?;
                let Some((time, parts)) = fields::series(kind) else {
                    return refuse("\"linear\" needs a time, which these rows do not have");
                };
                let time = format!("CAST(to_unixtime({time}) AS DOUBLE)");
                let parts = parts.join(", ");
                let near = |value: &str, order: &str| {
                    format!(
                        "last_value(CASE WHEN {number} IS NOT NULL AND {time} IS NOT NULL THEN {value} END) IGNORE NULLS OVER (PARTITION BY {parts} \
                         ORDER BY {time} {order}, row_no {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
                    )
                };
                let (v0, t0) = (near(number, "ASC"), near(&time, "ASC"));
                let (v1, t1) = (near(number, "DESC"), near(&time, "DESC"));
                Ok(Some(self.cast(&format!(
                    "CASE WHEN {time} IS NULL THEN NULL WHEN {v0} IS NULL THEN {v1} WHEN {v1} IS NULL OR {t1} = {t0} THEN {v0} \
                     ELSE {v0} + ({v1} - {v0}) * ({time} - {t0}) / ({t1} - {t0}) END"
                ))))
            }
        }
    }

    /// SQL for a number as a value of the column.
    fn cast(&self, number: &str) -> String {
        if self.sql_type == "VARCHAR" {
            let whole = self.kind == Some(ColumnType::Int);
            let as_decimal = format!("CAST({number} AS DECIMAL(18, 6))");
            return if whole {
                format!("CAST(CAST(round({number}) AS BIGINT) AS VARCHAR)")
            } else {
                format!("rtrim(rtrim(CAST({as_decimal} AS VARCHAR), '0'), '.')")
            };
        }
        format!("CAST({number} AS {})", self.sql_type)
    }
}

/// The distinct numbers of a column with their counts.
fn numbers(engine: &Engine, table: &str, number: &str, of: &str) -> Result<Numbers, BuildError> {
    let mut counted = Vec::new();
    let sql = format!(
        "SELECT {number} AS x, count(*) AS n FROM {table} WHERE {of} AND {number} IS NOT NULL GROUP BY {number}"
    );
    engine.each_row(table, &sql, |row| {
        if let [Some(value), Some(n)] = row
            && let (Ok(value), Ok(n)) = (value.parse(), n.parse())
        {
            counted.push((value, n));
        }
        Ok(())
    })?;
    Ok(Numbers::new(counted))
}

/// SQL for "the text is sound".
fn check(valid: &Validator, text: &str, layout: &Layout) -> String {
    let fits = |regex: &str| format!("regexp_like({text}, {})", text_literal(regex));
    match valid {
        // As people write them: blanks, dots, dashes and brackets between 7 to 15 digits.
        Validator::Phone => format!("regexp_like(regexp_replace({text}, '[\\s().-]', '', 'g'), '^\\+?[0-9]{{7,15}}$')"),
        Validator::Email => fits(r"^[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]{2,}$"),
        Validator::Date => format!("{} IS NOT NULL", layout.time(text)),
        Validator::Region => fits(r"^([A-Z]{2}(-[A-Z0-9]{1,3})?|[1-9][0-9]{5})$"),
        Validator::Pattern(regex) => fits(&format!("^(?:{regex})$")),
        Validator::Values(values) => {
            let values: Vec<String> = values.iter().map(|value| text_literal(value)).collect();
            if values.is_empty() { "false".into() } else { format!("{text} IN ({})", values.join(", ")) }
        }
    }
}

/// SQL for something of the first fault that a row has; null without any.
fn pick(faults: &[RowFault], of: impl Fn(&RowFault) -> String) -> String {
    if faults.is_empty() {
        return "CAST(NULL AS VARCHAR)".into();
    }
    let whens: Vec<String> =
        faults.iter().map(|fault| format!("WHEN {} THEN {}", fault.condition, of(fault))).collect();
    format!("CASE {} END", whens.join(" "))
}

fn cases(faults: &[(String, &'static str)]) -> String {
    if faults.is_empty() {
        return "CAST(NULL AS VARCHAR)".into();
    }
    let whens: Vec<String> =
        faults.iter().map(|(condition, code)| format!("WHEN {condition} THEN {}", text_literal(code))).collect();
    format!("CASE {} END", whens.join(" "))
}

/// Columns with names of their own, as a query needs them.
pub(super) fn aliased(columns: &[String]) -> String {
    let named: Vec<String> = columns.iter().enumerate().map(|(idx, sql)| format!("{sql} AS c{idx}")).collect();
    named.join(", ")
}

/// A number as SQL, to six decimals, which is what columns keep.
fn literal(number: f64) -> String {
    format!("CAST({number:.6} AS DOUBLE)")
}

fn rule_name(rule: OutlierRule) -> &'static str {
    match rule {
        OutlierRule::Range { .. } => "range",
        OutlierRule::Iqr { .. } => "iqr",
        OutlierRule::Mad { .. } => "mad",
    }
}

fn action_name(action: OutlierAction) -> &'static str {
    match action {
        OutlierAction::Drop => "drop",
        OutlierAction::Cap => "cap",
        OutlierAction::Flag => "flag",
    }
}

fn missing_name(missing: &Missing) -> &'static str {
    match missing {
        Missing::Drop => "drop",
        Missing::Constant(_) => "constant",
        Missing::Median => "median",
        Missing::Mode => "mode",
        Missing::Linear => "linear",
        Missing::Unknown => "unknown",
    }
}
