/** Clicks on what carries `data-track="Name"`, with its `data-track-*` properties. */

import type { Properties } from "./wire";

const PREFIX = "data-track-";

/** `data-track-order-id="7"` becomes `order_id: "7"`. */
function properties(element: Element): Properties {
  const found: Properties = {};
  for (const name of element.getAttributeNames()) {
    if (name.startsWith(PREFIX)) found[name.slice(PREFIX.length).replace(/-/g, "_")] = element.getAttribute(name);
  }
  return found;
}

/** Looks on while a click passes by; it is neither delayed nor changed. */
export function clicks(clicked: (name: string, properties: Properties, ours: boolean) => void): void {
  const look = (event: Event) => {
    const element = (event.composedPath()[0] as Element).closest?.("[data-track]");
    const name = element?.getAttribute("data-track");
    if (name) clicked(name, properties(element!), true);
  };
  addEventListener("click", look, true);
}
