/** What the tag in the document says. */

export interface Tag {
  /** The folder that the script came from; the collector's addresses lie beside it. */
  base: string;
  /** What its attribute `data-<name>` says; null without it. */
  says(name: string): string | null;
  /** A changed fragment is a view. */
  hash: boolean;
}

/** The tag's id: what it says must be known at once, or can wait until the page is idle. */
export const AT_ONCE = "track-now";
export const LATER = "track-tag";

/**
 * The tag with that id. The first element that a page's scripts get hold of costs more than all that
 * this one does while the page loads; to learn that there is none costs next to nothing.
 */
export function ownTag(id: string): Tag | undefined {
  const script = document.querySelector<HTMLScriptElement>("#" + id);
  if (!script?.src) return undefined;
  const says = (name: string) => script.getAttribute("data-" + name);
  return {
    base: script.src.replace(/[^/]*$/, ""),
    says,
    hash: says("hash") != null,
  };
}

/** The page token, `SHARED`, or "" where nothing but a choice may be sent. */
export function pageToken(): string {
  return document.querySelector<HTMLMetaElement>("meta[name=track-page]")?.content || "";
}
