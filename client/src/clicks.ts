/** Clicks on what carries `data-track="Name"`, with its `data-track-*` properties. */

import type { Properties } from "./wire";

const PREFIX = "data-track-";

/** `data-track-order-id="7"` becomes `order_id: "7"`. */
function properties(element: Element): Properties {
  const found: Properties = {};
  for (const { name, value } of Array.from(element.attributes)) {
    if (name.startsWith(PREFIX)) found[name.slice(PREFIX.length).replace(/-/g, "_")] = value;
  }
  return found;
}

/** Looks on while a click passes by; it is neither delayed nor changed. */
export function clicks(clicked: (name: string, properties: Properties) => void): void {
  const look = (event: Event) => {
    const target = event.composedPath()[0];
    const element = target instanceof Element && target.closest("[data-track]");
    const name = element && (element as HTMLElement).dataset.track;
    if (element && name) clicked(name, properties(element));
  };
  addEventListener("click", look, true);
}
