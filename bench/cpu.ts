/** Includes children. Undefined without Linux's /proc. */
import { readdirSync, readFileSync } from "node:fs";

export function cpuSecondsOf(pids: readonly number[]): (number | undefined)[] {
  return pids.map((pid) => {
    try {
      const family = [pid, ...childrenOf(pid)];
      return family.reduce((sum, member) => sum + ownSeconds(member), ownDeadChildren(pid));
    } catch {
      return undefined;
    }
  });
}

function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => statOf(candidate)?.[1] === String(pid));
}

function ownSeconds(pid: number): number {
  const fields = statOf(pid);
  return fields ? (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND : 0;
}

/** Children that have exited. */
function ownDeadChildren(pid: number): number {
  const fields = statOf(pid);
  return fields ? (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND : 0;
}

/** After the name, which may contain spaces. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

const TICKS_PER_SECOND = 100;
