//! Tables of profiles: upload, activation, the way back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vitrine_api::{ProblemCode, Role};

use super::configuration::Shown;
use crate::document::Paths;
use crate::operation::{Access, BYTES, JSON, Operation, Tag, in_path};

/// Greatest manifest. Unit: bytes.
const MANIFEST_BYTES_MAX: usize = 8 << 20;
/// Greatest shard. Unit: bytes.
const SHARD_BYTES_MAX: usize = 4 << 20;
/// Greatest item table. Unit: bytes.
const ITEMS_BYTES_MAX: usize = 24 << 20;
/// Greatest body of the switch. Unit: bytes.
const KILL_BYTES_MAX: usize = 1024;

/// Which table is in use.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TablePointer {
    /// Version of the pointer's form.
    #[schemars(extend("const" = 1))]
    version: u32,
    /// The build in use.
    build: String,
    /// The build that a rollback returns to.
    previous: Option<String>,
    /// Rises with every change.
    epoch: u64,
    /// Whether decisions are switched off: every placement shows its fallback offer.
    kill: bool,
    /// RFC 3339 time of the change.
    activated_at: String,
}

/// How far a verification has come.
#[derive(Serialize, JsonSchema)]
struct Progress {
    /// Whether the build runs now. Otherwise call again.
    done: bool,
    /// The build.
    build: String,
    /// Shards that were verified.
    verified: u32,
    /// Shards of the build.
    of: u32,
}

/// Whether decisions are switched off.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KillSwitch {
    /// Off or on.
    kill: bool,
}

/// Describes the surface.
pub fn describe(paths: &mut Paths) {
    let pointer = paths.schemas.sent::<TablePointer>();
    let show =
        Operation::new("showTables", Tag::Tables, Access::Role(Role::Viewer), "The running build and the last changes")
            .answer(200, "Running build and history", paths.schemas.sent::<Shown<TablePointer>>(), &[])
            .refusals(&[ProblemCode::InvalidRequest]);
    paths.add("get", "/v1/admin/tables", show);

    let rollback = Operation::new(
        "rollBackTable",
        Tag::Tables,
        Access::Role(Role::Approver),
        "Return to the build that ran before",
    )
    .answer(200, "The new pointer", pointer.clone(), &[("rolled back", pointer_example())])
    .refusals(&[ProblemCode::InvalidRequest, ProblemCode::Conflict]);
    paths.add("post", "/v1/admin/tables/rollback", rollback);

    let body = paths.schemas.received::<KillSwitch>();
    let kill =
        Operation::new("killDecisions", Tag::Tables, Access::Role(Role::Approver), "Switch decisions off, or on again")
            .text("While they are off, every placement shows its fallback offer.")
            .body(&[JSON], body, &[("off", json!({ "kill": true }))])
            .body_bytes_max(KILL_BYTES_MAX)
            .answer(200, "The new pointer", pointer, &[])
            .refusals(&[ProblemCode::InvalidRequest, ProblemCode::Conflict]);
    paths.add("post", "/v1/admin/tables/kill", kill);

    let manifest = json!({ "type": "object", "description": "The manifest of docs/formats/profile-table.md." });
    let put = upload("putManifest", "Upload the manifest of a build: first of all its parts")
        .body(&[JSON], manifest, &[])
        .body_bytes_max(MANIFEST_BYTES_MAX);
    paths.add("put", "/v1/admin/tables/{build}/manifest", put);

    let bytes = || json!({ "description": "Bytes of docs/formats/profile-table.md." });
    let put = upload("putItems", "Upload the item table of a build")
        .body(&[BYTES], bytes(), &[])
        .body_bytes_max(ITEMS_BYTES_MAX);
    paths.add("put", "/v1/admin/tables/{build}/items", put);

    let vectors = json!({ "description": "Bytes of docs/formats/item-vectors.md." });
    let put = upload("putItemVectors", "Upload the vectors of a build's items: after the items")
        .body(&[BYTES], vectors, &[])
        .body_bytes_max(ITEMS_BYTES_MAX);
    paths.add("put", "/v1/admin/tables/{build}/vectors", put);

    let shard = json!({ "type": "string", "pattern": "^[0-9a-f]{1,8}$" });
    let put = upload("putShard", "Upload a shard of a build")
        .text("A shard that visitors may be answered from does not change.")
        .parameter(in_path("shard", "Its position in hex, as its file is named.", shard))
        .body(&[BYTES], bytes(), &[])
        .body_bytes_max(SHARD_BYTES_MAX);
    paths.add("put", "/v1/admin/tables/{build}/shards/{shard}", put);

    let progress = paths.schemas.sent::<Progress>();
    let activate =
        Operation::new("activateTable", Tag::Tables, Access::Role(Role::Approver), "Verify a build and let it run")
            .text(
                "Some hundred shards a call are read back and checked; the build runs when all are. Call until `done`.",
            )
            .parameter(build())
            .answer(200, "How far it has come", progress, &[("done", progress_example())])
            .refusals(&[ProblemCode::InvalidRequest, ProblemCode::Conflict, ProblemCode::InvalidTable]);
    paths.add("post", "/v1/admin/tables/{build}/activate", activate);
}

fn upload(id: &str, summary: &str) -> Operation {
    Operation::new(id, Tag::Tables, Access::Role(Role::Approver), summary)
        .parameter(build())
        .empty_answer(204, "Stored")
        .refusals(&[ProblemCode::InvalidRequest, ProblemCode::Conflict, ProblemCode::InvalidTable])
}

fn build() -> Value {
    in_path("build", "The build.", json!({ "type": "string", "pattern": "^[0-9a-f]{16}$" }))
}

fn pointer_example() -> Value {
    json!({
        "version": 1,
        "build": "5f0c1e9a77b2d340",
        "previous": "0a4d8c6b12ef9937",
        "epoch": 4,
        "kill": false,
        "activated_at": "2026-11-30T02:10:00.000Z",
    })
}

fn progress_example() -> Value {
    json!({ "done": true, "build": "5f0c1e9a77b2d340", "verified": 256, "of": 256 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_tables::Pointer;

    #[test]
    fn the_pointer_is_the_one_that_is_stored() {
        let pointer = Pointer::from_json(pointer_example().to_string().as_bytes()).unwrap();
        let described: TablePointer = serde_json::from_slice(&pointer.to_json()).unwrap();
        assert_eq!(json!(described), pointer_example());
    }
}
