// The files of Python: all are asked for at once, their bytes are counted as they come, and each must have the SHA-256
// that the book was built with. Pyodide, which asks for them one after the other, gets them from here.

/** Start to fetch `names` of `files`, {name: {bytes, wire, sha256}}, and hand them out where `fetch` is asked for one.
 *  `told(loaded, total)` counts bytes as they travel, compressed or not. */
export function fetchAll(base, names, files, told) {
  const plain = self.fetch.bind(self);
  const total = names.reduce((sum, name) => sum + files[name].wire, 0);
  let loaded = 0;
  const count = (name, share) => told((loaded += share * files[name].wire), total);
  const coming = new Map(names.map((name) => {
    const file = fetchOne(plain, new URL(name, base), files[name], (share) => count(name, share));
    file.catch(() => {}); // it is said where the file is asked for
    return [new URL(name, base).href, file];
  }));
  self.fetch = async (resource, options) => {
    const file = coming.get(resource.url ?? String(resource));
    if (!file) return plain(resource, options);
    const type = String(resource).endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
    return new Response(await file, { headers: { "Content-Type": type } });
  };
  return Promise.all(coming.values());
}

async function fetchOne(plain, url, { bytes, sha256 }, count) {
  const name = url.pathname.split("/").at(-1);
  const checked = self.crypto?.subtle; // an address that is not secure has none; there the browser checks
  const options = checked ? {} : { integrity: `sha256-${btoa(String.fromCharCode(...fromHex(sha256)))}` };
  const answer = await plain(url, options).catch(() => {
    throw new Error(`${name} could not be fetched: the connection may be gone, or the file is another one.`);
  });
  if (!answer.ok) throw new Error(`${name} is missing on this site: it answered ${answer.status}.`);
  const content = new Uint8Array(bytes);
  let end = 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new Error(`The connection ended while ${name} was fetched.`);
    });
    if (done) break;
    if (end + value.length > bytes) throw changed(name);
    content.set(value, end);
    end += value.length;
    count(value.length / bytes);
  }
  if (end < bytes) throw changed(name);
  if (checked && !same(new Uint8Array(await checked.digest("SHA-256", content)), fromHex(sha256))) throw changed(name);
  return content;
}

const changed = (name) => new Error(`${name} is not the file that this book was built with.`);
const fromHex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
const same = (a, b) => a.every((byte, i) => byte === b[i]);
