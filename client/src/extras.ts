/** The second file: what is not needed at once. Each starter gets the seam and lives by itself. */

import { adopt } from "./adopt";
import { autocapture } from "./autocapture";
import { bait } from "./bait";
import { links } from "./crossing";
import { depth } from "./depth";
import { errors } from "./errors";
import { SEAM, type Seam } from "./seam";
import { vitals } from "./vitals";

const starters = [adopt, depth, vitals, autocapture, errors, links, bait];

const seam = (window as unknown as Record<symbol, Seam | undefined>)[SEAM];
if (seam) for (const start of starters) alone(start, seam);

/** What one of them lacks in this browser, the others and the page do not notice. */
function alone(start: (seam: Seam) => void, seam: Seam): void {
  try {
    start(seam);
  } catch {}
}
