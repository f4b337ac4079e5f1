#!/usr/bin/env node
// Print the path of a Chromium that tests can drive, unpacking it on first use.
//
// The browser comes from npm (@sparticuz/chromium: a headless shell with the few libraries and the
// font it needs), so that browser tests need neither root nor a download outside the registries.
// It is unpacked once a version into .cache/chromium/<version>/:
//   chromium  lib/  fonts/  fonts.conf
// That package is built for x86-64 only; elsewhere a Chromium on the PATH is used.
import * as fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createBrotliDecompress } from "node:zlib";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const bundle = path.join(root, "node_modules", "@sparticuz", "chromium");
const cache = path.join(root, ".cache", "chromium");

function onPath() {
  for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
      const file = path.join(folder, name);
      try {
        fs.accessSync(file, fs.constants.X_OK);
        return file;
      } catch {
        // Not here: look on.
      }
    }
  }
  return undefined;
}

// Only the font that comes along, so that a page looks the same on every machine.
const FONTS_CONF = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

async function unpack() {
  const { version } = JSON.parse(fs.readFileSync(path.join(bundle, "package.json"), "utf8"));
  const folder = path.join(cache, version);
  const browser = path.join(folder, "chromium");
  if (fs.existsSync(browser)) return browser;

  const tar = createRequire(path.join(bundle, "package.json"))("tar-fs");
  fs.mkdirSync(cache, { recursive: true });
  const draft = fs.mkdtempSync(path.join(cache, "unpacking-"));
  const open = (name) => [
    fs.createReadStream(path.join(bundle, "bin", name)),
    createBrotliDecompress({ chunkSize: 2 ** 20 }),
  ];
  try {
    await Promise.all([
      pipeline(...open("chromium.br"), fs.createWriteStream(path.join(draft, "chromium"), { mode: 0o755 })),
      pipeline(...open("fonts.tar.br"), tar.extract(draft)), // fonts/ and a fonts.conf for another place
      pipeline(...open("swiftshader.tar.br"), tar.extract(draft)), // software GL, beside the binary
      pipeline(...open("al2023.tar.br"), tar.extract(draft)), // lib/
    ]);
    fs.writeFileSync(path.join(draft, "fonts.conf"), FONTS_CONF);
    fs.chmodSync(draft, 0o755); // Readable by whoever runs the tests, not only by who unpacked it.
    // Renamed into place whole, so that two runs at once cannot see half a browser.
    fs.renameSync(draft, folder);
  } catch (error) {
    fs.rmSync(draft, { recursive: true, force: true });
    if (!fs.existsSync(browser)) throw error; // Another run was first: its browser serves.
  }
  return browser;
}

const bundled = process.arch === "x64" && fs.existsSync(path.join(bundle, "bin", "chromium.br"));
const browser = bundled ? await unpack() : onPath();
if (browser === undefined) {
  process.stderr.write("chromium: none found; run `make setup`, or install your distribution's chromium\n");
  process.exit(1);
}
process.stdout.write(`${browser}\n`);
