/** How far down the page in view was seen, in per cent. */

import type { Seam } from "./seam";

export function depth(seam: Seam): void {
  let seen = 0;
  let height = 0;

  /** Looks right after a frame: to read sizes at any other moment may force a layout. */
  const frames = new IntersectionObserver(() => {
    frames.disconnect();
    const root = document.scrollingElement || document.documentElement;
    seen = Math.max(seen, root.scrollTop + root.clientHeight);
    height = root.scrollHeight;
  });

  function look(): void {
    frames.observe(document.documentElement);
  }

  look();
  addEventListener("scroll", look, { passive: true });
  seam.left.push((ends) => {
    const scrollDepth = height ? Math.min(100, Math.round((100 * seen) / height)) : undefined;
    if (!ends) {
      seen = height = 0;
      look();
    }
    return { scrollDepth };
  });
}
