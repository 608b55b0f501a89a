// The built site, served on a free loopback port with the headers of a real host.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { python, root } from "./site.mjs";

const server = spawn(python, [`${root}tools/serve.py`, "0"], { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => server.kill());

export const address = await new Promise((resolve, reject) => {
  createInterface(server.stdout).on("line", (line) => {
    const found = /http:\S+/.exec(line);
    if (found) resolve(found[0]);
  });
  server.on("exit", (code) => reject(new Error(`tools/serve.py ended with ${code}`)));
});

/** To be called at the end, or the process stays. */
export function closeServer() {
  server.removeAllListeners("exit");
  server.kill();
}
