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

export const fileName = (url) => url.pathname.split("/").at(-1);

/** The answer to a request for a file of the site; an error says in words what went wrong. */
export async function ask(url, options = {}, fetch = self.fetch) {
  const answer = await fetch(url, options).catch(() => {
    const other = options.integrity ? ", or the file is another one" : "";
    throw new Error(`${fileName(url)} could not be fetched: the connection may be gone${other}.`);
  });
  if (!answer.ok) throw new Error(`${fileName(url)} is missing on this site: it answered ${answer.status}.`);
  return answer;
}

/** The SHA-256 of some bytes in hexadecimal digits. */
export async function digestOf(content) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function fetchOne(plain, url, { bytes, sha256 }, count) {
  const name = fileName(url);
  const checked = self.crypto?.subtle; // an address that is not secure has none; there the browser checks
  const answer = await ask(url, checked ? {} : { integrity: integrityOf(sha256) }, plain);
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
  if (checked && (await digestOf(content)) !== sha256) throw changed(name);
  return content;
}

const changed = (name) => new Error(`${name} is not the file that this book was built with.`);
const integrityOf = (hex) =>
  `sha256-${btoa(hex.match(/../g).map((pair) => String.fromCharCode(parseInt(pair, 16))).join(""))}`;
