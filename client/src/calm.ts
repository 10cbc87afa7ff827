/** Waits for a moment that the page has no use for. */

/**
 * Calls when the document is loaded and has nothing to do. For what listens to the load event the
 * page would wait; `pageshow` follows it.
 */
export function calmly(call: () => unknown): void {
  const soon = () => (window.requestIdleCallback || setTimeout)(call, { timeout: 3000 } as any);
  if (document.readyState == "complete") soon();
  else addEventListener("pageshow", soon);
}
