// uBlock Origin's own verdicts: requests as JSON lines in, one line each out, empty or the rule's text.
//   node ublock.mjs CORE LIST …

import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [core, ...lists] = process.argv.slice(2);
const { StaticNetFilteringEngine } = await import(pathToFileURL(`${core}/index.js`));
const engine = await StaticNetFilteringEngine.create();
await engine.useLists(lists.map(async (name) => ({ name, raw: await readFile(name, "utf8") })));

const said = [];
for await (const line of createInterface({ input: process.stdin })) {
  const [url, type, originURL] = JSON.parse(line);
  // 1: a rule blocks; 2: a rule excepts from one that would; 0: none.
  const blocked = engine.matchRequest({ url, type, originURL }) === 1;
  said.push(blocked ? engine.toLogData().raw : "");
}
process.stdout.write(said.map((each) => `${each}\n`).join(""));
