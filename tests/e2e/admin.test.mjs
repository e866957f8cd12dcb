// The administrative interface: who may call it, what it refuses, and that pointers move only when all is verified.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import {
  activate, assertProblem, assertTooLarge, gist, offers, publishAll, publishOffers, readTable, request, TODAY, TOMORROW, upload, VISITORS,
} from "./support/fixture.mjs";
import { exampleOrSkip } from "./support/native.mjs";
import { ADMIN_TOKEN, eventually, read, sha256, startFleet, startWorker } from "./support/worker.mjs";

const ask = async (worker) => gist(await worker.decide(request(VISITORS.tea)));
const pointerOf = async (worker, what) => (await worker.admin("GET", what)).body.current;

describe("who may call", () => {
  let fleet;
  before(async () => {
    fleet = await startFleet([
      { name: "set" },
      { name: "capitals", vars: { ADMIN_TOKEN_SHA256: sha256(ADMIN_TOKEN).toUpperCase() } },
      { name: "unset", vars: { ADMIN_TOKEN_SHA256: null } },
      { name: "empty", vars: { ADMIN_TOKEN_SHA256: "" } },
    ]);
  });
  after(() => fleet?.stop());

  const CASES = [
    ["set", "the token", `Bearer ${ADMIN_TOKEN}`, 200],
    ["capitals", "the token, its hash in capitals", `Bearer ${ADMIN_TOKEN}`, 200],
    ["set", "no token", undefined, 401],
    ["set", "another token", "Bearer guess", 401],
    ["set", "an empty token", "Bearer ", 401],
    ["set", "the token and more", `Bearer ${ADMIN_TOKEN}x`, 401],
    ["set", "the hash for the token", `Bearer ${sha256(ADMIN_TOKEN)}`, 401],
    ["set", "another scheme", `Basic ${ADMIN_TOKEN}`, 401],
    ["unset", "a token, but none is set", `Bearer ${ADMIN_TOKEN}`, 401],
    ["empty", "a token, but the setting is empty", `Bearer ${ADMIN_TOKEN}`, 401],
    ["empty", "nothing, and the setting is empty", "Bearer ", 401],
  ];
  const CALLS = [
    ["GET", "config"],
    ["PUT", "config"],
    ["POST", "config/rollback"],
    ["GET", "tables"],
    ["POST", "tables/rollback"],
    ["POST", "tables/kill"],
    ["POST", `tables/${TODAY.build}/activate`],
    ["PUT", `tables/${TODAY.build}/manifest`],
    ["PUT", `tables/${TODAY.build}/items`],
    ["PUT", `tables/${TODAY.build}/vectors`],
    ["PUT", `tables/${TODAY.build}/shards/0`],
    ["GET", "no/such/call"],
  ];
  for (const [worker, what, authorization, status] of CASES) {
    test(what, async () => {
      for (const [method, path] of status === 200 ? CALLS.slice(0, 1) : CALLS) {
        const headers = authorization === undefined ? {} : { authorization };
        const body = method === "GET" ? undefined : '{"kill":true}';
        const answer = await read(await fleet.worker(worker).fetch(`/v1/admin/${path}`, { method, headers, body }));
        if (status === 200) return assert.equal(answer.status, 200, answer.text);
        assertProblem(answer, 401, "unauthorized");
        assert.equal(answer.headers.get("www-authenticate"), "Bearer");
        assert.ok(!answer.text.includes(sha256(ADMIN_TOKEN)), "nothing about the expected token");
      }
    });
  }

  test("nothing was written by those who may not", async () => {
    for (const worker of fleet.workers) assert.deepEqual(await worker.stored(), {});
  });
});

describe("configurations", () => {
  let worker;
  before(async () => {
    worker = await startWorker();
  });
  after(() => worker?.stop());

  const renamed = (title) => {
    const document = offers();
    document.offers.find((it) => it.id === "back-soon").content = { title };
    return document;
  };
  const shown = async () => {
    const { body } = await worker.decide(request(undefined, "closed"));
    return [body.bundle, body.decisions[0].fallback.content?.title];
  };

  test("are refused whole, with every mistake told, and nothing is published", async () => {
    const document = offers();
    document.offers[0].startz = "2026-01-01T00:00:00Z";
    document.offers[1].starts = "2026-01-01";
    delete document.placements[0].fallback;
    document.placements[1].offers.push("no-such-offer");
    for (const path of ["config", "config?dry_run=true"]) {
      const answer = await worker.admin("PUT", path, document);
      const pointers = ["/offers/0/startz", "/offers/1/starts", "/placements/0", "/placements/1/offers/4"];
      assertProblem(answer, 422, "invalid_configuration", pointers);
      const codes = answer.body.errors.map((it) => it.code);
      assert.deepEqual(codes, ["unknown_key", "invalid_time", "placement_without_fallback", "unknown_offer"]);
      for (const { detail } of answer.body.errors) assert.match(detail, /^line \d+: .+; .+/, "where, what, and how to mend it");
    }
    assert.deepEqual(await worker.stored(), {});
    assert.equal(await pointerOf(worker, "config"), null);
  });

  const REFUSED = [
    ["no body", "", 422],
    ["no JSON", "offers: []", 422],
    ["not UTF-8", Buffer.from([0x22, 0xff, 0x22]), 400],
    ["100,000 brackets", "[".repeat(100_000), 422],
    ["another version", { ...offers(), version: 2 }, 422],
  ];
  for (const [what, body, status] of REFUSED) {
    test(`are refused: ${what}`, async () => {
      const answer = await worker.admin("PUT", "config", body);
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      assert.deepEqual(await worker.stored(), {});
    });
  }

  test("are refused: more than 4 MiB", async () => {
    await assertTooLarge(worker.admin("PUT", "config", `"${"x".repeat(4 << 20)}"`));
    assert.deepEqual(await worker.stored(), {});
  });

  test("are only checked in a dry run", async () => {
    const answer = await worker.admin("PUT", "config?dry_run=true", renamed("one"));
    assert.deepEqual([answer.status, answer.body], [200, { valid: true, warnings: [] }]);
    assert.deepEqual(await worker.stored(), {});
    const warned = await worker.admin("PUT", "config?dry_run=true", { version: 1, offers: [], placements: [] });
    assert.deepEqual([warned.status, warned.body.warnings.length > 0], [200, true]);
    assertProblem(await worker.admin("PUT", "config?dry_run=maybe", renamed("one")), 400, "invalid_request", ["/dry_run"]);
  });

  test("have nothing to roll back to at first", async () => {
    assertProblem(await worker.admin("POST", "config/rollback"), 409, "conflict");
    await publishOffers(worker, renamed("one"));
    assertProblem(await worker.admin("POST", "config/rollback"), 409, "conflict");
    assert.deepEqual(await shown(), [1, "one"]);
  });

  test("roll back and forward; versions and epochs rise", async () => {
    const epochs = [(await pointerOf(worker, "config")).epoch];
    const step = async (what, expected) => {
      const { version, previous, epoch } = what;
      assert.deepEqual([version, previous, ...(await shown())], expected);
      epochs.push(epoch);
    };
    await step((await worker.admin("PUT", "config", renamed("two"))).body, [2, 1, 2, "two"]);
    await step((await worker.admin("POST", "config/rollback")).body, [1, 2, 1, "one"]);
    await step((await worker.admin("POST", "config/rollback")).body, [2, 1, 2, "two"]);
    await step((await worker.admin("PUT", "config", renamed("three"))).body, [3, 2, 3, "three"]);
    await step((await worker.admin("POST", "config/rollback")).body, [2, 3, 2, "two"]);
    await step((await worker.admin("PUT", "config", renamed("four"))).body, [4, 2, 4, "four"]);
    assert.deepEqual(epochs, [1, 2, 3, 4, 5, 6, 7]);
    const { current, history } = (await worker.admin("GET", "config")).body;
    assert.deepEqual([current.version, current.epoch], [4, 7]);
    const told = history.map(({ action, target, epoch }) => `${epoch} ${action} ${target}`);
    assert.deepEqual(told, ["7 publish 4", "6 rollback 2", "5 publish 3", "4 rollback 2", "3 rollback 1", "2 publish 2", "1 publish 1"]);
  });

  test("stay as they were published", async () => {
    const stored = await worker.stored();
    const titles = [1, 2, 3, 4].map((version) => {
      const text = Buffer.from(stored[`c/${version}`]).toString();
      const envelope = JSON.parse(text);
      assert.equal(envelope.sha256, sha256(text.slice(text.indexOf('"bundle":') + '"bundle":'.length, -1)));
      const document = JSON.parse(Buffer.from(stored[`d/${version}`]).toString());
      const compiled = envelope.bundle.offers.find((it) => it.id === "back-soon").creatives[0].content.title;
      assert.equal(compiled, document.offers.find((it) => it.id === "back-soon").content.title);
      return compiled;
    });
    assert.deepEqual(titles, ["one", "two", "three", "four"]);
  });
});

test("several publications at once: each gets a version of its own or is told to wait", async () => {
  const worker = await startWorker();
  try {
    const answers = await Promise.all(Array.from({ length: 6 }, () => worker.admin("PUT", "config", offers())));
    const done = answers.filter((it) => it.status === 200).map((it) => it.body);
    for (const answer of answers.filter((it) => it.status !== 200)) assertProblem(answer, 409, "conflict");
    done.sort((a, b) => a.version - b.version);
    assert.ok(done.length >= 1);
    done.forEach(({ version, epoch, previous }, i) => assert.deepEqual([version, epoch, previous], [i + 1, i + 1, i || undefined]));
    assert.deepEqual(await pointerOf(worker, "config"), done.at(-1));
    const inKv = JSON.parse(Buffer.from((await worker.stored())["c/current"]).toString());
    assert.deepEqual(inKv, done.at(-1));
  } finally {
    await worker.stop();
  }
});

describe("tables", () => {
  let worker;
  before(async () => {
    worker = await startWorker();
    await publishOffers(worker);
  });
  after(() => worker?.stop());

  const personalised = (offer) => ({ mode: "personalised", reason: "ok", offers: [offer] });
  const firstShard = `tables/${TODAY.build}/shards/0`;

  test("are not uploaded without their manifest", async () => {
    assertProblem(await worker.admin("PUT", firstShard, TODAY.shards[0]), 409, "conflict");
    assertProblem(await worker.admin("PUT", `tables/${TODAY.build}/items`, TODAY.items), 409, "conflict");
    assertProblem(await worker.admin("POST", `tables/${TODAY.build}/activate`), 422, "invalid_table");
    assertProblem(await worker.admin("POST", "tables/rollback"), 409, "conflict");
    assertProblem(await worker.admin("POST", "tables/kill", { kill: true }), 409, "conflict");
  });

  test("are not taken from another key's holder", async () => {
    const other = await startWorker({ vars: { TABLE_KEY: "0".repeat(32) } });
    assertProblem(await other.admin("PUT", `tables/${TODAY.build}/manifest`, TODAY.manifest), 409, "conflict");
    await other.stop();
    const none = await startWorker({ vars: { TABLE_KEY: null } });
    assertProblem(await none.admin("PUT", `tables/${TODAY.build}/manifest`, TODAY.manifest), 409, "conflict");
    await none.stop();
  });

  describe("are refused part by part", () => {
    const changed = (bytes, position) => Uint8Array.from(bytes, (byte, i) => (i === position ? byte ^ 1 : byte));
    const CASES = [
      ["a build that is no build", `tables/today/manifest`, TODAY.manifest, 400, "invalid_request"],
      ["a manifest under another build", `tables/${TOMORROW.build}/manifest`, TODAY.manifest, 422, "invalid_table"],
      ["a manifest that was changed", `tables/${TODAY.build}/manifest`, TODAY.manifest.toString().replace('"rows": 2000', '"rows": 2001'), 422, "invalid_table"],
      ["a manifest that is none", `tables/${TODAY.build}/manifest`, "{}", 422, "invalid_table"],
      ["a shard in another place", `tables/${TODAY.build}/shards/1`, TODAY.shards[0], 422, "invalid_table"],
      ["a shard that the table has not", `tables/${TODAY.build}/shards/8`, TODAY.shards[0], 422, "invalid_table"],
      ["a shard by another name", `tables/${TODAY.build}/shards/00`, TODAY.shards[0], 422, "invalid_table"],
      ["a shard that was changed", firstShard, changed(TODAY.shards[0], 99), 422, "invalid_table"],
      ["a shard cut off", firstShard, TODAY.shards[0].slice(0, -10), 422, "invalid_table"],
      ["an empty shard", firstShard, "", 422, "invalid_table"],
      ["items that were changed", `tables/${TODAY.build}/items`, changed(TODAY.items, 99), 422, "invalid_table"],
    ];
    before(() => worker.admin("PUT", `tables/${TODAY.build}/manifest`, TODAY.manifest));
    for (const [what, path, body, status, code] of CASES) {
      test(what, async () => {
        const answer = await worker.admin("PUT", path, body);
        assertProblem(answer, status, code, answer.body.errors?.map((it) => it.pointer) ?? []);
        const parts = Object.keys(await worker.stored()).filter((key) => key.startsWith("t/"));
        assert.deepEqual(parts, [`t/${TODAY.build}/manifest`], "nothing of it is stored");
      });
    }

    test("a shard that is far too large", () => assertTooLarge(worker.admin("PUT", firstShard, Buffer.alloc((4 << 20) + 1))));
  });

  test("do not become active while a part is missing", async () => {
    for (const part of ["shards/0", "shards/7", "items"]) {
      const fresh = await startWorker();
      await upload(fresh, TODAY, { except: [part] });
      assertProblem(await fresh.admin("POST", `tables/${TODAY.build}/activate`), 422, "invalid_table");
      assert.equal(await pointerOf(fresh, "tables"), null);
      assert.equal((await fresh.stored())["t/current"], undefined);
      const bytes = part === "items" ? TODAY.items : TODAY.shards[part.at(-1)];
      assert.equal((await fresh.admin("PUT", `tables/${TODAY.build}/${part}`, bytes)).status, 204);
      assert.deepEqual(await activate(fresh, TODAY.build), [{ done: true, build: TODAY.build, verified: 8, of: 8 }]);
      await fresh.stop();
    }
  });

  test("become active once all is verified, once", async () => {
    await upload(worker, TODAY);
    assert.deepEqual(await ask(worker), { mode: "contextual", reason: "no_table", offers: ["toy-fair"] });
    await activate(worker, TODAY.build);
    assert.deepEqual(await ask(worker), personalised("tea-time"));
    await activate(worker, TODAY.build);
    const { build, previous, epoch, kill } = await pointerOf(worker, "tables");
    assert.deepEqual({ build, previous, epoch, kill }, { build: TODAY.build, previous: null, epoch: 1, kill: false });
    assertProblem(await worker.admin("POST", "tables/rollback"), 409, "conflict");
  });

  test("do not change while they are in use: the same shard again is welcome, another is refused, a broken one is mended", async () => {
    const path = `tables/${TODAY.build}/shards/3`;
    const stored = async () => Buffer.from((await worker.stored())[`t/${TODAY.build}/3`]);
    assert.equal((await worker.admin("PUT", path, TODAY.shards[3])).status, 204);
    assertProblem(await worker.admin("PUT", path, TOMORROW.shards[3]), 409, "conflict");
    assert.deepEqual(await stored(), Buffer.from(TODAY.shards[3]));
    await worker.store({ [`t/${TODAY.build}/3`]: Buffer.from("broken") });
    assert.equal((await worker.admin("PUT", path, TODAY.shards[3])).status, 204);
    assert.deepEqual(await stored(), Buffer.from(TODAY.shards[3]));
  });

  test("do not become active with the shard of another build, though it fits in form", async () => {
    await upload(worker, TOMORROW);
    const misplaced = await worker.admin("PUT", `tables/${TOMORROW.build}/shards/3`, TODAY.shards[3]);
    assert.equal(misplaced.status, 204);
    assertProblem(await worker.admin("POST", `tables/${TOMORROW.build}/activate`), 422, "invalid_table");
    assert.equal((await pointerOf(worker, "tables")).build, TODAY.build);
    assert.deepEqual(await ask(worker), personalised("tea-time"));
    await worker.admin("PUT", `tables/${TOMORROW.build}/shards/3`, TOMORROW.shards[3]);
    await activate(worker, TOMORROW.build);
    assert.deepEqual(await ask(worker), personalised("garden-days"));
  });

  test("roll back and forward, and can be switched off; epochs rise", async () => {
    const epochs = [(await pointerOf(worker, "tables")).epoch];
    const killed = { mode: "fallback_only", reason: "kill_switch", offers: ["fallback:welcome"] };
    const STEPS = [
      ["rollback", undefined, TODAY.build, personalised("tea-time")],
      ["rollback", undefined, TOMORROW.build, personalised("garden-days")],
      ["kill", { kill: true }, TOMORROW.build, killed],
      ["rollback", undefined, TODAY.build, killed],
      ["kill", { kill: false }, TODAY.build, personalised("tea-time")],
    ];
    for (const [path, body, build, expected] of STEPS) {
      const answer = await worker.admin("POST", `tables/${path}`, body);
      assert.deepEqual([answer.status, answer.body.build], [200, build], answer.text);
      assert.deepEqual(await ask(worker), expected);
      const { table } = await worker.health();
      assert.deepEqual([table.build, table.kill, table.epoch], [build, answer.body.kill, answer.body.epoch]);
      epochs.push(answer.body.epoch);
    }
    assert.deepEqual(epochs, [2, 3, 4, 5, 6, 7]);
    const { history } = (await worker.admin("GET", "tables")).body;
    const actions = history.map((it) => it.action);
    assert.deepEqual(actions, ["revive", "rollback", "kill", "rollback", "rollback", "activate", "activate"]);
  });

  for (const body of ["", "{}", '{"kill":"yes"}', '{"kill":true,"for":"ever"}', `{"kill":${" ".repeat(2000)}true}`]) {
    test(`kill takes true or false only: ${body.slice(0, 30)}`, async () => {
      const answer = await worker.admin("POST", "tables/kill", body);
      assert.ok([400, 413].includes(answer.status), answer.text);
      assert.deepEqual(await ask(worker), personalised("tea-time"));
    });
  }

  test("are looked for under their own builds only", async () => {
    const answer = await worker.admin("POST", `tables/${"0".repeat(16)}/activate`);
    assertProblem(answer, 422, "invalid_table");
    assertProblem(await worker.admin("POST", "tables/..%2fx/activate"), 400, "invalid_request", ["/build"]);
  });
});

describe("KV that fails while something is published", () => {
  let worker;
  before(async () => {
    worker = await startWorker({ unreliableKv: true, vars: { KV_TIMEOUT_MS: "1000" } });
    await publishAll(worker);
    await publishOffers(worker);
    await upload(worker, TOMORROW);
  });
  after(() => worker?.stop());

  const state = async () => {
    const { body } = await worker.decide(request(VISITORS.tea));
    const running = [await pointerOf(worker, "config"), await pointerOf(worker, "tables")];
    return { bundle: body.bundle, table: body.table, reason: body.mode_reason, running };
  };

  /// What fails, how, the call, and what is different when it has succeeded.
  const CASES = [
    ["a shard is not taken", { [`t/${TOMORROW.build}/0`]: "refuse" }, "PUT", `tables/${TOMORROW.build}/shards/0`, TOMORROW.shards[0], {}],
    ["the next bundle is not taken", { "c/3": "refuse" }, "PUT", "config", offers(), { bundle: 3 }],
    ["the pointer to it is not taken", { "c/current": "refuse" }, "PUT", "config", offers(), { bundle: 5 }],
    ["the pointer is not taken: rollback", { "c/current": "refuse" }, "POST", "config/rollback", undefined, { bundle: 3 }],
    ["shards cannot be read back", { "*": "throw" }, "POST", `tables/${TOMORROW.build}/activate`, undefined, { table: TOMORROW.build }],
    ["the pointer is not taken: table rollback", { "t/current": "refuse" }, "POST", "tables/rollback", undefined, { table: TODAY.build }],
    ["the pointer is not taken: activate", { "t/current": "refuse" }, "POST", `tables/${TOMORROW.build}/activate`, undefined, { table: TOMORROW.build }],
    ["the pointer is not taken: kill", { "t/current": "refuse" }, "POST", "tables/kill", { kill: true }, { reason: "kill_switch" }],
  ];
  for (const [what, faults, method, path, body, change] of CASES) {
    test(`${what}: 503, nothing has changed, and another try works`, async () => {
      const before = await state();
      await worker.faults(faults);
      const answer = await worker.admin(method, path, body);
      assertProblem(answer, 503, "unavailable");
      assert.ok(!/KV (GET|PUT) failed/.test(answer.text), "the inside stays inside");
      await worker.faults({});
      assert.deepEqual(await state(), before);
      const again = await worker.admin(method, path, body);
      assert.ok(again.status < 300, again.text);
      const { running, ...after } = await state();
      const { running: _, ...expected } = { ...before, ...change };
      assert.deepEqual(after, expected);
      running.forEach(({ epoch }, i) => assert.ok(epoch >= before.running[i].epoch));
    });
  }

  test("an administrator who goes away in the middle does not block the others", async () => {
    await worker.admin("POST", "tables/kill", { kill: false });
    const fresh = await startWorker({ unreliableKv: true, vars: { KV_TIMEOUT_MS: "1000" } });
    try {
      await upload(fresh, TODAY);
      await fresh.faults({ [`t/${TODAY.build}/3`]: "hang" });
      const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
      const gone = fresh.fetch(`/v1/admin/tables/${TODAY.build}/activate`, { method: "POST", headers, signal: AbortSignal.timeout(300) });
      await assert.rejects(gone, { name: "TimeoutError" });
      await fresh.faults({});
      await eventually(() => fresh.admin("POST", `tables/${TODAY.build}/activate`), (it) => it.status === 200);
    } finally {
      await fresh.stop();
    }
  });
});

test("a table of 512 shards is verified in several calls, and the pointer moves with the last", async (t) => {
  const example = exampleOrSkip(t, "e2e_table");
  if (!example) return;
  const dir = await mkdtemp(join(tmpdir(), "vitrine-e2e-"));
  const worker = await startWorker();
  try {
    await promisify(execFile)(example, ["many", join(dir, "many")]);
    const table = readTable(join(dir, "many"));
    assert.equal(Object.keys(table.shards).length, 512);
    await publishOffers(worker);
    await upload(worker, table);
    const first = await worker.admin("POST", `tables/${table.build}/activate`);
    assert.deepEqual(first.body, { done: false, build: table.build, verified: 400, of: 512 });
    assert.equal(await pointerOf(worker, "tables"), null);
    assert.equal((await ask(worker)).reason, "no_table");
    const second = await worker.admin("POST", `tables/${table.build}/activate`);
    assert.deepEqual(second.body, { done: true, build: table.build, verified: 512, of: 512 });
    assert.deepEqual(await ask(worker), { mode: "personalised", reason: "ok", offers: ["tea-time"] });
  } finally {
    await worker.stop();
    await rm(dir, { recursive: true });
  }
});
