// The tour of docs/guides/publishing.md, played as it stands there: commands by people, edits of the spreadsheet, and what is answered.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { vitrineOrSkip } from "./support/native.mjs";
import { person } from "./support/registry.mjs";
import { ADMIN_TOKEN, ROOT, startWorker } from "./support/worker.mjs";

let worker, dir;
before(async () => {
  worker = await startWorker({ vars: { TOKEN_KEY: "0123456789abcdef".repeat(4), REFRESH_MS: "0" } });
  dir = await mkdtemp(join(tmpdir(), "vitrine-e2e-"));
});
after(async () => {
  await worker?.stop();
  if (dir) await rm(dir, { recursive: true });
});

/// The fenced blocks of the tour: `{ fence, lines }`.
async function tour() {
  const guide = await readFile(join(ROOT, "docs/guides/publishing.md"), "utf8");
  const section = guide.split("## A tour with a spreadsheet\n")[1].split(/^##/m)[0];
  const blocks = [...section.matchAll(/^```(.*)\n([^]*?)^```$/gm)];
  return blocks.map(([, fence, text]) => ({ fence, lines: text.trimEnd().split("\n") }));
}

/// What differs from one run to the next, made alike.
const alike = (text) =>
  text
    .replaceAll(worker.url, "https://offers.shop.example")
    .replace(/vitrine_preview=\S+/g, "vitrine_preview=…")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "<time>")
    .trimEnd();

test("the tour in the guide is what the command and the Worker say", async (t) => {
  const vitrine = vitrineOrSkip(t);
  if (!vitrine) return;
  const tokens = { root: ADMIN_TOKEN };
  for (const name of ["ann", "bob"]) tokens[name] = (await person(worker, `${name}@shop.example`, "approver")).token;
  const run = (who, line) =>
    new Promise((resolve) => {
      const args = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word).slice(1);
      const isLocal = ["init", "check"].includes(args[1]);
      const env = { ...process.env, VITRINE_ADMIN_TOKEN: tokens[who] };
      execFile(vitrine, [...args, ...(isLocal ? [] : ["--url", worker.url])], { cwd: dir, env }, (_, out, err) => resolve(out + err));
    });
  let nCommands = 0;
  for (const { fence, lines } of await tour()) {
    if (fence === "diff") {
      const file = join(dir, "offers.csv");
      for (let at = 0; at < lines.length; at += 2) {
        const [before, after] = [lines[at].slice(1), lines[at + 1].slice(1)];
        const sheet = await readFile(file, "utf8");
        assert.ok(lines[at].startsWith("-") && lines[at + 1].startsWith("+") && sheet.includes(before), before);
        await writeFile(file, sheet.replace(before, after));
      }
      continue;
    }
    const who = fence.replace(/^text /, "");
    assert.ok(who in tokens, fence);
    for (const part of lines.join("\n").split(/^\$ /m).slice(1)) {
      const [line, ...answer] = part.split("\n");
      assert.equal(alike(await run(who, line)), alike(answer.join("\n")), line);
      nCommands += 1;
    }
  }
  assert.ok(nCommands >= 10, `${nCommands} commands`);
});
