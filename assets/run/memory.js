// What Python compiled on one page, kept by the browser for the next. It belongs to the exact files that
// page.json lists, so the digest of its text is its name. Without a secure context nothing is kept.
const STORE = "compiled Python";

async function name(edition) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(edition));
  return `/${[...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export async function recall(edition) {
  if (!self.caches) return null;
  const kept = await (await caches.open(STORE)).match(await name(edition));
  return kept ? new Uint8Array(await kept.arrayBuffer()) : null;
}

export async function remember(edition, archive) {
  if (!self.caches) return;
  await caches.delete(STORE); // of another version
  await (await caches.open(STORE)).put(await name(edition), new Response(archive));
}
