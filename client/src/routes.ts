/** Notices that a page without a new document has become another page. */

/**
 * Reports a change that is still waited with, unless the document is busy; `told`: forgets it, since
 * somebody else has reported it.
 */
export type Settle = (told?: boolean) => void;

/** The Navigation API where there is one (html.spec.whatwg.org, section 7.2.6). */
interface Navigation extends EventTarget {
  currentEntry: { key: string } | null;
  activation?: { entry: { key: string } | null } | null;
}

interface EntryChange extends Event {
  navigationType: string | null;
}

/**
 * Milliseconds between a new address and its report: the title follows the address, a redirecting
 * router replaces it at once, and both are one navigation.
 */
const SETTLING = 50;

/**
 * Calls `moved` once for each navigation within the document since its address was `url`: another path
 * or query, or where `hash` says so another fragment. A replaced query alone is housekeeping, not a
 * navigation. Of what was before it is only known where the document is now, and in newer browsers
 * whether by a replaced address.
 */
export function routes(url: string, hash: boolean, moved: () => void): Settle {
  let timer = 0;
  const navigation = (window as { navigation?: Navigation }).navigation;

  function changed(replaced: boolean): void {
    const former = url;
    url = document.URL;
    const ends = replaced ? /[?#]/ : hash ? undefined : "#";
    if (former.split(ends!)[0] != url.split(ends!)[0]) wait();
  }

  function wait(): void {
    if (!timer) timer = setTimeout(report, SETTLING);
  }

  /** Turbo marks the document busy until the new page's head is in place. */
  function report(told?: boolean): void {
    clearTimeout(timer);
    timer = 0;
    if (told) return;
    if (document.documentElement.ariaBusy == "true") return wait();
    moved();
  }

  function wrap(name: "pushState" | "replaceState"): void {
    const original = history[name];
    history[name] = function (...given) {
      original.apply(this, given);
      changed(name == "replaceState");
    };
  }

  if (navigation) {
    navigation.addEventListener("currententrychange", (event) =>
      changed((event as EntryChange).navigationType == "replace"),
    );
  } else {
    wrap("pushState");
    wrap("replaceState");
    addEventListener("popstate", () => changed(false));
  }
  const activation = navigation?.activation;
  changed(!activation || activation.entry?.key == navigation!.currentEntry?.key);
  return (told) => timer && report(told);
}
