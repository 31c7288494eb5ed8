// A headless Chromium driven over its debugging pipe (file descriptors 3 and 4): no package, no
// port, no WebSocket. Messages are JSON with a zero byte behind each.
import { spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/** The browser's program: $CHROMIUM, else the first known name on PATH, else null. */
export function findBrowser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of NAMES) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch { /* not this one */ }
    }
  }
  return null;
}

export class Browser {
  #process; #folder; #next = 1; #waiting = new Map(); #listeners = []; #rest = "";

  static async start(path) {
    const browser = new Browser();
    browser.#folder = mkdtempSync(join(tmpdir(), "attn-browser-"));
    browser.#process = spawn(path, ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
      "--no-first-run", "--disable-dev-shm-usage", "--disable-background-networking", "--force-device-scale-factor=1",
      `--user-data-dir=${browser.#folder}`], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.#process.on("exit", (code) => {
      for (const { reject } of browser.#waiting.values()) reject(new Error(`the browser ended with ${code}`));
      browser.#waiting.clear();
    });
    browser.#process.stdio[4].setEncoding("utf8").on("data", (text) => browser.#read(text));
    return browser;
  }

  #read(text) {
    const parts = (this.#rest + text).split("\0");
    this.#rest = parts.pop();
    for (const part of parts) {
      const message = JSON.parse(part);
      const waiting = this.#waiting.get(message.id);
      if (waiting) {
        this.#waiting.delete(message.id);
        if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
        else waiting.resolve(message.result);
      } else {
        for (const listener of this.#listeners) listener(message);
      }
    }
  }

  on(listener) { this.#listeners.push(listener); }

  send(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer in 60 s`)), 60000);
      const done = (f) => (value) => { clearTimeout(timer); f(value); };
      this.#waiting.set(id, { method, resolve: done(resolve), reject: done(reject) });
      this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  async close() {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    await this.send("Browser.close").catch(() => this.#process.kill());
    await ended;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** One page, with everything it complains about or asks the network for. */
export class Page {
  problems = [];
  requests = [];
  #browser; #session; #loaded = () => {};

  static async open(browser, url, { dark = false, width = 1500, height = 1200, downloads } = {}) {
    const page = new Page();
    page.#browser = browser;
    const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
    page.#session = sessionId;
    browser.on((message) => { if (message.sessionId === sessionId) page.#event(message, url); });
    for (const domain of ["Page", "Runtime", "Log", "Network", "Accessibility"]) await page.send(`${domain}.enable`);
    await page.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    await page.theme(dark);
    if (downloads) {
      await browser.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: downloads });
    }
    const loaded = new Promise((resolve) => { page.#loaded = resolve; });
    await page.send("Page.navigate", { url });
    await loaded;
    return page;
  }

  theme(dark) {
    return this.send("Emulation.setEmulatedMedia",
      { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
  }

  #event({ method, params }, url) {
    if (method === "Runtime.consoleAPICalled") {
      this.problems.push(`console.${params.type}: ${params.args.map((a) => a.value ?? a.description).join(" ")}`);
    } else if (method === "Runtime.exceptionThrown") {
      const e = params.exceptionDetails;
      this.problems.push(`exception, line ${e.lineNumber + 1}: ${e.exception?.description ?? e.text}`);
    } else if (method === "Log.entryAdded") {
      this.problems.push(`log: ${params.entry.text}`);
    } else if (method === "Page.javascriptDialogOpening") {
      this.problems.push(`a dialog opened: ${params.message}`);
      this.send("Page.handleJavaScriptDialog", { accept: true });
    } else if (method === "Network.requestWillBeSent") {
      const asked = params.request.url;
      if (asked.split("#")[0] !== url.split("#")[0] && !/^(data|blob):/.test(asked)) this.requests.push(asked);
    } else if (method === "Page.loadEventFired") this.#loaded();
  }

  send(method, params = {}) { return this.#browser.send(method, params, this.#session); }

  /** The value of an expression in the page, awaited. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate",
      { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  async key(key, modifiers = 0) {
    const text = key.length === 1 ? key : key === "Enter" ? "\r" : undefined;
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", key, code: key, text, modifiers });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", key, code: key, modifiers });
  }

  async point(x, y) { await this.send("Input.dispatchMouseEvent", { type: "mouseMoved", x, y }); }

  async screenshot(whole = false) {
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: whole });
    return Buffer.from(data, "base64");
  }

  close() { return this.send("Page.close"); }
}
