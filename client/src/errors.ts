/** Errors that nobody caught, where the tag says `data-errors`; each once, and not many. */

import type { Seam } from "./seam";
import type { Properties } from "./wire";

/** Errors of one document. */
const MOST = 10;
const LONGEST = 500;

/** The file of a frame, without the query. */
function file(source: string | undefined): string | undefined {
  return (source || "").split(/[?#]/)[0]!.slice(0, LONGEST) || undefined;
}

/** Whatever was thrown, in words. */
function words(reason: unknown): string {
  try {
    return String(reason).slice(0, LONGEST);
  } catch {
    return "";
  }
}

export function errors(seam: Seam): void {
  if (seam.says("errors") == null) return;
  const known = new Set<string>();

  function tell(properties: Properties): void {
    const same = JSON.stringify(properties);
    if (known.has(same) || known.size >= MOST) return;
    known.add(same);
    seam.tell("Script Error", properties);
  }

  addEventListener("error", ({ message, filename, lineno, colno }) =>
    tell({ message: words(message), source: file(filename), line: lineno, column: colno }),
  );
  addEventListener("unhandledrejection", ({ reason }) => tell({ message: words(reason) }));
}
