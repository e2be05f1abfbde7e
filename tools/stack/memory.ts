/** Memory of processes. */
import { readFileSync } from "node:fs";

/** Resident bytes (Linux). @throws if the process does not exist. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

export function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
