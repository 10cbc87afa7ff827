/** Random ids; `crypto.randomUUID` is not there on plain http. */

/** 128 random bits in hexadecimal digits. */
export function bits(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join("");
}
