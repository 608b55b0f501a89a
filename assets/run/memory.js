// What Python compiled on one page, kept by the browser for the next. It belongs to the exact files that
// pyodide-lock.json lists, so their digest is its name. Without a secure context nothing is kept.
const STORE = "compiled Python";

async function name(lock) {
  const text = await (await fetch(lock)).arrayBuffer();
  const digest = await crypto.subtle.digest("SHA-256", text);
  return `/${[...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export async function recall(lock) {
  if (!self.caches) return null;
  const kept = await (await caches.open(STORE)).match(await name(lock));
  return kept ? new Uint8Array(await kept.arrayBuffer()) : null;
}

export async function remember(lock, archive) {
  if (!self.caches) return;
  await caches.delete(STORE); // of another version
  await (await caches.open(STORE)).put(await name(lock), new Response(archive));
}
