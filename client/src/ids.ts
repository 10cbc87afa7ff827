/** Random ids; `crypto.randomUUID` is not there on plain http. */

/** 128 random bits in hexadecimal digits. */
export function bits(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join("");
}

/** A random UUID (RFC 9562, version 4). */
export function uuid(): string {
  return bits().replace(/^(.{8})(.{4}).(.{3}).(.{3})/, "$1-$2-4$3-a$4-");
}
