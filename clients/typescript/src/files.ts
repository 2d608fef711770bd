import { readFile } from "node:fs/promises";
import { codeOf, VaultError } from "./vault-error.js";

/** A file's text, without surrounding whitespace. Throws a VaultError that names the file. */
export async function readText(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (err) {
    throw unreadable(path, err);
  }
}

export function unreadable(path: string, err: unknown): VaultError {
  const code = codeOf(err);
  return new VaultError(`could not read ${path} (${code}): is it there, and may this process read it?`, { code });
}
