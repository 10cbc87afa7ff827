/** How long the page in view was looked at. */

/** Milliseconds since this was last asked; `ends`: nobody looks any more. */
export type Engagement = (ends?: boolean) => number;

export function engagement(): Engagement {
  let since = 0;
  let sum = 0;

  /** A frame that has the focus is part of the page. */
  function mark(ends?: unknown): void {
    const now = performance.now();
    if (since) sum += now - since;
    since = ends !== true && document.hasFocus() && !document.hidden ? now : 0;
  }

  function taken(ends?: boolean): number {
    mark(ends);
    const milliseconds = Math.round(sum);
    sum = 0;
    return milliseconds;
  }

  for (const name of ["focus", "blur", "pageshow", "visibilitychange"]) addEventListener(name, mark);
  mark();
  return taken;
}
