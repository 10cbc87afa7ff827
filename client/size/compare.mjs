// The shipped script's sizes beside other people's, each bundled by esbuild with our build's options:
//   npm run size             in client/; installs what it compares
//
// What a contender's bundle holds is what a page needs for its usual use: page views, and clicks or
// vitals where the package has them. Nothing is taken ready-made from a vendor's server.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const STATIC = join(here, "../../src/track_middleware/static");

/** npm has umami's whole source under this name, its server included, so that only its tracker is
 *  unpacked. Newer releases are not on npm. */
const UMAMI = "umami@2.10.0";

const USES = {
  "@plausible-analytics/tracker": (name) =>
    `import { init } from "${name}"; init({ domain: "example.com", outboundLinks: true });`,
  "plausible-tracker": (name) =>
    `import Plausible from "${name}";
     const plausible = Plausible({ domain: "example.com" });
     plausible.enableAutoPageviews();
     plausible.enableAutoOutboundTracking();`,
  "ahoy.js": (name) => `import ahoy from "${name}"; ahoy.trackView(); ahoy.trackClicks("a");`,
  "web-vitals": (name) =>
    `import { onCLS, onFCP, onINP, onLCP, onTTFB } from "${name}";
     for (const on of [onCLS, onFCP, onINP, onLCP, onTTFB]) on(console.log);`,
  "posthog-js": (name) => `import posthog from "${name}"; posthog.init("key");`,
};

const OPTIONS = {
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2019",
  charset: "utf8",
  legalComments: "none",
  write: false,
};

async function bundled(options) {
  const { outputFiles } = await build({ ...OPTIONS, ...options });
  return outputFiles[0].contents;
}

async function used(name) {
  const { version } = JSON.parse(readFileSync(join(here, "node_modules", name, "package.json")));
  const stdin = { contents: USES[name](name), resolveDir: here };
  return [`${name} ${version}`, await bundled({ stdin })];
}

async function umami() {
  const folder = join(here, "node_modules", ".umami");
  const entry = join(folder, "package/src/tracker/index.js");
  if (!existsSync(entry)) {
    const place = mkdtempSync(join(tmpdir(), "umami-"));
    const quiet = { cwd: place, encoding: "utf8" };
    const archive = execFileSync("npm", ["pack", "--silent", UMAMI], quiet).trim();
    mkdirSync(folder, { recursive: true });
    execFileSync("tar", ["-xzf", join(place, archive), "-C", folder, "package/src/tracker"]);
    rmSync(place, { recursive: true });
  }
  return [UMAMI.replace("@", " "), await bundled({ entryPoints: [entry] })];
}

function ours() {
  const files = readdirSync(STATIC).filter((name) => name.endsWith(".js")).sort();
  return files.map((name) => [`ours, ${name}`, readFileSync(join(STATIC, name))]);
}

function sizes(script) {
  const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  return [
    script.length,
    gzipSync(script, { level: 9 }).length,
    brotliCompressSync(script, { params: quality }).length,
  ];
}

const rows = [...ours(), await umami(), ...(await Promise.all(Object.keys(USES).map(used)))];
const table = rows.map(([name, script]) => [name, ...sizes(script)]);
const first = table[0][3];
table.sort((one, other) => one[3] - other[3]);
console.log(`${"".padEnd(38)}${["raw", "gzip -9", "brotli 11", "x ours"].map((word) => word.padStart(11)).join("")}`);
for (const [name, ...counts] of table) {
  const ratio = `${(counts[2] / first).toFixed(1)}x`;
  const cells = [...counts.map((count) => count.toLocaleString("en")), ratio];
  console.log(`${name.padEnd(38)}${cells.map((cell) => cell.padStart(11)).join("")}`);
}
