// A cell's text in the part of an address that no server is sent: #cell-3.1k2j3h4=BASE64. The piece before "=" is a
// check on the published text, so that a link to an older page is noticed.
const LONGEST = 20_000; // characters of the address: programs that pass links on cut longer ones
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/;

/** The hash for a cell; with its text where that is not the published one. Null where it is too long for a link. */
export function hashFor(number, text, published) {
  if (text === published) return `#cell-${number}`;
  const bytes = new TextEncoder().encode(text);
  const code = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const inAddress = code.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const hash = `#cell-${number}.${check(published)}=${inAddress}`;
  return hash.length > LONGEST ? null : hash;
}

/** What a hash brings: null (nothing of ours), {problem}, or {number, text, check}, in a plain link {number}. */
export function readHash(hash) {
  if (!/^#cell-/.test(hash)) return null;
  if (hash.length > LONGEST) return { problem: "This link is too long to be one of this book. It was left alone." };
  const match = /^#cell-(\d{1,4})(?:\.([0-9a-z]+)=([\w-]*))?$/.exec(hash);
  if (!match) return { problem: "This link is no link to a cell of this page. It was left alone." };
  const [, number, sum, code] = match;
  if (code === undefined) return { number: +number };
  try {
    const bytes = Uint8Array.from(atob(code.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (INVISIBLE.test(text)) return { problem: "This link brings a text with invisible characters. It was left alone." };
    return { number: +number, text, check: sum };
  } catch {
    return { problem: "This link is damaged: the text that it brings cannot be read. It was left alone." };
  }
}

/** A short sum of a text (FNV-1a), to tell whether it is still the same. */
export function check(text) {
  let sum = 0x811c9dc5;
  for (const letter of text) sum = Math.imul(sum ^ letter.codePointAt(0), 0x01000193) >>> 0;
  return sum.toString(36);
}
