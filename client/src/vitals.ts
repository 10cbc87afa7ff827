/**
 * How the document's loading felt: LCP, INP, CLS, FCP and TTFB (web.dev/articles/vitals), told once,
 * when it is first hidden or another view follows.
 */

import type { Properties } from "./wire";
import type { Seam } from "./seam";

interface Shift extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
}

interface Interaction extends PerformanceEntry {
  interactionId?: number;
}

/** Milliseconds of a window of shifts, and between two of the same window. */
const WINDOW = 5000;
const GAP = 1000;
/** Milliseconds from which on an interaction is told of. */
const NOTICEABLE = 40;
/** One of so many interactions may be worse than the INP. */
const OUTLIERS = 50;

/** Calls with each entry of a type, those from before included; a browser may not know the type. */
function watch(type: string, each: (entry: PerformanceEntry) => void): () => void {
  try {
    const take = (entries: PerformanceEntry[]) => entries.forEach(each);
    const observer = new PerformanceObserver((list) => take(list.getEntries()));
    observer.observe({ type, buffered: true, durationThreshold: NOTICEABLE } as PerformanceObserverInit);
    return () => take(observer.takeRecords());
  } catch {
    return () => {};
  }
}

/** Layout shifts by windows; the worst window counts. */
function shifts(): (entry: PerformanceEntry) => number {
  let [worst, sum, first, last] = [0, 0, 0, 0];
  return (entry) => {
    const { value, hadRecentInput, startTime } = entry as Shift;
    if (hadRecentInput) return worst;
    if (startTime - last > GAP || startTime - first > WINDOW) [sum, first] = [0, startTime];
    last = startTime;
    sum += value;
    return (worst = Math.max(worst, sum));
  };
}

/** The longest interaction, but for one in fifty. */
function interactions(): (entry: PerformanceEntry) => number | undefined {
  const longest = new Map<number, number>();
  return (entry) => {
    const { interactionId, duration } = entry as Interaction;
    if (interactionId) longest.set(interactionId, Math.max(duration, longest.get(interactionId) || 0));
    const sorted = Array.from(longest.values()).sort((one, other) => other - one);
    return sorted[Math.floor(sorted.length / OUTLIERS)];
  };
}

/** Whether nobody saw all of the loading: what is painted waits for somebody to look. */
function wasAway(start: number): boolean {
  const states = performance.getEntriesByType("visibility-state");
  return document.hidden || states.some(({ name, startTime }) => name == "hidden" && startTime >= start);
}

export function vitals(seam: Seam): void {
  const found: Properties = {};
  const shifted = shifts();
  const interacted = interactions();
  const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  /** A prerendered page is waited for since it is shown. */
  const start = (navigation as { activationStart?: number } | undefined)?.activationStart || 0;
  if (wasAway(start)) return;
  const since = (moment: number) => Math.max(0, Math.round(moment - start));
  let told = false;

  const known = PerformanceObserver.supportedEntryTypes || [];
  if (known.includes("layout-shift")) found.cls = 0;
  const rest = [
    watch("largest-contentful-paint", (entry) => (found.lcp = since(entry.startTime))),
    watch("paint", (entry) => {
      if (entry.name == "first-contentful-paint") found.fcp = since(entry.startTime);
    }),
    watch("layout-shift", (entry) => (found.cls = Math.round(shifted(entry) * 1e4) / 1e4)),
    watch("event", (entry) => (found.inp = interacted(entry))),
    watch("first-input", (entry) => (found.inp = interacted(entry))),
  ];
  if (navigation?.responseStart) found.ttfb = since(navigation.responseStart);

  seam.left.push(() => {
    if (told) return;
    told = true;
    for (const take of rest) take();
    seam.tell("Web Vitals", found);
  });
}
