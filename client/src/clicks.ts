/** Clicks on what carries `data-track="Name"`, with its `data-track-*` properties. */

import type { Properties } from "./wire";

const PREFIX = "data-track-";
/** What properties attributes are: to look one up costs a click less than to make it anew. */
const names: Record<string, string> = {};

/** `data-track-order-id="7"` becomes `order_id: "7"`. */
function properties(element: Element): Properties {
  const found: Properties = {};
  for (const name of element.getAttributeNames()) {
    if (name.startsWith(PREFIX)) {
      found[(names[name] ||= name.slice(PREFIX.length).split("-").join("_"))] = element.getAttribute(name);
    }
  }
  return found;
}

/** Looks on while a click passes by; it is neither delayed nor changed. */
export function clicks(clicked: (name: string, properties: Properties, ours: boolean) => void): void {
  const look = (event: Event) => {
    const target = event.target as Element;
    const element = ((target.shadowRoot ? event.composedPath()[0] : target) as Element).closest?.("[data-track]");
    const name = element?.getAttribute("data-track");
    if (name) clicked(name, properties(element!), true);
  };
  addEventListener("click", look, true);
}
