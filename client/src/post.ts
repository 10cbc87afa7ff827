/** One call to the collector, and what its outcome means. */

import type { Answer } from "./wire";

/** `taken`: done; `later`: to be said again, after so many seconds (0: as one likes); neither: refused. */
export interface Verdict {
  taken?: Answer;
  later?: number;
}

const LONGEST_PAUSE = 300;

/**
 * Posts a body as text/plain, which needs no preflight. A 2xx counts only with our own answer in it:
 * a captive portal says 200 too. `leaving`: nobody may be there to try again. What a browser
 * without keepalive breaks off then waits in its storage; a beacon that it takes is not known to be sent.
 */
export async function post(address: string, body: string, leaving?: boolean): Promise<Verdict> {
  try {
    const response = await fetch(address, { method: "POST", body, keepalive: true });
    const answer: Answer = (await response.json().catch(() => 0)) || {};
    if (response.ok && ("ok" in answer || answer.consent)) return { taken: answer };
    if (response.status == 400 || response.status == 413) return {};
    return { later: answer.retry || 0 };
  } catch {
    if (leaving) navigator.sendBeacon?.(address, body);
    return { later: 0 };
  }
}

/** Milliseconds to wait before the next try: what the collector asked for, else ever longer. */
export function pause(asked: number, failures: number): number {
  const seconds = asked || Math.min(2 ** failures, LONGEST_PAUSE);
  return seconds * (1000 + 500 * Math.random());
}

/** Posts until the collector has answered; undefined when it refused. */
export async function insist(address: string, body: string): Promise<Answer | undefined> {
  for (let failures = 0; ; failures++) {
    const { taken, later } = await post(address, body);
    if (later === undefined) return taken;
    await new Promise((resolve) => setTimeout(resolve, pause(later, failures)));
  }
}
