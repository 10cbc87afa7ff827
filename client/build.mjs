// Builds src/ into the one file that the package ships.
//   node build.mjs           writes it
//   node build.mjs --check   fails when the committed file is not what src/ makes, or is too big
//   node build.mjs --size    prints its sizes

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const BUILT = here("../src/track_middleware/static/m.js");
/** Bytes in brotli; the design's bar for the first file is 3,000. */
const CEILING = 3000;

const { outputFiles } = await build({
  entryPoints: [here("src/main.ts")],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2019",
  charset: "utf8",
  legalComments: "none",
  write: false,
});
const script = outputFiles[0].contents;
const brotli = brotliCompressSync(script, {
  params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY },
}).length;

if (brotli > CEILING) fail(`${brotli} bytes in brotli; ${CEILING} are allowed`);
if (process.argv.includes("--check")) {
  const committed = await readFile(BUILT).catch(() => Buffer.alloc(0));
  if (!committed.equals(script)) fail("the committed m.js is not what src/ makes: npm run build");
} else if (!process.argv.includes("--size")) {
  await writeFile(BUILT, script);
}
console.log(`m.js: ${script.length} bytes, ${gzipSync(script, { level: 9 }).length} gzip, ${brotli} brotli`);

function fail(reason) {
  console.error(reason);
  process.exit(1);
}
