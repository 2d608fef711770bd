// Checks what users get: the compiled sources and their types, and nothing that has to be installed beside them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const packed = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json"], { encoding: "utf8" }));
const files = packed[0].files.map(({ path }: { path: string }) => path);
const sources = readdirSync("src").map((name) => name.replace(/\.ts$/, ""));
const expected = sources.flatMap((name) => [`dist/src/${name}.js`, `dist/src/${name}.d.ts`]);
assert.deepEqual(files.sort(), [...expected, "README.md", "package.json"].sort());

const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
assert.deepEqual([dependencies, peerDependencies, optionalDependencies], [undefined, undefined, undefined]);
console.log(`${files.length} files, ${packed[0].size} bytes packed, ${packed[0].unpackedSize} unpacked`);
