/**
 * Whether a blocker runs, where the tag says `data-bait`: asks for an address that blockers know, once
 * for each tab, and tells what came of it. The answer is nothing's content.
 */

import type { Seam } from "./seam";

/** By this name blockers know a script under any prefix; our own host answers it with 204. */
const OWN = "matomo.js";
/** Remembers in a tab that it is known there. */
const KNOWN = "track-page:bait";

/** Whether it is known in this tab; with `now` it is from now on. */
function known(now?: boolean): boolean {
  try {
    if (now) sessionStorage[KNOWN] = 1;
    return !!sessionStorage[KNOWN];
  } catch {
    return false;
  }
}

/** What an address answers: true, or false where it is refused or something else stands in for it. */
function comes(url: string): Promise<boolean> {
  return fetch(url, { mode: "no-cors", credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer" }).then(
    ({ status, type }) => status == 204 || type == "opaque",
    () => false,
  );
}

export function bait(seam: Seam): void {
  const said = seam.says("bait");
  if (said == null || !seam.allowed() || known()) return;
  const url = said || seam.base + OWN;
  /** The page is being left, or the site's own policy refuses the address: nothing is known. */
  let unknown = false;
  addEventListener("pagehide", () => (unknown = true));
  document.addEventListener("securitypolicyviolation", ({ blockedURI }) => {
    if (url.startsWith(blockedURI)) unknown = true;
  });
  comes(url).then(async (free) => {
    // Whoever is offline is refused everything.
    if (!free && !(await fetch(seam.base + "n.png").then(({ ok }) => ok, () => false))) return;
    if (unknown) return;
    known(true);
    seam.tell("Blocker Checked", { blocked: !free });
  });
}
