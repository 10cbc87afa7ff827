// Builds src/ into the two files that the package ships.
//   node build.mjs           writes them
//   node build.mjs --check   fails when a committed file is not what src/ makes, or is too big
//   node build.mjs --size    prints their sizes

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
/** Bytes in brotli; the design's bar for the first file is 3,000. */
const CEILINGS = { "m.js": 3000, "m2.js": 4000 };

/** Properties that no page, browser or collector knows. */
const OURS =
  /^(choose|clear|hash|later|leave|look|minor|open|say|shut|size|taken|underWay)$/;

/**
 * Chromium compiles the whole file beside the main thread then, while it arrives
 * (explainers-by-googlers/explicit-javascript-compile-hints-file-based).
 */
const HINT = "//# allFunctionsCalledOnLoad\n";

async function built(entry, define = {}) {
  const { outputFiles } = await build({
    entryPoints: [here(`src/${entry}`)],
    bundle: true,
    format: "iife",
    target: "es2020",
    tsconfigRaw: "{}",
    charset: "utf8",
    legalComments: "none",
    minifySyntax: true,
    write: false,
    define,
  });
  const { code } = await minify(outputFiles[0].text, {
    ecma: 2020,
    toplevel: true,
    compress: { passes: 3, hoist_funs: true, keep_fargs: false, pure_getters: true, unsafe_arrows: true },
    mangle: { properties: { regex: OURS } },
  });
  return Buffer.from(HINT + code);
}

async function finished(name, script) {
  const path = here(`../src/track_middleware/static/${name}`);
  const brotli = brotliCompressSync(script, {
    params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY },
  }).length;
  const sizes = `${script.length} bytes, ${gzipSync(script, { level: 9 }).length} gzip, ${brotli} brotli`;
  console.log(`${name}: ${sizes}`);
  if (brotli > CEILINGS[name]) fail(`${name}: ${CEILINGS[name]} bytes in brotli are allowed`);
  if (process.argv.includes("--check")) {
    const committed = await readFile(path).catch(() => Buffer.alloc(0));
    if (!committed.equals(script)) fail(`the committed ${name} is not what src/ makes: npm run build`);
  } else if (!process.argv.includes("--size")) {
    await writeFile(path, script);
  }
}

// The first file asks for the second by its hash, as the server counts it (tracking/routes.py):
// it may be cached for a year, and the two always fit.
const second = await built("extras.ts");
const hash = createHash("sha256").update(second).digest("hex").slice(0, 8);
const first = await built("main.ts", { EXTRAS: JSON.stringify(`m2.${hash}.js`) });
await finished("m2.js", second);
await finished("m.js", first);

function fail(reason) {
  console.error(reason);
  process.exitCode = 1;
}
