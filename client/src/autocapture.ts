/**
 * Links that lead away, buttons and forms, where the tag says `data-autocapture`. What somebody has
 * typed or chosen is never read; neither is a query, which may hold a secret.
 */

import type { Seam } from "./seam";
import type { Properties } from "./wire";

const BUTTON = "button, [role=button], input[type=submit], input[type=button], input[type=image]";
const FIELDS = "input, select, textarea, [contenteditable]";
const DOWNLOAD = /\.(7z|apk|avi|csv|deb|dmg|docx?|epub|exe|gz|ics|iso|mov|mp[34]|msi|pdf|pkg|pptx?|rar|rpm|rtf|tar|txt|wav|webm|xlsx?|zip)$/i;
const LONGEST = 100;

/** A form's own properties and methods may be hidden by fields of their names. */
const { closest, getAttribute } = Element.prototype;

/** What the element says, unless it holds fields or lies in one. */
function text(element: Element): string | undefined {
  if (element.closest(FIELDS) || element.querySelector(FIELDS)) return undefined;
  return (element.textContent || "").replace(/\s+/g, " ").trim().slice(0, LONGEST) || undefined;
}

function said(element: Element, name: string): string | undefined {
  return getAttribute.call(element, name) || undefined;
}

function within<E extends Element>(target: unknown, selector: string): E | undefined {
  return (target instanceof Element && closest.call(target, selector) as E | null) || undefined;
}

function address(from: string | null | undefined): URL | undefined {
  try {
    return new URL(from || "", document.baseURI);
  } catch {
    return undefined;
  }
}

/** Where a link leads, if that is none of our pages; an address to write to or call is not read. */
function leads(link: Element): Properties | undefined {
  const to = address(said(link, "href") || said(link, "xlink:href"));
  if (!to) return undefined;
  if (to.protocol == "mailto:" || to.protocol == "tel:") return { kind: to.protocol.slice(0, -1) };
  if (!to.protocol.startsWith("http")) return undefined;
  const url = to.origin + to.pathname;
  if (link.hasAttribute("download") || DOWNLOAD.test(to.pathname)) return { kind: "download", url };
  return to.host == location.host ? undefined : { kind: "outbound", url };
}

export function autocapture(seam: Seam): void {
  if (seam.says("autocapture") == null) return;

  function clicked(event: Event): void {
    const target = event.composedPath()[0];
    if (within(target, "[data-track]")) return;
    const link = within(target, "a[href], area[href]");
    const led = link && (event as MouseEvent).button < 2 && leads(link);
    if (led) return seam.tell("Link Clicked", { ...led, text: led.url && text(link) });
    const button = event.type == "click" && within(target, BUTTON);
    if (!button) return;
    const [id, name] = [said(button, "id"), said(button, "name")];
    seam.tell("Button Clicked", { id, name, text: text(button) });
  }

  function submitted(event: Event): void {
    const form = event.target;
    if (!(form instanceof Element) || within(form, "[data-track]")) return;
    const to = address(said(form, "action") || location.href);
    seam.tell("Form Submitted", {
      id: said(form, "id"),
      name: said(form, "name"),
      method: (said(form, "method") || "get").toLowerCase(),
      url: to && to.origin + to.pathname,
    });
  }

  const looking = { capture: true, passive: true };
  addEventListener("click", clicked, looking);
  addEventListener("auxclick", clicked, looking);
  addEventListener("submit", submitted, looking);
}
