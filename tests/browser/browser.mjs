// What the browser tests share: the site on a loopback port, a browser, and pages that keep a list of complaints.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { address, closeServer } from "./server.mjs";

export { address };

const EXECUTABLES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.env.CHROMIUM ?? EXECUTABLES.find(existsSync);

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

/** To be called at the end, or the process stays. */
export async function close() {
  await browser.close();
  closeServer();
}

/** A page with an empty cache. `page.complaints` collects errors, warnings and requests to other hosts. */
export async function open(path, options = {}) {
  const { from = address, beforeLoad, width = 1280, height = 900, ...others } = options;
  const context = await browser.newContext({ viewport: { width, height }, ...others });
  const page = await context.newPage();
  page.complaints = [];
  page.requests = [];
  const complain = (words) => page.complaints.push(words);
  page.on("console", (said) => ["error", "warning"].includes(said.type()) && complain(said.text()));
  page.on("pageerror", (error) => complain(String(error)));
  page.on("response", (answer) => answer.status() >= 400 && complain(`${answer.status()} ${answer.url()}`));
  page.on("request", (request) => {
    page.requests.push(request.url());
    if (/^(https?|wss?):/.test(request.url()) && !request.url().startsWith(from)) complain(`asked ${request.url()}`);
  });
  await beforeLoad?.(page);
  await page.goto(from + path, { waitUntil: "load" });
  return page;
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core has to say. */
export async function violations(page) {
  await page.evaluate(axe);
  return page.evaluate(async () => { // all that it looked at would take seconds to send
    const { violations } = await globalThis.axe.run({ resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
  });
}
