#!/usr/bin/env node
/**
 * Stands in for the native solc binary, which forge wants, with the WebAssembly build that npm delivers.
 *
 * forge only ever asks two things: `--version`, and `--standard-json` with the job on standard input. Everything else
 * is refused aloud, so that a new need of a later forge shows itself here instead of as a strange compiler error.
 */
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const PACKAGE = path.join(__dirname, "node_modules", "solc");

/** The compiler's version with commit, out of the wasm file's neighbour wrapper; costs one load of the module. */
function printVersion() {
  process.stdout.write("solc, the solidity compiler commandline interface\n");
  process.stdout.write(`Version: ${compiler().version()}\n`);
}

/**
 * Loads the compiler with its input moved to the heap.
 *
 * solc-js passes the job as a string argument, which Emscripten copies to the wasm stack: a job of a few megabytes ends
 * in "memory access out of bounds". `_solidity_alloc` reserves heap memory that the compiler itself frees.
 */
function compiler() {
  const wasm = require(path.join(PACKAGE, "soljson.js"));
  const wrap = wasm.cwrap.bind(wasm);
  wasm.cwrap = (name, result, parameters) => {
    if (name !== "solidity_compile" || parameters[0] !== "string") return wrap(name, result, parameters);
    const compile = wrap(name, result, ["number", ...parameters.slice(1)]);
    return (job, ...others) => {
      const size = wasm.lengthBytesUTF8(job) + 1;
      const pointer = wasm._solidity_alloc(size);
      wasm.stringToUTF8(job, pointer, size);
      return compile(pointer, ...others);
    };
  };
  return require(path.join(PACKAGE, "wrapper.js"))(wasm);
}

/** Writes all of a long text: a pipe takes 64 KiB at a time and answers EAGAIN while its reader is busy. */
function writeWhole(text) {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += fs.writeSync(1, bytes, written);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

const flags = process.argv.slice(2);
if (flags.includes("--version")) {
  printVersion();
} else if (flags.includes("--standard-json")) {
  // forge resolves imports itself and puts every source into the job: there is nothing to look up on disk.
  writeWhole(compiler().compile(fs.readFileSync(0, "utf8")));
} else {
  process.stderr.write(`solc.cjs understands --version and --standard-json, not: ${flags.join(" ")}\n`);
  process.exitCode = 1;
}
