// How long a reader waits: from the click to the first cell that has run, and for a page to be readable.
// node benchmarks/reading_room.mjs [ROUNDS]      after `make site` and `npm ci` in tests/browser
import { close, open } from "../tests/browser/browser.mjs";

const CHAPTER = "book/channel_statistics.html";
const rounds = Number(process.argv[2] ?? 5);
const times = { cold: [], "next visit": [], "running already": [], readable: [] };
const sent = { page: [], python: [] };
const since = (start) => performance.now() - start;

async function firstCell(page, button) {
  const start = performance.now();
  await page.getByRole("button", { name: new RegExp(`^${button}`) }).click();
  await page.waitForFunction(() => document.querySelector('#run-cell-1[data-state="done"]'), null, { timeout: 60_000 });
  const took = since(start);
  await page.waitForFunction(() => document.querySelector(".run-status").textContent.startsWith("All cells"), null, {
    timeout: 120_000,
  });
  return took;
}

/** Bytes over the wire until now, headers and compression counted. */
async function traffic(page) {
  const session = await page.context().newCDPSession(page);
  let bytes = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await session.send("Network.enable");
  return () => bytes;
}

for (let round = 0; round < rounds; round++) {
  const page = await open("search.html"); // the browser has started, and has nothing of the chapter
  const bytes = await traffic(page);
  await page.goto(new URL(CHAPTER, page.url()).href, { waitUntil: "load" });
  times.readable.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
  sent.page.push(bytes());
  times.cold.push(await firstCell(page, "Run this page"));
  await page.waitForTimeout(3000); // what was compiled is kept when Python has nothing else to do
  const files = page.requests.filter((url) => url.includes("/pyodide/"));
  const sizes = files.map(async (url) => Number((await fetch(url, { method: "HEAD" })).headers.get("content-length")));
  sent.python.push((await Promise.all(sizes)).reduce((sum, size) => sum + size, 0));
  await page.reload({ waitUntil: "load" });
  times["next visit"].push(await firstCell(page, "Run this page"));
  times["running already"].push(await firstCell(page, "Run all"));
  await page.context().close();
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
for (const [name, values] of Object.entries(times)) {
  const [low, middle, high] = [Math.min(...values), median(values), Math.max(...values)].map((ms) => (ms / 1000).toFixed(2));
  console.log(`${name.padEnd(16)} ${middle} s (${low} to ${high})`);
}
const [page, python] = [sent.page, sent.python].map((bytes) => (median(bytes) / 1e6).toFixed(2));
console.log(`the page: ${page} MB; Python, fetched at the click: ${python} MB`);
await close();
process.exit();
