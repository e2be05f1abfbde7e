/** This machine's processes, to see what a process tree leaves behind. */
import { spawnSync } from "node:child_process";

export type Running = Readonly<{ pid: number; parent: number; args: string }>;

/** Without zombies, which ended but whose parent has not read their status. */
export function processes(): Running[] {
  const { stdout } = spawnSync("ps", ["-eo", "pid=,ppid=,stat=,args="], { encoding: "utf8" });
  return stdout.split("\n").flatMap((line) => {
    const [, pid, parent, state, args = ""] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return state === undefined || state.startsWith("Z")
      ? []
      : [{ pid: Number(pid), parent: Number(parent), args }];
  });
}

/** A process and its descendants. */
export function treeOf(root: number): Running[] {
  const all = processes();
  const pids = new Set([root]);
  // A child may be listed before its parent.
  for (let size = 0; size < pids.size; ) {
    size = pids.size;
    for (const { pid, parent } of all) if (pids.has(parent)) pids.add(pid);
  }
  return all.filter(({ pid }) => pids.has(pid));
}

export function stillRunning(earlier: readonly Running[]): Running[] {
  const known = new Map(earlier.map(({ pid, args }) => [pid, args]));
  return processes().filter(({ pid, args }) => known.get(pid) === args);
}
