// What the browser keeps of one page's Python for the next: its memory when it had started, and what it compiled.
// They belong to the exact files that page.json lists, so the digest of its text is part of their names. Without a
// secure context nothing is kept.
import { digestOf } from "./fetching.js";

const STORE = "Python of the book";

/** A function that gives the names of this edition's things. */
export async function namesOf(edition) {
  if (!self.caches) return null;
  const digest = await digestOf(new TextEncoder().encode(edition));
  return (thing) => `/${digest}/${thing}`;
}

export async function recall(name) {
  const kept = await (await caches.open(STORE)).match(name);
  return kept ? new Uint8Array(await kept.arrayBuffer()) : null;
}

export async function remember(name, content) {
  const store = await caches.open(STORE);
  const folder = name.slice(0, name.lastIndexOf("/") + 1);
  for (const { url } of await store.keys()) {
    if (!new URL(url).pathname.startsWith(folder)) await store.delete(url); // of another edition
  }
  await store.put(name, new Response(content));
}

export async function forget(name) {
  await (await caches.open(STORE)).delete(name);
}
