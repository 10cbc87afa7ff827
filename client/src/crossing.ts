/** Links between linked domains: `/<prefix>/x?u=…` redirects with a word that says who comes. */

import type { Seam } from "./seam";

/**
 * Takes the word out of the address bar: nobody shall record or copy it. It is the last parameter;
 * behind it something else stands only when the site itself has redirected.
 */
export function tidy(name?: string | null): void {
  if (!name) return;
  const clean = document.URL.replace(RegExp(`.${name}=[^&#]+(?=#|$)`), "");
  if (clean != document.URL) history.replaceState(history.state, "", clean);
}

/**
 * A link is swapped when everybody else has seen the click that follows it, and put back at once:
 * what is read, shown, dragged or copied is the page's own address.
 */
export function links({ base, says, allowed }: Seam): void {
  const linked = says("linked");
  const hosts = (linked || "").split(" ");

  function follow(event: MouseEvent): void {
    const target = event.composedPath()[0];
    const link = target instanceof Element && target.closest<HTMLAnchorElement>("a[href],area[href]");
    if (!link || event.defaultPrevented || event.button > 1 || event.altKey || !allowed()) return;
    if (!hosts.includes(link.hostname) || !link.protocol.startsWith("http")) return;
    if (link.hasAttribute("download") || link.relList.contains("noreferrer")) return;
    const own = link.getAttribute("href")!;
    link.setAttribute("href", `${base}x?u=${encodeURIComponent(link.href)}`);
    setTimeout(() => link.setAttribute("href", own));
  }

  if (!linked) return;
  addEventListener("click", follow);
  addEventListener("auxclick", follow);
}
